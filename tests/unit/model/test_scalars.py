"""Points in columns: they read as the points that they were."""

from array import array
from math import isnan, nan

import pytest

from overdrive.model.metrics import Point
from overdrive.model.scalars import Scalars

POINTS = [Point("loss", 3.0, 10.0, 0.5), Point("loss", 2.0), Point("loss", 1.0, 30.0)]


def test_columns_read_as_points():
    scalars = Scalars.of(POINTS)
    assert list(scalars) == POINTS and scalars[-1] == POINTS[2] and scalars[1:] == POINTS[1:]
    assert scalars.values.tolist() == [3.0, 2.0, 1.0]
    assert [nan if isnan(step) else step for step in scalars.steps] == [10.0, nan, 30.0]
    with pytest.raises(IndexError):
        scalars[3]


def test_what_it_begins_with_is_read_when_somebody_asks():
    asked = []

    def earlier(column):
        asked.append(column)
        return array("d", {"step": [10.0, nan, 99.0], "time": [0.5, nan, 99.0]}[column])  # one has come since

    scalars = Scalars("loss", array("d", [3.0, 2.0]), earlier)
    scalars.append(POINTS[2])
    assert scalars.values.tolist() == [3.0, 2.0, 1.0] and scalars[2] == POINTS[2] and not asked
    assert list(scalars) == POINTS and asked == ["step", "time"]
    assert scalars.times[0] == 0.5 and len(scalars.times) == 3 and asked == ["step", "time"]


def test_parts_one_after_the_other():
    first, second = Scalars.of(POINTS), Scalars.of([Point("loss", 0.5, 40.0)])
    joined = Scalars.joined("loss", [(first, 2), (second, 1)])
    second.append(Point("loss", 0.25))
    joined.append(Point("loss", 0.25))
    assert joined.values.tolist() == [3.0, 2.0, 0.5, 0.25]
    assert [step for step in joined.steps if not isnan(step)] == [10.0, 40.0]
