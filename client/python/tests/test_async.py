"""The asyncio client against a daemon whose answers are written here."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

import bearerd
from bearerd import AsyncClient, errors

from .fake_daemon import Answer, FakeDaemon, ok, token

Fake = Callable[[Answer], FakeDaemon]


def run(main: Callable[[AsyncClient], Coroutine[Any, Any, None]], daemon: FakeDaemon) -> None:
    async def whole() -> None:
        async with AsyncClient(socket=daemon.path) as client:
            await main(client)

    asyncio.run(whole())


def test_it_has_every_call_of_the_blocking_one() -> None:
    def calls(client: type[Any]) -> set[str]:
        return {name for name in dir(client) if not name.startswith("_")}

    assert calls(AsyncClient) == calls(bearerd.Client)


def test_tasks_that_need_the_same_token_share_one_request(fake: Fake) -> None:
    daemon = fake(lambda *_: ok(token(len(daemon.requests))))

    async def main(client: AsyncClient) -> None:
        headers = await asyncio.gather(*(client.header() for _ in range(1000)))
        assert headers == [{"Authorization": "Bearer token-1"}] * 1000

    run(main, daemon)
    assert len(daemon.requests) == 1


def test_an_error_reaches_each_of_them_as_its_own(fake: Fake) -> None:
    body = ok({"code": "login-required", "message": "log in", "login_hint": "bearerctl login"}, "401 Unauthorized")
    daemon = fake(lambda *_: body)

    async def main(client: AsyncClient) -> None:
        results = await asyncio.gather(*(client.token() for _ in range(10)), return_exceptions=True)
        assert {type(result) for result in results} == {errors.LoginRequired}
        assert {getattr(result, "hint", None) for result in results} == {"bearerctl login"}
        assert len({id(result) for result in results}) == 10

    run(main, daemon)
    assert len(daemon.requests) == 1


def test_a_task_that_is_cancelled_cancels_no_other(fake: Fake) -> None:
    daemon = fake(lambda *_: ok(token(len(daemon.requests))))

    async def main(client: AsyncClient) -> None:
        tasks = [asyncio.ensure_future(client.token()) for _ in range(3)]
        await asyncio.sleep(0)
        tasks[0].cancel()
        results = await asyncio.gather(*tasks, return_exceptions=True)
        assert isinstance(results[0], asyncio.CancelledError)
        assert [getattr(result, "token", None) for result in results[1:]] == ["token-1"] * 2

    run(main, daemon)


def test_a_cancelled_call_leaves_no_answer_for_the_next(fake: Fake) -> None:
    daemon = fake(lambda method, target, body: ok({"status": target}))

    async def main(client: AsyncClient) -> None:
        for _ in range(20):
            task = asyncio.ensure_future(client.status())
            await asyncio.sleep(0)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            assert await client.health() == "/v1/health"

    run(main, daemon)


def test_a_client_outlives_its_event_loop(fake: Fake) -> None:
    daemon = fake(lambda *_: ok(token(len(daemon.requests), refresh_in=0)))
    client = AsyncClient(socket=daemon.path)
    for number in (1, 2, 3):
        assert asyncio.run(client.token()).token == f"token-{number}"
    asyncio.run(client.close())
    assert daemon.connections == 1


def test_what_the_blocking_client_does_it_does(fake: Fake) -> None:
    pending = {"state": "pending", "login_id": "id", "profile": "w", "expires_at": 1, "expires_in": 600}
    profiles = {"default_profile": "w", "profiles": [{"profile": "w", "auth_type": "none", "settings": {}}]}
    answers: dict[tuple[str, str], dict[str, Any]] = {
        ("POST", "/v1/token/reject"): token(2),
        ("POST", "/v1/login"): pending,
        ("GET", "/v1/login/id?wait=59"): {"state": "done"},
        ("DELETE", "/v1/login/id"): {},
        ("GET", "/v1/profiles"): profiles,
        ("POST", "/v1/logout"): {"profiles": []},
        ("POST", "/v1/import"): {"state": "done"},
        ("PUT", "/v1/profiles/b"): {"profile": "b", "auth_type": "none", "settings": {}},
        ("DELETE", "/v1/profiles/b"): {"profile": "b", "revocation": "skipped"},
    }
    daemon = fake(lambda method, target, _: ok(answers[method, target]))

    async def main(client: AsyncClient) -> None:
        assert (await client.reject("token-1")).token == "token-2"
        assert not (await client.login("w", username="jane", password="pw")).done
        assert (await client.follow_login("id")).done
        await client.cancel_login("id")
        assert await client.logout() == {"profiles": []}
        assert (await client.import_token("rt")).done
        assert (await client.put_profile("b", {"auth_type": "none"}))["profile"] == "b"
        assert (await client.delete_profile("b"))["revocation"] == "skipped"

    run(main, daemon)
    assert [body for _, _, body in daemon.requests if body] == [
        {"token": "token-1"},
        {"profile": "w", "username": "jane", "password": "pw"},
        {"profile": "w"},
        {"refresh_token": "rt"},
        {"auth_type": "none"},
    ]


def test_events_come_as_they_happen(fake: Fake) -> None:
    data = b'event: refreshed\ndata: {"kind":"refreshed","profile":"w","at":1}\n\n'
    head = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
    daemon = fake(lambda *_: head + b"%x\r\n%s\r\n0\r\n\r\n" % (len(data), data))

    async def main(client: AsyncClient) -> None:
        assert [event["kind"] async for event in client.events()] == ["refreshed"]

    run(main, daemon)


def test_a_restart_reaches_no_caller(fake: Fake) -> None:
    daemon = fake(lambda *_: ok({"status": "ok"}))

    async def main(client: AsyncClient) -> None:
        assert await client.health() == "ok"
        daemon.stop()
        call = asyncio.ensure_future(client.health())
        await asyncio.sleep(0.2)
        assert not call.done()
        fake(lambda *_: ok({"status": "degraded"}))
        assert await call == "degraded"

    run(main, daemon)


def test_a_full_backlog_is_waited_for(tmp_path: Any) -> None:
    path = str(tmp_path / "full")

    async def main() -> None:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
            listener.bind(path)
            listener.listen(0)
            waiting = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            waiting.connect(path)
            async with AsyncClient(socket=path) as client:
                call = asyncio.ensure_future(client.health())
                await asyncio.sleep(0.1)
                assert not call.done()
                listener.accept()[0].close()
                listener.settimeout(0)
                loop = asyncio.get_running_loop()
                connection, _ = await loop.sock_accept(listener)
                await loop.sock_recv(connection, 1024)
                await loop.sock_sendall(connection, ok({"status": "ok"}))
                assert await call == "ok"
                connection.close()
            waiting.close()

    asyncio.run(main())


def test_secrets_go_to_a_listener_of_our_own(fake: Fake, monkeypatch: pytest.MonkeyPatch) -> None:
    daemon = fake(lambda *_: ok({"state": "done"}))
    monkeypatch.setattr("bearerd._connection.os.geteuid", lambda: 12345)

    async def main(client: AsyncClient) -> None:
        with pytest.raises(errors.ForeignListener):
            await client.login("w", password="pw")
        with pytest.raises(errors.ForeignListener):
            await client.import_token("rt")

    run(main, daemon)
    assert daemon.requests == []
