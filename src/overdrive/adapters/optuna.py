"""An Optuna study, read without Optuna: from a database or from a journal file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ..errors import ConfigError, NotFound, Problem
from ..model.expressions import LAWS, Expression
from ..model.metrics import PrimaryMetricGoal
from ..model.records import Params, Status
from .imported import Asked, Study, Trial, logarithms, needed, stepped
from .optuna_study import RecordedTrial, Storage

_STATUS = {"COMPLETE": Status.COMPLETED, "PRUNED": Status.CANCELED, "FAIL": Status.FAILED}


def read(path: str, asked: Asked) -> Study:
    """The study of this file or database URL; NotFound or ConfigError when there is none that can be read."""
    storage = _storage(path)
    names = storage.names()
    if not names:
        raise ConfigError(f"{path}: holds no study")
    name = names[0] if len(names) == 1 and asked.study is None else needed("study", asked.study, names)
    if name not in names:
        raise NotFound(f"there is no study {name!r}; there are {', '.join(names)}")
    recorded = storage.recorded(name)
    if len(recorded.directions) != 1:
        raise ConfigError(f"study {name!r} has {len(recorded.directions)} objectives; a sweep has one metric")
    laws, advice = _laws(recorded.trials)
    return Study(
        tool="optuna",
        name=name,
        metric=asked.metric or recorded.metric or "value",
        goal=asked.goal or PrimaryMetricGoal.from_str(recorded.directions[0]),
        space=laws,
        trials=[_trial(trial) for trial in recorded.trials if trial.state in _STATUS],
        advice=advice,
    )


def _storage(path: str) -> Storage:
    from .optuna_database import Database
    from .optuna_journal import Journal, is_journal

    if "://" in path:
        return Database(path)
    if not Path(path).is_file():
        raise NotFound(f"{path}: there is no such file")
    return Journal(path) if is_journal(path) else Database(path)


def _trial(trial: RecordedTrial) -> Trial:
    params: Params = {name: _value(json.loads(form), value) for name, form, value in trial.params}
    curve = list(trial.reported)
    if trial.value is not None and curve[-1:] != [trial.value]:
        curve.append(trial.value)
    return Trial(params, tuple(curve), _STATUS[trial.state], trial.started, trial.ended)


def _laws(trials: list[RecordedTrial]) -> tuple[dict[str, Expression], list[str]]:
    """The law of each parameter, from the last distribution that was suggested."""
    forms: dict[str, str] = {}
    changed = set()
    for name, form, _ in (suggested for trial in trials for suggested in trial.params):
        if forms.setdefault(name, form) != form:
            changed.add(name)
        forms[name] = form
    problems: list[Problem] = []
    laws: dict[str, Expression] = {}
    for name, form in forms.items():
        try:
            laws[name] = _law(json.loads(form))
        except ConfigError as error:
            problems += error.within(name).problems
    if problems:
        raise ConfigError(problems)
    return laws, [
        f"{name}: its range changed during the study; the last one is taken" for name in sorted(changed)
    ]


def _law(form: dict[str, Any]) -> Expression:
    kind, attributes = form.get("name", ""), form.get("attributes", {})
    if kind == "CategoricalDistribution":
        return LAWS["choice"](list(attributes["choices"]))
    low, high, step = attributes["low"], attributes["high"], attributes.get("step") or attributes.get("q")
    log = bool(attributes.get("log")) or kind in ("LogUniformDistribution", "IntLogUniformDistribution")
    if low == high:
        return LAWS["choice"](low)
    if kind.startswith("Int"):
        return LAWS["qloguniform"](*logarithms(low, high), 1) if log else stepped(low, high, step or 1)
    if log:
        return LAWS["loguniform"](*logarithms(low, high))
    if step:
        return stepped(low, high, step)
    if kind in ("FloatDistribution", "UniformDistribution"):
        return LAWS["uniform"](low, high)
    raise ConfigError(Problem("", f"has the distribution {kind!r}, which is not known here"))


def _value(form: dict[str, Any], value: float) -> Any:
    if form.get("name") == "CategoricalDistribution":
        return form["attributes"]["choices"][int(value)]
    return int(value) if str(form.get("name", "")).startswith("Int") else float(value)
