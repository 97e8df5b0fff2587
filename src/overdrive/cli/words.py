"""Numbers, times, parameters and curves as short text. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from ..model.records import Params
from ..model.values import token

BARS = "▁▂▃▄▅▆▇█"
PLAIN_BARS = "_.-=*#"


def figure(value: float | None) -> str:
    """A metric's value in four significant digits."""
    return "" if value is None else f"{value:.4g}"


def short(value: Any) -> str:
    """A parameter's value as it fits a table; control characters are shown, not obeyed."""
    return f"{value:.4g}" if isinstance(value, float) else printable(token(value))


def assignments(params: Params, *, exact: bool = False) -> str:
    """`name=value` for each, exact as the script got them, or short."""
    return " ".join(f"{name}={printable(token(v)) if exact else short(v)}" for name, v in params.items())


def printable(text: str) -> str:
    """The text on one line: what moves a cursor or rings a bell is written as an escape."""
    return "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in text)


def duration(seconds: float) -> str:
    """0:07, 12:30, 3:05:00 or 2d 3h."""
    whole = max(0, round(seconds))
    minutes, second = divmod(whole, 60)
    hours, minute = divmod(minutes, 60)
    if hours >= 48:
        return f"{hours // 24}d {hours % 24}h"
    return f"{hours}:{minute:02}:{second:02}" if hours else f"{minute}:{second:02}"


def sparkline(values: Sequence[float], width: int, bars: str = BARS) -> str:
    """The curve in at most `width` characters, the last value of each stretch; a blank is no number."""
    if len(values) > width:
        ends = [(place + 1) * len(values) // width - 1 for place in range(width)]
        values = [values[end] for end in ends]
    finite = [value for value in values if math.isfinite(value)]
    if not finite:
        return " " * len(values)
    low, high = min(finite), max(finite)
    # Halves, since high - low may be more than the largest float.
    span = high / 2 - low / 2
    top = len(bars) - 1

    def bar(value: float) -> str:
        if not math.isfinite(value):
            return " "
        return bars[top // 2] if not span else bars[round((value / 2 - low / 2) / span * top)]

    return "".join(map(bar, values))


def time_left(total: int, done: int, elapsed: float, limit: float | None = None) -> float | None:
    """Seconds until the sweep ends at its pace so far, or None when nothing is known.

    `limit` is the time budget in seconds: a sweep never takes longer.
    """
    guesses = [] if limit is None else [limit - elapsed]
    if not done:
        return None
    guesses.append((total - done) * elapsed / done)
    return max(0.0, min(guesses))
