"""Grid sampling: every configuration of a finite space in order, the last parameter fastest."""

from __future__ import annotations

from ..errors import Problem
from ..model.history import History
from ..model.records import Params
from .base import HyperParameterSampling


class GridParameterSampling(HyperParameterSampling):
    """All configurations, in the order of declaration; the seed plays no part."""

    NAME = "grid"
    SAMPLING_NAME = "GRID"

    def _problems(self) -> list[Problem]:
        return [
            Problem(
                slot.where,
                f"a grid needs a finite list of values, got {slot.law!r}; {_repair(slot.law.NAME)}",
            )
            for slot in self.space.slots
            if slot.law.size is None
        ]

    def propose(self, history: History, number: int) -> Params | None:
        """Configuration `number` of the grid, of those that the constraints allow; None past its end."""
        size = self.space.size or 0
        if not self.space.constraints:
            return self.space.at(number) if number < size else None
        if not hasattr(self, "_places"):
            # Only grows, and holds the same whatever was asked before.
            self._places: list[int] = []
            self._coming = (place for place in range(size) if self.space.allows(self.space.at(place)))
        while len(self._places) <= number:
            place = next(self._coming, None)
            if place is None:
                return None
            self._places.append(place)
        return self.space.at(self._places[number])


def _repair(law: str) -> str:
    if law in ("uniform", "loguniform"):
        return f"give a step with q{law}(min_value, max_value, q), or list values with choice(...)"
    return "list values with choice(...), or use random sampling"
