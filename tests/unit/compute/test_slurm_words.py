"""Words for Slurm's commands: how long a job may take, and how its other nodes are reached."""

import pytest

from overdrive.compute.slurm_queue import flags, others, time_limit
from overdrive.compute.slurm_seats import keeping


@pytest.mark.parametrize(
    ("options", "seconds"),
    [
        ({}, None),
        ({"time": 30}, 1800),
        ({"time": "30"}, 1800),
        ({"time": "2:30"}, 150),
        ({"time": "1:00:05"}, 3605),
        ({"time": "1-2"}, 93600),
        ({"time": "1-2:30"}, 95400),
        ({"time": "1-2:30:10"}, 95410),
        ({"time": "UNLIMITED"}, None),
        ({"time": "2:00:00", "directives": ["--exclusive", "--time=10"]}, 600),
    ],
)
def test_time_limits_in_all_of_sbatchs_forms(options, seconds):
    assert time_limit(options) == seconds


@pytest.mark.parametrize(
    ("options", "nodes", "seconds"),
    [({}, 1, 60), ({"time": 60}, 1, 60), ({"time": 2}, 1, 6), ({}, 2, 0)],
)
def test_a_place_is_kept_for_a_twentieth_of_its_time_and_a_minute_at_most(options, nodes, seconds):
    assert keeping(options, nodes) == pytest.approx(seconds)


def test_a_run_of_several_nodes_is_one_task_on_each():
    assert {"--nodes=2", "--ntasks=2", "--cpus-per-task=4", "--gres=gpu:2"} <= set(flags({}, 4, 8, 2))
    assert others(1, {}) == []
    words = others(3, {"cpus_per_task": 5})
    assert words[0] == "srun" and {"--nodes=2", "--relative=1", "--cpus-per-task=5"} <= set(words)
    assert "--cpus-per-task=4" in others(2, {"cpus_per_task": 5}, cores=8)
