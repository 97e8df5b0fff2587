"""The history: order, the incumbent, inherited and replaced runs."""

from math import inf, nan

import pytest

from overdrive.model.history import History
from overdrive.model.metrics import PrimaryMetricGoal, Series
from overdrive.model.records import RunRecord

MAX, MIN = PrimaryMetricGoal.MAXIMIZE, PrimaryMetricGoal.MINIMIZE


def proposed(goal, *run_ids):
    history = History(goal)
    for number, run_id in enumerate(run_ids):
        history.propose(run_id, number, {"x": number})
    return history


def test_runs_keep_the_order_of_their_proposal():
    history = proposed(MAX, "b", "a", "c")
    assert ([run.id for run in history], len(history)) == (["b", "a", "c"], 3)
    assert "a" in history
    assert "z" not in history
    assert (history["a"].number, history["a"].params) == (1, {"x": 1})


@pytest.mark.parametrize(("goal", "best"), [(MAX, "b"), (MIN, "a")])
def test_the_incumbent_holds_the_best_of_all_values(goal, best):
    history = proposed(goal, "a", "b")
    for run_id, value in [("a", 0.5), ("b", 0.9), ("b", 0.6), ("a", 0.4)]:
        history.report(run_id, value)
    assert history.best_run is history[best]
    assert history["b"].series.values == [0.9, 0.6]


def test_no_incumbent_before_a_usable_value():
    history = proposed(MAX, "a", "b")
    assert history.best_run is None
    history.report("a", nan)
    history.report("a", inf)
    assert history.best_run is None
    history.report("b", -inf)
    assert history.best_run is history["b"]


def test_the_first_to_hold_the_best_value_stays_the_incumbent():
    history = proposed(MAX, "a", "b")
    history.report("a", 0.5)
    history.report("b", 0.5)
    assert history.best_run is history["a"]


def test_inherited_runs_come_with_what_they_reported():
    history = History(MAX)
    old = RunRecord("old", 0, {}, Series(MAX, [0.2, 0.7]), inherited=True)
    assert history.add(old) is old
    history.propose("new", 0, {})
    history.report("new", 0.6)
    assert history.best_run is old


def test_a_newer_record_takes_the_place_of_the_old_one():
    history = proposed(MAX, "a", "b")
    history.report("a", 0.9)
    newer = RunRecord("a", 0, {}, Series(MAX, [0.9, 0.95]))
    history.add(newer)
    assert ([run.id for run in history], history["a"]) == (["a", "b"], newer)
    assert history.best_run is newer


def test_a_value_of_an_unknown_run_is_an_error():
    with pytest.raises(KeyError):
        proposed(MAX, "a").report("z", 1.0)
