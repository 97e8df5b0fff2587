"""What a run has logged under one name, in columns: a million points are read and kept as numbers, not as objects."""

from __future__ import annotations

import math
from array import array
from collections.abc import Callable, Iterable, Sequence
from typing import Literal, overload

from .metrics import Point

Column = Literal["value", "step", "time"]
"""What a point consists of."""


class Scalars(Sequence[Point]):
    """The points of one name in the order logged. Reads as a sequence of points; `values`, `steps` and `times` are
    the columns. Steps and times of the points that it begins with may be read only when somebody asks: `earlier`
    gives such a column, at least as long as the values that it begins with."""

    __slots__ = ("_earlier", "_first", "_steps", "_times", "name", "values")

    def __init__(
        self,
        name: str,
        values: array[float] | None = None,
        earlier: Callable[[Column], array[float]] | None = None,
    ) -> None:
        self.name = name
        self.values: array[float] = array("d") if values is None else values
        self._earlier = earlier
        self._first = len(self.values)
        self._steps: array[float] = array("d")
        self._times: array[float] = array("d")

    @classmethod
    def of(cls, points: Iterable[Point]) -> Scalars:
        """These points, which bear one name."""
        points = list(points)
        found = cls(points[0].name if points else "")
        for point in points:
            found.append(point)
        return found

    @classmethod
    def joined(cls, name: str, parts: Sequence[tuple[Scalars, int]]) -> Scalars:
        """The first so many points of each part, one part after the other."""

        def earlier(column: Column) -> array[float]:
            whole = array("d")
            for part, count in parts:
                whole.extend(part.column(column)[:count])
            return whole

        return cls(name, earlier("value"), earlier)

    def append(self, point: Point) -> None:
        """One more."""
        self.values.append(point.value)
        self._steps.append(math.nan if point.step is None else point.step)
        self._times.append(math.nan if point.time is None else point.time)

    def column(self, name: Column) -> array[float]:
        """One column; NaN where there is nothing."""
        if name == "value":
            return self.values
        if self._earlier is not None:
            steps, times = (self._earlier(one)[: self._first] for one in ("step", "time"))
            self._steps, self._times = steps + self._steps, times + self._times
            self._earlier, self._first = None, 0
        return self._steps if name == "step" else self._times

    @property
    def steps(self) -> array[float]:
        """The user's own count of each point."""
        return self.column("step")

    @property
    def times(self) -> array[float]:
        """When each was logged, in epoch seconds."""
        return self.column("time")

    def __len__(self) -> int:
        return len(self.values)

    @overload
    def __getitem__(self, place: int) -> Point: ...
    @overload
    def __getitem__(self, place: slice) -> list[Point]: ...
    def __getitem__(self, place: int | slice) -> Point | list[Point]:
        if isinstance(place, slice):
            return [self[k] for k in range(*place.indices(len(self)))]
        place = range(len(self))[place]
        if place < self._first:
            self.column("step")
        at = place - self._first
        return Point(self.name, self.values[place], _known(self._steps[at]), _known(self._times[at]))


def _known(number: float) -> float | None:
    return None if number != number else number
