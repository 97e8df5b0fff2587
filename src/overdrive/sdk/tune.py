"""`tune`: a Python function instead of a script, each call in a process of its own, with all the rest."""

from __future__ import annotations

import pickle
import shutil
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ..errors import ConfigError, Problem
from ..model.metrics import PrimaryMetricGoal
from ..model.space import SearchSpace
from ..samplers.base import Sampler
from ..sweep.config import HyperDriveConfig
from ..sweep.script import ScriptRunConfig
from .ask_tell import sampler_of
from .experiment import Experiment
from .hyperdrive_run import HyperDriveRun
from .workspace import Workspace


def tune(
    function: Callable[..., Any],
    space: SearchSpace | Mapping[str, Any] | None = None,
    *,
    goal: PrimaryMetricGoal | str = PrimaryMetricGoal.MAXIMIZE,
    metric: str = "value",
    sampling: str | Sampler = "random",
    seed: int | None = None,
    max_total_runs: int = 100,
    experiment: str | None = None,
    workspace: Workspace | None = None,
    wait: bool = True,
    show_output: bool = False,
    **limits: Any,
) -> HyperDriveRun:
    """Tune a function: it is called with the values as keyword arguments, in worker processes.

    It returns a number (the metric), a dict of numbers by name, or None when it has logged the metric itself
    with `Run.get_context().log(...)`, which early termination needs. It may be a lambda, a closure or defined
    in a notebook. `limits` are arguments of HyperDriveConfig (`policy`, `max_concurrent_runs`, `max_retries`).
    Returns the sweep: completed, or with `wait=False` at once.
    """
    import cloudpickle

    if not callable(function):
        raise ConfigError(Problem("function", f"must be callable, got {function!r}"))
    name = experiment or getattr(function, "__name__", "tune").strip("<>") or "tune"
    with tempfile.TemporaryDirectory() as folder:
        try:
            pickled = cloudpickle.dumps(function)
        except (pickle.PicklingError, TypeError) as error:
            raise ConfigError(Problem("function", f"cannot be sent to another process: {error}")) from error
        head = pickle.dumps(([str(Path(entry).absolute()) for entry in sys.path], metric))
        Path(folder, "function.pkl").write_bytes(head + pickled)
        shutil.copy(Path(__file__).with_name("call.py"), folder)
        config = HyperDriveConfig(
            run_config=ScriptRunConfig(folder, script="call.py"),
            hyperparameter_sampling=sampler_of(space, sampling, seed),
            primary_metric_name=metric,
            primary_metric_goal=goal,  # type: ignore[arg-type]
            max_total_runs=max_total_runs,
            **limits,
        )
        run = Experiment(workspace or Workspace.find(), name).submit(config)
    if wait:
        run.wait_for_completion(show_output=show_output)
    return run
