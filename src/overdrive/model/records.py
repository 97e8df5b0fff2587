"""What is remembered of a sweep and of a run, their statuses, and the legal moves between them."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Literal, NamedTuple

from .metrics import Point, Series

Value = int | float | str | bool | list[Any] | None
"""One hyperparameter's value, as it comes out of a law and as JSON keeps it."""

Params = dict[str, Value]
"""The values of one run by parameter name, in the order of the space's declaration."""

Wish = Literal["cancel", "pause", "resume", "set", "enqueue"]
"""What may be asked of a sweep while it runs."""


class Status(StrEnum):
    """HyperDrive's own names (one l in Canceled)."""

    NOT_STARTED = "NotStarted"
    QUEUED = "Queued"
    STARTING = "Starting"
    RUNNING = "Running"
    PAUSED = "Paused"
    CANCEL_REQUESTED = "CancelRequested"
    COMPLETED = "Completed"
    CANCELED = "Canceled"
    FAILED = "Failed"

    @property
    def terminal(self) -> bool:
        """Whether nothing more will happen."""
        return self in (Status.COMPLETED, Status.CANCELED, Status.FAILED)


class Brief(NamedTuple):
    """A run in brief: how it stands, why it ended, its best value, and how many intervals it has reached."""

    number: int
    status: Status
    cause: str | None
    best: float | None
    intervals: int


@dataclass(slots=True, eq=False)
class RunRecord:
    """One run: what it tries, how it stands, and what it has reported.

    Times are seconds since the epoch. `handle` is the compute back end's own word for the job. `cause` says
    why the present attempt ended, `causes` why each earlier one did, so its length is the present one's
    number; `counted_from` is the first attempt whose values count (an attempt that goes on from a
    checkpoint continues the one before, any other begins anew), and `kept` says of an earlier attempt (its number
    as text) how many values of each metric count, where the last were logged after the checkpoint (of the present
    one all count, as long as no other goes on from it); `spent` is the
    seconds of earlier attempts.
    `origin` is the folder that an earlier run left, for one that resumes it, or that was inherited.
    `inherited` marks a run of an earlier sweep (warm start), which no budget counts.
    """

    id: str
    number: int
    params: Params
    series: Series
    status: Status = Status.NOT_STARTED
    reason: str | None = None
    handle: str | None = None
    exit_code: int | None = None
    created: float | None = None
    started: float | None = None
    ended: float | None = None
    spent: float = 0.0
    cause: str | None = None
    causes: list[str] = field(default_factory=list)
    counted_from: int = 0
    kept: dict[str, dict[str, int]] = field(default_factory=dict)
    origin: str | None = None
    inherited: bool = False

    @property
    def brief(self) -> Brief:
        """The run in brief."""
        return Brief(self.number, self.status, self.cause, self.series.best, len(self.series))

    @property
    def seconds(self) -> float:
        """How long all its attempts that have ended took together."""
        if self.started is None or self.ended is None:
            return self.spent
        return self.spent + max(0.0, self.ended - self.started)

    def counting(self, points: Iterable[Point]) -> Iterator[Point]:
        """Those of its points, given all of them in the order logged, that count."""
        seen: Counter[tuple[int, str]] = Counter()
        for point in points:
            seen[point.attempt, point.name] += 1
            limit = self.kept.get(str(point.attempt), {}).get(point.name, math.inf)
            whole = point.attempt == self.attempt or seen[point.attempt, point.name] <= limit
            if point.attempt >= self.counted_from and whole:
                yield point

    @property
    def attempt(self) -> int:
        """The number of the present attempt, from 0."""
        return len(self.causes)

    @property
    def job(self) -> str:
        """The id of the present attempt for a back end: a second attempt is another job."""
        return f"{self.id}.{self.attempt}" if self.attempt else self.id

    @property
    def place(self) -> str:
        """The name of the present attempt's folder in its sweep's."""
        return f"{self.number}.{self.attempt}" if self.attempt else str(self.number)


@dataclass(slots=True, eq=False)
class SweepRecord:
    """One sweep, or a single run submitted on its own (`kind` "script").

    `active` is the seconds that controllers have spent on it: what counts against its time.
    """

    id: str
    experiment: str
    kind: str
    config: dict[str, Any]
    status: Status = Status.NOT_STARTED
    reason: str | None = None
    created: float | None = None
    started: float | None = None
    ended: float | None = None
    active: float = 0.0
    tags: dict[str, str] = field(default_factory=dict)
    revision: int = 0
