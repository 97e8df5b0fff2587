"""What counts as which cause, and how many attempts each gets."""

from __future__ import annotations

import pytest

from overdrive.errors import ConfigError
from overdrive.model.expressions import uniform
from overdrive.model.metrics import PrimaryMetricGoal
from overdrive.samplers.random import RandomParameterSampling
from overdrive.sweep.config import HyperDriveConfig
from overdrive.sweep.retries import Cause, Retries, cause_of_end
from overdrive.sweep.script import ScriptRunConfig


def sweep(**options):
    return HyperDriveConfig(
        RandomParameterSampling({"x": uniform(0, 1)}, seed=1),
        "loss",
        PrimaryMetricGoal.MINIMIZE,
        max_total_runs=4,
        run_config=ScriptRunConfig(script="train.py"),
        **options,
    )


# ---------------------------------------------------------------- how many


def test_lost_twice_and_nothing_else_by_default():
    assert Retries.of(0) == Retries.of(None) == sweep().retries
    assert sweep().retries.to_json() == {"lost": 2, "memory": 0, "time": 0, "silence": 0, "exit": 0}


@pytest.mark.parametrize(("number", "lost"), [(1, 2), (2, 2), (3, 3)])
def test_one_number_is_for_every_cause_and_never_takes_from_the_lost(number, lost):
    assert Retries.of(number) == Retries(lost=lost, memory=number, time=number, silence=number, exit=number)


def test_by_cause_what_is_not_named_keeps_its_default():
    assert Retries.of({"memory": 3}) == Retries(lost=2, memory=3)
    assert Retries.of({"lost": 0}).lost == 0


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (-1, "max_retries: must be a number, or a dict by cause, got -1"),
        (True, "max_retries: must be a number, or a dict by cause, got True"),
        (1.5, "max_retries: must be a number, or a dict by cause, got 1.5"),
        ("2", "max_retries: must be a number, or a dict by cause, got '2'"),
        ({"oom": 1}, "max_retries.oom: is no cause; there are lost, memory, time, silence, exit"),
        ({"exit": -1}, "max_retries.exit: must be 0 or more, got -1"),
        ({"exit": None}, "max_retries.exit: must be 0 or more, got None"),
        ({"policy": 1}, "max_retries.policy: is no cause; there are lost, memory, time, silence, exit"),
    ],
)
def test_what_is_no_number_of_retries_says_so_in_one_line(given, words):
    with pytest.raises(ConfigError) as raised:
        sweep(max_retries=given)
    assert str(raised.value) == words


def test_all_mistakes_at_once():
    with pytest.raises(ConfigError) as raised:
        sweep(max_retries={"oom": 1, "exit": "x"}, no_metric_minutes=0)
    assert {problem.where for problem in raised.value.problems} == {
        "max_retries.oom",
        "max_retries.exit",
        "no_metric_minutes",
    }


def test_they_are_stored_and_found_again():
    config = sweep(max_retries={"time": 4}, no_metric_minutes=3, max_cost=5, price_per_hour=0.5)
    again = HyperDriveConfig.from_json(config.to_json())
    assert again.retries == Retries(time=4)
    assert (again.no_metric_minutes, again.max_cost, again.price_per_hour) == (3, 5, 0.5)


def test_a_cost_needs_a_price():
    with pytest.raises(ConfigError, match="price_per_hour"):
        sweep(max_cost=5)


def test_only_earlier_ends_for_the_same_cause_count():
    retries = Retries(lost=1, exit=1)
    assert retries.allow(Cause.LOST, []) and retries.allow(Cause.LOST, ["exit"])
    assert not retries.allow(Cause.LOST, ["exit", "lost"])


@pytest.mark.parametrize("cause", [Cause.POLICY, Cause.BUDGET, Cause.USER])
def test_what_somebody_decided_is_never_undone(cause):
    assert not Retries.of(100).allow(cause, [])


# ---------------------------------------------------------------- which cause


@pytest.mark.parametrize("code", [None, -1, -2, -9, -15, 129, 130, 137, 143])
def test_an_end_from_outside_is_a_loss(code):
    # 128 + n is how a shell passes on signal n (POSIX, Shell Command Language, 2.8.2).
    assert cause_of_end(code, "") is Cause.LOST


@pytest.mark.parametrize("code", [1, 2, 3, 126, 127, 128, 255, -6, -8, -11, 134, 139])
def test_an_end_of_its_own_is_an_exit(code):
    # ABRT 6, FPE 8, SEGV 11: a program gets these for what it did.
    assert cause_of_end(code, "Segmentation fault") is Cause.EXIT


@pytest.mark.parametrize(
    "words",
    [
        "Traceback (most recent call last):\n  x = bytearray(10**12)\nMemoryError",
        "numpy.core._exceptions._ArrayMemoryError: Unable to allocate 7.28 TiB",
        "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 20.00 MiB",
        "RuntimeError: CUDA error: out of memory",
        "RuntimeError: CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling cublasCreate(handle)",
        "terminate called after throwing an instance of 'std::bad_alloc'",
        "java.lang.OutOfMemoryError: Java heap space",
        "OSError: [Errno 12] Cannot allocate memory",
    ],
)
@pytest.mark.parametrize("code", [1, -6])
def test_words_about_memory_make_it_memory(words, code):
    assert cause_of_end(code, words) is Cause.MEMORY


def test_words_about_memory_of_a_run_that_nobody_saw_end_are_not_believed():
    assert cause_of_end(None, "MemoryError") is Cause.LOST


@pytest.mark.parametrize("code", [-9, -15, 137])
def test_killed_for_its_memory_is_memory_and_not_a_loss(code):
    assert cause_of_end(code, "", killed_for_memory=True) is Cause.MEMORY


def test_killed_by_hand_without_such_words_is_a_loss():
    assert cause_of_end(-9, "epoch 3, loss 0.2") is Cause.LOST
