"""Metrics in the lines of standard output, and, when it has none, of standard error, where Python's logging and
most progress bars go."""

from __future__ import annotations

import time

from ..model.metrics import Point
from .base import Place
from .output import Output
from .printed import Lines


class Stdout:
    """A source: lines of standard output."""

    def __init__(self, place: Place) -> None:
        self._output = Output(self._path(place))
        self._lines = Lines(place.metric)

    @staticmethod
    def _path(place: Place) -> str:
        return place.folder.stdout

    @property
    def behind(self) -> bool:
        """Whether there is more to be read at once."""
        return self._output.behind

    def read(self, final: bool = False) -> list[Point]:
        """The new points."""
        readings = [reading for piece in self._output.pieces(final) for reading in self._lines.feed(piece)]
        if final and not self.behind:
            readings += self._lines.finish()
        now = time.time()
        return [Point(name, value, r.step, now) for r in readings for name, value in r.values.items()]


class Stderr(Stdout):
    """A source: lines of standard error."""

    @staticmethod
    def _path(place: Place) -> str:
        return place.folder.stderr
