"""Overdrive's own samplers, by name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from overdrive.model.history import History
from overdrive.model.metrics import PrimaryMetricGoal
from overdrive.model.records import Status
from overdrive.samplers.base import SAMPLERS

from . import Params


class Ours:
    """A finite space that is used up goes on with its first configuration."""

    def __init__(self, space: Mapping[str, Any], seed: int, budget: int, pending: int, name: str) -> None:
        self.sampler = SAMPLERS.load(name)(space, seed=seed)
        self.history = History(PrimaryMetricGoal.MINIMIZE)

    def ask(self, number: int) -> Params:
        params = self.sampler.propose(self.history, number)
        if params is None:
            params = next(iter(self.history)).params
        self.history.propose(str(number), number, params).status = Status.RUNNING
        return params

    def tell(self, number: int, loss: float) -> None:
        self.history.report(str(number), loss).status = Status.COMPLETED
