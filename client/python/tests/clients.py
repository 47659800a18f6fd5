"""Clients of fake daemons, and a clock that a test moves."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

import bearerd
from bearerd import _clock

from .fake_daemon import FakeDaemon, ok


@contextmanager
def client_of(daemon: FakeDaemon, **options: Any) -> Iterator[bearerd.Client]:
    with bearerd.Client(socket=daemon.path, **options) as client:
        yield client


def error(code: str, status: str, **more: Any) -> bytes:
    return ok({"code": code, "message": f"said: {code}", **more}, status)


def sleeper(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The client's pauses, which pass at once on its own clock. Nothing else makes time pass there."""
    pauses: list[float] = []
    start = _clock.boot_time()

    def sleep(seconds: float) -> None:
        pauses.append(seconds)

    def boot_time() -> float:
        return start + sum(pauses)

    monkeypatch.setattr("bearerd._caller.time.sleep", sleep)
    for module in ("_calls", "_caller", "_client", "_fetchers", "_held", "_token"):
        monkeypatch.setattr(f"bearerd.{module}.boot_time", boot_time)
    return pauses
