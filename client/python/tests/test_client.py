"""What the blocking client asks, holds and gives."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

from bearerd import errors

from .clients import client_of, error, sleeper
from .fake_daemon import Answer, FakeDaemon, ok, token

Fake = Callable[[Answer], FakeDaemon]


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


def test_the_modules_are_there_without_an_import_of_their_own() -> None:
    source = """
import sys, bearerd
assert not [name for name in sys.modules if name.startswith("bearerd.")]
print(bearerd.errors.LoginRequired.__name__, bearerd.auth.create.__name__, bearerd.wallaroo.install.__name__)
print(hasattr(bearerd, "nothing"), [name for name in ("httpx", "requests") if getattr(bearerd, name).BearerAuth])
"""
    said = subprocess.check_output([sys.executable, "-c", source], env={"PYTHONPATH": os.pathsep.join(sys.path)})
    assert said.decode().splitlines() == ["LoginRequired create install", "False ['httpx', 'requests']"]
