"""Ax, as its client sets itself up."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from ax.api.client import Client
from ax.api.configs import ChoiceParameterConfig, RangeParameterConfig

from . import Params
from .axes import Axes, Axis


class Ax:
    def __init__(self, space: Mapping[str, Any], seed: int, budget: int, pending: int) -> None:
        logging.disable(logging.WARNING)
        self.axes = Axes(space)
        self.client = Client(random_seed=seed)
        self.client.configure_experiment(parameters=[_form(axis) for axis in self.axes])
        self.client.configure_optimization(objective="-loss")
        self.asked: dict[int, int] = {}

    def ask(self, number: int) -> Params:
        ((self.asked[number], values),) = self.client.get_next_trials(max_trials=1).items()
        return self.axes.params(values)

    def tell(self, number: int, loss: float) -> None:
        self.client.complete_trial(self.asked[number], raw_data={"loss": loss})


def _form(axis: Axis) -> Any:
    if axis.kind == "options":
        return ChoiceParameterConfig(axis.name, [str(i) for i in range(axis.size)], "str", is_ordered=False)
    if axis.kind == "int":
        return RangeParameterConfig(axis.name, (0, axis.size - 1), "int")
    scaling = "log" if axis.kind == "log" else "linear"
    return RangeParameterConfig(axis.name, (axis.low, axis.high), "float", scaling=scaling)
