"""The goal and the series: best and mean of every prefix, NaN and infinities."""

from math import inf, isnan, nan

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from overdrive.errors import ConfigError
from overdrive.model.metrics import PrimaryMetricGoal, Series

MAX, MIN = PrimaryMetricGoal.MAXIMIZE, PrimaryMetricGoal.MINIMIZE


@pytest.mark.parametrize(
    ("word", "goal"), [("maximize", MAX), ("MAXIMIZE", MAX), ("Minimize", MIN), ("minimize", MIN)]
)
def test_goal_in_any_case(word, goal):
    assert PrimaryMetricGoal.from_str(word) is goal


@pytest.mark.parametrize("word", ["max", "", "maximise", None, 1])
def test_any_other_word_is_a_configuration_error(word):
    with pytest.raises(ConfigError, match="'maximize' or 'minimize'"):
        PrimaryMetricGoal.from_str(word)


def test_only_the_bad_infinity_may_be_compared():
    assert [MAX.usable(v) for v in (0.0, nan, inf, -inf)] == [True, False, False, True]
    assert [MIN.usable(v) for v in (0.0, nan, inf, -inf)] == [True, False, True, False]
    assert (MAX.worst, MIN.worst) == (-inf, inf)


def test_better_is_strict():
    assert MAX.better(2, 1)
    assert not MAX.better(1, 1)
    assert MIN.better(-2, -1)
    assert not MIN.better(-1, -1)
    assert not MIN.better(1, 0)


def test_best_of_values():
    assert MAX.best([0.1, nan, 0.3, inf, 0.2]) == 0.3
    assert MIN.best([0.1, nan, 0.3, -inf, 0.2]) == 0.1
    assert MAX.best([-inf]) == -inf
    assert MAX.best([nan, inf]) is None
    assert MAX.best([]) is None


def test_an_empty_series_has_no_best_and_no_mean():
    series = Series(MAX)
    assert (len(series), series.best, series.best_at(3), series.mean_at(3)) == (0, None, None, None)


def test_best_and_mean_of_every_prefix():
    series = Series(MAX, [0.5, 0.1, 0.9, 0.5])
    assert [series.best_at(n) for n in range(6)] == [None, 0.5, 0.5, 0.9, 0.9, 0.9]
    assert [series.mean_at(n) for n in range(6)] == [None, 0.5, 0.3, 0.5, 0.5, 0.5]
    assert Series(MIN, series.values).best == 0.1


def test_unusable_values_are_intervals_but_neither_best_nor_in_the_mean():
    series = Series(MIN, [nan, 0.4, -inf, 0.2])
    assert len(series) == 4
    assert [series.best_at(n) for n in range(1, 5)] == [None, 0.4, 0.4, 0.2]
    assert [series.mean_at(n) for n in range(1, 4)] == [None, 0.4, 0.4]
    assert series.mean_at(4) == pytest.approx(0.3)


def test_a_bad_infinity_is_a_value_like_others():
    series = Series(MIN, [inf, 0.4])
    assert (series.best_at(1), series.best, series.mean_at(2)) == (inf, 0.4, inf)


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(PrimaryMetricGoal), st.lists(st.floats(width=32), max_size=8))
def test_prefixes_agree_with_a_count_by_hand(goal, values):
    series = Series(goal, values)
    for n in range(len(values) + 2):
        usable = [v for v in values[:n] if not isnan(v) and (v not in (inf, -inf) or v == goal.worst)]
        assert series.best_at(n) == goal.best(usable)
        mean = series.mean_at(n)
        if not usable:
            assert mean is None
        else:
            assert mean == pytest.approx(sum(usable) / len(usable), rel=1e-9, abs=1e-9)
