"""Clients at the real daemon, whose tokens come from the test identity provider and live for seconds."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import signal
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

import bearerd
from bearerd import errors

from .real_daemon import Home, Idp, eventually, log_in

LIFETIME = 6
"""Seconds. Several renewals fall into a test; more than a restart takes on a machine with much to do."""


class Sent:
    """What was sent to a resource server, which looks at each token's own end."""

    def __init__(self) -> None:
        self.tokens: set[str] = set()
        self.count = 0
        self.expired: list[float] = []
        self.failures: list[BaseException] = []

    def take(self, header: dict[str, str]) -> None:
        now = time.time()
        token = header["Authorization"].removeprefix("Bearer ")
        payload = token.split(".")[1]
        claims: dict[str, Any] = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        if claims["exp"] <= now:
            self.expired.append(now - claims["exp"])
        self.tokens.add(token)
        self.count += 1

    def check(self) -> None:
        assert self.failures == []
        assert self.expired == []
        assert len(self.tokens) >= 2
        # How many more depends on what else the machine does.
        assert self.count > 100


@pytest.fixture
def home(homes: Callable[[str], Home], idps: Callable[..., Idp]) -> Home:
    """A daemon with a session whose tokens live for some seconds."""
    idp = idps(access_token_lifetime=LIFETIME)
    home = homes(idp.sso())
    home.start()
    with bearerd.Client(socket=home.socket) as client:
        log_in(client)
    return home


def test_32_threads_notice_no_restart_and_send_no_expired_token(home: Home) -> None:
    sent = Sent()
    stop = threading.Event()
    with bearerd.Client(socket=home.socket) as client:

        def calls() -> None:
            while not stop.is_set():
                try:
                    sent.take(client.header())
                except BaseException as error:
                    sent.failures.append(error)
                    return
                # 32 threads on one interpreter leave nothing to the daemon otherwise.
                time.sleep(0.001)

        threads = [threading.Thread(target=calls) for _ in range(32)]
        for thread in threads:
            thread.start()
        for how in (signal.SIGTERM, signal.SIGKILL):
            time.sleep(LIFETIME / 2)
            home.end(how)
            home.start()
        time.sleep(LIFETIME)
        stop.set()
        for thread in threads:
            thread.join()
    sent.check()


def test_callers_that_hold_nothing_notice_no_restart(home: Home) -> None:
    """Each call asks: the worst moments of a restart are met, too."""
    sent = Sent()
    stop = threading.Event()

    def calls() -> None:
        with bearerd.Client(socket=home.socket) as client:
            while not stop.is_set():
                client._held.clear()
                try:
                    sent.take(client.header())
                except BaseException as error:
                    sent.failures.append(error)
                    return

    threads = [threading.Thread(target=calls) for _ in range(8)]
    for thread in threads:
        thread.start()
    for how in (signal.SIGTERM, signal.SIGKILL):
        time.sleep(LIFETIME / 2)
        home.end(how)
        home.start()
    time.sleep(LIFETIME / 2)
    stop.set()
    for thread in threads:
        thread.join()
    sent.check()


def test_1000_tasks_notice_no_restart_and_send_no_expired_token(home: Home) -> None:
    sent = Sent()

    async def main() -> None:
        stop = asyncio.Event()

        async def calls(client: bearerd.AsyncClient) -> None:
            while not stop.is_set():
                sent.take(await client.header())
                await asyncio.sleep(0.05)

        async with bearerd.AsyncClient(socket=home.socket) as client:
            tasks = [asyncio.ensure_future(calls(client)) for _ in range(1000)]
            await asyncio.sleep(LIFETIME / 2)
            await asyncio.to_thread(home.restart)
            await asyncio.sleep(LIFETIME)
            stop.set()
            results = await asyncio.gather(*tasks, return_exceptions=True)
        sent.failures.extend(result for result in results if result is not None)

    asyncio.run(main())
    sent.check()


def test_a_whole_life_of_a_session(home: Home) -> None:
    with bearerd.Client(socket=home.socket) as client:
        token = client.token()
        assert (token.profile, token.user_email, token.degraded) == ("wallaroo", "jane@ex.co", False)
        assert token.expires_in is not None
        assert token.expires_in <= LIFETIME
        newer = client.reject(token)
        assert newer.token not in (None, token.token)
        assert client.token().token == newer.token
        assert client.status()["profiles"][0]["state"] == "ready"
        assert client.health() == "ok"
        assert client.profiles()["profiles"][0]["auth_type"] == "sso"
        with pytest.raises(errors.UnknownProfile):
            client.token("another")
        with pytest.raises(errors.NotFound):
            client.follow_login("unknown", wait=0)
        with pytest.raises(errors.MinTtlUnmet):
            client.token(min_ttl=10_000, strict=True)
        events = client.events()
        assert client.logout()["profiles"] == [{"profile": "wallaroo", "revocation": "revoked"}]
        while (event := next(events))["kind"] != "logged-out":
            pass
        assert event["profile"] == "wallaroo"
        events.close()
        with pytest.raises(errors.LoginRequired) as raised:
            client.header()
        assert raised.value.hint == "bearerctl login wallaroo"


def test_a_login_can_be_given_up(homes: Callable[[str], Home], idps: Callable[..., Idp]) -> None:
    idp = idps()
    home = homes(idp.sso())
    home.start()
    idp.patch(auto_approve=None)
    with bearerd.Client(socket=home.socket) as client:
        state = client.login()
        assert not state.done
        assert state.login_id is not None
        assert state.user_code is not None
        assert client.login() == state or client.login().login_id == state.login_id
        with pytest.raises(errors.LoginPending) as raised:
            client.token()
        assert raised.value.hint is not None
        client.cancel_login(state.login_id)
        with pytest.raises(errors.LoginDenied):
            client.follow_login(state.login_id)


def test_a_forked_child_goes_on_after_a_restart(home: Home) -> None:
    with bearerd.Client(socket=home.socket) as client:
        first = client.token().token
        child = os.fork()
        if child == 0:
            try:
                client.reject(first or "")
                os._exit(0)
            finally:
                os._exit(1)
        home.restart()
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        client._held.clear()
        assert eventually("the child's reject counts", lambda: client.token().token != first)


def test_no_secret_is_in_the_log_or_in_an_error(home: Home) -> None:
    with bearerd.Client(socket=home.socket) as client:
        token = client.token().token or ""
        with pytest.raises(bearerd.AuthError) as raised:
            client.reject(token, "another")
        shown = f"{raised.value!r} {raised.value} {raised.value.__dict__} {client!r} {client.token()!r}"
    assert token
    assert token not in shown
    assert token not in home.log()
