"""Evidence, promise and search: what counts, which way is up, and that the best is found."""

import math
from dataclasses import replace

import numpy as np
import pytest

from overdrive.model.expressions import choice, quniform, uniform
from overdrive.model.history import History
from overdrive.model.metrics import PrimaryMetricGoal, Series
from overdrive.model.records import RunRecord, Status
from overdrive.model.space import SearchSpace
from overdrive.samplers.bayesian.encoding import Encoding
from overdrive.samplers.bayesian.gp import Posterior
from overdrive.samplers.bayesian.observations import Kind, Observations, observations
from overdrive.samplers.bayesian.search import Effort, Promise, search, trusted

SPACE = SearchSpace(
    {
        "x": uniform(0, 1),
        "n": quniform(0, 4, 1),
        "kind": choice("a", {"y": uniform(0, 1), "flag": choice(True, False)}),
    }
)
WHOLE = np.zeros(5), np.ones(5)


def seen(values, statuses, goal=PrimaryMetricGoal.MAXIMIZE):
    history = History(goal)
    for number, (value, status) in enumerate(zip(values, statuses, strict=True)):
        params = {"x": number / 20, "n": 1, "kind": "a"}
        history.add(RunRecord(str(number), number, params, Series(goal, value), status))
    return observations(history, Encoding(SPACE))


# ---------------------------------------------------------------- evidence


def test_each_status_is_its_kind_of_evidence():
    found = seen(
        [[1.0, 3.0, 2.0], [0.5], [math.nan], [4.0], [9.0], []],
        [Status.COMPLETED, Status.CANCELED, Status.COMPLETED, Status.FAILED, Status.RUNNING, Status.QUEUED],
    )
    assert [Kind(int(kind)).name for kind in found.kinds] == [
        "DONE",
        "BOUND",
        "FAILED",
        "FAILED",
        "PENDING",
        "PENDING",
    ]
    assert found.values[:2].tolist() == [-3.0, -0.5] and np.all(np.isnan(found.values[2:]))
    assert np.all(found.errors == 0)
    assert found.measured == 2 and len(found.known()) == 4 and len(found.pending()) == 2
    assert len(found.finished()) == 3
    levels, variance = found.known().levels()
    assert np.all(variance == 0)
    assert levels[2] == levels[3] == levels[1] > levels[0]


def test_stopped_and_running_runs_enter_as_forecasts_of_their_ends():
    # Every curve falls from 2 to its end and has a tenth of the way to go after 5 of 10 values.
    def curve(end, count):
        return [end + (2 - end) * 10 ** (-k / 5) for k in range(count)]

    ends = [0.3, 0.8, 0.5, 0.9, 0.4, 0.7, 0.6, 1.0, 0.2, 0.45, 0.55, 0.35]
    found = seen(
        [curve(end, 10) for end in ends] + [curve(0.65, 6), curve(0.25, 4), []],
        [Status.COMPLETED] * 12 + [Status.CANCELED, Status.RUNNING, Status.RUNNING],
        PrimaryMetricGoal.MINIMIZE,
    )
    assert found.kinds[12:].tolist() == [Kind.FORECAST, Kind.FORECAST, Kind.PENDING, Kind.PENDING]
    stopped, running = found.values[12:14]
    assert stopped < curve(0.65, 6)[-1] and running < curve(0.25, 4)[-1] - 0.2  # not their last values
    assert abs(stopped - 0.65) < 2 * found.errors[12] and abs(running - 0.25) < 2 * found.errors[13]
    assert found.points[13].tolist() == found.points[14].tolist() and found.errors[14] == 0
    levels, variance = found.known().levels()
    assert variance[12] > 0 == variance[0] and len(levels) == 14 == len(found.finished()) + 2


def test_the_worst_infinity_is_a_failure():
    found = seen([[-math.inf], [math.inf]], [Status.COMPLETED] * 2)
    assert found.kinds.tolist() == [Kind.FAILED, Kind.FAILED]


def test_runs_outside_the_space_are_no_evidence():
    history = History(PrimaryMetricGoal.MINIMIZE)
    history.add(
        RunRecord("a", 0, {"x": 7.0, "n": 1, "kind": "a"}, Series(history.goal, [1.0]), Status.COMPLETED)
    )
    history.add(RunRecord("b", 1, {"z": 0.5}, Series(history.goal, [1.0]), Status.COMPLETED))
    assert len(observations(history, Encoding(SPACE))) == 0


def test_of_many_runs_the_best_and_the_latest_are_kept():
    values = np.random.RandomState(0).permutation(1000).astype(float)
    values[3] = np.nan
    many = Observations(np.zeros((1000, 1)), values, np.zeros(1000), np.zeros(1000))
    kept = many.chosen(100)
    assert np.sum(kept) == 100 and np.all(kept[975:])
    assert np.all(kept[np.argsort(values)[:50]])
    assert np.all(many.chosen(1000))


# ---------------------------------------------------------------- promise


@pytest.fixture
def promise():
    encoding = Encoding(SPACE)
    rng = np.random.RandomState(0)
    points = encoding.from_units(rng.rand(20, 5))
    theta = np.log([0.4, 0.6, 1.0, 0.5, 1.5, 1.0, 0.01, 0.2])
    levels = (points[:, 0] - 0.37) ** 2 + points[:, 1] + (points[:, 2] == 0)
    posterior = Posterior(encoding.inputs(points), levels, np.zeros(20), encoding.owner, theta)
    return Promise(encoding, posterior, float(np.min(levels)), 0.01), points[np.argsort(levels)]


def test_the_gradient_of_promise_along_every_numeric_axis(promise):
    promise, _ = promise
    points = promise.encoding.from_units(np.random.RandomState(1).rand(6, 5))
    points[:3, 2], points[3:, 2] = 0.0, 1.0  # three on each branch
    value, slope = promise.with_gradients(points)
    assert value == pytest.approx(promise(points))
    assert np.all(slope[:, [2, 4]] == 0) and np.all(slope[:3, 3] == 0)
    for axis in (0, 1, 3):
        step = np.zeros(5)
        step[axis] = 1e-6
        expected = (promise(points + step) - promise(points - step)) / 2e-6
        assert slope[:, axis] == pytest.approx(expected, rel=1e-3, abs=1e-6)


def test_search_finds_more_than_ten_thousand_random_points(promise):
    promise, best = promise
    points, values = search(promise.encoding, promise, best, np.random.RandomState(2), Effort(), WHOLE)
    many = promise.encoding.from_units(np.random.RandomState(3).rand(10_000, 5))
    assert values[0] >= np.max(promise(many)) - 1e-3
    assert np.all(np.diff(values) <= 0) and values[:50] == pytest.approx(promise(points[:50]))
    assert np.array_equal(promise.encoding.snap(points), points)
    assert np.all(points >= 0) and np.all(points <= 1)


def test_search_follows_the_border_of_what_is_allowed(promise):
    promise, best = promise
    space = SearchSpace(SPACE.parameters, ["x + n / 4 >= 1.1", "x * (n + 1) <= 4"])
    promise = replace(promise, encoding=Encoding(space))
    encoding = promise.encoding
    best = best[encoding.allowed(best)]
    points, values = search(encoding, promise, best, np.random.RandomState(2), Effort(), WHOLE)
    many = encoding.from_units(np.random.RandomState(3).rand(10_000, 5))
    free, allowed = np.max(promise(many)), np.max(promise(many[encoding.allowed(many)]))
    assert free > allowed + 0.5  # the greatest promise is forbidden
    assert np.all(encoding.allowed(points)) and values[0] >= allowed - 1e-3


def test_where_nothing_is_allowed_nothing_is_found(promise):
    promise, best = promise
    encoding = Encoding(SearchSpace(SPACE.parameters, ["x > 2"]))
    points, _ = search(encoding, promise, best, np.random.RandomState(2), Effort(), WHOLE)
    assert len(points) == 0


def test_the_trusted_box_is_around_the_best_run_and_grows_to_the_whole_space(promise):
    promise, _ = promise
    effort = Effort(radius=0.2, growth=5.0)
    centre = np.array([0.9, 0.25, 1.0, 0.5, 0.0])
    low, high = trusted(promise.encoding, centre, 0, effort)
    # x and y are continuous; the grid and the options stay whole
    assert low == pytest.approx([0.7, 0, 0, 0.3, 0]) and high == pytest.approx([1, 1, 1, 0.7, 1])
    # 5 axes: 0.2 + 0.3 x 15 / (5 x 6) = 0.35
    assert trusted(promise.encoding, centre, 15, effort)[0][0] == pytest.approx(0.55)
    assert trusted(promise.encoding, centre, 30, effort)[0].tolist() == [0.0] * 5


def test_search_keeps_to_its_box(promise):
    promise, best = promise
    box = np.array([0.6, 0, 0, 0.2, 0]), np.array([0.8, 1, 1, 0.3, 1])
    points, _ = search(promise.encoding, promise, best, np.random.RandomState(2), Effort(), box)
    for axis in (0, 3):
        assert np.all(points[:, axis] >= box[0][axis]) and np.all(points[:, axis] <= box[1][axis])
