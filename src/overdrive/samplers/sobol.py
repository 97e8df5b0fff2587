"""Sobol sampling: a scrambled low-discrepancy sequence, which covers the space more evenly than
random draws do. Owen scrambling of Sobol's points (J. Complexity 14, 1998) is scipy's."""

from __future__ import annotations

from random import Random
from typing import Any

from ..errors import Problem
from ..model.records import Params
from .base import SequenceSampling

_BLOCK = 128  # a power of two, as scipy wants its first block to be
_DIMENSIONS = 21201  # of the direction numbers that scipy has (Joe and Kuo, 2008)


class SobolParameterSampling(SequenceSampling):
    """The points of one scrambled Sobol sequence through the laws of the space."""

    NAME = "sobol"

    def _problems(self) -> list[Problem]:
        if self.space.dimensions <= _DIMENSIONS:
            return []
        text = f"a Sobol sequence has at most {_DIMENSIONS} dimensions, this space {self.space.dimensions}"
        return [Problem("", f"{text}; use random sampling")]

    def draw(self, index: int) -> Params:
        """Point `index`; points are made in blocks and kept."""
        if not self.space.dimensions:
            return self.space.from_vector([])
        if not hasattr(self, "_points"):
            self._engine = _engine(self.space.dimensions, self.seed or 0)
            self._points: list[list[float]] = []
        while len(self._points) <= index:
            self._points += self._engine.random(_BLOCK).tolist()
        return self.at_units(self._points[index], index)


def _engine(dimensions: int, seed: int) -> Any:
    import numpy as np
    from scipy.stats import qmc  # type: ignore[import-untyped]

    # RandomState: numpy promises its stream for ever, that of default_rng it does not.
    stream = np.random.RandomState(int(Random(f"sobol:{seed}").random() * 2**32))
    return qmc.Sobol(dimensions, scramble=True, seed=stream)
