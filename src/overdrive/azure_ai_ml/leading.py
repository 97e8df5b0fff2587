"""A pipeline that was submitted from Python: led by a thread, one step after another; what is known lies in a file."""

from __future__ import annotations

import secrets
import threading
import time
import warnings
from pathlib import Path
from typing import Any

from ..adapters.job_file import lead
from ..adapters.pipeline import Pipeline
from ..errors import NotFound, RunFailed
from ..model.records import Status
from ..sdk.hyperdrive_run import HyperDriveRun
from ..sdk.pipelines import CANCELED, FAILED, FINISHED, RUNNING, Log, until_over
from ..sdk.run import LONGEST_POLL, Run
from ..sdk.workspace import Workspace


class PipelineState:
    """What is known of a pipeline; NotFound when there is none of this id."""

    def __init__(self, workspace: Workspace, id: str) -> None:
        self.id = id
        self._log = Log(workspace.home, id)
        self.known: dict[str, Any] = {}
        self.refresh()

    def refresh(self) -> dict[str, Any]:
        """What is known now."""
        self.known = self._log.read()
        if not self.known:
            raise NotFound(f"there is no job {self.id!r} in this workspace")
        return self.known

    @property
    def status(self) -> str:
        """Running, Completed, Failed or Canceled."""
        status = str(self.refresh()["status"])
        return str(Status.COMPLETED) if status == FINISHED else status

    def stream(self) -> None:
        """Print each step when it starts, until the last has ended. RunFailed when it has failed."""
        told = 0
        while True:
            known = self.refresh()
            for step in known["steps"][told:]:
                print(f"step {step['name']}: {step['run_id']}", flush=True)
            told = len(known["steps"])
            if known["status"] != RUNNING:
                break
            time.sleep(LONGEST_POLL)
        if known["reason"]:
            raise RunFailed(f"{self.id} failed: {known['reason']}")

    def cancel(self) -> None:
        """Ask for the step that runs to be ended; no other is started."""
        if self.status == RUNNING:
            self._log.wish.touch()


def start(workspace: Workspace, pipeline: Pipeline) -> PipelineState:
    """Lead it in a thread of this process, which stays until the last step has ended."""
    log = Log(workspace.home, f"pipeline_{secrets.token_hex(4)}")
    known = log.begin(pipeline.experiment_name, {})
    leader = _Leader(workspace.reopened(), pipeline, log, known)
    threading.Thread(target=leader.lead, name=log.id).start()
    return PipelineState(workspace, log.id)


class _Leader:
    def __init__(self, workspace: Workspace, pipeline: Pipeline, log: Log, known: dict[str, Any]) -> None:
        self._workspace, self._pipeline, self._log, self._known = workspace, pipeline, log, known

    def lead(self) -> None:
        """Run all steps; whatever happens is in the log at the end."""
        status, reason, left = FINISHED, None, dict[str, Path]()
        try:
            for name, run in lead(
                self._workspace, self._pipeline, lambda text: warnings.warn(text, stacklevel=2)
            ):
                self._note(steps=[*self._known["steps"], {"name": name, "run_id": run.id}])
                until_over(run, self._log)
                if self._log.wish.exists():
                    status = CANCELED
                    break
                if run.get_status() != Status.COMPLETED:
                    status, reason = FAILED, f"{name}: {run.id} is {run.get_status()}"
                    break
                chosen = _chosen(run)
                if chosen is not None:
                    left[name] = Path(chosen.folder) / "outputs"
        except BaseException as error:
            status, reason = FAILED, f"{type(error).__name__}: {error}"
        outputs = {
            name: str(left[step] / output)
            for name, (step, output) in self._pipeline.outputs.items()
            if step in left
        }
        self._note(status=status, reason=reason, outputs=outputs, ended=time.time())

    def _note(self, **changes: Any) -> None:
        self._known |= changes
        self._log.write(self._known)


def _chosen(run: Run) -> Run | None:
    return run.get_best_run_by_primary_metric() if isinstance(run, HyperDriveRun) else run
