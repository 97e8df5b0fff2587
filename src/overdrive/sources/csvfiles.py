"""Metrics in CSV files with a head, such as `metrics.csv`: PyTorch Lightning's and Keras's CSV loggers, Stable
Baselines and Ray (`progress.csv`), Ultralytics (`results.csv`), timm (`summary.csv`)."""

from __future__ import annotations

import csv
import os
import re
import time

from ..model.metrics import Point
from ..runtime.wire import Tail
from .base import MOST_NAMES, Place
from .files import Files
from .printed import NUMBER

_FILE = re.compile(
    r"(.*[_-])?(metrics?|progress|results?|history|summary|logs?|training|losses|scores)\.[ct]sv",
    re.IGNORECASE,
)
_STEPS = ("step", "global_step", "epoch", "iteration", "iter", "round", "training_iteration")
_NUMBER = re.compile(NUMBER)


class CsvFiles:
    """A source: rows of CSV files, each column a metric."""

    def __init__(self, place: Place) -> None:
        self._files = Files(place, lambda name: _FILE.fullmatch(name) is not None)
        self._tables: dict[str, _Table] = {}
        self.behind = False

    def read(self, final: bool = False) -> list[Point]:
        """The new points."""
        self.behind, found = False, []
        for path, begin in self._files.look(final).items():
            table = self._tables.setdefault(path, _Table(path, begin))
            found += table.read(final)
            self.behind = self.behind or table.behind
        return found


class _Table:
    """One file; its first line says what the columns are called."""

    def __init__(self, path: str, begin: int) -> None:
        self._tail = Tail(path)
        self._begin = begin
        self._columns: list[str] = []
        self._between = "\t" if path.lower().endswith(".tsv") else ","

    @property
    def behind(self) -> bool:
        return self._tail.behind

    def read(self, final: bool) -> list[Point]:
        found: list[Point] = []
        before = self._tail.offset
        try:
            if os.stat(self._tail.path).st_size < before:  # written anew
                self._columns, self._begin, before = [], 0, 0
        except OSError:
            return found
        for line in self._tail.read(final):
            before += len(line) + 1
            cells = self._cells(line)
            if not self._columns:
                self._columns = cells[:MOST_NAMES]
            elif before > self._begin:
                found += self._row(cells)
        return found

    def _cells(self, line: bytes) -> list[str]:
        text = line.decode("utf-8-sig", "replace").rstrip("\r").replace("\0", "")
        try:
            return [cell.strip() for cell in next(csv.reader([text], delimiter=self._between), [])]
        except csv.Error:  # a cell beyond the reader's limit
            return []

    def _row(self, cells: list[str]) -> list[Point]:
        # Lightning leaves cells empty that a row has no value for.
        row = {
            name: float(cell)
            for name, cell in zip(self._columns, cells, strict=False)
            if name and _NUMBER.fullmatch(cell)
        }
        step = next((row[name] for name in _STEPS if name in row), None)
        return [Point(name, value, step, time.time()) for name, value in row.items() if name not in _STEPS]
