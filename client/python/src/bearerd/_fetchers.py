"""Where an auth object's token comes from: the daemon, or a file of the platform's."""

from __future__ import annotations

import abc
import datetime
import json
import os
from typing import TYPE_CHECKING, Any, NamedTuple

from . import _login, _profiles, errors
from ._clock import boot_time
from .auth import AUTH_PATH, PASSWORD_VAR, USER_VAR, AuthType

if TYPE_CHECKING:
    from ._client import Client
    from ._create import Kinds
    from ._profiles import Place
    from ._token import Token


class TokenFetcher(abc.ABC):
    """Knows how to obtain a token from one provider."""

    @abc.abstractmethod
    def Fetch(self) -> Any:  # noqa: N802 (the SDK's name)
        """The current token; a person logs in where there is none. Raises `TokenFetchError`."""

    @abc.abstractmethod
    def Refresh(self, access_token: Any) -> Any:  # noqa: N802 (the SDK's name)
        """That token while it is valid, else a newer one. Raises `TokenRefreshError`."""

    def Reset(self) -> None:  # noqa: B027, N802 (the SDK's name, and nothing to do by default)
        """Forgets what may be wrong, before another attempt."""


class Identity(NamedTuple):
    """A token with its user: what an auth object gives to its callers."""

    token: str
    user_id: str | None
    user_email: str | None
    #: Seconds on the boot-time clock; None where the token has no known end.
    until: float | None
    #: On the same clock: before it nobody has to be asked.
    ask_at: float = 0.0

    def __repr__(self) -> str:
        return f"Identity(token=REDACTED, user_id={self.user_id!r}, user_email={self.user_email!r})"


class Served(TokenFetcher):
    """What our fetchers share. No lock is held anywhere: a fork finds none taken."""

    def __init__(self, kinds: Kinds) -> None:
        self.kinds = kinds

    @abc.abstractmethod
    def current(self, fresh: bool = False) -> Identity:
        """A valid token; `fresh`: one with most of its life before it, where that can be had."""

    @abc.abstractmethod
    def instead_of(self, rejected: str) -> Identity | None:
        """The token to send after a 401; None where there is no other."""

    @abc.abstractmethod
    def in_hand(self) -> Identity | None:
        """The token, where nobody has to be asked for it; an event loop must not wait for more."""

    def Fetch(self) -> Any:  # noqa: N802
        """The current token, a login included where one is needed."""
        return self._as_access_token(self.current())

    def Refresh(self, access_token: Any) -> Any:  # noqa: N802
        """The same while it is valid; a token that says it has expired asks for a fresh one."""
        if access_token.expiry > datetime.datetime.now():
            return access_token
        return self._as_access_token(self.current(fresh=True))

    def _as_access_token(self, identity: Identity) -> Any:
        left = _RAW_SECONDS if identity.until is None else identity.until - boot_time()
        expiry = datetime.datetime.now() + datetime.timedelta(seconds=left)
        # `unknown` is the SDK's own word for a refresh token that it does not have.
        return self.kinds.access_token(
            token=identity.token,
            expiry=expiry,
            refresh_token="unknown",  # noqa: S106 (says that there is none)
            refresh_token_expiry=expiry,
            user_id=identity.user_id,
            user_email=identity.user_email,
        )


class DaemonFetcher(Served):
    """Asks the daemon, which refreshes ahead and once for all processes."""

    def __init__(self, kinds: Kinds, place: Place, client: Client) -> None:
        super().__init__(kinds)
        self.place = place
        self.client = client
        self.profile = ""
        self._password: str | None = None
        self._held: Identity | None = None

    def __repr__(self) -> str:
        return f"{type(self).__name__}(profile={self.profile!r})"

    def __getstate__(self) -> dict[str, Any]:
        # Neither password nor token goes to another process, or into a file on the way there.
        return {**self.__dict__, "_password": None, "_held": None}

    def use(self, password: str | None = None) -> None:
        """Finds the profile that is meant, or adds it. The password is kept in memory alone."""
        self._password = password
        try:
            self._find_profile()
        except errors.AuthError as error:
            raise self._failed(error) from error

    def current(self, fresh: bool = False) -> Identity:
        """The daemon's token. The last one, while valid, serves where there is no session any more, or no daemon.

        So `logout()` leaves an object what it holds.
        """
        try:
            try:
                return self._ask(fresh)
            except errors.UnknownProfile:
                # Removed behind our back: it is added again.
                self._find_profile()
                return self._ask(fresh)
        except (errors.BadRequest, errors.Forbidden, errors.Locked) as error:
            raise self._failed(error) from error
        except errors.AuthError as error:
            held = self._held
            if held is not None and (held.until is None or held.until > boot_time()):
                return held
            if not isinstance(error, (errors.LoginRequired, errors.LoginPending)):
                raise self._failed(error) from error
        try:
            self._log_in()
            return self._ask(fresh=False)
        except errors.AuthError as error:
            raise like(error, self.kinds.fetch_error) from error

    def instead_of(self, rejected: str) -> Identity | None:
        """What the daemon gives in its place."""
        try:
            newer = self._taken(self.client.reject(rejected, profile=self.profile))
        except errors.AuthError:
            # The 401 says it all: whoever sent the request gets that.
            return None
        return newer if newer.token != rejected else None

    def in_hand(self) -> Identity | None:
        """The last token, until it is time to ask for the next."""
        held = self._held
        return held if held is not None and held.ask_at > boot_time() else None

    def Reset(self) -> None:  # noqa: N802
        """Lets go of the token at hand."""
        self._held = None

    def _ask(self, fresh: bool) -> Identity:
        token = self.client.token(profile=self.profile)
        left, until_renewal = token.expires_in, token.refresh_in
        if fresh and left is not None and until_renewal is not None:
            # It is renewed at half its life, so that is how long it lives; three quarters of that can be had.
            most = 2 * (left - until_renewal) * 3 // 4
            if left < most:
                token = self.client.token(profile=self.profile, min_ttl=most)
        return self._taken(token)

    def _taken(self, token: Token) -> Identity:
        if token.token is None:
            raise errors.ProtocolError(f"profile `{token.profile}` gives no token")
        email = token.user_email
        if email is None and self.place.auth_type is AuthType.USER_PASSWORD:
            email = "admin@keycloak"
        # As it was answered, from when it was asked for: what is left by now counts from now.
        answer, asked = token._answer, token._asked
        left = answer.get("expires_in")
        until = None if left is None else asked + left
        ask_at = asked + answer.get("refresh_in", 0)
        held = self._held = Identity(token.token, token.user_id, email, until, ask_at)
        return held

    def _find_profile(self) -> None:
        found = _profiles.found(self.place, self.client.profiles())
        if found is None:
            found = self.client.put_profile(self.place.name(), self.place.settings())
        self.profile = found["profile"]

    def _log_in(self) -> None:
        place = self.place
        if place.auth_type is AuthType.ORCH:
            self._import_token()
        elif place.auth_type is AuthType.SSO:
            link = lambda url: _profiles.shown_link(url, place.address)  # noqa: E731
            _login.log_in(self.client, self.profile, link=link)
        else:
            self.client.login(self.profile, username=place.user, password=self._password_at_hand())

    def _password_at_hand(self) -> str:
        """The one of the start; in another process, to which it did not go along, that of its environment."""
        if self._password is None:
            user, password, _ = credentials(self.kinds)
            if user != self.place.user:
                raise errors.LoginRequired(
                    f"this process's environment has no password of `{self.place.user}`", profile=self.profile
                )
            self._password = password
        return self._password

    def _import_token(self) -> None:
        """Hands the offline token of the SDK's cache file to the daemon, which alone uses it from then on."""
        path = sdk_cache_file()
        try:
            with open(path, encoding="utf-8") as file:
                refresh_token = str(json.load(file)["refresh_token"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            message = f"`{path}` holds no offline token for an orchestration: {_why(error)}"
            raise errors.LoginRequired(message, profile=self.profile) from None
        try:
            self.client.import_token(refresh_token, profile=self.profile)
        except errors.LoginDenied:
            # Another process has handed it over meanwhile, or it is of no use: the next read tells.
            pass

    def _failed(self, error: errors.AuthError) -> Exception:
        refused = self._held is not None and not isinstance(error, _OF_LOGINS)
        kind = self.kinds.refresh_error if refused else self.kinds.fetch_error
        return like(error, kind)


class FileFetcher(Served):
    """A token in a file that the platform has put there; it is read again when it has changed."""

    def __init__(self, kinds: Kinds) -> None:
        super().__init__(kinds)
        path = os.environ.get(AUTH_PATH)
        if not path:
            raise kinds.fetch_error("Passed token auth, but no token provided.")
        if not os.path.exists(path):
            raise kinds.fetch_error("Token file provided, but file does not exist.")
        self.path = path
        self._seen: tuple[Any, Identity] | None = None
        self.current()

    def __repr__(self) -> str:
        return f"{type(self).__name__}(path={self.path!r})"

    def __getstate__(self) -> dict[str, Any]:
        # The file is read where the object comes to.
        return {**self.__dict__, "_seen": None}

    def current(self, fresh: bool = False) -> Identity:  # noqa: ARG002 (a file has one token)
        """The file's token; the last one while the file can't be read."""
        seen = self._seen
        try:
            status = os.stat(self.path)
            version = (status.st_ino, status.st_mtime_ns, status.st_size)
            if seen is None or seen[0] != version:
                seen = self._seen = (version, self._read())
        except (OSError, ValueError) as error:
            if seen is None:
                message = f"failed to read the token file `{self.path}`: {_why(error)}"
                raise self.kinds.fetch_error(message) from None
        return seen[1]

    def instead_of(self, rejected: str) -> Identity | None:
        """The file's token, where it is another one by now."""
        current = self.current()
        return current if current.token != rejected else None

    def in_hand(self) -> Identity | None:
        """A file is looked at in no time."""
        return self.current()

    def _read(self) -> Identity:
        with open(self.path, encoding="utf-8") as file:
            data = json.load(file)
        for field, called in _TOKEN_FIELDS.items():
            if not isinstance(data, dict) or not isinstance(data.get(field), str):
                raise ValueError(f"{called} property field not in json.")  # noqa: TRY004 (a bad file)
        return Identity(data["token"], data["user_id"], data["user_email"], None)


def credentials(kinds: Kinds) -> tuple[str, str, str | None]:
    """Name and password by the environment, and the file that they come from, if any."""
    user = os.environ.get(USER_VAR)
    if user:
        password = os.environ.get(PASSWORD_VAR)
        if password is None:
            raise kinds.fetch_error(f"${USER_VAR} is set, and ${PASSWORD_VAR} is not")
        return user, password, None
    path = os.environ.get(AUTH_PATH)
    if not path:
        raise kinds.fetch_error(f"${AUTH_PATH} is not set")
    if not os.path.isfile(path):
        raise kinds.fetch_error(f"{AUTH_PATH} does not point to a file")
    try:
        with open(path, encoding="utf-8") as file:
            data = json.load(file)
        return str(data["username"]), str(data["password"]), os.path.abspath(path)
    except (OSError, ValueError, KeyError, TypeError) as error:
        message = f"`{path}` holds no `username` and `password`: {_why(error)}"
        raise kinds.fetch_error(message) from None


def sdk_cache_file() -> str:
    """The SDK's own cache file: read for `orch`, never written."""
    cache = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return os.path.join(cache, "wallaroo_sdk", "auth", "keycloak.json")


def like(error: errors.AuthError, kind: Any) -> Exception:
    """The same error as one of `kind`, which programs written for `wallaroo.auth` catch."""
    made = kind(str(error))
    for name in ("code", "hint", "retry_after", "profile"):
        setattr(made, name, getattr(error, name))
    return made  # type: ignore[no-any-return]


def _why(error: Exception) -> str:
    """What went wrong, without a word of the file: its parser quotes what it could not read."""
    if isinstance(error, OSError):
        return error.strerror or type(error).__name__
    if isinstance(error, (json.JSONDecodeError, UnicodeDecodeError)):
        return "it is no JSON"
    if isinstance(error, KeyError):
        return f"it has no {error}"
    return str(error) if type(error) is ValueError else "it is no object"


_RAW_SECONDS = 300.0
"""What the SDK takes a token without a known end to live for."""
_OF_LOGINS = (
    errors.LoginRequired,
    errors.LoginPending,
    errors.LoginExpired,
    errors.LoginDenied,
)
_TOKEN_FIELDS = {"token": "Token", "user_email": "User email", "user_id": "User id"}
