"""Packs the programs `bearerd` and `bearerctl` into the wheel, as console commands."""

from __future__ import annotations

import os
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class Programs(BuildHookInterface):  # type: ignore[type-arg]
    """`cargo xtask wheel` says where the programs are; without that a wheel has the package alone."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Called before a wheel is written."""
        folder = os.environ.get("BEARERD_WHEEL_PROGRAMS")
        if version == "editable" or not folder:
            return
        # Of no one Python, but of a machine and its C library.
        build_data["pure_python"] = False
        build_data["tag"] = f"py3-none-{os.environ['BEARERD_WHEEL_PLATFORM']}"
        for name in ("bearerd", "bearerctl"):
            build_data["shared_scripts"][os.path.join(folder, name)] = name
