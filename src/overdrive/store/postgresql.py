"""PostgreSQL, a server: many controllers and studios on many machines share it. Each workspace has a schema of its own.

Everything that libpq knows works: a password in ~/.pgpass, PGPASSFILE, PGSERVICE, `?sslmode=verify-full`.
"""

from __future__ import annotations

import hashlib
import re
import sys
from array import array
from collections.abc import Sequence
from typing import Any, ClassVar

import sqlalchemy as sa

from ..errors import StoreError
from .base import Logged
from .schema import metadata
from .sql import BUSY_SECONDS, SqlStore

LONGEST_NAME = 63
"""Bytes of a name in PostgreSQL; it would cut a longer one."""

CONNECTION = {
    "connect_timeout": "10",
    "application_name": "overdrive",
    "client_encoding": "utf8",
    # A server that vanishes without a word is noticed within half a minute.
    "keepalives_idle": "10",
    "keepalives_interval": "5",
    "keepalives_count": "3",
    "tcp_user_timeout": "25000",
}
"""What holds unless the URL says otherwise."""

MANY = 10
"""So many points are quicker by COPY than by INSERT."""

SESSION = (
    f"SET lock_timeout = '{BUSY_SECONDS}s'",
    # A process that is stopped in the middle of its turn does not keep the sweep from whoever takes over.
    f"SET idle_in_transaction_session_timeout = '{BUSY_SECONDS}s'",
)

_NOW = sa.cast(sa.extract("epoch", sa.func.clock_timestamp()), sa.Double)


class PostgresStore(SqlStore):
    """The store at `postgresql://user@host:port/database?workspace=name`."""

    READING: ClassVar[dict[str, Any]] = {"isolation_level": "REPEATABLE READ"}  # all answers of one moment

    def __init__(self, url: str) -> None:
        place, workspace = _place(url)
        self._schema = schema_name(workspace)
        self._ear: sa.Connection | None = None
        where = place._replace(drivername="postgresql", password=None, query={})  # type: ignore[arg-type]
        super().__init__(f"{where} (workspace {workspace!r})", _engine(place, self._schema), _NOW)

    def close(self) -> None:
        if self._ear is not None:
            self._ear.close()
            self._ear = None
        super().close()

    def wait(self, seconds: float) -> None:
        """Sleeps until the server tells of a change: an idle reader asks nothing."""
        with self._failing():
            if self._ear is None:
                self._ear = self._engine.connect().execution_options(isolation_level="AUTOCOMMIT")
                self._ear.exec_driver_sql(f"LISTEN {self._schema}")
                return  # something may have changed before we listened
            driver: Any = self._ear.connection.driver_connection
            try:
                for _ in driver.notifies(timeout=seconds, stop_after=1):
                    pass
            except self._driver_error:
                self._ear.invalidate()
                self._ear.close()
                self._ear = None
                raise

    def _gathered(self, db: sa.Connection, rows: sa.Subquery) -> Logged:
        number = sa.func.float8send(sa.func.coalesce(rows.c.number, sa.text("'NaN'::float8")))
        whole = sa.func.string_agg(number, sa.text("''::bytea ORDER BY key"), type_=sa.LargeBinary)
        place = rows.c.run, rows.c.name, rows.c.attempt
        found: Logged = {}
        for run, name, attempt, sent in db.execute(
            sa.select(*place, whole).group_by(*place).order_by(sa.func.min(rows.c.key))
        ):
            numbers = found[run, name, attempt] = array("d", sent)
            if sys.byteorder == "little":
                numbers.byteswap()
        return found

    def _prepare(self, db: sa.Connection) -> None:
        encoding = db.exec_driver_sql("SHOW server_encoding").scalar_one()
        if encoding != "UTF8":
            raise StoreError(
                f"{self._name}: the database is encoded in {encoding}, which cannot hold every text; "
                "make one with `createdb --encoding UTF8 --template template0`"
            )
        self._alone(db)
        known = sa.text("SELECT 1 FROM pg_namespace WHERE nspname = :name")
        if db.execute(known, {"name": self._schema}).first() is None:
            db.exec_driver_sql(f"CREATE SCHEMA {self._schema}")
        super()._prepare(db)

    def _alone(self, db: sa.Connection) -> None:
        db.execute(sa.text("SELECT pg_advisory_xact_lock(hashtext(:name))"), {"name": self._schema})

    def _fill(
        self, db: sa.Connection, table: str, columns: Sequence[str], rows: Sequence[tuple[Any, ...]]
    ) -> None:
        if len(rows) < MANY:
            return super()._fill(db, table, columns, rows)
        driver: Any = db.connection.driver_connection
        what = f"COPY {table} ({', '.join(columns)}) FROM STDIN"
        with driver.cursor() as cursor, cursor.copy(what) as copy:
            for row in rows:
                copy.write_row(row)
        return None

    def _filled(self, db: sa.Connection) -> None:
        for table in metadata.tables.values():
            if "key" in table.columns:  # the next row takes up behind the last one
                place = f"pg_get_serial_sequence('{table.name}', 'key')"
                db.exec_driver_sql(f"SELECT setval({place}, max(key)) FROM {table.name} HAVING max(key) > 0")

    def _changed(self, db: sa.Connection) -> None:
        db.exec_driver_sql(f"NOTIFY {self._schema}")


def schema_name(workspace: str) -> str:
    """The schema of a workspace, whose name may be any text: `overdrive_` and the name, where that needs no quotes
    and is short enough, else what is left of it and a hash."""
    plain = re.sub("[^a-z0-9_]+", "_", workspace.lower())[: LONGEST_NAME - 20]
    if plain != workspace:
        plain = f"{plain}_{hashlib.sha256(workspace.encode('utf-8', 'surrogateescape')).hexdigest()[:8]}"
    return f"overdrive_{plain}"


def _place(url: str) -> tuple[sa.URL, str]:
    """Where the server is, for psycopg, and the workspace that is meant."""
    try:
        place = sa.make_url(url).set(drivername="postgresql+psycopg")
    except (sa.exc.ArgumentError, ValueError):
        raise StoreError(
            "the URL of the PostgreSQL store cannot be read; it looks like postgresql://user@host:5432/database, "
            "with %40 for an @ in a name or a password"
        ) from None
    workspace = place.query.get("workspace", "default")
    if not isinstance(workspace, str) or not workspace:
        raise StoreError("the URL of the PostgreSQL store must name one workspace")
    return place.difference_update_query(["workspace"]), workspace


def _engine(place: sa.URL, schema: str) -> sa.Engine:
    try:
        engine = sa.create_engine(
            place,
            pool_pre_ping=True,  # the server may have been restarted since
            connect_args={name: value for name, value in CONNECTION.items() if name not in place.query},
        )
    except ImportError as error:
        raise StoreError(f"PostgreSQL needs `pip install 'overdrive[postgres]'` ({error})") from None

    @sa.event.listens_for(engine, "connect")
    def configure(connection: Any, _: Any) -> None:
        connection.autocommit = True
        for setting in (f"SET search_path = {schema}", *SESSION):
            connection.execute(setting)
        connection.autocommit = False

    return engine
