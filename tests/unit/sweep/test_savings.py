"""Saved intervals, by hand."""

import pytest

from overdrive.model.metrics import PrimaryMetricGoal, Series
from overdrive.model.records import RunRecord, Status
from overdrive.sweep.savings import saved_intervals


def run(status, length):
    return RunRecord("s_0", 0, {}, Series(PrimaryMetricGoal.MAXIMIZE, [0.5] * length), status)


@pytest.mark.parametrize(
    ("completed", "stopped", "saved"),
    [
        ([], [3, 4], 0),  # nobody knows yet how long a run is
        ([10], [], 0),
        ([10], [3, 4], 13),  # 7 + 6
        ([10, 20, 90], [5], 15),  # up to the median length, 20
        ([10, 20], [5], 10),  # the median of two is 15
        ([10], [12], 0),  # longer than the others: nothing is saved, nothing is lost
        ([3, 4], [1, 1], 5),  # 2.5 + 2.5
    ],
)
def test_saved_intervals(completed, stopped, saved):
    runs = [run(Status.COMPLETED, n) for n in completed] + [run(Status.CANCELED, n) for n in stopped]
    assert saved_intervals(runs) == saved


def test_failed_and_live_runs_save_nothing():
    runs = [run(Status.COMPLETED, 10), run(Status.FAILED, 1), run(Status.RUNNING, 1)]
    assert saved_intervals(iter(runs)) == 0
