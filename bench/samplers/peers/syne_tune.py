"""Syne Tune's conformal quantile regression (CQR)."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from syne_tune.config_space import choice, loguniform, randint, uniform
from syne_tune.optimizer.baselines import CQR
from syne_tune.optimizer.schedulers.ask_tell_scheduler import AskTellScheduler

from . import Params
from .axes import Axes, Axis


class SyneTune:
    def __init__(self, space: Mapping[str, Any], seed: int, budget: int, pending: int) -> None:
        logging.disable(logging.WARNING)
        self.axes = Axes(space)
        forms = {axis.name: _form(axis) for axis in self.axes}
        self.scheduler = AskTellScheduler(CQR(forms, metric="loss", do_minimize=True, random_seed=seed))
        self.asked: dict[int, Any] = {}

    def ask(self, number: int) -> Params:
        self.asked[number] = trial = self.scheduler.ask()
        return self.axes.params(trial.config)

    def tell(self, number: int, loss: float) -> None:
        self.scheduler.tell(self.asked[number], {"loss": loss})


def _form(axis: Axis) -> Any:
    if axis.kind == "options":
        return choice(list(range(axis.size)))
    if axis.kind == "int":
        return randint(0, axis.size - 1)
    return (loguniform if axis.kind == "log" else uniform)(axis.low, axis.high)
