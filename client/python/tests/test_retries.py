"""What is tried again, for how long, and what is not."""

from __future__ import annotations

import asyncio
import os
import socket
import threading
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

import bearerd
from bearerd import _calls, errors

from .clients import client_of, error, sleeper
from .fake_daemon import Answer, FakeDaemon, Last, ok, token

Fake = Callable[[Answer], FakeDaemon]


def test_a_connection_that_was_closed_meanwhile_is_replaced(fake: Fake, monkeypatch: pytest.MonkeyPatch) -> None:
    pauses = sleeper(monkeypatch)
    daemon = fake(lambda *_: ok({"status": "ok"}))
    with client_of(daemon) as client:
        client.health()
        daemon.drop()
        client.health()
    assert daemon.connections == 2
    assert pauses == []


def test_a_restart_reaches_no_caller(fake: Fake, monkeypatch: pytest.MonkeyPatch) -> None:
    pauses = sleeper(monkeypatch)
    daemon = fake(lambda *_: ok({"status": "ok"}))
    with client_of(daemon) as client:
        client.health()
        daemon.stop()

        def sleep(pause: float) -> None:
            pauses.append(pause)
            if len(pauses) == 5:
                fake(lambda *_: ok({"status": "degraded"}))

        monkeypatch.setattr("bearerd._caller.time.sleep", sleep)
        assert client.health() == "degraded"
    assert pauses == [0.01, 0.02, 0.04, 0.08, 0.16]


def test_patience_ends(fake: Fake, monkeypatch: pytest.MonkeyPatch) -> None:
    pauses = sleeper(monkeypatch)
    daemon = fake(lambda *_: None)
    with client_of(daemon) as client:
        with pytest.raises(errors.DaemonUnreachable, match="closed every connection"):
            client.health()
        assert 11.5 < sum(pauses) < 12.0
        assert set(pauses[5:]) == {0.2}
        daemon.stop()
        pauses.clear()
        # It was given up: its socket is missed for good now.
        with pytest.raises(errors.DaemonUnreachable, match="no bearerd answers"):
            client.health()
        assert pauses == []


@pytest.mark.parametrize("code", ["overloaded", "shutting-down"])
def test_who_is_turned_away_comes_again(fake: Fake, monkeypatch: pytest.MonkeyPatch, code: str) -> None:
    pauses = sleeper(monkeypatch)
    answers = [error(code, "503 Service Unavailable", retry_after=3), ok({"status": "ok"})]
    daemon = fake(lambda *_: answers.pop(0))
    with client_of(daemon) as client:
        assert client.health() == "ok"
    assert pauses == [3.0]
    assert daemon.connections == 2


def said(body: bytes, *_: Any) -> bytes:
    return body


def test_other_errors_are_not_tried_again(fake: Fake) -> None:
    cases: list[tuple[bytes, type[bearerd.AuthError]]] = [
        (error("idp-unreachable", "503 Service Unavailable", retry_after=1), errors.IdpUnreachable),
        (error("newer-word", "503 Service Unavailable"), bearerd.AuthError),
        (b"HTTP/1.1 500 Oh\r\ncontent-length: 2\r\n\r\nno", errors.ProtocolError),
        (b"SSH-2.0-OpenSSH_9.2\r\n\r\n", errors.ProtocolError),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nnull", errors.ProtocolError),
        (ok({}), errors.ProtocolError),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 200000\r\n\r\n" + 200_000 * b"[", errors.ProtocolError),
        (ok({**token(), "expires_in": "300"}), errors.ProtocolError),
        (ok({**token(), "refresh_in": [150]}), errors.ProtocolError),
        (error("overloaded", "503 Service Unavailable", retry_after="soon"), errors.ProtocolError),
    ]
    for body, expected in cases:
        daemon = fake(partial(said, body))
        with client_of(daemon) as client, pytest.raises(bearerd.AuthError) as raised:
            client.token()
        assert type(raised.value) is expected
        assert len(daemon.requests) == 1
        daemon.stop()


def test_an_import_is_sent_once(fake: Fake) -> None:
    daemon = fake(lambda method, *_: ok({"status": "ok"}) if method == "GET" else None)
    with client_of(daemon) as client:
        client.health()
        with pytest.raises(errors.DaemonUnreachable):
            client.import_token("refresh", "w", replace=True)
    posts = [request for request in daemon.requests if request[0] == "POST"]
    assert posts == [("POST", "/v1/import", {"profile": "w", "refresh_token": "refresh", "replace": True})]
    # A connection that has waited could be closed with the token on its way.
    assert daemon.connections == 2


def test_secrets_go_to_a_listener_of_our_own(fake: Fake, monkeypatch: pytest.MonkeyPatch) -> None:
    daemon = fake(lambda *_: ok({"state": "done"}))
    with client_of(daemon) as client:
        assert client.login("w", username="jane", password="pw").done
        monkeypatch.setattr("bearerd._connection.os.geteuid", lambda: os.getuid() + 1)
        with pytest.raises(errors.ForeignListener, match="nothing was sent"):
            client.login("w", password="pw")
        with pytest.raises(errors.ForeignListener, match="nothing was sent"):
            client.import_token("rt")
        assert client.login("w").done
    assert len(daemon.requests) == 2


def test_a_token_in_hand_is_given_while_no_daemon_answers(fake: Fake, monkeypatch: pytest.MonkeyPatch) -> None:
    pauses = sleeper(monkeypatch)
    daemon = fake(lambda *_: ok(token(expires_in=300, refresh_in=10)))
    with client_of(daemon) as client:
        assert not client.token().degraded
        daemon.stop()
        pauses.append(20)
        given = client.token()
        assert (given.token, given.degraded) == ("token-1", True)
        assert client.header() == {"Authorization": "Bearer token-1"}
        assert pauses == [20]
        with pytest.raises(errors.DaemonUnreachable):
            client.token(min_ttl=290, strict=True)
        del pauses[1:]
        pauses.append(281)
        with pytest.raises(errors.DaemonUnreachable):
            client.token()


def test_a_token_that_was_taken_back_is_not_given(fake: Fake, monkeypatch: pytest.MonkeyPatch) -> None:
    pauses = sleeper(monkeypatch)
    answers = [ok(token(refresh_in=10)), error("login-required", "401 Unauthorized")]
    daemon = fake(lambda *_: answers.pop(0))
    with client_of(daemon) as client:
        client.token()
        pauses.append(20)
        with pytest.raises(errors.LoginRequired):
            client.token()


def test_a_full_backlog_is_waited_for(tmp_path: Any) -> None:
    path = str(tmp_path / "full")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(path)
        listener.listen(0)
        waiting = [socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) for _ in range(8)]
        for one in waiting:
            one.setblocking(False)
            try:
                one.connect(path)
            except BlockingIOError:
                break
        else:
            raise AssertionError("its backlog has no end")
        results: list[str] = []
        with bearerd.Client(socket=path) as client:
            caller = threading.Thread(target=lambda: results.append(client.health()))
            caller.start()
            time.sleep(0.2)
            assert results == []
            while not results:
                connection = listener.accept()[0]
                connection.settimeout(0.5)
                with connection:
                    try:
                        if connection.recv(1024):
                            connection.sendall(ok({"status": "ok"}))
                            caller.join(5)
                    except TimeoutError:
                        pass
        assert results == ["ok"]
        for one in waiting:
            one.close()


def test_a_daemon_that_hangs_is_not_waited_for_without_end(fake: Fake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_calls, "ANSWER_SECONDS", 0.2)
    gate = threading.Event()

    def hang(*_: Any) -> None:
        gate.wait(20)

    daemon = fake(hang)
    with client_of(daemon) as client:
        with pytest.raises(errors.DaemonUnreachable, match="no answer in time"):
            client.health()
        gate.set()
    assert len(daemon.requests) == 1


def test_a_daemon_that_drips_is_not_waited_for_without_end(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_calls, "ANSWER_SECONDS", 0.5)
    path = str(tmp_path / "drip")
    ended = threading.Event()
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(path)
        listener.listen()

        def drip() -> None:
            connection = listener.accept()[0]
            with connection:
                connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 9999\r\n\r\n")
                while not ended.wait(0.1):
                    try:
                        connection.sendall(b"x")
                    except OSError:
                        return

        thread = threading.Thread(target=drip)
        thread.start()
        with bearerd.Client(socket=path) as client, pytest.raises(errors.DaemonUnreachable, match="no answer in time"):
            client.health()
        ended.set()
        thread.join()


def test_no_place_says_what_to_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bearerd._places.socket_places", list)
    with pytest.raises(errors.DaemonUnreachable, match="BEARERD_SOCKET"):
        bearerd.Client().health()


def test_the_first_place_that_answers_is_taken(fake: Fake, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    stale = str(tmp_path / "stale")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(stale)
    daemon = fake(lambda *_: ok({"status": "ok"}))
    places = [str(tmp_path / "missing"), stale, daemon.path]
    monkeypatch.setattr("bearerd._places.socket_places", lambda: places)
    with bearerd.Client() as client:
        assert client.health() == "ok"
    places.pop()
    with bearerd.Client() as client, pytest.raises(errors.DaemonUnreachable, match="refused"):
        client.health()


def test_a_path_too_long_is_said(tmp_path: Any) -> None:
    with (
        bearerd.Client(socket=tmp_path / ("x" * 200)) as client,
        pytest.raises(errors.DaemonUnreachable, match="too long"),
    ):
        client.health()


def test_an_answer_that_was_read_before_is_known_again(fake: Fake) -> None:
    """The same bytes are read once; an error's bytes, or a part, are never taken for them."""
    good, other = ok(token(1, refresh_in=0)), ok(token(2, refresh_in=0))
    overloaded = error("overloaded", "503 Service Unavailable")
    answers = [good, good, overloaded, other, overloaded, good, good, None, other, good]
    daemon = fake(lambda *_: answers.pop(0))
    tokens = []
    with client_of(daemon) as client:
        while answers:
            # With one in hand, no daemon that is overloaded is waited for.
            client._held.clear()
            tokens.append(client.token().token)
    assert tokens == ["token-1", "token-1", "token-2", "token-1", "token-1", "token-2", "token-1"]


def test_a_known_answer_counts_from_its_own_request(fake: Fake, monkeypatch: pytest.MonkeyPatch) -> None:
    pauses = sleeper(monkeypatch)
    daemon = fake(lambda *_: ok(token(expires_in=300, refresh_in=150)))
    with client_of(daemon) as client:
        for _ in range(4):
            held = client.token()
            assert (held.expires_in, held.refresh_in) == (300, 150)
            pauses.append(151)
        # The same answer, asked for anew, is as young as it says.
        pauses.append(-2.0)
        assert client.token().expires_in == 151
    assert len(daemon.requests) == 4


def test_a_known_answer_is_as_good_as_it_says_after_an_outage(fake: Fake, monkeypatch: pytest.MonkeyPatch) -> None:
    pauses = sleeper(monkeypatch)
    # Of a token with no known end each answer has the same bytes.
    constant = ok({"token": "constant", "token_type": "Bearer", "profile": "w", "degraded": False})
    daemon = fake(lambda *_: constant)
    degraded = []
    with client_of(daemon) as client:
        for outage in (False, False, True, False, False, False):
            daemon.stop() if outage else None
            degraded.append(client.token().degraded)
            daemon = fake(lambda *_: constant) if outage else daemon
            pauses.append(61.0)
    assert degraded == [False, False, True, False, False, False]


@pytest.mark.parametrize("kind", ["blocking", "asyncio"])
def test_a_stream_is_refused_by_an_error_that_ends_with_its_connection(fake: Fake, kind: str) -> None:
    body = b'HTTP/1.0 404 Not Found\r\n\r\n{"code":"not-found","message":"no such route"}'
    daemon = fake(lambda *_: Last(body))
    raised: list[BaseException] = []

    async def listen() -> None:
        async with bearerd.AsyncClient(socket=daemon.path) as client:
            async for _ in client.events():
                pass

    def call() -> None:
        try:
            if kind == "asyncio":
                asyncio.run(listen())
            else:
                with client_of(daemon) as client:
                    client.events()
        except errors.AuthError as error:
            raised.append(error)

    # In a thread: a client that looks for more for ever would keep the test from its end.
    thread = threading.Thread(target=call, daemon=True)
    thread.start()
    thread.join(20)
    assert [type(error) for error in raised] == [errors.NotFound]
