"""What the samplers share: the space, the seed, JSON, and the walk without replacement."""

from collections import Counter

import pytest

from overdrive.errors import ConfigError
from overdrive.model.expressions import choice, qloguniform, randint, uniform
from overdrive.model.space import SearchSpace
from overdrive.samplers.base import SequenceSampling, sampler_from_json
from overdrive.samplers.grid import GridParameterSampling
from overdrive.samplers.random import RandomParameterSampling
from overdrive.samplers.sobol import SobolParameterSampling


def drawn(sampler, count):
    return [sampler.propose(None, number) for number in range(count)]


def problems(build):
    with pytest.raises(ConfigError) as caught:
        build()
    return [str(problem) for problem in caught.value.problems]


def test_problems_stand_within_the_search_space():
    assert problems(lambda: RandomParameterSampling({"lr": ["uniform", [1, 0]]}, seed=0.5)) == [
        "search_space.lr.min_value: must be below max_value (0), got 1",
        "seed: must be a whole number or None, got 0.5",
    ]
    assert problems(lambda: RandomParameterSampling(None)) == [
        "search_space: must be a mapping of names to laws, got None"
    ]
    assert problems(lambda: RandomParameterSampling({}, seed=True)) == [
        "seed: must be a whole number or None, got True"
    ]


def test_json_form_and_names():
    sampler = RandomParameterSampling({"lr": uniform(0, 1)}, seed=7)
    assert sampler.to_json() == {
        "name": "random",
        "parameter_space": {"lr": ["uniform", [0, 1]]},
        "seed": 7,
    }
    assert sampler_from_json(sampler.to_json()) == sampler
    assert sampler.seeded(8) == RandomParameterSampling(SearchSpace({"lr": uniform(0, 1)}), seed=8)
    kept = RandomParameterSampling({}, properties={"a": 1})
    assert sampler_from_json(kept.to_json()).seeded(1).properties == {"a": 1}
    assert problems(lambda: sampler_from_json({"name": "radnom", "parameter_space": {}}))[0].startswith(
        "name: samplers: no 'radnom'; there are random, grid, sobol"
    )


def test_no_seed_is_seed_zero():
    space = {"x": uniform(0, 1)}
    for kind in (RandomParameterSampling, SobolParameterSampling):
        assert drawn(kind(space), 3) == drawn(kind(space, seed=0), 3)


# ---------------------------------------------------------------- random


def test_random_draws_are_pinned():
    """The draws of a seed never change: Random("1:0") and Random("1:1") of the standard library."""
    from random import Random

    sampler = RandomParameterSampling({"x": uniform(0, 1), "k": 3, "y": uniform(0, 10)}, seed=1)
    for number in (0, 1):
        stream = Random(f"1:{number}")
        assert sampler.propose(None, number) == {"x": stream.random(), "k": 3, "y": 10 * stream.random()}


def test_random_follows_the_law():
    sampler = RandomParameterSampling({"x": choice(1, 2), "y": uniform(0, 1)})
    ones = Counter(params["x"] for params in drawn(sampler, 2000))
    assert abs(ones[1] - 1000) < 120  # more than five standard deviations of 22


def test_first_draws_of_a_finite_space_follow_the_law_too():
    # x < 1.5 gives 1: log(1.5) / 5 = 0.081 of the mass, one of 148 values.
    law = qloguniform(0, 5, 1)
    first = [RandomParameterSampling({"n": law}, seed=seed).propose(None, 0)["n"] for seed in range(1000)]
    assert law.size == 148
    assert abs(first.count(1) - 81) < 45


def test_a_finite_space_is_used_up_without_repeats():
    space = {"n": qloguniform(-300, 6, 1), "b": choice("x", "y")}  # n = 1 has 98 % of the mass
    found = drawn(RandomParameterSampling(space, seed=5), 2 * 403 + 2)
    assert len({(p["n"], p["b"]) for p in found[:-2]}) == 2 * 403  # exp(6) = 403.4
    assert found[-2:] == [None, None]


def test_ten_thousand_of_a_billion():
    sampler = RandomParameterSampling({"seed": randint(10**9)}, seed=2)
    last = sampler.propose(None, 9_999)
    found = drawn(sampler, 10_000)
    assert found[-1] == last
    assert len({p["seed"] for p in found}) == 10_000


def test_a_caller_cannot_change_what_was_proposed():
    sampler = RandomParameterSampling({"x": choice(1, 2)})
    sampler.propose(None, 0)["x"] = "changed"
    assert sampler.propose(None, 0)["x"] in (1, 2)


def test_the_rest_is_shuffled_when_draws_keep_repeating():
    class Stuck(SequenceSampling):
        NAME = "stuck"

        def draw(self, index):
            return self.space.at(0)

    found = drawn(Stuck({"x": randint(50)}, seed=1), 51)
    assert found[0] == {"x": 0} and found[50] is None
    rest = [p["x"] for p in found[1:50]]
    assert sorted(rest) == list(range(1, 50)) and rest != sorted(rest)


# ---------------------------------------------------------------- grid


def test_grid_takes_every_finite_law_the_last_parameter_fastest():
    sampler = GridParameterSampling({"a": choice("x", "y"), "b": ["quniform", [0, 1, 0.5]], "c": 1})
    assert drawn(sampler, 7) == [
        {"a": "x", "b": 0.0, "c": 1},
        {"a": "x", "b": 0.5, "c": 1},
        {"a": "x", "b": 1.0, "c": 1},
        {"a": "y", "b": 0.0, "c": 1},
        {"a": "y", "b": 0.5, "c": 1},
        {"a": "y", "b": 1.0, "c": 1},
        None,
    ]


def test_grid_names_each_endless_law_and_its_repair():
    space = {
        "lr": ["loguniform", [-6, -1]],
        "n": randint(3),
        "m": choice("none", {"noise": ["normal", [0, 1]]}),
    }
    assert problems(lambda: GridParameterSampling(space)) == [
        (
            "search_space.lr: a grid needs a finite list of values, got loguniform(-6, -1); give a step with "
            "qloguniform(min_value, max_value, q), or list values with choice(...)"
        ),
        (
            "search_space.m.options[1].noise: a grid needs a finite list of values, got normal(0, 1); "
            "list values with choice(...), or use random sampling"
        ),
    ]


# ---------------------------------------------------------------- sobol


def test_sobol_fills_every_dyadic_interval():
    """The first 2^k points of a Sobol sequence, scrambled or not, put one point into each of 2^k bins."""
    for seed in (0, 1):
        sampler = SobolParameterSampling({"x": uniform(0, 1), "y": uniform(0, 1)}, seed=seed)
        for name in ("x", "y"):
            assert sorted(int(p[name] * 64) for p in drawn(sampler, 64)) == list(range(64))


def test_sobol_asks_for_points_in_any_order():
    space = {"x": uniform(0, 1), "m": choice("none", {"y": uniform(0, 1)})}
    late = SobolParameterSampling(space, seed=4).propose(None, 300)
    assert drawn(SobolParameterSampling(space, seed=4), 301)[300] == late


def test_sobol_has_a_limit_of_dimensions():
    space = SearchSpace({f"p{i}": choice(0, 1) for i in range(21_202)})
    (problem,) = problems(lambda: SobolParameterSampling(space))
    assert problem == (
        "search_space: a Sobol sequence has at most 21201 dimensions, this space 21202; use random sampling"
    )
