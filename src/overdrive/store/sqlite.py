"""SQLite, a file: WAL on a local disk, a rollback journal on a network file system.

Either way with synchronous=FULL: each commit is on the disk before `commit` returns; a power cut costs at most
the turn that was being written, never the file.
"""

from __future__ import annotations

import math
import time
from array import array
from pathlib import Path
from typing import Any, ClassVar

import sqlalchemy as sa

from .base import Logged
from .mounts import network_file_system
from .sql import BUSY_SECONDS, SqlStore

LOOK_SECONDS = 0.1
"""A file tells nobody that it has changed: whoever waits looks again after so long."""

_NOW = sa.cast(sa.func.julianday("now") - 2440587.5, sa.Float) * 86400.0


class SqliteStore(SqlStore):
    """The store at `sqlite:///PATH`."""

    WRITING: ClassVar[dict[str, Any]] = {"write": True}

    def __init__(self, url: str) -> None:
        path = Path(url.removeprefix("sqlite:///"))
        super().__init__(str(path), _engine(path), _NOW)

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


def _engine(path: Path) -> sa.Engine:
    # Not parsed as a URL: a folder's name may hold a question mark or a percent sign.
    place = sa.URL.create("sqlite", database=str(path))
    engine = sa.create_engine(place, connect_args={"timeout": BUSY_SECONDS})
    # The shared memory of WAL does not cross machines.
    journal = "DELETE" if network_file_system(path) else "WAL"

    @sa.event.listens_for(engine, "connect")
    def configure(connection: Any, _: Any) -> None:
        connection.isolation_level = None  # we say BEGIN ourselves: sqlite3 would begin too late
        for pragma in (f"journal_mode={journal}", "synchronous=FULL", "foreign_keys=ON"):
            connection.execute(f"PRAGMA {pragma}")

    @sa.event.listens_for(engine, "begin")
    def begin(connection: sa.Connection) -> None:
        # A transaction that reads first and writes later cannot wait for another writer: lock at once.
        writes = "write" in connection.get_execution_options()
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine
