"""What `law.near(value)` says: values near this one are believed to be good ones.

Notation: u is a law's coordinate in [0, 1]. A belief has a density over u and its inverse distribution function.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from statistics import NormalDist
from typing import Any

_NORMAL = NormalDist()

WIDTH = 0.15
"""The standard deviation of a belief in a number, as a part of its law's range."""

DOUBT = 0.1
"""The least weight of any number, where the believed one weighs 1 + DOUBT: a belief is never a bound."""


@dataclass(frozen=True)
class Bell:
    """A normal curve around `centre`, cut off at 0 and 1, for laws of numbers; `value` is what was given."""

    value: Any
    centre: float

    @cached_property
    def _ends(self) -> tuple[float, float]:
        return _NORMAL.cdf(-self.centre / WIDTH), _NORMAL.cdf((1 - self.centre) / WIDTH)

    def from_unit(self, u: float) -> float:
        """The coordinate at `u` of the belief's own distribution; its doubt plays no part."""
        low, high = self._ends
        return min(max(self.centre + WIDTH * _NORMAL.inv_cdf(low + u * (high - low)), 0.0), 1.0)

    def weight(self, u: float) -> float:
        """The density at `u`, up to a factor."""
        return math.exp(-(((u - self.centre) / WIDTH) ** 2) / 2) + DOUBT


@dataclass(frozen=True)
class Favourite:
    """Option `place` of `count` is as likely as all others together; `value` is what was given."""

    value: Any
    place: int
    count: int

    @property
    def centre(self) -> float:
        """The coordinate of the option."""
        return (self.place + 0.5) / self.count

    def from_unit(self, u: float) -> float:
        """As in `Bell`."""
        if self.count == 1 or u < 0.5:
            return self.centre
        other = min(int((2 * u - 1) * (self.count - 1)), self.count - 2)
        return (other + (other >= self.place) + 0.5) / self.count

    def weight(self, u: float) -> float:
        """As in `Bell`."""
        here = min(int(u * self.count), self.count - 1)
        return 1.0 if here == self.place else 1.0 / max(1, self.count - 1)


Belief = Bell | Favourite
