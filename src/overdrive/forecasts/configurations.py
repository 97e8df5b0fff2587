"""How good a configuration is by those that have ended: a Gaussian process over the space, told where each of
them stood when it ended.

Notation: m runs that have ended or rest; q is the normal score of a run's level among all that came as far, x its
configuration as in `features.py`. The noise of q is NOISE at a run's end and up to EARLY larger before. The prior is
N(0, COMMON + K), K = exp(-sum_d w_d (x_d - x'_d)^2 / 2), w_d how much of q parameter d explains by itself.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..model.records import RunRecord
from .features import Array, Encoding

NOISE, EARLY = 0.15, 0.5
COMMON = 0.5
TOTAL = 2.0
"""What all weights add up to."""


class Configurations:
    """Fitted to `runs` (m): their standings `q` (m,), and how far each came on its way, `part` (m,) from 0 to 1."""

    def __init__(self, runs: Sequence[RunRecord], q: Array, part: Array) -> None:
        self._encoding = Encoding([run.params for run in runs])
        self._x = self._encoding.rows([run.params for run in runs])
        self._w = relevance(self._x, q)
        noise = np.diag(NOISE + EARLY * (1 - part))
        inverse = np.linalg.inv(COMMON + _alike(self._x, self._x, self._w) + noise)
        self._weights = inverse @ q
        # Each left out in turn: Rasmussen and Williams, Gaussian Processes for Machine Learning, 5.12.
        left_out = q - self._weights / np.diag(inverse)
        self._promises = {run.id: float(value) for run, value in zip(runs, left_out, strict=True)}

    def promise(self, run: RunRecord) -> float:
        """What the standing of this configuration is believed to be, without what the run itself has shown."""
        found = self._promises.get(run.id)
        if found is None:
            across = COMMON + _alike(self._encoding.rows([run.params]), self._x, self._w)[0]
            found = self._promises[run.id] = float(across @ self._weights)
        return found


def relevance(x: Array, q: Array) -> Array:
    """(d,) the weight of each column: the part of the variance of `q` that its parabola explains, less what chance
    would explain, and a little for each."""
    m, d = x.shape
    y = q - q.mean()
    explained = np.empty(d)
    for column in range(d):
        line = x[:, column] - x[:, column].mean()
        line /= np.sqrt(line @ line) + 1e-12
        curve = line * line - (line * line).mean()
        curve -= (curve @ line) * line
        curve /= np.sqrt(curve @ curve) + 1e-12
        explained[column] = ((line @ y) ** 2 + (curve @ y) ** 2) / (float(y @ y) + 1e-12)
    weights: Array = np.maximum(explained - 2 / m, 0) + 1 / max(1, d)
    return TOTAL * weights / weights.sum() if d else weights


def _alike(a: Array, b: Array, w: Array) -> Array:
    scaled, other = a * np.sqrt(w), b * np.sqrt(w)
    apart = (scaled**2).sum(1)[:, None] + (other**2).sum(1) - 2 * scaled @ other.T
    alike: Array = np.exp(-np.maximum(apart, 0) / 2)
    return alike
