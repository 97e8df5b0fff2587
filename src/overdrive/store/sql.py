"""The store over SQLAlchemy Core: SQLite in WAL mode (and PostgreSQL); one method a question.

Durability on SQLite: WAL with synchronous=FULL, so each commit is on the disk before `commit`
returns; a power cut costs at most the turn that was being written, never the file.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from ..errors import NotFound, StoreError, SweepHeld
from ..model.metrics import Point
from ..model.records import SweepRecord, Wish
from . import schema
from .base import START, Change, Cursor, Entry, Holder, Message, Request, Turn
from .rows import dumps, goal_of, run_of, sweep_columns, sweep_of, write_turn
from .schema import entries, holders, messages, models, points, requests, runs, sweeps

NETWORK_FILE_SYSTEMS = ("nfs", "cifs", "smb", "lustre", "gpfs", "beegfs", "fuse.sshfs", "ceph", "afs")
"""Where SQLite's WAL does not work: its shared memory does not cross machines."""

BUSY_SECONDS = 30
"""So long a writer waits for another one before the store counts as failed."""


# Statements of the hot paths, built once: building one costs more than running it.


_REVISION = sa.select(sweeps.c.revision).where(sweeps.c.id == sa.bindparam("at"))
_NEXT_REVISION = (
    sweeps.update()
    .where(sweeps.c.key == sa.bindparam("at"))
    .values(revision=sweeps.c.revision + 1, active=sa.func.coalesce(sa.bindparam("so_far"), sweeps.c.active))
    .returning(sweeps.c.revision)
)
_POINT = ("key", "run", "name", "value", "step", "time", "attempt")
_HOLDER = sa.select(holders).where(holders.c.sweep == sa.bindparam("at"))
_BEAT = (
    holders.update()
    .where(
        holders.c.sweep == sa.bindparam("at"),
        holders.c.pid == sa.bindparam("the_pid"),
        holders.c.born == sa.bindparam("the_born"),
        holders.c.host == sa.bindparam("the_host"),
    )
    .values(heartbeat=sa.bindparam("heartbeat"))
)
_OPEN_REQUESTS = (
    sa.select(requests)
    .where(requests.c.sweep == sa.bindparam("at"), requests.c.handled.is_(False))
    .order_by(requests.c.key)
)


class SqlStore:
    """See the contract in `store.base`."""

    def __init__(self, url: str) -> None:
        self._engine = _engine(url)
        self._writer = self._engine.execution_options(write=True)
        with self._failing():
            schema.prepare(self._writer)
        self._keys: dict[str, int] = {}

    def close(self) -> None:
        self._engine.dispose()

    # Sweeps

    def create_sweep(self, sweep: SweepRecord, turn: Turn | None = None) -> None:
        with self._write() as db:
            db.execute(sweeps.insert(), {"id": sweep.id, **sweep_columns(sweep), "revision": 0})
            write_turn(db, self._key(db, sweep.id), 0, turn or Turn())

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
            begins = sa.func.substr(sweeps.c.id, 1, len(prefix)) == prefix  # LIKE would ignore the case
            found = list(db.execute(sa.select(sweeps.c.id).where(begins).limit(5)).scalars())
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
            new_runs = db.execute(
                sa.select(runs)
                .where(runs.c.sweep == row.key, runs.c.revision > since.revision)
                .order_by(runs.c.number)
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
            if holder is not None:
                self._beat(db, key, holder)
            revision = db.execute(_NEXT_REVISION, {"at": key, "so_far": turn.active}).scalar_one()
            write_turn(db, key, revision, turn)

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
            last = self._holder(db, key)
            if last is None and after is None:
                db.execute(holders.insert(), {"sweep": key, **holder._asdict()})
                return True
            if last is None or not last.same(after):
                return False
            db.execute(holders.update().where(holders.c.sweep == key).values(**holder._asdict()))
            return True

    def holder(self, sweep_id: str) -> Holder | None:
        with self._read() as db:
            return self._holder(db, self._key(db, sweep_id))

    def release(self, sweep_id: str, holder: Holder) -> None:
        with self._write() as db:
            key = self._key(db, sweep_id)
            if holder.same(self._holder(db, key)):
                db.execute(holders.delete().where(holders.c.sweep == key))

    # Models

    def add_model(self, name: str, model: dict[str, Any]) -> int:
        with self._write() as db:
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

    # Connections

    @contextmanager
    def _read(self) -> Iterator[sa.Connection]:
        with self._failing(), self._engine.connect() as connection:
            yield connection

    @contextmanager
    def _write(self) -> Iterator[sa.Connection]:
        with self._failing(), self._writer.begin() as connection:
            yield connection

    @contextmanager
    def _failing(self) -> Iterator[None]:
        try:
            yield
        except sa.exc.DBAPIError as error:
            raise StoreError(f"{self._engine.url.render_as_string()}: {error.orig}") from error

    def _holder(self, db: sa.Connection, key: int) -> Holder | None:
        row = db.execute(_HOLDER, {"at": key}).first()
        return None if row is None else Holder(row.pid, row.born, row.host, row.heartbeat)

    def _beat(self, db: sa.Connection, key: int, holder: Holder) -> None:
        me = {"the_pid": holder.pid, "the_born": holder.born, "the_host": holder.host}
        beaten = db.execute(_BEAT, {"at": key, "heartbeat": holder.heartbeat, **me})
        if beaten.rowcount == 0:
            other = self._holder(db, key)
            who = f"process {other.pid} on {other.host}" if other else "nobody: it was released"
            raise SweepHeld(f"this sweep is now held by {who}")

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


def _engine(url: str) -> sa.Engine:
    if not url.startswith("sqlite:"):
        return sa.create_engine(url)
    path = Path(url.removeprefix("sqlite:///"))
    # Not parsed as a URL: a folder's name may hold a question mark or a percent sign.
    place = sa.URL.create("sqlite", database=str(path))
    engine = sa.create_engine(place, connect_args={"timeout": BUSY_SECONDS})
    journal = "DELETE" if _on_network(path) else "WAL"

    @sa.event.listens_for(engine, "connect")
    def configure(connection: Any, _: Any) -> None:
        connection.isolation_level = None  # we say BEGIN ourselves: sqlite3 would begin too late
        for pragma in (f"journal_mode={journal}", "synchronous=FULL", "foreign_keys=ON"):
            connection.execute(f"PRAGMA {pragma}")

    @sa.event.listens_for(engine, "begin")
    def begin(connection: sa.Connection) -> None:
        # A transaction that reads first and writes later cannot wait for another writer: lock at once.
        write = connection.get_execution_options().get("write")
        connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")

    return engine


def _on_network(path: Path) -> bool:
    try:
        mounts = [line.split() for line in Path("/proc/mounts").read_text().splitlines()]
    except OSError:
        return False
    folder = str(path.absolute().parent)
    holding = [m for m in mounts if len(m) > 2 and (folder + "/").startswith(m[1].rstrip("/") + "/")]
    return bool(holding) and max(holding, key=lambda m: len(m[1]))[2].startswith(NETWORK_FILE_SYSTEMS)


def _no_sweep(sweep_id: str) -> NotFound:
    return NotFound(f"no sweep {sweep_id!r} in this workspace; `overdrive list` shows what there is")
