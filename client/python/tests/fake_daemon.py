"""A daemon whose answers a test writes itself, for what the real one does rarely."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import threading
from collections.abc import Callable
from typing import Any

Answer = Callable[[str, str, dict[str, Any]], "bytes | None"]


class FakeDaemon:
    """Answers each request with what `answer(method, target, body)` gives; None closes the connection."""

    def __init__(self, path: str, answer: Answer) -> None:
        self.path = path
        self.requests: list[tuple[str, str, dict[str, Any]]] = []
        self.connections = 0
        self._answer = answer
        self._open: set[socket.socket] = set()
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listener.bind(path)
        self._listener.listen(128)
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Ends as a daemon does: the socket is gone, each connection is closed. More than once is well."""
        if self._listener.fileno() < 0:
            return
        os.unlink(self.path)
        self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._listener.close()
        self.drop()

    def drop(self) -> None:
        """Closes every connection."""
        for connection in list(self._open):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            self._open.add(connection)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection, connection.makefile("rb") as incoming:
            while True:
                try:
                    start = incoming.readline()
                except OSError:
                    start = b""
                if not start:
                    break
                method, target, _ = start.decode().split(" ")
                length = 0
                while (line := incoming.readline().strip()) != b"":
                    name, _, value = line.partition(b":")
                    if name.lower() == b"content-length":
                        length = int(value)
                body = json.loads(incoming.read(length)) if length else {}
                self.requests.append((method, target, body))
                answer = self._answer(method, target, body)
                if answer is None:
                    break
                try:
                    connection.sendall(answer)
                except OSError:
                    break
                if isinstance(answer, Last):
                    break
            self._open.discard(connection)


class Last(bytes):
    """An answer that ends with its connection."""


def ok(body: dict[str, Any], status: str = "200 OK") -> bytes:
    """An answer with this body."""
    text = json.dumps(body).encode()
    head = f"HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {len(text)}\r\n\r\n"
    return head.encode() + text


def token(number: int = 1, *, expires_in: int = 300, refresh_in: int = 150, **more: Any) -> dict[str, Any]:
    """A token's answer."""
    return {
        "token": f"token-{number}",
        "token_type": "Bearer",
        "expires_at": 1790000300,
        "expires_in": expires_in,
        "refresh_at": 1790000150,
        "refresh_in": refresh_in,
        "profile": "wallaroo",
        "degraded": False,
        **more,
    }
