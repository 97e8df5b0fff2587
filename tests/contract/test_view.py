"""A view that is opened late sees what one sees that has looked on from the beginning."""

import math

import pytest

from overdrive.model.metrics import Point, PrimaryMetricGoal, Series
from overdrive.model.records import RunRecord, Status, SweepRecord
from overdrive.sdk.view import SweepView
from overdrive.store.base import Turn, open_store

CONFIG = {"primary_metric_name": "loss", "primary_metric_goal": "MINIMIZE", "limits": {"max_total_runs": 9}}


def a_run(number, **fields):
    return RunRecord(f"HD_1_{number}", number, {"x": number}, Series(PrimaryMetricGoal.MINIMIZE), **fields)


def logged(number, *values, name="loss", attempt=0):
    return [(f"HD_1_{number}", Point(name, value, step, 0.5, attempt)) for step, value in enumerate(values)]


TURNS = {
    "begins": {"new_runs": [a_run(0), a_run(1), a_run(2), a_run(7, inherited=True)]},
    "logs": {
        "points": [
            *logged(0, 3.0, 2.0, math.nan),
            *logged(1, 5.0),
            *logged(0, 0.5, name="acc"),
            *logged(7, 0.1),
        ]
    },
    "goes on": {"points": logged(0, 4.0)},
    "starts anew": {
        "runs": {"HD_1_1": a_run(1, causes=["lost"], counted_from=1)},
        "points": logged(1, 6.0, 1.0, attempt=1),
    },
    "goes on from a checkpoint": {
        "runs": {"HD_1_0": a_run(0, causes=["lost"], kept={"0": {"loss": 2}})},
        "points": [*logged(0, 2.5, attempt=1), *logged(0, 9.0)],  # the last one came late and does not count
    },
    "ends": {
        "runs": {"HD_1_0": a_run(0, causes=["lost"], kept={"0": {"loss": 2}}, status=Status.COMPLETED)},
        "points": logged(0, 1.5, attempt=1),
    },
}


def seen(view):
    runs = [(run.number, run.status, run.series.best, run.series.values) for run in view.runs]
    points = {run.id: {name: list(found) for name, found in view.points(run.id).items()} for run in view.runs}
    inherited = [run.series.values for run in view.inherited.values()]
    return repr((runs, view.best and view.best.number, points, inherited))


@pytest.fixture
def store(tmp_path):
    store = open_store(f"sqlite:///{tmp_path / 'overdrive.db'}")
    store.create_sweep(SweepRecord("HD_1", "digits", "hyperdrive", CONFIG))
    yield store
    store.close()


@pytest.mark.parametrize("opened", range(len(TURNS)))
def test_opened_late_or_early(store, opened):
    early, late = SweepView(store, "HD_1"), None
    for place, turn in enumerate(TURNS.values()):
        if place == opened:
            late = SweepView(store, "HD_1")
        store.commit("HD_1", Turn(**turn))
        for view in filter(None, (early, late)):
            view.refresh()
        assert seen(SweepView(store, "HD_1")) == seen(early)
    assert seen(late) == seen(early)


def test_what_counts(store):
    for turn in TURNS.values():
        store.commit("HD_1", Turn(**turn))
    view = SweepView(store, "HD_1")
    assert view.metrics("HD_1_0") == {"loss": [3.0, 2.0, 2.5, 1.5], "acc": [0.5]}
    assert [point.step for point in view.points("HD_1_0")["loss"]] == [0.0, 1.0, 0.0, 0.0]
    assert view.metrics("HD_1_1") == {"loss": [6.0, 1.0]} and view.points("HD_1_2") == {}
    assert view.best.number == 1 and view.best.series.best == 1.0  # the inherited run has 0.1
