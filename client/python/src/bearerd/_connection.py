"""One connection to a socket of the daemon, which a forked child never shares."""

from __future__ import annotations

# What `socket` is made of: the module itself costs more to import than this whole client.
import _socket as socket
import os
import sys
from select import POLLIN, poll

from .errors import DaemonUnreachable, ForeignListener

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

RECEIVE_BYTES: Final = 16 * 1024
"""Bytes taken at a time: a token answer with its head, even of a large token, comes in one."""


class Connection:
    """An open connection. Whoever takes it out of a pool has it alone."""

    __slots__ = ("path", "process", "socket")

    def __init__(self, path: str, *, blocking: bool, seconds: float) -> None:
        """Connects. A blocking one waits for room in a full backlog; then, and else at once, `BlockingIOError`."""
        self.path = path
        self.process = _process
        self.socket = _plain_socket() if blocking else _socket_for_an_event_loop()
        try:
            if blocking:
                # The kernel lets `connect` wait for room in the backlog as long as a send may take (unix(7)).
                self._bound(socket.SO_SNDTIMEO, seconds)
            else:
                self.socket.setblocking(False)
            self.socket.connect(path)
            if blocking:
                # A wait that a signal's handler interrupts looks like success: then this is `ENOTCONN`.
                self.socket.getpeername()
                self._bound(socket.SO_SNDTIMEO, SEND_SECONDS)
                self._bound(socket.SO_RCVTIMEO, AT_ONCE_SECONDS)
        except BaseException:
            self.socket.close()
            raise
        _open.add(self)

    def receive(self, seconds: float) -> bytes:
        """The next bytes, none at the end of the connection; `BlockingIOError` after `seconds`."""
        try:
            return self.socket.recv(RECEIVE_BYTES)
        except BlockingIOError:
            return self.receive_later(seconds)

    def receive_later(self, seconds: float) -> bytes:
        """The same, where nothing came at once."""
        # Most come at once. What takes longer costs one more system call, whose time goes on where a signal's handler
        # interrupts it; the kernel's own time begins anew then, and would never be over.
        waiting = poll()
        waiting.register(self.socket, POLLIN)
        if not waiting.poll(max(seconds, 0.0) * 1000):
            raise BlockingIOError
        return self.socket.recv(RECEIVE_BYTES)

    def check_listener(self) -> None:
        """A password or a refresh token goes to a process of our own user alone."""
        credentials = self.socket.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
        # `struct ucred`: pid, uid, gid, of four bytes each (unix(7)).
        uid = int.from_bytes(credentials[4:8], sys.byteorder)
        if uid != os.geteuid():
            raise ForeignListener(
                f"`{self.path}` belongs to a process of user {uid}, not to your own bearerd: nothing was sent"
            )

    def close(self) -> None:
        """Ends it; more than once is well."""
        _open.discard(self)
        self.socket.close()

    def _bound(self, direction: int, seconds: float) -> None:
        whole = int(seconds)
        value = _timeval(whole, int((seconds - whole) * 1_000_000))
        self.socket.setsockopt(socket.SOL_SOCKET, direction, value)


def _plain_socket() -> socket.socket:
    return socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)


def _socket_for_an_event_loop() -> socket.socket:
    # Some event loops look at what only this class has. `asyncio` has imported it already.
    import socket as whole

    return whole.socket(whole.AF_UNIX, whole.SOCK_STREAM)


AT_ONCE_SECONDS: Final = 0.001
"""A token in the daemon's memory takes a tenth of it."""
SEND_SECONDS: Final = 15.0
"""A request fits the socket's buffer; a daemon that does not read it in this time hangs."""

_open: set[Connection] = set()


def forget_open_connections() -> None:
    """In a forked child: none of the parent's connections is used, or kept open, by it."""
    for connection in list(_open):
        connection.close()


def of_this_process() -> bool:
    """Closes what a parent has opened, where a fork went past Python; gives whether there was none."""
    global _process
    process = os.getpid()
    if process == _process:
        return True
    _process = process
    forget_open_connections()
    return False


_process = os.getpid()
os.register_at_fork(after_in_child=forget_open_connections)


def _timeval(seconds: int, microseconds: int) -> bytes:
    """`struct timeval` (socket(7)): two words of the machine."""
    return seconds.to_bytes(_WORD, sys.byteorder) + microseconds.to_bytes(_WORD, sys.byteorder)


_WORD: Final = 8 if sys.maxsize > 2**32 else 4


def no_daemon(places: list[str], error: OSError | None) -> DaemonUnreachable:
    """The error where nobody listens."""
    if not places:
        return DaemonUnreachable("found no place for bearerd's socket: set BEARERD_SOCKET, XDG_RUNTIME_DIR or HOME")
    listed = ", ".join(f"`{place}`" for place in places)
    why = "" if error is None else f" ({os.strerror(error.errno) if error.errno else error})"
    return DaemonUnreachable(
        f"no bearerd answers at {listed}{why}: start it with `systemctl --user start "
        "bearerd.socket`, or with `bearerctl --autostart status` where no systemd manages this "
        "user's services"
    )
