"""SQLite, a file: WAL on a local disk, a rollback journal on a network file system.

Either way with synchronous=FULL: each commit is on the disk before `commit` returns; a power cut costs at most
the turn that was being written, never the file.
"""

from __future__ import annotations

import contextlib
import errno
import math
import os
import sqlite3
import time
from array import array
from pathlib import Path
from typing import Any, ClassVar

import sqlalchemy as sa

from ..errors import StoreError
from .base import Logged
from .mounts import network_file_system
from .sql import BUSY_SECONDS, SqlStore

LOOK_SECONDS = 0.1
"""A file tells nobody that it has changed: whoever waits looks again after so long."""

LOCKLESS = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP)
"""How a file system says that it cannot lock."""

_NOW = sa.cast(sa.func.julianday("now") - 2440587.5, sa.Float) * 86400.0


class SqliteStore(SqlStore):
    """The store at `sqlite:///PATH`."""

    WRITING: ClassVar[dict[str, Any]] = {"write": True}

    def __init__(self, url: str) -> None:
        path = Path(url.removeprefix("sqlite:///"))
        kind = network_file_system(path)
        if kind is not None:
            _check_locks(path, kind)
            self.remark = (
                f"the workspace's database lies on a network file system ({kind}), where SQLite takes longer to "
                "write; PostgreSQL is the better place for many runs or machines: `overdrive store copy`"
            )
        super().__init__(str(path), _engine(path, network=kind is not None), _NOW)

    def wait(self, seconds: float) -> None:
        time.sleep(min(seconds, LOOK_SECONDS))

    def _gathered(self, db: sa.Connection, rows: sa.Subquery) -> Logged:
        gathering = _Gathering()
        driver: Any = db.connection.driver_connection
        driver.create_aggregate("gathered", 4, lambda: gathering)
        numbers = rows.c.run, rows.c.name, rows.c.attempt, rows.c.number
        db.execute(sa.select(sa.func.gathered(*numbers)))
        driver.create_aggregate("gathered", 4, None)
        return gathering.found


class _Gathering:
    """An aggregate function over rows in order: it sees each as four values, without a row being made."""

    def __init__(self) -> None:
        self.found: Logged = {}

    def step(self, run: str, name: str, attempt: int, number: float | None) -> None:
        if number is None:
            number = math.nan
        try:
            self.found[run, name, attempt].append(number)
        except KeyError:
            self.found[run, name, attempt] = array("d", (number,))

    def finalize(self) -> None:
        pass


def _engine(path: Path, *, network: bool) -> sa.Engine:
    # Not parsed as a URL: a folder's name may hold a question mark or a percent sign.
    place = sa.URL.create("sqlite", database=str(path))
    engine = sa.create_engine(place, connect_args={"timeout": BUSY_SECONDS})

    @sa.event.listens_for(engine, "connect")
    def configure(connection: Any, _: Any) -> None:
        connection.isolation_level = None  # we say BEGIN ourselves: sqlite3 would begin too late
        _set_journal(connection, path, network)
        # 16 MB of pages: with 100,000 runs the usual 2 MB make each change of a run half as dear again.
        for pragma in ("synchronous=FULL", "foreign_keys=ON", "cache_size=-16000"):
            connection.execute(f"PRAGMA {pragma}")

    @sa.event.listens_for(engine, "begin")
    def begin(connection: sa.Connection) -> None:
        # A transaction that reads first and writes later cannot wait for another writer: lock at once.
        writes = "write" in connection.get_execution_options()
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


def _set_journal(connection: sqlite3.Connection, path: Path, network: bool) -> None:
    """WAL for a new file on a local disk. Its shared memory does not cross machines: over a network the file is taken
    out of WAL, and for whom the same disk is a local one leaves it so."""
    if not network:
        if connection.execute("PRAGMA page_count").fetchone() == (0,):
            connection.execute("PRAGMA journal_mode=WAL")
        return
    found = "wal"
    with contextlib.suppress(sqlite3.OperationalError):  # another process has it open
        found = connection.execute("PRAGMA journal_mode=DELETE").fetchone()[0]
    if found != "delete":
        raise StoreError(
            f"{path} is in use by a process for which its disk is a local one, in a mode (WAL) that does not work over "
            "a network; end what runs there, or use PostgreSQL"
        )


def _check_locks(path: Path, kind: str) -> None:
    """StoreError where files cannot be locked: two writers at once would ruin a database."""
    import fcntl  # only Unix has it, as it has mounts

    try:
        fd = os.open(f"{path}.lock", os.O_RDWR | os.O_CREAT, 0o666)
    except OSError:
        return  # SQLite says it better
    try:
        fcntl.lockf(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in LOCKLESS:
            raise StoreError(
                f"{path}: its file system ({kind}) cannot lock files ({error.strerror}), which SQLite needs; have it "
                "mounted with locks (Lustre: -o flock; NFS 3: with lockd), or use PostgreSQL"
            ) from None
    finally:
        os.close(fd)
