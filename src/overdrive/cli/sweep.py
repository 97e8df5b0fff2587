"""`overdrive sweep`: a command with laws among its words becomes a sweep; no file is written, nothing imported."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..adapters.commandline import Wanted, by_options, configuration
from ..errors import ConfigError
from ..sdk.experiment import Experiment
from ..sdk.hyperdrive_run import HyperDriveRun
from ..sdk.run import Run
from ..sdk.workspace import Workspace
from .answer import look_after
from .submit import watch


def run(
    command: Sequence[str],
    wanted: Wanted,
    folder: Path | None,
    *,
    resume_from: Sequence[str],
    detach: bool,
    auto_resume: bool,
    as_json: bool,
) -> int:
    """Submit and watch; 0 when the sweep has Completed, or is left running on purpose."""
    config, name, said = configuration(command, wanted)
    workspace = Workspace.find(folder)
    look_after(workspace, auto_resume)
    if resume_from:
        config = replace(
            config, resume_from=[Run.get(workspace, workspace.find_id(one)) for one in resume_from]
        )
    sweep, advice = submitted(workspace, name, config)
    for sentence in said:
        print(sentence, file=sys.stderr)
    return watch(workspace, sweep, advice, detach=detach, as_json=as_json)


def submitted(
    workspace: Workspace, name: str, config: Any, tags: dict[str, str] | None = None
) -> tuple[HyperDriveRun, list[str]]:
    """The sweep, started, and its warnings; problems are told by the names of the options."""
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            sweep = Experiment(workspace, name).submit(config, tags=tags)
    except ConfigError as error:
        raise by_options(error) from None
    return sweep, [str(warning.message) for warning in caught]
