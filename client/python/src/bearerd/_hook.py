"""What waits for the import of `wallaroo.auth`: a finder that costs nothing until then.

`SOURCE` is all of it, and needs nothing of this package to stand: `enable` writes it into a `.pth` file that outlives
the package, where an interpreter that has nothing to do with the SDK must start as if it was not there.
"""

from __future__ import annotations

import sys

MODULE = "wallaroo.auth"

SOURCE = """\
class BearerdHook:
    @staticmethod
    def find_spec(name, path=None, target=None):
        if name == "wallaroo.auth":
            try:
                from bearerd.wallaroo import spec_of
            except ImportError:
                return None
            return spec_of(path)
if not any(getattr(finder, "__name__", "") == "BearerdHook" for finder in sys.meta_path):
    sys.meta_path.insert(0, BearerdHook)
"""


def line() -> str:
    """The same as the one line of a `.pth` file (`site`: a line that begins with `import` is executed).

    Its names stay its own, and whatever goes wrong in it is nobody's trouble.
    """
    guarded = f"try:\n{_indented(SOURCE)}\nexcept Exception: pass"
    return f'import sys; exec({guarded!r}, {{"sys": sys}})\n'


def put() -> None:
    """Puts the finder before all others, once."""
    exec(SOURCE, {"sys": sys})  # noqa: S102 (the constant above)


def is_ours(finder: object) -> bool:
    """Whether this is that finder, whoever has put it."""
    return getattr(finder, "__name__", "") == "BearerdHook"


def _indented(text: str) -> str:
    return "\n".join(f" {line}" for line in text.splitlines())
