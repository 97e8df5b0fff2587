"""What is said of an unfinished run, by hand: its standing, its lateness, its curve, at any rate of logging."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from overdrive.forecasts.lengths import Lengths
from overdrive.forecasts.outlook import Outlook, Outlooks
from overdrive.model.history import History
from overdrive.model.metrics import PrimaryMetricGoal, Series
from overdrive.model.records import RunRecord, Status

MAX, MIN = PrimaryMetricGoal.MAXIMIZE, PrimaryMetricGoal.MINIMIZE
DONE, LIVE, STOPPED = Status.COMPLETED, Status.RUNNING, Status.CANCELED


def sweep(goal, *runs):
    """A history of (values, status, params) in the order of their numbers."""
    history = History(goal)
    for number, (values, status, *params) in enumerate(runs):
        history.add(RunRecord(str(number), number, dict(*params), Series(goal, values), status))
    return history


def outlook(history, name, interval):
    return Outlook(*Outlooks.of(history).outlooks([history[name]], [interval])[0])


def rising(end, length=20, rate=1):
    """A curve that is half way after a tenth of its epochs, logged so often in each."""
    return [end * k / (k + length / 10) for k in (step / rate for step in range(1, length * rate + 1))]


OTHERS = [([0.6, 0.7, 0.8, 0.8], DONE)] * 4 + [([0.1], LIVE), ([0.2], STOPPED)]


def test_standing_lateness_and_distance_by_hand():
    # At 2 of 4: best 0.5; four of five others are ahead (one has not come so far and does not count).
    history = sweep(MAX, *OTHERS, ([0.1, 0.5, 0.4, 0.3], LIVE))
    found = outlook(history, "6", 2)
    assert found.ahead == pytest.approx(math.log(4.5 / 7))
    assert found.late == pytest.approx(math.log(0.15 + 0.5))
    assert found.behind == pytest.approx(math.log(0.3 / 1e-12), rel=0.1)  # all finished ones ended alike


def test_moves_are_measured_in_what_the_curve_moves():
    history = sweep(MAX, *OTHERS, ([0.1, 0.3, 0.2, 0.5], LIVE))
    assert outlook(history, "6", 4).moves == pytest.approx(math.log(0.3 / np.std([0.2, -0.1, 0.3])))


def test_a_run_that_has_overtaken_others_has_risen():
    others = [([0.1 * n + 0.1] * 4, DONE) for n in range(8)]
    history = sweep(MAX, *others, ([0.05, 0.15, 0.65, 0.75], LIVE), ([0.85] * 4, LIVE))
    assert outlook(history, "8", 4).rise > 1
    assert outlook(history, "9", 4).rise == 0


@pytest.mark.parametrize("goal", PrimaryMetricGoal)
def test_what_the_finished_ones_gained_says_what_a_run_lacks(goal):
    """Where curves are flat from the tenth value on, one that is behind there lacks more than where they rise."""
    sign = 1 if goal is MAX else -1

    def lack(late_gain):
        ones = [
            ([sign * (0.5 + n / 100)] * 10 + [sign * (0.5 + n / 100 + late_gain)] * 10, DONE)
            for n in range(12)
        ]
        return outlook(sweep(goal, *ones, ([sign * 0.55] * 10, LIVE)), "12", 10).lack

    assert lack(0.0) > lack(0.3) + 1


def test_a_configuration_like_good_ones_promises_more():
    ones = [(rising(0.5 + n / 50), DONE, {"x": n, "word": "ab"[n % 2]}) for n in range(20)]
    history = sweep(MAX, *ones, *[([0.1] * 3, LIVE, {"x": x, "word": "a"}) for x in (1.5, 17.5)])
    low, high = (outlook(history, name, 3).promise for name in ("20", "21"))
    assert low + 1 < high


def test_no_runs_own_standing_is_part_of_its_promise():
    """The one bad run among good neighbours is promised what they are."""
    ones = [(rising(0.9 if x > 5 else 0.3), DONE, {"x": x + n / 10}) for n in range(4) for x in range(10)]
    history = sweep(MAX, *ones, ([0.01] * 5, STOPPED, {"x": 8.05}))
    assert outlook(history, "40", 5).promise > 0


def test_runs_that_log_twice_as_often_are_compared_where_they_are_as_far():
    """Ten values of twenty and twenty of forty are both half way."""
    ones = [(rising(0.5 + n / 50, rate=1 + n % 2), DONE, {"every": 1 + n % 2, "x": n}) for n in range(20)]
    runs = [(rising(0.7, rate=rate)[: 10 * rate], LIVE, {"every": rate, "x": 8}) for rate in (1, 2)]
    history = sweep(MAX, *ones, *runs)
    once, twice = outlook(history, "20", 10), outlook(history, "21", 20)
    assert once.late == pytest.approx(twice.late) == pytest.approx(math.log(0.15 + 0.5))
    assert once.ahead == pytest.approx(twice.ahead, abs=0.15)
    assert once.lack == pytest.approx(twice.lack, abs=0.3)


def test_metrics_logged_twice_an_epoch_by_all_change_nothing_much():
    def found(rate):
        ones = [(np.repeat(rising(0.5 + n / 50), rate).tolist(), DONE, {"x": n}) for n in range(20)]
        history = sweep(MAX, *ones, (np.repeat(rising(0.7)[:10], rate).tolist(), LIVE, {"x": 8}))
        return outlook(history, "20", 10 * rate)

    once, twice = found(1), found(2)
    assert (once.ahead, once.late, once.lack, once.promise) == pytest.approx(
        (twice.ahead, twice.late, twice.lack, twice.promise)
    )


def test_lengths_follow_the_parameter_that_decides_on_them():
    runs = [
        RunRecord(str(n), n, {"epochs": e, "x": n * 7 % 5}, Series(MAX, [0.5] * e), DONE)
        for n, e in enumerate([10, 20, 40] * 4)
    ]
    lengths = Lengths(runs)
    assert lengths.vary
    asked = [RunRecord("a", 0, {"epochs": e, "x": 3}, Series(MAX)) for e in (10, 40)]
    assert lengths.of(asked) == pytest.approx([10, 40])


def test_lengths_that_follow_nothing_count_as_the_usual_one():
    lengths = [8, 31, 12, 25, 9, 40, 22, 10, 35, 18]
    runs = [
        RunRecord(str(n), n, {"x": n * 3 % 10}, Series(MAX, [0.5] * length), DONE)
        for n, length in enumerate(lengths)
    ]
    found = Lengths(runs)
    assert not found.vary
    assert found.of(runs) == pytest.approx([20] * 10, rel=0.02)


def test_news_is_taken_in_and_a_run_that_begins_anew_too():
    history = sweep(MAX, *OTHERS, ([0.1, 0.5], LIVE))
    before = outlook(history, "6", 2)
    history.report("6", *[0.85] * 40)
    assert outlook(history, "6", 42).ahead < before.ahead
    history.restart("6", [0.1, 0.5])
    assert outlook(history, "6", 2) == before
    again = sweep(MAX, *OTHERS, ([0.1, 0.5], LIVE))
    assert outlook(again, "6", 2) == before


values = st.lists(st.one_of(st.floats(), st.sampled_from([0.0, 0.5])), max_size=6)


@settings(deadline=None, max_examples=60)
@given(
    st.lists(values, min_size=3, max_size=10),
    st.lists(values, min_size=1, max_size=3),
    st.sampled_from(PrimaryMetricGoal),
)
def test_any_values_give_numbers(ends, running, goal):
    history = sweep(
        goal,
        *[(v, DONE, {"x": len(v), "word": str(v[:1])}) for v in ends],
        *[(v, LIVE, {"x": "a" if v else 1, "new": 1}) for v in running],
    )
    standings = Outlooks.of(history)
    asked = [run for run in history if run.status is LIVE and run.series.best is not None]
    if asked and len(standings.finished):
        assert np.isfinite(standings.outlooks(asked, [len(run.series) for run in asked])).all()
