"""Waits that the handlers of signals interrupt."""

from __future__ import annotations

import signal
import socket
import threading
from collections.abc import Callable
from typing import Any

import pytest

import bearerd
from bearerd import _calls, errors

from .clients import client_of
from .fake_daemon import Answer, FakeDaemon, ok

Fake = Callable[[Answer], FakeDaemon]


def test_a_full_backlog_is_waited_for_where_signals_come(tmp_path: Any) -> None:
    path = str(tmp_path / "full")
    ended = threading.Event()

    def accept() -> None:
        listener.settimeout(0.1)
        while not ended.is_set():
            try:
                connection = listener.accept()[0]
            except TimeoutError:
                continue
            with connection:
                if connection.recv(4096):
                    connection.sendall(ok({"state": "done"}))

    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(path)
        listener.listen(0)
        waiting = [socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)]
        waiting[0].connect(path)
        server = threading.Thread(target=accept)
        ticks: list[int] = []

        def tick(*_: Any) -> None:
            ticks.append(1)
            if len(ticks) == 5:
                waiting[0].close()
                server.start()

        before = signal.signal(signal.SIGALRM, tick)
        signal.setitimer(signal.ITIMER_REAL, 0.05, 0.05)
        try:
            with bearerd.Client(socket=path) as client:
                assert client.login("w", username="jane", password="pw").done
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, before)
            ended.set()
            server.join()
    assert len(ticks) >= 5


def test_the_time_of_a_call_goes_on_where_signals_come(fake: Fake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_calls, "ANSWER_SECONDS", 0.4)
    gate = threading.Event()

    def hang(*_: Any) -> None:
        gate.wait(20)

    daemon = fake(hang)
    ticks: list[int] = []
    before = signal.signal(signal.SIGALRM, lambda *_: gate.set() if len(ticks) > 40 else ticks.append(1))
    signal.setitimer(signal.ITIMER_REAL, 0.05, 0.05)
    try:
        with client_of(daemon) as client, pytest.raises(errors.DaemonUnreachable, match="no answer in time"):
            client.health()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        gate.set()
    assert 0 < len(ticks) <= 40
