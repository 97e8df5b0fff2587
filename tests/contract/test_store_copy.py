"""A store's copy: between every two kinds of store, whole or not at all."""

from __future__ import annotations

import math
import uuid

import pytest
import sqlalchemy as sa

from overdrive.errors import StoreError
from overdrive.model.metrics import Point, PrimaryMetricGoal, Series
from overdrive.model.records import RunRecord, Status, SweepRecord
from overdrive.store import copying
from overdrive.store.base import STORES, Entry, Holder, Message, Turn, open_store


@pytest.fixture
def empty(tmp_path, request):
    """Opens a new empty store of a kind."""
    opened = []

    def make(kind):
        if kind == "postgresql":
            server = request.getfixturevalue("postgres_server")
            url = f"{server.url}&workspace={uuid.uuid4().hex}"
        else:
            url = f"sqlite:///{tmp_path / uuid.uuid4().hex}.db"
        opened.append(open_store(url))
        return opened[-1]

    yield make
    for store in opened:
        store.close()


def fill(store):
    """Two sweeps with all that there can be."""
    goal = PrimaryMetricGoal.MAXIMIZE
    for name in ("HD_1", "HD_2"):
        config = {"primary_metric_goal": "MAXIMIZE", "größe": [1, None, "\x01"]}
        store.create_sweep(
            SweepRecord(name, "digits", "hyperdrive", config, tags={"who": "Ada"}, created=1.5)
        )
        store.hold(name, Holder(1, "b", "here"), None)
        runs = [
            RunRecord(
                f"{name}_{n}",
                n,
                {"x": 0.1 * n, "w": "two words"},
                Series(goal),
                Status.COMPLETED,
                handle="h\n",
            )
            for n in range(30)
        ]
        points = [(run.id, Point("acc", v, None, 1e9 + v)) for run in runs for v in (0.1, -1e300)]
        points += [(runs[3].id, Point("bad", v, 3.0, attempt=2)) for v in (math.nan, math.inf, -math.inf)]
        store.commit(
            name,
            Turn(
                new_runs=runs,
                points=points,
                entries=[(runs[0].id, Entry("roc", "row", {"fpr": 0.5}))],
                offsets={run.id: 2**40 + run.number for run in runs},
                messages=[Message(1.0, "info", "größe\n")],
                active=12.5,
            ),
        )
    store.ask("HD_1", "cancel", "HD_1_3", why="x")
    store.add_model("net", {"run_id": "HD_1_0"})


def told(store):
    """All that a store says of itself."""
    found = []
    for sweep in store.sweeps():
        change = store.changes(sweep.id)
        runs = [
            [getattr(run, name) for name in RunRecord.__slots__ if name != "series"] for run in change.runs
        ]
        found.append(
            (
                [getattr(sweep, name) for name in SweepRecord.__slots__],
                runs,
                repr(change.points),
                change.messages,
                change.cursor,
                store.offsets(sweep.id),
                store.requests(sweep.id),
                store.entries(f"{sweep.id}_0"),
            )
        )
    return found, store.models()


@pytest.mark.parametrize("target", STORES.names())
@pytest.mark.parametrize("source", STORES.names())
def test_a_copy_says_the_same_and_goes_on(source, target, empty, monkeypatch):
    monkeypatch.setattr(copying, "PAGE", 50)
    here, there = empty(source), empty(target)
    fill(here)
    counts = here.copy_to(there)
    assert counts == {
        "sweeps": 2, "runs": 60, "points": 126, "entries": 2, "messages": 2, "requests": 1, "models": 1,
    }  # fmt: skip
    assert told(there) == told(here)
    assert there.holder("HD_1") is None
    there.create_sweep(SweepRecord("HD_3", "digits", "hyperdrive", {}))
    since = there.changes("HD_1").cursor
    there.commit("HD_1", Turn(points=[("HD_1_0", Point("acc", 2.0))], messages=[Message(2.0, "info", "on")]))
    assert [point.value for _, point in there.changes("HD_1", since).points] == [2.0]
    assert [sweep.id for sweep in there.sweeps()] == ["HD_3", "HD_2", "HD_1"]


@pytest.mark.parametrize("kind", STORES.names())
def test_a_store_that_holds_anything_is_no_target(kind, empty):
    here, there = empty("sqlite"), empty(kind)
    fill(here)
    there.add_model("tree", {})
    before = told(there)
    with pytest.raises(StoreError, match="not empty"):
        here.copy_to(there)
    assert told(there) == before


@pytest.mark.parametrize("kind", STORES.names())
def test_a_source_that_changes_meanwhile_leaves_the_target_empty(kind, empty, monkeypatch):
    here, there = empty(kind), empty(kind)
    fill(here)
    copy_rows = copying.copy_rows

    def and_then_a_wish(*arguments):
        counts = copy_rows(*arguments)
        here.ask("HD_1", "pause")
        return counts

    monkeypatch.setattr(copying, "copy_rows", and_then_a_wish)
    with pytest.raises(StoreError, match="has changed meanwhile"):
        here.copy_to(there)
    assert told(there) == ([], [])


@pytest.mark.parametrize("kind", STORES.names())
def test_a_row_that_arrives_as_another_one_is_told_and_nothing_stays(kind, empty, monkeypatch):
    here, there = empty("sqlite"), empty(kind)
    fill(here)
    honest = there._fill

    def careless(db, table, columns, rows):
        honest(db, table, columns, rows)
        if table == "points":
            db.execute(sa.text("UPDATE points SET value = 0.5 WHERE key = 2"))

    monkeypatch.setattr(there, "_fill", careless)
    with pytest.raises(StoreError, match="a row of points"):
        here.copy_to(there)
    assert told(there) == ([], [])
