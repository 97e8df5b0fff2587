"""The store protocol, its contract in prose, and `open_store`.

The contract
- A sweep's rows are written by whoever submits it (once, `create_sweep`) and from then on by its
  controller alone (`commit`). Everybody else writes requests, never rows.
- `commit` is one transaction: after a crash a turn is there whole or not at all. Each commit raises
  the sweep's revision by one, and stamps the rows it touches with it, so that a reader who knows a
  revision can ask for what came later.
- Points only ever grow; their order within a run and a name is the order of the intervals.
- At most one holder has a sweep: `hold` gives it only to whoever has seen who held it last, and a commit in
  the name of a holder who has lost it changes nothing and raises SweepHeld. So a controller that was stopped
  for an hour and wakes up does no harm.
- The same turn, committed twice in succession, is written once: a connection may break after the commit and
  before its answer, and whoever does not know tries again.
- Heartbeats are stamped by the store's own clock (that of the database's server, of this machine for a file) and
  read as times of the reader's, so that clocks which differ between machines do no harm.
- A run's terminal status never changes again; a sweep's changes only when somebody resumes it.
- Every method may be called from any process, and from one thread at a time; `wait` from another at the same time.
- NaN survives; a name or a text may hold any character that a file name or a script can produce.
"""

from __future__ import annotations

import os
from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

from ..errors import StoreError
from ..model.metrics import Point
from ..model.records import Brief, RunRecord, SweepRecord, Wish
from ..model.scalars import Column
from ..registry import Registry

STORES = Registry(
    "stores",
    {
        "sqlite": "overdrive.store.sqlite:SqliteStore",
        "postgresql": "overdrive.store.postgresql:PostgresStore",
    },
)


class Cursor(NamedTuple):
    """How far a reader has read: the sweep's revision, the last point and the last message."""

    revision: int = -1
    point: int = 0
    message: int = 0


START = Cursor()
"""Before everything."""


class Message(NamedTuple):
    """Something the user should know; `level` is info, warning or error; time in epoch seconds."""

    time: float
    level: str
    text: str


class Entry(NamedTuple):
    """Something logged that is not a scalar: a row, a table, an image. `payload` is JSON."""

    name: str
    kind: str
    payload: Any


class Request(NamedTuple):
    """A wish that waits for the controller."""

    key: int
    wish: Wish
    run_id: str | None
    payload: dict[str, Any]


class Holder(NamedTuple):
    """Who controls a sweep: a process, known by pid and birth (pids come again). `heartbeat`: when it showed itself
    last, by the clock of whoever asks; the store stamps it."""

    pid: int
    born: str
    host: str
    heartbeat: float = 0.0

    def same(self, other: Holder | None) -> bool:
        """Whether it is the same process, whenever it was seen."""
        return other is not None and self[:3] == other[:3]


@dataclass(slots=True)
class Turn:
    """All that one turn of a controller changes; empty fields change nothing.

    `offsets` are the bytes read of each run's metric file, by run id; `active` is
    the seconds that controllers have spent on the sweep so far. `token` tells it from any other turn.
    """

    sweep: SweepRecord | None = None
    new_runs: list[RunRecord] = field(default_factory=list)
    runs: dict[str, RunRecord] = field(default_factory=dict)
    points: list[tuple[str, Point]] = field(default_factory=list)
    entries: list[tuple[str, Entry]] = field(default_factory=list)
    offsets: dict[str, int] = field(default_factory=dict)
    messages: list[Message] = field(default_factory=list)
    active: float | None = None
    handled: list[int] = field(default_factory=list)
    token: str = field(default_factory=lambda: os.urandom(8).hex())

    def __bool__(self) -> bool:
        return any(getattr(self, name) for name in self.__slots__ if name != "token")


class Change(NamedTuple):
    """What is new since a cursor: the sweep itself, runs (without their values), points, messages."""

    sweep: SweepRecord
    runs: list[RunRecord]
    points: list[tuple[str, Point]]
    messages: list[Message]
    cursor: Cursor


Logged = dict[tuple[str, str, int], "array[float]"]
"""One column of all points of a sweep, in the order logged, by run id, metric and attempt."""


class Store(Protocol):
    """One question a method. NotFound where a named thing does not exist, StoreError when the store fails.

    `remark` is what a user should know of the place where the store is, or None.
    """

    remark: str | None

    def create_sweep(self, sweep: SweepRecord, turn: Turn | None = None) -> None:
        """Write a new sweep, whose id must be new, and the inherited runs and points that it begins with."""

    def find(self, prefix: str) -> str:
        """The sweep or run with this id, or the one sweep whose id begins so; `last`: the newest sweep."""

    def sweep(self, sweep_id: str) -> SweepRecord:
        """The sweep itself."""

    def sweeps(self, experiment: str | None = None) -> list[SweepRecord]:
        """All sweeps, newest first."""

    def owner(self, run_id: str) -> str:
        """The id of the sweep that a run belongs to."""

    def changes(self, sweep_id: str, since: Cursor = START) -> Change:
        """What is new since the cursor; by default everything."""

    def revisions(self) -> dict[str, int]:
        """The revision of every sweep by its id, newest first."""

    def briefs(self, sweep_id: str) -> list[Brief] | None:
        """Every run of a sweep's own in brief, by number, without reading points: best value and intervals are those
        of its record when that was written last, so of runs that have ended they are the last ones. None where an
        older version has written the runs."""

    def logged(self, sweep_id: str, column: Column = "value", until: int | None = None) -> tuple[Logged, int]:
        """One column of every point up to `until` (by default all there are), and the last point of all, for a cursor:
        far quicker than `changes` where there are many. What is absent is NaN."""

    def revision(self, sweep_id: str) -> int:
        """The number of commits so far; cheap enough to ask ten times a second."""

    def wait(self, seconds: float) -> None:
        """Return when something may have changed since the last call, at the latest after so many seconds."""

    def entries(self, run_id: str) -> list[Entry]:
        """What a run logged that is not a scalar, in order."""

    def offsets(self, sweep_id: str) -> dict[str, int]:
        """Bytes read of the files of each run, for a controller that takes over."""

    def commit(self, sweep_id: str, turn: Turn, holder: Holder | None = None) -> None:
        """Write one turn of the controller, whole or not at all, and the holder's heartbeat with it.

        SweepHeld when `holder` has lost the sweep to another.
        """

    def ask(self, sweep_id: str, wish: Wish, run_id: str | None = None, **payload: Any) -> None:
        """Leave a wish for the controller."""

    def requests(self, sweep_id: str) -> Sequence[Request]:
        """Wishes that have not been handled, oldest first."""

    def hold(self, sweep_id: str, holder: Holder, after: Holder | None) -> bool:
        """Make `holder` the holder, if the last one is still `after` (by pid, birth and host); whether it is."""

    def holder(self, sweep_id: str) -> Holder | None:
        """Who controlled the sweep last; whether it still lives is for the caller to find out."""

    def release(self, sweep_id: str, holder: Holder) -> None:
        """Nobody controls the sweep any more, if it was this holder."""

    def add_model(self, name: str, model: dict[str, Any]) -> int:
        """Register the next version of a model; the version, from 1."""

    def models(self, name: str | None = None) -> list[dict[str, Any]]:
        """Registered models, newest version first."""

    def copy_to(self, target: Store) -> dict[str, int]:
        """Write all that this store holds into an empty one, and compare each row; how many rows, by table.

        StoreError, and a target that is as it was, when that is not empty, when this store changes meanwhile, or
        when a row does not arrive as it was.
        """

    def close(self) -> None:
        """Give the connections back."""


def open_store(url: str) -> Store:
    """The store at this URL, made when it is not there yet: `sqlite:////folder/overdrive.db`, or
    `postgresql://user@host/database?workspace=name`."""
    scheme = url.partition(":")[0].partition("+")[0]
    if scheme not in STORES.names():  # the rest of a URL may hold a password
        raise StoreError(f"no store for {scheme!r} URLs; there are {', '.join(STORES.names())}")
    store: Store = STORES.load(scheme)(url)
    return store
