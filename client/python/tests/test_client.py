"""The blocking client against a daemon whose answers are written here."""

from __future__ import annotations

from pathlib import Path

import bearerd

from .fake_daemon import FakeDaemon, ok, token


def test_a_token_is_held_until_it_is_to_be_renewed(tmp_path: Path) -> None:
    daemon = FakeDaemon(str(tmp_path / "s"), lambda *_: ok(token(len(daemon.requests))))
    client = bearerd.Client(socket=tmp_path / "s")
    for _ in range(10):
        assert client.header() == {"Authorization": "Bearer token-1"}
    assert [target for _, target, _ in daemon.requests] == ["/v1/token"]
    client.close()
    daemon.stop()
