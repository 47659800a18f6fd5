"""What a login shows in a notebook, and the magic; IPython is a stand-in here, and a real one in `tests/sdk`."""

from __future__ import annotations

import json
import os
import re
import sys
import types
from collections.abc import Callable
from typing import Any

import pytest

import bearerd
from bearerd import LoginState, _ipython, _login, _notebook, errors

from .fake_daemon import Answer, FakeDaemon, ok

Fake = Callable[[Answer], FakeDaemon]

GOLDEN = os.path.join(os.path.dirname(__file__), "../../../proto/golden/login-answer.pending-qr-code.json")


class Shown(list[str]):
    """What is on the screen now, last; each change is one more."""


class UsageError(Exception):
    pass


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> Shown:
    """A notebook in which we are."""
    shown = Shown()

    class Handle:
        def update(self, html: str) -> None:
            shown.append(html)

    def display(html: str, *, display_id: bool) -> Handle:
        assert display_id
        assert not shown, "one output, which changes in place"
        shown.append(html)
        return Handle()

    names: dict[str, dict[str, Any]] = {
        "IPython": {"get_ipython": lambda: types.SimpleNamespace(kernel=object())},
        "IPython.core": {},
        "IPython.core.error": {"UsageError": UsageError},
        "IPython.display": {"HTML": str, "display": display},
    }
    for name, attributes in names.items():
        module = types.ModuleType(name)
        module.__dict__.update(attributes)
        monkeypatch.setitem(sys.modules, name, module)
    return shown


def golden(**changes: Any) -> dict[str, Any]:
    with open(GOLDEN, encoding="utf-8") as file:
        answer: dict[str, Any] = json.load(file)
    return answer | changes


def daemon_with(monkeypatch: pytest.MonkeyPatch, fake: Fake, *looks: bytes) -> FakeDaemon:
    answers = iter(looks)
    daemon = fake(lambda method, *_: ok(golden()) if method == "POST" else next(answers))
    monkeypatch.setenv("BEARERD_SOCKET", daemon.path)
    monkeypatch.setattr(_login, "_LOOK_SECONDS", 0)
    return daemon


def log_in() -> LoginState:
    return _login.log_in(bearerd.Client(), "wallaroo")


def test_the_output_counts_down_and_turns_to_logged_in(
    fake: Fake, monkeypatch: pytest.MonkeyPatch, shown: Shown
) -> None:
    later = ok(golden(expires_in=95))
    daemon_with(monkeypatch, fake, later, ok({"state": "done", "user_email": "<jane>@example.com"}))
    log_in()
    first, second, last = shown
    link = "https://keycloak.example.com/auth/realms/master/device?user_code=WDJB-MJHT"
    assert f'<a href="{link}" target="_blank" rel="noopener noreferrer">{link}</a>' in first
    assert "<b>WDJB-MJHT</b>" in first
    assert "Waiting for you to log in. 10 min left." in first
    assert "95 s left." in second
    assert "Logged in as &lt;jane&gt;@example.com." in last
    assert "keycloak" not in last
    assert "<svg" not in last


def test_the_picture_is_the_daemons_code_with_a_light_border() -> None:
    rows = golden()["qr_code"]
    picture = _notebook.qr_picture(rows)
    size = len(rows) + 8
    assert f'viewBox="0 0 {size} {size}"' in picture
    dark = {(int(x), int(y)) for x, y in re.findall(r"M(\d+) (\d+)h1v1h-1z", picture)}
    expected = {(x + 4, y + 4) for y, row in enumerate(rows) for x, module in enumerate(row) if module == "1"}
    assert dark == expected
    assert len(dark) > 400


@pytest.mark.parametrize(
    ("code", "status", "told"), [("login-denied", "403 X", "said no"), ("login-expired", "410 X", "time is up")]
)
def test_the_output_turns_to_the_reason(
    fake: Fake, monkeypatch: pytest.MonkeyPatch, shown: Shown, code: str, status: str, told: str
) -> None:
    daemon_with(monkeypatch, fake, ok({"code": code, "message": told}, status))
    with pytest.raises(errors.AuthError, match=told):
        log_in()
    assert f"Not logged in: {told}" in shown[-1]
    assert "<a " not in shown[-1]


def test_who_stops_the_cell_stops_the_wait_alone(fake: Fake, monkeypatch: pytest.MonkeyPatch, shown: Shown) -> None:
    daemon_with(monkeypatch, fake)

    def interrupted(*_: Any, **__: Any) -> LoginState:
        raise KeyboardInterrupt

    monkeypatch.setattr(bearerd.Client, "follow_login", interrupted)
    with pytest.raises(KeyboardInterrupt):
        log_in()
    assert "stays good" in shown[-1]


def test_a_link_of_another_place_has_no_picture_and_a_strange_one_is_no_link(shown: Shown) -> None:
    output = _notebook.Output()
    output.pending(LoginState._of(golden()), "https://public.example.com/device")
    assert "<svg" not in shown[-1]
    assert 'href="https://public.example.com/device"' in shown[-1]
    output.pending(LoginState._of(golden()), "javascript:alert(1)")
    assert "href" not in shown[-1]
    output.pending(LoginState._of(golden()), 'https://x.test/"><script>')
    assert "<script>" not in shown[-1]


def test_elsewhere_a_login_is_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "IPython", raising=False)
    assert isinstance(_login.screen_here(), _login.Terminal)
    terminal = types.ModuleType("IPython")
    terminal.get_ipython = lambda: None  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "IPython", terminal)
    assert isinstance(_login.screen_here(), _login.Terminal)


def test_a_terminal_gets_no_orders_from_a_provider(
    fake: Fake, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    order = "\x1b]0;x\x07\x9b31m"
    login = golden(user_code=f"j\u00e4ne{order}", verification_uri_complete=f"https://x.test/{order}", login_id="1")
    _login.Terminal().pending(LoginState._of(login), f"https://x.test/{order}")
    profiles = [{**STATUS["profiles"][0], "user_email": f"jane{order}"}]
    monkeypatch.setenv("BEARERD_SOCKET", fake(lambda *_: ok({**STATUS, "profiles": profiles})).path)
    _ipython._status(None, set())
    said = capsys.readouterr().out
    assert not {"\x1b", "\x07", "\x9b"} & {*said}
    assert "the code j\u00e4ne\ufffd]0;x\ufffd\ufffd31m.\n" in said
    assert "jane\ufffd]0;x" in said


def test_the_extension_registers_the_magic() -> None:
    registered: list[Any] = []
    ipython = types.SimpleNamespace(
        register_magic_function=lambda *given: registered.append(given),
        magics_manager=types.SimpleNamespace(magics={"line": {"bearer": _ipython.bearer}}),
    )
    bearerd.load_ipython_extension(ipython)
    assert registered == [(_ipython.bearer, "line", "bearer")]
    bearerd.unload_ipython_extension(ipython)
    assert ipython.magics_manager.magics["line"] == {}


STATUS: dict[str, Any] = {
    "version": "0.1.0",
    "pid": 1,
    "uptime": 1,
    "profiles": [
        {
            "profile": "wallaroo",
            "auth_type": "sso",
            "state": "degraded",
            "saved": True,
            "fetches": 1,
            "user_email": "jane@example.com",
            "expires_in": 42,
            "last_error": {"code": "idp-unreachable", "message": "it is away", "at": 1},
        },
        {"profile": "open", "auth_type": "none", "state": "ready", "saved": True, "fetches": 0},
    ],
}


def test_status_is_a_table(
    fake: Fake, monkeypatch: pytest.MonkeyPatch, shown: Shown, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("BEARERD_SOCKET", fake(lambda *_: ok(STATUS)).path)
    _ipython.bearer("status")
    assert capsys.readouterr().out.splitlines() == [
        "PROFILE   STATE     USER              EXPIRES IN",
        "wallaroo  degraded  jane@example.com  42 s        it is away",
        "open      ready",
    ]
    _ipython.bearer("status open")
    assert "wallaroo" not in capsys.readouterr().out
    with pytest.raises(UsageError, match="no profile `nobody`"):
        _ipython.bearer("status nobody")


def test_login_and_logout_go_to_the_daemon(
    fake: Fake, monkeypatch: pytest.MonkeyPatch, shown: Shown, capsys: pytest.CaptureFixture[str]
) -> None:
    daemon = daemon_with(monkeypatch, fake, ok({"state": "done", "user_email": "jane@example.com"}))
    _ipython.bearer("login wallaroo --replace")
    assert daemon.requests[0][2] == {"profile": "wallaroo", "replace": True}
    assert "Logged in as jane@example.com." in shown[-1]
    gone = {"profiles": [{"profile": "wallaroo", "revocation": "failed", "message": "it is away"}]}
    daemon._answer = lambda *_: ok(gone)
    _ipython.bearer("logout wallaroo --no-revoke")
    assert daemon.requests[-1][2] == {"profile": "wallaroo", "revoke": False}
    _ipython.bearer("logout --all")
    assert daemon.requests[-1][2] == {}
    assert capsys.readouterr().out.splitlines() == ["wallaroo: logged out (it is away)"] * 2


@pytest.mark.parametrize(
    "line", ["", "nothing", "login a b", "login --all", "status --replace", "logout wallaroo --all"]
)
def test_what_is_no_command_is_told_how_they_go(shown: Shown, line: str) -> None:
    with pytest.raises(UsageError, match=r"%bearer login|not both"):
        _ipython.bearer(line)
    assert shown == []
