"""The commands of `python -m bearerd`."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from . import _hook

if TYPE_CHECKING:
    from typing import NoReturn

USAGE = """\
usage: python -m bearerd run app.py [ARGUMENT ...]
       python -m bearerd run -m MODULE [ARGUMENT ...]
       python -m bearerd run -c CODE [ARGUMENT ...]
       python -m bearerd enable wallaroo
       python -m bearerd disable wallaroo

run      runs a Python program; its Wallaroo SDK, and that of every Python process below it, asks bearerd for its tokens
enable   does so in every program of this environment, until `disable`
"""


def main(arguments: list[str]) -> int:
    """Carries one out; the exit code of a shell's command."""
    match arguments:
        case ["run", *program] if _is_program(program):
            run(program)
        case ["enable", "wallaroo"]:
            return enable()
        case ["disable", "wallaroo"]:
            return disable()
        case ["-h" | "--help"] | ["run", "-h" | "--help"]:
            sys.stdout.write(USAGE)
            return 0
    sys.stderr.write(USAGE)
    return 2


def run(program: list[str]) -> NoReturn:
    """Becomes that program.

    A new start of the interpreter, so that everything in it is as without us; what makes the difference is a folder in
    `PYTHONPATH`, which its children inherit.
    """
    flags = sys.flags
    if flags.isolated or flags.ignore_environment or flags.no_site:
        sys.exit("python -m bearerd run: with -I, -E or -S Python does not load what serves the SDK")
    folder = os.path.join(os.path.dirname(os.path.abspath(__file__)), "_children")
    inherited = os.environ.get("PYTHONPATH")
    # An empty entry is the working folder.
    others = inherited.split(os.pathsep) if inherited else []
    path = [folder, *(other for other in others if other != folder)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path)}
    if program[0] == "--":
        program = program[1:]
    command = [sys.executable, *options(sys.orig_argv[: len(sys.orig_argv) - len(sys.argv) + 1]), *program]
    sys.stdout.flush()
    sys.stderr.flush()
    os.execve(sys.executable, command, environment)  # noqa: S606 (this very interpreter)


def options(written: list[str]) -> list[str]:
    """Those of the interpreter, in a command that ends with `-m bearerd`, `-um bearerd` or `-mbearerd`."""
    *words, last = written[1:]
    if not last.startswith("-"):
        last = words.pop()
    # `-m` ends the options, and may stand behind others that take no value.
    others = last.partition("m")[0]
    return words if others == "-" else [*words, others]


def enable() -> int:
    """Writes the `.pth` file, after a look at the SDK."""
    from . import wallaroo

    try:
        wallaroo.install()
        # A separate step: what is not imported yet is looked at when it is.
        __import__(_hook.MODULE)
    except ImportError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    path = pth_file()
    new = f"{path}.{os.getpid()}"
    try:
        with open(new, "w", encoding="ascii") as file:
            file.write(_hook.line())
        os.replace(new, path)
    except OSError as error:
        sys.stderr.write(f"failed to write `{path}`: {error.strerror}\n")
        return 1
    print(f"The Wallaroo SDK of this environment asks bearerd for its tokens from now on ({path}).")
    return 0


def disable() -> int:
    """Removes it."""
    path = pth_file()
    try:
        os.unlink(path)
    except FileNotFoundError:
        print("It was not enabled in this environment.")
        return 0
    except OSError as error:
        sys.stderr.write(f"failed to remove `{path}`: {error.strerror}\n")
        return 1
    print("The Wallaroo SDK of this environment logs in by itself again.")
    return 0


def pth_file() -> str:
    """Where this environment's interpreters look."""
    import sysconfig

    return os.path.join(sysconfig.get_path("purelib"), "bearerd-wallaroo.pth")


def _is_program(program: list[str]) -> bool:
    match program:
        case ["--", path, *_]:
            return not path.startswith("-")
        case ["-m" | "-c", _, *_]:
            return True
        case [path, *_]:
            return not path.startswith("-")
    return False
