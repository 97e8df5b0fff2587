"""A Ray Tune experiment folder: of each trial `params.json` and `result.json` (one JSON object a report).

The search space stands in pickles only, and those are never opened: it is drawn around the values that were tried.
Files as Ray 2.60 writes them; `experiment_state-*.json` names the metric.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ..errors import ConfigError, NotFound, Problem
from ..model.expressions import LAWS, Expression
from ..model.records import Params, Status
from ..runtime.wire import read_json
from .imported import Asked, Study, Trial, needed
from .swept import goal_of

_OWN = frozenset(
    (
        *(
            "timestamp",
            "checkpoint_dir_name",
            "done",
            "training_iteration",
            "trial_id",
            "date",
            "time_this_iter_s",
        ),
        *("time_total_s", "pid", "hostname", "node_ip", "config", "time_since_restore", "experiment_tag"),
        *("iterations_since_restore", "should_checkpoint", "iterations"),
    )
)
_WIDE = 20
"""Positive numbers whose largest is so many times the smallest were most likely drawn from a logarithmic law."""


def read(path: str, asked: Asked) -> Study:
    """The experiment in this folder. NotFound when there is none, ConfigError when it cannot be understood."""
    folder = Path(path)
    if not folder.is_dir():
        raise NotFound(f"{path}: there is no such folder")
    places = sorted(file.parent for file in folder.glob("*/params.json"))
    if not places:
        raise NotFound(
            f"{path}: has no trial (a folder with a params.json); name the experiment's own folder"
        )
    reports = {place: list(_reports(place / "result.json")) for place in places}
    known = sorted({name for rows in reports.values() for row in rows for name in row})
    metric = needed("metric", asked.metric or _metric(folder), known)
    if metric not in known:
        raise ConfigError(
            Problem("--metric", f"no trial reported {metric!r}; they reported {', '.join(known)}")
        )
    goal = asked.goal or goal_of(metric)
    if goal is None:
        raise ConfigError(Problem("--goal", f"is missing: whether more {metric!r} is better"))
    trials, params = [], []
    for place in places:
        values = tuple(row[metric] for row in reports[place] if metric in row)
        params.append(dict(_flat(read_json(str(place / "params.json")))))
        failed = (place / "error.txt").exists()
        trials.append(Trial(params[-1], values, Status.FAILED if failed else Status.COMPLETED))
    space = _space(params)
    advice = [
        "Ray keeps the space in pickles, which are not opened: it is drawn around the values that were tried"
    ]
    return Study(
        tool="raytune", name=folder.name, metric=metric, goal=goal, space=space, trials=trials, advice=advice
    )


def _reports(path: Path) -> Iterator[dict[str, float]]:
    try:
        lines = path.read_bytes().splitlines()
    except OSError:
        return
    for line in lines:
        try:
            row = json.loads(line.decode("utf-8", "replace"))
        except (ValueError, RecursionError):
            continue
        if isinstance(row, dict):
            numbers = _flat({name: value for name, value in row.items() if name not in _OWN})
            yield {n: float(v) for n, v in numbers if isinstance(v, int | float) and not isinstance(v, bool)}


def _metric(folder: Path) -> str | None:
    for file in sorted(folder.glob("experiment_state-*.json"), reverse=True):
        state = read_json(str(file))
        found = state.get("runner_data", {}).get("_metric") if isinstance(state, dict) else None
        if isinstance(found, str):
            return found
    return None


def _flat(data: Any, before: str = "") -> Iterator[tuple[str, Any]]:
    """Nested configurations by the names that Ray gives them: `model/layers`."""
    for name, value in data.items() if isinstance(data, Mapping) else ():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{before}{name}/")
        else:
            yield before + str(name), value


def _space(params: list[Params]) -> dict[str, Expression]:
    space = {}
    for name in dict.fromkeys(name for one in params for name in one):
        values = [one[name] for one in params if name in one]
        space[name] = _law(values)
    return space


def _law(values: list[Any]) -> Expression:
    distinct = list({json.dumps(value, sort_keys=True): value for value in values}.values())
    numbers = all(
        isinstance(v, int | float) and not isinstance(v, bool) and math.isfinite(v) for v in distinct
    )
    if not numbers or len(distinct) == 1:
        return LAWS["choice"](distinct)
    low, high = min(distinct), max(distinct)
    if all(isinstance(value, int) for value in distinct):
        return LAWS["quniform"](low, high, 1)
    if low > 0 and high / low >= _WIDE:
        # A hair wider, so that the outermost values lie inside after exp(log(x)).
        return LAWS["loguniform"](math.log(low) - 1e-9, math.log(high) + 1e-9)
    return LAWS["uniform"](low, high)
