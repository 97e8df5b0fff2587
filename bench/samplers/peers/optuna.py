"""Optuna's samplers, by the name of the class; branches are asked for as it suggests, while a trial runs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import optuna

from . import Params
from .axes import Axes, Axis


class Optuna:
    def __init__(
        self, space: Mapping[str, Any], seed: int, budget: int, pending: int, name: str, **options: Any
    ) -> None:
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        self.axes = Axes(space)
        self.study = optuna.create_study(sampler=getattr(optuna.samplers, name)(seed=seed, **options))
        self.trials: dict[int, Any] = {}

    def ask(self, number: int) -> Params:
        self.trials[number] = trial = self.study.ask()
        return self.axes.params(dict(self._values(trial)))

    def tell(self, number: int, loss: float) -> None:
        self.study.tell(self.trials[number], loss)

    def _values(self, trial: Any) -> Iterator[tuple[str, Any]]:
        known: dict[str, Any] = {}
        for axis in self.axes:
            if axis.parent is None or known.get(axis.parent[0]) == axis.parent[1]:
                known[axis.name] = value = self._value(trial, axis)
                yield axis.name, value

    @staticmethod
    def _value(trial: Any, axis: Axis) -> Any:
        if axis.kind == "options":
            return trial.suggest_categorical(axis.name, list(range(axis.size)))
        if axis.kind == "int":
            return trial.suggest_int(axis.name, 0, axis.size - 1)
        return trial.suggest_float(axis.name, axis.low, axis.high, log=axis.kind == "log")
