"""Colours that read on white and on black: one scale from poor to good, one colour for each status."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np

from ..model.metrics import PrimaryMetricGoal
from ..model.records import Status
from .axes import clipped, plain

SCALE = ("#6a6fb8", "#4a8fc7", "#2fa9a8", "#63b66a", "#d1ab3a", "#f0803c")
"""From poor to good; every one of them has about the same contrast on white and on black."""

ABSENT = "#8b93a1"
"""For runs without a value."""

STATUS = {
    Status.RUNNING: "#3b82f6",
    Status.COMPLETED: "#2f9e6e",
    Status.CANCELED: "#d39a2d",
    Status.FAILED: "#dc5050",
}
"""By status; the others wait, and are grey."""


def scale(goal: PrimaryMetricGoal) -> list[list[float | str]]:
    """A Plotly colour scale over the metric whose good end has the warm colour."""
    colors = SCALE if goal is PrimaryMetricGoal.MAXIMIZE else SCALE[::-1]
    return [[place / (len(colors) - 1), color] for place, color in enumerate(colors)]


def bounds(values: Sequence[float | None], goal: PrimaryMetricGoal) -> tuple[float, float]:
    """Where the scale begins and ends: at the best value, and where the poorest three tenths end.

    So one run that diverged does not give all others the same colour.
    """
    known = np.sort([value for value in values if value is not None and goal.usable(value)])
    known = known[np.isfinite(known)]
    if not len(known):
        return 0.0, 1.0
    if goal is PrimaryMetricGoal.MAXIMIZE:
        low, high = float(np.quantile(known, POOREST)), float(known[-1])
    else:
        low, high = float(known[0]), float(np.quantile(known, 1 - POOREST))
    return (low, high) if low < high else (low - 0.5, high + 0.5)


def shade(value: float | None, limits: tuple[float, float], goal: PrimaryMetricGoal) -> str:
    """The colour of one value, one of a few: runs of one colour are one trace."""
    if value is None or value != value:
        return ABSENT
    low, high = limits
    share = (min(max(value, low), high) - low) / (high - low)
    if goal is PrimaryMetricGoal.MINIMIZE:
        share = 1 - share
    return blend(round(share * (SHADES - 1)) / (SHADES - 1))


SHADES = 11
"""So many colours lines may have."""

POOREST = 0.3
"""This share of the runs has the colour of the poor end, so that the good ones can be told apart."""


@cache
def blend(share: float) -> str:
    """The colour at a place of the scale, from 0 (poor) to 1 (good)."""
    place = min(max(share, 0.0), 1.0) * (len(SCALE) - 1)
    left = min(int(place), len(SCALE) - 2)
    pairs = zip(_channels(SCALE[left]), _channels(SCALE[left + 1]), strict=True)
    return "#" + "".join(f"{round(a + (b - a) * (place - left)):02x}" for a, b in pairs)


def _channels(color: str) -> list[int]:
    return [int(color[place : place + 2], 16) for place in (1, 3, 5)]


def bar(values: Sequence[float | None], goal: PrimaryMetricGoal, title: str) -> dict[str, Any]:
    """A Plotly colour axis over the metric, whose name is `title`."""
    low, high = bounds(values, goal)
    return {
        "colorscale": scale(goal),
        "cmin": low,
        "cmax": high,
        "colorbar": {"title": {"text": plain(clipped(title, 28)), "side": "right"}},
    }
