"""Azure's job YAML (CLI v2), `type: sweep` and plain `type: command`, read for this machine.

`from_document` works on plain data. Every mistake of a file comes in
one ConfigError, by its path, line and column. What only a cloud can do is refused, or accepted and said to
be ignored: `JobFile.advice`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ..model.metrics import PrimaryMetricGoal
from ..sweep.config import HyperDriveConfig
from ..sweep.script import ScriptRunConfig
from . import job_data, sweep_methods
from . import sweep_schema as schema
from .component import graft
from .document import Document, Where, shown
from .job_script import PLACES as SCRIPT_PLACES
from .job_script import script
from .reading import Machine, Reading
from .sweep_space import SpaceReader, names_in

TOTAL_TRIALS = 1000
TIMEOUT_SECONDS = 5184000  # 60 days
"""Azure's defaults for limits that a file leaves out."""

_EXPERIMENT = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_-]{0,254}")

_PLACES: dict[str, Where] = {
    "max_total_runs": ("limits", "max_total_trials"),
    "max_concurrent_runs": ("limits", "max_concurrent_trials"),
    "max_duration_minutes": ("limits", "timeout"),
    "max_run_duration_seconds": ("limits", "trial_timeout"),
    "max_retries": ("limits", "max_retries"),
    "no_metric_minutes": ("limits", "no_metric_minutes"),
    "max_cost": ("limits", "max_cost"),
    "price_per_hour": ("limits", "price_per_hour"),
    "primary_metric_name": ("objective", "primary_metric"),
    "primary_metric_goal": ("objective", "goal"),
    "metric_pattern": ("objective", "metric_pattern"),
    "policy": ("early_termination",),
    "hyperparameter_sampling": ("sampling_algorithm",),
    "compute_target": ("compute",),
    **{field: ("trial", key) for field, key in SCRIPT_PLACES.items()},
}
"""Where in a sweep file a field of our own configuration comes from."""


@dataclass(frozen=True)
class JobFile:
    """What one file asks for. `advice`: what was ignored or looks like a mistake, a sentence each. `resume_from`
    and `resume_child_runs` are ids: which sweeps and runs they are, the workspace knows. `downloads`: where the
    data of each web address must be before anything runs."""

    experiment_name: str
    display_name: str | None
    description: str | None
    tags: dict[str, str]
    config: HyperDriveConfig | ScriptRunConfig
    advice: tuple[str, ...]
    resume_from: tuple[str, ...] = ()
    resume_child_runs: tuple[str, ...] = ()
    downloads: Mapping[str, Path] = field(default_factory=dict)
    outputs: tuple[str, ...] = ()


def from_document(document: Document, folder: Path, machine: Machine | None = None) -> JobFile:
    """The job in this data, whose relative paths start at `folder`; ConfigError with all problems."""
    reading = Reading(document, folder, machine or Machine())
    kind = document.data.get("type")
    if kind == "command":
        return _command(reading)
    if kind is not None and schema.folded(kind) != "sweep":
        what = f"must be sweep, pipeline or command, got {shown(kind)}"
        document.problem(("type",), what)
        document.check()
    return _sweep(reading)


def terms(text: str) -> str:
    """A sentence about our own configuration in the words of the file."""
    text = re.sub(r"\brun_config\.(?=\w)", "", text)
    name = re.match(r"\w+(?=:)", text)
    if name and name[0] in _PLACES:
        return ".".join(_PLACES[name[0]]) + text[name.end() :]
    return text


def _sweep(reading: Reading) -> JobFile:
    data = reading.document.data
    space_names = names_in(data["search_space"]) if isinstance(data.get("search_space"), dict) else []
    frame = reading.section(schema.Sweep, data, ())
    graft(reading, "trial", space_names)
    trial = reading.part(schema.Trial, ("trial",))
    objective = reading.part(schema.Objective, ("objective",))
    limits = reading.part(schema.Limits, ("limits",)) if data.get("limits") is not None else schema.Limits()
    space = SpaceReader(reading.document).read()
    sampling = sweep_methods.sampling(reading, space)
    policy = sweep_methods.policy(reading)
    inputs, outputs = job_data.inputs(reading), job_data.outputs(reading)
    seconds = limits.trial_timeout if limits else None
    start = script(reading, trial, ("trial",), inputs, outputs, space_names, seconds) if trial else None
    experiment = experiment_name(reading)
    _say_what_is_ignored(reading, trial)
    reading.document.check()
    assert frame and objective and limits and sampling and start
    config = reading.built(
        lambda: HyperDriveConfig(
            hyperparameter_sampling=sampling,
            primary_metric_name=objective.primary_metric,
            primary_metric_goal=PrimaryMetricGoal.from_str(objective.goal),
            max_total_runs=TOTAL_TRIALS if limits.max_total_trials is None else limits.max_total_trials,
            max_concurrent_runs=limits.max_concurrent_trials,
            max_duration_minutes=(TIMEOUT_SECONDS if limits.timeout is None else limits.timeout) / 60,
            policy=policy,
            run_config=replace(start, compute_target=_compute(frame)),
            max_retries=schema.lenient(limits.max_retries),
            no_metric_minutes=limits.no_metric_minutes,
            metric_pattern=objective.metric_pattern,
            max_cost=limits.max_cost,
            price_per_hour=limits.price_per_hour,
            resume_defaults=frame.resume_defaults,
        ),
        (),
        _PLACES,
    )
    reading.document.check()
    file = _file(reading, frame, experiment, config, tuple(outputs))
    return replace(file, resume_from=frame.resume_from, resume_child_runs=frame.resume_child_runs)


def _command(reading: Reading) -> JobFile:
    """A job that is one run."""
    data = reading.document.data
    where: Where = ()
    if "component" in data:
        where = ("component",)
        frame: schema.Job | None = reading.section(schema.CommandStep, data, ())
        graft(reading, "component", ())
        trial = reading.part(schema.Trial, where)
    else:
        frame = trial = reading.section(schema.Command, data, ())
    limits = data.get("limits")
    timeout = reading.section(schema.CommandLimits, limits, ("limits",)) if limits is not None else None
    inputs, outputs = job_data.inputs(reading), job_data.outputs(reading)
    start = None
    if trial is not None:
        start = script(reading, trial, where, inputs, outputs, seconds=timeout.timeout if timeout else None)
    experiment = experiment_name(reading)
    _say_what_is_ignored(reading, trial)
    reading.document.check()
    assert frame and start
    if isinstance(frame, schema.CommandStep):
        variables = {**(start.environment_variables or {}), **frame.environment_variables}
        start = replace(start, environment_variables=variables)
    start = replace(start, compute_target=_compute(frame))
    return _file(reading, frame, experiment, start, tuple(outputs))


def _file(
    reading: Reading,
    frame: schema.Job,
    experiment: str,
    config: HyperDriveConfig | ScriptRunConfig,
    outputs: tuple[str, ...],
) -> JobFile:
    return JobFile(
        experiment,
        frame.display_name,
        frame.description,
        frame.tags,
        config,
        tuple(reading.document.advice),
        downloads=reading.downloads,
        outputs=outputs,
    )


def experiment_name(reading: Reading) -> str:
    """The name in the file, else that of its folder, as Azure does."""
    name = reading.document.data.get("experiment_name")
    if name is None:
        return re.sub(r"[^a-zA-Z0-9_-]+", "_", reading.folder.name).strip("_-")[:255] or "Default"
    if not _EXPERIMENT.fullmatch(str(name)):
        what = f"must be letters, digits, _ and -, at most 255 in all, got {shown(name)}"
        reading.problem(("experiment_name",), what)
    return str(name)


def _compute(frame: schema.Job) -> str | None:
    return frame.compute.removeprefix("azureml:") if frame.compute else None


def _say_what_is_ignored(reading: Reading, trial: schema.Trial | None) -> None:
    data = reading.document.data
    several = trial is not None and trial.distribution is not None
    found = [name for name in schema.CLOUD_ONLY if _is_ignored(name, data.get(name), several)]
    if trial and data.get("type") != "command":
        given = {name: getattr(trial, name, None) for name in schema.CLOUD_ONLY}
        found += [f"trial.{name}" for name, value in given.items() if _is_ignored(name, value, several)]
    if found:
        reading.document.advice.append(f"{', '.join(found)}: ignored on this machine")


def _is_ignored(name: str, value: Any, several: bool) -> bool:
    """Runs of several processes take their number of nodes from the resources."""
    if several and name == "resources" and isinstance(value, dict):
        return bool(value.keys() - {"instance_count"})
    return value is not None
