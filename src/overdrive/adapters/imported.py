"""What other tools' studies become: a sweep file, or the runs of a sweep that has ended, to start warm from."""

from __future__ import annotations

import inspect
import math
import secrets
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..errors import ConfigError, OverdriveError, Problem
from ..model.expressions import LAWS, Choice, Expression
from ..model.metrics import Point, PrimaryMetricGoal, Series
from ..model.records import Params, RunRecord, Status, SweepRecord
from ..model.space import SearchSpace
from ..registry import Registry
from ..sdk.ask_tell import sampler_of
from ..sdk.imported import create
from ..sdk.workspace import Workspace
from ..sweep.config import HyperDriveConfig
from ..sweep.script import ScriptRunConfig

IMPORTERS = Registry(
    "importers",
    {
        "optuna": "overdrive.adapters.optuna:read",
        "raytune": "overdrive.adapters.raytune:read",
        "wandb": "overdrive.adapters.wandb:read",
        "katib": "overdrive.adapters.katib:read",
    },
)
"""By kind: `read(path, wanted)` gives a Spec or a Study."""


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What the user says that a file may not: which study of several, the metric, its goal."""

    study: str | None = None
    metric: str | None = None
    goal: PrimaryMetricGoal | None = None


@dataclass(frozen=True)
class Spec:
    """A sweep file as data, and what of the original it does not say."""

    data: dict[str, Any]
    advice: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Trial:
    """One trial of a study: its values, what it reported in order, how it ended."""

    params: Params
    values: tuple[float, ...]
    status: Status
    started: float | None = None
    ended: float | None = None


@dataclass(frozen=True, kw_only=True)
class Study:
    """A study that has been run elsewhere."""

    tool: str
    name: str
    metric: str
    goal: PrimaryMetricGoal
    space: Mapping[str, Expression]
    trials: list[Trial]
    advice: list[str] = field(default_factory=list)


def read(kind: str, path: str, asked: Asked) -> Spec | Study:
    """What this file or folder of another tool holds; NotFound or ConfigError when that cannot be told."""
    reader = IMPORTERS.load(kind)
    try:
        found: Spec | Study = reader(path, asked)
    except OverdriveError:
        raise
    except (LookupError, TypeError, ValueError, AttributeError, OSError, RecursionError) as error:
        raise ConfigError(f"{path}: is not what {kind} writes: {type(error).__name__}: {error}") from None
    return found


def law_as_yaml(law: Expression) -> dict[str, Any]:
    """The law as a sweep file writes it."""
    if isinstance(law, Choice):
        return {"type": "choice", "values": list(law.options)}
    name, arguments = law.to_json()
    return {"type": name, **dict(zip(inspect.signature(LAWS[name]).parameters, arguments, strict=True))}


def logarithms(low: float, high: float) -> tuple[float, float]:
    """The exponents of two bounds that others write as values; ConfigError when there are none."""
    if not 0 < low <= high:
        raise ConfigError(f"a logarithmic law needs bounds above 0, got {low!r} and {high!r}")
    return math.log(low), math.log(high)


def stepped(low: float, high: float, step: float) -> Expression:
    """low, low + step, ... up to high: a q law where they are multiples of the step, else a choice."""
    if low == high:
        return LAWS["choice"](low)
    if math.isclose(low / step, round(low / step), abs_tol=1e-9):
        return LAWS["quniform"](low, high, step)
    count = math.floor((high - low) / step + 1e-9) + 1
    if count > 10_000:
        raise ConfigError(f"{count} values from {low!r} in steps of {step!r} are too many to be listed")
    whole = all(float(number).is_integer() for number in (low, step))
    values = [low + k * step if whole else float(f"{low + k * step:.12g}") for k in range(count)]
    return LAWS["choice"](values)


def settled(value: Any, law: Expression) -> Any:
    """The value as the law writes it: 0.30000000000000004 is 0.3 where steps are 0.1."""
    if isinstance(value, int | float) and not isinstance(value, bool) and not law.contains(value):
        try:
            near = law.from_unit(law.to_unit(float(value)))
        except (KeyError, ValueError, TypeError, ArithmeticError):
            return value
        if isinstance(near, int | float) and math.isclose(near, value, rel_tol=1e-9, abs_tol=1e-12):
            return near
    return value


def keep(study: Study, workspace: Workspace) -> str:
    """The study as a sweep of this workspace that has ended; its id. ConfigError when it has no runs."""
    if not study.trials:
        raise ConfigError(Problem(study.name, "has no trials"))
    sweep_id, now = f"{study.tool}_{secrets.token_hex(4)}", time.time()
    says = f"echo 'imported from {study.tool}: there is no command' >&2; exit 1"
    script = ScriptRunConfig(command=["sh", "-c", says], reads_parameters=True)
    config = HyperDriveConfig(
        hyperparameter_sampling=sampler_of(SearchSpace(study.space), "random", 0),
        primary_metric_name=study.metric,
        primary_metric_goal=study.goal,
        max_total_runs=len(study.trials),
        max_concurrent_runs=1,
        run_config=script,
    )
    stored = {
        **config.to_json(),
        "limits": config.limits(machine=1).to_json(),
        "home": str(workspace.home),
        "imported": study.tool,
    }
    times = [
        moment for trial in study.trials for moment in (trial.started, trial.ended) if moment is not None
    ]
    sweep = SweepRecord(
        sweep_id,
        "".join(letter if letter.isascii() and letter.isalnum() else "_" for letter in study.name)[
            :255
        ].lstrip("_")
        or study.tool,
        "hyperdrive",
        stored,
        status=Status.COMPLETED,
        reason=f"imported from {study.tool}",
        created=now,
        started=min(times, default=now),
        ended=max(times, default=now),
        tags={"imported": study.tool},
    )
    _write(workspace, sweep, study)
    return sweep_id


def _write(workspace: Workspace, sweep: SweepRecord, study: Study) -> None:
    runs, points = [], []
    for number, trial in enumerate(study.trials):
        run_id = f"{sweep.id}_{number}"
        params = {name: settled(value, study.space[name]) for name, value in trial.params.items()}
        runs.append(
            RunRecord(
                id=run_id,
                number=number,
                params=params,
                series=Series(study.goal, trial.values),
                status=trial.status,
                started=trial.started,
                ended=trial.ended,
            )
        )
        points += [(run_id, Point(study.metric, value)) for value in trial.values]
    create(workspace, sweep, runs, points)


def needed(name: str, value: str | None, known: Iterable[str] = ()) -> str:
    """The value, or a ConfigError that says what there is to choose from."""
    if value is not None:
        return value
    there = ", ".join(map(str, known))
    raise ConfigError(Problem(f"--{name}", f"is missing: there are {there}" if there else "is missing"))
