"""The sampler protocol and the table of names."""

from __future__ import annotations

from typing import Any, ClassVar, Protocol

from ..model.history import History
from ..model.records import Params
from ..model.space import SearchSpace
from ..registry import Registry

SAMPLERS = Registry(
    "samplers",
    {
        "random": "overdrive.samplers.random:RandomParameterSampling",
        "grid": "overdrive.samplers.grid:GridParameterSampling",
        "sobol": "overdrive.samplers.sobol:SobolParameterSampling",
    },
)


class Sampler(Protocol):
    """What the planner needs of a sampler. It keeps no state: replay and resume come free."""

    space: SearchSpace
    seed: int | None

    def propose(self, history: History, number: int) -> Params | None:
        """The values of run `number` (from 0), or None: the space is used up."""
        ...
