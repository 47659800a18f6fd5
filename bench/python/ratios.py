"""The Python client next to its yardsticks, in one run: `python bench/python/ratios.py`.

A figure is measured in turns with its yardstick, so that a machine that slows down slows both.
The daemon is the one in `BEARERD_PROGRAMS`, else in `target/release`. Where the SDK (`wallaroo`) is installed, here or
for the Python in `BEARERD_SDK_PYTHON`, its own header is measured beside ours. Nothing here passes or fails.
"""

from __future__ import annotations

import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "../.."))
SOURCE = os.path.join(ROOT, "client/python/src")
sys.path.insert(0, SOURCE)

import bearerd  # noqa: E402
from bearerd import auth  # noqa: E402
from bearerd._create import ours  # noqa: E402
from bearerd._fetchers import DaemonFetcher  # noqa: E402
from bearerd._profiles import Place  # noqa: E402

ROUNDS = 40
CALLS = 500
STARTS = 40


def least(calls: int, *works: Callable[[], object]) -> list[float]:
    """Microseconds of each of these, the least of the rounds, in turns."""
    found = [float("inf")] * len(works)
    for _ in range(ROUNDS):
        for at, work in enumerate(works):
            start = time.perf_counter()
            for _ in range(calls):
                work()
            found[at] = min(found[at], (time.perf_counter() - start) / calls * 1e6)
    return found


def medians(*works: Callable[[], object]) -> list[float]:
    """Microseconds of each of these, the median of many calls, one of each in turn.

    What wakes a process up is in all of them, and differs from call to call by more than what is looked for.
    """
    found: list[list[float]] = [[] for _ in works]
    for _ in range(ROUNDS * CALLS):
        for at, work in enumerate(works):
            start = time.perf_counter()
            work()
            found[at].append(time.perf_counter() - start)
    return [statistics.median(times) * 1e6 for times in found]


def import_times(*sources: str) -> list[float]:
    """Milliseconds that an interpreter takes for each of these, the least of many starts, in turns."""
    found = [float("inf")] * len(sources)
    for _ in range(STARTS):
        for at, source in enumerate(sources):
            timed = f"import time; start = time.perf_counter(); {source}; print(time.perf_counter() - start)"
            words = [sys.executable, "-S", "-c", timed]
            output = subprocess.run(words, env={"PYTHONPATH": SOURCE}, capture_output=True, check=True).stdout
            found[at] = min(found[at], float(output) * 1e3)
    return found


def of_the_sdk() -> float | None:
    """Microseconds of the SDK's own header, where the SDK is there."""
    python = os.environ.get("BEARERD_SDK_PYTHON", sys.executable)
    if subprocess.run([python, "-c", "import wallaroo"], capture_output=True, check=False).returncode != 0:
        return None
    script = os.path.join(ROOT, "bench/python/sdk_header.py")
    return float(subprocess.run([python, script], stdout=subprocess.PIPE, check=True).stdout)


def surface(client: bearerd.Client) -> Callable[[], object]:
    """`auth_header` of the SDK's surface in this package, over the profile of `client`."""
    place = Place("http://127.0.0.1:9", auth.AuthType.SSO)
    fetcher = DaemonFetcher(ours(), place, client)
    fetcher.profile = "a"
    return auth.PlatformAuth(fetcher).auth_header


def main() -> None:
    """Measures, and says what was measured."""
    programs = os.environ.get("BEARERD_PROGRAMS") or os.path.join(ROOT, "target/release")
    home = tempfile.mkdtemp(prefix="bd", dir="/tmp")
    path = f"{home}/s"
    with open(f"{home}/config.toml", "w", encoding="utf-8") as file:
        file.write('[profile.a]\nauth_type = "test_auth"\n')
    words = [f"{programs}/bearerd", "--socket", path, "--config", f"{home}/config.toml", "--state", f"{home}/state"]
    daemon = subprocess.Popen(words, stderr=subprocess.DEVNULL)
    try:
        client = bearerd.Client(socket=path)
        for _ in range(1000):
            if os.path.exists(path):
                break
            time.sleep(0.01)
        measure(client, path)
    finally:
        daemon.kill()
        daemon.wait()
        shutil.rmtree(home)


def measure(client: bearerd.Client, path: str) -> None:
    request = b"GET /v1/token HTTP/1.1\r\nHost: bearerd\r\n\r\n"
    bare = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    bare.connect(path)

    def round_trip() -> bytes:
        bare.sendall(request)
        return bare.recv(16384)

    def asked() -> dict[str, str]:
        client._held.clear()
        return client.header()

    assert asked()["Authorization"].encode().removeprefix(b"Bearer ") in round_trip()
    calls = ROUNDS * CALLS
    print(
        f"Python {sys.version.split()[0]}; the least of {ROUNDS} rounds, of calls to the daemon the median of {calls}"
    )
    (held,) = least(20_000, client.header)
    print(f"a header, the token in hand            {held:8.2f} µs   aim ≤ 2 µs")
    yardstick, ours = medians(round_trip, asked)
    print(f"a header, asked of the daemon          {ours:8.2f} µs")
    print(f"  a bare round trip of the same bytes  {yardstick:8.2f} µs   ratio {ours / yardstick:.2f}, aim ≤ 1.25")
    (ours_of_the_surface,) = least(1_000, surface(client))
    sdk = of_the_sdk()
    print(f"`bearerd.auth`: `auth_header()`        {ours_of_the_surface:8.2f} µs")
    print("  the SDK's own, its token in hand     " + ("not installed here" if sdk is None else f"{sdk:8.2f} µs"))
    plain, package, with_client = import_times("import json, socket", "import bearerd", "from bearerd import Client")
    print(f"import json, socket                    {plain:8.2f} ms")
    print(f"import bearerd                         {package:8.2f} ms   ratio {package / plain:.2f}, aim ≤ 1.15")
    print(f"from bearerd import Client             {with_client:8.2f} ms   ratio {with_client / plain:.2f}, aim ≤ 1.15")


if __name__ == "__main__":
    main()
