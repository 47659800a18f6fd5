"""`Client`: a blocking client of this user's daemon, shared by threads and safe across forks."""

from __future__ import annotations

import errno
import time
from socket import MSG_NOSIGNAL

from . import _calls
from ._calls import ANSWER_SECONDS, IDLE_MAX, PATIENCE, SILENCE_MAX, Attempts, Call, Trouble
from ._clock import boot_time
from ._connection import Connection, of_this_process
from ._held import Holder
from ._http import EventReader, MalformedError, Reader
from ._token import LoginState, Token
from .errors import DaemonUnreachable, Overloaded, ShuttingDown

TYPE_CHECKING = False
if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Mapping
    from typing import Any, TypeVar

    from typing_extensions import Self

    from ._held import Held, Key
    from .types import Event, LoggedOut, LogoutAnswer, ProfileInfo, Profiles, Status

    T = TypeVar("T")


class Client(Holder):
    """A client of this user's daemon. One for a whole program will do: threads and forked children may share it.

    A token is held, and given without a call, until the daemon means to renew it. A request is sent again on a new
    connection, within 12 s, where the daemon closed before an answer began, is going down or has just been there and
    restarts. While no daemon answers, the token in hand is given as long as it is valid. Every call ends: an answer is
    waited for 15 s, a login's its `wait` longer. Every call raises a subclass of `bearerd.errors.AuthError` where it
    fails.
    """

    def __init__(
        self,
        *,
        profile: str | None = None,
        socket: str | os.PathLike[str] | None = None,
        autostart: bool | None = None,
    ) -> None:
        super().__init__(profile=profile, socket=socket, autostart=autostart)
        # Lists take and give one element at a time without a lock, which a fork could find held.
        self._idle: list[Connection] = []

    def token(
        self,
        profile: str | None = None,
        *,
        min_ttl: float | None = None,
        strict: bool = False,
        scope: str | None = None,
        audience: str | None = None,
        issuer: str | None = None,
    ) -> Token:
        """A valid token. It never starts a login.

        `min_ttl` is the time, in seconds, that it should live on: a wish, and with `strict` a condition. `scope` and
        `audience` are those of the wanted token; `issuer` names the one profile of that issuer.
        """
        if profile is None and issuer is None:
            profile = self.profile
        held = self._held.get((profile, scope, audience, issuer))
        if held is None or min_ttl is not None or boot_time() >= held.refresh_at:
            held = self._current(profile, min_ttl, strict, scope, audience, issuer)
        return held.token

    def header(
        self,
        profile: str | None = None,
        *,
        min_ttl: float | None = None,
        strict: bool = False,
        scope: str | None = None,
        audience: str | None = None,
        issuer: str | None = None,
    ) -> dict[str, str]:
        """The header to send a request with, `{"Authorization": "Bearer …"}`; empty for a profile that sends none."""
        if profile is None and issuer is None:
            profile = self.profile
        held = self._held.get((profile, scope, audience, issuer))
        if held is None or min_ttl is not None or boot_time() >= held.refresh_at:
            held = self._current(profile, min_ttl, strict, scope, audience, issuer)
        return held.header.copy()

    def reject(self, token: Token | str, profile: str | None = None) -> Token:
        """A newer token than this one, for which a resource server answered 401; never the same."""
        if isinstance(token, Token):
            profile, token = profile or token.profile, token.token or ""
        else:
            profile = profile or self.profile
        asked = boot_time()
        try:
            answer = self._ask(_calls.reject(token, profile))
        except BaseException:
            self._drop(token)
            raise
        return self._hold_instead(token, answer, asked)

    def login(
        self,
        profile: str | None = None,
        *,
        username: str | None = None,
        password: str | None = None,
        replace: bool = False,
        lifetime: float | None = None,
    ) -> LoginState:
        """Starts a login, or joins the one under way; a `pending` one is for `follow_login`.

        A password is kept in the daemon's memory alone, and sent to a process of our own user alone. `replace` lets
        another person take the profile over. After `lifetime` seconds the session is forgotten.
        """
        call = _calls.login(profile or self.profile, username, password, replace, lifetime)
        return self._changed(LoginState._of(self._ask(call)))

    def follow_login(self, login_id: str, wait: float = 60.0) -> LoginState:
        """How a login is doing, as soon as it is over or `wait` seconds have passed.

        Raises `LoginExpired` or `LoginDenied` where it failed.
        """
        deadline = boot_time() + wait
        while True:
            left = deadline - boot_time()
            state = LoginState._of(self._ask(_calls.login_state(login_id, left)))
            if state.done:
                return self._changed(state)
            # The daemon counts whole seconds.
            if deadline - boot_time() < 1.0:
                return state

    def cancel_login(self, login_id: str) -> None:
        """Gives a login up, for everybody who joined it."""
        self._ask(_calls.cancel_login(login_id))

    def logout(self, profile: str | None = None, *, revoke: bool = True, all_profiles: bool = False) -> LogoutAnswer:
        """Forgets the tokens of one profile, or of all; `revoke` also takes the session back at its provider."""
        named = None
        if not all_profiles:
            named = profile or self.profile or _calls.default_profile(self._ask(_calls.PROFILES))
        answer: LogoutAnswer = self._ask(_calls.logout(named, revoke))
        return self._changed(answer)

    def import_token(self, refresh_token: str, profile: str | None = None, replace: bool = False) -> LoginState:
        """Has the daemon take over a refresh token, which from now on is its alone.

        It is sent to a process of our own user alone, and once: where no answer comes, it may be in use or not.
        `replace` lets it take the place of a live session.
        """
        call = _calls.import_token(refresh_token, profile or self.profile, replace)
        return self._changed(LoginState._of(self._ask(call)))

    def profiles(self) -> Profiles:
        """What is configured."""
        answer: Profiles = self._ask(_calls.PROFILES)
        return answer

    def put_profile(self, name: str, settings: Mapping[str, Any]) -> ProfileInfo:
        """Adds a profile, or changes one so added; `settings` has its keys as the configuration file has them."""
        answer: ProfileInfo = self._ask(_calls.put_profile(name, settings))
        return self._changed(answer)

    def delete_profile(self, name: str) -> LoggedOut:
        """Removes a profile so added, with its session."""
        answer: LoggedOut = self._ask(_calls.delete_profile(name))
        return self._changed(answer)

    def status(self) -> Status:
        """How the daemon and its profiles are; never a token."""
        answer: Status = self._ask(_calls.STATUS)
        return answer

    def health(self) -> str:
        """`ok`, `degraded` or `locked`."""
        return str(self._ask(_calls.HEALTH).get("status"))

    def events(self) -> Events:
        """What happens in the daemon from the call on, for a `for` loop; ends when the daemon ends the stream.

        Raises `DaemonUnreachable` where the connection breaks. What happened before does not come again: ask for the
        status after calling this.
        """
        attempts = Attempts(_calls.EVENTS, PATIENCE)
        return Events(*self._patiently(attempts, self._open_stream))

    def close(self) -> None:
        """Ends the connections that wait for the next call; the client can be used on."""
        idle = self._idle
        while idle:
            idle.pop().close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __del__(self) -> None:
        for connection in getattr(self, "_idle", ()):
            connection.close()

    def _changed(self, answer: T) -> T:
        """After a change of sessions or profiles the tokens in hand may be another's."""
        self._held.clear()
        return answer

    def _current(
        self,
        profile: str | None,
        min_ttl: float | None,
        strict: bool,
        scope: str | None,
        audience: str | None,
        issuer: str | None,
    ) -> Held:
        key = (profile, scope, audience, issuer)
        held = self._in_hand(key, min_ttl)
        return self._renewed(key, min_ttl, strict) if held is None else held

    def _renewed(self, key: Key, min_ttl: float | None, strict: bool) -> Held:
        started = boot_time()
        held = self._valid(key)
        call = self._call(key, min_ttl, strict)
        try:
            # With a valid token in hand nobody waits for a daemon that is away.
            attempts = Attempts(call, PATIENCE if held is None or strict else 0.0)
            asked, answer = self._patiently(attempts, self._exchange)
        except (DaemonUnreachable, Overloaded, ShuttingDown) as error:
            return self._instead(held, started, error, min_ttl if strict else None)
        return self._hold(key, answer, asked)

    def _ask(self, call: Call) -> Any:
        return self._patiently(Attempts(call, PATIENCE), self._exchange)[1]

    def _patiently(self, attempts: Attempts, attempt: Callable[[Attempts], Any]) -> Any:
        """Tries until an attempt succeeds, fails for good, or patience ends."""
        while True:
            try:
                return attempt(attempts)
            except Trouble as trouble:
                pause = attempts.pause_after(trouble, self)
            if pause > 0.0:
                time.sleep(pause)

    def _exchange(self, attempts: Attempts) -> tuple[float, dict[str, Any]]:
        """One request and its answer; and when it was sent."""
        call = attempts.call
        connection, kept = self._connection(attempts)
        try:
            asked = boot_time()
            reader = self._answer(connection, call, attempts, kept)
            answer = _calls.object_of(reader, connection.path)
        except BaseException:
            connection.close()
            raise
        if reader.keep_alive and len(self._idle) < IDLE_MAX:
            self._idle.append(connection)
        else:
            connection.close()
        return asked, answer

    def _answer(self, connection: Connection, call: Call, attempts: Attempts, kept: bool) -> Reader:
        """Sends the request and reads its answer."""
        reader = Reader()
        seconds = attempts.answer_seconds
        self._send(connection, call)
        until = None
        while True:
            data = self._receive(connection, seconds, reader, kept)
            try:
                if reader.feed(data) if data else reader.end():
                    return reader
            except MalformedError as malformed:
                raise Trouble(_calls.foreign(connection.path, malformed), sent=True) from None
            if not data:
                raise _calls.broke_off(connection.path)
            # The parts of an answer share one time.
            now = boot_time()
            if until is None:
                until = now + seconds
            seconds = until - now
            if seconds <= 0.0:
                raise _calls.late(connection.path)

    def _send(self, connection: Connection, call: Call) -> None:
        try:
            connection.socket.sendall(call.request, MSG_NOSIGNAL)
        except BlockingIOError:
            raise _calls.late(connection.path) from None
        except OSError:
            # A server may answer before it has read everything, and close: its answer counts for more.
            pass

    def _receive(self, connection: Connection, seconds: float, reader: Reader, kept: bool) -> bytes:
        try:
            data = connection.receive(seconds)
        except BlockingIOError:
            raise _calls.late(connection.path) from None
        except OSError:
            data = b""
        if not data and not reader.begun:
            # The daemon closes the connections that idle longest, or it has ended: the others are no better.
            self.close()
            raise _calls.unanswered(connection.path, kept)
        return data

    def _connection(self, attempts: Attempts) -> tuple[Connection, bool]:
        """A connection that waits, else a new one; and whether it has waited."""
        call = attempts.call
        connection = None
        if of_this_process() and not call.once:
            # One that has waited may be closed at any moment, with the request on its way or not.
            try:
                connection = self._idle.pop()
            except IndexError:
                pass
        kept = connection is not None
        if connection is None:
            connection = self._open(attempts)
        if call.secret:
            try:
                connection.check_listener()
            except BaseException:
                connection.close()
                raise
        return connection, kept

    def _open(self, attempts: Attempts) -> Connection:
        """Connects to the first place that answers."""
        reason: OSError | None = None
        for place in self._places:
            try:
                connection = Connection(place, blocking=True, seconds=max(attempts.seconds_left(), 0.1))
            except BlockingIOError:
                # Its backlog is full up to the end of patience: a daemon is there, and another place has none.
                raise _calls.late(place) from None
            except OSError as error:
                # A socket that is there says more than one that is not.
                if reason is None or reason.errno == errno.ENOENT:
                    reason = error
                continue
            self._in_touch = True
            return connection
        trouble = self._unreachable(reason)
        if self._autostart and attempts.may_start():
            from ._autostart import start

            start(self._socket)
            trouble.again = 0.0
        raise trouble

    def _open_stream(self, attempts: Attempts) -> tuple[Connection, Reader]:
        """The connection that an endless answer comes over, with what has come of it."""
        connection, kept = self._connection(attempts)
        reader = Reader()
        data = b""
        try:
            self._send(connection, attempts.call)
            while not reader.head(data):
                data = self._receive(connection, ANSWER_SECONDS, reader, kept)
                if not data:
                    raise _calls.broke_off(connection.path)
            if reader.status != 200:
                # An error has a body with an end.
                data = b""
                while not reader.feed(data):
                    data = self._receive(connection, ANSWER_SECONDS, reader, kept)
                    if not data and not reader.end():
                        raise _calls.broke_off(connection.path)
                _calls.object_of(reader, connection.path)
        except MalformedError as malformed:
            connection.close()
            raise Trouble(_calls.foreign(connection.path, malformed), sent=True) from None
        except BaseException:
            connection.close()
            raise
        return connection, reader


class Events:
    """What happens in the daemon, one after the other; to be closed, or used in a `with`."""

    def __init__(self, connection: Connection, reader: Reader) -> None:
        self._connection: Connection | None = connection
        self._reader = reader
        self._events = EventReader()
        self._found: list[Any] = []
        self._data = b""

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Event:
        while not self._found:
            connection = self._connection
            if connection is None:
                raise StopIteration
            try:
                self._found = self._more(connection)
            except MalformedError as malformed:
                self.close()
                raise _calls.foreign(connection.path, malformed) from None
            except BaseException:
                self.close()
                raise
        event: Event = self._found.pop(0)
        return event

    def _more(self, connection: Connection) -> list[Any]:
        found = self._events.feed(self._reader.more(self._data))
        self._data = b""
        if found:
            return found
        if self._reader.whole:
            raise StopIteration
        try:
            self._data = connection.receive(SILENCE_MAX)
        except BlockingIOError:
            raise _calls.late(connection.path).error from None
        except OSError:
            pass
        if self._data:
            return []
        if self._reader.end():
            raise StopIteration
        raise _calls.broke_off(connection.path).error

    def close(self) -> None:
        """Listens no more."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __del__(self) -> None:
        self.close()
