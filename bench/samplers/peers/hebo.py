"""HEBO. It asks in batches: as many as run at once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from hebo.design_space.design_space import DesignSpace
from hebo.optimizers.hebo import HEBO

from . import Params
from .axes import Axes, Axis


class Hebo:
    def __init__(self, space: Mapping[str, Any], seed: int, budget: int, pending: int) -> None:
        np.random.seed(seed)
        torch.manual_seed(seed)
        self.axes, self.pending = Axes(space), pending
        self.optimizer = HEBO(DesignSpace().parse([_form(axis) for axis in self.axes]), scramble_seed=seed)
        self.batch: list[Any] = []
        self.asked: dict[int, Any] = {}

    def ask(self, number: int) -> Params:
        if not self.batch:
            found = self.optimizer.suggest(n_suggestions=self.pending)
            self.batch = [found.iloc[[i]] for i in range(len(found))]
        self.asked[number] = row = self.batch.pop(0)
        return self.axes.params({axis.name: row[axis.name].iloc[0] for axis in self.axes})

    def tell(self, number: int, loss: float) -> None:
        self.optimizer.observe(self.asked[number], np.array([[loss]]))


def _form(axis: Axis) -> dict[str, Any]:
    if axis.kind == "options":
        return {"name": axis.name, "type": "cat", "categories": list(range(axis.size))}
    if axis.kind == "int":
        return {"name": axis.name, "type": "int", "lb": 0, "ub": axis.size - 1}
    kind = {"type": "pow", "base": 10} if axis.kind == "log" else {"type": "num"}
    return {"name": axis.name, "lb": axis.low, "ub": axis.high, **kind}
