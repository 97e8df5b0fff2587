"""`near`: what may be believed, how it travels, and where draws gather."""

import json

import pytest

from overdrive.errors import ConfigError
from overdrive.model.beliefs import WIDTH
from overdrive.model.expressions import (
    choice,
    expression_from_json,
    lognormal,
    loguniform,
    normal,
    qlognormal,
    qloguniform,
    qnormal,
    quniform,
    randint,
    uniform,
)
from overdrive.model.space import SearchSpace
from overdrive.samplers.base import SAMPLERS

BRANCHES = choice({"name": "sgd", "momentum": uniform(0, 1)}, {"name": "adam", "beta": 0.9}, "none")
BELIEVED = [
    (loguniform(-9, -2).near(3e-4), "loguniform(-9, -2).near(0.0003)"),
    (uniform(0, 4).near(1), "uniform(0, 4).near(1)"),
    (quniform(10, 200, 10).near(35), "quniform(10, 200, 10).near(35)"),
    (qloguniform(0, 5, 1).near(8), "qloguniform(0, 5, 1).near(8)"),
    (normal(0, 1).near(0.5), "normal(0, 1).near(0.5)"),
    (lognormal(0, 1).near(2), "lognormal(0, 1).near(2)"),
    (qnormal(0, 9, 1).near(-4), "qnormal(0, 9, 1).near(-4)"),
    (qlognormal(0, 1, 0.1).near(1.5), "qlognormal(0, 1, 0.1).near(1.5)"),
    (randint(10).near(3), "randint(10).near(3)"),
    (choice(16, 32, 64).near(32), "choice([16, 32, 64]).near(32)"),
    (BRANCHES.near({"name": "adam"}), None),
    (BRANCHES.near("none"), None),
]


@pytest.mark.parametrize(("law", "text"), BELIEVED)
def test_a_belief_is_part_of_the_law(law, text):
    again = expression_from_json(json.loads(json.dumps(law.to_json())))
    plain = expression_from_json(law.to_json()[:2])
    assert again == law and repr(again) == repr(law) and again.belief == law.belief
    assert law != plain and plain.belief is None
    assert text is None or repr(law) == text
    assert SearchSpace({"x": law}).believes and not SearchSpace({"x": plain}).believes
    assert SearchSpace({"x": law}) == SearchSpace.from_json(SearchSpace({"x": law}).to_json())


def test_the_centre_is_the_coordinate_of_the_value():
    assert uniform(0, 4).near(1).belief.centre == 0.25
    assert quniform(0, 4, 2).near(3).belief.centre == 0.75
    assert normal(3, 1).near(3).belief.centre == 0.5
    assert randint(10).near(3).belief.centre == 0.35
    assert choice("a", "b", "c", "d").near("b").belief.centre == 0.375
    assert BRANCHES.near({"name": "adam"}).belief.place == 1
    assert BRANCHES.near({"momentum": uniform(0, 1)}).belief.place == 0


@pytest.mark.parametrize(
    ("build", "said"),
    [
        (
            lambda: loguniform(-9, -2).near(-8),
            "near: must be a number from 0.00012341 to 0.135335, as the run",
        ),
        (lambda: uniform(0, 1).near(float("nan")), "near: must be a number from 0 to 1"),
        (lambda: uniform(0, 1).near(True), "near: must be a number from 0 to 1"),
        (lambda: randint(4).near(4), "near: must be a number from 0 to 3, got 4"),
        (lambda: choice(1, 2).near(3), r"near: must be one of the options \[1, 2\], got 3"),
        (lambda: BRANCHES.near({"name": "lamb"}), "near: must tell one branch of .* none have"),
        (lambda: BRANCHES.near({}), "near: must tell one branch of .* 2 have"),
        (
            lambda: SearchSpace({"x": ["uniform", [0, 1], {"near": 2}]}),
            "x.near: must be a number from 0 to 1",
        ),
        (lambda: SearchSpace({"x": ["uniform", [0, 1], {"far": 2}]}), "x: must be a law such as"),
    ],
)
def test_a_value_that_the_law_has_not_is_refused(build, said):
    with pytest.raises(ConfigError, match=said):
        build()


def test_draws_of_a_bell_are_normal_around_its_centre():
    bell = uniform(0, 1).near(0.5).belief
    one_sigma = 0.8413447460685429
    assert bell.from_unit(0.5) == pytest.approx(0.5)
    assert bell.from_unit(one_sigma) == pytest.approx(0.5 + WIDTH, abs=1e-3)  # less than 0.1 % is cut off
    edge = uniform(0, 1).near(0).belief
    assert edge.from_unit(0.0) == 0.0 and edge.from_unit(1.0) <= 1.0
    assert edge.from_unit(0.5) == pytest.approx(
        0.6745 * WIDTH, abs=1e-3
    )  # the upper quarter of the whole bell


def test_a_favourite_is_as_likely_as_all_others_together():
    belief = choice("a", "b", "c").near("b").belief
    drawn = [int(3 * belief.from_unit((k + 0.5) / 100)) for k in range(100)]
    assert [drawn.count(place) for place in range(3)] == [25, 50, 25]
    assert belief.weight(0.5) == 2 * belief.weight(0.1) == 2 * belief.weight(0.9)
    assert choice("a").near("a").belief.from_unit(0.9) == 0.5


@pytest.mark.parametrize("name", ["random", "sobol"])
def test_half_of_the_draws_follow_the_belief_and_half_do_not(name):
    sampler = SAMPLERS.load(name)({"x": uniform(0, 1).near(0.9), "y": uniform(0, 1)}, seed=1)
    drawn = [sampler.propose(None, number) for number in range(400)]
    # Above 0.75: 0.25 of the law's draws, and 0.787 of the bell's, of which 0.252 are cut off at 1.
    near = sum(params["x"] > 0.75 for params in drawn) / 400
    assert near == pytest.approx((0.25 + 0.787) / 2, abs=0.07)
    assert sum(params["y"] > 0.75 for params in drawn) / 400 == pytest.approx(0.25, abs=0.07)
