"""The options and the command of `overdrive sweep` as a sweep's configuration."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from ..errors import ConfigError, NotFound, Problem
from ..model.metrics import PrimaryMetricGoal
from ..model.pattern import metric_pattern
from ..model.space import SearchSpace
from ..sdk.ask_tell import sampler_of
from ..sdk.rehearsal import policy_of
from ..sweep.config import HyperDriveConfig
from ..sweep.distribution import PyTorchConfiguration
from ..sweep.script import ScriptRunConfig
from .swept import Swept, goal_of, swept

_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
T = TypeVar("T")

_OPTIONS = {
    "primary_metric_name": "--metric",
    "hyperparameter_sampling": "--sampling",
    "source_directory": "--source",
    "templates": "--template",
    "custom_run_id": "--name",
    "resume_from": "--resume-from",
    "experiment": "--name",
    "command": "command",
    "gpus_per_run": "--gpus",
    "cores_per_run": "--cores",
    "pin_cores": "--pin-cores",
    "distributed_job_config": "--nodes",
    "process_count": "--processes",
    "node_count": "--nodes",
}
"""What a field of our own configuration is called among the options."""


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """The options as they were given."""

    metric: str | None
    goal: str | None
    pattern: str | None
    runs: int
    concurrency: int | None
    sampling: str
    policy: str | None
    name: str | None
    max_time: str | None
    run_time: str | None
    retries: int
    seed: int | None
    constraints: tuple[str, ...]
    params: tuple[str, ...]
    templates: tuple[Path, ...]
    source: Path | None
    compute: str | None = None
    gpus: float | None = None
    cores: int | None = None
    pin_cores: bool = False
    processes: int | None = None
    nodes: int | None = None


def configuration(command: Sequence[str], wanted: Wanted) -> tuple[HyperDriveConfig, str, list[str]]:
    """The sweep, its experiment's name, and what is to be said about it; ConfigError with all that is wrong."""
    problems: list[Problem] = []

    def built(build: Callable[[], T], where: str = "") -> T | None:
        try:
            return build()
        except ConfigError as error:
            problems.extend(error.within(where).problems if where else error.problems)
            return None

    source = (wanted.source or Path()).absolute()
    found = built(lambda: swept(command, wanted.params))
    goal, said = None, []
    if wanted.metric is None:
        what = "is missing: name what the program reports, as in --metric val_loss; --dry-run shows what there is"
        problems.append(Problem("--metric", what))
    elif wanted.goal is None:
        goal = goal_of(wanted.metric)
        if goal is None:
            what = f"is missing: {wanted.metric!r} does not say whether more is better; give minimize or maximize"
            problems.append(Problem("--goal", what))
        else:
            said.append(
                f"the goal is to {goal.value.lower()} {wanted.metric!r}, by its name; --goal changes it"
            )
    if wanted.pattern is not None:
        built(lambda: metric_pattern(wanted.pattern or ""), "--metric-pattern")
    if wanted.goal is not None:
        goal = built(lambda: PrimaryMetricGoal.from_str(wanted.goal or ""), "--goal")
    policy = built(lambda: _policy(wanted.policy)) if wanted.policy else None
    sampler = built(lambda: _sampler(found, wanted)) if found else None
    max_time = built(lambda: seconds(wanted.max_time), "--max-time")
    run_time = built(lambda: seconds(wanted.run_time), "--run-time")
    templates = built(lambda: [_inside(path, source) for path in wanted.templates])
    if found:
        problems += _missing_program(found.words, source)
    if problems or found is None:
        raise ConfigError(problems)
    try:
        script = ScriptRunConfig(
            source_directory=str(source),
            command=found.words,
            max_run_duration_seconds=run_time,
            templates=templates or (),
            compute_target=wanted.compute,
            gpus_per_run=wanted.gpus,
            cores_per_run=wanted.cores,
            pin_cores=bool(wanted.pin_cores),
            distributed_job_config=_distribution(wanted),
            reads_parameters=bool(wanted.params) and not templates,
        )
    except ConfigError as error:
        raise by_options(error) from None
    config = HyperDriveConfig(
        hyperparameter_sampling=sampler,  # type: ignore[arg-type]
        primary_metric_name=wanted.metric or "",
        primary_metric_goal=goal,  # type: ignore[arg-type]
        max_total_runs=wanted.runs,
        max_concurrent_runs=wanted.concurrency,
        max_duration_minutes=None if max_time is None else max_time / 60,
        policy=policy,
        run_config=script,
        max_retries=wanted.retries,
        metric_pattern=wanted.pattern,
    )
    return config, wanted.name or _experiment(source), said


def _distribution(wanted: Wanted) -> PyTorchConfiguration | None:
    if wanted.processes is None and wanted.nodes is None:
        return None
    return PyTorchConfiguration(process_count=wanted.processes, node_count=wanted.nodes or 1)


def by_options(error: ConfigError) -> ConfigError:
    """The problems of a configuration by the names of the options."""
    return ConfigError(
        problem._replace(where=_OPTIONS.get(problem.where.removeprefix("run_config."), problem.where))
        for problem in error.problems
    )


def seconds(text: str | None) -> float | None:
    """The seconds of `90s`, `30m`, `2h`, `1d`; ConfigError for anything else."""
    if text is None:
        return None
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([smhd])", text.strip().lower())
    if not match or not float(match[1]):
        raise ConfigError(f"must be a time such as 90s, 30m, 2h or 1d, got {text!r}")
    return float(match[1]) * _SECONDS[match[2]]


def _policy(text: str | None) -> Any:
    try:
        return policy_of(text or "")
    except ConfigError as error:
        raise ConfigError(Problem(f"--policy {p.where}", p.what) for p in error.problems) from None


def _sampler(found: Swept, wanted: Wanted) -> Any:
    try:
        space = SearchSpace(found.space, wanted.constraints)
        return sampler_of(space, wanted.sampling, wanted.seed)
    except NotFound as error:
        raise ConfigError(Problem("--sampling", str(error).removeprefix("samplers: "))) from None
    except ConfigError as error:
        raise ConfigError(
            problem._replace(where=_told(problem.where, wanted)) for problem in error.problems
        ) from None


def _told(where: str, wanted: Wanted) -> str:
    inside = where.removeprefix("search_space").lstrip(".")
    if inside.startswith("constraints"):
        return "--constraint"
    return inside or f"--sampling {wanted.sampling}"


def _inside(path: Path, source: Path) -> str:
    try:
        return path.absolute().relative_to(source).as_posix()
    except ValueError:
        what = f"must lie in {str(source)!r}, which each run gets a copy of, got {str(path)!r}"
        raise ConfigError(Problem("--template", what)) from None


def _missing_program(words: Sequence[str], source: Path) -> list[Problem]:
    """A program, or the script of a Python, that is not there: told now, and not by every run."""
    if not words or "${{" in words[0]:
        return []
    program = words[0]
    there = (source / program).exists() if "/" in program else shutil.which(program) is not None
    if not there and not re.fullmatch(r"python(3(\.\d+)?)?", program):
        where = f"in {str(source)!r}" if "/" in program else "on PATH"
        hint = ""
        if (source / program).is_file():
            hint = f"; write ./{program}"
        elif "-" in program[:1]:
            hint = "; options of overdrive stand before the command, the command begins with a program"
        return [Problem("command", f"there is no program {program!r} {where}{hint}")]
    script = words[1] if len(words) > 1 and re.search(r"(^|/)python[\d.]*$", program) else ""
    if script.endswith(".py") and not (source / script).is_file():
        there_are = sorted(path.name for path in source.glob("*.py"))[:8]
        has = f"it has {', '.join(there_are)}" if there_are else "it has no Python file"
        return [Problem("command", f"there is no {script!r} in {str(source)!r}; {has}")]
    return []


def _experiment(source: Path) -> str:
    return re.sub(r"[^a-zA-Z0-9_-]+", "_", source.name).strip("_-")[:255] or "Default"
