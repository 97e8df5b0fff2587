"""All rows of one store into another one, whatever databases they are, and the proof that they arrived."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import zip_longest
from typing import Any

import sqlalchemy as sa

from ..errors import StoreError
from .schema import clean, entries, holders, messages, models, points, requests, runs, sweeps

TABLES = (sweeps, runs, points, entries, messages, requests, models)
"""In an order in which every row finds those that it points at. Nobody holds a sweep of the copy."""

PAGE = 10_000
"""Rows that are read at once."""

Row = tuple[Any, ...]
Fill = Callable[[sa.Connection, str, Sequence[str], Sequence[Row]], None]


def copy_rows(
    source: sa.Connection, target: sa.Connection, fill: Fill, names: tuple[str, str]
) -> dict[str, int]:
    """Copy within a transaction of each, and read the copy row by row; how many rows, by table. `fill` writes rows of a
    table of the target. StoreError when the target holds anything, or a row has not arrived as it was."""
    for table in (*TABLES, holders):
        if target.execute(sa.select(sa.literal(1)).select_from(table).limit(1)).first() is not None:
            raise StoreError(f"{names[1]} is not empty: it has {table.name}; copy into a new one")
    counts = {}
    for table in TABLES:
        columns, count = [column.name for column in table.columns], 0
        for page in _pages(source, table):
            fill(target, table.name, columns, page)
            count += len(page)
        counts[table.name] = count
    for table in TABLES:
        _compare(source, target, table, names)
    return counts


def state(db: sa.Connection) -> list[Row]:
    """What changes with every change: of each sweep its revision and who holds it, of each other table its last row."""
    found = [
        tuple(row) for row in db.execute(sa.select(sweeps.c.id, sweeps.c.revision).order_by(sweeps.c.key))
    ]
    last = (sa.select(sa.func.max(table.c.key)) for table in TABLES if "key" in table.columns)
    found += [tuple(row) for query in last for row in db.execute(query)]
    found += [
        tuple(row) for row in db.execute(sa.select(holders.c.sweep, holders.c.pid).order_by(holders.c.sweep))
    ]
    return found


def _pages(db: sa.Connection, table: sa.Table) -> Iterator[list[Row]]:
    if "key" not in table.columns:  # a few rows
        order = list(table.primary_key.columns)
        yield [_clean(row) for row in db.execute(sa.select(table).order_by(*order))]
        return
    last = -1
    query = sa.select(table).where(table.c.key > sa.bindparam("last")).order_by(table.c.key).limit(PAGE)
    while rows := db.execute(query, {"last": last}).all():
        yield [_clean(row) for row in rows]
        last = rows[-1].key


def _clean(row: sa.Row[Any]) -> Row:
    """The row as every database takes it: older versions of SQLite stores may hold a NUL."""
    return tuple(clean(value) if isinstance(value, str) else value for value in row)


def _compare(source: sa.Connection, target: sa.Connection, table: sa.Table, names: tuple[str, str]) -> None:
    pages = zip_longest(_pages(source, table), _pages(target, table), fillvalue=())
    for here, there in pages:
        for one, other in zip_longest(here, there):
            if one != other:
                raise StoreError(
                    f"a row of {table.name} is another one in {names[1]} than in {names[0]}, and nothing was "
                    f"copied: {other!r} instead of {one!r}"
                )
