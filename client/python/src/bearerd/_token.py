"""What the daemon's answers look like to a program: a token, and how a login is doing."""

from __future__ import annotations

from ._clock import boot_time
from .errors import ProtocolError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any


class _Answer:
    """An immutable view of one JSON object; equal where the objects are."""

    __slots__ = ("_answer",)
    _answer: Mapping[str, Any]
    _fields: tuple[str, ...] = ()

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return bool(self._answer == other._answer)

    def __hash__(self) -> int:
        values = (self._answer.get(name) for name in self._fields)
        # A list, such as the rows of a QR code, has no hash of its own.
        return hash(tuple(tuple(value) if isinstance(value, list) else value for value in values))

    def __repr__(self) -> str:
        shown = (f"{name}={self._shown(name)}" for name in self._fields if name in self._answer)
        return f"{type(self).__name__}({', '.join(shown)})"

    def _shown(self, name: str) -> str:
        return repr(self._answer[name])

    def to_dict(self) -> dict[str, Any]:
        """The daemon's answer as it came, the token in it included."""
        return dict(self._answer)


class Token(_Answer):
    """An access token and what is known of it. Its `repr` does not show it.

    The times `…_at` are Unix seconds, for people. The times `…_in` are whole seconds from now, also when the token has
    been held for a while. All four are None where a token has no known end.
    """

    __slots__ = ("_asked",)
    _asked: float
    _fields = (
        "token",
        "token_type",
        "expires_at",
        "expires_in",
        "refresh_at",
        "refresh_in",
        "profile",
        "scope",
        "user_id",
        "user_email",
        "degraded",
    )

    def __init__(
        self,
        token: str | None,
        token_type: str = "Bearer",  # noqa: S107 (a type, no password)
        *,
        profile: str,
        expires_at: int | None = None,
        expires_in: int | None = None,
        refresh_at: int | None = None,
        refresh_in: int | None = None,
        scope: str | None = None,
        user_id: str | None = None,
        user_email: str | None = None,
        degraded: bool = False,
    ) -> None:
        given = {
            "token": token,
            "token_type": token_type,
            "expires_at": expires_at,
            "expires_in": expires_in,
            "refresh_at": refresh_at,
            "refresh_in": refresh_in,
            "profile": profile,
            "scope": scope,
            "user_id": user_id,
            "user_email": user_email,
            "degraded": degraded,
        }
        self._answer = {name: value for name, value in given.items() if value is not None}
        self._asked = boot_time()

    @classmethod
    def _of(cls, answer: Mapping[str, Any], asked: float | None = None) -> Token:
        made = object.__new__(cls)
        made._answer = answer
        made._asked = boot_time() if asked is None else asked
        return made

    @property
    def token(self) -> str | None:
        """The access token; None where `token_type` is `none`."""
        return self._answer.get("token")

    @property
    def token_type(self) -> str:
        """`Bearer`, or `none` for a profile that sends no header."""
        return str(self._answer["token_type"])

    @property
    def expires_at(self) -> int | None:
        """When it expires: Unix seconds."""
        return self._answer.get("expires_at")

    @property
    def expires_in(self) -> int | None:
        """Seconds from now until it expires."""
        return self._left("expires_in")

    @property
    def refresh_at(self) -> int | None:
        """When the daemon means to renew it: Unix seconds."""
        return self._answer.get("refresh_at")

    @property
    def refresh_in(self) -> int | None:
        """Seconds from now until the daemon means to renew it."""
        return self._left("refresh_in")

    @property
    def profile(self) -> str:
        """The profile that it belongs to."""
        return str(self._answer["profile"])

    @property
    def scope(self) -> str | None:
        """Scopes granted, separated by spaces, where the identity provider said so."""
        return self._answer.get("scope")

    @property
    def user_id(self) -> str | None:
        """The claim `sub`."""
        return self._answer.get("user_id")

    @property
    def user_email(self) -> str | None:
        """The claim `email`."""
        return self._answer.get("user_email")

    @property
    def degraded(self) -> bool:
        """The last attempt to renew it failed, the session is over, or a wish went unmet; it is valid all the same."""
        return bool(self._answer.get("degraded", False))

    def header(self) -> dict[str, str]:
        """The header to send it with; empty for a profile that sends none."""
        kind, token = self._answer.get("token_type"), self._answer.get("token")
        if kind == "Bearer" and token is not None:
            return {"Authorization": f"Bearer {token}"}
        if kind == "none":
            return {}
        raise ProtocolError(f"tokens of type `{kind}` can't be sent by this version of the package: update it")

    def to_dict(self) -> dict[str, Any]:
        """What is known of it by the names of the protocol, the token included."""
        answer = dict(self._answer)
        for name in ("expires_in", "refresh_in"):
            if name in answer:
                answer[name] = self._left(name)
        return answer

    def __reduce__(self) -> tuple[Any, ...]:
        # What reads it may run on another machine, whose clock has nothing to do with ours.
        return (type(self)._of, (self.to_dict(),))

    def _left(self, name: str) -> int | None:
        seconds = self._answer.get(name)
        return None if seconds is None else max(0, seconds - int(boot_time() - self._asked))

    def _shown(self, name: str) -> str:
        if name == "token":
            return "REDACTED"
        return repr(self._left(name)) if name in ("expires_in", "refresh_in") else super()._shown(name)


class LoginState(_Answer):
    """How a login is doing: `pending` while a person has something to do, then `done`."""

    __slots__ = ()
    _fields = (
        "state",
        "login_id",
        "profile",
        "verification_uri",
        "verification_uri_complete",
        "user_code",
        "qr_code",
        "authorization_url",
        "expires_at",
        "expires_in",
        "user_id",
        "user_email",
    )

    @classmethod
    def _of(cls, answer: Mapping[str, Any]) -> LoginState:
        made = object.__new__(cls)
        made._answer = answer
        return made

    def __reduce__(self) -> tuple[Any, ...]:
        return (type(self)._of, (dict(self._answer),))

    @property
    def state(self) -> str:
        """`pending` or `done`; all other outcomes are errors."""
        return str(self._answer["state"])

    @property
    def done(self) -> bool:
        """Whether the session is there."""
        return self.state == "done"

    @property
    def login_id(self) -> str | None:
        """For `follow_login` and `cancel_login`; of a pending one."""
        return self._answer.get("login_id")

    @property
    def profile(self) -> str | None:
        """The profile that logs in; of a pending one."""
        return self._answer.get("profile")

    @property
    def verification_uri(self) -> str | None:
        """The page where the code is typed."""
        return self._answer.get("verification_uri")

    @property
    def verification_uri_complete(self) -> str | None:
        """The same page with the code in it, for a link or a QR code; some providers give none."""
        return self._answer.get("verification_uri_complete")

    @property
    def user_code(self) -> str | None:
        """The code to type there."""
        return self._answer.get("user_code")

    @property
    def qr_code(self) -> list[str] | None:
        """The link as a QR code: its rows, `1` a dark module and `0` a light one, without the light border."""
        return self._answer.get("qr_code")

    @property
    def authorization_url(self) -> str | None:
        """The page to open, where the flow is not that of a device."""
        return self._answer.get("authorization_url")

    @property
    def expires_at(self) -> int | None:
        """When the code's time runs out: Unix seconds."""
        return self._answer.get("expires_at")

    @property
    def expires_in(self) -> int | None:
        """Seconds from the answer until then."""
        return self._answer.get("expires_in")

    @property
    def user_id(self) -> str | None:
        """The claim `sub` of who is logged in."""
        return self._answer.get("user_id")

    @property
    def user_email(self) -> str | None:
        """The claim `email` of who is logged in."""
        return self._answer.get("user_email")
