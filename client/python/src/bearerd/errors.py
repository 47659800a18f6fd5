"""What a call can fail with: one class for each code of the protocol, all under `AuthError`."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

__all__ = [
    "AuthError",
    "LoginRequired",
    "LoginPending",
    "LoginExpired",
    "LoginDenied",
    "Locked",
    "IdpUnreachable",
    "IdpRejected",
    "MinTtlUnmet",
    "Misconfigured",
    "StateUnreadable",
    "BadRequest",
    "NotFound",
    "UnknownProfile",
    "Forbidden",
    "Overloaded",
    "ShuttingDown",
    "Internal",
    "DaemonUnreachable",
    "ForeignListener",
    "ProtocolError",
    "from_answer",
]


class AuthError(Exception):
    """No token, or another wish of a caller unmet. Its text never holds a token.

    `code` is what a program decides by: one of the protocol's, or None where no daemon answered. `hint` is the
    command that starts a login, or the link of the one under way, where a person has to log in. `retry_after` is
    there, in seconds, where asking again makes sense. `profile` is there where the error is about one.
    """

    _code: str | None = None

    def __init__(
        self,
        message: str,
        code: str | None = None,
        *,
        hint: str | None = None,
        retry_after: int | None = None,
        profile: str | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = self._code if code is None else code
        self.hint = hint
        self.retry_after = retry_after
        self.profile = profile

    def __reduce__(self) -> tuple[Any, ...]:
        # `Exception` would hand on the message alone, and drop what a worker's parent decides by.
        return (type(self), (self.message,), self.__dict__.copy())


class LoginRequired(AuthError):
    """There is no session: a person logs in, as `hint` says."""

    _code = "login-required"


class LoginPending(AuthError):
    """There is no session yet: a person finishes the login at the link in `hint`."""

    _code = "login-pending"


class LoginExpired(AuthError):
    """The login was not finished in time: a person starts another."""

    _code = "login-expired"


class LoginDenied(AuthError):
    """The person or the identity provider said no, or the login was cancelled."""

    _code = "login-denied"


class Locked(AuthError):
    """The daemon hands out no tokens until a person unlocks it."""

    _code = "locked"


class IdpUnreachable(AuthError):
    """The identity provider gives no answer: the daemon tries on, ask again after `retry_after`."""

    _code = "idp-unreachable"


class IdpRejected(AuthError):
    """The identity provider's answer can't be used, or it gives no newer token."""

    _code = "idp-rejected"


class MinTtlUnmet(AuthError):
    """No token that lives as long as `min_ttl` can be had, and `strict` asked for one."""

    _code = "min-ttl-unmet"


class Misconfigured(AuthError):
    """The profile has to be mended: the message says what and where."""

    _code = "misconfigured"


class StateUnreadable(AuthError):
    """The saved session can't be opened: bring its key back, or log in anew."""

    _code = "state-unreadable"


class BadRequest(AuthError):
    """The request is no good as it stands."""

    _code = "bad-request"


class NotFound(AuthError):
    """No such login, or an older daemon that does not know what was asked for."""

    _code = "not-found"


class UnknownProfile(AuthError):
    """There is no profile of that name."""

    _code = "unknown-profile"


class Forbidden(AuthError):
    """The daemon serves its own user's processes alone, and no browser."""

    _code = "forbidden"


class Overloaded(AuthError):
    """The daemon has too much to do: ask again after `retry_after`."""

    _code = "overloaded"


class ShuttingDown(AuthError):
    """The daemon is going down, and no other came in time."""

    _code = "shutting-down"


class Internal(AuthError):
    """The daemon failed at its own work: its log says more."""

    _code = "internal"


class DaemonUnreachable(AuthError):
    """No daemon answers: none runs, it is reached at another socket, or it gave no answer in time."""


class ForeignListener(AuthError):
    """Another user listens at the socket: no password and no refresh token was sent there."""


class ProtocolError(AuthError):
    """What answers there is not bearerd, or too new for this client."""


_BY_CODE: dict[str | None, type[AuthError]] = {
    error._code: error for error in AuthError.__subclasses__() if error._code is not None
}


def from_answer(answer: Mapping[str, Any]) -> AuthError:
    """The error that a daemon's answer describes; a code of a newer daemon is an `AuthError`."""
    code = str(answer["code"])
    error = _BY_CODE.get(code, AuthError)
    return error(
        str(answer["message"]),
        code,
        hint=answer.get("login_hint"),
        retry_after=answer.get("retry_after"),
        profile=answer.get("profile"),
    )
