"""AskTell: what a program that evaluates by itself relies on."""

import math

import pytest

from overdrive import AskTell, BanditPolicy, GridParameterSampling, choice, uniform
from overdrive.errors import ConfigError, NotFound
from overdrive.sdk.ask_tell import SpaceUsedUp

SPACE = {"x": uniform(0, 1), "n": choice(1, 2, 3)}


def test_the_same_seed_asks_the_same():
    first, second = (AskTell(SPACE, seed=4) for _ in range(2))
    assert [first.ask() for _ in range(5)] == [second.ask() for _ in range(5)]
    assert first.ask() != AskTell(SPACE, seed=5).ask()


def test_numbers_may_be_pending_and_told_in_any_order():
    study = AskTell(SPACE, goal="minimize", seed=1)
    asked = [study.ask() for _ in range(3)]
    assert [number for number, _ in asked] == [0, 1, 2]
    study.tell(2, 0.5)
    study.tell(0, 0.7)
    assert study.best == (2, asked[2][1], 0.5)
    study.tell(1, 0.1)
    assert study.best == (1, asked[1][1], 0.1)


def test_failures_and_nan_are_never_best():
    study = AskTell(SPACE, seed=1)
    for _ in range(3):
        study.ask()
    study.tell(0, failed=True)
    study.tell(1, math.nan)
    assert study.best is None
    study.tell(2, -3.0)
    assert study.best is not None and study.best.value == -3.0


def test_a_finite_space_is_used_up():
    study = AskTell(sampling=GridParameterSampling({"n": choice(1, 2)}))
    assert [study.ask()[1]["n"] for _ in range(2)] == [1, 2]
    with pytest.raises(SpaceUsedUp, match="all 2 configurations"):
        study.ask()


def test_a_policy_judges_what_is_reported():
    study = AskTell(SPACE, seed=1, policy=BanditPolicy(slack_factor=0.2))
    study.ask(), study.ask()
    assert not study.report(0, 1, 0.8).stop
    verdict = study.report(1, 1, 0.61)
    # 0.8 / (1 + 0.2) = 0.667 (the guide's own example)
    assert verdict.stop and "0.667" in verdict.reason
    study.stop(1)
    with pytest.raises(ConfigError, match="told already"):
        study.report(1, 2, 0.7)


def test_intervals_only_grow_and_gaps_are_unknown():
    study = AskTell(SPACE, seed=1)
    study.ask()
    study.report(0, 1, 0.1)
    study.report(0, 4, 0.4)
    with pytest.raises(ConfigError, match="above 4"):
        study.report(0, 4, 0.5)
    study.tell(0, 0.3)
    assert study.best is not None and study.best.value == 0.4


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda study: study.tell(7, 1.0), NotFound, "never asked for; 1 were"),
        (lambda study: study.tell(0), ConfigError, "a value, or failed=True"),
        (lambda study: study.tell(0, 1.0, failed=True), ConfigError, "a value, or failed=True"),
        (lambda _: AskTell(), ConfigError, "space: is missing"),
        (lambda _: AskTell(SPACE, goal="up"), ConfigError, "'up'"),
        (lambda _: AskTell(SPACE, sampling="magic"), NotFound, "random"),
    ],
)
def test_a_wrong_call_is_told_what_to_do(call, error, words):
    study = AskTell(SPACE, seed=1)
    study.ask()
    with pytest.raises(error, match=words):
        call(study)
