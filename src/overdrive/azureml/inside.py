"""HyperDrive's words inside a training process: the run with its files, tags and inputs, the workspace around it.

Standard library only, Python 3.8 and up.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NoReturn

from ..errors import NotFound, RunContextError
from ..runtime import wire
from ..runtime.context import ScriptRun
from .family import ChildRun, ParentRun


class Workspace:
    """The workspace of this run: its datasets, models and datastores."""

    subscription_id = resource_group = location = "local"

    def __init__(self, *_: Any, **__: Any) -> None:
        from ..sdk.datastore import home_of

        self.home = home_of()
        self.name = self.home.parent.name

    @classmethod
    def from_config(cls, *_: Any, **__: Any) -> Workspace:
        """The workspace of this run, whatever the file says."""
        return cls()

    get = from_config

    @property
    def datastores(self) -> dict[str, Any]:
        """The folder for data that is used when none is named."""
        default = self.get_default_datastore()
        return {default.name: default}

    @property
    def datasets(self) -> dict[str, Any]:
        """Every dataset by name."""
        from ..sdk.data import Dataset

        return Dataset.get_all(self)

    def get_mlflow_tracking_uri(self) -> str:
        """What MLflow has been told already: this run."""
        return os.environ.get(wire.MLFLOW_URI, "")

    def get_default_datastore(self) -> Any:
        """The folder for data."""
        from ..sdk.datastore import Datastore

        return Datastore(self)


class Experiment:
    """The experiment of this run."""

    def __init__(self, workspace: Workspace, name: str) -> None:
        self.workspace = workspace
        self.name = name


class Model:
    """Where the files of registered models are."""

    @staticmethod
    def get_model_path(model_name: str, version: int | None = None, _workspace: Any = None) -> str:
        """The file or folder of the newest version, or of this one; NotFound when there is none."""
        from ..sdk.datastore import home_of

        folder = home_of(_workspace) / "models" / os.path.basename(model_name)
        numbers = sorted(int(entry.name) for entry in folder.glob("*") if entry.name.isdigit())
        if not numbers or (version or numbers[-1]) not in numbers:
            raise NotFound(
                "there is no model %r (version %s) in %r" % (model_name, version or "any", str(folder))
            )
        (content,) = (folder / str(version or numbers[-1])).iterdir()
        return str(content)

    @staticmethod
    def register(workspace: Any, model_path: str, model_name: str, **about: Any) -> Any:
        """Keep a file or folder as the next version of a model. It needs Overdrive's store; where this Python
        lacks it, a line says so and the script goes on."""
        try:
            from ..sdk.model import Model as Whole
            from ..sdk.workspace import Workspace as Stored
        except ImportError as error:
            words = "overdrive: model %r is not registered from here (%s); its files are at %r"
            print(words % (model_name, error, os.path.abspath(model_path)), file=sys.stderr, flush=True)
            return None
        return Whole.register(Stored.find(), model_path, model_name, **about)


class AzureRun(ScriptRun):
    """The run that this process belongs to, with all that HyperDrive's scripts ask of it beside logging."""

    @property
    def experiment(self) -> Experiment:
        """With its workspace: `run.experiment.workspace`."""
        return Experiment(Workspace(), os.environ.get(wire.EXPERIMENT, "offline"))

    @property
    def input_datasets(self) -> dict[str, Any]:
        """Named inputs: paths of those that are mounted, datasets of the others."""
        from ..sdk.data import named_inputs

        return named_inputs()

    @property
    def parent(self) -> ParentRun | None:
        """The sweep: its id; None outside one."""
        if self.offline:
            return None
        return ParentRun(os.environ.get(wire.SWEEP_ID, ""), self.experiment, self)

    type = "run"

    @property
    def output_datasets(self) -> dict[str, Any]:
        """None: what a run leaves lies in its outputs/."""
        return {}

    @property
    def name(self) -> str:
        """The name that people see."""
        return self.get_tags().get("display_name", self.id)

    @property
    def display_name(self) -> str:
        """The name that people see."""
        return self.name

    @display_name.setter
    def display_name(self, name: str) -> None:
        self.tag("display_name", name)

    @property
    def description(self) -> str:
        """What it is for."""
        return self.get_tags().get("description", "")

    @description.setter
    def description(self, text: str) -> None:
        self.tag("description", text)

    @property
    def status(self) -> str:
        """It runs, since it asks."""
        return self.get_status()

    def get_status(self) -> str:
        """It runs, since it asks."""
        return "Running"

    def get_detailed_status(self) -> str:
        """It runs, since it asks."""
        return self.get_status()

    def get_portal_url(self) -> str:
        """Where the studio shows it, once `overdrive studio` has been started."""
        return "http://127.0.0.1:8484/"

    def get_children(self, *_: Any, **__: Any) -> Iterator[Any]:
        """A run of a sweep has none."""
        return iter(())

    def child_run(self, name: str | None = None, run_id: Any = None, outputs: Any = None) -> ChildRun:
        """A part of this run, whose metrics are kept apart: `<name>/<metric>`."""
        self._children = getattr(self, "_children", 0) + 1
        return ChildRun(self, name or "child_%d" % self._children)

    def create_children(
        self, count: int | None = None, tag_key: str | None = None, tag_values: Sequence[Any] = ()
    ) -> list[ChildRun]:
        """Several parts, so many or one for each value of a tag."""
        if tag_key is None:
            return [self.child_run() for _ in range(count or 0)]
        return [self.child_run("%s_%s" % (tag_key, value)) for value in tag_values]

    def get_secret(self, name: str) -> str:
        """A variable of the environment: secrets are given as ScriptRunConfig(environment_variables=...)."""
        if name not in os.environ:
            raise NotFound(
                "there is no secret %r: give it as ScriptRunConfig(environment_variables={...})" % (name,)
            )
        return os.environ[name]

    def start(self) -> None:
        """Nothing to do: it has been started."""

    def wait_for_completion(self, *_: Any, **__: Any) -> dict[str, Any]:
        """A run cannot wait for itself: its details."""
        return self.get_details()

    def cancel(self) -> None:
        """A run does not cancel itself: it ends with sys.exit()."""
        print("overdrive: run.cancel() in its own script does nothing; sys.exit() ends it", file=sys.stderr)

    def get_details(self) -> dict[str, Any]:
        """Id, status and arguments."""
        definition = {"script": sys.argv[0], "arguments": sys.argv[1:]}
        return {"runId": self.id, "status": "Running", "runDefinition": definition}

    def get_details_with_logs(self) -> dict[str, Any]:
        """Its details, and where what it prints is written."""
        names = ("stdout.txt", "stderr.txt")
        return {**self.get_details(), "logFiles": dict(zip(names, self.get_all_logs()))}

    def get_all_logs(self, destination: str | None = None) -> list[str]:
        """The files of what it has printed so far, as copies where a folder is named."""
        if self.offline:
            return []
        files = [self._folder().stdout, self._folder().stderr]
        if destination is None:
            return files
        os.makedirs(destination, exist_ok=True)
        return [shutil.copy(path, destination) for path in files]

    def _ask_outside(self, *_: Any, **__: Any) -> NoReturn:
        """A script is in its snapshot already, and in its environment."""
        raise RunContextError(
            "a training script cannot ask for its own snapshot or environment: ask the child run where the sweep"
            " was submitted; the source is in the working directory, the interpreter is %r"
            % (sys.executable,)
        )

    get_environment = get_snapshot_id = restore_snapshot = take_snapshot = _ask_outside

    def get_metrics(self, name: str | None = None, **_: Any) -> dict[str, Any]:
        """What has been logged so far, by name: a value, or the list of several."""
        found: dict[str, list[Any]] = {}
        for line in wire.Tail(self._folder().metrics).read(final=True) if not self.offline else ():
            for record in wire.parse_line(line) or ():
                found.setdefault(record.name, []).append(record.value)
        return {
            key: values[0] if len(values) == 1 else values
            for key, values in found.items()
            if name is None or key == name
        }

    # tags and properties --------------------------------------------------------------------------

    def tag(self, key: str, value: str | None = None) -> None:
        """Keep a tag with the run."""
        self.set_tags({key: value})

    def set_tags(self, tags: Mapping[str, Any]) -> None:
        """Keep tags with the run."""
        self._note(tags)

    def get_tags(self) -> dict[str, str]:
        """The tags that the run has."""
        return dict(wire.read_json(self._folder().tags) or {}) if not self.offline else {}

    tags = property(get_tags)

    def remove_tags(self, tags: Sequence[str]) -> None:
        """Forget tags."""
        if not self.offline:
            kept = {key: value for key, value in self.get_tags().items() if key not in tags}
            wire.write_json(self._folder().tags, kept)

    def add_properties(self, properties: Mapping[str, Any]) -> None:
        """Kept with the tags."""
        self._note(properties)

    get_properties, properties = get_tags, tags

    def _note(self, tags: Mapping[str, Any]) -> None:
        if self.offline:
            print("tags: %s" % ", ".join("%s=%s" % pair for pair in tags.items()), flush=True)
            return
        text = {str(key): "" if value is None else str(value) for key, value in tags.items()}
        wire.write_json(self._folder().tags, {**self.get_tags(), **text})

    # files ----------------------------------------------------------------------------------------

    def upload_file(self, name: str, path_or_stream: Any, datastore_name: Any = None) -> str:
        """Keep a file (or what a stream gives) under `name` in the run's folder; where it is."""
        target = self._target(name)
        if hasattr(path_or_stream, "read"):
            content = path_or_stream.read()
            with open(target, "wb") as file:
                file.write(content.encode() if isinstance(content, str) else content)
        elif not os.path.isfile(path_or_stream):
            raise NotFound("upload_file(%r): there is no file %r" % (name, os.fspath(path_or_stream)))
        elif not (os.path.exists(target) and os.path.samefile(path_or_stream, target)):
            import shutil

            shutil.copy2(path_or_stream, target)
        return target

    def upload_files(self, names: Sequence[str], paths: Sequence[str], *_: Any, **__: Any) -> list[str]:
        """Several at once; RunContextError when there are not as many names as paths."""
        if len(names) != len(paths):
            raise RunContextError("upload_files: %d names for %d paths" % (len(names), len(paths)))
        return [self.upload_file(name, path) for name, path in zip(names, paths)]

    def upload_folder(self, name: str, path: str, datastore_name: Any = None) -> str:
        """Keep a folder under `name` in the run's folder."""
        if not os.path.isdir(path):
            raise NotFound("upload_folder(%r): there is no folder %r" % (name, path))
        target = self._target(name)
        for folder, _, files in os.walk(path):
            for file in files:
                whole = os.path.join(folder, file)
                self.upload_file(os.path.join(name, os.path.relpath(whole, path)), whole)
        return target

    def download_file(self, name: str, output_file_path: str | None = None, *_: Any, **__: Any) -> str:
        """Copy a file of the run's folder (to a folder or a path); where it is now."""
        import shutil

        source, target = self._target(name), output_file_path or os.path.basename(name)
        if not os.path.isfile(source):
            raise NotFound("run %s has no file %r" % (self.id, name))
        if os.path.isdir(target):
            target = os.path.join(target, os.path.basename(name))
        os.makedirs(os.path.dirname(os.path.abspath(target)), exist_ok=True)
        if not (os.path.exists(target) and os.path.samefile(source, target)):
            shutil.copy2(source, target)
        return target

    def download_files(
        self, prefix: str | None = None, output_directory: str | None = None, *_: Any, **__: Any
    ) -> list[str]:
        """Copy every file whose name begins with `prefix` to a folder; where they are now."""
        names = [name for name in self.get_file_names() if name.startswith(prefix or "")]
        return [self.download_file(name, os.path.join(output_directory or ".", name)) for name in names]

    def get_file_names(self) -> list[str]:
        """Every file in the run's outputs/ and logs/."""
        root = self._folder().path
        return sorted(
            os.path.relpath(os.path.join(folder, file), root)
            for top in ("outputs", "logs")
            for folder, _, files in os.walk(os.path.join(root, top))
            for file in files
        )

    def register_model(self, model_name: str, model_path: str | None = None, **about: Any) -> Any:
        """Keep files of this run as the next version of a model. It needs Overdrive's store; where this Python
        lacks it, a line says so and the script goes on: register it from the driver then."""
        try:
            from ..sdk.run import Run
            from ..sdk.workspace import Workspace as Whole

            run = Run.get(Whole.find(), self.id)
        except ImportError as error:
            words = "overdrive: model %r is not registered from here (%s); its files stay in %s"
            print(words % (model_name, error, self._folder().path), file=sys.stderr, flush=True)
            return None
        return run.register_model(model_name, model_path, about.get("tags"), about.get("properties"))

    # charts that travel as JSON -------------------------------------------------------------------

    def _log_json(self, kind: str, name: str, value: Any) -> None:
        import json

        text = value if isinstance(value, str) else json.dumps(value)
        if self.offline:
            print("%s: %s %s" % (name, kind, text), flush=True)
        else:
            self.upload_file(os.path.join("outputs", kind, os.path.basename(name) + ".json"), _Text(text))

    def log_confusion_matrix(self, name: str, value: Any, description: str = "") -> None:
        """Kept as outputs/confusion_matrix/<name>.json."""
        self._log_json("confusion_matrix", name, value)

    def log_accuracy_table(self, name: str, value: Any, description: str = "") -> None:
        """Kept as outputs/accuracy_table/<name>.json."""
        self._log_json("accuracy_table", name, value)

    def log_residuals(self, name: str, value: Any, description: str = "") -> None:
        """Kept as outputs/residuals/<name>.json."""
        self._log_json("residuals", name, value)

    def log_predictions(self, name: str, value: Any, description: str = "") -> None:
        """Kept as outputs/predictions/<name>.json."""
        self._log_json("predictions", name, value)

    def _target(self, name: str) -> str:
        root = self._folder().path
        target = os.path.normpath(os.path.join(root, name))
        if os.path.commonpath([root, target]) != root:
            raise RunContextError("%r leads out of the run's folder" % (name,))
        os.makedirs(os.path.dirname(target), exist_ok=True)
        return target


class SubmittedRun(AzureRun):
    """The run of a sweep, or of a script that was submitted."""


class OfflineRun(AzureRun):
    """A script that was started by hand: scripts ask `isinstance(run, _OfflineRun)`."""


class _Text:
    def __init__(self, text: str) -> None:
        self.read = lambda: text
