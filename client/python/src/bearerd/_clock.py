"""The one clock of this package."""

from __future__ import annotations

import time
from functools import partial

_BOOT_TIME = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)

boot_time = partial(time.clock_gettime, _BOOT_TIME)
"""Gives the seconds on the clock that goes on through a suspend, by which a token is held."""
