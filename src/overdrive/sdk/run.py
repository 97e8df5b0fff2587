"""Run: one run, seen from outside; and `Run.get_context()`, the run that a script is in.

Imported by training scripts too, in whatever interpreter they run: nothing but the standard library at
import, Python 3.8 syntax.
"""

from __future__ import annotations

import codecs
import os
import shutil
import sys
import time
from datetime import datetime, timezone
from itertools import repeat
from typing import TYPE_CHECKING, Any, Iterator, Mapping

from ..runtime.context import ScriptRun
from ..runtime.wire import RunFolder, read_json, write_json
from .run_names import RunNames

if TYPE_CHECKING:
    from ..model.records import RunRecord
    from .experiment import Experiment
    from .view import SweepView
    from .workspace import Workspace

SHORTEST_POLL, LONGEST_POLL = 0.02, 0.25
"""Seconds between two looks of somebody who waits: short while there is news, longer in quiet times."""

START_SECONDS = 20.0
"""So long a new sweep may be without a controller before we say that there is none."""

PATIENT_SECONDS = 60.0
"""So long somebody who waits for a sweep does without one before giving up: a busy machine starts slowly."""


class Run(RunNames):
    """One run of a sweep, or a script that was submitted on its own."""

    def __init__(self, experiment: Experiment, run_id: str, _view: SweepView | None = None) -> None:
        self.experiment = experiment
        self._run_id = run_id
        self._seen = _view

    @staticmethod
    def get_context(allow_offline: bool = True) -> ScriptRun:
        """The run that this very process belongs to: what a training script logs with."""
        return ScriptRun.get_context(allow_offline)

    get_submitted_run = get_context

    @staticmethod
    def get(workspace: Workspace, run_id: str) -> Run:
        """The sweep (a HyperDriveRun) or the run of this id; NotFound when there is none."""
        from .experiment import Experiment
        from .hyperdrive_run import HyperDriveRun
        from .view import SweepView

        found = workspace.store.find(run_id)
        sweep_id = workspace.store.owner(found) if _is_run(workspace, found) else found
        view = SweepView(workspace.store, sweep_id)
        experiment = Experiment(workspace, view.sweep.experiment)
        if found == sweep_id and view.sweep.kind == "hyperdrive":
            return HyperDriveRun(experiment, found, _view=view)
        return Run(experiment, found, _view=view)

    # What it is

    @property
    def id(self) -> str:
        """The id of the run."""
        return self._run_id

    @property
    def number(self) -> int:
        """The number of the run in its sweep, from 0."""
        return self._record.number

    @property
    def parent(self) -> Run | None:
        """The sweep that this run belongs to."""
        if self._view.sweep.kind != "hyperdrive" or self._run_id == self._sweep_id:
            return None
        return Run.get(self.experiment.workspace, self._sweep_id)

    @property
    def type(self) -> str:
        """`hyperdrive` for a sweep, `script` for a script that was submitted alone, `run` for a sweep's run."""
        kind = self._view.sweep.kind
        return kind if self._run_id == self._sweep_id else "run"

    @property
    def status(self) -> str:
        """The status as it is now, in HyperDrive's words."""
        return self.get_status()

    def get_status(self) -> str:
        """The status as it is now, in HyperDrive's words."""
        self._view.refresh()
        return str(self._record.status if self._view.runs else self._view.sweep.status)

    def get_detailed_status(self) -> str:
        """The same."""
        return self.get_status()

    def get_portal_url(self) -> str:
        """Where the studio shows it, once `overdrive studio` has been started."""
        page = f"http://127.0.0.1:8484/#/sweeps/{self._sweep_id}"
        return page if self._run_id == self._sweep_id else f"{page}/runs/{self.number}"

    def get_details(self) -> dict[str, Any]:
        """What ran, where, when and how it ended; the tokens of its command line under
        `['runDefinition']['arguments']` (and `'Arguments'`)."""
        self._view.refresh()
        run, sweep = self._record, self._view.sweep
        argv = self._argv()
        definition = {
            "script": sweep.config["run_config"]["script"],
            "command": argv,
            "arguments": argv[2:],
            "Arguments": argv[2:],
            "sourceDirectory": sweep.config["run_config"]["source_directory"],
            "maxRunDurationSeconds": sweep.config["run_config"]["max_run_duration_seconds"],
        }
        details = {
            "runId": self.id,
            "target": sweep.config["run_config"]["compute_target"] or "local",
            "status": str(run.status),
            "startTimeUtc": _utc(run.started),
            "endTimeUtc": _utc(run.ended),
            "exitCode": run.exit_code,
            "reason": run.reason,
            "parameters": dict(run.params),
            "properties": self.get_tags(),
            "runDefinition": definition,
            "logFiles": {"stdout.txt": self._folder.stdout, "stderr.txt": self._folder.stderr},
        }
        return {key: value for key, value in details.items() if value is not None}

    # What it logged and left

    def get_metrics(
        self,
        name: str | None = None,
        recursive: bool = False,
        run_type: str | None = None,
        populate: bool = False,
    ) -> dict[str, Any]:
        """What the run has logged, by name: a value, or the list of values when there are several.

        Rows and tables are dicts of columns (of single cells where there is one row); images are paths.
        """
        self._view.refresh()
        found: dict[str, Any] = {}
        for key, values in self._view.metrics(self._record.id).items():
            found[key] = values[0] if len(values) == 1 else values
        for entry in self.experiment.workspace.store.entries(self._record.id):
            found[entry.name] = _joined(found.get(entry.name), entry.kind, entry.payload)
        found = {key: _single_row(value) for key, value in found.items()}
        return found if name is None else {key: value for key, value in found.items() if key == name}

    def get_file_names(self) -> list[str]:
        """Every file in the run's `outputs/` and `logs/`, and `stdout.txt` and `stderr.txt`."""
        root = self._folder.path
        paths: list[str] = []
        for top in ("outputs", "logs"):
            for folder, _, files in os.walk(os.path.join(root, top)):
                paths += [os.path.join(folder, file) for file in files]
        names = [os.path.relpath(path, root) for path in paths if os.path.isfile(path)]
        streams = {"stdout.txt": self._folder.stdout, "stderr.txt": self._folder.stderr}
        return sorted(names) + [name for name, path in streams.items() if os.path.exists(path)]

    def download_file(self, name: str, output_file_path: str | None = None) -> str:
        """Copy a file of the run (to a folder or a path; by default its own name here); where it is now."""
        target = output_file_path or os.path.basename(name)
        if os.path.isdir(target):
            target = os.path.join(target, os.path.basename(name))
        source = self._path_of(name)
        if not os.path.isfile(source):
            raise self._no_file(name)
        os.makedirs(os.path.dirname(os.path.abspath(target)), exist_ok=True)
        shutil.copy2(source, target)
        return target

    def download_files(
        self,
        prefix: str | None = None,
        output_directory: str | None = None,
        output_paths: list[str] | None = None,
        batch_size: int = 100,
        append_prefix: bool = True,
    ) -> list[str]:
        """Copy every file whose name begins with `prefix`, under their names (without the prefix if
        `append_prefix` is false) or to `output_paths`; where they are now."""
        names = [name for name in self.get_file_names() if name.startswith(prefix or "")]
        if output_paths is None:
            cut = 0 if append_prefix else len(prefix or "")
            output_paths = [os.path.join(output_directory or ".", name[cut:].lstrip("/")) for name in names]
        if len(output_paths) != len(names):
            from ..errors import ConfigError

            raise ConfigError(f"download_files: {len(output_paths)} output_paths for {len(names)} files")
        return [self.download_file(name, path) for name, path in zip(names, output_paths)]

    def get_all_logs(self, destination: str | None = None) -> list[str]:
        """Copy stdout.txt, stderr.txt and all in logs/ to a folder; where they are now."""
        names = [name for name in self.get_file_names() if not name.startswith("outputs")]
        return [self.download_file(name, os.path.join(destination or ".", name)) for name in names]

    def get_details_with_logs(self) -> dict[str, Any]:
        """The details, with the text of the logs instead of their paths."""
        details = self.get_details()
        for name, path in details.get("logFiles", {}).items():
            try:
                with open(path, encoding="utf-8", errors="replace") as file:
                    details["logFiles"][name] = file.read()
            except OSError:
                details["logFiles"][name] = ""
        return details

    # Tags

    def get_tags(self) -> dict[str, str]:
        """What the run was tagged with: at submit, by its script, or here."""
        kept = read_json(self._tags)
        own = self._view.sweep.tags if self._run_id == self._sweep_id else {}
        return {**own, **(kept if isinstance(kept, dict) else {})}

    get_properties = get_tags

    @property
    def tags(self) -> dict[str, str]:
        """What the run was tagged with."""
        return self.get_tags()

    properties = tags

    def tag(self, key: str, value: str | None = None) -> None:
        """Keep a tag with the run."""
        self.set_tags({key: value})

    def set_tags(self, tags: Mapping[str, Any]) -> None:
        """Keep tags with the run; those of other names stay."""
        text = {str(key): "" if value is None else str(value) for key, value in tags.items()}
        write_json(self._tags, {**self.get_tags(), **text})

    add_properties = set_tags

    def register_model(
        self,
        model_name: str,
        model_path: str | None = None,
        tags: dict[str, str] | None = None,
        properties: dict[str, str] | None = None,
        description: str | None = None,
        **more: Any,
    ) -> Any:
        """Keep a file or folder of this run as the next version of a model, in the workspace's `models/`."""
        from .model import register

        source = self._path_of(model_path or model_name)
        about = {
            "tags": tags or {},
            "properties": properties or {},
            "description": description,
            **{name: value for name, value in more.items() if isinstance(value, str)},
            "run_id": self.id,
        }
        return register(self.experiment.workspace, model_name, source, about)

    # Waiting and ending

    def wait_for_completion(
        self, show_output: bool = False, wait_post_processing: bool = False, raise_on_error: bool = True
    ) -> dict[str, Any]:
        """Wait until nothing more will happen; the details. RunFailed when it failed, unless
        `raise_on_error` is false. Ctrl-C ends the waiting, never the run."""
        from ..errors import ComputeError, RunFailed

        show = self._output() if show_output else repeat(None)
        news = time.monotonic()
        while True:
            changed = self._view.refresh()
            over = self._is_over()
            next(show)
            if over:
                break
            if changed:
                news = time.monotonic()
            quiet = time.monotonic() - news
            if quiet > PATIENT_SECONDS and self._view.controller is None and not self._view.refresh():
                log = self.experiment.workspace.sweep_folder(self._sweep_id) / "controller.log"
                raise ComputeError(f"{self._sweep_id}: nobody controls it any more; see {str(log)!r}")
            time.sleep(min(max(quiet / 10, SHORTEST_POLL), LONGEST_POLL))
        details = self.get_details()
        if raise_on_error and self.get_status() == "Failed":
            raise RunFailed(f"{self.id} failed: {self._why()}")
        return details

    def cancel(self) -> None:
        """Ask for this run to be ended: TERM to all its processes, the grace time, KILL."""
        if not self.record.status.terminal:
            self.experiment.workspace.store.ask(self._sweep_id, "cancel", self._record.id)
            self.experiment.workspace.attend(self._sweep_id)

    def get_children(self, *_: Any, **__: Any) -> Iterator[Run]:
        """A single run has none."""
        return iter(())

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.experiment.name!r}, {self._run_id!r}, {self.get_status()})"

    # Beside HyperDrive's names

    @property
    def record(self) -> RunRecord:
        """All that is remembered of the run."""
        self._view.refresh()
        return self._record

    @property
    def view(self) -> SweepView:
        """All records of the sweep; `view.refresh()` brings them up to date."""
        return self._view

    @property
    def metric(self) -> str:
        """The name of the sweep's primary metric."""
        return self._view.metric

    @property
    def folder(self) -> str:
        """Where the run works, or has worked."""
        return self._folder.path

    # Inside

    @property
    def _view(self) -> SweepView:
        if self._seen is None:
            from .view import SweepView

            store = self.experiment.workspace.store
            found = store.find(self._run_id)
            sweep_id = store.owner(found) if _is_run(self.experiment.workspace, found) else found
            self._seen = SweepView(store, sweep_id)
        return self._seen

    @property
    def _sweep_id(self) -> str:
        return self._view.sweep.id

    @property
    def _tags(self) -> str:
        if self._run_id == self._sweep_id and self._view.sweep.kind == "hyperdrive":
            return os.path.join(self.experiment.workspace.sweep_folder(self._sweep_id), "tags.json")
        return self._folder.tags

    @property
    def _record(self) -> RunRecord:
        runs = self._view.runs
        if self._view.sweep.kind != "hyperdrive":
            return runs[0] if runs else self._first_record()
        return self._view.run(self._run_id)

    def _first_record(self) -> RunRecord:
        """The record of a script that was submitted a moment ago, once it is there."""
        deadline = time.monotonic() + PATIENT_SECONDS
        while not self._view.runs:
            if self._view.sweep.status.terminal or time.monotonic() > deadline:
                from ..errors import NotFound

                raise NotFound(f"{self._run_id} is {self._view.sweep.status} and was never started")
            time.sleep(SHORTEST_POLL)
            self._view.refresh()
        return self._view.runs[0]

    @property
    def _folder(self) -> RunFolder:
        workspace = self.experiment.workspace
        run = self._record
        return RunFolder(os.fspath(workspace.run_folder(self._sweep_id, run.number, run.attempt)))

    def _argv(self) -> list[str]:
        from ..sweep.command import render
        from ..sweep.script import ScriptRunConfig

        config = self._view.sweep.config
        script = ScriptRunConfig.from_json(config["run_config"])
        run = self._record
        return render(script, run.params, config["interpreter"], "", run.origin).argv

    def _path_of(self, name: str) -> str:
        streams = {"stdout.txt": self._folder.stdout, "stderr.txt": self._folder.stderr}
        root = self._folder.path
        path = streams.get(name) or os.path.normpath(os.path.join(root, name))
        # A link may lead anywhere, the script has made it; a name may not.
        if not os.path.exists(path) or os.path.commonpath([root, path]) != root:
            raise self._no_file(name)
        return path

    def _no_file(self, name: str) -> Exception:
        from ..errors import NotFound

        there = self.get_file_names()
        return NotFound(f"{self.id} has no file {name!r}; it has {', '.join(there[:20]) or 'none'}")

    def _is_over(self) -> bool:
        runs = self._view.runs
        if self._view.sweep.status.terminal:
            return True
        return bool(runs) and self._run_id != self._sweep_id and self._record.status.terminal

    def _why(self) -> str:
        return self._record.reason or ""

    def _output(self) -> Iterator[None]:
        """Each step prints what standard output has had since the last one."""
        shown, decoder = 0, codecs.getincrementaldecoder("utf-8")("replace")
        while True:
            if self._view.runs:
                try:
                    with open(self._folder.stdout, "rb") as file:
                        file.seek(shown)
                        text = file.read()
                except OSError:
                    text = b""
                shown += len(text)
                sys.stdout.write(decoder.decode(text))  # half a letter waits for its other half
                sys.stdout.flush()
            yield


def tagged(run: Run, wanted: Any) -> bool:
    """Whether the run has this tag, or all of a dict of tags; None: any will do."""
    if wanted is None:
        return True
    tags = run.get_tags()
    return wanted in tags if isinstance(wanted, str) else all(tags.get(key) == wanted[key] for key in wanted)


def _is_run(workspace: Workspace, found: str) -> bool:
    from ..errors import NotFound

    try:
        workspace.store.sweep(found)
    except NotFound:
        return True
    return False


def _utc(seconds: float | None) -> str | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, timezone.utc).isoformat()


def _joined(before: Any, kind: str, payload: Any) -> Any:
    """Rows and tables of one name grow into one table; anything else becomes a list when it comes again."""
    if kind in ("row", "table"):
        columns: dict[str, list[Any]] = before if isinstance(before, dict) else {}
        for column, cells in payload.items():
            columns.setdefault(column, []).extend(cells if kind == "table" else [cells])
        return columns
    if before is None:
        return payload
    return [*before, payload] if isinstance(before, list) else [before, payload]


def _single_row(value: Any) -> Any:
    if isinstance(value, dict) and all(len(cells) == 1 for cells in value.values()):
        return {column: cells[0] for column, cells in value.items()}
    return value
