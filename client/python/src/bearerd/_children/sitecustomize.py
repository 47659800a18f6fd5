"""Loaded by every interpreter below `python -m bearerd run`: makes ready for the SDK, then hands on.

It may be the interpreter of another environment, or an old one: whatever it lacks, it starts as without us.
"""

import sys


def _make_ready(folder):
    if sys.version_info < (3, 10):  # noqa: UP036 (this file alone is for older ones, too)
        return
    import os

    package = os.path.dirname(folder)
    source = os.path.join(package, "_hook.py")
    with open(source, encoding="utf-8") as file:
        hook = {"__name__": "_bearerd_hook"}
        exec(compile(file.read(), source, "exec"), hook)  # noqa: S102 (a module of this package)
    hook["put"]()
    sys.meta_path.append(_of_this_package(package))


def _of_this_package(package):
    class BearerdPackage:
        """Where an environment has no bearerd of its own: the one that runs the program."""

        @staticmethod
        def find_spec(name, path=None, target=None):  # noqa: ARG004 (as the import system calls it)
            if name != "bearerd":
                return None
            from importlib.util import spec_from_file_location

            return spec_from_file_location(name, package + "/__init__.py", submodule_search_locations=[package])

    return BearerdPackage


def _hand_on(folder):
    """To the environment's own `sitecustomize`, which ours has hidden."""
    sys.path[:] = [entry for entry in sys.path if entry != folder]
    ours = sys.modules.pop("sitecustomize", None)
    try:
        import sitecustomize  # noqa: F401
    except ImportError as error:
        # Python 2 does not say which module is missing, and goes on in silence with any.
        if getattr(error, "name", None) != "sitecustomize":
            raise
    finally:
        if ours is not None:
            sys.modules.setdefault("sitecustomize", ours)


_folder = __file__.replace("\\", "/").rpartition("/")[0]
try:
    _make_ready(_folder)
except Exception:  # noqa: S110 (the program comes first)
    pass
_hand_on(_folder)
