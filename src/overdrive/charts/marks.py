"""Runs as points: what an axis of a scatter may show, where each run stands on it, and its colour."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ..model.records import RunRecord
from .arrays import packed
from .axes import TITLE, clipped, plain
from .base import Sweep
from .colors import ABSENT

METRIC, RUN = "(metric)", "(run)"
"""What an axis may show beside a hyperparameter; no hyperparameter's name has brackets and stands for these."""

SPREAD = 0.18
"""Points of a category are spread by so much to both sides, so that they do not hide each other."""

_GOLDEN = 0.6180339887498949


def choices(sweep: Sweep) -> tuple[str, ...]:
    """What an axis may show: the hyperparameters that vary, the metric, the number of the run."""
    return (*sweep.axes, METRIC, RUN)


def side(
    sweep: Sweep,
    name: str,
    spread: float = SPREAD,
    text: Callable[[str], str] = plain,
) -> tuple[list[float | None], dict[str, Any]]:
    """The place of each run on an axis, and the axis."""
    axis = sweep.axes.get(name)
    if axis is not None:
        places = sweep.places[name]
        if axis.kind == "category":
            places = [
                None if place is None else place + spread * (2 * (run.number * _GOLDEN % 1) - 1)
                for place, run in zip(places, sweep.runs, strict=True)
            ]
        return places, axis.layout(text)
    if name == METRIC:
        return sweep.bests, {"title": {"text": text(clipped(sweep.metric, TITLE))}}
    return [float(run.number) for run in sweep.runs], {"title": {"text": "run"}}


def marker(runs: Sequence[RunRecord], valued: bool) -> dict[str, Any]:
    """Coloured by the metric, or a grey ring."""
    if not valued:
        return {"size": 7, "symbol": "circle-open", "color": ABSENT}
    return {
        "size": 8,
        "color": packed(run.series.best for run in runs),
        "coloraxis": "coloraxis",
        "opacity": 0.9,
    }
