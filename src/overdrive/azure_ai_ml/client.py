"""`azure.ai.ml.MLClient`: jobs, environments and data of a workspace on this machine."""

from __future__ import annotations

import shutil
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ..adapters.job_file import machine_of, read_job, submit
from ..adapters.pipeline import Pipeline
from ..errors import NotFound, Unsupported
from ..sdk.environment import bare_name
from ..sdk.hyperdrive_run import HyperDriveRun
from ..sdk.pipelines import Log
from ..sdk.run import Run
from ..sdk.workspace import Workspace
from .jobs import Command, Environment, Job, LoadedJob
from .leading import PipelineState, start
from .search import Written


class Named(Written):
    """A thing that has a name and nothing more to it here."""

    arguments = ("name",)

    def __init__(self, name: str = "", **given: Any) -> None:
        self.name = name
        vars(self).update(given)


class AmlCompute(Named):
    """A cluster's name; the workspace's settings say what it means."""


class Data(Named):
    """Data under a name; `path` is a path or a web address."""

    @property
    def id(self) -> str:
        """What a job's input takes as its path."""
        return str(vars(self).get("path"))


class Model(Data):
    """A model: files of a job, to be kept under a name."""


@dataclass(frozen=True)
class Service:
    """Where something is to be seen."""

    endpoint: str


class Submitted:
    """A job that was submitted, or one of its trials: Azure's attributes over a run."""

    def __init__(self, run: Run) -> None:
        self._run = run

    @property
    def name(self) -> str:
        """The id."""
        return self._run.id

    id = name

    @property
    def status(self) -> str:
        """As it is now."""
        return self._run.get_status()

    @property
    def experiment_name(self) -> str:
        """The experiment that it belongs to."""
        return self._run.experiment.name

    @property
    def properties(self) -> dict[str, str]:
        """Of a sweep `best_child_run_id` and `score`; empty texts before there is a best run."""
        properties: dict[str, str] = self._run.get_details()["properties"]
        return properties

    @property
    def services(self) -> dict[str, Service]:
        """The folder of all its runs. (`overdrive studio` shows them.)"""
        folder = self._run.experiment.workspace.sweep_folder(self._run.view.sweep.id)
        return {"Studio": Service(folder.as_uri())}

    @property
    def studio_url(self) -> str:
        """The same in one word."""
        return self.services["Studio"].endpoint

    def __repr__(self) -> str:
        return f"Job({self.name!r}, {self.status})"


class SubmittedPipeline:
    """A pipeline that was submitted."""

    def __init__(self, workspace: Workspace, state: PipelineState) -> None:
        self._workspace, self._state = workspace, state

    @property
    def name(self) -> str:
        """The id."""
        return self._state.id

    id = name

    @property
    def status(self) -> str:
        """As it is now."""
        return self._state.status

    @property
    def experiment_name(self) -> str:
        """The experiment of its steps."""
        return str(self._state.known["experiment"])

    @property
    def services(self) -> dict[str, Service]:
        """The folder of all runs. (`overdrive studio` shows them.)"""
        return {"Studio": Service((self._workspace.home / "runs").as_uri())}

    @property
    def studio_url(self) -> str:
        """The same in one word."""
        return self.services["Studio"].endpoint

    @property
    def jobs(self) -> dict[str, Submitted]:
        """The steps that have been started, by name."""
        steps = self._state.refresh()["steps"]
        return {step["name"]: Submitted(Run.get(self._workspace, step["run_id"])) for step in steps}

    @property
    def outputs(self) -> dict[str, str]:
        """Where the pipeline's own outputs are, once it has ended."""
        return dict(self._state.refresh()["outputs"])

    def __repr__(self) -> str:
        return f"Job({self.name!r}, {self.status})"


class Poller:
    """What `begin_...` methods return: all is done already."""

    def __init__(self, value: Any = None) -> None:
        self._value = value

    def result(self, timeout: float | None = None) -> Any:
        """What it was about."""
        return self._value

    wait = result

    def done(self) -> bool:
        """Yes."""
        return True


class Jobs:
    """`ml_client.jobs`."""

    def __init__(self, client: MLClient) -> None:
        self._client = client

    def create_or_update(self, job: Job | LoadedJob, **changes: Any) -> Submitted | SubmittedPipeline:
        """Submit it. ConfigError with all that is wrong."""
        for name, value in changes.items():
            setattr(job, name, value)
        self._client.environments.fill_in(job)
        home = self._client.workspace.home
        machine = machine_of(home)
        machine = replace(machine, data={**machine.data, **self._client.data.paths})
        file = read_job(job.document(), job.folder, machine)
        if isinstance(file, Pipeline):
            return SubmittedPipeline(self._client.workspace, start(self._client.workspace, file))
        return Submitted(submit(self._client.workspace, file, lambda text: warnings.warn(text, stacklevel=4)))

    def get(self, name: str) -> Submitted | SubmittedPipeline:
        """The job or trial of this id; NotFound when there is none."""
        workspace = self._client.workspace
        if _is_pipeline(self._client.workspace, name):
            return SubmittedPipeline(workspace, PipelineState(workspace, name))
        return Submitted(Run.get(workspace, name))

    def stream(self, name: str) -> None:
        """Print what happens until it has ended. RunFailed when it has failed."""
        if _is_pipeline(self._client.workspace, name):
            PipelineState(self._client.workspace, name).stream()
            return
        Run.get(self._client.workspace, name).wait_for_completion(show_output=True)

    def list(self, *, parent_job_name: str | None = None, **_: Any) -> Iterator[Submitted]:
        """Every job, newest first; with a parent its trials."""
        workspace = self._client.workspace
        if parent_job_name is not None and _is_pipeline(workspace, parent_job_name):
            steps = PipelineState(workspace, parent_job_name).known["steps"]
            return (Submitted(Run.get(workspace, step["run_id"])) for step in reversed(steps))
        if parent_job_name is not None:
            return map(Submitted, Run.get(workspace, parent_job_name).get_children())
        return (Submitted(Run.get(workspace, sweep.id)) for sweep in workspace.store.sweeps())

    def begin_cancel(self, name: str) -> Poller:
        """Ask for it to be ended."""
        if _is_pipeline(self._client.workspace, name):
            PipelineState(self._client.workspace, name).cancel()
        else:
            Run.get(self._client.workspace, name).cancel()
        return Poller()

    cancel = begin_cancel

    def download(
        self, name: str, *, download_path: str | Path = ".", output_name: str | None = None, all: bool = False
    ) -> None:
        """Copy what the job has left, of a sweep its best trial: an output to `named-outputs/NAME`, else all to
        `artifacts`. NotFound when there is no such output."""
        if _is_pipeline(self._client.workspace, name):
            _download(PipelineState(self._client.workspace, name), Path(download_path), output_name)
            return
        run = Run.get(self._client.workspace, name)
        best = run.get_best_run_by_primary_metric() if isinstance(run, HyperDriveRun) else run
        if best is None:
            raise NotFound(f"{name}: no run has a value of {run.metric!r}, so there is no best one")
        outputs = Path(best.folder) / "outputs"
        if output_name is not None:
            names = [output_name]
        else:
            names = sorted(path.name for path in outputs.iterdir()) if all else []
        for one in names:
            source, target = outputs / one, Path(download_path) / "named-outputs" / one
            if not source.exists():
                there = ", ".join(sorted(path.name for path in outputs.iterdir())) or "nothing"
                raise NotFound(f"{best.id} has left no {one!r} in outputs; there is {there}")
            _copy(source, target)
        if output_name is None or all:
            for folder in ("outputs", "logs"):
                _copy(Path(best.folder) / folder, Path(download_path) / "artifacts" / folder)


class Environments:
    """`ml_client.environments`: names for jobs; what they mean, the job or the workspace's settings say."""

    def __init__(self) -> None:
        self._known: dict[str, Environment] = {}

    def create_or_update(self, environment: Environment) -> Environment:
        """Remember it for the jobs of this client."""
        vars(environment).update(version=vars(environment)["version"] or "1")
        self._known[str(vars(environment)["name"])] = environment
        return environment

    def get(self, name: str, version: str | None = None, label: str | None = None) -> Environment:
        """The one that was created here, else a bare name."""
        return self._known.get(name) or Environment(name=name, version=version)

    def fill_in(self, job: Job | LoadedJob) -> None:
        """Put what was created here in place of its name."""
        for step in getattr(job, "jobs", None) or {}:
            self.fill_in(job.jobs[step])  # type: ignore[union-attr]
        command = getattr(job, "trial", None) or job
        name = getattr(command, "environment", None)
        if isinstance(command, Command) and isinstance(name, str):
            command.environment = self._known.get(bare_name(name), name)


class Assets:
    """`ml_client.data` and `ml_client.compute`: things that have names."""

    def __init__(self) -> None:
        self._known: dict[str, Named] = {}

    def create_or_update(self, asset: Named) -> Named:
        """Remember it for the jobs of this client."""
        self._known[asset.name] = asset
        return asset

    def begin_create_or_update(self, asset: Named) -> Poller:
        """The same, done at once."""
        return Poller(self.create_or_update(asset))

    def get(self, name: str, **_: Any) -> Named:
        """The one of this name; NotFound when it was not created here."""
        if name not in self._known:
            raise NotFound(f"there is no {name!r} here yet; create it, or map it in the workspace's settings")
        return self._known[name]

    @property
    def paths(self) -> dict[str, str]:
        """Where the data are, by name."""
        return {name: path for name, one in self._known.items() if (path := vars(one).get("path"))}


class Models:
    """`ml_client.models`: versions of a job's files in the workspace."""

    def __init__(self, client: MLClient) -> None:
        self._client = client

    def create_or_update(self, model: Model) -> Any:
        """Keep the files at `path`, on this machine or `azureml://jobs/ID/outputs/artifacts/paths/PATH`."""
        from ..sdk.model import register

        address = model.id
        head, _, inside = address.partition("/outputs/artifacts/paths/")
        about: dict[str, Any] = {"tags": vars(model).get("tags") or {}, "properties": {}, "run_id": ""}
        about["description"] = vars(model).get("description")
        if head.startswith("azureml://jobs/"):
            run = Run.get(self._client.workspace, head.removeprefix("azureml://jobs/"))
            best = run.get_best_run_by_primary_metric() if isinstance(run, HyperDriveRun) else run
            if best is None:
                raise NotFound(f"{run.id} has no best run to take a model from")
            about["run_id"] = best.id
            found = [Path(best.folder) / inside.strip("/"), Path(best.folder) / "outputs" / inside.strip("/")]
            address = str(next((path for path in found if path.exists()), found[0]))
        if not Path(address).exists():
            raise NotFound(f"there is nothing at {address!r} to register as a model")
        return register(self._client.workspace, model.name, address, about)


class MLClient:
    """The workspace of this folder, with Azure's way in. Credentials and ids are accepted and mean nothing."""

    def __init__(self, *_: Any, workspace_name: str | None = None, **__: Any) -> None:
        self.workspace = Workspace.find()
        self.workspace_name = workspace_name or self.workspace.name
        self.jobs, self.models = Jobs(self), Models(self)
        self.environments, self.data, self.compute = Environments(), Assets(), Assets()

    @classmethod
    def from_config(cls, credential: Any = None, *, path: str | Path | None = None, **_: Any) -> MLClient:
        """The same; there need not be a config.json."""
        return cls()

    def create_or_update(self, entity: Any, **changes: Any) -> Any:
        """Submit a job; remember an environment, data or a compute; keep a model."""
        if isinstance(entity, Job | LoadedJob):
            return self.jobs.create_or_update(entity, **changes)
        if isinstance(entity, Environment):
            return self.environments.create_or_update(entity)
        if isinstance(entity, Model):
            return self.models.create_or_update(entity)
        if isinstance(entity, Data):
            return self.data.create_or_update(entity)
        if isinstance(entity, AmlCompute):
            return self.compute.create_or_update(entity)
        raise Unsupported(f"create_or_update: a {type(entity).__name__} means something in the cloud only")

    def begin_create_or_update(self, entity: Any) -> Poller:
        """The same, done at once."""
        return Poller(self.create_or_update(entity))

    def __getattr__(self, name: str) -> Any:
        if name in ("online_endpoints", "online_deployments", "batch_endpoints", "batch_deployments"):
            raise Unsupported(
                f"ml_client.{name}: models are not served from here; ml_client.models keeps their files"
            )
        raise AttributeError(f"MLClient has no {name!r} in Overdrive; docs/migrate.md lists what there is")


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        shutil.copytree(source, target, symlinks=True, dirs_exist_ok=True)
    elif source.exists():
        shutil.copy2(source, target)


def _is_pipeline(workspace: Workspace, name: str) -> bool:
    return Log(workspace.home, name).file.exists()


def _download(state: PipelineState, target: Path, output_name: str | None) -> None:
    outputs = state.refresh()["outputs"]
    for name in outputs if output_name is None else [output_name]:
        if name not in outputs:
            there = ", ".join(outputs) or "none"
            raise NotFound(f"pipeline {state.id} has no output {name!r} (yet); it has {there}")
        _copy(Path(outputs[name]), target / "named-outputs" / name)
