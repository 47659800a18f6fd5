"""How a blocking client reaches the daemon: its connections, and requests that are tried again."""

from __future__ import annotations

import errno
import time
from _socket import MSG_NOSIGNAL
from os import getpid

from . import _calls
from ._calls import ANSWER_SECONDS, IDLE_MAX, PATIENCE, Attempts, Call, Trouble
from ._clock import boot_time
from ._connection import RECEIVE_BYTES, Connection, of_this_process
from ._held import Holder
from ._http import MalformedError, Reader

TYPE_CHECKING = False
if TYPE_CHECKING:
    import os
    from collections.abc import Callable
    from typing import Any

    from typing_extensions import Self

    from ._calls import Begun


class Caller(Holder):
    """Calls the daemon. Threads may share it: each call has a connection of its own while it lasts."""

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
        self._read: tuple[bytes, Any] = (b"", None)
        """The last token's answer as it came, and what was read in it."""

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

    def _exchange(self, attempts: Attempts) -> tuple[float, dict[str, Any], bytes]:
        """When a request was sent, what was answered, and the bytes of that.

        The bytes alone where they came at once, over a connection that waited; else none.
        """
        begun, attempts.begun = attempts.begun, None
        first: bytes | None
        if begun is None:
            connection, kept = self._connection(attempts)
            asked, first = boot_time(), b""
            self._send(connection, attempts.call)
        else:
            connection, asked, first = begun
            kept = True
        try:
            reader = self._answer(connection, attempts.answer_seconds, kept, begun is not None, first)
            answer = _calls.object_of(reader, connection.path)
        except BaseException:
            connection.close()
            raise
        whole = b""
        if reader.keep_alive and len(self._idle) < IDLE_MAX:
            self._idle.append(connection)
            if begun is not None and reader.parts == 1:
                whole = first or b""
        else:
            connection.close()
        return asked, answer, whole

    def _begin(self, request: bytes, seconds: float, asked: float) -> Begun | None:
        """Sends over a connection that waits and takes what comes first; None where none waits."""
        try:
            connection = self._idle.pop()
        except IndexError:
            return None
        if connection.process != getpid():
            of_this_process()
            return None
        data: bytes | None
        try:
            socket = connection.socket
            socket.sendall(request, MSG_NOSIGNAL)
            # As `receive` does it, in one step less.
            try:
                data = socket.recv(RECEIVE_BYTES)
            except BlockingIOError:
                data = connection.receive_later(seconds)
        except BlockingIOError:
            data = None
        except OSError:
            data = b""
        except BaseException:
            connection.close()
            raise
        return connection, asked, data

    def _answer(
        self, connection: Connection, seconds: float, kept: bool, is_begun: bool, first: bytes | None
    ) -> Reader:
        """Reads an answer, of which `first` came already where it `is_begun`."""
        reader = Reader()
        until = None
        while True:
            if is_begun:
                data, is_begun = self._received(first, connection, reader, kept), False
            else:
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
        data: bytes | None
        try:
            data = connection.receive(seconds)
        except BlockingIOError:
            data = None
        except OSError:
            data = b""
        return self._received(data, connection, reader, kept)

    def _received(self, data: bytes | None, connection: Connection, reader: Reader, kept: bool) -> bytes:
        if data is None:
            raise _calls.late(connection.path)
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
                if error.errno == errno.ENOTCONN:
                    raise Trouble(_calls.late(place).error, 0.0) from None
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
                whole = reader.feed(b"")
                while not whole:
                    data = self._receive(connection, ANSWER_SECONDS, reader, kept)
                    whole = reader.feed(data) if data else reader.end()
                    if not data and not whole:
                        raise _calls.broke_off(connection.path)
                _calls.object_of(reader, connection.path)
        except MalformedError as malformed:
            connection.close()
            raise Trouble(_calls.foreign(connection.path, malformed), sent=True) from None
        except BaseException:
            connection.close()
            raise
        return connection, reader
