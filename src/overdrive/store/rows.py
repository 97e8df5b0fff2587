"""Records to rows and back, and the writing of one turn."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from ..model.metrics import PrimaryMetricGoal, Series
from ..model.records import Brief, RunRecord, Status, SweepRecord
from .base import Turn
from .schema import clean, entries, messages, requests, runs, sweeps


def sweep_columns(sweep: SweepRecord) -> dict[str, Any]:
    """The columns of a sweep that change."""
    return {
        "experiment": sweep.experiment,
        "kind": sweep.kind,
        "config": dumps(sweep.config),
        "status": str(sweep.status),
        "reason": sweep.reason,
        "created": sweep.created,
        "started": sweep.started,
        "ended": sweep.ended,
        "active": sweep.active,
        "tags": dumps(sweep.tags),
    }


def run_columns(run: RunRecord, revision: int) -> dict[str, Any]:
    """The columns of a run that change."""
    return {
        "status": str(run.status),
        "reason": run.reason,
        "handle": None if run.handle is None else dumps(run.handle),
        "exit_code": run.exit_code,
        "created": run.created,
        "started": run.started,
        "ended": run.ended,
        "spent": run.spent,
        "cause": run.cause,
        "causes": dumps(run.causes),
        "counted_from": run.counted_from,
        "kept": dumps(run.kept),
        "best": run.series.best,
        "intervals": len(run.series),
        "revision": revision,
    }


def sweep_of(row: sa.Row[Any]) -> SweepRecord:
    """The sweep that a row holds."""
    return SweepRecord(
        id=row.id,
        experiment=row.experiment,
        kind=row.kind,
        config=json.loads(row.config),
        status=Status(row.status),
        reason=row.reason,
        created=row.created,
        started=row.started,
        ended=row.ended,
        active=row.active,
        tags=json.loads(row.tags),
        revision=row.revision,
    )


RUN = (
    *(
        "id",
        "number",
        "params",
        "status",
        "reason",
        "handle",
        "exit_code",
        "created",
        "started",
        "ended",
        "spent",
    ),
    *("cause", "causes", "counted_from", "kept", "origin", "inherited"),
)
"""The columns of a run, as `run_of` takes them."""

_STATUSES = {str(status): status for status in Status}


def run_of(row: tuple[Any, ...], goal: PrimaryMetricGoal) -> RunRecord:
    """The run that a row (of the columns RUN, as the driver gives them) holds, without its values."""
    run_id, number, params, status, reason, handle, exit_code, created, started, ended, spent, *rest = row
    cause, causes, counted_from, kept, origin, inherited = rest
    return RunRecord(
        id=run_id,
        number=number,
        params=json.loads(params),
        series=Series(goal),
        status=_STATUSES[status],
        reason=reason,
        handle=None if handle is None else json.loads(handle),
        exit_code=exit_code,
        created=created,
        started=started,
        ended=ended,
        spent=spent,
        cause=cause,
        causes=[] if causes == "[]" else json.loads(causes),
        counted_from=counted_from,
        kept={} if kept == "{}" else json.loads(kept),
        origin=origin,
        inherited=bool(inherited),
    )


BRIEF = ("number", "status", "cause", "best", "intervals")
"""The columns of a run in brief."""


def brief_of(row: tuple[Any, ...]) -> Brief:
    """The run in brief that a row (of the columns BRIEF) holds."""
    number, status, cause, best, intervals = row
    return Brief(number, _STATUSES[status], cause, best, intervals)


def goal_of(config: str) -> PrimaryMetricGoal:
    """The goal that a stored configuration names."""
    return PrimaryMetricGoal(json.loads(config).get("primary_metric_goal", "MAXIMIZE"))


def dumps(value: Any) -> str:
    """JSON without blanks."""
    return json.dumps(value, separators=(",", ":"))


# Built once: building a statement costs more than running it.


def _update_run(*columns: str) -> sa.Update:
    new: dict[str, Any] = {column: sa.bindparam(column) for column in columns}
    return runs.update().where(runs.c.id == sa.bindparam("at")).values(new)


_UPDATE_RUN = _update_run(
    *("status", "reason", "handle", "exit_code", "created", "started", "ended"),
    *("spent", "cause", "causes", "counted_from", "kept", "best", "intervals", "revision"),
)


POINT = ("sweep", "run", "attempt", "name", "value", "step", "time")
_SET_OFFSET = "UPDATE runs SET metric_offset = ? WHERE id = ?"


def point_rows(key: int, turn: Turn) -> list[tuple[Any, ...]]:
    """The rows of a turn's points, in the columns of POINT."""
    names = {point.name: clean(point.name) for _, point in turn.points}
    return [
        (key, run_id, attempt, names[name], None if value != value else value, step, when)
        for run_id, (name, value, step, when, attempt) in turn.points
    ]


def insert(db: sa.Connection, table: str, columns: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> None:
    """Insert rows of these columns."""
    _many(db, f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({', '.join('?' for _ in columns)})", rows)


def _many(db: sa.Connection, statement: str, rows: Sequence[tuple[Any, ...]]) -> None:
    """A statement with `?` for each value, for many rows, past SQLAlchemy, which takes longer for a row than SQLite."""
    style = db.dialect.paramstyle
    if not rows:
        return
    db.exec_driver_sql(statement if style == "qmark" else statement.replace("?", "%s"), list(rows))


def write_turn(db: sa.Connection, key: int, revision: int, turn: Turn) -> None:
    """Write all that a turn changes but its points, inside a transaction; its rows bear the sweep's new `revision`."""
    if turn.sweep:
        db.execute(sweeps.update().where(sweeps.c.key == key), sweep_columns(turn.sweep))
    if turn.new_runs:
        db.execute(
            runs.insert(),
            [
                {
                    "sweep": key,
                    "number": run.number,
                    "params": dumps(run.params),
                    "metric_offset": 0,
                    "id": run.id,
                    "origin": run.origin,
                    "inherited": run.inherited,
                    **run_columns(run, revision),
                }
                for run in turn.new_runs
            ],
        )
    if turn.runs:
        rows = [{"at": run.id, **run_columns(run, revision)} for run in turn.runs.values()]
        db.execute(_UPDATE_RUN, rows)
    if turn.offsets:
        _many(db, _SET_OFFSET, [(offset, run_id) for run_id, offset in turn.offsets.items()])
    if turn.entries:
        db.execute(
            entries.insert(),
            [
                {"run": run_id, "name": e.name, "kind": e.kind, "payload": dumps(e.payload)}
                for run_id, e in turn.entries
            ],
        )
    if turn.messages:
        db.execute(
            messages.insert(),
            [{"sweep": key, "time": m.time, "level": m.level, "text": m.text} for m in turn.messages],
        )
    if turn.handled:
        db.execute(requests.update().where(requests.c.key.in_(turn.handled)).values(handled=True))
