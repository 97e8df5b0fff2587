"""What is remembered of a sweep and of a run, their statuses, and the legal moves between them."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Union

from .metrics import Series

Value = Union[int, float, str, bool, None, list[Any]]
"""One hyperparameter's value, as it comes out of a law and as JSON keeps it."""

Params = dict[str, Value]
"""The values of one run by parameter name, in the order of the space's declaration."""


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

    def may_become(self, other: Status) -> bool:
        """Whether the move from this status to `other` is legal."""
        return other in _MOVES[self]


_ENDS = {Status.COMPLETED, Status.CANCELED, Status.FAILED}
_MOVES: dict[Status, set[Status]] = {
    Status.NOT_STARTED: {Status.QUEUED, Status.STARTING, Status.RUNNING, *_ENDS},
    Status.QUEUED: {Status.STARTING, Status.RUNNING, Status.CANCEL_REQUESTED, *_ENDS},
    Status.STARTING: {Status.RUNNING, Status.CANCEL_REQUESTED, *_ENDS},
    Status.RUNNING: {Status.PAUSED, Status.CANCEL_REQUESTED, *_ENDS},
    Status.PAUSED: {Status.RUNNING, Status.CANCEL_REQUESTED, *_ENDS},
    Status.CANCEL_REQUESTED: _ENDS,
    Status.COMPLETED: set(),
    Status.CANCELED: set(),
    Status.FAILED: set(),
}


@dataclass(slots=True, eq=False)
class RunRecord:
    """One run: what it tries, how it stands, and what it has reported.

    Times are seconds since the epoch. `handle` is the compute back end's own word for the job.
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
    inherited: bool = False


@dataclass(slots=True, eq=False)
class SweepRecord:
    """One sweep, or a single run submitted on its own (`kind` "script")."""

    id: str
    experiment: str
    kind: str
    config: dict[str, Any]
    status: Status = Status.NOT_STARTED
    reason: str | None = None
    created: float | None = None
    started: float | None = None
    ended: float | None = None
    tags: dict[str, str] = field(default_factory=dict)
    revision: int = 0
