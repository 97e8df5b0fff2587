"""A job file from its path to a submitted sweep: read it, fetch its data, start it."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path

from ..errors import ConfigError, NotFound, Problem
from ..sdk.downloads import fetch, place
from ..sdk.experiment import Experiment
from ..sdk.hyperdrive_run import HyperDriveRun
from ..sdk.run import Run
from ..sdk.settings import read_settings
from ..sdk.workspace import Workspace
from ..sweep.config import HyperDriveConfig
from .document import Document, put, read
from .pipeline import Pipeline, from_pipeline
from .reading import Machine
from .sweep_yaml import JobFile, from_document, terms

Say = Callable[[str], None]


def load(
    path: str | Path, overrides: Iterable[str] = (), machine: Machine | None = None
) -> JobFile | Pipeline:
    """The job in this file, with `key.key=value` settings put over it.

    `code` and input paths are relative to the file. NotFound when there is no file, ConfigError with
    all its problems.
    """
    document = read(Path(path))
    put(document, overrides)
    return read_job(document, Path(path).absolute().parent, machine or Machine())


def read_job(document: Document, folder: Path, machine: Machine) -> JobFile | Pipeline:
    """The job in this data, whatever its type."""
    read_one = from_pipeline if document.data.get("type") == "pipeline" else from_document
    return read_one(document, folder, machine)


def machine_of(home: Path) -> Machine:
    """This machine, with what the workspace at `home` (which need not be there yet) knows of data."""
    known = read_settings(home).data
    data = {
        name: at if "://" in at else str(home.parent / Path(at).expanduser()) for name, at in known.items()
    }
    return Machine(data=data, download=partial(place, folder=home / "data"))


def submit(workspace: Workspace, file: JobFile, say: Say) -> Run:
    """Fetch the job's data and start it; what looks like a mistake is said."""
    tags = dict(file.tags)
    for name in ("display_name", "description"):
        text = getattr(file, name)
        if text:
            tags.setdefault(name, text)
    download(file.downloads, say)

    def found(ids: tuple[str, ...]) -> list[Run]:
        return [Run.get(workspace, one) for one in ids]

    config = file.config
    if isinstance(config, HyperDriveConfig):
        config = replace(
            config, resume_from=found(file.resume_from), resume_child_runs=found(file.resume_child_runs)
        )
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            run = Experiment(workspace, file.experiment_name).submit(config, tags=tags)
    except ConfigError as error:
        raise ConfigError(Problem("", terms(str(problem))) for problem in error.problems) from None
    for sentence in (*file.advice, *(terms(str(warning.message)) for warning in caught)):
        say(f"warning: {sentence}")
    return run


def download(addresses: Mapping[str, Path], say: Say) -> None:
    """Have the data of these web addresses here; ConfigError when they cannot be had."""
    for address, target in addresses.items():
        if not target.exists():
            say(f"fetching {address}")
            fetch(address, target)


def lead(workspace: Workspace, pipeline: Pipeline, say: Say) -> Iterator[tuple[str, Run]]:
    """Start one step after another, and yield each; the next is started when the caller goes on, which is when
    the step has ended. NotFound when a sweep has no best run to feed the next step."""
    folders: dict[str, Path] = {}
    for sentence in pipeline.advice:
        say(f"warning: {sentence}")
    download(pipeline.downloads, say)
    for step in pipeline.steps:
        run = submit(workspace, replace(step.job(folders), advice=()), say)
        yield step.name, run
        chosen = run.get_best_run_by_primary_metric() if isinstance(run, HyperDriveRun) else run
        if chosen is None:
            raise NotFound(f"{run.id}: no run has a value of {run.metric!r}, so none can feed the next step")
        folders[step.name] = Path(chosen.folder)
    for name, (step_name, output) in pipeline.outputs.items():
        say(f"outputs.{name}: {folders[step_name] / 'outputs' / output}")
