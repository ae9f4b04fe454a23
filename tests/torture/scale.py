"""How hard to press: short for `make mutations`, in full by `make torture`."""
from __future__ import annotations

import os

FULL = os.environ.get("RLVR_TORTURE") == "1"


def times(short: int, full: int) -> int:
    """A number of repetitions: `full` under `make torture`, else `short`."""
    return full if FULL else short
