"""What a job starts: command, code, environment and distribution, as a ScriptRunConfig."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..sweep.script import ScriptRunConfig, variable_name
from . import sweep_schema as schema
from .document import Where, shown
from .job_environment import environment
from .placeholders import fill, names_used
from .reading import ELSEWHERE, Reading

PLACES = {
    "source_directory": "code",
    "command": "command",
    "environment": "environment",
    "environment_variables": "environment_variables",
    "grace_seconds": "grace_seconds",
    "memory_limit_mb": "memory_limit_mb",
    "warm": "warm",
    "gpus_per_run": "gpus_per_run",
    "cores_per_run": "cores_per_run",
    "pin_cores": "pin_cores",
}
"""The key that a field of ScriptRunConfig comes from."""


def script(
    reading: Reading,
    trial: schema.Trial,
    where: Where,
    inputs: Mapping[str, Any],
    outputs: Mapping[str, schema.Output],
    swept: Sequence[str] = (),
    seconds: float | None = None,
) -> ScriptRunConfig | None:
    """How one run is started; `where` the keys stand, `seconds` it may take."""
    command, faults = fill(trial.command, inputs, outputs, swept)
    for fault in faults:
        reading.problem((*where, "command"), fault)
    for name in [] if faults else _unused(trial, swept):
        at = ("search_space", name)
        if not reading.document.faulty(at):
            what = "is swept and never reaches the script: write ${{search_space.NAME}} where the value belongs in "
            what += (
                f"{'.'.join((*where, 'command'))} (${{{{inputs.NAME}}}} in a component), or $OVERDRIVE_PARAM_"
            )
            reading.problem(at, what.replace("NAME", name) + f"{variable_name(name)}, its variable")
    for name, value in trial.environment_variables.items():
        if "${{" in value:
            what = f"placeholders are filled in the command only, got {shown(value)}"
            reading.problem((*where, "environment_variables", name), what)
    _check_distribution(reading, trial, (*where, "distribution"))
    code = _code(reading, trial.code, (*where, "code"))
    config: ScriptRunConfig | None = reading.built(
        lambda: ScriptRunConfig(
            source_directory=str(code),
            command=command,
            environment=environment(reading, trial.environment, (*where, "environment")),
            environment_variables=trial.environment_variables,
            max_run_duration_seconds=seconds,
            grace_seconds=trial.grace_seconds,
            memory_limit_mb=trial.memory_limit_mb,
            warm=trial.warm,
            gpus_per_run=trial.gpus_per_run,
            cores_per_run=trial.cores_per_run,
            pin_cores=trial.pin_cores,
        ),
        where,
        {field: (*where, key) for field, key in PLACES.items()},
    )
    return config


def _unused(trial: schema.Trial, swept: Sequence[str]) -> list[str]:
    """Swept names that no placeholder and no variable of the command mentions."""
    if "OVERDRIVE_PARAMS" in trial.command:
        return []
    used = names_used(trial.command)
    variables = {
        name for name in swept if re.search(rf"(PARAM|SWEEP)_{variable_name(name)}\b", trial.command)
    }
    return [name for name in swept if name not in used and name not in variables]


def _check_distribution(reading: Reading, trial: schema.Trial, where: Where) -> None:
    if trial.distribution is None:
        return
    form = reading.section(schema.Distribution, trial.distribution, where)
    several = form and max(form.process_count_per_instance or 1, form.worker_count or 1)
    if several and several > 1:
        what = "is not supported with several processes yet; leave it out to run one on this machine"
        reading.problem(where, what)


def _code(reading: Reading, given: str | None, where: Where) -> Path:
    if given is None:
        reading.document.advise(where, "is not given, so each run gets a copy of the YAML file's folder")
        return reading.folder
    if ELSEWHERE.match(given):
        reading.problem(where, f"must be a folder on this machine, got {shown(given)}")
        return reading.folder
    return reading.local(given, where)
