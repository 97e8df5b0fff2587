"""How much each hyperparameter decides: PED-ANOVA.

For each one, the density of its values among the good runs is compared with that among all runs; where they
differ, the hyperparameter decides. Notation of Watanabe, Bansal and Hutter, "PED-ANOVA: Efficiently Quantifying
Hyperparameter Importance in Arbitrary Subspaces" (IJCAI 2023, arXiv 2304.10255), with the local space = all runs:
importance v_d is proportional to gamma^2 times the Pearson divergence of p_good from p_all along axis d.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import ClassVar

import numpy as np

from ..model.metrics import PrimaryMetricGoal
from .arrays import Array, packed
from .axes import Axis, plain
from .base import Figure, Option, Sweep, nothing
from .colors import SCALE

GOOD = 0.2
"""The share of the best runs that count as good."""

FEWEST = 10
"""With fewer runs than this nothing is claimed."""

CELLS = 24
"""An axis that is not of categories is cut into so many cells, and smoothed."""

MOST_BARS = 20


class Importance:
    """One bar for each hyperparameter; together they are 1."""

    NAME: ClassVar[str] = "importance"
    TITLE: ClassVar[str] = "Importance"

    def options(self, sweep: Sweep) -> list[Option]:
        """Nothing to choose."""
        return []

    def figure(self, sweep: Sweep, chosen: Mapping[str, str]) -> Figure:
        """The greatest at the top."""
        found = importance(sweep)
        if not found:
            return nothing(
                f"Importance needs {FEWEST} runs with a value of the metric, and values that vary."
            )
        ranked = sorted(found.items(), key=lambda pair: pair[1])[-MOST_BARS:]
        return {
            "data": [
                {
                    "type": "bar",
                    "orientation": "h",
                    "x": packed(share for _, share in ranked),
                    "y": list(range(len(ranked))),
                    "text": [f"{share:.0%}" for _, share in ranked],
                    "textposition": "outside",
                    "textangle": 0,
                    "cliponaxis": False,
                    "marker": {"color": SCALE[1]},
                    "hoverinfo": "skip",
                }
            ],
            "layout": {
                "xaxis": {"tickformat": ".0%", "range": [0, 1.18 * ranked[-1][1]], "fixedrange": True},
                "yaxis": {
                    "tickvals": list(range(len(ranked))),
                    "ticktext": [plain(name if len(name) <= 18 else f"{name[:17]}…") for name, _ in ranked],
                    "fixedrange": True,
                },
                "showlegend": False,
            },
        }


def importance(sweep: Sweep) -> dict[str, float]:
    """Shares by name, together 1; nothing when too little is known."""
    valued = [k for k, best in enumerate(sweep.bests) if best is not None]
    if len(valued) < FEWEST:
        return {}
    sign = -1.0 if sweep.goal is PrimaryMetricGoal.MAXIMIZE else 1.0
    order = np.argsort([sign * (sweep.bests[k] or 0.0) for k in valued], kind="stable")
    good = np.zeros(len(valued), dtype=bool)
    good[order[: max(2, math.ceil(GOOD * len(valued)))]] = True
    found = {}
    for name, axis in sweep.axes.items():
        found[name] = divergence(*densities(axis, [sweep.places[name][k] for k in valued], good))
    total = sum(found.values())
    return {name: value / total for name, value in found.items()} if total > 0 else {}


def divergence(good: Array, every: Array) -> float:
    """The Pearson divergence of `good` from `every`, both over the same cells and with sum 1."""
    return float(np.sum(every * (good / every - 1.0) ** 2))


def densities(axis: Axis, places: Sequence[float | None], good: Array) -> tuple[Array, Array]:
    """The densities of the good runs and of all, over the cells of the axis and one for "absent"."""
    known = np.array([math.nan if place is None else place for place in places])
    absent = np.isnan(known)
    if axis.kind == "log":
        known = np.log(known)
    if axis.kind == "category":
        cells, count = known, len(axis.categories)
    else:
        low, high = np.nanmin(known), np.nanmax(known)
        cells, count = np.clip((known - low) / (high - low or 1.0) * CELLS, 0, CELLS - 1), CELLS
    index = np.where(absent, count, np.nan_to_num(cells)).astype(int)
    return _density(index[good], count, axis.kind), _density(index, count, axis.kind)


def _density(index: Array, count: int, kind: str) -> Array:
    counts = np.bincount(index, minlength=count + 1).astype(float)
    if kind != "category":
        # Scott's rule on the unit interval, in cells; few runs are smoothed more.
        width = max(1.0, 0.25 * count * len(index) ** -0.2)
        offsets = np.arange(count)[:, None] - np.arange(count)[None, :]
        kernel = np.exp(-0.5 * (offsets / width) ** 2)
        counts[:count] = (kernel / kernel.sum(axis=0)) @ counts[:count]
    counts = counts[:count] if counts[count] == 0 and kind == "category" else counts
    prior = 1.0 / len(counts)  # one run's weight, spread evenly
    density: Array = (counts + prior) / (counts.sum() + 1.0)
    return density
