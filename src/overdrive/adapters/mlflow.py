"""MLflow's tracking and registry stores for a script in a sweep: what it logs belongs to its run.

MLflow finds them by the entry points of the scheme `overdrive`, and takes them because MLFLOW_TRACKING_URI says
so in every run whose user has not set it. Metrics become lines of the run's metric file; parameters and tags lie in
`.run/mlflow.jsonl`, artifacts and models in `outputs/`. A script's run is the run itself, however often it is
started; runs that are nested in it are kept apart, so that their metrics do not count as its own.

Loaded by MLflow in strangers' interpreters: MLflow and the standard library only, Python 3.8 and up.
"""

from __future__ import annotations

import os
import time
import uuid
from pathlib import Path
from typing import Any, Dict, List, Optional

from mlflow.entities import (
    Experiment,
    LifecycleStage,
    Metric,
    Param,
    Run,
    RunData,
    RunInfo,
    RunInputs,
    RunStatus,
    RunTag,
)
from mlflow.entities.model_registry import ModelVersion, RegisteredModel
from mlflow.exceptions import MlflowException
from mlflow.store.entities import PagedList
from mlflow.store.model_registry.abstract_store import AbstractStore as AbstractRegistry
from mlflow.store.tracking.abstract_store import AbstractStore
from mlflow.utils.search_utils import SearchUtils

from ..runtime import wire
from ..runtime.context import ScriptRun
from ..runtime.journal import Entry, Journal

_EXPERIMENT = "0"
_PARENT = "mlflow.parentRunId"
_NAME = "mlflow.runName"


class OverdriveStore(AbstractStore):
    """The run that this process belongs to, as MLflow's tracking store."""

    def __init__(self, store_uri: Optional[str] = None, artifact_uri: Optional[str] = None) -> None:
        super().__init__()
        self._run = ScriptRun.get_context()
        if self._run.offline:
            raise MlflowException(
                "the tracking URI %s is for scripts that run in a sweep; unset MLFLOW_TRACKING_URI, or name a "
                "server or a file" % store_uri
            )
        self._folder = wire.RunFolder(os.environ[wire.RUN_DIR])
        self._journal = Journal(wire.journal_of(os.environ[wire.METRICS]))
        self._experiment = "Default"
        self._at_zero: Dict[str, bool] = {}
        self._latest: Dict[str, Any] = {}

    # Experiments: a script has one, whatever it calls it

    def get_experiment(self, experiment_id: str) -> Experiment:
        return Experiment(
            experiment_id=_EXPERIMENT,
            name=self._experiment,
            artifact_location=Path(self._folder.outputs).as_uri(),
            lifecycle_stage=LifecycleStage.ACTIVE,
        )

    def get_experiment_by_name(self, experiment_name: str) -> Experiment:
        self._experiment = experiment_name
        return self.get_experiment(_EXPERIMENT)

    def create_experiment(self, name: str, *_: Any, **__: Any) -> str:
        self._experiment = name
        return _EXPERIMENT

    def search_experiments(self, *_: Any, **__: Any) -> Any:
        return PagedList([self.get_experiment(_EXPERIMENT)], None)

    def set_experiment_tag(self, experiment_id: str, tag: Any) -> None:
        self._journal.append(self._run.id, tag=[tag.key, tag.value])

    # Runs

    def create_run(
        self, experiment_id: str, user_id: str, start_time: int, tags: Any, run_name: str, *_: Any, **__: Any
    ) -> Run:
        given = {tag.key: tag.value for tag in tags or ()}
        parent = given.get(_PARENT)
        run_id = self._run.id if parent is None else uuid.uuid4().hex
        name = run_name or given.get(_NAME) or run_id
        started = (start_time or time.time() * 1000) / 1000
        self._journal.append(run_id, name=name, start=started, status="RUNNING", end=None, parent=parent)
        for key, value in given.items():
            self._journal.append(run_id, tag=[key, value])
        return self.get_run(run_id)

    def get_run(self, run_id: str) -> Run:
        entry = self._journal.entries().get(run_id)
        if entry is None and run_id != self._run.id:
            raise MlflowException("there is no run %r in the folder of this run" % run_id)
        return self._entity(entry or Entry(run_id))

    def update_run_info(
        self, run_id: str, run_status: Any, end_time: Optional[int], run_name: Optional[str]
    ) -> RunInfo:
        changes: Dict[str, Any] = {"end": None if end_time is None else end_time / 1000}
        if run_status is not None:
            changes["status"] = RunStatus.to_string(run_status)
        if run_name:
            changes["name"] = run_name
        self._journal.append(run_id, **changes)
        return self.get_run(run_id).info

    def search_runs(
        self,
        experiment_ids: Any = None,
        filter_string: str = "",
        run_view_type: Any = None,
        max_results: int = 1000,
        order_by: Any = None,
        page_token: Optional[str] = None,
    ) -> Any:
        runs = [self._entity(entry) for entry in self._journal.entries().values()]
        runs = SearchUtils.sort(SearchUtils.filter(runs, filter_string), order_by)
        page, token = SearchUtils.paginate(runs, page_token, max_results)
        return PagedList(page, token)

    # What a script logs

    def log_metric(self, run_id: str, metric: Metric) -> None:
        if run_id != self._run.id:
            one = [metric.key, metric.value, metric.step, metric.timestamp / 1000]
            self._journal.append(run_id, metric=one)
            return
        same = (metric.value, metric.step)
        if getattr(metric, "model_id", None) and self._latest.get(metric.key) == same:
            return  # logging a model tells its metrics once more
        self._latest[metric.key] = same
        step: Optional[int] = metric.step
        if not step:  # 0 is also what MLflow says when the script has no steps
            step = None if self._at_zero.get(metric.key) else 0
            self._at_zero[metric.key] = True
        self._run.log(metric.key, metric.value, step=step)

    def log_param(self, run_id: str, param: Param) -> None:
        self._journal.append(run_id, param=[param.key, param.value])

    def set_tag(self, run_id: str, tag: RunTag) -> None:
        self._journal.append(run_id, tag=[tag.key, tag.value])

    def delete_tag(self, run_id: str, key: str) -> None:
        self._journal.append(run_id, untag=key)

    def log_batch(self, run_id: str, metrics: Any, params: Any, tags: Any) -> None:
        for param in params:
            self.log_param(run_id, param)
        for tag in tags:
            self.set_tag(run_id, tag)
        for metric in metrics:
            self.log_metric(run_id, metric)

    def log_inputs(self, run_id: str, datasets: Any = None, models: Any = None) -> None:
        for given in datasets or ():
            self._journal.append(run_id, input=given.to_dictionary())

    def log_outputs(self, run_id: str, models: Any) -> None:
        """Nothing to keep: the models are in the run's folder."""

    def get_metric_history(
        self,
        run_id: str,
        metric_key: str,
        max_results: Optional[int] = None,
        page_token: Optional[str] = None,
    ) -> Any:
        entry = self._journal.entries().get(run_id, Entry(run_id))
        return PagedList([one for one in self._metrics(entry) if one.key == metric_key], None)

    # Models, which MLflow 3 keeps beside runs

    def create_logged_model(
        self,
        experiment_id: str,
        name: Optional[str] = None,
        source_run_id: Optional[str] = None,
        tags: Any = None,
        params: Any = None,
        model_type: Optional[str] = None,
        **_: Any,
    ) -> Any:
        from mlflow.entities import LoggedModel, LoggedModelStatus

        model_id = "m-" + uuid.uuid4().hex
        name = name or "model"
        place = os.path.join(self._folder.outputs, name)
        if os.path.exists(place):
            place = "%s-%s" % (place, model_id[2:10])
        now = int(time.time() * 1000)
        model = LoggedModel(
            experiment_id=_EXPERIMENT,
            model_id=model_id,
            name=name,
            artifact_location=Path(place).as_uri(),
            creation_timestamp=now,
            last_updated_timestamp=now,
            model_type=model_type,
            source_run_id=source_run_id or self._run.id,
            status=LoggedModelStatus.PENDING,
            tags=tags,
            params=params,
        )
        return self._keep(model)

    def get_logged_model(self, model_id: str, *_: Any, **__: Any) -> Any:
        from mlflow.entities import LoggedModel

        kept = self._journal.entries().get(self._run.id, Entry("")).models.get(model_id)
        if kept is None:
            raise MlflowException("there is no model %r in the folder of this run" % model_id)
        return LoggedModel.from_dictionary(kept)

    def finalize_logged_model(self, model_id: str, status: Any) -> Any:
        model = self.get_logged_model(model_id)
        model.status = status
        return self._keep(model)

    def set_logged_model_tags(self, model_id: str, tags: Any) -> None:
        model = self.get_logged_model(model_id)
        model.tags.update({tag.key: tag.value for tag in tags})
        self._keep(model)

    def log_logged_model_params(self, model_id: str, params: Any) -> None:
        model = self.get_logged_model(model_id)
        model.params.update({param.key: param.value for param in params})
        self._keep(model)

    def search_logged_models(self, *_: Any, **__: Any) -> Any:
        models = self._journal.entries().get(self._run.id, Entry("")).models
        return PagedList([self.get_logged_model(model_id) for model_id in models], None)

    def set_model_versions_tags(self, name: str, version: str, model_id: str) -> None:
        self._journal.append(self._run.id, tag=["model.%s.%s" % (name, version), model_id])

    def record_logged_model(self, run_id: str, mlflow_model: Any, *_: Any, **__: Any) -> None:
        """Nothing to keep: the model is in the run's folder."""

    # Inside

    def _keep(self, model: Any) -> Any:
        kept = model.to_dictionary()
        kept["status"] = model.status.to_int()
        self._journal.append(self._run.id, model=kept)
        return model

    def _entity(self, entry: Entry) -> Run:
        own = entry.id == self._run.id
        outputs = self._folder.outputs if own else os.path.join(self._folder.outputs, "nested", entry.id)
        info = RunInfo(
            run_id=entry.id,
            run_name=entry.name or entry.id,
            experiment_id=_EXPERIMENT,
            user_id="",
            status=entry.status,
            start_time=_milliseconds(entry.start),
            end_time=_milliseconds(entry.end),
            lifecycle_stage=LifecycleStage.ACTIVE,
            artifact_uri=Path(outputs).as_uri(),
        )
        latest = {metric.key: metric for metric in self._metrics(entry)}
        params = [Param(*pair) for pair in entry.params.items()]
        tags = [RunTag(*pair) for pair in entry.tags.items()]
        return Run(info, RunData(list(latest.values()), params, tags), RunInputs([]))

    def _metrics(self, entry: Entry) -> List[Metric]:
        found = [Metric(n, value, int(at * 1000), int(step or 0)) for n, value, step, at in entry.metrics]
        if entry.id == self._run.id:
            for line in wire.Tail(self._folder.metrics).read(final=True):
                found += [
                    Metric(one.name, one.value, int((one.time or 0) * 1000), int(one.step or 0))
                    for one in wire.parse_line(line) or ()
                    if one.kind == "scalar"
                ]
        return found


class OverdriveRegistry(AbstractRegistry):
    """Names that a script gives to its models: kept as tags of its run. `Run.register_model` keeps models."""

    def __init__(self, store_uri: Optional[str] = None, tracking_uri: Optional[str] = None) -> None:
        super().__init__(store_uri, tracking_uri)
        self._tracking = OverdriveStore(store_uri)
        self._versions: Dict[str, List[ModelVersion]] = {}

    def create_registered_model(self, name: str, *_: Any, **__: Any) -> RegisteredModel:
        return self.get_registered_model(name)

    def get_registered_model(self, name: str) -> RegisteredModel:
        return RegisteredModel(name, latest_versions=self._versions.get(name, [])[-1:])

    def create_model_version(
        self, name: str, source: str, run_id: Optional[str] = None, *_: Any, **__: Any
    ) -> ModelVersion:
        versions = self._versions.setdefault(name, [])
        now = int(time.time() * 1000)
        version = ModelVersion(
            name, str(len(versions) + 1), now, now, source=source, run_id=run_id, status="READY"
        )
        versions.append(version)
        tag = RunTag("registered_model.%s.%s" % (name, version.version), source)
        self._tracking.set_tag(run_id or self._tracking._run.id, tag)
        return version

    def get_model_version(self, name: str, version: str) -> ModelVersion:
        for one in self._versions.get(name, ()):
            if one.version == str(version):
                return one
        raise MlflowException("this run has registered no version %s of %r" % (version, name))

    def update_model_version(self, name: str, version: str, *_: Any, **__: Any) -> ModelVersion:
        return self.get_model_version(name, version)

    def set_model_version_tag(self, name: str, version: str, tag: Any) -> None:
        self._tracking.set_tag(self._tracking._run.id, tag)


def _milliseconds(seconds: Optional[float]) -> Optional[int]:
    return None if seconds is None else int(seconds * 1000)
