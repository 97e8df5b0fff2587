"""Experiment: a name under which sweeps are submitted and found again."""

from __future__ import annotations

import builtins
import os
import re
import secrets
import time
import warnings
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

from ..controller.daemon import Daemon, spawn
from ..errors import ConfigError, NotFound, Problem, Unsupported
from ..model.records import SweepRecord
from ..runtime.wire import EXPERIMENT
from ..store.base import Message, Turn
from ..sweep.config import HyperDriveConfig, SingleRunConfig
from ..sweep.script import ScriptRunConfig
from ..sweep.templates import filled, names_in, template_problems
from . import snapshot
from .compute import target_of
from .environment import interpreter_of
from .room import room_on
from .warm_start import prior_runs, runs_to_resume
from .workspace import Workspace

if TYPE_CHECKING:
    from .hyperdrive_run import HyperDriveRun
    from .run import Run

_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_-]{0,254}")


class Experiment:
    """Sweeps and runs under one name (letters, digits, `_` and `-`, at most 255)."""

    def __init__(self, workspace: Workspace, name: str) -> None:
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            raise ConfigError(
                Problem("experiment", f"must be letters, digits, _ and -, at most 255 in all, got {name!r}")
            )
        self.workspace = workspace
        self.name = name

    @overload
    def submit(self, config: HyperDriveConfig, tags: dict[str, str] | None = None) -> HyperDriveRun: ...

    @overload
    def submit(self, config: ScriptRunConfig, tags: dict[str, str] | None = None) -> Run: ...

    def submit(self, config: Any, tags: dict[str, str] | None = None, **_: Any) -> Any:
        """Start a sweep, or a single run, and return at once; it goes on when this process ends.

        ConfigError with all that is wrong, before anything runs. What looks like a mistake is a warning.
        """
        daemon = spawn()
        try:
            sweep, first, advice = self._prepared(config, dict(tags or {}))
            self.workspace.store.create_sweep(sweep, first)
        except BaseException:
            daemon.dismiss()
            raise
        return self._started(sweep, advice, daemon)

    def get_runs(
        self,
        type: str | None = None,
        tags: Any = None,
        properties: Any = None,
        include_children: bool = False,
        **_: Any,
    ) -> Iterator[Run]:
        """The sweeps and single runs of this experiment, newest first: all, those of a type (`hyperdrive`,
        `script`), those with a tag or with all of a dict of tags; with the runs of the sweeps if asked for."""
        from .run import Run, tagged

        for sweep in self.workspace.store.sweeps(self.name):
            run = Run.get(self.workspace, sweep.id)
            if type in (None, sweep.kind) and tagged(run, tags) and tagged(run, properties):
                yield run
            if include_children and type in (None, "run"):
                yield from (child for child in run.get_children() if tagged(child, tags))

    @staticmethod
    def list(workspace: Workspace, **_: Any) -> builtins.list[Experiment]:
        """Every experiment of the workspace that has a sweep or a run."""
        return [*workspace.experiments.values()]

    def start_logging(self, *_: Any, **__: Any) -> Any:
        """Not here: a run is a process of its own."""
        raise Unsupported(
            "start_logging: a run is a process of its own here; submit a ScriptRunConfig, or tune a function "
            "with overdrive.tune"
        )

    def _prepared(self, config: Any, tags: dict[str, str]) -> tuple[SweepRecord, Turn, builtins.list[str]]:
        if isinstance(config, ScriptRunConfig):
            kind, config = "script", SingleRunConfig(config)
        elif isinstance(config, HyperDriveConfig):
            kind = "hyperdrive"
        else:
            given = type(config).__name__
            raise ConfigError(f"submit: takes a HyperDriveConfig or a ScriptRunConfig, got {given}")
        config = config.seeded(secrets.randbits(32))
        given_runs = runs_to_resume(config)
        if given_runs:
            config = replace(config, given=given_runs)
        source = Path(config.run_config.source_directory).absolute()
        kept = snapshot.take(source, self.workspace.home / "snapshots")
        _check_script(config.run_config, source, kept)
        _check_templates(config, kept)
        target = target_of(self.workspace.settings, config.run_config.compute_target)
        room = room_on(target, config.run_config)
        limits, more = room.limits(config)
        sweep_id = config.custom_run_id or _new_id(kind, self.name)
        self._refuse_if_taken(sweep_id)
        interpreter, advice = interpreter_of(self.workspace, config.run_config)
        now = time.time()
        first = prior_runs(config, sweep_id, now)
        first.messages += [Message(now, "info", hint) for hint in config.hints(limits)]
        stored = {
            **config.to_json(),
            "limits": limits.to_json(),
            "snapshot": str(kept),
            "interpreter": interpreter,
            "compute": target.type,
            "compute_options": dict(target.options),
            "home": str(self.workspace.home),
            "threads": room.threads(config.run_config, limits),
            "python_path": {**_python_path(self.workspace.python_path()), EXPERIMENT: self.name},
        }
        record = SweepRecord(sweep_id, self.name, kind, stored, created=now, tags=tags)
        return record, first, [*config.advice(), *advice, *target.advice, *more]

    def _refuse_if_taken(self, sweep_id: str) -> None:
        try:
            self.workspace.store.sweep(sweep_id)
        except NotFound:
            return
        raise ConfigError(
            Problem("custom_run_id", f"must be new, got {sweep_id!r}, which this workspace has already")
        )

    def _started(self, sweep: SweepRecord, advice: builtins.list[str], daemon: Daemon) -> Run:
        from .run import Run

        daemon.control(self.workspace.store_url, self.workspace.home, sweep.id)
        for sentence in advice:
            warnings.warn(sentence, UserWarning, stacklevel=3)
        return Run.get(self.workspace, sweep.id)

    def __repr__(self) -> str:
        return f"Experiment({self.workspace!r}, {self.name!r})"


def _new_id(kind: str, experiment: str) -> str:
    return f"HD_{secrets.token_hex(4)}" if kind == "hyperdrive" else f"{experiment}_{secrets.token_hex(4)}"


def _python_path(first: Path) -> dict[str, str]:
    inherited = os.environ.get("PYTHONPATH")
    return {
        "PYTHONPATH": f"{first}{os.pathsep}{inherited}" if inherited else str(first),
        "PYTHONUNBUFFERED": "1",
    }


def _check_templates(config: HyperDriveConfig, kept: Path) -> None:
    """ConfigError for a template that is not there or cannot hold the values, and for values that none takes."""
    space = config.hyperparameter_sampling.space
    problems: list[Problem] = []
    written: set[str] = set()
    for path in config.run_config.templates:
        try:
            text = (kept / path).read_text("utf-8", "surrogateescape")
        except OSError:
            here = config.run_config.source_directory
            problems.append(
                Problem("templates", f"there is no file {path!r} in {here!r}, or it is ignored there")
            )
            continue
        problems += template_problems(path, text, space.names)
        written |= names_in(text)
        try:
            for name, option in _options(config):
                filled(path, text, {name: option})
        except ConfigError as error:
            problems += error.problems
    problems += config.unreached(written)
    if problems:
        raise ConfigError(problems)


def _options(config: HyperDriveConfig) -> Iterator[tuple[str, Any]]:
    """What a format might be unable to hold: None, and text with a line break."""
    for slot in config.hyperparameter_sampling.space.slots:
        for option in (slot.law.values() or ())[:1000]:
            if option is None or isinstance(option, str):
                yield slot.name, option


def _check_script(config: ScriptRunConfig, source: Path, kept: Path) -> None:
    if config.script is None or (kept / config.script).is_file():
        return
    if (source / config.script).is_file():
        raise ConfigError(
            Problem("script", f"{config.script!r} is left out by .amlignore or .gitignore of {str(source)!r}")
        )
    there = sorted(path.name for path in kept.glob("*.py"))
    has = f"it has {', '.join(there)}" if there else "it has no Python file"
    raise ConfigError(Problem("script", f"there is no {config.script!r} in {str(source)!r}; {has}"))
