"""The transforms of results: order kept, outliers brought in, nothing that can break them."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from overdrive.samplers.bayesian.transforms import levelled, ranked, standardised, warped, warped_errors

values = st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=30)


def test_ranks_share_the_middle_of_ties():
    # 10 stands at 1/2 of 3, the two 20 take up the other two thirds
    assert ranked(np.array([20.0, 10.0, 20.0])) == pytest.approx([2 / 3, 1 / 6, 2 / 3])


def test_levels_by_hand():
    # Best 1, median 3: 1 -> 0, 2 -> 1/2, 3 -> 1. These lie sqrt((1 + 1/4 + 0) / 3) = 0.6455 from 1, and the two beyond
    # stand at the half-normal quantiles 1/4 (0.3186) and 3/4 (1.1503) of that.
    found = levelled(np.array([3.0, 1e300, 1.0, 2.0, 4.0]))
    assert found == pytest.approx([1.0, 1 + 0.6455 * 1.1503, 0.0, 0.5, 1 + 0.6455 * 0.3186], rel=1e-4)


def test_runs_that_gather_around_the_best_do_not_change_the_unit():
    early = [5.0, 1.0, 3.0]
    found = levelled(np.array(early + [1.001, 1.002, 1.003, 1.0005] * 5), reference=3)
    assert found[:3] == pytest.approx([found[0], 0.0, 1.0]) and found[3] == pytest.approx(0.0005)


@settings(max_examples=150, deadline=None)
@given(values)
def test_the_order_of_runs_is_kept_whatever_they_report(given_values):
    y = np.array(given_values)
    for transform in (levelled, warped):
        found = transform(y)
        assert np.all(np.isfinite(found))
        assert np.all(np.diff(found[np.argsort(y, kind="stable")]) >= -1e-9)


@pytest.mark.parametrize(
    "y",
    [
        [0.0],
        [3.0] * 5,
        [0.0, 1e292, 1e292, -1.79e308],
        [1e300, -1e300, 0.0, 5.0],
        [1e-300, 2e-300, 0, 0],
        [1.0, 1, 1, 2],
    ],
)
def test_degenerate_results_stay_finite_and_small(y):
    assert np.all(np.abs(warped(np.array(y))) < 10)


def test_standardised():
    assert standardised(np.array([1.0, 3.0])) == pytest.approx([-1.0, 1.0])
    assert standardised(np.full(4, 0.1)).tolist() == [0.0] * 4


def test_errors_become_those_of_the_levels():
    y, levels = np.array([2.0, 1.0, 4.0, 8.0]), np.array([0.5, 0.0, 1.0, 1.5])
    # 2 +- 1: levels 0 and 0.75. 1 +- 1: straight on below the best to -0.5, and 0.5. 8 +- 4: flat above 1.5, and 1
    errors = np.array([1.0, 1.0, 0.0, 4.0])
    assert warped_errors(y, levels, errors) == pytest.approx([0.375, 0.5, 0.0, 0.25])
    assert warped_errors(y[:1], levels[:1], errors[:1]).tolist() == [0.0]
    assert np.all(np.isfinite(warped_errors(np.array([1e308, -1e308]), levels[:2], np.array([1e308, 1e308]))))
