"""Values of an earlier sweep in a space that has changed since."""

import pytest

from overdrive.model.expressions import choice, loguniform, quniform, uniform
from overdrive.model.space import SearchSpace
from overdrive.sdk.warm_start import believed, fitted

OLD = {"lr": 0.01, "layers": 2, "act": "relu"}
KEPT = {"lr": uniform(0, 0.1), "layers": quniform(1, 4, 1), "act": choice("relu", "tanh")}


@pytest.mark.parametrize(
    ("space", "expected"),
    [
        (KEPT, OLD),
        ({**KEPT, "lr": loguniform(-9, 0)}, OLD),  # another law, a wider range
        ({**KEPT, "layers": quniform(0, 64, 1), "act": choice("gelu", "relu")}, OLD),  # other options
        ({"lr": KEPT["lr"], "act": KEPT["act"]}, {"lr": 0.01, "act": "relu"}),  # dropped
        ({**KEPT, "seed": 3}, "no value for seed (give it in resume_defaults)"),
        ({**KEPT, "drop": uniform(0, 1).near(0.1)}, {**OLD, "drop": 0.1}),
        ({**KEPT, "width": quniform(8, 64, 8).near(30)}, {**OLD, "width": 32}),
        ({**KEPT, "opt": choice("sgd", "adam").near("adam")}, {**OLD, "opt": "adam"}),
        ({**KEPT, "drop": uniform(0, 1)}, "no value for drop (give it in resume_defaults)"),
        ({**KEPT, "lr": uniform(0.05, 0.1)}, "outside the new search space"),
        ({**KEPT, "act": choice("gelu", "tanh")}, "outside the new search space"),
        # a parameter that has moved into a branch
        ({"lr": KEPT["lr"], "net": choice({"layers": KEPT["layers"], "act": "relu"}, "none")}, OLD),
    ],
)
def test_old_values_in_the_new_space(space, expected):
    space = SearchSpace(space)
    params, why = fitted(OLD, space, believed(space))
    assert (params or why) == expected
    assert params is None or space.contains(params)


def test_a_given_default_comes_before_a_belief():
    space = SearchSpace({**KEPT, "drop": uniform(0, 1).near(0.1)})
    params, _ = fitted(OLD, space, {**believed(space), "drop": 0.5})
    assert params == {**OLD, "drop": 0.5}
    assert believed(SearchSpace({"m": choice({"a": 1}, {"a": 2}).near({"a": 2})})) == {}
