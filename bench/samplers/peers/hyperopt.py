"""Hyperopt's TPE."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

import hyperopt
from hyperopt import hp

from overdrive.model.expressions import Branch, Choice
from overdrive.model.space import SearchSpace

from . import Params
from .axes import ordered


class Hyperopt:
    def __init__(self, space: Mapping[str, Any], seed: int, budget: int, pending: int) -> None:
        logging.getLogger("hyperopt").setLevel(logging.ERROR)
        self.space, self.seed = SearchSpace(space), seed
        self.domain = hyperopt.Domain(lambda _: 0, self._dict(self.space.parameters, ""))
        self.trials = hyperopt.Trials()

    def _dict(self, laws: Mapping[str, Any], prefix: str) -> Any:
        return {name: self._one(prefix + name, law) for name, law in laws.items()}

    def _one(self, label: str, law: Any) -> Any:
        if ordered(law) or (law.size and not isinstance(law, Choice)):
            return hp.uniformint(label, 0, law.size - 1)
        if isinstance(law, Choice):
            return hp.choice(
                label,
                [
                    (place, self._dict(o.parameters, f"{label}{place}.") if isinstance(o, Branch) else None)
                    for place, o in enumerate(law.options)
                ],
            )
        return getattr(hp, law.NAME)(label, law.min_value, law.max_value)

    def ask(self, number: int) -> Params:
        self.trials.refresh()
        docs = hyperopt.tpe.suggest([number], self.domain, self.trials, self.seed * 100003 + number)
        self.trials.insert_trial_docs(docs)
        self.trials.refresh()
        memo = self.domain.memo_from_config(hyperopt.base.spec_from_misc(docs[0]["misc"]))
        value = hyperopt.pyll.rec_eval(self.domain.expr, memo=memo, print_node_on_error=False)
        return dict(self._read(self.space.parameters, value))

    def _read(self, laws: Mapping[str, Any], value: Mapping[str, Any]) -> Any:
        for name, law in laws.items():
            if isinstance(law, Choice) and not ordered(law):
                place, inside = value[name]
                option = law.options[place]
                if isinstance(option, Branch):
                    yield from self._read(option.parameters, inside)
                else:
                    yield name, option
            else:
                yield name, law.at(int(value[name])) if law.size else law.from_unit(law.to_unit(value[name]))

    def tell(self, number: int, loss: float) -> None:
        for trial in self.trials._dynamic_trials:
            if trial["tid"] == number:
                trial["state"] = hyperopt.JOB_STATE_DONE
                trial["result"] = {"loss": loss, "status": "ok"}
