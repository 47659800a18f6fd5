"""A client starts the daemon that was installed with it, in an environment that pip has made."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from importlib.metadata import PackageNotFoundError
from typing import Any

import pytest

import bearerd
from bearerd import auth, errors

from .real_daemon import Home, Idp, eventually, program

CONFIGURATION = '[profile.a]\nauth_type = "test_auth"\n'
PYTHON = sys.executable
TOKEN = "definitely_a_bearer_token_str"


@pytest.fixture
def home(homes: Callable[[str], Home]) -> Iterator[Home]:
    """A home in which no daemon runs; what is started there is ended."""
    home = homes(CONFIGURATION)
    yield home
    with bearerd.Client(socket=home.socket, autostart=False) as client:
        try:
            os.kill(client.status()["pid"], signal.SIGKILL)
        except bearerd.AuthError:
            pass


@pytest.fixture
def installed(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> str:
    """A folder of console commands with both programs, as a wheel's installation has it."""
    scripts = str(tmp_path / "bin")
    os.mkdir(scripts)
    for name in ("bearerd", "bearerctl"):
        # A link would be followed to another installation.
        os.link(program(name), f"{scripts}/{name}") if same_disk(program(name), scripts) else copy(name, scripts)
    monkeypatch.setattr("bearerd._autostart.sysconfig.get_path", lambda _: scripts)
    monkeypatch.setattr("bearerd._autostart.metadata.distribution", missing)
    monkeypatch.setattr("bearerd._autostart.sys.executable", "/nowhere/python")
    return scripts


def same_disk(one: str, other: str) -> bool:
    return os.stat(one).st_dev == os.stat(other).st_dev


def copy(name: str, folder: str) -> None:
    import shutil

    shutil.copy(program(name), folder)


def missing(_: str) -> Any:
    raise PackageNotFoundError


@pytest.fixture
def here(home: Home, monkeypatch: pytest.MonkeyPatch) -> Home:
    """This process lives in that home, too."""
    for name, value in home.environment.items():
        monkeypatch.setenv(name, value)
    return home


def test_a_daemon_is_started_where_none_answers(here: Home, installed: str) -> None:
    with bearerd.Client(autostart=True) as client:
        assert client.token("a").token == TOKEN
        pid = client.status()["pid"]
    with open(f"/proc/{pid}/cmdline", "rb") as file:
        words = file.read().split(b"\0")
    assert words[:3] == [os.fsencode(f"{installed}/bearerd"), b"--idle-timeout", b"86400"]
    # It is nobody's child, and a terminal's end is not its own.
    assert os.getsid(pid) == pid
    with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
        parent = int(file.read().rpartition(")")[2].split()[1])
    assert parent not in (os.getpid(), pid)


def test_it_is_asked_for_by_the_environment(here: Home, installed: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for value in ("", "0", "yes"):
        monkeypatch.setenv("BEARERD_AUTOSTART", value)
        with bearerd.Client() as client, pytest.raises(errors.DaemonUnreachable, match="no bearerd answers at"):
            client.token("a")
    monkeypatch.setenv("BEARERD_AUTOSTART", "1")
    with bearerd.Client() as client:
        assert client.token("a").token == TOKEN


def test_an_async_client_starts_one_too(here: Home, installed: str) -> None:
    import asyncio

    async def main() -> None:
        async with bearerd.AsyncClient(socket=here.socket, autostart=True) as client:
            tokens = await asyncio.gather(*(client.token("a") for _ in range(50)))
            assert {token.token for token in tokens} == {TOKEN}

    asyncio.run(main())


def test_where_several_start_one_at_once_there_is_one(here: Home, installed: str) -> None:
    source = f"""
from bearerd import _autostart, Client
_autostart.bearerctl = lambda: {installed + "/bearerctl"!r}
client = Client(autostart=True)
client.token("a")
print(client.status()["pid"])
"""
    path = os.pathsep.join(sys.path)
    environment = {**here.environment, "PYTHONPATH": path}
    started = [subprocess.Popen([PYTHON, "-c", source], env=environment, stdout=subprocess.PIPE) for _ in range(8)]
    pids = set()
    for process in started:
        said, _ = process.communicate(timeout=60)
        assert process.returncode == 0
        pids.add(int(said))
    assert len(pids) == 1


def test_it_gets_no_password_from_its_starter(here: Home, installed: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WALLAROO_PASSWORD", "hunter2")
    monkeypatch.setenv("https_proxy", "http://proxy.example.com")
    with bearerd.Client(autostart=True) as client:
        pid = client.status()["pid"]
    with open(f"/proc/{pid}/environ", "rb") as file:
        environment = file.read()
    assert b"hunter2" not in environment
    assert b"https_proxy=http://proxy.example.com" in environment


def test_a_password_that_it_is_given_stays_in_its_memory(
    here: Home, installed: str, idps: Callable[..., Idp], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(auth.USER_VAR, "jane")
    monkeypatch.setenv(auth.PASSWORD_VAR, "jane-pw")
    monkeypatch.setenv("BEARERD_AUTOSTART", "1")
    assert auth.create(idps().address, "user_password").user_email() == "jane@ex.co"
    with bearerd.Client(autostart=False) as client:
        pid = client.status()["pid"]
    places = [f"/proc/{pid}/cmdline", f"/proc/{pid}/environ"]
    files = [f"{folder}/{name}" for folder, _, names in os.walk(here.path) for name in names]
    assert any("/state/" in file for file in files), "the session is saved, and its profile"
    for place in [*places, *(file for file in files if os.path.isfile(file))]:
        with open(place, "rb") as file:
            assert b"jane-pw" not in file.read(), place


def test_one_that_was_killed_is_started_again(here: Home, installed: str) -> None:
    with bearerd.Client(autostart=True) as client:
        first = client.status()["pid"]
        os.kill(first, signal.SIGKILL)
        assert client.token("a").token == TOKEN
        assert client.status()["pid"] != first


def test_it_ends_by_itself_when_nobody_calls(here: Home) -> None:
    started = time.monotonic()
    daemon = subprocess.Popen([program("bearerd"), "--idle-timeout", "2"], env=here.environment, stderr=subprocess.PIPE)
    assert daemon.stderr is not None
    with daemon.stderr, bearerd.Client(socket=here.socket) as client:
        eventually("it answers", lambda: answered(client))
        while time.monotonic() - started < 4:
            # Each call counts, on a connection that is there already.
            assert client.health() == "ok"
            time.sleep(0.2)
        events = client.events()
        time.sleep(3)
        # Who listens for events is a caller.
        assert daemon.poll() is None
        events.close()
        quiet = time.monotonic()
        said, ended = daemon.stderr.read(), daemon.wait(20)
    assert ended == 0, said
    assert 1.5 < time.monotonic() - quiet < 5
    assert b"nobody has called" in said


def answered(client: bearerd.Client) -> bool:
    try:
        return client.health() != ""
    except bearerd.AuthError:
        return False


def test_without_programs_it_is_said(here: Home, monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    monkeypatch.setattr("bearerd._autostart.sysconfig.get_path", lambda _: str(tmp_path))
    monkeypatch.setattr("bearerd._autostart.sys.executable", "/nowhere/python")
    monkeypatch.setattr("bearerd._autostart.metadata.distribution", missing)
    # What is on the PATH is another installation's.
    monkeypatch.setenv("PATH", f"{os.path.dirname(program('bearerctl'))}:{os.environ['PATH']}")
    with (
        bearerd.Client(autostart=True) as client,
        pytest.raises(errors.DaemonUnreachable, match="without its programs"),
    ):
        client.token("a")


def test_one_that_can_not_start_says_why(here: Home, installed: str) -> None:
    os.remove(f"{installed}/bearerd")
    with open(f"{installed}/bearerd", "w", encoding="utf-8") as file:
        file.write("#!/bin/sh\necho 'no room on this ship' >&2\nexit 1\n")
    os.chmod(f"{installed}/bearerd", 0o755)
    with (
        bearerd.Client(autostart=True) as client,
        pytest.raises(errors.DaemonUnreachable, match=r"does not answer.*bearerd\.log") as raised,
    ):
        client.token("a")
    with open(f"{here.path}/state/bearerd/bearerd.log", encoding="utf-8") as file:
        assert "no room on this ship" in file.read()
    assert json.dumps(str(raised.value))
