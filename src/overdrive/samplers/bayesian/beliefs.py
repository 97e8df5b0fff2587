"""What the user believes (`law.near`), as points to begin with and as a weight over points that fades as
results come in: piBO (Hvarfner et al. 2022, arXiv 2204.11051).

Notation: as in `encoding`; n points, m axes.
"""

from __future__ import annotations

import numpy as np

from ...model.beliefs import DOUBT, WIDTH
from .arrays import Array
from .encoding import Axis, Encoding


class Beliefs:
    """The beliefs about the axes of one encoding; false when there are none."""

    def __init__(self, encoding: Encoding) -> None:
        self._encoding = encoding
        self._held = [(place, axis, axis.belief) for place, axis in enumerate(encoding.axes) if axis.belief]
        self._tables = {place: _table(axis) for place, axis, _ in self._held}

    def __bool__(self) -> bool:
        return bool(self._held)

    def best(self, points: Array) -> Array:
        """(n, m) -> the same, every believed axis at its best place."""
        points = points.copy()
        for place, axis, belief in self._held:
            points[:, place] = axis.place(belief.centre)
        return points

    def lean(self, points: Array, units: Array) -> Array:
        """(n, m), (n, m) numbers in [0, 1) -> the points, their believed axes drawn from the beliefs."""
        points = points.copy()
        for place, axis, belief in self._held:
            points[:, place] = [axis.place(belief.from_unit(u)) for u in units[:, place]]
        return points

    def logarithm(self, points: Array) -> tuple[Array, Array]:
        """(n, m) -> the logarithm of the weight of each point (n,), and its gradient (n, m), which is 0 along
        options. Axes of branches not taken weigh nothing."""
        value, slope = np.zeros(len(points)), np.zeros(points.shape)
        taken = self._encoding.active(points)
        for place, axis, belief in self._held:
            at, table = points[:, place], self._tables[place]
            if table is None:
                z = (at - belief.centre) / WIDTH
                bell = np.exp(-z * z / 2)
                found, fall = np.log(bell + DOUBT), -bell * z / WIDTH / (bell + DOUBT)
            elif axis.grid is None:
                found, fall = table[at.astype(int)], np.zeros(len(at))
            else:
                found, fall = np.interp(at, axis.grid, table), _slopes(at, axis.grid, table)
            value += np.where(taken[:, place], found, 0.0)
            slope[:, place] = np.where(taken[:, place], fall, 0.0)
        return value, slope


def _table(axis: Axis) -> Array | None:
    """The logarithm of the weight at each place of an axis with few of them."""
    assert axis.belief is not None
    if axis.units is not None:
        units = axis.units
    elif axis.options:
        units = (np.arange(axis.options) + 0.5) / axis.options
    else:
        return None
    return np.log([axis.belief.weight(unit) for unit in units])


def _slopes(at: Array, grid: Array, table: Array) -> Array:
    """Of the line from place to place."""
    steps = np.diff(table) / np.diff(grid)
    return np.asarray(steps[np.clip(np.searchsorted(grid, at) - 1, 0, len(steps) - 1)], dtype=float)
