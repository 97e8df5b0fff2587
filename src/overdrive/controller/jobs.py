"""From a run to what a back end is asked to start: its folder, its command, its environment."""

from __future__ import annotations

import os
import shutil
import zlib
from pathlib import Path
from typing import Any

from ..compute.base import Claim, Job, JobState, Warmth
from ..model.history import History
from ..model.records import RunRecord
from ..runtime import gang, wire
from ..runtime.checkpoints import Kept, kept_values, latest
from ..sweep.command import render
from ..sweep.config import HyperDriveConfig
from ..sweep.imports import imports_of
from ..sweep.templates import filled


class Jobs:
    """The jobs of one sweep. `settings` is its stored configuration, `folder` where its runs live."""

    def __init__(
        self, sweep_id: str, config: HyperDriveConfig, settings: dict[str, Any], folder: Path
    ) -> None:
        self._sweep_id = sweep_id
        self._config = config
        self._settings = settings
        self._folder = folder
        limits, snapshot = settings["limits"], Path(settings["snapshot"])
        late = limits["max_total_runs"] > limits["max_concurrent_runs"]  # else none could profit
        distribution = config.run_config.distributed_job_config
        self._several = distribution if distribution is not None and distribution.several else None
        self._imports = None
        if late and self._several is None:
            self._imports = imports_of(config.run_config, lambda name: _text(snapshot / name))

    @property
    def obstacles(self) -> tuple[str, ...]:
        """Why the runs start cold although they might have started warm."""
        return self._imports.obstacles if self._imports else ()

    def folder(self, run: RunRecord) -> wire.RunFolder:
        """The folder of the run's present attempt."""
        return wire.RunFolder(os.path.join(self._folder, run.place))

    def checkpoints(self, run: RunRecord) -> str:
        """Where every attempt of the run keeps its checkpoints."""
        return wire.RunFolder(os.path.join(self._folder, str(run.number))).checkpoints

    def has_checkpoint(self, run: RunRecord) -> bool:
        """Whether an attempt has left something to go on from: what `latest` points at, which is complete.

        Anything else in the folder may be half of a file.
        """
        return latest(self.checkpoints(run)) is not None

    def kept(self, run: RunRecord) -> dict[str, Kept]:
        """How many values of each metric of the present attempt the latest checkpoint contains."""
        found = kept_values(self.checkpoints(run), run.job, self.folder(run).metrics)
        metric = self._config.primary_metric_name
        if metric in found:
            found[metric] = Kept(*(self.given(run) + number for number in found[metric]))
        return found

    def given(self, run: RunRecord) -> int:
        """How many values a resumed run had reported before: they stand in front of its own."""
        if run.origin is None or run.counted_from != run.attempt:
            return 0
        return len(self._config.given[run.number].values)

    def last_sign(self, run: RunRecord) -> float | None:
        """When, by the machine's clock, the run's present attempt last wrote anything that we know of."""
        folder = self.folder(run)
        signs = []
        for path in (folder.job, folder.metrics, folder.stdout, folder.stderr):
            try:
                signs.append(os.stat(path).st_mtime)
            except OSError:
                continue
        return max(signs, default=None)

    def claim(self, run: RunRecord) -> Claim:
        """What to ask a back end about the run's present attempt."""
        return Claim(run.job, Path(self.folder(run).path), run.handle)

    def run_of(self, state: JobState, history: History) -> RunRecord | None:
        """The run that this is the present attempt of."""
        run = history.get(state.id.partition(".")[0])
        return run if run is not None and run.job == state.id else None

    @staticmethod
    def _take_over_checkpoints(origin: str, own: str) -> None:
        """Copy what all attempts of the run that left `origin`, its outputs, have kept; whole or not at all."""
        attempt = os.path.dirname(origin)
        left = wire.RunFolder(wire.first_attempt(attempt)).checkpoints
        if os.path.isdir(left) and not os.path.exists(own):
            aside = f"{own}.part"
            shutil.rmtree(aside, ignore_errors=True)
            shutil.copytree(left, aside, symlinks=True)
            os.rename(aside, own)

    @staticmethod
    def _fill(template: Path, path: str, run: RunRecord, folder: wire.RunFolder) -> None:
        """The template with the run's values, where the back end finds it."""
        text = template.read_text("utf-8", "surrogateescape")
        own = Path(folder.files, path)
        own.parent.mkdir(parents=True, exist_ok=True)
        own.write_text(filled(path, text, run.params), "utf-8", "surrogateescape")

    def job(self, run: RunRecord) -> Job:
        """The job of the run's present attempt; makes its folder and writes its parameters there."""
        folder = self.folder(run).make()
        if run.origin is not None and run.attempt == 0:
            self._take_over_checkpoints(run.origin, self.checkpoints(run))
        wire.write_json(folder.params, run.params)
        settings = self._settings
        script = self._config.run_config
        for path in script.templates:
            self._fill(Path(settings["snapshot"], path), path, run, folder)
        command = render(script, run.params, settings["interpreter"], os.environ.get("PATH", ""), run.origin)
        own = {
            wire.RUN_ID: run.id,
            wire.SWEEP_ID: self._sweep_id,
            wire.RUN_DIR: folder.path,
            wire.METRICS: folder.metrics,
            wire.PARAMS: folder.params,
            wire.CHECKPOINTS: self.checkpoints(run),
            wire.HOME: settings["home"],
            wire.SEED: str(seed(self._config.hyperparameter_sampling.seed, run.number)),
        }
        if wire.MLFLOW_URI not in os.environ and wire.MLFLOW_URI not in command.env:
            own[wire.MLFLOW_URI] = "overdrive:run"
        own |= {
            name: "0" for name in (wire.RANK, wire.NODE_RANK) if name in os.environ
        }  # a sweep inside a run
        limit, ready = script.memory_limit_mb, self._imports
        argv, several = command.argv, self._several
        if several is not None:
            counts = several.processes, several.servers, several.nodes
            argv = gang.command(
                settings["interpreter"], gang.Plan(several.kind, *counts, script.grace_seconds), argv
            )
        return Job(
            id=run.job,
            argv=argv,
            folder=Path(folder.path),
            env={**settings["threads"], **settings["python_path"], **command.env, **own},
            grace=script.grace_seconds,
            source=Path(settings["snapshot"]),
            memory=None if limit is None else int(limit * 1e6),
            warm=Warmth(ready.modules, ready.prepare) if ready and not ready.obstacles else None,
            gpus=float(script.gpus_per_run or 0),
            cores=script.cores_per_run or 0,
            pin_cores=script.pin_cores,
            nodes=several.nodes if several is not None else 1,
        )


def seed(of_sweep: int | None, number: int) -> int:
    """A number in [0, 2^31) of each run's own, the same for all its attempts."""
    return zlib.crc32(f"{of_sweep}/{number}".encode()) >> 1


def _text(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
