"""The blocking client against a daemon whose answers are written here."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import pytest

import bearerd
from bearerd import _calls, _clock, errors

from .fake_daemon import Answer, FakeDaemon, ok, token

Fake = Callable[[Answer], FakeDaemon]


@contextmanager
def client_of(daemon: FakeDaemon, **options: Any) -> Iterator[bearerd.Client]:
    with bearerd.Client(socket=daemon.path, **options) as client:
        yield client


def error(code: str, status: str, **more: Any) -> bytes:
    return ok({"code": code, "message": f"said: {code}", **more}, status)


def sleeper(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The client's pauses, which pass at once on its own clock."""
    pauses: list[float] = []
    real = _clock.boot_time

    def sleep(seconds: float) -> None:
        pauses.append(seconds)

    def boot_time() -> float:
        return float(real() + sum(pauses))

    monkeypatch.setattr("bearerd._client.time.sleep", sleep)
    for module in ("_calls", "_client", "_held", "_token"):
        monkeypatch.setattr(f"bearerd.{module}.boot_time", boot_time)
    return pauses


def test_a_token_is_held_until_it_is_to_be_renewed(fake: Fake, monkeypatch: pytest.MonkeyPatch) -> None:
    pauses = sleeper(monkeypatch)
    daemon = fake(lambda *_: ok(token(len(daemon.requests), expires_in=300, refresh_in=150)))
    with client_of(daemon) as client:
        for now, number in ((0, 1), (149, 1), (151, 2), (300, 2), (302, 3)):
            pauses[:] = [now]
            assert client.header() == {"Authorization": f"Bearer token-{number}"}
            assert client.token().token == f"token-{number}"
    assert daemon.connections == 1


def test_what_is_left_of_a_held_token_is_counted_from_now(fake: Fake, monkeypatch: pytest.MonkeyPatch) -> None:
    pauses = sleeper(monkeypatch)
    daemon = fake(lambda *_: ok(token(expires_in=300, refresh_in=150)))
    with client_of(daemon) as client:
        held = client.token()
        assert (held.expires_in, held.refresh_in) == (300, 150)
        pauses.append(100.5)
        assert client.token() is held
        assert (held.expires_in, held.refresh_in) == (200, 50)
        pauses.append(1000)
        assert (held.expires_in, held.refresh_in) == (0, 0)


def test_a_wish_is_met_from_the_hand_or_asked_for(fake: Fake) -> None:
    daemon = fake(lambda *_: ok(token(len(daemon.requests), expires_in=300, refresh_in=150)))
    with client_of(daemon) as client:
        client.token()
        assert client.token(min_ttl=200).token == "token-1"
        assert client.token(min_ttl=300.5, strict=True).token == "token-2"
    assert [target for _, target, _ in daemon.requests] == ["/v1/token", "/v1/token?min_ttl=301&strict=true"]


def test_tokens_are_held_apart(fake: Fake) -> None:
    daemon = fake(lambda *_: ok(token(len(daemon.requests))))
    with client_of(daemon, profile="a b") as client:
        for _ in range(2):
            assert client.token().token == "token-1"
            assert client.token("c").token == "token-2"
            assert client.token(scope="openid x").token == "token-3"
            assert client.token(audience="https://d/ä").token == "token-4"
            assert client.token(issuer="https://e").token == "token-5"
    targets = [target.removeprefix("/v1/token?") for _, target, _ in daemon.requests]
    assert targets == [
        "profile=a%20b",
        "profile=c",
        "profile=a%20b&scope=openid%20x",
        "profile=a%20b&audience=https%3A%2F%2Fd%2F%C3%A4",
        "issuer=https%3A%2F%2Fe",
    ]


def test_the_environment_names_the_profile(fake: Fake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BEARERD_PROFILE", "night")
    daemon = fake(lambda *_: ok(token()))
    with client_of(daemon) as client:
        client.token()
    assert daemon.requests[0][1] == "/v1/token?profile=night"


def test_a_rejected_token_is_replaced_in_the_hand(fake: Fake) -> None:
    daemon = fake(lambda *_: ok(token(len(daemon.requests))))
    with client_of(daemon) as client:
        for scope in (None, "x"):
            client.token(scope=scope)
        newer = client.reject(client.token(scope="x"))
        assert newer.token == "token-3"
        assert client.token(scope="x").token == "token-3"
        assert client.token().token == "token-1"
        assert client.reject("token-1").token == "token-4"
        assert client.token().token == "token-4"
    bodies = [body for _, _, body in daemon.requests if body]
    assert bodies == [{"profile": "wallaroo", "token": "token-2"}, {"token": "token-1"}]


def test_a_rejected_token_is_not_given_again_where_there_is_no_newer(fake: Fake) -> None:
    answers = {"GET": ok(token()), "POST": error("idp-rejected", "502 Bad Gateway", retry_after=7)}
    daemon = fake(lambda method, *_: answers[method])
    with client_of(daemon) as client:
        held = client.token()
        with pytest.raises(errors.IdpRejected) as raised:
            client.reject(held)
        assert raised.value.retry_after == 7
        client.token()
    assert [method for method, _, _ in daemon.requests] == ["GET", "POST", "GET"]


def test_a_profile_without_a_token_sends_no_header(fake: Fake) -> None:
    daemon = fake(lambda *_: ok({"token_type": "none", "profile": "open", "degraded": False}))
    with client_of(daemon) as client:
        assert client.header() == {}
        assert client.token().token is None


def test_a_header_is_the_callers_own(fake: Fake) -> None:
    daemon = fake(lambda *_: ok(token()))
    with client_of(daemon) as client:
        client.header()["Authorization"] = "spoiled"
        assert client.header() == {"Authorization": "Bearer token-1"}


def test_a_login_is_followed_to_its_end(fake: Fake) -> None:
    pending = {"state": "pending", "login_id": "a/b", "profile": "w", "expires_at": 1, "expires_in": 600}
    answers = [ok(token()), ok(pending), ok(pending), ok({"state": "done", "user_id": "u"}), ok(token(2))]
    daemon = fake(lambda *_: answers.pop(0))
    with client_of(daemon) as client:
        client.token()
        state = client.login("w", replace=True, lifetime=60.0)
        assert state.login_id == "a/b"
        assert client.follow_login("a/b", wait=0.5) == state
        assert client.follow_login("a/b").user_id == "u"
        assert client.token().token == "token-2"
    assert daemon.requests[1:4] == [
        ("POST", "/v1/login", {"profile": "w", "replace": True, "lifetime": 60}),
        ("GET", "/v1/login/a%2Fb?wait=0", {}),
        ("GET", "/v1/login/a%2Fb?wait=59", {}),
    ]


def test_a_logout_means_one_profile_unless_all_are_said(fake: Fake) -> None:
    profiles: dict[str, Any] = {"profiles": [{"profile": "only", "auth_type": "none", "settings": {}}]}
    done: dict[str, Any] = {"profiles": []}
    daemon = fake(lambda method, *_: ok(profiles if method == "GET" else done))
    with client_of(daemon) as client:
        client.logout(revoke=False)
        client.logout("a")
        client.logout(all_profiles=True)
        profiles["profiles"].append({**profiles["profiles"][0], "profile": "b"})
        with pytest.raises(errors.BadRequest, match="`only`, `b`"):
            client.logout()
        profiles["default_profile"] = "b"
        client.logout()
    sent = [body for method, _, body in daemon.requests if method == "POST"]
    assert sent == [{"profile": "only", "revoke": False}, {"profile": "a"}, {}, {"profile": "b"}]


def test_events_come_as_they_happen(fake: Fake) -> None:
    first = b'event: refreshed\ndata: {"kind":"refreshed","profile":"w","at":1}\n\n'
    second = b': alive\n\nevent: logged-out\ndata: {"kind":"logged-out","profile":"w","at":2}\n\n'
    head = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
    # A chunk may end anywhere.
    pieces = [first + second[:9], second[9:]]
    body = b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces)
    daemon = fake(lambda *_: head + body + b"0\r\n\r\n")
    with client_of(daemon) as client:
        assert [event["kind"] for event in client.events()] == ["refreshed", "logged-out"]
    daemon = fake_again(fake, daemon, lambda *_: head + body)
    with client_of(daemon) as client:
        with client.events() as events:
            pass
        assert list(events) == []
        events = client.events()
        assert next(events)["at"] == 1
        daemon.drop()
        assert next(events)["at"] == 2
        with pytest.raises(errors.DaemonUnreachable):
            next(events)
    daemon = fake_again(fake, daemon, lambda *_: error("not-found", "404 Not Found"))
    with client_of(daemon) as client, pytest.raises(errors.NotFound):
        client.events()


def fake_again(fake: Fake, daemon: FakeDaemon, answer: Answer) -> FakeDaemon:
    daemon.stop()
    return fake(answer)


def test_an_error_keeps_what_the_daemon_said(fake: Fake) -> None:
    body = error("login-required", "401 Unauthorized", login_hint="bearerctl login w", profile="w")
    daemon = fake(lambda *_: body)
    with client_of(daemon) as client, pytest.raises(errors.LoginRequired, match="said: login-required") as raised:
        client.token()
    said = raised.value
    assert (said.code, said.hint, said.profile) == ("login-required", "bearerctl login w", "w")
    assert len(daemon.requests) == 1


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

        monkeypatch.setattr("bearerd._client.time.sleep", sleep)
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
