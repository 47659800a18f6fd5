"""Starts the daemon that was installed with this package, where none answers."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
from importlib import metadata

from .errors import DaemonUnreachable

START_SECONDS = 30.0
"""`bearerctl` gives a daemon 12 s to answer; a machine that has much to do may take its time to start the two."""


def start(socket: str | None) -> None:
    """Starts it, and waits until it answers at `socket`, or where the environment says.

    `bearerctl` does it, so that the daemon is nobody's child and of a terminal's session no more.
    """
    program = bearerctl()
    if program is None:
        raise DaemonUnreachable(
            "no bearerd answers, and none can be started: this package was installed without its programs; "
            "install the wheel that has them, or start the bearerd that you have"
        )
    words = [program, "--autostart", "status", "--json"]
    if socket is not None:
        words += ["--socket", os.path.abspath(socket)]
    try:
        ended = subprocess.run(  # noqa: S603 (our own program)
            words, stdin=subprocess.DEVNULL, capture_output=True, timeout=START_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise DaemonUnreachable(f"no bearerd answers, and `{program}` failed to start one: {error}") from error
    if ended.returncode == 6:
        raise DaemonUnreachable(ended.stderr.decode(errors="replace").removeprefix("bearerctl: ").strip())


def bearerctl() -> str | None:
    """The program of this very installation: another one on the `PATH` may be of another version."""
    places = []
    try:
        files = metadata.distribution("bearerd").files or []
    except metadata.PackageNotFoundError:
        files = []
    places += [str(file.locate()) for file in files if file.name == "bearerctl"]
    # An editable installation has no programs of its own.
    places += [
        os.path.join(folder, "bearerctl") for folder in (sysconfig.get_path("scripts"), os.path.dirname(sys.executable))
    ]
    for place in places:
        path = os.path.realpath(place)
        if os.access(path, os.X_OK) and os.path.isfile(os.path.join(os.path.dirname(path), "bearerd")):
            return path
    return None
