"""Requests as bytes, and answers from bytes as they come: the little HTTP/1.1 of the protocol. No I/O."""

from __future__ import annotations

import json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

HEAD_MAX = 64 * 1024
"""Most bytes of an answer's head: four times what the server takes from us."""
BODY_MAX = 4 * 1024 * 1024
"""Most bytes of an answer's body: a status of some thousand profiles fits."""
LINE_MAX = 256
"""Most bytes of a chunk's size line, or of a trailer line."""

_UNRESERVED = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
"""What RFC 3986 §2.3 lets stand as it is."""


class MalformedError(Exception):
    """What is wrong with an answer; never a part of it, which could be a token."""


def get(target: str) -> bytes:
    """A request without a body."""
    return without_body("GET", target)


def without_body(method: str, target: str) -> bytes:
    """A request without a body."""
    return f"{method} {target} HTTP/1.1\r\nHost: bearerd\r\n\r\n".encode("ascii")


def with_body(method: str, target: str, body: Mapping[str, Any]) -> bytes:
    """A request whose body is one JSON object; what is None in it is left out."""
    given = {name: value for name, value in body.items() if value is not None}
    text = json.dumps(given).encode("ascii")
    head = (
        f"{method} {target} HTTP/1.1\r\nHost: bearerd\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(text)}\r\n\r\n"
    )
    return head.encode("ascii") + text


def percent_encoded(text: str) -> str:
    """All but the unreserved characters as `%XX`."""
    return "".join(chr(byte) if byte in _UNRESERVED else f"%{byte:02X}" for byte in text.encode("utf-8"))


def token_request(
    profile: str | None,
    scope: str | None = None,
    audience: str | None = None,
    issuer: str | None = None,
    min_ttl: float | None = None,
    strict: bool = False,
) -> bytes:
    """`GET /v1/token`; a `min_ttl` with a fraction is rounded up to the whole seconds of the protocol."""
    query = []
    for name, value in (
        ("profile", profile),
        ("issuer", issuer),
        ("min_ttl", None if min_ttl is None else str(max(0, -int(-min_ttl // 1)))),
        ("strict", "true" if strict else None),
        ("scope", scope),
        ("audience", audience),
    ):
        if value is not None:
            query.append(f"{name}={percent_encoded(value)}")
    return get("/v1/token?" + "&".join(query) if query else "/v1/token")


class Reader:
    """One answer: feed it what comes; when it is `whole`, `status`, `body` and `keep_alive` stand.

    With `stream` it stops at the head, and `take` gives what has come of the body so far.
    """

    __slots__ = (
        "_chunk",
        "_framing",
        "_in_trailers",
        "_left",
        "_unread",
        "body",
        "keep_alive",
        "parts",
        "status",
        "whole",
    )

    def __init__(self) -> None:
        self.status = 0
        self.parts = 0
        self.keep_alive = False
        self.body = b""
        self.whole = False
        self._framing: int | None = None
        self._unread = b""
        self._left = -1
        self._chunk = -1
        self._in_trailers = False

    @property
    def begun(self) -> bool:
        """Whether a first byte has come."""
        return self.status != 0 or bool(self._unread)

    def feed(self, data: bytes) -> bool:
        """Takes the next bytes; gives whether the answer is whole."""
        self.parts += 1
        unread = self._unread + data if self._unread else data
        while self.status < 200:
            end = unread.find(b"\r\n\r\n")
            if end < 0:
                if len(unread) > HEAD_MAX:
                    raise MalformedError("its head is too long")
                self._unread = unread
                return False
            self._head(unread[:end])
            unread = unread[end + 4 :]
        framing = self._framing
        if framing is not None and framing >= 0:
            if len(unread) < framing:
                self._unread = unread
                return False
            if len(unread) > framing:
                # Bytes beyond the answer belong to no request: they may not become the next one's answer.
                unread = unread[:framing]
                self.keep_alive = False
            self.body = unread
            self._unread = b""
            self.whole = True
            return True
        self._unread = unread
        if framing is None:
            if len(unread) > BODY_MAX:
                raise MalformedError("its body is too long")
            return False
        self.body += self.take()
        if len(self.body) > BODY_MAX:
            raise MalformedError("its body is too long")
        if self.whole and self._unread:
            self.keep_alive = False
        return self.whole

    def end(self) -> bool:
        """The connection has ended; gives whether that is where the answer ends."""
        if self.status >= 200 and self._framing is None:
            self.body, self._unread, self.whole = self._unread, b"", True
        return self.whole

    def head(self, data: bytes) -> bool:
        """Takes the next bytes of a stream; gives whether its head is there."""
        unread = self._unread + data
        while self.status < 200:
            end = unread.find(b"\r\n\r\n")
            if end < 0:
                if len(unread) > HEAD_MAX:
                    raise MalformedError("its head is too long")
                self._unread = unread
                return False
            self._head(unread[:end])
            unread = unread[end + 4 :]
        self._unread = unread
        return True

    def more(self, data: bytes) -> bytes:
        """Takes the next bytes of a stream behind its head; gives what they bring of the body."""
        self._unread += data
        if self._framing == _CHUNKED:
            return self.take()
        taken, self._unread = self._unread, b""
        return taken

    def take(self) -> bytes:
        """What has come of a chunked body and was not taken yet (RFC 9112 §7.1)."""
        unread, taken = self._unread, []
        while not self.whole:
            if self._chunk > 0:
                taken.append(unread[: self._chunk])
                self._chunk -= len(taken[-1])
                unread = unread[len(taken[-1]) :]
                if self._chunk > 0:
                    break
            end = unread.find(b"\r\n")
            if end < 0:
                if len(unread) > LINE_MAX:
                    raise MalformedError("a line of its chunks is too long")
                break
            line, unread = unread[:end], unread[end + 2 :]
            if self._in_trailers:
                self.whole = not line
            elif self._chunk == 0:
                if line:
                    raise MalformedError("a chunk has no end")
                self._chunk = -1
            else:
                self._chunk = _chunk_size(line)
                self._in_trailers = self._chunk == 0
        self._unread = unread
        return b"".join(taken)

    def _head(self, head: bytes) -> None:
        read = _heads.get(head)
        if read is None:
            read = _read_head(head)
            if len(_heads) >= _HEADS_MAX:
                _heads.clear()
            _heads[head] = read
        self.status, self._framing, self.keep_alive = read


_heads: dict[bytes, tuple[int, int | None, bool]] = {}
"""What was read in heads before: a daemon's are the same again and again."""
_HEADS_MAX = 64


def _read_head(head: bytes) -> tuple[int, int | None, bool]:
    """Status, framing, and whether the connection can carry another request."""
    lines = head.split(b"\r\n")
    start = lines[0]
    if start[:7] != b"HTTP/1." or not start[9:12].isdigit():
        raise MalformedError("it does not begin with a head of HTTP/1.1")
    status = int(start[9:12])
    length: int | None = None
    chunked = False
    keep_alive = start[7:8] == b"1"
    for line in lines[1:]:
        name, colon, value = line.partition(b":")
        if not colon:
            raise MalformedError("its head has a line that is no header")
        # The shortest test first: most headers are none of these.
        size = len(name)
        if size == 14 and name.lower() == b"content-length":
            value = value.strip()
            if not value.isdigit() or len(value) > 12:
                raise MalformedError("its Content-Length is no number")
            if length is not None and length != int(value):
                raise MalformedError("it has two lengths")
            length = int(value)
        elif size == 17 and name.lower() == b"transfer-encoding":
            if value.strip().lower() != b"chunked":
                raise MalformedError("its Transfer-Encoding is not `chunked`")
            chunked = True
        elif size == 10 and name.lower() == b"connection":
            keep_alive = keep_alive and value.strip().lower() != b"close"
    if status in (204, 304):
        framing: int | None = 0
    elif chunked:
        framing = _CHUNKED
    else:
        framing = length
        if length is not None and length > BODY_MAX:
            raise MalformedError("its body is too long")
    return status, framing, keep_alive and framing is not None


class EventReader:
    """Server-sent events from the bytes of a stream: gives the `data` of each, as JSON objects."""

    def __init__(self) -> None:
        self._text = b""

    def feed(self, data: bytes) -> list[dict[str, Any]]:
        """Takes the next bytes; gives the events that they complete."""
        # The daemon ends lines with `\n`; `\r\n` is taken too, as the format allows it.
        self._text += data.replace(b"\r\n", b"\n")
        *messages, self._text = self._text.split(b"\n\n")
        if len(self._text) > BODY_MAX:
            raise MalformedError("an event is too long")
        events = []
        for message in messages:
            lines = [line[5:].removeprefix(b" ") for line in message.split(b"\n") if line.startswith(b"data:")]
            if lines:
                events.append(json_object(b"\n".join(lines)))
        return events


def json_object(text: bytes) -> dict[str, Any]:
    """The object that stands in `text`."""
    try:
        # What `json.loads` does, without a look at what it could be else.
        value, end = _scan(text.decode(), 0)
    except (StopIteration, ValueError, RecursionError):
        # The error would quote the answer, where a token may stand.
        value, end = None, 0
    if type(value) is not dict or (end != len(text) and text.decode()[end:].strip()):
        raise MalformedError("its JSON is not what this route gives")
    return value


_scan = json.JSONDecoder().scan_once  # type: ignore[attr-defined]


_CHUNKED = -1


def _chunk_size(line: bytes) -> int:
    digits = line.partition(b";")[0].strip()
    try:
        size = int(digits, 16)
    except ValueError:
        size = -1
    if size < 0 or size > BODY_MAX:
        raise MalformedError("a chunk has no size")
    return size
