"""The real Wallaroo SDK on the daemon: puts our `create` and `logout` in the place of `wallaroo.auth`'s.

`install()` does it for this process; `python -m bearerd run` for a program and its children; `python -m bearerd enable
wallaroo` for an environment. The SDK is not imported for it: its module is served when the program imports it.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from ._hook import MODULE, is_ours, put

if TYPE_CHECKING:
    from importlib.machinery import ModuleSpec
    from types import ModuleType

__all__ = ["UnknownSdk", "install"]


class UnknownSdk(ImportError):
    """There is no SDK here, or its surface is not the one that this package knows."""


def install() -> None:
    """Serves the SDK in this process, whether it is imported already or only later on.

    Auth objects made before stay what they are. Raises `UnknownSdk` where there is no SDK, or one with another surface;
    one that is not imported yet is looked at, and refused, when it is.
    """
    module = sys.modules.get(MODULE)
    if module is not None:
        if _is_loading(module):
            # Another thread imports it: as soon as that is done.
            from importlib import import_module

            module = import_module(MODULE)
        serve(module)
        return
    from importlib.util import find_spec

    if find_spec(MODULE.partition(".")[0]) is None:
        raise UnknownSdk("there is no package `wallaroo` in this environment", name="wallaroo")
    put()


def spec_of(path: Any) -> ModuleSpec | None:
    """How `wallaroo.auth` is found by everybody but us; once loaded, it is served."""
    for finder in sys.meta_path:
        find = None if is_ours(finder) else getattr(finder, "find_spec", None)
        spec: ModuleSpec | None = None if find is None else find(MODULE, path)
        if spec is not None and spec.loader is not None:
            _serve_when_loaded(spec.loader)
            return spec
    return None


def serve(module: ModuleType) -> None:
    """Puts ours in the place of the module's own, or refuses a module that is not as we know it."""
    if getattr(module.create, "__module__", None) == _OURS:
        return
    from importlib import import_module

    from . import _surface

    differences = _surface.differences(module)
    if differences:
        raise UnknownSdk(_refusal(differences), name=MODULE, path=getattr(module, "__file__", None))
    # Imported a second time, or reloaded, it has classes of its own once more: ours are made anew over them.
    sys.modules.pop(_OURS, None)
    ours = import_module(_OURS)
    setattr(module, "create", ours.create)  # noqa: B010 (not the SDK's)
    setattr(module, "logout", ours.logout)  # noqa: B010


def _serve_when_loaded(loader: Any) -> None:
    execute = loader.exec_module

    def exec_module(module: ModuleType) -> None:
        # Once: the loader is then what it was, for whoever asks it for the source.
        loader.exec_module = execute
        execute(module)
        serve(module)

    loader.exec_module = exec_module


def _is_loading(module: ModuleType) -> bool:
    return bool(getattr(module.__spec__, "_initializing", False))


def _refusal(differences: list[str]) -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        found = version("wallaroo")
    except PackageNotFoundError:
        found = "of an unknown version"
    shown = "; ".join(differences[:_SHOWN_MOST])
    more = len(differences) - _SHOWN_MOST
    if more > 0:
        shown += f"; and {more} more"
    return (
        f"bearerd can't serve wallaroo {found}: its `{MODULE}` differs from that of {KNOWN_VERSION} ({shown}). Install "
        f"`wallaroo=={KNOWN_VERSION}` or a newer bearerd, or go without bearerd: start the program without `python -m "
        f"bearerd run`, and undo `enable` by `python -m bearerd disable wallaroo`"
    )


_OURS = "bearerd._sdk"
KNOWN_VERSION = "2026.1.3"
"""The version whose surface `_surface` holds."""
_SHOWN_MOST = 5
