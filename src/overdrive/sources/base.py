"""Metrics that nobody logged with us: what a source is, and the table of sources in the order of their word.

A source looks at one place where programs leave numbers, and tells which are new. The first source in the table
that has the primary metric is believed; what the later ones say is the same number in other words.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import NamedTuple, Protocol

from ..model.metrics import Point
from ..registry import Registry
from ..runtime.wire import RunFolder

SOURCES = Registry(
    "sources",
    {
        "tensorboard": "overdrive.sources.tensorboard:TensorBoard",
        "jsonfiles": "overdrive.sources.jsonlines:JsonFiles",
        "csvfiles": "overdrive.sources.csvfiles:CsvFiles",
        "jsonlines": "overdrive.sources.jsonlines:JsonOutput",
        "stdout": "overdrive.sources.terminal:Stdout",
        "stderr": "overdrive.sources.terminal:Stderr",
    },
)

MOST_NAMES = 1000
"""Names of metrics that a source takes from one run: a program that prints its weights fills no disk of ours."""


class Place(NamedTuple):
    """Where a source looks, and what for: the run's folder, the source folder that was copied into it, the primary
    metric, and the user's own pattern for lines of output, if any."""

    folder: RunFolder
    snapshot: str | None = None
    metric: str = ""
    pattern: str | None = None


class Source(Protocol):
    """Built as `Class(place)` when the run is listened to, maybe before it has written anything.

    `read` gives the points that are new, each once, those of a name in the order in which they were written; a
    new source of the same place gives the same points of each name again, from the first. With `final` the
    program has ended, and half a line at the end is taken as one. It never raises on what a program has
    written.
    """

    @property
    def behind(self) -> bool:
        """Whether there is more to be read at once, since one call reads a limited amount."""
        ...

    def read(self, final: bool = False) -> list[Point]:
        """The new points; empty in the usual case."""
        ...


def sources_of(place: Place) -> dict[str, Source]:
    """Every source for a run by name, in the order of their word; only the user's pattern where there is one."""
    if place.pattern is not None:
        from .pattern import Pattern

        return {"pattern": Pattern(place)}
    return {name: source(place) for name, source in _all().items()}


@cache
def _all() -> dict[str, Callable[[Place], Source]]:
    """Every source; looked up once, since asking for strangers' packages takes a millisecond."""
    return {name: SOURCES.load(name) for name in SOURCES.names()}
