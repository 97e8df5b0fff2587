"""PipelineRun, StepRun and HyperDriveStepRun: a pipeline and its steps, seen from outside."""

from __future__ import annotations

import secrets
import shutil
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...errors import ConfigError, NotFound, Problem, RunFailed
from ...sdk.hyperdrive_run import HyperDriveRun
from ...sdk.pipelines import RUNNING, Log
from ...sdk.run import LONGEST_POLL, Run
from .graph import Pipeline
from .leader import Leader

if TYPE_CHECKING:
    from ...sdk.experiment import Experiment
    from ...sdk.workspace import Workspace


class PortDataReference:
    """What a step has left."""

    def __init__(self, name: str, path: str) -> None:
        self.name = name
        self.path_on_datastore = self._path_on_datastore = path

    def download(
        self, local_path: str, overwrite: bool | None = None, show_progress: bool | None = None
    ) -> int:
        """Nothing is far away: `path_on_datastore` is where it lies. With `local_path` other than here, it is
        copied there under its own name; how many files there are."""
        source = Path(self.path_on_datastore)
        if not source.exists():
            raise NotFound(f"{self.name}: the step has left nothing at {str(source)!r}")
        copy = Path(local_path) / source.name
        if Path(local_path).resolve() != Path.cwd():
            copy.parent.mkdir(parents=True, exist_ok=True)
            if source.is_dir():
                shutil.copytree(source, copy, dirs_exist_ok=True)
            else:
                shutil.copy2(source, copy)
        return sum(1 for file in source.rglob("*") if file.is_file()) if source.is_dir() else 1

    def __repr__(self) -> str:
        return f"PortDataReference({self.name!r}, {self.path_on_datastore!r})"


class StepRunOutput:
    """One output of a step that has run."""

    def __init__(self, name: str, path: str) -> None:
        self.name = name
        self._path = path

    def get_port_data_reference(self) -> PortDataReference:
        """Where it is."""
        return PortDataReference(self.name, self._path)


class StepRun(Run):
    """A step that has been started; a run like any other."""

    def __init__(self, experiment: Experiment, about: Mapping[str, Any], pipeline_run_id: str) -> None:
        super().__init__(experiment, about["run_id"])
        self.about = about
        self.pipeline_run_id = pipeline_run_id

    @property
    def name(self) -> str:
        """The step's name."""
        return str(self.about["name"])

    def get_outputs(self) -> dict[str, StepRunOutput]:
        """Its outputs by name, once it has ended."""
        return {name: StepRunOutput(name, path) for name, path in self.about["outputs"].items()}

    def get_output(self, name: str) -> StepRunOutput:
        """One output; NotFound when it has none of this name."""
        found = self.get_outputs()
        if name not in found:
            raise NotFound(f"step {self.name!r} has no output {name!r}; it has {', '.join(found) or 'none'}")
        return found[name]

    def get_output_data(self, name: str) -> PortDataReference:
        """Where an output is."""
        return self.get_output(name).get_port_data_reference()

    def get_stdout_log(self) -> str:
        """What its script has printed."""
        return str(self.get_details_with_logs()["logFiles"]["stdout.txt"])

    get_job_log = get_stdout_log

    def get_stderr_log(self) -> str:
        """What its script has printed to standard error."""
        return str(self.get_details_with_logs()["logFiles"]["stderr.txt"])


class HyperDriveStepRun(StepRun, HyperDriveRun):
    """A step that is a sweep: all of HyperDriveRun, of a step run of this kind."""

    def __init__(self, step_run: StepRun) -> None:
        if step_run.about["type"] != "HyperDriveStep":
            kind = step_run.about["type"]
            raise ConfigError(Problem("step_run", f"must be that of a HyperDriveStep, got a {kind}"))
        self._config = None
        StepRun.__init__(self, step_run.experiment, step_run.about, step_run.pipeline_run_id)


class PipelineRun:
    """A pipeline that has been submitted: its steps, what they left, how far it is."""

    def __init__(self, experiment: Experiment, run_id: str, **_: Any) -> None:
        self.experiment = experiment
        self.id = run_id
        self._log = Log(experiment.workspace.home, run_id)
        self._state()

    @staticmethod
    def get(workspace: Workspace, run_id: str, **_: Any) -> PipelineRun:
        """The pipeline of this id; NotFound when there is none."""
        from ..beyond import Experiment

        known = Log(workspace.home, run_id).read()
        return PipelineRun(Experiment(workspace, known.get("experiment") or "unknown"), run_id)

    @property
    def status(self) -> str:
        """Running, Finished, Failed or Canceled."""
        return self.get_status()

    def get_status(self) -> str:
        """Running, Finished, Failed or Canceled."""
        return str(self._state()["status"])

    def get_details(self) -> dict[str, Any]:
        """All that is known of it."""
        known = self._state()
        error = {"error": {"message": known["reason"]}} if known["reason"] else {}
        return {"runId": self.id, "status": known["status"], "steps": known["steps"], **error}

    def get_tags(self) -> dict[str, str]:
        """What it was tagged with at submit."""
        return dict(self._state()["tags"])

    tags = property(get_tags)

    def get_portal_url(self) -> str:
        """Where the studio shows its steps, once `overdrive studio` has been started."""
        return "http://127.0.0.1:8484/"

    def get_steps(self) -> list[StepRun]:
        """The steps that have been started, newest first."""
        found: list[StepRun] = []
        for about in reversed(self._state()["steps"]):
            step = StepRun(self.experiment, about, self.id)
            found.append(HyperDriveStepRun(step) if about["type"] == "HyperDriveStep" else step)
        return found

    def get_children(self, *_: Any, **__: Any) -> list[StepRun]:
        """The same as `get_steps`."""
        return self.get_steps()

    def find_step_run(self, name: str) -> list[StepRun]:
        """The steps of this name that have been started; empty when there is none."""
        return [step for step in self.get_steps() if step.name == name]

    def get_pipeline_output(self, pipeline_output_name: str) -> PortDataReference:
        """What was called by this `pipeline_output_name`; NotFound before its step has ended."""
        known = self._state()
        if pipeline_output_name not in known["outputs"]:
            there = ", ".join(known["outputs"]) or "none"
            what = f"has no output {pipeline_output_name!r} (yet); it has {there}"
            raise NotFound(f"pipeline {self.id} is {known['status']} and {what}")
        return PortDataReference(pipeline_output_name, known["outputs"][pipeline_output_name])

    def wait_for_completion(
        self, show_output: bool = True, timeout_seconds: float = sys.maxsize, raise_on_error: bool = True
    ) -> str:
        """Wait until nothing more will happen; the status. RunFailed when it failed, unless `raise_on_error`
        is false."""
        deadline = time.monotonic() + timeout_seconds
        told: set[str] = set()
        while True:
            known = self._state()
            for about in known["steps"] if show_output else ():
                if about["run_id"] not in told:
                    told.add(about["run_id"])
                    print(f"step {about['name']}: {about['run_id']}", flush=True)
            if known["status"] != RUNNING or time.monotonic() > deadline:
                break
            time.sleep(LONGEST_POLL)
        if show_output:
            print(f"PipelineRun Status: {known['status']}", flush=True)
        if known["reason"] and raise_on_error:
            raise RunFailed(f"pipeline {self.id} failed: {known['reason']}")
        return str(known["status"])

    def cancel(self) -> None:
        """Ask for the step that runs to be ended; no other is started."""
        if self.get_status() == RUNNING:
            self._log.wish.touch()

    def _state(self) -> dict[str, Any]:
        known = self._log.read()
        if not known:
            raise NotFound(f"there is no pipeline {self.id!r} in this workspace")
        return known

    def __repr__(self) -> str:
        return f"PipelineRun({self.experiment.name!r}, {self.id!r}, {self.get_status()})"


def submit(
    experiment: Experiment,
    pipeline: Pipeline,
    tags: Mapping[str, str] | None = None,
    pipeline_parameters: Mapping[str, Any] | None = None,
    continue_on_step_failure: bool = False,
    **_: Any,
) -> PipelineRun:
    """Start the pipeline in a thread of this process, which stays until the last step has ended."""
    parameters = pipeline.parameters(pipeline_parameters)
    workspace = experiment.workspace.reopened()  # a thread has a store of its own
    log = Log(workspace.home, f"pipeline_{secrets.token_hex(4)}")
    leader = Leader(
        pipeline,
        type(experiment)(workspace, experiment.name),
        log,
        parameters,
        tags or {},
        continue_on_step_failure,
    )
    threading.Thread(target=leader.lead, name=log.id).start()
    return PipelineRun(experiment, log.id)


def details(run_instance: Any) -> Any:
    """RunDetails, of a pipeline too: as text, a line for each step."""
    import overdrive

    whole: Any = overdrive
    return _Steps(run_instance) if isinstance(run_instance, PipelineRun) else whole.RunDetails(run_instance)


class _Steps:
    def __init__(self, run: PipelineRun) -> None:
        self._run = run

    def show(self, *_: Any, **__: Any) -> None:
        """Print where it stands."""
        print(f"{self._run.id}: {self._run.get_status()}")
        for step in reversed(self._run.get_steps()):
            print(f"  {step.name}: {step.id} {step.get_status()}")

    def get_widget_data(self, *_: Any, **__: Any) -> dict[str, Any]:
        """What is shown."""
        return self._run.get_details()
