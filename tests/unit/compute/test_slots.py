"""Who gets which GPUs and cores, given what is taken."""

from __future__ import annotations

import pytest

from overdrive.compute.slots import Grant, Need, Use, choose, lacking

TWO = [("0", "GPU-a"), ("1", "GPU-b")]


def given(need, *taken, cores=range(4)):
    use = Use({}, set())
    for grant in taken:
        use.add(grant)
    grant, whole = choose(need, use, list(cores))
    return (grant.gpus, grant.cores) if whole else None


def test_whole_gpus_go_to_one_run():
    one = Need(1, 0, TWO)
    assert given(one) == ({"GPU-a": 1}, [])
    assert given(one, Grant({"GPU-a": 1}, [])) == ({"GPU-b": 1}, [])
    assert given(one, Grant({"GPU-a": 0.1}, [])) == ({"GPU-b": 1}, [])
    assert given(one, Grant({"GPU-a": 1, "GPU-b": 1}, [])) is None
    assert given(Need(2, 0, TWO)) == ({"GPU-a": 1, "GPU-b": 1}, [])
    assert given(Need(2, 0, TWO), Grant({"GPU-a": 0.25}, [])) is None


def test_shares_spread_out_before_they_fill_up():
    half = Need(0.5, 0, TWO)
    assert given(half) == ({"GPU-a": 0.5}, [])
    assert given(half, Grant({"GPU-a": 0.5}, [])) == ({"GPU-b": 0.5}, [])
    assert given(half, *[Grant({"GPU-a": 0.5}, [])] * 2) == ({"GPU-b": 0.5}, [])
    assert given(half, Grant({"GPU-a": 0.6}, []), Grant({"GPU-b": 1}, [])) is None
    assert given(Need(1 / 3, 0, TWO[:1]), *[Grant({"GPU-a": 1 / 3}, [])] * 2) is not None
    assert given(Need(1 / 3, 0, TWO[:1]), *[Grant({"GPU-a": 1 / 3}, [])] * 3) is None


def test_cores_are_numbered():
    assert given(Need(0, 2)) == ({}, [0, 1])
    assert given(Need(0, 2), Grant({}, [0, 2])) == ({}, [1, 3])
    assert given(Need(0, 2), Grant({}, [0, 1, 2])) is None
    assert given(Need(1, 1, TWO), Grant({}, [0, 1, 2, 3])) is None


@pytest.mark.parametrize(
    ("need", "why"),
    [
        (Need(2, 4, TWO), ""),
        (Need(3, 0, TWO), "3 GPUs are asked for, there are 2"),
        (Need(0.5, 0, []), "0.5 GPUs are asked for, there are 0"),
        (Need(4, 5, TWO), "4 GPUs are asked for, there are 2; 5 cores are asked for, there are 4"),
    ],
)
def test_what_a_machine_can_never_meet(need, why):
    assert lacking(need, range(4)) == why
