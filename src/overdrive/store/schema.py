"""The tables and their version. `prepare` makes them, and upgrades what an older version made."""

from __future__ import annotations

import sqlalchemy as sa

from ..errors import StoreError

VERSION = 2

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
    sa.Column("id", sa.Text, nullable=False, unique=True),
    sa.Column("experiment", sa.Text, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("config", sa.Text, nullable=False),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("reason", sa.Text),
    sa.Column("created", sa.Float),
    sa.Column("started", sa.Float),
    sa.Column("ended", sa.Float),
    sa.Column("active", sa.Float, nullable=False, comment="seconds under a controller"),
    sa.Column("tags", sa.Text, nullable=False),
    sa.Column("revision", _big, nullable=False),
)

runs = sa.Table(
    "runs",
    metadata,
    sa.Column("key", _big, primary_key=True, autoincrement=True),
    sa.Column("sweep", _big, sa.ForeignKey("sweeps.key"), nullable=False),
    sa.Column("id", sa.Text, nullable=False, unique=True),
    sa.Column("number", sa.Integer, nullable=False),
    sa.Column("params", sa.Text, nullable=False),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("reason", sa.Text),
    sa.Column("handle", sa.Text),
    sa.Column("exit_code", sa.Integer),
    sa.Column("created", sa.Float),
    sa.Column("started", sa.Float),
    sa.Column("ended", sa.Float),
    sa.Column("spent", sa.Float, nullable=False),
    sa.Column("cause", sa.Text),
    sa.Column("causes", sa.Text, nullable=False),
    sa.Column("counted_from", sa.Integer, nullable=False),
    sa.Column("kept", sa.Text, nullable=False),
    sa.Column("origin", sa.Text),
    sa.Column("inherited", sa.Boolean, nullable=False),
    sa.Column("metric_offset", _big, nullable=False, default=0),
    sa.Column("revision", _big, nullable=False),
    sa.Index("runs_of_sweep", "sweep", "revision"),
)

points = sa.Table(
    "points",
    metadata,
    sa.Column("key", _big, primary_key=True, autoincrement=True),
    sa.Column("sweep", _big, sa.ForeignKey("sweeps.key"), nullable=False),
    sa.Column("run", sa.Text, nullable=False),
    sa.Column("attempt", sa.Integer, nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("value", sa.Float, comment="NULL is NaN: SQLite has no other"),
    sa.Column("step", sa.Float),
    sa.Column("time", sa.Float),
    sa.Index("points_of_sweep", "sweep", "key"),
)

entries = sa.Table(
    "entries",
    metadata,
    sa.Column("key", _big, primary_key=True, autoincrement=True),
    sa.Column("run", sa.Text, nullable=False, index=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("payload", sa.Text, nullable=False),
)

messages = sa.Table(
    "messages",
    metadata,
    sa.Column("key", _big, primary_key=True, autoincrement=True),
    sa.Column("sweep", _big, sa.ForeignKey("sweeps.key"), nullable=False),
    sa.Column("time", sa.Float, nullable=False),
    sa.Column("level", sa.Text, nullable=False),
    sa.Column("text", sa.Text, nullable=False),
    sa.Index("messages_of_sweep", "sweep", "key"),
)

requests = sa.Table(
    "requests",
    metadata,
    sa.Column("key", _big, primary_key=True, autoincrement=True),
    sa.Column("sweep", _big, sa.ForeignKey("sweeps.key"), nullable=False),
    sa.Column("run", sa.Text),
    sa.Column("wish", sa.Text, nullable=False),
    sa.Column("payload", sa.Text, nullable=False),
    sa.Column("asked", sa.Float, nullable=False),
    sa.Column("handled", sa.Boolean, nullable=False, default=False),
    sa.Index("requests_of_sweep", "sweep", "handled"),
)

holders = sa.Table(
    "holders",
    metadata,
    sa.Column("sweep", _big, sa.ForeignKey("sweeps.key"), primary_key=True),
    sa.Column("pid", _big, nullable=False),
    sa.Column("born", sa.Text, nullable=False),
    sa.Column("host", sa.Text, nullable=False),
    sa.Column("heartbeat", sa.Float, nullable=False),
)

models = sa.Table(
    "models",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("version", sa.Integer, primary_key=True),
    sa.Column("model", sa.Text, nullable=False),
)


def prepare(engine: sa.Engine) -> None:
    """Make the tables where there are none; StoreError when a newer version made them."""
    with engine.begin() as connection:
        if sa.inspect(connection).has_table(about.name):
            found = connection.execute(sa.select(about.c.version)).scalar_one()
            if found > VERSION:
                raise StoreError(
                    f"{engine.url.render_as_string()}: written by a newer Overdrive (schema {found}, this "
                    f"one knows {VERSION}); upgrade with `pip install -U overdrive`"
                )
            if found < 2:  # the bytes of standard output that were read; sources count points instead
                connection.execute(sa.text("ALTER TABLE runs DROP COLUMN output_offset"))
            if found < VERSION:
                connection.execute(about.update().values(version=VERSION))
            return
        metadata.create_all(connection, checkfirst=True)
        if connection.execute(sa.select(about.c.version)).first() is None:
            connection.execute(about.insert(), {"version": VERSION})
