"""`create()` and `logout()`, for this package's own classes and for those over the SDK's."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, NamedTuple

from . import _profiles, errors
from ._client import Client
from ._fetchers import DaemonFetcher, FileFetcher, credentials, like
from .auth import AUTH_PATH, USER_VAR, AuthType, UnsupportedAuthType

if TYPE_CHECKING:
    from collections.abc import Callable


class Kinds(NamedTuple):
    """What is made: a program that knows the SDK's classes gets objects of them."""

    no_auth: Callable[[], Any]
    test_auth: Callable[[], Any]
    platform_auth: Callable[[Any], Any]
    access_token: Callable[..., Any]
    fetch_error: Any
    refresh_error: Any


def ours() -> Kinds:
    """The classes of `bearerd.auth`."""
    from . import _platform, auth

    return Kinds(
        _platform.NoAuth,
        _platform.TestAuth,
        _platform.PlatformAuth,
        auth._AccessToken,
        auth.TokenFetchError,
        auth.TokenRefreshError,
    )


def create(keycloak_addr: str, auth_type: Any, kinds: Kinds) -> Any:
    """As `bearerd.auth.create`."""
    kind = chosen(auth_type)
    if kind is AuthType.NONE:
        return kinds.no_auth()
    if kind is AuthType.TEST_AUTH:
        return kinds.test_auth()
    if kind is AuthType.TOKEN:
        return kinds.platform_auth(FileFetcher(kinds))
    user = password = file = None
    if kind is AuthType.USER_PASSWORD:
        user, password, file = credentials(kinds)
    place = _profiles.Place(keycloak_addr, kind, user, file)
    fetcher = DaemonFetcher(kinds, place, Client())
    fetcher.use(password)
    _USED.add(fetcher.profile)
    if kind is not AuthType.ORCH:
        # As in the SDK, a person who has to log in is asked now, and not in the middle of the work.
        fetcher.current()
    return kinds.platform_auth(fetcher)


def chosen(auth_type: Any) -> AuthType:
    """Which type is meant. A name is taken as it is; anything else gives way to credentials in the environment."""
    if isinstance(auth_type, str):
        try:
            return AuthType(auth_type.lower())
        except ValueError:
            raise _unsupported(auth_type) from None
    value = getattr(auth_type, "value", auth_type)
    try:
        # The SDK's enum is another class with the same values.
        kind = AuthType.NONE if value is None else AuthType(value)
    except ValueError:
        raise _unsupported(auth_type) from None
    file, user = os.environ.get(AUTH_PATH), os.environ.get(USER_VAR)
    if kind is AuthType.TOKEN and file:
        # The variable names the token's own file, which the SDK takes for one with a password.
        return kind
    return AuthType.USER_PASSWORD if file or user else kind


def logout(kinds: Kinds) -> None:
    """As `bearerd.auth.logout`."""
    client = Client()
    try:
        profiles = client.profiles()["profiles"]
        there = {profile["profile"] for profile in profiles}
        for name in {*_profiles.added_here(profiles), *(_USED & there)}:
            client.logout(name, revoke=False)
    except errors.DaemonUnreachable:
        # Nobody has anything to forget.
        return
    except errors.AuthError as error:
        raise like(error, kinds.fetch_error) from error


def _unsupported(auth_type: Any) -> UnsupportedAuthType:
    known = ", ".join(kind.value for kind in AuthType)
    return UnsupportedAuthType(f"Unsupported auth type: {auth_type}; there are {known}")


_USED: set[str] = set()
"""The profiles that this process has been given: a person's own one is forgotten only by who has used it."""
