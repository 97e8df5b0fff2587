"""To wait for a state: look again and again, at most until a deadline."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

PATIENCE = 60.0
"""Seconds; far more than a slow machine needs."""


def until(met: Callable[[], Any], what: str, seconds: float = PATIENCE) -> Any:
    """The first true value of `met`; AssertionError with `what` was waited for when there is none in time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        found = met()
        if found:
            return found
        time.sleep(0.01)
    raise AssertionError(f"not within {seconds:g} s: {what}")
