"""The values of each new run: those that were given, then what the sampler proposes, chosen before a place is
free where the place would have to wait for them."""

from __future__ import annotations

from ..model.history import History
from ..model.records import Params
from .config import Given, HyperDriveConfig

MANY = 4
"""With so many places a run may be chosen without the result that frees its place: that is one more
unknown beside those of the runs that are going on. With fewer, the latest result is worth the wait."""

SHARE = 0.01
"""Of a run's time: what a place may wait for its next run."""


class Proposals:
    """Of one sweep. Numbers are those of runs, from 0."""

    def __init__(self, config: HyperDriveConfig) -> None:
        self._given = config.given
        self._sampler = config.hyperparameter_sampling
        self._ahead: tuple[int, int, Params] | None = None

    def given(self, number: int) -> Given | None:
        """What was given for this run by whoever submitted the sweep."""
        return self._given[number] if number < len(self._given) else None

    def next(self, history: History, number: int, enqueued: int) -> Params | None:
        """What the sampler proposes for this run, or None: the space is used up. `enqueued` of the runs before it
        had their values from elsewhere."""
        ahead, self._ahead = self._ahead, None
        if ahead is not None and ahead[:2] == (number, len(history)):
            return ahead[2]
        return self._sampler.propose(history, number - len(self._given) - enqueued)

    @staticmethod
    def pay(places: int, cost: float, seconds: float) -> bool:
        """Whether the next run is better chosen before one of so many places is free, where choosing takes `cost`
        seconds and a run `seconds`."""
        return places >= MANY and cost > SHARE * seconds

    def look_ahead(self, history: History, number: int, enqueued: int) -> bool:
        """Choose this run now; whether there was anything to do."""
        if self._ahead is not None or number < len(self._given):
            return False
        params = self.next(history, number, enqueued)
        self._ahead = None if params is None else (number, len(history), params)
        return params is not None
