"""What a distributed_job_config may ask for, facts 1.8."""

from __future__ import annotations

import inspect
import json

import pytest

from overdrive import ConfigError
from overdrive.sweep.distribution import (
    MpiConfiguration,
    PyTorchConfiguration,
    TensorflowConfiguration,
    distribution_from_json,
)


@pytest.mark.parametrize(
    ("kind", "signature"),
    [
        (MpiConfiguration, {"process_count_per_node": 1, "node_count": 1}),
        (PyTorchConfiguration, {"communication_backend": "Nccl", "process_count": None, "node_count": 1}),
        (TensorflowConfiguration, {"worker_count": 1, "parameter_server_count": 1}),
    ],
)
def test_the_signature_is_hyperdrives(kind, signature):
    parameters = list(inspect.signature(kind).parameters.values())[: len(signature)]
    assert {parameter.name: parameter.default for parameter in parameters} == signature


@pytest.mark.parametrize(
    ("given", "processes", "servers", "nodes"),
    [
        (MpiConfiguration(4, 2), 8, 0, 2),
        (PyTorchConfiguration(node_count=3), 3, 0, 3),
        (PyTorchConfiguration("gloo", 8, 2), 8, 0, 2),
        (TensorflowConfiguration(3, 2), 3, 2, 1),
    ],
)
def test_how_many_processes_where(given, processes, servers, nodes):
    assert (given.processes, given.servers, given.nodes) == (processes, servers, nodes)
    assert distribution_from_json(json.loads(json.dumps(given.to_json()))) == given


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: MpiConfiguration(0), "process_count_per_node: must be 1 process or more, got 0"),
        (lambda: MpiConfiguration(1, 1.5), "node_count: must be 1 node or more, got 1.5"),
        (lambda: PyTorchConfiguration("mpi"), "communication_backend: must be Nccl or Gloo, got 'mpi'"),
        (lambda: PyTorchConfiguration("nccl", 3, 2), "3 processes cannot be shared out evenly over 2 nodes"),
        (lambda: TensorflowConfiguration(2, -1), "parameter_server_count: must be 0 or more, got -1"),
    ],
)
def test_bad_ones_are_told(build, message):
    with pytest.raises(ConfigError) as caught:
        build()
    assert message in str(caught.value)
