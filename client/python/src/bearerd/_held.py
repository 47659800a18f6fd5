"""Tokens in hand, and when to ask for newer ones."""

from __future__ import annotations

import errno
import os

from . import _places
from ._calls import Call, Trouble
from ._clock import boot_time
from ._connection import no_daemon
from ._http import token_request
from ._token import Token
from .errors import ProtocolError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any, TypeVar

    from .errors import AuthError

    H = TypeVar("H", bound="Holder")

    Key = tuple[str | None, str | None, str | None, str | None]
    """Profile, scope, audience, issuer."""

NO_KNOWN_END_SECONDS = 60.0
"""A token with no known end is asked for again after this time: who configures another then gets it."""
HELD_MAX = 256
"""Most tokens held by one client: a program that asks for endless audiences does not grow."""
NEXT_TRY_SECONDS = 1.0
"""With a valid token in hand, a daemon that is away is tried again no sooner."""


class Read:
    """What was read in a daemon's answer."""

    __slots__ = ("answer", "header", "lives", "rests")

    def __init__(self, answer: Mapping[str, Any]) -> None:
        if "token_type" not in answer or "profile" not in answer:
            raise ProtocolError("the daemon's answer holds no token: is it another version's?")
        self.answer = answer
        self.header = Token._of(answer, 0.0).header()
        lives, rests = answer.get("expires_in"), answer.get("refresh_in")
        try:
            self.lives = lives = _NEVER if lives is None else lives + 0.0
            """Seconds from the request on."""
            self.rests = min(NO_KNOWN_END_SECONDS if rests is None else rests, lives)
            """Seconds, likewise, until it is asked for again."""
        except TypeError:
            raise ProtocolError("the times in the daemon's answer are no numbers: is it another version's?") from None


class Held:
    """One token in hand; its times are on the boot-time clock, from the moment it was asked for."""

    __slots__ = ("_token", "asked", "read", "refresh_at")

    def __init__(self, read: Read, asked: float) -> None:
        self._token: Token | None = None
        self.read = read
        self.asked = asked
        self.refresh_at = asked + read.rests

    @property
    def expires_at(self) -> float:
        """When its life is over."""
        return self.asked + self.read.lives

    @property
    def token(self) -> Token:
        """The token; made when it is looked at, for a header alone is asked for more often."""
        token = self._token
        if token is None:
            token = self._token = Token._of(self.read.answer, self.asked)
        return token

    def degraded(self, next_try: float) -> Held:
        """While no daemon answers: the same, degraded as the daemon would say, and asked for again at `next_try`."""
        # What was read stays what the daemon has said: it may say the same again.
        made = Held(Read({**self.read.answer, "degraded": True}), self.asked)
        made.refresh_at = min(next_try, made.expires_at)
        return made


class Holder:
    """What both clients share: the places of the daemon, the default profile and the tokens in hand."""

    def __init__(
        self,
        *,
        profile: str | None = None,
        socket: str | os.PathLike[str] | None = None,
        autostart: bool | None = None,
    ) -> None:
        """A client of this user's daemon; nothing is connected yet.

        `profile` is meant where a call names none: else `BEARERD_PROFILE`, else the daemon's default. `socket` is the
        daemon's socket, where it is not at one of the usual places. `autostart` starts the daemon that was installed
        with this package, where none answers; left out: where `BEARERD_AUTOSTART` is `1`.
        """
        environment = os.environ
        self.profile = profile or environment.get("BEARERD_PROFILE") or None
        self._socket = None if socket is None else os.fspath(socket)
        self._places = _places.socket_places() if self._socket is None else [self._socket]
        if autostart is None:
            autostart = environment.get("BEARERD_AUTOSTART") == "1"
        self._autostart = autostart
        # A connection existed, and the daemon has not been given up since: then its socket is missed for the moment
        # of a restart alone.
        self._in_touch = False
        self._held: dict[Key, Held] = {}
        self._requests: dict[Key, Call] = {}

    def __repr__(self) -> str:
        return f"{type(self).__name__}(profile={self.profile!r})"

    def __reduce__(self) -> tuple[Any, ...]:
        # Another process has connections of its own, and a copy is another client.
        return (_made_again, (type(self), self.profile, self._socket, self._places, self._autostart))

    def _twin(self, kind: type[H]) -> H:
        """A client of the other kind which holds the same tokens."""
        twin = _made_again(kind, self.profile, self._socket, self._places, self._autostart)
        twin._held = self._held
        return twin

    def _key(self, profile: str | None, scope: str | None, audience: str | None, issuer: str | None) -> Key:
        if profile is None and issuer is None:
            profile = self.profile
        return (profile, scope, audience, issuer)

    def _unreachable(self, reason: OSError | None) -> Trouble:
        """Nobody listens; again where that is the moment of a restart."""
        gone = reason is not None and reason.errno in (errno.ENOENT, errno.ECONNREFUSED)
        return Trouble(no_daemon(self._places, reason), 0.0 if gone and self._in_touch else None)

    def _call(self, key: Key, min_ttl: float | None, strict: bool) -> Call:
        if min_ttl is not None:
            return Call(token_request(*key, min_ttl=min_ttl, strict=strict))
        call = self._requests.get(key)
        if call is None:
            if len(self._requests) >= HELD_MAX:
                self._requests.clear()
            call = self._requests[key] = Call(token_request(*key))
        return call

    def _in_hand(self, key: Key, min_ttl: float | None) -> Held | None:
        """The token in hand, where it need not be asked for."""
        held = self._held.get(key)
        if held is None:
            return None
        now = boot_time()
        if now < held.refresh_at and (min_ttl is None or held.expires_at - now >= min_ttl):
            return held
        return None

    def _valid(self, key: Key) -> Held | None:
        """The token in hand, where it can still be sent."""
        held = self._held.get(key)
        return held if held is not None and boot_time() < held.expires_at else None

    def _hold(self, key: Key, answer: dict[str, Any], asked: float) -> Held:
        """Takes an answer into hand."""
        held = Held(Read(answer), asked)
        if len(self._held) >= HELD_MAX:
            self._held.clear()
        self._held[key] = held
        return held

    def _hold_instead(self, rejected: str, answer: dict[str, Any], asked: float) -> Token:
        """Takes the token that replaces a rejected one into hand."""
        for key in self._keys_of(rejected):
            self._hold(key, answer, asked)
        return Token._of(answer, asked)

    def _drop(self, rejected: str) -> None:
        """A rejected token is not given again from here: the daemon knows what to give."""
        for key in self._keys_of(rejected):
            self._held.pop(key, None)

    def _keys_of(self, token: str) -> list[Key]:
        return [key for key, held in self._held.copy().items() if held.read.answer.get("token") == token]

    def _instead(self, key: Key, held: Held | None, asked: float, error: AuthError, min_ttl: float | None) -> Held:
        """While no daemon answers, the valid token in hand is the answer; degraded, as the daemon would say."""
        now = boot_time()
        if held is None or held.expires_at - now <= (min_ttl or 0.0):
            raise error
        # What hangs is tried less often than what is not there.
        degraded = held.degraded(now + max(NEXT_TRY_SECONDS, 5 * (now - asked)))
        if self._held.get(key) is held:
            self._held[key] = degraded
        return degraded


def _made_again(kind: type[H], profile: str | None, socket: str | None, places: list[str], autostart: bool) -> H:
    made = kind(profile=profile, socket=socket, autostart=autostart)
    made.profile, made._places = profile, list(places)
    return made


_NEVER = float("inf")
