"""`python -m bearerd run`: the program starts as without us."""

from __future__ import annotations

import glob
import os
import pwd
import shutil
import subprocess
import sys
from typing import Any

import pytest

import bearerd
from bearerd._commands import options

SOURCE = os.path.dirname(os.path.dirname(bearerd.__file__))


@pytest.mark.parametrize("module", [["-m", "bearerd"], ["-mbearerd"]])
@pytest.mark.parametrize("given", [[], ["-u"], ["-X", "dev", "-Wignore"], ["--check-hash-based-pycs", "never"]])
def test_options_are_taken_as_they_were_written(module: list[str], given: list[str]) -> None:
    assert options(["python", *given, *module]) == given


def test_options_may_stand_in_one_word_with_the_module() -> None:
    assert options(["python", "-X", "dev", "-Bum", "bearerd"]) == ["-X", "dev", "-Bu"]
    assert options(["python", "-Bumbearerd"]) == ["-Bu"]


def said(*arguments: str, **variables: str) -> str:
    """What an interpreter says that nothing of this one's environment reaches."""
    environment = {"PYTHONPATH": SOURCE, "PYTHONDONTWRITEBYTECODE": "1", **variables}
    return subprocess.check_output([sys.executable, *arguments], env=environment, text=True).strip()


def test_the_interpreter_has_the_options_of_ours() -> None:
    show = "import sys; print(sys.stdout.write_through, sys._xoptions.get('pycache_prefix'))"
    given = ["-u", "-X", "pycache_prefix=/nowhere"]
    assert said(*given, "-m", "bearerd", "run", "-c", show) == said(*given, "-c", show) == "True /nowhere"
    assert said("-m", "bearerd", "run", "-c", show) == "False None"


def test_an_empty_entry_of_the_path_stays_the_working_folder(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "program.py"
    program.write_text("import sys; print(sys.path)")
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    for path in (f":{SOURCE}", f"{SOURCE}:", f"{SOURCE}::/nowhere", SOURCE):
        alone = said(str(program), PYTHONPATH=path)
        assert said("-m", "bearerd", "run", str(program), PYTHONPATH=path) == alone


@pytest.mark.parametrize("name", ["python2.7", "python3.6", "python3.8", "python3.9", sys.executable])
def test_an_interpreter_below_starts_as_without_us_however_old_it_is(name: str) -> None:
    program = interpreter(name)
    if program is None:
        pytest.skip(f"no {name} here")
    environment = {"PYTHONPATH": f"{SOURCE}/bearerd/_children", "PYTHONDONTWRITEBYTECODE": "1"}
    ended = subprocess.run([program, "-c", "print('started')"], env=environment, capture_output=True, check=False)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, b"started\n", b"")


def interpreter(name: str) -> str | None:
    """One on the path, or one that pyenv keeps."""
    # `HOME` is the test's own.
    kept = glob.glob(f"{pwd.getpwuid(os.getuid()).pw_dir}/.pyenv/versions/*/bin/{name}")
    return next(iter(kept), None) or shutil.which(name)
