"""Where the socket is looked for: the same places in the same order as by the Rust client."""

from __future__ import annotations

import os

import pytest

from bearerd import _places

STATE = "/home/jane/.local/state/bearerd/bearerd-node7.sock"


@pytest.mark.parametrize(
    ("environment", "run_user", "places"),
    [
        ({}, None, [STATE]),
        ({"XDG_RUNTIME_DIR": "/run/a"}, "/run/user/7", ["/run/a/bearerd.sock", "/run/user/7/bearerd.sock", STATE]),
        ({"XDG_RUNTIME_DIR": "/run/user/7"}, "/run/user/7", ["/run/user/7/bearerd.sock", STATE]),
        ({"XDG_RUNTIME_DIR": "/run/user/7/"}, "/run/user/7", ["/run/user/7/bearerd.sock", STATE]),
        ({"BEARERD_SOCKET": "s.sock", "XDG_RUNTIME_DIR": "/run/a"}, None, ["s.sock"]),
        ({"BEARERD_STATE": "/var/b", "XDG_STATE_HOME": "/var/c"}, None, ["/var/b/bearerd-node7.sock"]),
        ({"XDG_STATE_HOME": "/var/c"}, None, ["/var/c/bearerd/bearerd-node7.sock"]),
        ({"XDG_RUNTIME_DIR": "run", "XDG_STATE_HOME": "state", "HOME": "home"}, None, []),
        ({"BEARERD_SOCKET": "", "XDG_RUNTIME_DIR": "", "BEARERD_STATE": "", "XDG_STATE_HOME": ""}, None, [STATE]),
    ],
)
def test_the_places_stand_in_the_order_in_which_they_are_tried(
    environment: dict[str, str], run_user: str | None, places: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("BEARERD_SOCKET", "BEARERD_STATE", "XDG_RUNTIME_DIR", "XDG_STATE_HOME"):
        monkeypatch.delenv(name, raising=False)
    for name, value in {"HOME": "/home/jane", **environment}.items():
        monkeypatch.setenv(name, value)
    uname = os.uname_result(("Linux", "node7", "", "", ""))
    monkeypatch.setattr("bearerd._places.os.uname", lambda: uname)
    monkeypatch.setattr(_places, "own_run_user", lambda: run_user)
    assert _places.socket_places() == places


def test_a_user_without_a_home_in_the_environment_has_that_of_the_system(monkeypatch: pytest.MonkeyPatch) -> None:
    import pwd

    monkeypatch.delenv("HOME")
    assert _places.state_folder() == f"{pwd.getpwuid(os.getuid()).pw_dir}/.local/state/bearerd"


def test_a_run_folder_of_somebody_else_is_no_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bearerd._places.os.geteuid", lambda: 4294967)
    assert _places.own_run_user() is None
