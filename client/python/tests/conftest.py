"""What the tests share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from .fake_daemon import Answer, FakeDaemon
from .real_daemon import Home, Idp


@pytest.fixture(autouse=True)
def _nothing_of_this_user(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    """No test finds the daemon of whoever runs it."""
    for name in ("BEARERD_SOCKET", "BEARERD_STATE", "BEARERD_PROFILE", "BEARERD_AUTOSTART", "XDG_STATE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "nowhere"))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))


@pytest.fixture
def fake(tmp_path: Any) -> Iterator[Callable[[Answer], FakeDaemon]]:
    """Makes daemons whose answers a test writes; all listen at the same place, one after the other."""
    made: list[FakeDaemon] = []

    def make(answer: Answer) -> FakeDaemon:
        made.append(FakeDaemon(str(tmp_path / "s"), answer))
        return made[-1]

    yield make
    for daemon in made:
        daemon.stop()


@pytest.fixture
def homes() -> Iterator[Callable[[str], Home]]:
    """Makes homes of real daemons."""
    made: list[Home] = []

    def make(configuration: str) -> Home:
        made.append(Home(configuration))
        return made[-1]

    yield make
    for home in made:
        home.remove()


@pytest.fixture
def idps() -> Iterator[Callable[..., Idp]]:
    """Makes identity providers."""
    made: list[Idp] = []

    def make(**options: int) -> Idp:
        made.append(Idp(**options))
        return made[-1]

    yield make
    for idp in made:
        idp.end()
