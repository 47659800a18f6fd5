"""`python -m bearerd`: serves programs that use the Wallaroo SDK, unchanged."""

from __future__ import annotations

import sys

from ._commands import main

sys.exit(main(sys.argv[1:]))
