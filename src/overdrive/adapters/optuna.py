"""An Optuna study in its database (SQLite or any other that SQLAlchemy knows), read without Optuna.

Tables as of Optuna 2 to 5 (schema v3.2.0): studies, study_directions, trials, trial_params with each parameter's
distribution as JSON, trial_values, trial_intermediate_values.
"""

from __future__ import annotations

import datetime
import json
import math
from pathlib import Path
from typing import Any

from ..errors import ConfigError, NotFound, Problem
from ..model.expressions import LAWS, Expression
from ..model.metrics import PrimaryMetricGoal
from ..model.records import Params, Status
from .imported import Asked, Study, Trial, logarithms, needed, stepped

_STATUS = {"COMPLETE": Status.COMPLETED, "PRUNED": Status.CANCELED, "FAIL": Status.FAILED}


def read(path: str, asked: Asked) -> Study:
    """The study of this file or database URL; NotFound or ConfigError when there is none that can be read."""
    import sqlalchemy as sa

    if "://" not in path and not Path(path).is_file():
        raise NotFound(f"{path}: there is no such file")
    url = path if "://" in path else f"sqlite:///file:{Path(path).absolute()}?mode=ro&uri=true"
    try:
        engine = sa.create_engine(url)
        with engine.connect() as db:
            return _study(_Rows(db), asked)
    except (sa.exc.SQLAlchemyError, ModuleNotFoundError) as error:
        said = str(getattr(error, "orig", None) or error)
        raise ConfigError(f"{path}: cannot be read as an Optuna database: {said}") from None


class _Rows:
    """Asks plain questions."""

    def __init__(self, db: Any) -> None:
        self._db = db

    def __call__(self, question: str, **values: Any) -> list[Any]:
        import sqlalchemy as sa

        return list(self._db.execute(sa.text(question), values))


def _study(rows: _Rows, asked: Asked) -> Study:
    names = {name: key for key, name in rows("SELECT study_id, study_name FROM studies ORDER BY study_id")}
    if not names:
        raise ConfigError("the database holds no study")
    name = (
        next(iter(names)) if len(names) == 1 and asked.study is None else needed("study", asked.study, names)
    )
    if name not in names:
        raise NotFound(f"there is no study {name!r}; there are {', '.join(names)}")
    key = names[name]
    directions = [
        row[0]
        for row in rows("SELECT direction FROM study_directions WHERE study_id=:s ORDER BY objective", s=key)
    ]
    if len(directions) != 1:
        raise ConfigError(f"study {name!r} has {len(directions)} objectives; a sweep has one metric")
    goal = asked.goal or PrimaryMetricGoal.from_str(str(directions[0]))
    laws, params, advice = _params(rows, key)
    values = {row[0]: _float(row[1], row[2]) for row in rows(
        "SELECT v.trial_id, v.value, v.value_type FROM trial_values v JOIN trials t ON v.trial_id=t.trial_id"
        " WHERE t.study_id=:s", s=key)}  # fmt: skip
    reported: dict[int, list[float]] = {}
    for row in rows(
        "SELECT v.trial_id, v.intermediate_value, v.intermediate_value_type FROM trial_intermediate_values v"
        " JOIN trials t ON v.trial_id=t.trial_id WHERE t.study_id=:s ORDER BY v.trial_id, v.step", s=key
    ):  # fmt: skip
        reported.setdefault(row[0], []).append(_float(row[1], row[2]))
    trials = []
    for trial, state, started, ended in rows(
        "SELECT trial_id, state, datetime_start, datetime_complete FROM trials WHERE study_id=:s ORDER BY number", s=key
    ):  # fmt: skip
        if str(state) not in _STATUS:
            continue
        curve = reported.get(trial, [])
        if trial in values and curve[-1:] != [values[trial]]:
            curve = [*curve, values[trial]]
        trials.append(
            Trial(params.get(trial, {}), tuple(curve), _STATUS[str(state)], _epoch(started), _epoch(ended))
        )
    metric = asked.metric or _metric(rows, key) or "value"
    return Study(tool="optuna", name=name, metric=metric, goal=goal, space=laws, trials=trials, advice=advice)


def _params(rows: _Rows, study: int) -> tuple[dict[str, Expression], dict[int, Params], list[str]]:
    """The law of each parameter (the last distribution that was suggested), and the values of each trial."""
    forms: dict[str, str] = {}
    params: dict[int, Params] = {}
    changed = set()
    for trial, name, value, form in rows(
        "SELECT p.trial_id, p.param_name, p.param_value, p.distribution_json FROM trial_params p"
        " JOIN trials t ON p.trial_id=t.trial_id WHERE t.study_id=:s ORDER BY p.trial_id, p.param_id", s=study
    ):  # fmt: skip
        if forms.setdefault(name, form) != form:
            changed.add(name)
        forms[name] = form
        params.setdefault(trial, {})[name] = _value(json.loads(form), value)
    problems: list[Problem] = []
    laws: dict[str, Expression] = {}
    for name, form in forms.items():
        try:
            laws[name] = _law(json.loads(form))
        except ConfigError as error:
            problems += error.within(name).problems
    if problems:
        raise ConfigError(problems)
    advice = [
        f"{name}: its range changed during the study; the last one is taken" for name in sorted(changed)
    ]
    return laws, params, advice


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


def _float(value: float | None, kind: Any) -> float:
    """Infinities stand in a column of their own, and no value is NaN."""
    words = {"INF_POS": math.inf, "INF_NEG": -math.inf}
    return words.get(str(kind), math.nan if value is None else float(value))


def _metric(rows: _Rows, study: int) -> str | None:
    found = rows(
        "SELECT value_json FROM study_system_attributes WHERE study_id=:s AND key='study:metric_names'",
        s=study,
    )
    names = json.loads(found[0][0]) if found else None
    return names[0] if isinstance(names, list) and names else None


def _epoch(moment: Any) -> float | None:
    """Optuna writes local time without a zone."""
    if moment is None:
        return None
    if not isinstance(moment, datetime.datetime):
        moment = datetime.datetime.fromisoformat(str(moment))
    return float(moment.timestamp())
