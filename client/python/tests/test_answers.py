"""The parser of answers, and what a program sees of them."""

from __future__ import annotations

import copy
import pickle

import pytest

from bearerd import AuthError, LoginState, Token, errors
from bearerd._http import BODY_MAX, HEAD_MAX, MalformedError, Reader

PLAIN = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\ncontent-length: 7\r\nDate: x\r\n\r\n"
CHUNKED = (
    b"HTTP/1.1 404 Not Found\r\ntransfer-encoding: Chunked\r\n\r\n4;a=b\r\n{'a'\r\n3\r\n:1}\r\n0\r\nTrailer: 1\r\n\r\n"
)


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
def test_an_answer_may_come_in_pieces(size: int) -> None:
    for text, status, body in (
        (PLAIN + b"{'a':1}", 200, b"{'a':1}"),
        (CHUNKED, 404, b"{'a':1}"),
        (b"HTTP/1.1 100 Continue\r\n\r\n" + PLAIN + b"{'a':1}", 200, b"{'a':1}"),
        (b"HTTP/1.1 204 No Content\r\n\r\n", 204, b""),
    ):
        reader = Reader()
        assert not reader.begun
        pieces = [text[start : start + size] for start in range(0, len(text), size)]
        assert [reader.feed(piece) for piece in pieces] == [False] * (len(pieces) - 1) + [True]
        assert (reader.status, reader.body, reader.keep_alive, reader.begun) == (status, body, True, True)


def test_an_answer_may_end_with_its_connection() -> None:
    reader = Reader()
    assert not reader.feed(b"HTTP/1.1 200 OK\r\n\r\n{}")
    assert reader.end()
    assert (reader.body, reader.keep_alive) == (b"{}", False)
    reader = Reader()
    assert not reader.feed(PLAIN + b"{")
    assert not reader.end()


def test_a_connection_is_not_kept_where_more_came_or_its_end_was_said() -> None:
    for text in (
        PLAIN + b"{'a':1}HTTP/1.1 200",
        CHUNKED + b"x",
        PLAIN.replace(b"Date: x", b"Connection: close") + b"{'a':1}",
        PLAIN.replace(b"HTTP/1.1", b"HTTP/1.0") + b"{'a':1}",
    ):
        reader = Reader()
        assert reader.feed(text)
        assert (reader.body, reader.keep_alive) == (b"{'a':1}", False)


@pytest.mark.parametrize(
    "text",
    [
        b"SSH-2.0-OpenSSH_9.2\r\n\r\n",
        b"HTTP/2 200 OK\r\n\r\n",
        b"HTTP/1.1 abc OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nno header\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 9999999999999\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % (BODY_MAX + 1),
        b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: gzip\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nxyz\r\n",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n-1\r\n",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\nabc\r\n",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n" + b"0" * 300,
        b"x" * (HEAD_MAX + 1),
        b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * (BODY_MAX + 1),
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n" + (b"fffff\r\n" + b"x" * 0xFFFFF + b"\r\n") * 5,
    ],
)
def test_what_is_no_answer_is_refused(text: bytes) -> None:
    with pytest.raises(MalformedError):
        Reader().feed(text)


def test_a_token_can_be_compared_copied_and_sent_but_not_changed() -> None:
    token = Token("secret-token", profile="w", expires_in=60, user_id="u")
    assert token == Token("secret-token", profile="w", expires_in=60, user_id="u")
    assert token != Token("other", profile="w", expires_in=60, user_id="u")
    assert len({token, copy.copy(token), pickle.loads(pickle.dumps(token))}) == 1
    assert "secret-token" not in f"{token} {token!r} {[token]}"
    assert "REDACTED" in repr(token)
    for name in ("token", "profile", "degraded", "anything"):
        with pytest.raises(AttributeError):
            setattr(token, name, "x")


def test_a_login_can_be_sent_too() -> None:
    state = LoginState._of({"state": "pending", "login_id": "a", "user_code": "WDJB-MJHT"})
    assert pickle.loads(pickle.dumps(state)) == state
    assert repr(state) == "LoginState(state='pending', login_id='a', user_code='WDJB-MJHT')"
    with_rows = [LoginState._of({"state": "pending", "qr_code": ["101", "010"]}) for _ in range(2)]
    assert len({state, *with_rows}) == 2


def of_this_package() -> list[type[AuthError]]:
    """Without those that another test has derived."""
    return [error for error in AuthError.__subclasses__() if error.__module__ == "bearerd.errors"]


def test_each_error_comes_back_whole_from_another_process() -> None:
    kinds: list[type[AuthError]] = [AuthError, *of_this_package()]
    for kind in kinds:
        error = kind("why", hint="do this", retry_after=3, profile="w")
        for again in (pickle.loads(pickle.dumps(error)), copy.copy(error)):
            assert type(again) is kind
            assert again.__dict__ == error.__dict__
            assert str(again) == "why"
    assert AuthError("why", "some-code").code == "some-code"
    assert errors.LoginRequired("why").code == "login-required"
    assert errors.DaemonUnreachable("why").code is None
