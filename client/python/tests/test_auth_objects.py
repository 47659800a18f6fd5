"""The auth objects with the real packages: one retry, no body twice, no token for another host."""

from __future__ import annotations

import asyncio
import copy
import io
import pickle
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import aiohttp
import google.auth.exceptions
import google.auth.transport.requests
import httpx
import pytest
import requests

import bearerd.aiohttp
import bearerd.google
import bearerd.httpx
import bearerd.requests
from bearerd import errors

from .fake_daemon import Answer, FakeDaemon, ok, token
from .resource_server import ResourceServer

Fake = Callable[[Answer], FakeDaemon]
Send = Callable[..., int]
"""Sends a request with method, URL and body, and gives the status: `send(daemon, server, method, path, body)`."""


@pytest.fixture
def servers() -> Iterator[Callable[..., ResourceServer]]:
    made: list[ResourceServer] = []

    def make(*good: str) -> ResourceServer:
        made.append(ResourceServer(*good))
        return made[-1]

    yield make
    for server in made:
        server.stop()


@pytest.fixture
def daemon(fake: Fake) -> FakeDaemon:
    """The first token is `token-1`; each reject gives the next."""
    numbers = iter(range(2, 100))
    return fake(lambda method, *_: ok(token(1 if method == "GET" else next(numbers))))


def rejected(daemon: FakeDaemon) -> list[str]:
    return [str(body["token"]) for _, target, body in daemon.requests if target == "/v1/token/reject"]


def generator() -> Iterator[bytes]:
    yield b"once"


async def async_generator() -> AsyncIterator[bytes]:
    yield b"once"


def with_httpx(daemon: FakeDaemon, server: ResourceServer, method: str, path: str, body: Any = None) -> int:
    with bearerd.Client(socket=daemon.path) as client:
        auth = bearerd.httpx.BearerAuth(client)
        with httpx.Client(auth=auth, follow_redirects=True, base_url=server.url) as session:
            return session.request(method, path, content=body).status_code


def with_httpx_async(daemon: FakeDaemon, server: ResourceServer, method: str, path: str, body: Any = None) -> int:
    async def main() -> int:
        async with bearerd.AsyncClient(socket=daemon.path) as client:
            auth = bearerd.httpx.BearerAuth(client)
            async with httpx.AsyncClient(auth=auth, follow_redirects=True, base_url=server.url) as session:
                content = async_generator() if isinstance(body, Iterator) else body
                return (await session.request(method, path, content=content)).status_code

    return asyncio.run(main())


def with_requests(daemon: FakeDaemon, server: ResourceServer, method: str, path: str, body: Any = None) -> int:
    with bearerd.Client(socket=daemon.path) as client, requests.Session() as session:
        session.auth = bearerd.requests.BearerAuth(client)
        return session.request(method, server.url + path, data=body, timeout=20).status_code


def with_aiohttp(daemon: FakeDaemon, server: ResourceServer, method: str, path: str, body: Any = None) -> int:
    async def main() -> int:
        async with bearerd.AsyncClient(socket=daemon.path) as client:
            auth = bearerd.aiohttp.BearerAuth(server.url, client)
            async with aiohttp.ClientSession(middlewares=[auth]) as session:
                content = async_generator() if isinstance(body, Iterator) else body
                async with session.request(method, server.url + path, data=content) as answer:
                    await answer.read()
                    return answer.status

    return asyncio.run(main())


SENDERS = pytest.mark.parametrize("send", [with_httpx, with_httpx_async, with_requests, with_aiohttp])


@SENDERS
def test_each_request_has_the_token(send: Send, daemon: FakeDaemon, servers: Callable[..., ResourceServer]) -> None:
    server = servers("token-1")
    assert send(daemon, server, "GET", "/a") == 200
    assert server.seen == [("GET", "/a", "Bearer token-1", b"")]
    assert rejected(daemon) == []


@SENDERS
def test_a_401_is_tried_once_more_with_a_newer_token(
    send: Send, daemon: FakeDaemon, servers: Callable[..., ResourceServer]
) -> None:
    server = servers("token-2")
    assert send(daemon, server, "POST", "/a", b"body") == 200
    assert server.seen == [("POST", "/a", f"Bearer token-{number}", b"body") for number in (1, 2)]
    assert rejected(daemon) == ["token-1"]


@SENDERS
def test_a_second_401_is_the_callers(send: Send, daemon: FakeDaemon, servers: Callable[..., ResourceServer]) -> None:
    server = servers()
    assert send(daemon, server, "GET", "/a") == 401
    assert server.tokens == ["token-1", "token-2"]
    assert rejected(daemon) == ["token-1"]


@SENDERS
def test_a_body_that_can_be_read_once_is_sent_once(
    send: Send, daemon: FakeDaemon, servers: Callable[..., ResourceServer]
) -> None:
    server = servers("token-2")
    assert send(daemon, server, "PUT", "/a", generator()) == 401
    assert [body for *_, body in server.seen] == [b"once"]
    # The next request has the newer token.
    assert rejected(daemon) == ["token-1"]


@SENDERS
def test_where_there_is_no_newer_token_the_401_stands(
    send: Send, fake: Fake, servers: Callable[..., ResourceServer]
) -> None:
    refused = ok({"code": "idp-rejected", "message": "not so soon", "retry_after": 9}, "502 Bad Gateway")
    daemon = fake(lambda method, *_: ok(token()) if method == "GET" else refused)
    server = servers()
    assert send(daemon, server, "GET", "/a") == 401
    assert server.tokens == ["token-1"]


@SENDERS
def test_a_redirect_to_another_host_takes_no_token_along(
    send: Send, daemon: FakeDaemon, servers: Callable[..., ResourceServer]
) -> None:
    server, other = servers("token-1"), servers()
    url = other.url.replace("127.0.0.1", "localhost")
    assert send(daemon, server, "GET", f"/to?{url}/b") == 401
    assert server.tokens == ["token-1"]
    assert other.tokens == [None]
    # That 401 was not about the token.
    assert rejected(daemon) == []


@SENDERS
def test_a_redirect_to_another_port_takes_no_token_along(
    send: Send, daemon: FakeDaemon, servers: Callable[..., ResourceServer]
) -> None:
    server, other = servers("token-1"), servers()
    assert send(daemon, server, "GET", f"/to?{other.url}/b") == 401
    assert other.tokens == [None]
    assert rejected(daemon) == []


@SENDERS
def test_a_redirect_on_the_same_host_is_answered_as_any_request(
    send: Send, daemon: FakeDaemon, servers: Callable[..., ResourceServer]
) -> None:
    server = servers("token-2")
    assert send(daemon, server, "GET", "/to?/b") == 200
    assert [(path, sent) for _, path, sent, _ in server.seen][-1] == ("/b", "Bearer token-2")
    assert rejected(daemon) == ["token-1"]


@SENDERS
def test_without_a_session_the_error_says_what_to_do(
    send: Send, fake: Fake, servers: Callable[..., ResourceServer]
) -> None:
    body = {"code": "login-required", "message": "log in", "login_hint": "bearerctl login"}
    daemon = fake(lambda *_: ok(body, "401 Unauthorized"))
    server = servers()
    with pytest.raises(errors.LoginRequired) as raised:
        send(daemon, server, "GET", "/a")
    assert raised.value.hint == "bearerctl login"
    assert server.seen == []


def test_a_file_is_not_sent_twice_by_requests(daemon: FakeDaemon, servers: Callable[..., ResourceServer]) -> None:
    server = servers("token-2")
    assert with_requests(daemon, server, "PUT", "/a", io.BytesIO(b"file")) == 401
    assert [body for *_, body in server.seen] == [b"file"]


def test_a_token_goes_to_its_origin_alone(daemon: FakeDaemon, servers: Callable[..., ResourceServer]) -> None:
    server, other = servers("token-1"), servers()
    with bearerd.Client(socket=daemon.path) as client:
        for_httpx = bearerd.httpx.BearerAuth(client, origin=server.url)
        for_requests = bearerd.requests.BearerAuth(client, origin=server.url)
        for url in (server.url, other.url):
            httpx.get(f"{url}/open", auth=for_httpx)
            requests.get(f"{url}/open", auth=for_requests, timeout=20)
    assert server.tokens == ["token-1"] * 2
    assert other.tokens == [None] * 2
    with pytest.raises(ValueError, match=r"write it as `https://api\.example\.com`"):
        bearerd.httpx.BearerAuth(origin="api.example.com")


def test_httpx_on_trio_asks_in_a_thread(daemon: FakeDaemon, servers: Callable[..., ResourceServer]) -> None:
    import trio

    server = servers("token-2")

    async def main() -> int:
        with bearerd.Client(socket=daemon.path) as client:
            async with httpx.AsyncClient(auth=bearerd.httpx.BearerAuth(client)) as session:
                return (await session.get(server.url)).status_code

    assert trio.run(main) == 200
    assert server.tokens == ["token-1", "token-2"]


def test_google_auth_sends_and_renews(daemon: FakeDaemon, servers: Callable[..., ResourceServer]) -> None:
    server, other = servers("token-2"), servers()
    with bearerd.Client(socket=daemon.path) as client:
        credentials = bearerd.google.Credentials(client)
        with google.auth.transport.requests.AuthorizedSession(credentials) as session:  # type: ignore[no-untyped-call]
            assert session.get(f"{server.url}/a").status_code == 200
            assert session.get(f"{server.url}/to?{other.url}/open").status_code == 200
    assert server.tokens == ["token-1", "token-2", "token-2"]
    assert other.tokens == [None]
    assert rejected(daemon) == ["token-1"]
    assert credentials.token == "token-2"
    assert credentials.valid
    assert not credentials.expired


def test_google_auth_hands_a_second_401_on(daemon: FakeDaemon, servers: Callable[..., ResourceServer]) -> None:
    server = servers("token-3")
    with bearerd.Client(socket=daemon.path) as client:
        credentials = bearerd.google.Credentials(client)
        with google.auth.transport.requests.AuthorizedSession(credentials) as session:  # type: ignore[no-untyped-call]
            assert session.get(f"{server.url}/a").status_code == 401
            assert rejected(daemon) == ["token-1"]
            # That is over: the next request is another one.
            assert session.get(f"{server.url}/b").status_code == 200
    assert rejected(daemon) == ["token-1", "token-2"]


def test_google_auth_hands_a_401_on_where_there_is_no_newer_token(
    fake: Fake, servers: Callable[..., ResourceServer]
) -> None:
    refusal = ok({"code": "idp-rejected", "message": "fetched anew a moment ago", "retry_after": 9}, "502 Bad Gateway")
    daemon = fake(lambda method, *_: ok(token()) if method == "GET" else refusal)
    server = servers()
    with bearerd.Client(socket=daemon.path) as client:
        credentials = bearerd.google.Credentials(client)
        with google.auth.transport.requests.AuthorizedSession(credentials) as session:  # type: ignore[no-untyped-call]
            assert session.get(f"{server.url}/a").status_code == 401
    assert rejected(daemon) == ["token-1"]


def test_google_auth_rejects_no_token_that_another_server_never_saw(
    daemon: FakeDaemon, servers: Callable[..., ResourceServer]
) -> None:
    server, other = servers("token-1"), servers()
    with bearerd.Client(socket=daemon.path) as client:
        credentials = bearerd.google.Credentials(client, origin=server.url)
        with google.auth.transport.requests.AuthorizedSession(credentials) as session:  # type: ignore[no-untyped-call]
            assert session.get(f"{server.url}/a").status_code == 200
            assert session.get(f"{other.url}/a").status_code == 401
    assert {*other.tokens} == {None}
    assert rejected(daemon) == []


def test_google_auth_says_its_own_error(fake: Fake) -> None:
    daemon = fake(lambda *_: ok({"code": "login-required", "message": "log in"}, "401 Unauthorized"))
    with bearerd.Client(socket=daemon.path) as client:
        credentials = bearerd.google.Credentials(client)
        with pytest.raises(google.auth.exceptions.RefreshError, match="log in") as raised:
            credentials.refresh(None)
    assert isinstance(raised.value.__cause__, errors.LoginRequired)
    assert not credentials.valid


def test_they_can_be_copied_and_sent_to_another_process(daemon: FakeDaemon) -> None:
    with bearerd.Client(socket=daemon.path, profile="w") as client:
        made: list[Any] = [
            client,
            bearerd.AsyncClient(socket=daemon.path, profile="w"),
            bearerd.httpx.BearerAuth(client),
            bearerd.requests.BearerAuth(client),
            bearerd.google.Credentials(client),
        ]
        client.token()
        credentials = bearerd.google.Credentials(client)
        credentials.refresh(None)
        assert b"token-1" not in pickle.dumps([*made, credentials])
        for one in made:
            for again in (pickle.loads(pickle.dumps(one)), copy.deepcopy(one)):
                assert type(again) is type(one)
                assert "token-1" not in repr(again)
        with pickle.loads(pickle.dumps(client)) as again:
            assert again.token("w").token == "token-1"
    assert [target for _, target, _ in daemon.requests] == ["/v1/token?profile=w"] * 2
