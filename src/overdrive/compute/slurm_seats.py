"""Places in Slurm that short runs have just left: another run takes one over, instead of a job of its own.

A job that does nothing costs Slurm half a second. The program of a node waits for a moment after a short run (see
`node`), and who creates the run's `next.json` first, we or it, decides.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from ..runtime import wire
from .node import LINGER, settle
from .slurm_queue import time_limit

MOST = 256  # seats that are remembered
SHORT = 60.0  # seconds from the start of a job within which its place may be taken over
SHARE = 0.05  # and so much of its time limit: what is left of it must be nearly all

Place = tuple[str, int]
"""A job's batch, and its index in it."""


class Seat(NamedTuple):
    """Where a run with the same `flags` for sbatch may follow the one in `folder`. `number` is the job's, in Slurm."""

    place: Place
    number: str | None
    folder: wire.RunFolder
    flags: list[str]
    since: float


class Seats:
    """The seats of one sweep, the latest last."""

    def __init__(self) -> None:
        self._free: list[Seat] = []

    def leave(self, place: Place, number: str | None, folder: wire.RunFolder, flags: list[str]) -> None:
        """A run has ended there."""
        self._free = [*self._free[1 - MOST :], Seat(place, number, folder, flags, time.monotonic())]

    def take(self, folder: wire.RunFolder, flags: list[str], note: Callable[[Place], None]) -> Seat | None:
        """A seat for the run in `folder`, whose order is there; None when there is none. `note` is told of each
        before it is tried, so that the run is found again."""
        now = time.monotonic()
        self._free = [seat for seat in self._free if now - seat.since < LINGER]
        for seat in [seat for seat in self._free if seat.flags == flags]:
            self._free.remove(seat)
            if not os.path.exists(seat.folder.next):
                note(seat.place)
                if settle(seat.folder, folder.path):
                    return seat
        return None


def keeping(options: Mapping[str, Any], nodes: int) -> float:
    """For how many seconds from its start a job's place is kept after a run; 0 for not at all."""
    if nodes > 1:
        return 0.0
    limit = time_limit(options)
    return SHORT if limit is None else min(SHORT, SHARE * limit)
