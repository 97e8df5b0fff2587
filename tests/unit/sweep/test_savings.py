"""Savings and controls, by hand."""

import math

import pytest

from overdrive.model.history import History
from overdrive.model.metrics import PrimaryMetricGoal, Series
from overdrive.model.records import RunRecord, Status
from overdrive.sweep.savings import saved_intervals, savings, upper_bound

MAX = PrimaryMetricGoal.MAXIMIZE


def run(status, length, number=0, value=0.5, **times):
    values = [value] * length
    return RunRecord(f"s_{number}", number, {}, Series(MAX, values), status, **times)


def history_of_runs(*runs):
    history = History(MAX)
    for one in runs:
        history.add(one)
    return history


CASES = [
    ([], [3, 4], 0),  # nobody knows yet how long a run is
    ([10], [], 0),
    ([10], [3, 4], 13),  # 7 + 6
    ([10, 20, 90], [5], 15),  # up to the median length, 20
    ([10, 20], [5], 10),  # the median of two is 15
    ([10], [12], 0),  # longer than the others: nothing is saved, nothing is lost
    ([3, 4], [1, 1], 5),  # 2.5 + 2.5
]


@pytest.mark.parametrize(("completed", "stopped", "saved"), CASES)
def test_saved_intervals(completed, stopped, saved):
    runs = [run(Status.COMPLETED, n) for n in completed] + [run(Status.CANCELED, n) for n in stopped]
    assert saved_intervals(runs) == saved
    for number, one in enumerate(runs):
        one.id = str(number)
    assert savings(history_of_runs(*runs)).intervals == saved


def test_failed_and_live_runs_save_nothing():
    runs = [run(Status.COMPLETED, 10), run(Status.FAILED, 1), run(Status.RUNNING, 1)]
    assert saved_intervals(iter(runs)) == 0


def test_seconds_at_each_runs_own_pace():
    found = savings(
        history_of_runs(
            run(Status.COMPLETED, 10, 0, started=0.0, ended=20.0),
            run(Status.CANCELED, 4, 1, started=0.0, ended=12.0, cause="policy"),  # 3 s each, 6 left
            run(Status.CANCELED, 5, 2, started=5.0, ended=10.0, cause="user"),  # 1 s each, 5 left
            run(Status.CANCELED, 0, 3, started=0.0, ended=7.0),  # no pace is known
        )
    )
    assert (found.intervals, found.whole_intervals) == (6 + 5 + 10, 10 + 10 + 10 + 10)
    assert (found.seconds, found.whole_seconds) == (18 + 5, 20 + 12 + 18 + 5 + 5 + 7)
    assert found.stopped == 1
    assert str(found) == "52 % of 40 intervals and 23.0 of 67.0 seconds saved"


def test_inherited_runs_cost_and_save_nothing():
    earlier = run(Status.CANCELED, 2, 7)
    earlier.inherited = True
    assert savings(history_of_runs(earlier, run(Status.COMPLETED, 10, 1))).whole_intervals == 10


def test_controls_are_those_that_were_marked_and_went_to_their_end():
    runs = [
        run(Status.COMPLETED, 5, 0, value=0.4, cause="control"),
        run(Status.COMPLETED, 5, 1, value=0.5),
        run(Status.RUNNING, 5, 2, value=0.4, cause="control"),  # nobody knows yet what becomes of it
        run(Status.FAILED, 5, 3, value=0.4, cause="exit"),
    ]
    found = savings(history_of_runs(*runs))
    assert (found.controls, found.won, found.risk) == (1, 0, pytest.approx(0.95))
    winner = run(Status.COMPLETED, 5, 6, value=0.9, cause="control")
    with_winner = savings(history_of_runs(*runs, winner))
    assert (with_winner.controls, with_winner.won) == (2, 1)
    second = run(Status.COMPLETED, 5, 7, value=0.8, cause="control")
    assert savings(history_of_runs(*runs, winner, second)).won == 2  # 0.9 and 0.8, beside 0.5
    assert savings(history_of_runs(*runs[1:])).risk is None


def test_a_run_that_completed_early_saves_the_rest_and_says_nothing_of_the_length():
    early = run(Status.COMPLETED, 4, 1, cause="plateau")
    assert savings(history_of_runs(run(Status.COMPLETED, 10, 0), early))[:2] == (6, 20)
    assert savings(history_of_runs(early)).intervals == 0


def test_as_programs_see_it():
    found = savings(
        history_of_runs(run(Status.COMPLETED, 10, 0, cause="control"), run(Status.CANCELED, 4, 1))
    )
    assert found.to_json()["risk"] == found.risk == pytest.approx(0.95)
    assert found.to_json() | {"risk": 0.95} == {
        "intervals": 6,
        "whole_intervals": 20,
        "seconds": 0.0,
        "whole_seconds": 0.0,
        "stopped": 0,
        "controls": 1,
        "won": 0,
        "risk": 0.95,
        "lost": None,
        "lost_bound": None,
    }


def test_the_chance_that_the_winner_was_lost_counts_every_stop_of_any_policy():
    ones = [run(Status.COMPLETED, 10, n, value=0.5 + n / 100, ended=float(n)) for n in range(10)]
    near = run(Status.CANCELED, 3, 10, value=0.58, cause="policy", ended=10.0)
    far = run(Status.CANCELED, 3, 11, value=0.1, cause="policy", ended=11.0)
    only_far, both = savings(history_of_runs(*ones, far)), savings(history_of_runs(*ones, near, far))
    assert 0 < only_far.lost < both.lost < both.lost_bound < 1
    assert both.to_json()["lost_bound"] == both.lost_bound
    percent = math.ceil(100 * both.lost_bound)
    assert str(both).endswith(f"; chance that the winner was lost below {percent} % (95 %)")
    user = run(Status.CANCELED, 3, 10, value=0.58, cause="user")
    assert savings(history_of_runs(*ones, user)).lost is None
    assert savings(history_of_runs(*ones[:3], far)).lost is None  # nobody knows enough


def test_the_bound_is_clopper_and_pearsons():
    assert upper_bound(0, 14) == pytest.approx(1 - 0.05 ** (1 / 14))  # 0.193
    assert upper_bound(1, 10) == pytest.approx(0.394, abs=1e-3)  # their table
    assert upper_bound(3, 3) == 1
