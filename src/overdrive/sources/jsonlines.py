"""Metrics in lines of JSON, on standard output and in files such as `metrics.jsonl`.

A line may be in our own form (`{"name": "loss", "value": 0.3}`) or any object with numbers (`{"step": 3, "loss":
0.3, "eval": {"acc": 0.9}}`, which gives `loss` and `eval/acc`), also behind a logger's prefix, as fairseq's. Numbers
in quotes are numbers. Such files are written by Detectron2 and MMEngine (`metrics.json`, `scalars.json`), DETR and
MAE (`log.txt`), Ray Tune (`result.json`), and by whoever likes `.jsonl`.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from typing import Any

from ..model.metrics import Point
from ..runtime.wire import Tail, parse_line
from .base import MOST_NAMES, Place
from .files import Files
from .output import Output

_STEPS = (
    "step",
    "global_step",
    "trainer/global_step",
    "_step",
    "iteration",
    "iter",
    "training_iteration",
    "round",
)
_EPOCHS = ("epoch", "epochs")
_TIMES = frozenset(("time", "timestamp", "wall_time", "_timestamp", "_runtime", "timestep"))
_DEEPEST = 5
_FILE = re.compile(
    r".+\.(jsonl|ndjson|jsonlines)|(metrics|scalars|result|progress|history)\.json|log\.txt", re.I
)


def points_in(line: bytes, now: float) -> list[Point]:
    """The values in one line; none when it is no JSON object. Never raises."""
    start = line.find(b"{")
    if start < 0 or not line.rstrip().endswith(b"}"):
        return []
    line = line[start:]
    records = parse_line(line)
    if records is not None:
        return [Point(r.name, r.value, r.step, r.time or now) for r in records if r.kind == "scalar"]
    try:
        data = json.loads(line.decode("utf-8", "replace"))
    except (ValueError, RecursionError):
        return []
    if not isinstance(data, dict):
        return []
    found = dict(_numbers(data, "", 0))
    step = next((found[name] for name in (*_STEPS, *_EPOCHS) if name in found), None)
    skipped = _TIMES.union(_STEPS, _EPOCHS)
    return [Point(name, value, step, now) for name, value in found.items() if name not in skipped]


def _numbers(data: dict[str, Any], before: str, depth: int) -> Iterator[tuple[str, float]]:
    for name, value in data.items():
        if isinstance(value, dict) and depth < _DEEPEST:
            yield from _numbers(value, f"{before}{name}/", depth + 1)
        elif isinstance(value, int | float | str) and not isinstance(value, bool):
            try:
                if value != "" and "_" not in str(value):  # float() takes 1_000 for a number
                    yield before + name, float(value)
            except (ValueError, OverflowError):
                continue


class _Names:
    """Lets through the first names, and the primary metric."""

    def __init__(self, metric: str) -> None:
        self._names = {metric}

    def kept(self, points: list[Point]) -> list[Point]:
        for point in points:
            if len(self._names) < MOST_NAMES:
                self._names.add(point.name)
        return [point for point in points if point.name in self._names]


class JsonOutput:
    """A source: lines of JSON on standard output."""

    def __init__(self, place: Place) -> None:
        self._output = Output(place.folder.stdout)
        self._names = _Names(place.metric)

    @property
    def behind(self) -> bool:
        """Whether there is more to be read at once."""
        return self._output.behind

    def read(self, final: bool = False) -> list[Point]:
        """The new points."""
        now = time.time()
        pieces = self._output.pieces(final)
        return self._names.kept([point for piece in pieces for point in points_in(piece.text.encode(), now)])


class JsonFiles:
    """A source: files of JSON lines."""

    def __init__(self, place: Place) -> None:
        self._files = Files(place, lambda name: _FILE.fullmatch(name) is not None)
        self._tails: dict[str, Tail] = {}
        self._names = _Names(place.metric)
        self.behind = False

    def read(self, final: bool = False) -> list[Point]:
        """The new points."""
        self.behind, now, found = False, time.time(), []
        for path, begin in self._files.look(final).items():
            tail = self._tails.setdefault(path, Tail(path, begin))
            for line in tail.read(final):
                found += points_in(line, now)
            self.behind = self.behind or tail.behind
        return self._names.kept(found)
