"""The surface of `wallaroo.auth`, served by the daemon: same names, same signatures, none of its faults.

`create()` gives an object for the `auth` of httpx calls. It asks the daemon for its token, so that all processes of a
user share one login and one refresh. Only `none`, `test_auth` and `token` need no daemon.
"""

from __future__ import annotations

import enum
from _thread import allocate_lock
from typing import TYPE_CHECKING, NamedTuple

from . import errors

if TYPE_CHECKING:
    import datetime
    from typing import Any

    from ._fetchers import TokenFetcher
    from ._platform import Auth, NoAuth, PlatformAuth

__all__ = [
    "AuthType",
    "TokenData",
    "create",
    "logout",
    "AuthError",
    "TokenFetchError",
    "TokenRefreshError",
    "NoAuth",
    "PlatformAuth",
    "TokenFetcher",
    "AUTH_PATH",
    "USER_VAR",
    "PASSWORD_VAR",
    "KEYCLOAK_CLIENT_NAME",
    "KEYCLOAK_REALM",
]

AUTH_PATH = "WALLAROO_SDK_CREDENTIALS"
USER_VAR = "WALLAROO_USER"
PASSWORD_VAR = "WALLAROO_PASSWORD"  # noqa: S105 (the name of a variable)
KEYCLOAK_CLIENT_NAME = "sdk-client"
KEYCLOAK_REALM = "master"

#: There because the SDK has one. Nothing here takes it: a fork while it was held would hang the child.
lock = allocate_lock()


class AuthType(enum.Enum):
    """How a program authenticates."""

    NONE = "none"
    SSO = "sso"
    USER_PASSWORD = "user_password"  # noqa: S105 (a type, no password)
    TEST_AUTH = "test_auth"
    TOKEN = "token"  # noqa: S105 (a type, no token)
    ORCH = "orch"


class TokenData(NamedTuple):
    """What a fetch gives."""

    token: str
    user_email: str
    user_id: str

    def __repr__(self) -> str:
        return f"TokenData(token=REDACTED, user_email={self.user_email!r}, user_id={self.user_id!r})"

    def to_dict(self) -> dict[str, str]:
        """The same as a dictionary."""
        return self._asdict()


def create(keycloak_addr: str, auth_type: AuthType | str | None) -> Auth:
    """An auth object for calls to the platform behind `keycloak_addr`.

    A person has to log in where `sso` has no session: link and code are shown, and the call waits. Another type than
    those of `AuthType` is an error that is both a `NotImplementedError` and a `ValueError`.
    """
    from . import _create

    made: Auth = _create.create(keycloak_addr, auth_type, _create.ours())
    return made


def logout() -> None:
    """Forgets the sessions that `create()` uses, here and in other processes. Nothing is revoked.

    Objects already made keep what they hold; profiles of other programs stay.
    """
    from . import _create

    _create.logout(_create.ours())


class AuthError(errors.AuthError):
    """The base of this module's errors. `code` is an HTTP status, or the protocol's word where the daemon said no."""

    def __init__(self, message: str, code: int | str | None = None) -> None:
        super().__init__(f"[HTTP {code}] {message}" if code and isinstance(code, int) else message)
        self.code = code  # type: ignore[assignment]  # a status, where the SDK has one


class TokenFetchError(AuthError):
    """There is no token, and a login gave none."""


class TokenRefreshError(AuthError):
    """There was a token, and no newer one can be had."""


class UnsupportedAuthType(NotImplementedError, ValueError):
    """No type of `AuthType`: the SDK raises the one error and documents the other."""


class _AccessToken(NamedTuple):
    """A token as the SDK sees it. Times are local and naive; the refresh token is the daemon's alone."""

    token: str
    expiry: datetime.datetime
    refresh_token: str
    refresh_token_expiry: datetime.datetime
    user_id: str
    user_email: str

    def __repr__(self) -> str:
        return f"_AccessToken(token=REDACTED, expiry={self.expiry!r}, user_email={self.user_email!r})"

    def ToDict(self) -> dict[str, Any]:  # noqa: N802 (the SDK's name)
        return {
            "access_token": self.token,
            "expiry": self.expiry.timestamp(),
            "refresh_token": self.refresh_token,
            "refresh_token_expiry": self.refresh_token_expiry.timestamp(),
            "user_id": self.user_id,
            "user_email": self.user_email,
        }

    @classmethod
    def FromDict(cls, d: dict[str, Any]) -> _AccessToken:  # noqa: N802 (the SDK's name)
        import datetime

        return cls(
            token=d["access_token"],
            expiry=datetime.datetime.fromtimestamp(d["expiry"]),
            refresh_token=d["refresh_token"],
            refresh_token_expiry=datetime.datetime.fromtimestamp(d["refresh_token_expiry"]),
            user_id=d["user_id"],
            user_email=d["user_email"],
        )


#: What is made with httpx, where that is installed, and so only when it is asked for; and the SDK's private names.
_LATER = {
    "NoAuth": ("_platform", "NoAuth"),
    "PlatformAuth": ("_platform", "PlatformAuth"),
    "TokenFetcher": ("_fetchers", "TokenFetcher"),
    "_WallarooAuth": ("_platform", "Auth"),
    "_NoAuth": ("_platform", "NoAuth"),
    "_PlatformAuth": ("_platform", "PlatformAuth"),
    "_TestAuth": ("_platform", "TestAuth"),
    "_TokenFetcher": ("_fetchers", "TokenFetcher"),
}


def __getattr__(name: str) -> Any:
    try:
        module, attribute = _LATER[name]
    except KeyError:
        raise AttributeError(f"module `{__name__}` has no attribute `{name}`") from None
    from importlib import import_module

    found = getattr(import_module(f"bearerd.{module}"), attribute)
    globals()[name] = found
    return found
