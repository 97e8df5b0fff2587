"""What a job starts: command, code, environment and distribution, as a ScriptRunConfig."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..sweep.distribution import (
    Distribution,
    MpiConfiguration,
    PyTorchConfiguration,
    TensorflowConfiguration,
)
from ..sweep.script import ScriptRunConfig, variable_name
from . import sweep_schema as schema
from .document import Where, shown
from .job_environment import environment
from .placeholders import fill, modern, names_used
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
    "distributed_job_config": "distribution",
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
    if (text := modern(trial.command)) != trial.command:
        what = "{inputs.x} is an old form and read as ${{inputs.x}}; write it so"
        reading.document.advise((*where, "command"), what)
        trial = trial.model_copy(update={"command": text})
    command, faults = fill(trial.command, inputs, outputs, swept)
    unread = not swept and reading.document.faulty(("search_space",))
    for fault in faults:
        if not (unread and fault.startswith("${{search_space.")):
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
    distribution = _distribution(reading, trial, where)
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
            distributed_job_config=distribution,
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


def _distribution(reading: Reading, trial: schema.Trial, where: Where) -> Distribution | None:
    if trial.distribution is None:
        return None
    place = (*where, "distribution")
    form = reading.section(schema.Distribution, trial.distribution, place)
    nodes = _instances(reading, trial, where)
    if form is None or nodes is None:
        return None
    each = form.process_count_per_instance or 1

    def build() -> Distribution:
        if form.type == "mpi":
            return MpiConfiguration(each, nodes)
        if form.type == "pytorch":
            return PyTorchConfiguration(process_count=each * nodes, node_count=nodes)
        return TensorflowConfiguration(form.worker_count or nodes, form.parameter_server_count or 0, nodes)

    made: Distribution | None = reading.built(build, place, {"node_count": place})
    return made


def _instances(reading: Reading, trial: schema.Trial, where: Where) -> int | None:
    """On how many nodes the processes of a run are to be; None, and noted, where that is no number."""
    for given, place in ((trial.resources, where), (reading.document.data.get("resources"), ())):
        if isinstance(given, dict) and given.get("instance_count") is not None:
            count = given["instance_count"]
            if type(count) is int and count >= 1:
                return count
            what = f"must be a whole number of nodes, at least 1, got {shown(count)}"
            reading.problem((*place, "resources", "instance_count"), what)
            return None
    return 1


def _code(reading: Reading, given: str | None, where: Where) -> Path:
    if given is None:
        reading.document.advise(where, "is not given, so each run gets a copy of the YAML file's folder")
        return reading.folder
    if ELSEWHERE.match(given):
        reading.problem(where, f"must be a folder on this machine, got {shown(given)}")
        return reading.folder
    return reading.local(given, where)
