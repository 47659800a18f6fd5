"""An auth object of `bearerd.auth` in the requests of httpx, sync and async, and of requests."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from bearerd import auth

from .fake_daemon import Answer, FakeDaemon, ok, token

httpx = pytest.importorskip("httpx")

Fake = Callable[[Answer], FakeDaemon]
PROFILES = {"profiles": [{"profile": "mine", "auth_type": "sso", "settings": {"keycloak_addr": "https://idp.test"}}]}


class Platform:
    """Takes the tokens in `good`; keeps what came, each host apart."""

    def __init__(self, *good: str) -> None:
        self.good = good
        self.seen: list[tuple[str, str | None, bytes]] = []

    def __call__(self, request: Any) -> Any:
        sent = request.headers.get("Authorization")
        self.seen.append((request.url.host, sent, request.content))
        if request.url.path == "/away":
            return httpx.Response(302, headers={"Location": "https://other.test/"})
        return httpx.Response(200 if sent in self.good else 401)

    async def later(self, request: Any) -> Any:
        await request.aread()
        return self(request)


@pytest.fixture(params=["sync", "async"])
def send(request: pytest.FixtureRequest) -> Callable[..., Any]:
    """Sends one request to a platform."""

    def in_sync(platform: Platform, made: Any, path: str = "/", **more: Any) -> Any:
        def handler(incoming: Any) -> Any:
            incoming.read()
            return platform(incoming)

        with httpx.Client(transport=httpx.MockTransport(handler), auth=made, follow_redirects=True) as client:
            return client.post(f"https://platform.test{path}", **more)

    def in_async(platform: Platform, made: Any, path: str = "/", **more: Any) -> Any:
        async def once() -> Any:
            transport = httpx.MockTransport(platform.later)
            async with httpx.AsyncClient(transport=transport, auth=made, follow_redirects=True) as client:
                if isinstance(more.get("content"), Iterator):
                    more["content"] = later(more["content"])
                return await client.post(f"https://platform.test{path}", **more)

        return asyncio.run(once())

    async def later(parts: Iterator[bytes]) -> Any:
        for part in parts:
            yield part

    return in_sync if request.param == "sync" else in_async


def made_by(fake: Fake, monkeypatch: pytest.MonkeyPatch, rejected: bytes) -> tuple[auth.PlatformAuth, FakeDaemon]:
    def answer(_method: str, target: str, _body: dict[str, Any]) -> bytes:
        if target == "/v1/profiles":
            return ok(PROFILES)
        return rejected if target == "/v1/token/reject" else ok(token(profile="mine"))

    daemon = fake(answer)
    monkeypatch.setenv("BEARERD_SOCKET", daemon.path)
    made = auth.create("https://idp.test", "sso")
    assert isinstance(made, auth.PlatformAuth)
    return made, daemon


OLD, NEW = "Bearer token-1", "Bearer token-2"
ANOTHER = ok(token(2, profile="mine"))


def rejects(daemon: FakeDaemon) -> list[Any]:
    return [body for _, target, body in daemon.requests if target == "/v1/token/reject"]


def test_a_good_token_is_sent_once(fake: Fake, monkeypatch: pytest.MonkeyPatch, send: Any) -> None:
    made, daemon = made_by(fake, monkeypatch, ANOTHER)
    platform = Platform(OLD)
    assert send(platform, made).status_code == 200
    assert [sent for _, sent, _ in platform.seen] == [OLD]
    assert rejects(daemon) == []


def test_after_a_401_the_newer_token_is_sent_with_the_same_body(
    fake: Fake, monkeypatch: pytest.MonkeyPatch, send: Any
) -> None:
    made, daemon = made_by(fake, monkeypatch, ANOTHER)
    platform = Platform(NEW)
    assert send(platform, made, json={"a": 1}).status_code == 200
    assert [(sent, body) for _, sent, body in platform.seen] == [(OLD, b'{"a":1}'), (NEW, b'{"a":1}')]
    assert rejects(daemon) == [{"profile": "mine", "token": "token-1"}]
    assert made.auth_header() == {"Authorization": NEW}


def test_a_second_401_is_handed_on(fake: Fake, monkeypatch: pytest.MonkeyPatch, send: Any) -> None:
    made, daemon = made_by(fake, monkeypatch, ANOTHER)
    platform = Platform()
    assert send(platform, made).status_code == 401
    assert [sent for _, sent, _ in platform.seen] == [OLD, NEW]
    assert len(rejects(daemon)) == 1


def test_where_there_is_no_newer_token_the_401_is_the_answer(
    fake: Fake, monkeypatch: pytest.MonkeyPatch, send: Any
) -> None:
    refusal = ok({"code": "idp-rejected", "message": "no newer one", "retry_after": 9}, "502 X")
    made, _ = made_by(fake, monkeypatch, refusal)
    platform = Platform()
    assert send(platform, made).status_code == 401
    assert len(platform.seen) == 1


def test_a_body_that_is_read_as_it_is_sent_is_not_sent_twice(
    fake: Fake, monkeypatch: pytest.MonkeyPatch, send: Any
) -> None:
    made, daemon = made_by(fake, monkeypatch, ANOTHER)
    platform = Platform(NEW)
    assert send(platform, made, content=iter([b"a", b"b"])).status_code == 401
    assert [body for _, _, body in platform.seen] == [b"ab"]
    assert rejects(daemon) == []


def test_a_redirect_to_another_host_takes_no_token_along_and_its_401_rejects_none(
    fake: Fake, monkeypatch: pytest.MonkeyPatch, send: Any
) -> None:
    made, daemon = made_by(fake, monkeypatch, ANOTHER)
    platform = Platform()
    assert send(platform, made, "/away").status_code == 401
    assert [(host, sent) for host, sent, _ in platform.seen] == [("platform.test", OLD), ("other.test", None)]
    assert rejects(daemon) == []


def test_an_event_loop_asks_in_a_thread_and_only_where_it_has_to(fake: Fake, monkeypatch: pytest.MonkeyPatch) -> None:
    made, _ = made_by(fake, monkeypatch, ANOTHER)
    threads: list[Any] = []

    async def in_thread(call: Any) -> Any:
        threads.append(call)
        return call()

    monkeypatch.setattr("bearerd._platform._in_thread", in_thread)

    async def once() -> None:
        platform = Platform(OLD)
        async with httpx.AsyncClient(transport=httpx.MockTransport(platform.later), auth=made) as client:
            for _ in range(3):
                assert (await client.get("https://platform.test/")).status_code == 200

    asyncio.run(once())
    assert threads == []
    made.fetcher.Reset()
    asyncio.run(once())
    assert len(threads) == 1


def test_requests_get_the_header(fake: Fake, monkeypatch: pytest.MonkeyPatch) -> None:
    made, _ = made_by(fake, monkeypatch, ANOTHER)
    request = httpx.Request("GET", "https://platform.test/")
    assert made(request).headers["Authorization"] == OLD
    assert "Authorization" not in auth.NoAuth()(httpx.Request("GET", "https://platform.test/")).headers
