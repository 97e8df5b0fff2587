"""Workspace: the folder `.overdrive/` of a project, and what is kept in it."""

from __future__ import annotations

import builtins
import os
import time
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import ConfigError, NotFound, Unsupported
from ..model.records import Status
from ..runtime.wire import HOME
from ..store.base import Store, open_store
from .addresses import FOLDER, in_workspace
from .data import Dataset, FileDataset
from .datastore import Datastore
from .run import START_SECONDS
from .settings import Settings, read_settings

if TYPE_CHECKING:
    from .experiment import Experiment
    from .run import Run

_PATH = {
    "overdrive": "",
    "azureml": "azureml/entry",
    "overdrive_mlflow-1.dist-info": "runtime/mlflow.dist-info",
}
"""What stands on a run's PYTHONPATH: links into the package."""


class Workspace:
    """A project's sweeps, runs, snapshots and models.

    `.overdrive/` holds `overdrive.db`, `snapshots/<hash>/`, `runs/<sweep>/<number>/` and `models/`.
    """

    subscription_id = resource_group = location = "local"
    """What notebooks print of a workspace; there is no cloud around this one."""

    def __init__(
        self, folder: str | os.PathLike[str] = ".", resource_group: str | None = None, *_: Any, **cloud: Any
    ) -> None:
        if resource_group is not None or cloud:  # HyperDrive's form: subscription, group, name
            folder = Workspace.find().root
        self.root: Path = Path(folder).absolute()
        self.home: Path = self.root / FOLDER

    @classmethod
    def find(cls, folder: str | os.PathLike[str] | None = None) -> Workspace:
        """The workspace that `folder` (else the current one) lies in, by walking up; else a new one there.

        The variable OVERDRIVE_HOME, the path of a `.overdrive` folder, goes before any search.
        """
        named = os.environ.get(HOME)
        if folder is None and named:
            workspace = cls(Path(named).parent)
            workspace.home = Path(named).absolute()
            return workspace._made()
        start = Path(folder or ".").absolute()
        if not start.is_dir():
            raise NotFound(f"workspace: there is no folder {str(start)!r}")
        for place in (start, *start.parents):
            if (place / FOLDER).is_dir():
                return cls(place)._made()
        return cls(start)._made()

    @classmethod
    def from_config(cls, path: str | os.PathLike[str] | None = None, **_: Any) -> Workspace:
        """HyperDrive's way in: where to begin the search, a folder or a file in it. The config.json of a
        workspace in the cloud need not be there."""
        place = Path(path or ".")
        return cls.find(place if path and place.is_dir() else place.parent if place.is_file() else None)

    @classmethod
    def get(cls, name: str, *_: Any, **cloud: Any) -> Workspace:
        """The nearest workspace, whatever its name in the cloud was."""
        return cls.find()

    create = get

    @staticmethod
    def list(*_: Any, **__: Any) -> dict[str, Any]:
        """The nearest workspace, by its name."""
        found = Workspace.find()
        return {found.name: [found]}

    def write_config(self, path: str | None = None, file_name: str | None = None) -> None:
        """Nothing to write: a workspace is found by its folder."""

    @property
    def name(self) -> str:
        """The name of the project's folder."""
        return self.root.name

    @property
    def store_url(self) -> str:
        """Where this workspace remembers: in its folder, or where the settings or OVERDRIVE_STORE say."""
        store = self.settings.store
        url = store.get("url")
        if url is None:
            return f"sqlite:///{self.home / 'overdrive.db'}"
        if url.startswith("sqlite:///"):  # controllers run in another folder
            return f"sqlite:///{self.root / url.removeprefix('sqlite:///')}"
        return in_workspace(url, store.get("workspace") or self.name or "default")

    @cached_property
    def store(self) -> Store:
        """This workspace's memory."""
        return open_store(self.store_url)

    def reopened(self) -> Workspace:
        """The same workspace with a store of its own, for another thread."""
        again = Workspace(self.root)
        again.home = self.home
        return again

    @property
    def settings(self) -> Settings:
        """What the names of environments, computes and data mean here, as the file says now."""
        return read_settings(self.home)

    @property
    def experiments(self) -> Mapping[str, Experiment]:
        """Every experiment that has a sweep, by name."""
        from .experiment import Experiment

        return {sweep.experiment: Experiment(self, sweep.experiment) for sweep in self.store.sweeps()}

    @property
    def models(self) -> builtins.list[dict[str, Any]]:
        """Every registered model: name, version, path, the run it comes from."""
        return self.store.models()

    @property
    def environments(self) -> dict[str, Any]:
        """Every registered environment and every one in the settings, by name."""
        from .environment import Environment

        return Environment.list(self)

    @property
    def compute_targets(self) -> dict[str, Any]:
        """Every compute target in the settings, by name."""
        from .compute import ComputeTarget

        return {name: ComputeTarget(self, name) for name in self.settings.compute}

    @property
    def datasets(self) -> dict[str, FileDataset]:
        """Every registered dataset and every name in the settings' `[data]`."""
        return Dataset.get_all(self)

    @property
    def datastores(self) -> dict[str, Datastore]:
        """The folders for data, by name."""
        default = self.get_default_datastore()
        kept = (path.name for path in (self.home / "datastores").glob("*") if path.is_dir())
        names = {default.name, *kept}
        return {name: Datastore(self, name) for name in sorted(names)}

    def set_default_datastore(self, name: str) -> None:
        """Use this folder for data where none is named."""
        Datastore(self, name).set_as_default()

    def get_default_compute_target(self, type: str = "CPU") -> None:
        """None: without a target runs run on this machine."""

    def get_default_datastore(self) -> Datastore:
        """The folder for data that is used when none is named."""
        return Datastore(self)

    def get_mlflow_tracking_uri(self) -> str:
        """Where a driver that logs with MLflow keeps it; the scripts of runs report to their runs."""
        return (self.home / "mlruns").as_uri()

    def get_default_keyvault(self) -> Any:
        """Not here."""
        raise Unsupported(
            "secrets are environment variables here: ScriptRunConfig(environment_variables=...)"
        )

    def get_details(self) -> dict[str, Any]:
        """Name and place."""
        return {"id": str(self.home), "name": self.name, "location": self.location}

    def find_id(self, prefix: str) -> str:
        """The id of the sweep or run that is meant: a whole id, the beginning of a sweep's, or `last`."""
        return self.store.find(prefix)

    def get_run(self, run_id: str) -> Run:
        """The sweep or run of this id."""
        from .run import Run

        return Run.get(self, run_id)

    def orphans(self) -> builtins.list[str]:
        """The sweeps that should go on and have lost their controller, newest first."""
        from ..controller.lease import holds

        found = []
        for sweep in self.store.sweeps():
            if sweep.status.terminal or sweep.status is Status.PAUSED:
                continue
            holder = self.store.holder(sweep.id)
            lost = holder is not None and not holds(holder)
            young = time.time() - (sweep.created or 0.0) < START_SECONDS
            if lost or (holder is None and not young):
                found.append(sweep.id)
        return found

    def attend(self, sweep_id: str) -> bool:
        """See that a process controls the sweep: start one, unless a living one holds it; whether it started."""
        from ..controller.daemon import spawn
        from ..controller.lease import holds

        holder = self.store.holder(sweep_id)
        if holder is not None and holds(holder):
            return False
        spawn().control(self.store_url, self.home, sweep_id)
        return True

    def sweep_folder(self, sweep_id: str) -> Path:
        """Where the run folders of a sweep lie."""
        return self.home / "runs" / sweep_id

    def run_folder(self, sweep_id: str, number: int, attempt: int = 0) -> Path:
        """Where a run has worked: its copy of the source, `outputs/`, `logs/`."""
        return self.sweep_folder(sweep_id) / (f"{number}.{attempt}" if attempt else str(number))

    def python_path(self) -> Path:
        """A folder with links to this very package, for interpreters that do not know it, and to what makes
        MLflow find its store there."""
        folder = self.home / "path"
        folder.mkdir(exist_ok=True)
        package = Path(__file__).parent.parent
        for name, target in _PATH.items():
            link, meant = folder / name, package / target
            if not link.is_symlink() or Path(os.readlink(link)) != meant:
                aside = folder / f".{name}.{os.getpid()}"
                aside.symlink_to(meant)
                aside.replace(link)
        return folder

    def _made(self) -> Workspace:
        try:
            self.home.mkdir(parents=True, exist_ok=True)
            ignore = self.home / ".gitignore"
            if not ignore.exists():
                ignore.write_text("*\n")
        except OSError as error:
            raise ConfigError(f"workspace: cannot write to {str(self.home)!r}: {error.strerror}") from error
        return self

    def __repr__(self) -> str:
        return f"Workspace({str(self.root)!r})"
