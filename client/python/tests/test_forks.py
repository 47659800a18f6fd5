"""A forked child never uses its parent's connections, nor waits for a lock held at the fork."""

from __future__ import annotations

import ctypes
import itertools
import os
import socket
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import bearerd
from bearerd import _connection

from .fake_daemon import Answer, FakeDaemon, ok, token

Fake = Callable[[Answer], FakeDaemon]

pytestmark = pytest.mark.filterwarnings(
    # What these tests are about.
    "ignore:This process .* is multi-threaded, use of fork:DeprecationWarning"
)


@pytest.fixture
def daemon(fake: Fake) -> FakeDaemon:
    """Each request gets another token, which is to be renewed at once."""
    numbers = itertools.count(1)
    return fake(lambda *_: ok(token(next(numbers), refresh_in=0)))


def in_child(what: Callable[[], None], fork: Callable[[], int] = os.fork) -> int:
    """The exit code of a forked child that does this, within 20 s."""
    child = fork()
    if child == 0:
        code = 1
        try:
            what()
            code = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(code)
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.01)
    os.kill(child, 9)
    os.waitpid(child, 0)
    raise AssertionError("the child hangs")


def asking(client: bearerd.Client) -> Callable[[], None]:
    def ask() -> None:
        client.token()

    return ask


def sockets() -> Iterator[int]:
    """The descriptors of this process that are Unix sockets with a peer."""
    for name in os.listdir("/proc/self/fd"):
        try:
            with socket.socket(fileno=os.dup(int(name))) as one:
                if one.family == socket.AF_UNIX and one.getpeername():
                    yield int(name)
        except OSError:
            continue


def test_a_child_has_connections_of_its_own(daemon: FakeDaemon) -> None:
    with bearerd.Client(socket=daemon.path) as client:
        assert client.token().token == "token-1"

        def child() -> None:
            assert list(sockets()) == []
            assert client.token().token == "token-2"

        assert in_child(child) == 0
        assert daemon.connections == 2
        # The child's end did not end the parent's connection.
        assert client.token().token == "token-3"
        assert daemon.connections == 2


def test_a_fork_that_goes_past_python_is_noticed(daemon: FakeDaemon) -> None:
    with bearerd.Client(socket=daemon.path) as client:
        client.token()

        def child() -> None:
            # What `PyOS_AfterFork_Child` would have done for this package, it does itself at its next call.
            assert client.token().token == "token-2"
            assert len(_connection._open) == 1

        assert in_child(child, lambda: int(ctypes.PyDLL(None).fork())) == 0
        assert client.token().token == "token-3"
        assert daemon.connections == 2


def test_a_child_keeps_the_token_in_hand(fake: Fake) -> None:
    one = fake(lambda *_: ok(token()))
    with bearerd.Client(socket=one.path) as client:
        client.token()

        def child() -> None:
            assert client.header() == {"Authorization": "Bearer token-1"}

        assert in_child(child) == 0
    assert len(one.requests) == 1


def test_a_fork_in_the_middle_of_calls_hangs_no_child(daemon: FakeDaemon) -> None:
    """Threads call all the time, so that whatever they could hold is held at some of these forks."""
    stop = threading.Event()
    failures: list[BaseException] = []
    with bearerd.Client(socket=daemon.path) as client:

        def calls() -> None:
            while not stop.is_set():
                try:
                    client.token()
                except BaseException as error:
                    failures.append(error)
                    raise

        threads = [threading.Thread(target=calls) for _ in range(4)]
        for thread in threads:
            thread.start()
        try:
            for _ in range(25):
                assert in_child(asking(client)) == 0
        finally:
            stop.set()
            for thread in threads:
                thread.join()
    assert failures == []


def test_a_child_of_a_child_is_no_different(daemon: FakeDaemon) -> None:
    with bearerd.Client(socket=daemon.path) as client:
        client.token()

        def child() -> None:
            client.token()
            assert in_child(asking(client)) == 0

        assert in_child(child) == 0
    assert daemon.connections == 3


def test_an_async_client_is_no_different(daemon: FakeDaemon) -> None:
    import asyncio

    client = bearerd.AsyncClient(socket=daemon.path)
    assert asyncio.run(client.token()).token == "token-1"

    def child() -> None:
        assert list(sockets()) == []
        assert asyncio.run(client.token()).token == "token-2"

    assert in_child(child) == 0
    assert asyncio.run(client.token()).token == "token-3"
    assert daemon.connections == 2
    asyncio.run(client.close())


def test_a_call_imports_nothing(fake: Fake) -> None:
    """An import holds a lock: a child that was forked meanwhile would wait for it for ever."""

    def later(*_: Any) -> bytes:
        time.sleep(0.05)
        return ok(token(refresh_in=0))

    daemon = fake(later)
    source = f"""
import sys, bearerd
client = bearerd.Client(socket={daemon.path!r})
before = set(sys.modules)
client.token()
client.reject(client.token())
print(sorted(set(sys.modules) - before))
"""
    environment = {"PYTHONPATH": os.pathsep.join(sys.path)}
    said = subprocess.check_output([sys.executable, "-c", source], env=environment, text=True)
    assert said == "[]\n"
