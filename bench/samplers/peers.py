"""Samplers to compare, each behind the same two calls: ours by name, and other projects' when installed."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from overdrive.model.expressions import Branch, Choice
from overdrive.model.history import History
from overdrive.model.metrics import PrimaryMetricGoal
from overdrive.model.records import Status
from overdrive.model.space import SearchSpace
from overdrive.samplers.base import SAMPLERS

Params = dict[str, Any]


class Asked(Protocol):
    def ask(self, number: int) -> Params: ...

    def tell(self, number: int, loss: float) -> None: ...


class Ours:
    """A sampler of ours; a finite space that is used up goes on with its first configuration."""

    def __init__(self, name: str, space: Mapping[str, Any], seed: int, **options: Any) -> None:
        self.sampler = SAMPLERS.load(name)(space, seed=seed, **options)
        self.history = History(PrimaryMetricGoal.MINIMIZE)

    def ask(self, number: int) -> Params:
        params = self.sampler.propose(self.history, number)
        if params is None:
            params = next(iter(self.history)).params
        self.history.propose(str(number), number, params).status = Status.RUNNING
        return params

    def tell(self, number: int, loss: float) -> None:
        self.history.report(str(number), loss).status = Status.COMPLETED


class Optuna:
    def __init__(self, make: Callable[[Any, int], Any], space: Mapping[str, Any], seed: int) -> None:
        import optuna

        optuna.logging.set_verbosity(optuna.logging.ERROR)
        warnings.simplefilter("ignore")
        self.study = optuna.create_study(sampler=make(optuna, seed))
        self.space = SearchSpace(space)
        self.trials: dict[int, Any] = {}

    def ask(self, number: int) -> Params:
        self.trials[number] = trial = self.study.ask()
        return dict(self._suggest(trial, self.space.parameters, ""))

    def tell(self, number: int, loss: float) -> None:
        self.study.tell(self.trials[number], loss)

    def _suggest(self, trial: Any, laws: Mapping[str, Any], prefix: str) -> Any:
        for name, law in laws.items():
            if isinstance(law, Choice) and law.branches:
                place = trial.suggest_categorical(prefix + name, list(range(law.size)))
                option = law.options[place]
                if isinstance(option, Branch):
                    yield from self._suggest(trial, option.parameters, f"{prefix}{name}{place}.")
                else:
                    yield name, option
            elif isinstance(law, Choice):
                yield name, trial.suggest_categorical(prefix + name, list(law.options))
            elif law.NAME == "uniform":
                yield name, trial.suggest_float(prefix + name, law.min_value, law.max_value)
            elif law.NAME == "loguniform":
                yield name, trial.suggest_float(prefix + name, law.real(0.0), law.real(1.0), log=True)
            elif isinstance(law.q, int):
                yield name, trial.suggest_int(prefix + name, law.min_value, law.max_value, step=law.q)
            else:
                yield name, trial.suggest_float(prefix + name, law.min_value, law.max_value, step=law.q)


class Nevergrad:
    def __init__(self, space: Mapping[str, Any], seed: int, budget: int, workers: int) -> None:
        import nevergrad as ng
        import numpy as np

        warnings.simplefilter("ignore")
        self.ng, self.space = ng, SearchSpace(space)
        self.root = self._dict(self.space.parameters)
        self.root.random_state = np.random.RandomState(seed)
        self.optimizer = ng.optimizers.NGOpt(self.root, budget=budget, num_workers=workers)
        self.asked: dict[int, Any] = {}

    def _dict(self, laws: Mapping[str, Any]) -> Any:
        return self.ng.p.Dict(**{name: self._one(law) for name, law in laws.items()})

    def _one(self, law: Any) -> Any:
        p = self.ng.p
        if isinstance(law, Choice):
            plain = all(type(o) in (int, float) for o in law.options) and sorted(law.options) == list(
                law.options
            )
            options = [self._dict(o.parameters) if isinstance(o, Branch) else o for o in law.options]
            return p.TransitionChoice(options) if plain else p.Choice(options)
        if law.NAME == "loguniform":
            return p.Log(lower=law.real(0.0), upper=law.real(1.0))
        if law.NAME == "uniform":
            return p.Scalar(lower=law.min_value, upper=law.max_value)
        steps = (law.size or 1) - 1
        return p.Scalar(lower=0, upper=steps).set_integer_casting()

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


class Hyperopt:
    def __init__(self, space: Mapping[str, Any], seed: int) -> None:
        import hyperopt

        logging.getLogger("hyperopt").setLevel(logging.ERROR)
        self.hp, self.space, self.seed = hyperopt, SearchSpace(space), seed
        self.domain = hyperopt.Domain(lambda _: 0, self._dict(self.space.parameters, ""))
        self.trials = hyperopt.Trials()

    def _dict(self, laws: Mapping[str, Any], prefix: str) -> Any:
        return {name: self._one(prefix + name, law) for name, law in laws.items()}

    def _one(self, label: str, law: Any) -> Any:
        hp = self.hp.hp
        if isinstance(law, Choice):
            return hp.choice(
                label,
                [
                    (place, self._dict(o.parameters, f"{label}{place}.") if isinstance(o, Branch) else None)
                    for place, o in enumerate(law.options)
                ],
            )
        if law.size:
            return hp.randint(label, law.size)
        return getattr(hp, law.NAME)(label, law.min_value, law.max_value)

    def ask(self, number: int) -> Params:
        self.trials.refresh()
        docs = self.hp.tpe.suggest([number], self.domain, self.trials, self.seed * 100003 + number)
        self.trials.insert_trial_docs(docs)
        self.trials.refresh()
        memo = self.domain.memo_from_config(self.hp.base.spec_from_misc(docs[0]["misc"]))
        value = self.hp.pyll.rec_eval(self.domain.expr, memo=memo, print_node_on_error=False)
        return dict(self._read(self.space.parameters, value))

    def _read(self, laws: Mapping[str, Any], value: Mapping[str, Any]) -> Any:
        for name, law in laws.items():
            if isinstance(law, Choice):
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
                trial["state"] = self.hp.JOB_STATE_DONE
                trial["result"] = {"loss": loss, "status": "ok"}


def make(name: str, space: Mapping[str, Any], seed: int, budget: int, pending: int) -> Asked:
    """The sampler of this name, ready to be asked; ImportError when its project is not installed."""
    if name == "optuna-tpe":
        return Optuna(lambda o, s: o.samplers.TPESampler(seed=s), space, seed)
    if name == "optuna-gp":
        return Optuna(lambda o, s: o.samplers.GPSampler(seed=s, deterministic_objective=True), space, seed)
    if name == "nevergrad":
        return Nevergrad(space, seed, budget, pending)
    if name == "hyperopt":
        return Hyperopt(space, seed)
    return Ours(name, space, seed)
