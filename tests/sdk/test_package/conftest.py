"""What the tests share: programs of this environment, each in an interpreter of its own."""

import importlib.util
import os
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

#: Of the real package.
AUTH = Path(importlib.util.find_spec("wallaroo").submodule_search_locations[0]) / "auth.py"
SITE_PACKAGES = Path(sysconfig.get_path("purelib"))
#: What `enable` writes.
PTH = SITE_PACKAGES / "bearerd-wallaroo.pth"
#: Whose `create` a program has.
OURS, THEIRS = "bearerd._sdk", "wallaroo.auth"


class Python:
    """Runs this environment's interpreter in an empty folder."""

    def __init__(self, folder):
        self.folder = folder
        self.environment = {
            "PATH": "/usr/bin:/bin",
            "HOME": str(folder),
            "BEARERD_SOCKET": str(folder / "no-daemon.sock"),
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        if "MPLCONFIGDIR" in os.environ:
            self.environment["MPLCONFIGDIR"] = os.environ["MPLCONFIGDIR"]

    def __call__(self, *arguments, **variables):
        return subprocess.run(
            [sys.executable, *arguments],
            cwd=self.folder,
            env={**self.environment, **variables},
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )

    def says(self, *arguments, **variables):
        """What it says, where it ends well and complains of nothing."""
        ended = self(*arguments, **variables)
        assert (ended.returncode, ended.stderr) == (0, ""), ended
        return ended.stdout.strip()


@pytest.fixture
def python(tmp_path):
    return Python(tmp_path)


@pytest.fixture
def light(python):
    """The SDK's own `auth.py` in a package of that alone: the whole SDK takes seconds to import."""
    package = python.folder / "wallaroo"
    package.mkdir()
    (package / "__init__.py").write_text("from . import auth\n")
    (package / "version.py").write_text('_user_agent = "WallarooSDK"\n')
    (package / "auth.py").write_text(AUTH.read_text())
    return python


@pytest.fixture
def light_enabled(light):
    """`enable` was said; `disable` is said at the end."""
    light.says("-m", "bearerd", "enable", "wallaroo")
    yield light
    light.says("-m", "bearerd", "disable", "wallaroo")


def whose(*before):
    """A program that says whose `create` the SDK has."""
    return "; ".join([*before, "import wallaroo.auth as auth", "print(auth.create.__module__)"])
