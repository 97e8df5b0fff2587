"""The places of a gang's processes, and what each is told of them."""

import json

import pytest

from overdrive.runtime.gang import Plan, environment, members, places
from overdrive.runtime.rendezvous import Node, free_ports

HERE = [Node("127.0.0.1", [29500, 29501, 29502, 29503, 29504])]
TWO = [Node("10.0.0.1", [29500, 29501, 29502]), Node("10.0.0.2", [30000, 30001, 30002])]


def test_ranks_go_from_node_to_node():
    found = places(Plan("pytorch", 4, nodes=2))
    assert [(place.rank, place.node, place.local) for place in found] == [
        (0, 0, 0),
        (1, 0, 1),
        (2, 1, 0),
        (3, 1, 1),
    ]


def test_servers_come_after_the_workers_and_take_turns():
    found = places(Plan("tensorflow", 2, 3, nodes=2))
    assert [(place.rank, place.node, place.local, place.task, place.number) for place in found] == [
        (0, 0, 0, "worker", 0),
        (1, 1, 0, "worker", 1),
        (2, 0, 1, "ps", 0),
        (3, 1, 1, "ps", 1),
        (4, 0, 2, "ps", 2),
    ]
    assert [place.rank for place in members(Plan("tensorflow", 2, 3, nodes=2), 1)] == [1, 3]


def test_what_pytorch_is_told():
    plan = Plan("pytorch", 4, nodes=2)
    assert environment(plan, places(plan)[3], TWO) == {
        "MASTER_ADDR": "10.0.0.1",
        "MASTER_PORT": "29500",
        "RANK": "3",
        "WORLD_SIZE": "4",
        "LOCAL_RANK": "1",
        "LOCAL_WORLD_SIZE": "2",
        "NODE_RANK": "1",
        "OVERDRIVE_RANK": "3",
    }


@pytest.mark.parametrize(
    ("rank", "task"), [(0, {"type": "worker", "index": 0}), (2, {"type": "ps", "index": 0})]
)
def test_what_tensorflow_is_told(rank, task):
    plan = Plan("tensorflow", 2, 1)
    told = environment(plan, places(plan)[rank], HERE)
    assert json.loads(told["TF_CONFIG"]) == {
        "cluster": {"worker": ["127.0.0.1:29501", "127.0.0.1:29502"], "ps": ["127.0.0.1:29503"]},
        "task": task,
    }


def test_what_tensorflow_is_told_on_two_nodes():
    plan = Plan("tensorflow", 2, 0, 2)
    told = json.loads(environment(plan, places(plan)[1], TWO)["TF_CONFIG"])
    assert told == {
        "cluster": {"worker": ["10.0.0.1:29501", "10.0.0.2:30001"]},
        "task": {"type": "worker", "index": 1},
    }


def test_what_mpi_is_told_where_there_is_no_mpirun():
    plan = Plan("mpi", 4, nodes=2)
    told = environment(plan, places(plan)[2], TWO)
    mpi = {name: value for name, value in told.items() if name.startswith("OMPI_COMM_WORLD")}
    assert mpi == {
        "OMPI_COMM_WORLD_RANK": "2",
        "OMPI_COMM_WORLD_SIZE": "4",
        "OMPI_COMM_WORLD_LOCAL_RANK": "0",
        "OMPI_COMM_WORLD_LOCAL_SIZE": "2",
        "OMPI_COMM_WORLD_NODE_RANK": "0",
    }


def test_ports_are_different_ones():
    found = free_ports(20)
    assert len(set(found)) == 20 and all(20000 <= port < 32768 for port in found)
