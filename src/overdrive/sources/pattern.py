"""What the user's own pattern finds in lines of output."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator

from ..model.metrics import Point
from ..model.pattern import metric_pattern
from .base import Place
from .output import Output
from .printed import NUMBER

LONGEST = 4096
"""Characters of a piece that the pattern is tried on: it may be slow."""

_VALUE = re.compile(rf"\s*({NUMBER})")


class Pattern:
    """A source: what the pattern finds in standard output and in standard error."""

    def __init__(self, place: Place) -> None:
        self._pattern = metric_pattern(place.pattern or "")
        self._metric = place.metric
        self._outputs = [Output(place.folder.stdout), Output(place.folder.stderr)]

    @property
    def behind(self) -> bool:
        """Whether there is more to be read at once."""
        return any(output.behind for output in self._outputs)

    def read(self, final: bool = False) -> list[Point]:
        """The new points; a piece that is drawn over counts as a line."""
        pieces = [piece for output in self._outputs for piece in output.pieces(final)]
        return [point for piece in pieces for point in self._points(piece.text[:LONGEST])]

    def _points(self, text: str) -> Iterator[Point]:
        for match in self._pattern.finditer(text):
            groups = match.groupdict()
            value = _number(groups.get("value") or match[1])
            if value is not None:
                name = groups.get("name") or self._metric
                yield Point(name, value, _number(groups.get("step")), time.time())


def _number(text: str | None) -> float | None:
    found = _VALUE.match(text or "")
    return float(found[1]) if found else None
