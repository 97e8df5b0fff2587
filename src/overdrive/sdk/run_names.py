"""Names of a run that notebooks know and few use: what it is called, its snapshot, files and tags from outside, and
what is not done from outside, each with one line that says what to do instead.

Imported by training scripts too: standard library only, Python 3.8.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ..errors import Unsupported
from ..runtime.wire import write_json


class RunNames:
    """The rest of Run."""

    @property
    def display_name(self: Any) -> str:
        """The name that people see."""
        return str(self.get_tags().get("display_name", self.id))

    @display_name.setter
    def display_name(self: Any, name: str) -> None:
        self.set_tags({"display_name": name})

    @property
    def name(self: Any) -> str:
        """The name that people see."""
        return str(self.display_name)

    @property
    def description(self: Any) -> str:
        """What it is for; empty when nobody has said it."""
        return str(self.get_tags().get("description", ""))

    @description.setter
    def description(self: Any, text: str) -> None:
        self.set_tags({"description": text})

    @property
    def input_datasets(self: Any) -> dict[str, Any]:
        """The paths or datasets of its named inputs."""
        from .data import named_inputs

        variables = self._view.sweep.config["run_config"]["environment_variables"]
        return named_inputs(variables)

    @property
    def output_datasets(self: Any) -> dict[str, Any]:
        """None: what a run leaves lies in its outputs/."""
        return {}

    @staticmethod
    def list(experiment: Any, type: str | None = None, tags: Any = None, **more: Any) -> Iterator[Any]:
        """The sweeps and runs of an experiment, newest first."""
        found: Iterator[Any] = experiment.get_runs(type, tags, **more)
        return found

    def get_environment(self: Any) -> Any:
        """The environment that it was submitted with, by its name."""
        from .environment import Environment

        name = self._view.sweep.config["run_config"]["environment"]
        return Environment(name or "local", _only_a_name=True)

    def get_snapshot_id(self: Any) -> str:
        """The name of the copy of its source."""
        return os.path.basename(str(self._view.sweep.config["snapshot"]))

    def restore_snapshot(self: Any, snapshot_id: str | None = None, path: str | None = None) -> str:
        """Copy its source, as it was at submit, to a folder (by default `snapshot_<id>`); where it is now."""
        target = path or f"snapshot_{self.get_snapshot_id()}"
        shutil.copytree(self._view.sweep.config["snapshot"], target, dirs_exist_ok=True)
        return target

    def upload_file(self: Any, name: str, path_or_stream: Any, datastore_name: Any = None) -> str:
        """Add a file to those of the run; where it is now."""
        from ..errors import ConfigError, NotFound, Problem

        root = self._folder.path
        target = os.path.normpath(os.path.join(root, name))
        if os.path.commonpath([root, target]) != root:
            raise ConfigError(Problem("name", f"{name!r} leads out of the run's folder"))
        if not hasattr(path_or_stream, "read") and not os.path.isfile(path_or_stream):
            raise NotFound(f"upload_file({name!r}): there is no file {os.fspath(path_or_stream)!r}")
        os.makedirs(os.path.dirname(target), exist_ok=True)
        if hasattr(path_or_stream, "read"):
            content = path_or_stream.read()
            with open(target, "wb") as file:
                file.write(content.encode() if isinstance(content, str) else content)
        elif not (os.path.exists(target) and os.path.samefile(path_or_stream, target)):
            shutil.copy2(path_or_stream, target)
        return target

    def remove_tags(self: Any, tags: Sequence[str]) -> None:
        """Forget tags that were set after the submit."""
        kept: Mapping[str, str] = {key: value for key, value in self.get_tags().items() if key not in tags}
        write_json(self._tags, dict(kept))

    def start(self: Any) -> None:
        """Nothing to do: it has been started by its sweep."""

    flush = complete = clean = start

    def _by_the_script(self: Any, *_: Any, **__: Any) -> Any:
        """Not from outside."""
        raise Unsupported(
            f"{self.id}: values are logged by the script of a run, Run.get_context().log(...); a driver has "
            "experiment.start_logging()"
        )

    log = log_list = log_row = log_table = log_image = _by_the_script

    def submit_child(self: Any, config: Any, tags: Mapping[str, str] | None = None, **_: Any) -> Any:
        """Submit it to the same experiment, tagged with this run's id as `parent`."""
        return self.experiment.submit(config, {**(tags or {}), "parent": self.id})

    def fail(self: Any, *_: Any, **__: Any) -> None:
        """Not from outside."""
        raise Unsupported(
            f"{self.id}: a run fails when its script exits with another code than 0; cancel() ends it"
        )

    def _not_here(self: Any, *_: Any, **__: Any) -> Any:
        """Not from outside."""
        raise Unsupported(
            f"{self.id}: a run's parts and snapshots are made by its script and its submit alone"
        )

    child_run = create_children = take_snapshot = _not_here
