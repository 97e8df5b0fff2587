"""`experiment.start_logging()`: a run that is the driver itself, logged to as a script logs to its run."""

from __future__ import annotations

import atexit
import secrets
import time
from types import TracebackType
from typing import TYPE_CHECKING, Any

from ..model.records import Status
from ..runtime.wire import RunFolder
from ..sdk.interactive import keep
from .inside import AzureRun

if TYPE_CHECKING:
    from ..sdk.experiment import Experiment


class InteractiveRun(AzureRun):
    """A run of this process. It is found by others once `complete()` or `fail()` is called, or the process ends."""

    def __init__(self, experiment: Experiment) -> None:
        super().__init__()
        self._experiment = experiment
        self._id = f"{experiment.name}_{secrets.token_hex(4)}"
        self._run_folder = RunFolder(experiment.workspace.run_folder(self._id, 0)).make()
        self._metrics = self._run_folder.metrics
        self._status = Status.RUNNING
        self._started = time.time()
        atexit.register(self.complete)

    @property
    def experiment(self) -> Any:
        """The experiment that it was started in."""
        return self._experiment

    @property
    def parent(self) -> None:
        """It is no sweep's run."""

    @property
    def status(self) -> str:
        """The status as it is now."""
        return str(self._status)

    def get_status(self) -> str:
        """The status as it is now."""
        return str(self._status)

    def get_details(self) -> dict[str, Any]:
        """Id and status."""
        return {"runId": self.id, "status": str(self._status), "target": "local"}

    def complete(self, _set_status: bool = True) -> None:
        """It has ended well."""
        self._end(Status.COMPLETED, "")

    def fail(self, error_details: Any = None, error_code: Any = None, _set_status: bool = True) -> None:
        """It has failed."""
        self._end(Status.FAILED, str(error_details or "failed"))

    def cancel(self) -> None:
        """It is over."""
        self._end(Status.CANCELED, "cancelled")

    def wait_for_completion(self, *_: Any, **__: Any) -> dict[str, Any]:
        """There is nothing to wait for."""
        return self.get_details()

    def submit_child(self, config: Any, tags: dict[str, str] | None = None, **_: Any) -> Any:
        """Submit it to the same experiment, tagged with this run's id as `parent`."""
        return self._experiment.submit(config, {**(tags or {}), "parent": self.id})

    def register_model(self, model_name: str, model_path: str | None = None, **about: Any) -> Any:
        """Keep files of this run as the next version of a model."""
        from ..sdk.model import Model

        path = self._target(model_path or model_name)
        known = {name: about[name] for name in ("tags", "properties", "description") if name in about}
        return Model.register(self._experiment.workspace, path, model_name, **known)

    def __enter__(self) -> InteractiveRun:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        if error is None:
            self.complete()
        else:
            self.fail(f"{type(error).__name__}: {error}")

    def __repr__(self) -> str:
        return f"Run({self._experiment.name!r}, {self.id!r}, {self._status})"

    def _folder(self) -> RunFolder:
        return self._run_folder

    def _end(self, status: Status, reason: str) -> None:
        if self._status is Status.RUNNING:
            self._status = status
            atexit.unregister(self.complete)
            keep(self._experiment, self.id, status, self._started, time.time(), reason)
