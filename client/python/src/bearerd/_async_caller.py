"""How a client on asyncio reaches the daemon: its connections, and requests that are tried again."""

from __future__ import annotations

import asyncio
import errno

from . import _calls
from ._calls import ANSWER_SECONDS, IDLE_MAX, PATIENCE, Attempts, Call, Trouble
from ._clock import boot_time
from ._connection import RECEIVE_BYTES, Connection, of_this_process
from ._held import Holder
from ._http import MalformedError, Reader

TYPE_CHECKING = False
if TYPE_CHECKING:
    import os
    from collections.abc import Awaitable, Callable
    from typing import Any

    from typing_extensions import Self

    from ._held import Held, Key


class AsyncCaller(Holder):
    """Calls the daemon. Tasks may share it: each call has a connection of its own while it lasts."""

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
            sending = loop.sock_sendall(connection.socket, call.request)  # type: ignore[arg-type]
            await asyncio.wait_for(sending, ANSWER_SECONDS)
        except (TimeoutError, asyncio.TimeoutError):
            raise _calls.late(connection.path) from None
        except OSError:
            # A server may answer before it has read everything, and close: its answer counts for more.
            pass

    async def _receive(self, connection: Connection, seconds: float, reader: Reader, kept: bool) -> bytes:
        try:
            data = await received(connection, seconds)
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
                whole = reader.feed(b"")
                while not whole:
                    data = await self._receive(connection, ANSWER_SECONDS, reader, kept)
                    whole = reader.feed(data) if data else reader.end()
                    if not data and not whole:
                        raise _calls.broke_off(path)
                _calls.object_of(reader, path)
        except MalformedError as malformed:
            connection.close()
            raise Trouble(_calls.foreign(path, malformed), sent=True) from None
        except BaseException:
            connection.close()
            raise
        return connection, reader


async def received(connection: Connection, seconds: float) -> bytes:
    """The next bytes, none at the end of the connection; `TimeoutError` after `seconds`."""
    try:
        # What is there already needs no event loop.
        return connection.socket.recv(RECEIVE_BYTES)
    except BlockingIOError:
        pass
    receiving = asyncio.get_running_loop().sock_recv(connection.socket, RECEIVE_BYTES)  # type: ignore[arg-type]
    return await asyncio.wait_for(receiving, max(seconds, 0.001))
