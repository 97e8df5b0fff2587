"""What all stores over SQLAlchemy Core share: one method a question. How one connects, locks and waits differs."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, ClassVar

import sqlalchemy as sa

from ..errors import NotFound, StoreError, SweepHeld
from ..model.metrics import Point
from ..model.records import Brief, SweepRecord, Wish
from ..model.scalars import Column
from . import copying, schema
from .base import START, Change, Cursor, Entry, Holder, Logged, Message, Request, Store, Turn
from .rows import (
    BRIEF,
    POINT,
    RUN,
    brief_of,
    dumps,
    goal_of,
    insert,
    point_rows,
    run_of,
    sweep_columns,
    sweep_of,
    write_turn,
)
from .schema import Words, entries, holders, messages, models, points, requests, runs, sweeps

BUSY_SECONDS = 30
"""So long a writer waits for another one before the store counts as failed."""


# Statements of the hot paths, built once: building one costs more than running it.


_REVISION = sa.select(sweeps.c.revision).where(sweeps.c.id == sa.bindparam("at"))
_NEXT_REVISION = (
    sweeps.update()
    .where(
        sweeps.c.key == sa.bindparam("at"), sweeps.c.turn.is_distinct_from(sa.bindparam("token", type_=Words))
    )
    .values(
        revision=sweeps.c.revision + 1,
        active=sa.func.coalesce(sa.bindparam("so_far", type_=sa.Float), sweeps.c.active),
        turn=sa.bindparam("token", type_=Words),
    )
    .returning(sweeps.c.revision)
)
_LOCK = sa.select(sweeps.c.key).where(sweeps.c.key == sa.bindparam("at")).with_for_update()
_POINT = ("key", "run", "name", "value", "step", "time", "attempt")
_LAST_POINT = sa.select(sa.func.max(points.c.key)).where(points.c.sweep == sa.bindparam("at"))
_OPEN_REQUESTS = (
    sa.select(requests)
    .where(requests.c.sweep == sa.bindparam("at"), requests.c.handled.is_(False))
    .order_by(requests.c.key)
)


class SqlStore:
    """See the contract in `store.base`. `name` stands for the store in messages; `now` is the time by its clock, in
    seconds since the epoch."""

    READING: ClassVar[dict[str, Any]] = {}
    WRITING: ClassVar[dict[str, Any]] = {}
    """What SQLAlchemy is told of connections that read only, and of those that write."""

    remark: str | None = None

    def __init__(self, name: str, engine: sa.Engine, now: sa.ColumnElement[float]) -> None:
        self._name = name
        self._engine = engine
        assert engine.dialect.dbapi is not None
        self._driver_error: type[Exception] = engine.dialect.dbapi.Error
        self._reader = engine.execution_options(**self.READING)
        self._writer = engine.execution_options(**self.WRITING)
        self._keys: dict[str, int] = {}
        mine = [
            holders.c[column] == sa.bindparam(f"the_{column}") for column in ("sweep", "pid", "born", "host")
        ]
        self._beat = holders.update().where(*mine).values(heartbeat=now)
        self._hold = holders.insert().values(heartbeat=now)
        self._last = sa.select(holders, now.label("now")).where(holders.c.sweep == sa.bindparam("at"))
        try:
            with self._write() as db:
                self._prepare(db)
        except BaseException:
            engine.dispose()
            raise

    def close(self) -> None:
        self._engine.dispose()

    def wait(self, seconds: float) -> None:
        raise NotImplementedError

    def _prepare(self, db: sa.Connection) -> None:
        """Make what is not there yet."""
        schema.prepare(db, self._name)

    def _alone(self, db: sa.Connection) -> None:
        """Keep other processes out of such places until the transaction ends."""

    def _write_turn(self, db: sa.Connection, key: int, revision: int, turn: Turn) -> None:
        write_turn(db, key, revision, turn)
        if turn.points:
            self._fill(db, points.name, POINT, point_rows(key, turn))
        self._changed(db)

    def _gathered(self, db: sa.Connection, rows: sa.Subquery) -> Logged:
        """The numbers of these rows (key, run, name, attempt, number) in the order of their keys."""
        raise NotImplementedError

    def _fill(
        self, db: sa.Connection, table: str, columns: Sequence[str], rows: Sequence[tuple[Any, ...]]
    ) -> None:
        """Add many rows of one table."""
        insert(db, table, columns, rows)

    def _filled(self, db: sa.Connection) -> None:
        """The tables were filled with rows whose keys were given."""

    def _changed(self, db: sa.Connection) -> None:
        """Tell whoever waits that this transaction changes something."""

    # Sweeps

    def create_sweep(self, sweep: SweepRecord, turn: Turn | None = None) -> None:
        with self._write() as db:
            db.execute(sweeps.insert(), {"id": sweep.id, **sweep_columns(sweep), "revision": 0})
            self._write_turn(db, self._key(db, sweep.id), 0, turn or Turn())

    def find(self, prefix: str) -> str:
        with self._read() as db:
            if prefix in ("last", "latest"):
                newest = db.execute(sa.select(sweeps.c.id).order_by(sweeps.c.key.desc()).limit(1)).scalar()
                if newest is None:
                    raise NotFound(
                        "there is no sweep in this workspace yet; start one with `overdrive submit`"
                    )
                return str(newest)
            for table in (sweeps, runs):
                exact = db.execute(sa.select(table.c.id).where(table.c.id == prefix)).scalar()
                if exact is not None:
                    return str(exact)
            start = sa.func.substr(sweeps.c.id, 1, len(prefix), type_=Words)
            begins = start == prefix  # LIKE would ignore the case
            found = list(
                db.execute(sa.select(sweeps.c.id).where(begins).order_by(sweeps.c.key).limit(5)).scalars()
            )
        if len(found) == 1 and prefix:
            return str(found[0])
        if found and prefix:
            raise NotFound(f"{prefix!r} is the beginning of several sweeps: {', '.join(found)}")
        raise NotFound(f"no sweep or run {prefix!r} in this workspace; `overdrive list` shows what there is")

    def sweep(self, sweep_id: str) -> SweepRecord:
        with self._read() as db:
            return sweep_of(self._row(db, sweep_id))

    def sweeps(self, experiment: str | None = None) -> list[SweepRecord]:
        query = sa.select(sweeps).order_by(sweeps.c.key.desc())
        if experiment is not None:
            query = query.where(sweeps.c.experiment == experiment)
        with self._read() as db:
            return [sweep_of(row) for row in db.execute(query)]

    def owner(self, run_id: str) -> str:
        query = sa.select(sweeps.c.id).join(runs, runs.c.sweep == sweeps.c.key).where(runs.c.id == run_id)
        with self._read() as db:
            found = db.execute(query).scalar()
        if found is None:
            raise NotFound(f"no run {run_id!r} in this workspace")
        return str(found)

    # What happened

    def changes(self, sweep_id: str, since: Cursor = START) -> Change:
        with self._read() as db:
            row = self._row(db, sweep_id)
            goal = goal_of(row.config)
            new_runs = _tuples(
                db,
                sa.select(*(runs.c[name] for name in RUN))
                .where(runs.c.sweep == row.key, runs.c.revision > since.revision)
                .order_by(runs.c.number),
            )
            new_points = _tuples(
                db,
                sa.select(*(points.c[name] for name in _POINT))
                .where(points.c.sweep == row.key, points.c.key > since.point)
                .order_by(points.c.key),
            )
            new_messages = db.execute(
                sa.select(messages)
                .where(messages.c.sweep == row.key, messages.c.key > since.message)
                .order_by(messages.c.key)
            ).all()
            return Change(
                sweep_of(row),
                [run_of(run, goal) for run in new_runs],
                [
                    (run, Point(name, math.nan if value is None else value, step, when, attempt))
                    for _, run, name, value, step, when, attempt in new_points
                ],
                [Message(m.time, m.level, m.text) for m in new_messages],
                Cursor(
                    row.revision,
                    new_points[-1][0] if new_points else since.point,
                    new_messages[-1].key if new_messages else since.message,
                ),
            )

    def revisions(self) -> dict[str, int]:
        with self._read() as db:
            return dict(_tuples(db, sa.select(sweeps.c.id, sweeps.c.revision).order_by(sweeps.c.key.desc())))

    def briefs(self, sweep_id: str) -> list[Brief] | None:
        with self._read() as db:
            query = (
                sa.select(*(runs.c[name] for name in BRIEF))
                .where(runs.c.sweep == self._key(db, sweep_id), runs.c.inherited.is_(False))
                .order_by(runs.c.number)
            )
            found = [brief_of(row) for row in _tuples(db, query)]
        return None if any(one.intervals is None for one in found) else found

    def logged(self, sweep_id: str, column: Column = "value", until: int | None = None) -> tuple[Logged, int]:
        with self._read() as db:
            key = self._key(db, sweep_id)
            last = until
            if last is None:
                last = db.execute(_LAST_POINT, {"at": key}).scalar() or 0
            rows = (
                sa.select(
                    points.c.key,
                    points.c.run,
                    points.c.name,
                    points.c.attempt,
                    points.c[column].label("number"),
                )
                .where(points.c.sweep == key, points.c.key <= last)
                .order_by(points.c.key)
            )
            return self._gathered(db, rows.subquery()), last

    def revision(self, sweep_id: str) -> int:
        with self._read() as db:
            found = db.execute(_REVISION, {"at": sweep_id}).scalar()
        if found is None:
            raise _no_sweep(sweep_id)
        return int(found)

    def entries(self, run_id: str) -> list[Entry]:
        query = sa.select(entries).where(entries.c.run == run_id).order_by(entries.c.key)
        with self._read() as db:
            return [Entry(row.name, row.kind, json.loads(row.payload)) for row in db.execute(query)]

    def offsets(self, sweep_id: str) -> dict[str, int]:
        with self._read() as db:
            query = sa.select(runs.c.id, runs.c.metric_offset).where(runs.c.sweep == self._key(db, sweep_id))
            return {row[0]: row[1] for row in db.execute(query)}

    # The controller's turn

    def commit(self, sweep_id: str, turn: Turn, holder: Holder | None = None) -> None:
        with self._write() as db:
            key = self._key(db, sweep_id)
            new = {"at": key, "so_far": turn.active, "token": turn.token}
            revision = db.execute(
                _NEXT_REVISION, new
            ).scalar()  # and nobody else takes a turn until we are done
            if revision is None:
                return  # it is written already
            if holder is not None and not db.execute(self._beat, _named(key, holder)).rowcount:
                other = self._holder(db, key)
                who = f"process {other.pid} on {other.host}" if other else "nobody: it was released"
                raise SweepHeld(f"this sweep is now held by {who}")
            self._write_turn(db, key, revision, turn)

    # Wishes and holders

    def ask(self, sweep_id: str, wish: Wish, run_id: str | None = None, **payload: Any) -> None:
        with self._write() as db:
            db.execute(
                requests.insert(),
                {
                    "sweep": self._key(db, sweep_id),
                    "run": run_id,
                    "wish": wish,
                    "payload": dumps(payload),
                    "asked": time.time(),
                    "handled": False,
                },
            )

    def requests(self, sweep_id: str) -> Sequence[Request]:
        with self._read() as db:
            found = db.execute(_OPEN_REQUESTS, {"at": self._key(db, sweep_id)})
            return [Request(r.key, r.wish, r.run, json.loads(r.payload)) for r in found]

    def hold(self, sweep_id: str, holder: Holder, after: Holder | None) -> bool:
        with self._write() as db:
            key = self._key(db, sweep_id)
            db.execute(_LOCK, {"at": key})
            last = self._holder(db, key)
            if last is not None and not last.same(after):
                return False
            if last is None and after is not None:
                return False
            db.execute(holders.delete().where(holders.c.sweep == key))
            db.execute(
                self._hold, {"sweep": key, "pid": holder.pid, "born": holder.born, "host": holder.host}
            )
            return True

    def holder(self, sweep_id: str) -> Holder | None:
        with self._read() as db:
            return self._holder(db, self._key(db, sweep_id))

    def release(self, sweep_id: str, holder: Holder) -> None:
        with self._write() as db:
            key = self._key(db, sweep_id)
            db.execute(_LOCK, {"at": key})
            if holder.same(self._holder(db, key)):
                db.execute(holders.delete().where(holders.c.sweep == key))

    # Models

    def add_model(self, name: str, model: dict[str, Any]) -> int:
        with self._write() as db:
            self._alone(db)
            newest = db.execute(
                sa.select(sa.func.max(models.c.version)).where(models.c.name == name)
            ).scalar()
            version = (newest or 0) + 1
            db.execute(models.insert(), {"name": name, "version": version, "model": dumps(model)})
        return version

    def models(self, name: str | None = None) -> list[dict[str, Any]]:
        query = sa.select(models).order_by(models.c.name, models.c.version.desc())
        if name is not None:
            query = query.where(models.c.name == name)
        with self._read() as db:
            return [{"name": r.name, "version": r.version, **json.loads(r.model)} for r in db.execute(query)]

    # The whole

    def copy_to(self, target: Store) -> dict[str, int]:
        if not isinstance(target, SqlStore):
            raise StoreError(f"{self._name}: only another SQL store can take over its rows")
        with target._write() as there, self._read() as here:
            counts = copying.copy_rows(here, there, target._fill, (self._name, target._name))
            target._filled(there)
            with self._read() as now:
                if copying.state(now) != copying.state(here):
                    raise StoreError(
                        f"{self._name} has changed meanwhile, and nothing was copied; copy again"
                    )
            target._changed(there)
        return counts

    # Connections

    @contextmanager
    def _read(self) -> Iterator[sa.Connection]:
        with self._failing(), self._reader.connect() as connection:
            yield connection

    @contextmanager
    def _write(self) -> Iterator[sa.Connection]:
        with self._failing(), self._writer.begin() as connection:
            yield connection

    @contextmanager
    def _failing(self) -> Iterator[None]:
        try:
            yield
        except (sa.exc.DBAPIError, self._driver_error) as error:
            said = str(getattr(error, "orig", error))
            raise StoreError(f"{self._name}: {' '.join(said.split())}") from error

    def _holder(self, db: sa.Connection, key: int) -> Holder | None:
        row = db.execute(self._last, {"at": key}).first()
        if row is None:
            return None
        return Holder(row.pid, row.born, row.host, time.time() - (row.now - row.heartbeat))

    def _row(self, db: sa.Connection, sweep_id: str) -> sa.Row[Any]:
        row = db.execute(sa.select(sweeps).where(sweeps.c.id == sweep_id)).first()
        if row is None:
            raise _no_sweep(sweep_id)
        return row

    def _key(self, db: sa.Connection, sweep_id: str) -> int:
        if sweep_id not in self._keys:
            self._keys[sweep_id] = self._row(db, sweep_id).key
        return self._keys[sweep_id]


def _tuples(db: sa.Connection, query: sa.Select[Any]) -> list[tuple[Any, ...]]:
    """The rows as the driver gives them: of a million, in half the time."""
    with db.execute(query) as result:
        assert result.cursor is not None
        return list(result.cursor.fetchall())


def _named(key: int, holder: Holder) -> dict[str, Any]:
    return {"the_sweep": key, "the_pid": holder.pid, "the_born": holder.born, "the_host": holder.host}


def _no_sweep(sweep_id: str) -> NotFound:
    return NotFound(f"no sweep {sweep_id!r} in this workspace; `overdrive list` shows what there is")
