"""The real daemon and the test identity provider as processes, in a home of their own."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Callable
from typing import Any

import bearerd


def program(name: str) -> str:
    """A program of this repository, built before: in `BEARERD_PROGRAMS`, else in `target/debug`."""
    root = os.path.abspath(os.path.join(os.path.dirname(__file__), "../../.."))
    path = os.path.join(os.environ.get("BEARERD_PROGRAMS") or f"{root}/target/debug", name)
    if not os.access(path, os.X_OK):
        raise FileNotFoundError(
            f"no `{path}`: `cargo build -p bearerd -p bearerd-client -p bearerd-test-idp`, or set BEARERD_PROGRAMS"
        )
    return path


def eventually(what: str, wish: Callable[[], Any], seconds: float = 30.0) -> Any:
    """Looks until the wish is there; gives it."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := wish():
            return found
        time.sleep(0.01)
    raise AssertionError(f"{what}: not within {seconds} s")


class Home:
    """A home: what one daemon keeps, the next one finds. Its path is short: a socket's address has 107 bytes."""

    def __init__(self, configuration: str) -> None:
        self.path = tempfile.mkdtemp(prefix="bd", dir="/tmp")
        for folder in ("config/bearerd", "run", "state"):
            os.makedirs(f"{self.path}/{folder}", mode=0o700)
        self.configure(configuration)
        self.socket = f"{self.path}/run/bearerd.sock"
        self.environment = {
            "PATH": os.environ["PATH"],
            "HOME": self.path,
            "XDG_CONFIG_HOME": f"{self.path}/config",
            "XDG_STATE_HOME": f"{self.path}/state",
            "XDG_RUNTIME_DIR": f"{self.path}/run",
        }
        self._daemon: subprocess.Popen[bytes] | None = None

    def configure(self, configuration: str) -> None:
        with open(f"{self.path}/config/bearerd/config.toml", "w", encoding="utf-8") as file:
            file.write(configuration)

    def start(self) -> None:
        with open(f"{self.path}/log", "ab") as log:
            self._daemon = subprocess.Popen([program("bearerd")], env=self.environment, stderr=log)
        with bearerd.Client(socket=self.socket) as client:
            eventually("the daemon answers", lambda: answers(client))

    def end(self, how: signal.Signals = signal.SIGTERM) -> None:
        daemon, self._daemon = self._daemon, None
        if daemon is not None:
            daemon.send_signal(how)
            daemon.wait(70)

    def restart(self) -> None:
        self.end()
        self.start()

    @property
    def daemon(self) -> subprocess.Popen[bytes]:
        assert self._daemon is not None
        return self._daemon

    def log(self) -> str:
        with open(f"{self.path}/log", encoding="utf-8") as file:
            return file.read()

    def remove(self) -> None:
        self.end(signal.SIGKILL)
        shutil.rmtree(self.path)


def answers(client: bearerd.Client) -> bool:
    """Whether a daemon answers there now."""
    try:
        return client.health() != ""
    except bearerd.AuthError:
        return False


class Idp:
    """The test identity provider; every login is approved at once."""

    def __init__(self, **options: int) -> None:
        words = [f"--{name.replace('_', '-')}={value}" for name, value in options.items()]
        self._process = subprocess.Popen(
            [program("bearerd-test-idp"), "--auto-approve=jane", "--interval=1", *words], stdout=subprocess.PIPE
        )
        assert self._process.stdout is not None
        self.address = self._process.stdout.readline().decode().strip()
        self.control = self._get(f"{self.address}/control")["control_url"]

    def sso(self, profile: str = "wallaroo") -> str:
        """The lines of a profile that logs in here."""
        return f'[profile.{profile}]\nauth_type = "sso"\nkeycloak_addr = "{self.address}"\n'

    def counts(self) -> dict[str, int]:
        counts: dict[str, int] = self._get(f"{self.control}/counts")
        return counts

    def patch(self, **settings: Any) -> None:
        """Changes how it behaves."""
        text = json.dumps(settings).encode()
        url = f"{self.control}/settings"
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(url, text, headers, method="PATCH")
        urllib.request.urlopen(request, timeout=20).close()

    def end(self) -> None:
        self._process.kill()
        self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()

    def _get(self, url: str) -> dict[str, Any]:
        with urllib.request.urlopen(url, timeout=20) as answer:
            value: dict[str, Any] = json.load(answer)
        return value


def log_in(client: bearerd.Client, profile: str | None = None) -> None:
    """Logs in at an identity provider that approves by itself."""
    state = client.login(profile)
    while not state.done:
        assert state.login_id is not None
        state = client.follow_login(state.login_id)
