"""What leads a v1 pipeline: one step after another, with what they leave in `.overdrive/pipelines/<id>/<step>/`."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...errors import OverdriveError
from ...model.records import Status
from ...sdk.data import Dataset
from ...sdk.pipelines import CANCELED, FAILED, FINISHED, Log, until_over
from ...sdk.run import Run
from .graph import Pipeline
from .steps import PipelineStep

if TYPE_CHECKING:
    from ...sdk.experiment import Experiment


class Leader:
    """Leads a pipeline to its end. Made and noted by whoever submits it; `lead` is for a thread of its own."""

    def __init__(
        self,
        pipeline: Pipeline,
        experiment: Experiment,
        log: Log,
        parameters: Mapping[str, Any],
        tags: Mapping[str, str],
        go_on: bool,
    ) -> None:
        self._pipeline, self._experiment, self._log = pipeline, experiment, log
        self._parameters, self._tags, self._go_on = parameters, dict(tags), go_on
        self._places: dict[str, Path] = {}
        self._known = log.begin(experiment.name, self._tags)

    def lead(self) -> None:
        """Run all steps; whatever happens is in the log at the end."""
        status, reason, failed = FINISHED, None, set[PipelineStep]()
        try:
            for step in self._pipeline.steps:
                if self._log.wish.exists():
                    status = CANCELED
                    break
                if self._pipeline.waits[step] & failed:
                    failed.add(step)
                    continue
                trouble = self._step(step)
                if self._log.wish.exists():
                    status = CANCELED
                    break
                if trouble is not None:
                    status, reason = FAILED, reason or trouble
                    failed.add(step)
                    if not self._go_on:
                        break
        except BaseException as error:
            status, reason = FAILED, f"{type(error).__name__}: {error}"
            raise
        finally:
            self._note(status=status, reason=reason, ended=time.time())

    def _step(self, step: PipelineStep) -> str | None:
        """Run one step; why it failed, if it did."""
        folder = self._log.folder / str(len(self._known["steps"]))
        try:
            folder.mkdir()
            for output in step.outputs:
                place = step.place(output, folder)
                if place.is_absolute():
                    place.parent.mkdir(parents=True, exist_ok=True)
                    if output.folder:
                        place.mkdir(exist_ok=True)
            job = step.job(lambda kind, name: self._meaning(step, folder, kind, name))
            run: Run = self._experiment.submit(
                job, tags={**self._tags, "pipeline": self._log.id, "step": step.name}
            )
        except (OverdriveError, OSError) as error:
            return f"{step.name}: {error}"
        about = {"name": step.name, "type": step.TYPE, "run_id": run.id, "outputs": {}}
        self._note(steps=[*self._known["steps"], about])
        until_over(run, self._log)
        if run.get_status() != Status.COMPLETED:
            return f"{step.name}: {run.id} is {run.get_status()}"
        try:
            left = step.left(run, folder)
        except OverdriveError as error:
            return str(error)
        self._places |= left
        about["outputs"] = {name: str(path) for name, path in left.items()}
        named = {output.pipeline_output_name: output.name for output in step.outputs}
        named.pop(None, None)
        outputs = {str(name): str(left[output]) for name, output in named.items()}
        self._note(outputs={**self._known["outputs"], **outputs})
        for output in step.outputs:
            if output.registered is not None:
                data = Dataset.File.from_files(left[output.name])
                data.register(self._experiment.workspace, **output.registered, create_new_version=True)
        return None

    def _meaning(self, step: PipelineStep, folder: Path, kind: str, name: str) -> str:
        if kind == "PARAMETER":
            return str(self._parameters[name])
        own = next((output for output in step.outputs if output.name == name), None)
        return str(self._places[name] if own is None else step.place(own, folder))

    def _note(self, **changes: Any) -> None:
        self._known |= changes
        self._log.write(self._known)
