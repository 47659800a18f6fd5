"""What each route is asked, and the rule by which a request is tried again. No I/O."""

from __future__ import annotations

from ._clock import boot_time
from ._http import MalformedError, get, json_object, percent_encoded, with_body, without_body
from .errors import (
    AuthError,
    DaemonUnreachable,
    Overloaded,
    ProtocolError,
    ShuttingDown,
    from_answer,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from ._connection import Connection
    from ._held import Holder
    from ._http import Reader

    Begun = tuple[Connection, float, bytes | None]
    """A request that was sent: over which connection, when, and what came first; None where nothing came in time."""

SEE_ITS_LOG = "see its log (`journalctl --user -u bearerd`; of one by autostart, `bearerd.log` in the state folder)"
"""What to do where a daemon is there and gives no answer."""

PATIENCE = 12.0
"""Seconds for which a request is tried on new connections: rule 6 of the protocol."""
ANSWER_SECONDS = 15.0
"""The daemon answers within its patience of 12 s; a quarter more for the way."""
IMPATIENT_SECONDS = 3.0
"""The same, where a valid token is in hand: the daemon gives such an answer at once, and after 1 s with a wish."""
FIRST_PAUSE = 0.01
"""Seconds. Long enough for a daemon that restarts to get on, short enough not to be felt."""
LONGEST_PAUSE = 0.2
"""Seconds, between the attempts of a longer outage."""
IDLE_MAX = 8
"""As many threads as ask at once without opening new connections."""
LONG_POLL_MAX = 60.0
"""Seconds; the daemon takes a longer wait as this one."""
SILENCE_MAX = 60.0
"""Seconds; the daemon sends a comment every 15 s where there is no event to tell."""


class Call:
    """One request, ready to be sent and sent again."""

    __slots__ = ("once", "request", "secret", "wait")

    def __init__(self, request: bytes, *, wait: float = 0.0, secret: bool = False, once: bool = False) -> None:
        self.request = request
        self.wait = wait
        """Seconds for which the daemon may hold the answer back."""
        self.secret = secret
        """It goes to nobody but our own daemon."""
        self.once = once
        """Its content may be used up once it is sent: it is not sent again."""


def reject(token: str, profile: str | None) -> Call:
    return Call(with_body("POST", "/v1/token/reject", {"profile": profile, "token": token}))


def login(
    profile: str | None,
    username: str | None,
    password: str | None,
    replace: bool,
    lifetime: float | None,
) -> Call:
    body = {
        "profile": profile,
        "username": username,
        "password": password,
        "replace": replace or None,
        "lifetime": None if lifetime is None else int(lifetime),
    }
    return Call(with_body("POST", "/v1/login", body), secret=password is not None)


def login_state(login_id: str, wait: float) -> Call:
    seconds = int(max(0.0, min(wait, LONG_POLL_MAX)))
    return Call(get(f"/v1/login/{percent_encoded(login_id)}?wait={seconds}"), wait=seconds)


def cancel_login(login_id: str) -> Call:
    return Call(without_body("DELETE", f"/v1/login/{percent_encoded(login_id)}"))


def logout(profile: str | None, revoke: bool) -> Call:
    body = {"profile": profile, "revoke": None if revoke else False}
    return Call(with_body("POST", "/v1/logout", body))


def import_token(refresh_token: str, profile: str | None, replace: bool) -> Call:
    body = {"profile": profile, "refresh_token": refresh_token, "replace": replace or None}
    return Call(with_body("POST", "/v1/import", body), secret=True, once=True)


def put_profile(name: str, settings: Mapping[str, Any]) -> Call:
    return Call(with_body("PUT", f"/v1/profiles/{percent_encoded(name)}", settings))


def delete_profile(name: str) -> Call:
    return Call(without_body("DELETE", f"/v1/profiles/{percent_encoded(name)}"))


PROFILES = Call(get("/v1/profiles"))
STATUS = Call(get("/v1/status"))
HEALTH = Call(get("/v1/health"))
EVENTS = Call(get("/v1/events"))


def default_profile(profiles: Mapping[str, Any]) -> str:
    """The profile that is meant where none is named: the default, or the only one."""
    default = profiles.get("default_profile")
    if default is not None:
        return str(default)
    names = [str(info["profile"]) for info in profiles["profiles"]]
    if len(names) == 1:
        return names[0]
    from .errors import BadRequest

    listed = ", ".join(f"`{name}`" for name in names)
    nothing = "no profile is configured: `bearerctl profile add NAME` makes one"
    raise BadRequest(f"name one of the profiles: {listed}" if names else nothing)


class Trouble(Exception):
    """Why an attempt gave no answer: `error` is for the caller, `again` the shortest pause before the next one.

    It may have been carried out where it was `sent`.
    """

    def __init__(self, error: AuthError, again: float | None = None, *, sent: bool = False) -> None:
        super().__init__()
        self.error = error
        self.again = again
        self.sent = sent


NO_PAUSE = -1.0
"""For `again`: nothing is wrong but that a waiting connection has ended."""


class Attempts:
    """The rule of the protocol: again on a new connection, after a short pause that grows, until patience ends."""

    __slots__ = ("_deadline", "_may_start", "_pause", "answer_seconds", "begun", "call")

    def __init__(self, call: Call, patience: float) -> None:
        self.call = call
        self.answer_seconds = call.wait + (ANSWER_SECONDS if patience else IMPATIENT_SECONDS)
        """For which an answer is waited for."""
        self._deadline = boot_time() + patience
        self._pause = FIRST_PAUSE
        self.begun: Begun | None = None
        """What the first attempt goes on from."""
        self._may_start = patience > 0.0

    def seconds_left(self) -> float:
        """Until patience ends."""
        return self._deadline - boot_time()

    def may_start(self) -> bool:
        """Whether a daemon may be started for this call: once, and where the call can wait for it."""
        may, self._may_start = self._may_start, False
        if may:
            # A start takes its time, also on a machine that has much to do.
            self._deadline = boot_time() + PATIENCE
        return may

    def pause_after(self, trouble: Trouble, client: Holder) -> float:
        """Seconds until the next attempt; raises the error where there is none."""
        again = trouble.again
        if again is None or (trouble.sent and self.call.once):
            raise trouble.error from None
        if again == NO_PAUSE:
            return 0.0
        pause = max(again, self._pause)
        if pause >= self.seconds_left():
            client._in_touch = False
            raise trouble.error from None
        self._pause = min(self._pause * 2, LONGEST_PAUSE)
        return pause


def object_of(answer: Reader, path: str) -> dict[str, Any]:
    """The object of a good answer; raises the error that another one describes."""
    try:
        if 200 <= answer.status < 300:
            return json_object(answer.body)
        error = error_of(answer)
    except MalformedError as malformed:
        raise Trouble(foreign(path, malformed), sent=True) from None
    if answer.status == 503 and isinstance(error, (Overloaded, ShuttingDown)):
        raise Trouble(error, float(error.retry_after or 0), sent=True)
    raise Trouble(error, sent=True)


def error_of(answer: Reader) -> AuthError:
    """The error that an answer describes."""
    try:
        error = from_answer(json_object(answer.body))
    except (KeyError, MalformedError):
        raise MalformedError(f"status {answer.status} without an error of the protocol") from None
    if type(error.retry_after) not in (int, type(None)):
        raise MalformedError("its `retry_after` is no number")
    return error


def foreign(path: str, why: MalformedError) -> ProtocolError:
    return ProtocolError(f"the answer at `{path}` is not bearerd's: {why}")


def unanswered(path: str, kept: bool) -> Trouble:
    error = DaemonUnreachable(f"bearerd at `{path}` closed every connection before it answered: {SEE_ITS_LOG}")
    return Trouble(error, NO_PAUSE if kept else 0.0, sent=True)


def late(path: str) -> Trouble:
    error = DaemonUnreachable(f"bearerd at `{path}` gave no answer in time: {SEE_ITS_LOG}")
    return Trouble(error, sent=True)


def broke_off(path: str) -> Trouble:
    error = DaemonUnreachable(f"the answer of bearerd at `{path}` broke off: ask again")
    return Trouble(error, sent=True)
