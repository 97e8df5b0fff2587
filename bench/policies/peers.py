"""Optuna's pruners, through the real package, on the same curves with the same clock: an `ask` when a place
is free, a `report` for each value, `should_prune` after it, as Optuna's documents have it."""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from random import Random
from typing import Any

from overdrive.model.metrics import PrimaryMetricGoal
from overdrive.sweep.replay import Curve, Outcome, outcome_of

PRUNERS = ("optuna-median", "optuna-percentile75", "optuna-halving", "optuna-hyperband")


def pruner(name: str, intervals: int) -> Any:
    """Each with its defaults, but for the percentile."""
    import optuna

    if name == "optuna-percentile75":
        return optuna.pruners.PercentilePruner(75.0)
    if name == "optuna-halving":
        return optuna.pruners.SuccessiveHalvingPruner()
    if name == "optuna-hyperband":
        return optuna.pruners.HyperbandPruner(max_resource=intervals)
    return optuna.pruners.MedianPruner()


def replay_optuna(
    curves: Sequence[Curve], goal: PrimaryMetricGoal, name: str, *, places: int, order: int
) -> Outcome:
    """One sweep, as `overdrive.sweep.replay.replay` does it."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    turns = list(curves)
    numbers = Random(f"order {order}")
    turns.sort(key=lambda _: numbers.random())
    study = optuna.create_study(
        direction=goal.value.lower(),
        sampler=optuna.samplers.RandomSampler(seed=0),
        pruner=pruner(name, max(len(curve.values) for curve in turns)),
    )
    waiting = list(range(len(turns)))[::-1]
    coming: list[tuple[float, int, int]] = []
    trials: dict[int, Any] = {}
    begun: dict[int, float] = {}
    spent = [0] * len(turns)
    now = 0.0
    while waiting or coming:
        while waiting and len(coming) < places:
            number = waiting.pop()
            trials[number], begun[number] = study.ask(), now
            heapq.heappush(coming, (now + turns[number].times[0], number, 0))
        now, number, index = heapq.heappop(coming)
        curve = turns[number]
        trials[number].report(curve.values[index], index)
        spent[number] = index + 1
        if trials[number].should_prune():
            study.tell(trials[number], state=optuna.trial.TrialState.PRUNED)
        elif index + 1 < len(curve.values):
            heapq.heappush(coming, (begun[number] + curve.times[index + 1], number, index + 1))
        else:
            value = goal.best(curve.values)
            failed = optuna.trial.TrialState.FAIL
            if value is None:
                study.tell(trials[number], state=failed)
            else:
                study.tell(trials[number], value)
    return outcome_of(turns, spent, now, goal, places)
