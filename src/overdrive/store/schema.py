"""The tables and their version. `prepare` makes them, and upgrades what an older version made."""

from __future__ import annotations

import sqlalchemy as sa

from ..errors import StoreError

VERSION = 4


class Words(sa.types.TypeDecorator[str]):
    """Text that every database takes: no NUL, no half of a surrogate pair."""

    impl = sa.Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: sa.Dialect) -> str | None:
        return None if value is None else clean(value)


def clean(text: str) -> str:
    """The same text without NUL and halves of surrogate pairs."""
    if text.isascii() and "\x00" not in text:
        return text
    return text.replace("\x00", "\ufffd").encode("utf-8", "replace").decode("utf-8")


metadata = sa.MetaData()

_big = sa.BigInteger().with_variant(sa.Integer, "sqlite")

about = sa.Table(
    "overdrive",
    metadata,
    sa.Column("version", sa.Integer, nullable=False),
)

sweeps = sa.Table(
    "sweeps",
    metadata,
    sa.Column("key", _big, primary_key=True, autoincrement=True),
    sa.Column("id", Words, nullable=False, unique=True),
    sa.Column("experiment", Words, nullable=False),
    sa.Column("kind", Words, nullable=False),
    sa.Column("config", Words, nullable=False),
    sa.Column("status", Words, nullable=False),
    sa.Column("reason", Words),
    sa.Column("created", sa.Float),
    sa.Column("started", sa.Float),
    sa.Column("ended", sa.Float),
    sa.Column("active", sa.Float, nullable=False, comment="seconds under a controller"),
    sa.Column("tags", Words, nullable=False),
    sa.Column("revision", _big, nullable=False),
    sa.Column("turn", Words, comment="the token of the turn that was written last"),
)

runs = sa.Table(
    "runs",
    metadata,
    sa.Column("key", _big, primary_key=True, autoincrement=True),
    sa.Column("sweep", _big, sa.ForeignKey("sweeps.key"), nullable=False),
    sa.Column("id", Words, nullable=False, unique=True),
    sa.Column("number", sa.Integer, nullable=False),
    sa.Column("params", Words, nullable=False),
    sa.Column("status", Words, nullable=False),
    sa.Column("reason", Words),
    sa.Column("handle", Words),
    sa.Column("exit_code", sa.Integer),
    sa.Column("created", sa.Float),
    sa.Column("started", sa.Float),
    sa.Column("ended", sa.Float),
    sa.Column("spent", sa.Float, nullable=False),
    sa.Column("cause", Words),
    sa.Column("causes", Words, nullable=False),
    sa.Column("counted_from", sa.Integer, nullable=False),
    sa.Column("kept", Words, nullable=False),
    sa.Column("origin", Words),
    sa.Column("inherited", sa.Boolean, nullable=False),
    sa.Column("metric_offset", _big, nullable=False, default=0),
    sa.Column("best", sa.Float, comment="of the primary metric, when this row was written"),
    sa.Column("intervals", sa.Integer, comment="NULL in rows of an older version"),
    sa.Column("revision", _big, nullable=False),
    sa.Index("runs_of_sweep", "sweep", "revision"),
)

points = sa.Table(
    "points",
    metadata,
    sa.Column("key", _big, primary_key=True, autoincrement=True),
    sa.Column("sweep", _big, sa.ForeignKey("sweeps.key"), nullable=False),
    sa.Column("run", Words, nullable=False),
    sa.Column("attempt", sa.Integer, nullable=False),
    sa.Column("name", Words, nullable=False),
    sa.Column("value", sa.Float, comment="NULL is NaN: SQLite has no other"),
    sa.Column("step", sa.Float),
    sa.Column("time", sa.Float),
    sa.Index("points_of_sweep", "sweep", "key"),
)

entries = sa.Table(
    "entries",
    metadata,
    sa.Column("key", _big, primary_key=True, autoincrement=True),
    sa.Column("run", Words, nullable=False, index=True),
    sa.Column("name", Words, nullable=False),
    sa.Column("kind", Words, nullable=False),
    sa.Column("payload", Words, nullable=False),
)

messages = sa.Table(
    "messages",
    metadata,
    sa.Column("key", _big, primary_key=True, autoincrement=True),
    sa.Column("sweep", _big, sa.ForeignKey("sweeps.key"), nullable=False),
    sa.Column("time", sa.Float, nullable=False),
    sa.Column("level", Words, nullable=False),
    sa.Column("text", Words, nullable=False),
    sa.Index("messages_of_sweep", "sweep", "key"),
)

requests = sa.Table(
    "requests",
    metadata,
    sa.Column("key", _big, primary_key=True, autoincrement=True),
    sa.Column("sweep", _big, sa.ForeignKey("sweeps.key"), nullable=False),
    sa.Column("run", Words),
    sa.Column("wish", Words, nullable=False),
    sa.Column("payload", Words, nullable=False),
    sa.Column("asked", sa.Float, nullable=False),
    sa.Column("handled", sa.Boolean, nullable=False, default=False),
    sa.Index("requests_of_sweep", "sweep", "handled"),
)

holders = sa.Table(
    "holders",
    metadata,
    sa.Column("sweep", _big, sa.ForeignKey("sweeps.key"), primary_key=True),
    sa.Column("pid", _big, nullable=False),
    sa.Column("born", Words, nullable=False),
    sa.Column("host", Words, nullable=False),
    sa.Column("heartbeat", sa.Float, nullable=False),
)

models = sa.Table(
    "models",
    metadata,
    sa.Column("name", Words, primary_key=True),
    sa.Column("version", sa.Integer, primary_key=True),
    sa.Column("model", Words, nullable=False),
)


def prepare(connection: sa.Connection, name: str) -> None:
    """Make the tables where there are none, in a transaction that no other maker shares; StoreError when a newer
    version made them. `name`: how the store is called."""
    if not sa.inspect(connection).has_table(about.name):
        metadata.create_all(connection, checkfirst=True)
        connection.execute(about.insert(), {"version": VERSION})
        return
    found = connection.execute(sa.select(about.c.version)).scalar_one()
    if found > VERSION:
        raise StoreError(
            f"{name}: written by a newer Overdrive (schema {found}, this one knows {VERSION}); upgrade with "
            "`pip install -U overdrive`"
        )
    if found < 2:  # the bytes of standard output that were read; sources count points instead
        connection.execute(sa.text("ALTER TABLE runs DROP COLUMN output_offset"))
    if found < 3:
        connection.execute(sa.text("ALTER TABLE sweeps ADD COLUMN turn TEXT"))
    if found < 4:
        connection.execute(sa.text("ALTER TABLE runs ADD COLUMN best FLOAT"))
        connection.execute(sa.text("ALTER TABLE runs ADD COLUMN intervals INTEGER"))
    if found < VERSION:
        connection.execute(about.update().values(version=VERSION))
