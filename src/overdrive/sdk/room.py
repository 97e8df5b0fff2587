"""How many runs a compute target has room for at once, and how many threads each of them should start."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from ..compute import devices
from ..errors import ConfigError, Problem
from ..sweep.command import threads
from ..sweep.config import HyperDriveConfig
from ..sweep.limits import Limits
from ..sweep.script import ScriptRunConfig
from .compute import Target

CLUSTERS = "compute: slurm"


class Room(NamedTuple):
    """`runs` at once, which the target does not go beyond when they are `counted`; `cores` for each run, None for
    an equal share of this machine's; `words` about it where a run needs something for itself."""

    runs: int
    cores: int | None = None
    counted: bool = False
    words: str = ""

    def limits(self, config: HyperDriveConfig) -> tuple[Limits, Sequence[str]]:
        """The sweep's limits, and what should be said about them."""
        limits = config.limits(machine=self.runs)
        if not self.counted or limits.max_concurrent_runs <= self.runs:
            return limits, ()
        advice = (
            f"max_concurrent_runs: {limits.max_concurrent_runs} are asked for, {self.runs} fit ({self.words})"
        )
        return replace(limits, max_concurrent_runs=self.runs), [advice]

    def threads(self, script: ScriptRunConfig, limits: Limits) -> dict[str, str]:
        """Thread counts of the numeric libraries in each process of a run."""
        distribution = script.distributed_job_config
        processes = 1 if distribution is None else distribution.processes
        if self.cores is not None:
            return threads(self.cores, processes, os.environ)
        concurrent = min(limits.max_concurrent_runs, limits.max_total_runs)
        return threads(len(devices.cores()), concurrent * processes, os.environ)


def room_on(target: Target, script: ScriptRunConfig) -> Room:
    """The target's room for such runs. ConfigError for a need that this machine can never meet, ComputeError when
    the target does not answer."""
    there = target.survey(script)
    if there is not None:
        return Room(there.all, script.cores_per_run or there.cores)
    _refuse_several_nodes(target, script)
    env = {**os.environ, **(script.environment_variables or {})}
    return _here(script, devices.cores(), devices.gpus(env) if script.gpus_per_run else [], env)


def _here(
    script: ScriptRunConfig,
    cores: Sequence[int],
    gpus: Sequence[devices.Device],
    env: Mapping[str, str],
) -> Room:
    needed, per_run = script.gpus_per_run or 0, script.cores_per_run
    several = script.distributed_job_config.processes if script.distributed_job_config else 1
    fits = [len(cores) // per_run if per_run else max(1, len(cores) // several)]
    problems, words = [], []
    if needed:
        fits.append(len(gpus) // int(needed) if needed >= 1 else len(gpus) * int(1 / needed + 1e-6))
        words.append(f"{needed:g} GPU a run, {len(gpus)} here")
        if not fits[-1]:
            problems.append(Problem("gpus_per_run", f"{needed:g} asked for, {_what_there_is(gpus, env)}"))
    if per_run:
        words.append(f"{per_run} {'core' if per_run == 1 else 'cores'} a run, {len(cores)} here")
        if not fits[0]:
            problems.append(
                Problem("cores_per_run", f"{per_run} asked for, this process may use {len(cores)}")
            )
    if script.pin_cores and not hasattr(os, "sched_setaffinity"):
        problems.append(Problem("pin_cores", "is not possible on this system; leave it out"))
    if problems:
        raise ConfigError(problems)
    return Room(min(fits), per_run, bool(words), ", ".join(words))


def _refuse_several_nodes(target: Target, script: ScriptRunConfig) -> None:
    nodes = script.distributed_job_config.nodes if script.distributed_job_config else 1
    if nodes > 1:
        what = f"a run is to have {nodes} nodes, and "
        what += "this machine is one" if target.type == "local" else f"{target.type} has one for it"
        what += f"; leave it out to run all processes there, or name a cluster that can give a run several: {CLUSTERS}"
        raise ConfigError(Problem("distributed_job_config", what))


def _what_there_is(gpus: Sequence[devices.Device], env: Mapping[str, str]) -> str:
    visible = env.get("CUDA_VISIBLE_DEVICES")
    if visible is not None:
        return f"CUDA_VISIBLE_DEVICES={visible} leaves {len(gpus)}"
    if not gpus:
        return "there is none: nvidia-smi is not on PATH, or lists none"
    return f"there are {len(gpus)}" if len(gpus) > 1 else "there is 1"
