"""What a run asks Ray for, and on which nodes it fits."""

import pytest

from overdrive.compute.base import COMPUTES
from overdrive.compute.ray.options import Node, fitting, need, place, room, task_options
from overdrive.errors import ComputeError, ConfigError


def test_what_the_script_needs_goes_before_the_targets_options():
    options = {"num_cpus": 2, "num_gpus": 0.25, "resources": {"license": 1}, "accelerator_type": "A100"}
    assert need({}) == {"CPU": 1}
    assert need(options) == {"CPU": 2, "GPU": 0.25, "license": 1, "accelerator_type:A100": 0.001}
    assert need(options, gpus=1.0, cores=4)["GPU"] == 1 and need(options, cores=4)["CPU"] == 4
    assert need({"num_cpus": 0}) == {"CPU": 0}
    assert task_options(need({"memory": 5, "resources": {"x": 2}})) == {
        "num_cpus": 1,
        "num_gpus": 0,
        "memory": 5,
        "resources": {"x": 2},
    }


@pytest.mark.parametrize(
    ("needed", "there", "runs"),
    [
        ({"CPU": 1}, {"CPU": 4}, 4),
        ({"CPU": 3}, {"CPU": 4}, 1),
        ({"CPU": 5}, {"CPU": 4}, 0),
        ({"CPU": 1, "GPU": 0.25}, {"CPU": 16, "GPU": 2}, 8),
        ({"CPU": 1, "GPU": 0.1}, {"CPU": 16, "GPU": 1}, 10),
        ({"CPU": 1, "license": 1}, {"CPU": 4}, 0),
    ],
)
def test_how_many_fit(needed, there, runs):
    assert fitting(needed, there) == runs


def test_the_room_of_a_cluster_and_what_never_fits():
    nodes = [
        Node("a", {"CPU": 4, "node:a": 1}, {"CPU": 1}),
        Node("b", {"CPU": 4, "GPU": 1}, {"CPU": 4, "GPU": 1}),
    ]
    assert room({"CPU": 2}, nodes, autoscaling=False)[:3] == (2, 4, 2)
    with pytest.raises(ComputeError, match=r"asks for \(1 CPU, 2 GPU\)\. There is a: 4 CPU; b: 4 CPU, 1 GPU"):
        room({"CPU": 1, "GPU": 2}, nodes, autoscaling=False)
    assert room({"CPU": 1, "GPU": 2}, nodes, autoscaling=True)[:3] == (0, 1, 1)
    with pytest.raises(ComputeError, match="There is no node"):
        room({"CPU": 1}, [], autoscaling=False)


def test_where_something_must_listen():
    assert place("auto") is None
    assert place("ray://head") == ("head", 10001)
    assert place("ray://head:1") == ("head", 1)
    assert place("10.0.0.1:6379") == ("10.0.0.1", 6379)


def test_options_are_checked_all_at_once():
    given = {
        "address": "http://head:8265",
        "num_gpus": -1,
        "resources": {"GPU": 1},
        "folder": "here",
        "lease": 1,
    }
    with pytest.raises(ConfigError) as caught:
        COMPUTES.load("ray").options({**given, "gpus": 1})
    words = str(caught.value)
    for part in (
        "ray job submit",
        "num_gpus: must be",
        "resources: must be",
        "absolute path",
        "lease:",
        "gpus: is no option",
    ):
        assert part in words
    fine = {"address": "ray://h:1", "num_gpus": 0.5, "resources": {"x": 1}, "folder": "/s", "lease": 3}
    assert COMPUTES.load("ray").options(fine) == fine
