"""Numbers, times and curves as short text."""

import math

from hypothesis import given
from hypothesis import strategies as st

from overdrive.cli.words import PLAIN_BARS, assignments, duration, figure, printable, sparkline, time_left


def test_figures_have_four_digits_and_nothing_is_nothing():
    assert [figure(value) for value in (0.123456, 12345.6, 1e-9, math.nan, None)] == [
        "0.1235",
        "1.235e+04",
        "1e-09",
        "nan",
        "",
    ]


def test_parameters_short_and_exact():
    params = {"lr": 0.1234567, "layers": 3, "opt": "adam\n[b]", "flag": False}
    assert assignments(params) == "lr=0.1235 layers=3 opt=adam\\n[b] flag=False"
    assert assignments(params, exact=True) == "lr=0.1234567 layers=3 opt=adam\\n[b] flag=False"


def test_control_characters_are_shown_not_obeyed():
    assert printable("a\x1b[31mb\tc ü 数") == "a\\x1b[31mb\\tc ü 数"


def test_durations():
    seconds = [0, 7.4, 75, 3600, 3 * 3600 + 5 * 60, 2 * 86400 + 3 * 3600]
    assert [duration(s) for s in seconds] == ["0:00", "0:07", "1:15", "1:00:00", "3:05:00", "2d 3h"]


class TestSparkline:
    def test_lowest_and_highest_are_the_ends_of_the_scale(self):
        assert sparkline([0, 7, 3.5], 10) == "▁█▅"  # 3.5 of 7 is the half of 7 steps: 3.5, to even 4
        assert sparkline([0, 5], 10, PLAIN_BARS) == "_#"

    def test_long_curves_show_the_last_value_of_each_stretch(self):
        assert sparkline([0, 0, 7, 0, 0, 7], 2) == sparkline([7, 7], 2)

    def test_what_is_no_number_is_a_blank(self):
        assert sparkline([1, math.nan, math.inf, 2], 8) == "▁  █"
        assert sparkline([math.nan], 8) == " "
        assert sparkline([], 8) == ""

    @given(st.lists(st.floats()), st.integers(1, 20))
    def test_never_longer_than_asked(self, values, width):
        assert len(sparkline(values, width)) == min(len(values), width)


class TestTimeLeft:
    def test_at_the_pace_so_far(self):
        assert time_left(total=40, done=10, elapsed=60) == 180

    def test_never_more_than_the_time_budget_leaves(self):
        assert time_left(total=40, done=10, elapsed=60, limit=100) == 40
        assert time_left(total=40, done=10, elapsed=160, limit=100) == 0

    def test_unknown_before_the_first_run_has_ended(self):
        assert time_left(total=40, done=0, elapsed=60, limit=100) is None
