"""SMAC3's facade for hyperparameter optimisation; branches are conditions of its ConfigSpace."""

from __future__ import annotations

from collections.abc import Mapping
from tempfile import TemporaryDirectory
from typing import Any

from ConfigSpace import Categorical, ConfigurationSpace, EqualsCondition, Float, Integer
from smac import HyperparameterOptimizationFacade, Scenario
from smac.runhistory.dataclasses import TrialValue

from . import Params
from .axes import Axes, Axis


class Smac:
    def __init__(self, space: Mapping[str, Any], seed: int, budget: int, pending: int) -> None:
        self.axes = Axes(space)
        self.folder = TemporaryDirectory()  # it writes its history after each result
        known = {axis.name: _form(axis) for axis in self.axes}
        configs = ConfigurationSpace(seed=seed)
        configs.add(list(known.values()))
        configs.add(
            [EqualsCondition(known[a.name], known[a.parent[0]], a.parent[1]) for a in self.axes if a.parent]
        )
        scenario = Scenario(
            configs, deterministic=True, n_trials=budget, seed=seed, output_directory=self.folder.name
        )
        self.smac = HyperparameterOptimizationFacade(scenario, overwrite=True, logging_level=40)
        self.asked: dict[int, Any] = {}

    def ask(self, number: int) -> Params:
        self.asked[number] = trial = self.smac.ask()
        return self.axes.params(dict(trial.config))

    def tell(self, number: int, loss: float) -> None:
        self.smac.tell(self.asked[number], TrialValue(cost=loss))


def _form(axis: Axis) -> Any:
    if axis.kind == "options":
        return Categorical(axis.name, list(range(axis.size)))
    if axis.kind == "int" and axis.size > 1:
        return Integer(axis.name, (0, axis.size - 1))
    return Float(axis.name, (axis.low, axis.high), log=axis.kind == "log")
