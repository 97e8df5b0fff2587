"""Random sampling: every value drawn from its own law, a finite space without replacement."""

from __future__ import annotations

from random import Random

from ..model.records import Params
from .base import SequenceSampling


class RandomParameterSampling(SequenceSampling):
    """Independent draws from the laws of the space."""

    NAME = "random"
    SAMPLING_NAME = "RANDOM"

    def draw(self, index: int) -> Params:
        """A generator of its own for each draw, so that any draw is found without those before it."""
        numbers = Random(f"{self.seed or 0}:{index}")
        return self.at_units([numbers.random() for _ in self.space.slots], index)
