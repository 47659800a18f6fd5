"""The one clock of this package."""

from __future__ import annotations

import time

_BOOT_TIME = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


def boot_time(_read=time.clock_gettime, _which=_BOOT_TIME) -> float:  # type: ignore[no-untyped-def]
    """Seconds on the clock that goes on through a suspend, by which a token is held."""
    return _read(_which)  # type: ignore[no-any-return]
