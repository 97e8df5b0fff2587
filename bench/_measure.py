"""Timing that holds on a noisy machine: two things in turn, the median of each, and their ratio."""

from __future__ import annotations

import statistics
import subprocess
import time
from collections.abc import Callable, Sequence


def seconds(action: Callable[[], object]) -> float:
    """How long one call takes."""
    began = time.perf_counter()
    action()
    return time.perf_counter() - began


def command(argv: Sequence[str], **options: object) -> Callable[[], object]:
    """A command as an action; its output is thrown away."""
    return lambda: subprocess.run(argv, check=True, stdout=subprocess.DEVNULL, **options)  # type: ignore[call-overload]


def in_turn(
    first: Callable[[], float], second: Callable[[], float], times: int
) -> tuple[float, float, float]:
    """Medians of both, measured A B A B ..., and the median of the ratios pair by pair."""
    pairs = [(first(), second()) for _ in range(times)]
    ratio = statistics.median(a / b for a, b in pairs)
    return statistics.median(a for a, _ in pairs), statistics.median(b for _, b in pairs), ratio
