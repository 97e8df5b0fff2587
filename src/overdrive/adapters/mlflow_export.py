"""A finished sweep sent to an MLflow server: one parent run, a nested run for each of ours, with all they left."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from ..errors import ConfigError
from ..model.metrics import Point
from ..model.records import RunRecord, Status
from ..model.values import token
from ..runtime.journal import Entry, Journal
from ..runtime.wire import RunFolder
from ..sdk.view import SweepView
from ..sdk.workspace import Workspace

if TYPE_CHECKING:
    from mlflow import MlflowClient

SWEEP_TAG = "overdrive.sweep"
"""The tag of a parent run by which an earlier export is known."""

_STATUS = {Status.COMPLETED: "FINISHED", Status.FAILED: "FAILED", Status.CANCELED: "KILLED"}
_BATCH = 100  # what every MLflow takes of parameters and tags at once; of metrics it takes 1000
_LONGEST = 6000
_FORBIDDEN = re.compile(r"[^\w.\-/ :]")

Item = TypeVar("Item")


class Export:
    """One sweep on its way to one server. ConfigError when the sweep goes on, or is there already."""

    def __init__(self, workspace: Workspace, view: SweepView, uri: str, say: Callable[[str], None]) -> None:
        if not view.sweep.status.terminal:
            raise ConfigError(f"{view.sweep.id} is {view.sweep.status}: export it when it has ended")
        self._workspace, self._view, self._say = workspace, view, say
        self._client = _client(uri)
        self._uri = uri

    def send(self) -> str:
        """Send all of it; the id of the parent run there."""
        view, sweep = self._view, self._view.sweep
        experiment = self._experiment(sweep.experiment)
        self._refuse_what_is_there(experiment)
        best = view.best
        tags = {**sweep.tags, SWEEP_TAG: sweep.id, "overdrive.status": str(sweep.status)}
        if best is not None:
            tags["overdrive.best_run"] = best.id
        parent = self._started(experiment, sweep.id, sweep.created, tags)
        self._log(parent, params=_about(sweep.config))
        if best is not None and best.series.best is not None:
            self._log(parent, metrics=[Point(view.metric, best.series.best, None, best.ended)])
        for number, run in enumerate(view.runs, 1):
            self._run(experiment, parent, run)
            self._say(f"{number} of {len(view.runs)} runs")
        self._client.set_terminated(parent, _STATUS[sweep.status], _milliseconds(sweep.ended))
        return parent

    def _run(self, experiment: str, parent: str, run: RunRecord) -> None:
        folder = RunFolder(str(self._workspace.run_folder(self._view.sweep.id, run.number, run.attempt)))
        entries = Journal(folder.mlflow).entries()
        own = entries.pop(run.id, Entry(run.id))
        tags = {**_foreign(own.tags), "overdrive.run": run.id, "mlflow.parentRunId": parent}
        if run.reason:
            tags["overdrive.reason"] = run.reason
        name = own.name if own.name != run.id and own.name else f"{run.number}"
        there = self._started(experiment, name, run.started or run.created, tags)
        swept = {key: token(value) for key, value in run.params.items()}
        points = [point for series in self._view.points(run.id).values() for point in series]
        self._log(there, params={**own.params, **swept}, metrics=points)
        for path in (folder.outputs, folder.logs):
            if os.path.isdir(path) and any(os.scandir(path)):
                place = None if path == folder.outputs else "logs"
                self._client.log_artifacts(there, path, place)
        for path in (folder.stdout, folder.stderr):
            if os.path.isfile(path) and os.path.getsize(path):
                self._client.log_artifact(there, path)
        for entry in entries.values():
            self._nested(experiment, there, entry)
        self._client.set_terminated(there, _STATUS.get(run.status, "KILLED"), _milliseconds(run.ended))

    def _nested(self, experiment: str, parent: str, entry: Entry) -> None:
        """A run that the script itself has nested in its own."""
        tags = {**_foreign(entry.tags), "mlflow.parentRunId": parent}
        there = self._started(experiment, entry.name or entry.id, entry.start, tags)
        self._log(there, params=entry.params, metrics=[Point(*metric) for metric in entry.metrics])
        self._client.set_terminated(there, entry.status, _milliseconds(entry.end))

    def _started(self, experiment: str, name: str, start: float | None, tags: Mapping[str, str]) -> str:
        made = self._client.create_run(experiment, start_time=_milliseconds(start), run_name=name)
        self._log(made.info.run_id, tags=tags)
        return str(made.info.run_id)

    def _log(
        self,
        run_id: str,
        params: Mapping[str, str] | None = None,
        metrics: Sequence[Point] = (),
        tags: Mapping[str, str] | None = None,
    ) -> None:
        from mlflow.entities import Metric, Param, RunTag

        for some in _batches([Param(_name(k), v[:_LONGEST]) for k, v in (params or {}).items()], _BATCH):
            self._client.log_batch(run_id, params=some)
        for few in _batches([RunTag(_name(k), v[:_LONGEST]) for k, v in (tags or {}).items()], _BATCH):
            self._client.log_batch(run_id, tags=few)
        count: dict[str, int] = {}
        values = []
        for point in metrics:
            place = count[point.name] = count.get(point.name, -1) + 1
            step = place if point.step is None else int(point.step)
            values.append(Metric(_name(point.name), point.value, _milliseconds(point.time) or 0, step))
        for many in _batches(values, 1000):
            self._client.log_batch(run_id, metrics=many)

    def _experiment(self, name: str) -> str:
        found = self._client.get_experiment_by_name(name)
        return str(found.experiment_id if found else self._client.create_experiment(name))

    def _refuse_what_is_there(self, experiment: str) -> None:
        wanted = f"tags.`{SWEEP_TAG}` = '{self._view.sweep.id}'"
        there = self._client.search_runs([experiment], filter_string=wanted, max_results=1)
        if there:
            raise ConfigError(
                f"{self._view.sweep.id} is at {self._uri} already, as run {there[0].info.run_id}; delete that "
                "with its nested runs to send it again"
            )


def _client(uri: str) -> MlflowClient:
    try:
        from mlflow import MlflowClient
    except ImportError:
        raise ConfigError("--mlflow needs MLflow here: pip install 'overdrive[mlflow]'") from None
    if "://" not in uri and not uri.startswith("file:"):
        uri = Path(uri).absolute().as_uri()
    return MlflowClient(tracking_uri=uri)


def _about(config: Mapping[str, Any]) -> dict[str, str]:
    """What the sweep was asked to do, as parameters of the parent run."""
    policy = config.get("policy")
    return {
        "primary_metric": str(config.get("primary_metric_name", "")),
        "goal": str(config.get("primary_metric_goal", "")).lower(),
        "sampling": json.dumps(config["sampling"]),
        "policy": json.dumps(policy) if policy else "none",
        **{name: str(value) for name, value in config["limits"].items() if value is not None},
    }


def _foreign(tags: Mapping[str, str]) -> dict[str, str]:
    """Tags that still mean something on another server: not the parent's id here."""
    return {key: value for key, value in tags.items() if key not in ("mlflow.parentRunId", "mlflow.runName")}


def _name(key: str) -> str:
    """A name as MLflow allows it."""
    return _FORBIDDEN.sub("_", key)[:250]


def _milliseconds(seconds: float | None) -> int | None:
    return None if seconds is None else int(seconds * 1000)


def _batches(items: Iterable[Item], size: int) -> Iterable[list[Item]]:
    whole = list(items)
    return (whole[start : start + size] for start in range(0, len(whole), size))
