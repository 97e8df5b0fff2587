"""What happens to a sweep (events, in) and what is to be done about it (actions, out).

Times are seconds on the controller's clock; the planner never looks at a clock of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from ..model.records import RunRecord, Status, Wish
from .limits import Limits

# Events: from the controller to the planner.


@dataclass(frozen=True, slots=True)
class Tick:
    """Time has passed; perhaps a place is free or a limit is reached."""

    now: float


@dataclass(frozen=True, slots=True)
class Started:
    """The run's process is there."""

    run_id: str
    now: float


@dataclass(frozen=True, slots=True)
class Reported:
    """The run has logged one value of the primary metric.

    `late`: it has already ended, so there is nothing left to stop.
    """

    run_id: str
    value: float
    late: bool = False


@dataclass(frozen=True, slots=True)
class Heard:
    """The run has logged something, whatever it is."""

    run_id: str
    now: float


@dataclass(frozen=True, slots=True)
class Ended:
    """The run's process group is gone.

    `exit_code` is None when nobody saw the end; `names` are the metrics that the run logged,
    `printed` the names that it gave a number to on standard output, for a run that logged none;
    `last_words` is the end of its error output; `checkpoint`: it has left one to go on from, which contains
    `kept` values of each metric and lacks the last `repeated` ones of the primary metric.
    """

    run_id: str
    now: float
    exit_code: int | None
    names: frozenset[str] = frozenset()
    last_words: str = ""
    killed_for_memory: bool = False
    checkpoint: bool = False
    kept: Mapping[str, int] = field(default_factory=dict)
    repeated: int = 0
    printed: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Asked:
    """Somebody wishes something of the sweep (`run_id` None) or of one run.

    `changes`: limits by name; for `enqueue` the values of a run, as `params`.
    """

    wish: Wish
    run_id: str | None = None
    by: str = "the user"
    changes: Mapping[str, Any] = field(default_factory=dict)


Event = Tick | Started | Reported | Heard | Ended | Asked

# Actions: from the planner to the controller.


@dataclass(frozen=True, slots=True)
class Launch:
    """Start this run: a new one, or another attempt of one that ended for no fault of its own."""

    run: RunRecord


@dataclass(frozen=True, slots=True)
class Add:
    """Write this run down: it waits for a place, and a Launch follows."""

    run: RunRecord


@dataclass(frozen=True, slots=True)
class Cancel:
    """End this run: TERM, the grace time, KILL."""

    run_id: str
    reason: str


@dataclass(frozen=True, slots=True)
class Drop:
    """This run, which waited for a place for another attempt or was paused, gets none: it has ended."""

    run_id: str
    reason: str


@dataclass(frozen=True, slots=True)
class Mark:
    """Write this run's record, which has changed."""

    run_id: str


@dataclass(frozen=True, slots=True)
class Ending:
    """Nothing new is started any more, and the sweep ends so when its runs have ended: whoever takes it over
    meanwhile has to know."""

    status: Status
    reason: str


@dataclass(frozen=True, slots=True)
class Change:
    """The sweep's own status or limits are others from now on."""

    status: Status
    limits: Limits


@dataclass(frozen=True, slots=True)
class Say:
    """Tell the user."""

    level: Literal["info", "warning", "error"]
    text: str


@dataclass(frozen=True, slots=True)
class Finish:
    """Nothing more will happen in this sweep."""

    status: Status
    reason: str


Action = Launch | Add | Cancel | Drop | Mark | Ending | Change | Say | Finish
