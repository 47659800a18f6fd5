"""A resource server on loopback that takes some tokens and refuses the others."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class ResourceServer:
    """Answers 200 where the token is one of `good`, else 401; `/to?URL` redirects there, `/open` takes anybody."""

    def __init__(self, *good: str) -> None:
        self.good = {f"Bearer {token}" for token in good}
        self.seen: list[tuple[str, str, str | None, bytes]] = []
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_any(self) -> None:
                server._answer(self)

            do_GET = do_POST = do_PUT = handle_any  # noqa: N815

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def tokens(self) -> list[str | None]:
        """What each request was sent with."""
        return [None if sent is None else sent.removeprefix("Bearer ") for _, _, sent, _ in self.seen]

    def _answer(self, request: BaseHTTPRequestHandler) -> None:
        sent = request.headers.get("Authorization")
        self.seen.append((request.command, request.path, sent, _body(request)))
        path, _, target = request.path.partition("?")
        if path == "/to":
            request.send_response(307)
            request.send_header("Location", target)
        else:
            request.send_response(200 if path == "/open" or sent in self.good else 401)
            request.send_header("Set-Cookie", "seen=1")
        request.send_header("Content-Length", "2")
        request.end_headers()
        request.wfile.write(b"{}")


def _body(request: BaseHTTPRequestHandler) -> bytes:
    if request.headers.get("Transfer-Encoding") != "chunked":
        return request.rfile.read(int(request.headers.get("Content-Length") or 0))
    body = b""
    while size := int(request.rfile.readline(), 16):
        body += request.rfile.read(size)
        request.rfile.readline()
    request.rfile.readline()
    return body
