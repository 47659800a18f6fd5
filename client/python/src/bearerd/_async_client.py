"""`AsyncClient`: the same calls for programs that run on asyncio."""

from __future__ import annotations

import asyncio
import errno
from copy import copy

from . import _calls
from ._calls import ANSWER_SECONDS, IDLE_MAX, PATIENCE, SILENCE_MAX, Attempts, Call, Trouble
from ._clock import boot_time
from ._connection import RECEIVE_BYTES, Connection, of_this_process
from ._held import Holder
from ._http import EventReader, MalformedError, Reader
from ._token import LoginState, Token
from .errors import AuthError, DaemonUnreachable, Overloaded, ShuttingDown

TYPE_CHECKING = False
if TYPE_CHECKING:
    import os
    from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
    from typing import Any, TypeVar

    from typing_extensions import Self

    from ._held import Held, Key
    from .types import Event, LoggedOut, LogoutAnswer, ProfileInfo, Profiles, Status

    T = TypeVar("T")


class AsyncClient(Holder):
    """A client of this user's daemon whose calls are coroutines; what `Client` promises, it promises too.

    One for a whole program will do, also over several event loops. Tasks that need the same token at once share one
    request; a task that is cancelled cancels none of the others.
    """

    def __init__(
        self,
        *,
        profile: str | None = None,
        socket: str | os.PathLike[str] | None = None,
        autostart: bool | None = None,
    ) -> None:
        super().__init__(profile=profile, socket=socket, autostart=autostart)
        # An idle connection is registered with no event loop: whichever runs can use it.
        self._idle: list[Connection] = []
        self._asking: dict[tuple[int, Key, float | None, bool], asyncio.Task[Held]] = {}

    async def token(
        self,
        profile: str | None = None,
        *,
        min_ttl: float | None = None,
        strict: bool = False,
        scope: str | None = None,
        audience: str | None = None,
        issuer: str | None = None,
    ) -> Token:
        """As `Client.token`."""
        held = await self._current(profile, min_ttl, strict, scope, audience, issuer)
        return held.token

    async def header(
        self,
        profile: str | None = None,
        *,
        min_ttl: float | None = None,
        strict: bool = False,
        scope: str | None = None,
        audience: str | None = None,
        issuer: str | None = None,
    ) -> dict[str, str]:
        """As `Client.header`."""
        held = await self._current(profile, min_ttl, strict, scope, audience, issuer)
        return held.header.copy()

    async def reject(self, token: Token | str, profile: str | None = None) -> Token:
        """As `Client.reject`."""
        if isinstance(token, Token):
            profile, token = profile or token.profile, token.token or ""
        else:
            profile = profile or self.profile
        asked = boot_time()
        try:
            answer = await self._ask(_calls.reject(token, profile))
        except BaseException:
            self._drop(token)
            raise
        return self._hold_instead(token, answer, asked)

    async def login(
        self,
        profile: str | None = None,
        *,
        username: str | None = None,
        password: str | None = None,
        replace: bool = False,
        lifetime: float | None = None,
    ) -> LoginState:
        """As `Client.login`."""
        call = _calls.login(profile or self.profile, username, password, replace, lifetime)
        return self._changed(LoginState._of(await self._ask(call)))

    async def follow_login(self, login_id: str, wait: float = 60.0) -> LoginState:
        """As `Client.follow_login`."""
        deadline = boot_time() + wait
        while True:
            left = deadline - boot_time()
            state = LoginState._of(await self._ask(_calls.login_state(login_id, left)))
            if state.done:
                return self._changed(state)
            if deadline - boot_time() < 1.0:
                return state

    async def cancel_login(self, login_id: str) -> None:
        """As `Client.cancel_login`."""
        await self._ask(_calls.cancel_login(login_id))

    async def logout(
        self, profile: str | None = None, *, revoke: bool = True, all_profiles: bool = False
    ) -> LogoutAnswer:
        """As `Client.logout`."""
        named = None
        if not all_profiles:
            named = profile or self.profile
            if named is None:
                named = _calls.default_profile(await self._ask(_calls.PROFILES))
        answer: LogoutAnswer = await self._ask(_calls.logout(named, revoke))
        return self._changed(answer)

    async def import_token(self, refresh_token: str, profile: str | None = None, replace: bool = False) -> LoginState:
        """As `Client.import_token`."""
        call = _calls.import_token(refresh_token, profile or self.profile, replace)
        return self._changed(LoginState._of(await self._ask(call)))

    async def profiles(self) -> Profiles:
        """As `Client.profiles`."""
        answer: Profiles = await self._ask(_calls.PROFILES)
        return answer

    async def put_profile(self, name: str, settings: Mapping[str, Any]) -> ProfileInfo:
        """As `Client.put_profile`."""
        answer: ProfileInfo = await self._ask(_calls.put_profile(name, settings))
        return self._changed(answer)

    async def delete_profile(self, name: str) -> LoggedOut:
        """As `Client.delete_profile`."""
        answer: LoggedOut = await self._ask(_calls.delete_profile(name))
        return self._changed(answer)

    async def status(self) -> Status:
        """As `Client.status`."""
        answer: Status = await self._ask(_calls.STATUS)
        return answer

    async def health(self) -> str:
        """As `Client.health`."""
        return str((await self._ask(_calls.HEALTH)).get("status"))

    async def events(self) -> AsyncGenerator[Event, None]:
        """As `Client.events`, for `async for`; the stream is opened at the first step."""
        attempts = Attempts(_calls.EVENTS, PATIENCE)
        connection, reader = await self._patiently(attempts, self._open_stream)
        events = EventReader()
        data = b""
        try:
            while True:
                found: list[Any] = events.feed(reader.more(data))
                for event in found:
                    yield event
                if reader.whole:
                    return
                try:
                    data = await _received(connection, SILENCE_MAX)
                except (TimeoutError, asyncio.TimeoutError):
                    raise _calls.late(connection.path).error from None
                except OSError:
                    data = b""
                if not data:
                    if reader.end():
                        return
                    raise _calls.broke_off(connection.path).error
        except MalformedError as malformed:
            raise _calls.foreign(connection.path, malformed) from None
        finally:
            connection.close()

    async def close(self) -> None:
        """Ends the connections that wait for the next call; the client can be used on."""
        self._close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self._close()

    def __del__(self) -> None:
        for connection in getattr(self, "_idle", ()):
            connection.close()

    def _close(self) -> None:
        idle = self._idle
        while idle:
            idle.pop().close()

    def _changed(self, answer: T) -> T:
        """After a change of sessions or profiles the tokens in hand may be another's."""
        self._held.clear()
        return answer

    async def _current(
        self,
        profile: str | None,
        min_ttl: float | None,
        strict: bool,
        scope: str | None,
        audience: str | None,
        issuer: str | None,
    ) -> Held:
        if profile is None and issuer is None:
            profile = self.profile
        key = (profile, scope, audience, issuer)
        held = self._in_hand(key, min_ttl)
        if held is not None:
            return held
        loop = asyncio.get_running_loop()
        shared = (id(loop), key, min_ttl, strict)
        task = self._asking.get(shared)
        # A task of a loop that is gone, or of a fork's parent, is never done.
        if task is None or task.get_loop() is not loop:
            task = asyncio.ensure_future(self._renewed(key, min_ttl, strict))
            self._asking[shared] = task
            task.add_done_callback(lambda done: self._asked(shared, done))
        try:
            return await asyncio.shield(task)
        except AuthError as error:
            # An exception belongs to one caller: raised in several it would gather the tracebacks of all.
            raise copy(error) from None

    def _asked(self, shared: tuple[int, Key, float | None, bool], task: asyncio.Task[Held]) -> None:
        if self._asking.get(shared) is task:
            del self._asking[shared]
        if not task.cancelled():
            # Where every caller was cancelled, nobody has looked at it.
            task.exception()

    async def _renewed(self, key: Key, min_ttl: float | None, strict: bool) -> Held:
        started = boot_time()
        held = self._valid(key)
        call = self._call(key, min_ttl, strict)
        try:
            # With a valid token in hand nobody waits for a daemon that is away.
            attempts = Attempts(call, PATIENCE if held is None or strict else 0.0)
            asked, answer = await self._patiently(attempts, self._exchange)
        except (DaemonUnreachable, Overloaded, ShuttingDown) as error:
            return self._instead(held, started, error, min_ttl if strict else None)
        return self._hold(key, answer, asked)

    async def _ask(self, call: Call) -> Any:
        attempts = Attempts(call, PATIENCE)
        return (await self._patiently(attempts, self._exchange))[1]

    async def _patiently(self, attempts: Attempts, attempt: Callable[[Attempts], Awaitable[Any]]) -> Any:
        """Tries until an attempt succeeds, fails for good, or patience ends."""
        while True:
            try:
                return await attempt(attempts)
            except Trouble as trouble:
                pause = attempts.pause_after(trouble, self)
            if pause > 0.0:
                await asyncio.sleep(pause)

    async def _exchange(self, attempts: Attempts) -> tuple[float, dict[str, Any]]:
        """One request and its answer; and when it was sent."""
        call = attempts.call
        connection, kept = await self._connection(attempts)
        try:
            asked = boot_time()
            reader = await self._answer(connection, call, attempts, kept)
            answer = _calls.object_of(reader, connection.path)
        except BaseException:
            # A call that is cancelled leaves its answer in the connection.
            connection.close()
            raise
        if reader.keep_alive and len(self._idle) < IDLE_MAX:
            self._idle.append(connection)
        else:
            connection.close()
        return asked, answer

    async def _answer(self, connection: Connection, call: Call, attempts: Attempts, kept: bool) -> Reader:
        """Sends the request and reads its answer."""
        reader = Reader()
        until = boot_time() + attempts.answer_seconds
        await self._send(connection, call)
        while True:
            data = await self._receive(connection, until - boot_time(), reader, kept)
            try:
                if reader.feed(data) if data else reader.end():
                    return reader
            except MalformedError as malformed:
                raise Trouble(_calls.foreign(connection.path, malformed), sent=True) from None
            if not data:
                raise _calls.broke_off(connection.path)

    async def _send(self, connection: Connection, call: Call) -> None:
        loop = asyncio.get_running_loop()
        try:
            sending = loop.sock_sendall(connection.socket, call.request)
            await asyncio.wait_for(sending, ANSWER_SECONDS)
        except (TimeoutError, asyncio.TimeoutError):
            raise _calls.late(connection.path) from None
        except OSError:
            # A server may answer before it has read everything, and close: its answer counts for more.
            pass

    async def _receive(self, connection: Connection, seconds: float, reader: Reader, kept: bool) -> bytes:
        try:
            data = await _received(connection, seconds)
        except (TimeoutError, asyncio.TimeoutError):
            raise _calls.late(connection.path) from None
        except OSError:
            data = b""
        if not data and not reader.begun:
            # The daemon closes the connections that idle longest, or it has ended: the others are no better.
            self._close()
            raise _calls.unanswered(connection.path, kept)
        return data

    async def _connection(self, attempts: Attempts) -> tuple[Connection, bool]:
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
            connection = await self._open(attempts)
        if call.secret:
            try:
                connection.check_listener()
            except BaseException:
                connection.close()
                raise
        return connection, kept

    async def _open(self, attempts: Attempts) -> Connection:
        """Connects to the first place that answers. A Unix socket connects at once, or not at all."""
        reason: OSError | None = None
        for place in self._places:
            try:
                connection = Connection(place, blocking=False, seconds=0.0)
            except BlockingIOError:
                # Its backlog is full: a daemon is there, and another place has none.
                raise Trouble(_calls.late(place).error, 0.0) from None
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

            await asyncio.to_thread(start, self._socket)
            trouble.again = 0.0
        raise trouble

    async def _open_stream(self, attempts: Attempts) -> tuple[Connection, Reader]:
        """The connection that an endless answer comes over, with what has come of it."""
        connection, kept = await self._connection(attempts)
        reader = Reader()
        path = connection.path
        data = b""
        try:
            await self._send(connection, attempts.call)
            while not reader.head(data):
                data = await self._receive(connection, ANSWER_SECONDS, reader, kept)
                if not data:
                    raise _calls.broke_off(connection.path)
            if reader.status != 200:
                # An error has a body with an end.
                data = b""
                while not reader.feed(data):
                    data = await self._receive(connection, ANSWER_SECONDS, reader, kept)
                    if not data and not reader.end():
                        raise _calls.broke_off(path)
                _calls.object_of(reader, path)
        except MalformedError as malformed:
            connection.close()
            raise Trouble(_calls.foreign(path, malformed), sent=True) from None
        except BaseException:
            connection.close()
            raise
        return connection, reader


async def _received(connection: Connection, seconds: float) -> bytes:
    """The next bytes, none at the end of the connection; `TimeoutError` after `seconds`."""
    try:
        # What is there already needs no event loop.
        return connection.socket.recv(RECEIVE_BYTES)
    except BlockingIOError:
        pass
    receiving = asyncio.get_running_loop().sock_recv(connection.socket, RECEIVE_BYTES)
    return await asyncio.wait_for(receiving, max(seconds, 0.001))
