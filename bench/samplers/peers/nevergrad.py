"""Nevergrad's NGOpt, which is told the budget and how many run at once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import nevergrad as ng
import numpy as np

from overdrive.model.expressions import Branch, Choice
from overdrive.model.space import SearchSpace

from . import Params
from .axes import ordered


class Nevergrad:
    def __init__(self, space: Mapping[str, Any], seed: int, budget: int, pending: int) -> None:
        self.space = SearchSpace(space)
        self.root = self._dict(self.space.parameters)
        self.root.random_state = np.random.RandomState(seed)
        self.optimizer = ng.optimizers.NGOpt(self.root, budget=budget, num_workers=pending)
        self.asked: dict[int, Any] = {}

    def _dict(self, laws: Mapping[str, Any]) -> Any:
        return ng.p.Dict(**{name: self._one(law) for name, law in laws.items()})

    def _one(self, law: Any) -> Any:
        if isinstance(law, Choice):
            options = [self._dict(o.parameters) if isinstance(o, Branch) else o for o in law.options]
            return ng.p.TransitionChoice(options) if ordered(law) else ng.p.Choice(options)
        if law.NAME == "loguniform":
            return ng.p.Log(lower=law.real(0.0), upper=law.real(1.0))
        if law.NAME == "uniform":
            return ng.p.Scalar(lower=law.min_value, upper=law.max_value)
        steps = (law.size or 1) - 1
        return ng.p.Scalar(lower=0, upper=steps).set_integer_casting()

    def ask(self, number: int) -> Params:
        self.asked[number] = point = self.optimizer.ask()
        return dict(self._read(self.space.parameters, point.value))

    def _read(self, laws: Mapping[str, Any], value: Mapping[str, Any]) -> Any:
        for name, law in laws.items():
            got = value[name]
            if isinstance(law, Choice):
                if isinstance(got, dict):
                    branch = next(
                        o for o in law.options if isinstance(o, Branch) and set(o.parameters) == set(got)
                    )
                    yield from self._read(branch.parameters, got)
                else:
                    yield name, got
            else:
                yield name, law.at(int(got)) if law.size else float(got)

    def tell(self, number: int, loss: float) -> None:
        self.optimizer.tell(self.asked[number], loss)
