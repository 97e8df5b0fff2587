"""What there is to say of an unfinished run's chance to become the best, as seven numbers: how it stands, how that
has changed, what runs like it have still gained, and what its configuration promises.

Notation: a run judged at k has the level v (best so far, higher is better); B is the best level of all, S the
distance from B to the median end of the finished runs. Of the n runs that have come as far, or ended before, a are
ahead. q is the normal score of its standing among them, q' the same at k / 2. Runs that log at other rates are
compared where they are as far on their way (`lengths.py`). A value e is stretched to -ln(1 + 20 (B - e) / S), so that
differences near the top count most; g and d are mean and deviation of what the finished runs gained from k on,
stretched, each weighed by how near it stood.

| number | what it is |
|---|---|
| ahead | ln((a + 1/2) / (n + 1)) |
| late | ln(T0 + k / length) |
| moves | ln((B - v) / standard deviation of the curve's recent steps) |
| lack | (what it lacks to B, stretched, - g) / d |
| behind | ln((B - v) / S) |
| promise | what its configuration's standing is believed to be (`configurations.py`) |
| rise | q - q' |
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

import numpy as np

from ..model.history import History
from ..model.records import RunRecord
from .board import Board
from .configurations import Configurations
from .features import HUGE, Array, normal_scores_in
from .lengths import Lengths

Flags = np.ndarray[Any, np.dtype[np.bool_]]

T0 = 0.15
LEAST_ENDED = 6
MOST = 120
"""So many ended runs at most tell of configurations."""

WIDTH = 0.5
"""Of the window of standings in which finished runs count as near."""

RECENT = 20


class Outlook(NamedTuple):
    """A weight for each of the numbers."""

    ahead: float
    late: float
    moves: float
    lack: float
    behind: float
    promise: float
    rise: float


class Outlooks:
    """A history as outlooks need it: its board, the lengths of its runs and the beliefs in their configurations.

    Everything follows from the history; what is dear is kept until another run has ended.
    """

    def __init__(self) -> None:
        self.board = Board()
        self.best = -np.inf
        self.finished = np.zeros(0, np.int64)
        self.lengths: Lengths | None = None
        self._learnt: tuple[int, ...] = ()
        self._configurations: Configurations | None = None
        self._ended = b""
        self._taught: tuple[int, ...] = ()

    @staticmethod
    def of(history: History) -> Outlooks:
        """The history's standings, brought up to date."""
        standings = _known.get(history)
        if standings is None:
            standings = _known[history] = Outlooks()
        standings._update(history)
        return standings

    def _update(self, history: History) -> None:
        board = self.board
        board.update(history)
        self.best = float(board.levels[: len(board), -1].max(initial=-np.inf))
        n = len(board)
        self._over = board.over[:n] & (board.lengths[:n] > 0)
        finished = np.flatnonzero(board.finished[:n])
        learnt = (*finished.tolist(), *board.lengths[finished].tolist())
        if learnt != self._learnt:
            self._learnt, self.finished = learnt, finished
            self._ends = board.levels[finished, -1:]
            self._middle = float(np.median(self._ends)) if len(finished) else 0.0
            self.lengths = _lengths_of([board.runs[row] for row in finished])
        ended = np.flatnonzero(self._over)
        if ended.tobytes() != self._ended:
            self._ended = ended.tobytes()
            self._teach(ended.tolist())

    def length(self, run: RunRecord) -> float:
        """How many values it is expected to log; some run must have finished."""
        assert self.lengths is not None
        return float(self.lengths.of([run])[0])

    def outlooks(self, runs: Sequence[RunRecord], intervals: Sequence[int]) -> Array:
        """(p, 7) the numbers of each of these unfinished runs by its first values; some run must have finished."""
        assert self.lengths is not None
        board = self.board
        rows, each = np.array([board.rows[run.id] for run in runs]), np.arange(len(runs))
        k = np.array(intervals, np.float64)
        length = self.lengths.of(runs)
        now, came = self._levels(k, length)
        before, _ = self._levels(np.maximum(1, k // 2), length)
        own = now[rows, each]
        behind = np.maximum(self.best - own, 0.0)
        count = came.sum(0)
        movement = np.array([_movement(*one) for one in zip(runs, intervals, strict=True)])
        moves = behind / np.maximum(movement, 1e-3 * behind + 1e-300)
        distance = max(self.best - self._middle, 1e-12 * max(1.0, abs(self.best)))
        q = _score(now, own, came)
        return np.stack(
            [
                np.log(((came & (now > own)).sum(0) + 0.5) / (count + 1)),
                np.log(T0 + np.minimum(k / length, 1.2)),
                np.log(np.clip(moves, 1e-3, 1e3)),
                self._lack(behind / distance, distance, now, came, q),
                np.log(np.maximum(behind / distance, 1e-6)),
                [self._promise(run) for run in runs],
                q - _score(before, before[rows, each], came),
            ],
            1,
        )

    def _levels(self, k: Array, length: Array) -> tuple[Array, Flags]:
        """(n, p) twice: everybody's level where it is as far as each of these runs at k, and whether it came there."""
        assert self.lengths is not None
        board, n = self.board, len(self.board)
        if len(k) == 1 and not self.lengths.vary:
            place = min(max(1, int(k[0])), board.levels.shape[1])
            alone: Flags = (board.lengths[:n] >= place) | self._over
            return board.levels[:n, place - 1 : place], alone[:, None]
        at = k[None, :]
        if self.lengths.vary:
            at = np.ceil(self.lengths.of(board.runs)[:, None] * (k / length) - 1e-9)
        at = np.clip(at, 1, board.levels.shape[1]).astype(np.int64)
        came: Flags = (board.lengths[:n, None] >= at) | self._over[:, None]
        return board.levels[np.arange(n)[:, None], at - 1], came

    def _lack(self, behind: Array, distance: float, now: Array, came: Flags, q: Array) -> Array:
        """`behind` (p,) how far each is below the best, in units of `distance`."""
        then = now[self.finished]
        gained = _stretched((self.best - then) / distance) - _stretched((self.best - self._ends) / distance)
        q_then = np.empty_like(then)
        for column in range(len(behind)):
            ordered = np.sort(now[came[:, column], column])
            q_then[:, column] = normal_scores_in(ordered, then[:, column])
        weights = np.exp(-(((q_then - q) / WIDTH) ** 2) / 2) + 1e-3
        total = weights.sum(0)
        mean = (weights * gained).sum(0) / total
        variance = ((weights * (gained - mean) ** 2).sum(0) + 0.3) / (total + 0.5)
        found: Array = np.clip((_stretched(behind) - mean) / np.sqrt(variance), -3.0, 16.0)
        return found

    def _promise(self, run: RunRecord) -> float:
        return 0.0 if self._configurations is None else self._configurations.promise(run)

    def _teach(self, ended: list[int]) -> None:
        """Fit the configurations anew when a tenth more runs have ended."""
        runs = self.board.runs
        ended.sort(key=lambda row: (runs[row].ended is None, runs[row].ended or 0.0, runs[row].number))
        chosen = tuple(ended[: _step(len(ended))])
        if chosen != self._taught:
            self._taught = chosen
            self._configurations = self._fitted(list(chosen)) if chosen else None

    def _fitted(self, rows: list[int]) -> Configurations:
        """By these runs alone, so that it is the same whenever it is asked for."""
        board = self.board
        if len(rows) > MOST:
            whole = [row for row in rows if board.finished[row]][-MOST // 2 :]
            rows = [*whole, *[row for row in rows if row not in set(whole)][len(whole) - MOST :]]
        runs = [board.runs[row] for row in rows]
        counts = board.lengths[rows]
        lengths = _lengths_of([run for row, run in zip(rows, runs, strict=True) if board.finished[row]])
        whole_length = lengths.of(runs) if lengths else np.full(len(rows), float(counts.max()))
        at = np.ceil(whole_length[:, None] * (counts / whole_length) - 1e-9).astype(np.int64)
        now = board.levels[np.array(rows)[:, None], np.clip(at, 1, board.levels.shape[1]) - 1]
        everyone: Flags = np.ones_like(now, bool)
        q = _score(now, now.diagonal(), everyone)
        return Configurations(runs, q, np.clip(counts / whole_length, 0, 1))


def _lengths_of(finished: Sequence[RunRecord]) -> Lengths | None:
    """Those that ended at a plateau say nothing of how long a run is, unless there are no others."""
    whole = [run for run in finished if run.cause != "plateau"]
    return Lengths(whole or finished) if finished else None


_known: WeakKeyDictionary[History, Outlooks] = WeakKeyDictionary()


def _step(count: int) -> int:
    """The largest number of a series that grows by a tenth, up to `count`; 0 below LEAST_ENDED."""
    if count < LEAST_ENDED:
        return 0
    step = LEAST_ENDED
    while (larger := max(step + 1, step * 11 // 10)) <= count:
        step = larger
    return step


def _score(levels: Array, own: Array, came: Flags) -> Array:
    """(p,) the normal scores of `own` (p,) among those of `levels` (n, p) that came."""
    count = np.maximum(came.sum(0), 1)
    below = ((came & (levels < own)).sum(0) + (came & (levels <= own)).sum(0)) / (2 * count)
    part = np.clip(below, 0.5 / count, 1 - 0.5 / count)
    scores: Array = 4.91 * (part**0.14 - (1 - part) ** 0.14)
    return scores


def _stretched(behind: Array) -> Array:
    stretched: Array = np.log1p(np.minimum(20 * behind, 1e12))
    return stretched


def _movement(run: RunRecord, interval: int) -> float:
    """The standard deviation of the last third of the steps from value to value, of 3 to RECENT; 0 where there
    are fewer."""
    first = max(0, interval - min(max(4, interval // 3 + 1), RECENT + 1))
    recent = [value for value in run.series.values[first:interval] if math.isfinite(value)]
    if len(recent) < 4:
        return 0.0
    clipped = [max(-HUGE, min(HUGE, value)) for value in recent]
    steps = [after - before for before, after in pairwise(clipped)]
    mean = math.fsum(steps) / len(steps)
    return math.sqrt(math.fsum((step - mean) ** 2 for step in steps) / len(steps))
