"""HyperDriveRun: a sweep, seen from outside."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ..controller.lease import describe, holds
from ..errors import ConfigError, Problem, SweepHeld, Unsupported
from ..model.metrics import PrimaryMetricGoal
from ..model.records import RunRecord, Status, Value
from ..runtime.wire import RunFolder
from ..store.base import Holder
from ..sweep.config import HyperDriveConfig
from ..sweep.limits import Limits, changed_limits
from ..sweep.savings import Savings
from .run import SHORTEST_POLL, Run, tagged
from .warm_start import origin_of

if TYPE_CHECKING:
    from .experiment import Experiment
    from .view import SweepView


LEAVING_SECONDS = 5.0
"""So long a controller that has ended its sweep may take to let go of it."""


class HyperDriveRun(Run):
    """A sweep: its children, their metrics, the best of them. Names and answers are HyperDrive's."""

    RUN_TYPE = "hyperdrive"

    def __init__(
        self,
        experiment: Experiment,
        run_id: str,
        hyperdrive_config: HyperDriveConfig | None = None,
        _view: SweepView | None = None,
    ) -> None:
        super().__init__(experiment, run_id, _view)
        self._config = hyperdrive_config

    @property
    def hyperdrive_config(self) -> HyperDriveConfig:
        """The configuration that was submitted."""
        if self._config is None:
            self._config = HyperDriveConfig.from_json(self._view.sweep.config)
        return self._config

    @property
    def number(self) -> int:
        """The number of the sweep in its experiment, from 1."""
        store = self.experiment.workspace.store
        older = [sweep for sweep in store.sweeps(self.experiment.name) if sweep.id != self.id]
        return 1 + sum((sweep.created or 0) <= (self._view.sweep.created or 0) for sweep in older)

    def get_status(self) -> str:
        """The status of the sweep as it is now."""
        self._view.refresh()
        return str(self._view.sweep.status)

    def get_children(
        self,
        recursive: bool = False,
        tags: Any = None,
        properties: Any = None,
        type: str | None = None,
        status: str | None = None,
    ) -> Iterator[Run]:
        """The runs of the sweep, newest first: all, those of one status, those with a tag or with all of a dict
        of tags."""
        self._view.refresh()
        for run in reversed(self._view.runs):
            child = self._child(run)
            if status in (None, str(run.status)) and tagged(child, tags) and tagged(child, properties):
                yield child

    def fail(self, *_: Any, **__: Any) -> None:
        """Not for a sweep: `cancel` ends it."""
        raise Unsupported(f"{self.id}: a sweep cannot be made to fail; cancel() ends it")

    def get_diagnostics(self, *_: Any, **__: Any) -> None:
        """Not for a sweep: its log is `controller.log`."""
        log = self.experiment.workspace.sweep_folder(self.id) / "controller.log"
        raise Unsupported(f"{self.id}: there are no diagnostics; the sweep's log is {str(log)!r}")

    def get_best_run_by_primary_metric(
        self,
        include_failed: bool = True,
        include_canceled: bool = True,
        include_resume_from_runs: bool = True,
    ) -> Run | None:
        """The run with the best of all logged values, or None; while the sweep runs, the best so far."""
        left_out = {Status.FAILED} if not include_failed else set()
        left_out |= {Status.CANCELED} if not include_canceled else set()
        known = self._sorted(reverse=False)
        if include_resume_from_runs:
            known = self._in_order([*known, *self._view.inherited.values()], reverse=False)
        for run in known:
            if run.series.best is not None and run.status not in left_out:
                return origin_of(run) if run.inherited else self._child(run)
        return None

    def get_children_sorted_by_primary_metric(
        self, top: int = 0, reverse: bool = False, discard_no_metric: bool = False
    ) -> list[dict[str, Any]]:
        """Best first (worst first with `reverse`), at most `top` (0: all): dicts of run_id, hyperparameters
        (JSON text), best_primary_metric, status. Runs without the metric stand at the end."""
        if not isinstance(top, int):
            raise ConfigError(Problem("top", f"must be a number of runs, 0 for all, got {top!r}"))
        runs = [run for run in self._sorted(reverse) if run.series.best is not None or not discard_no_metric]
        return [
            {
                "run_id": run.id,
                "hyperparameters": json.dumps(run.params),
                "best_primary_metric": run.series.best,
                "status": str(run.status),
            }
            for run in (runs[:top] if top else runs)
        ]

    def get_hyperparameters(self) -> dict[str, str]:
        """The values of every run, as JSON text, by run id."""
        self._view.refresh()
        return {run.id: json.dumps(run.params) for run in self._view.runs}

    def get_metrics(self, name: str | None = None, *_: Any, **__: Any) -> dict[str, Any]:
        """What every run has logged, by run id."""
        return {child.id: child.get_metrics(name) for child in self.get_children()}

    def get_details(self) -> dict[str, Any]:
        """The sweep as programs see it, with HyperDrive's keys beside ours."""
        self._view.refresh()
        found = self._view.as_json()
        best = found["best"] or {}
        properties = {
            "primary_metric_config": json.dumps(
                {"name": self._view.metric, "goal": self._view.goal.value.lower()}
            ),
            "best_child_run_id": best.get("id", ""),
            "score": "" if not best else repr(best["value"]),
        }
        definition = dict(self._view.sweep.config["run_config"])
        definition["Arguments"] = definition["arguments"]
        return {"runId": self.id, "properties": properties, "runDefinition": definition, **found}

    def get_savings(self) -> Savings:
        """What early termination has saved so far, in intervals and seconds, and what its controls say of the
        risk; `str()` of it is a sentence."""
        self._view.refresh()
        return self._view.savings()

    def cancel(self) -> None:
        """Ask for the sweep and all its runs to be ended."""
        self._view.refresh()
        if not self._view.sweep.status.terminal:
            self.experiment.workspace.store.ask(self.id, "cancel")
            self.experiment.workspace.attend(self.id)

    def pause(self) -> None:
        """Start no new run; those that run go on."""
        self._refuse_if_over("pause")
        self.experiment.workspace.store.ask(self.id, "pause")

    def set(self, **changes: Any) -> None:
        """Change limits of a sweep that goes on: `run.set(max_total_runs=200, max_concurrent_runs=4)`."""
        self._refuse_if_over("set")
        limits = changed_limits(changes)
        self._with(limits)
        self.experiment.workspace.store.ask(self.id, "set", **limits)

    def enqueue(self, params: Mapping[str, Value]) -> None:
        """Ask for a run with these values, before the sampler is asked again: `run.enqueue({"lr": 0.01})`.

        It counts as one run of the budget; where that is used up, or the sweep has ended, it gets this one run
        more. The values of an earlier run (`child.get_details()["parameters"]`) run it again with another
        OVERDRIVE_SEED. ConfigError when they are no configuration of the space.
        """
        values = dict(params)
        self.hyperdrive_config.hyperparameter_sampling.space.check(values)
        self._view.refresh()
        if self._view.sweep.status.terminal:
            self._holder()
            limits = Limits(**self._view.sweep.config["limits"])
            self._refuse_without_budget(replace(limits, max_total_runs=len(self._view.runs) + 1))
        self.experiment.workspace.store.ask(self.id, "enqueue", params=values)
        self.experiment.workspace.attend(self.id)

    def resume(self, **changes: Any) -> None:
        """Go on with a sweep that is paused, that has lost its controller, or that has ended with budget left.

        `changes` are limits, as for `set`. SweepHeld while a living controller is at work on it, ConfigError
        when there is no budget to go on with.
        """
        store, limits = self.experiment.workspace.store, changed_limits(changes)
        self._view.refresh()
        sweep, holder = self._view.sweep, self._holder()
        if holder is not None and sweep.status is not Status.PAUSED:
            raise SweepHeld(f"{self.id} is {sweep.status} and held by {describe(holder)}: nothing to resume")
        changed = self._with(limits)
        if sweep.status.terminal:
            self._refuse_without_budget(changed)
        store.ask(self.id, "resume", **limits)
        self.experiment.workspace.attend(self.id)

    def _with(self, changes: dict[str, Any]) -> Limits:
        """The limits as they will be; ConfigError when they make no sense together."""
        limits = replace(Limits(**self._view.sweep.config["limits"]), **changes)
        if limits.max_cost is not None and limits.price_per_hour is None:
            raise ConfigError(
                Problem("max_cost", "needs the price of one run for an hour: give price_per_hour")
            )
        return limits

    def _holder(self) -> Holder | None:
        """The living holder; one that has ended the sweep is given the time to leave."""
        deadline = time.monotonic() + LEAVING_SECONDS
        while True:
            holder = self.experiment.workspace.store.holder(self.id)
            if holder is None or not holds(holder):
                return None
            if not self._view.sweep.status.terminal or time.monotonic() > deadline:
                return holder
            time.sleep(SHORTEST_POLL)

    def _refuse_if_over(self, wish: str) -> None:
        self._view.refresh()
        if self._view.sweep.status.terminal:
            raise ConfigError(
                f"{wish}: {self.id} is {self._view.sweep.status}; `resume` goes on with it, with other limits too"
            )

    def _refuse_without_budget(self, limits: Limits) -> None:
        used = len(self._view.runs)
        active = self._view.sweep.active
        cost = sum(run.seconds for run in self._view.runs) / 3600 * (limits.price_per_hour or 0.0)
        if used >= limits.max_total_runs:
            spent = f"all of max_total_runs={limits.max_total_runs} are used; give max_total_runs={used + 20}"
        elif limits.max_duration is not None and active >= limits.max_duration:
            minutes = limits.max_duration / 60
            spent = f"max_duration_minutes={minutes:g} is used up; give max_duration_minutes={2 * minutes:g}"
        elif limits.max_cost is not None and cost >= limits.max_cost:
            spent = f"max_cost={limits.max_cost:g} is used up; give max_cost={2 * cost:.3g}"
        else:
            return
        raise ConfigError(f"{self.id} has finished with no budget left: {spent}, for example")

    @property
    def _folder(self) -> RunFolder:
        return RunFolder(self.experiment.workspace.sweep_folder(self.id))

    def _child(self, run: RunRecord) -> Run:
        return Run(self.experiment, run.id, _view=self._view)

    def _sorted(self, reverse: bool) -> list[RunRecord]:
        self._view.refresh()
        return self._in_order(self._view.runs, reverse)

    def _in_order(self, runs: list[RunRecord], reverse: bool) -> list[RunRecord]:
        """Best first, or worst first; those without a value stand at the end."""
        sign = -1 if self._view.goal is PrimaryMetricGoal.MAXIMIZE else 1
        valued = [run for run in runs if run.series.best is not None]
        valued.sort(key=lambda run: sign * (run.series.best or 0.0), reverse=reverse)
        return valued + [run for run in runs if run.series.best is None]

    def _why(self) -> str:
        return self._view.sweep.reason or ""

    def _is_over(self) -> bool:
        return self._view.sweep.status.terminal

    def _output(self) -> Iterator[None]:
        """Each step prints the messages and the ends of runs since the last one."""
        told, ended = 0, set[str]()
        while True:
            for run in self._view.runs:
                if run.status.terminal and run.id not in ended:
                    ended.add(run.id)
                    print(self._line(run, len(ended)), flush=True)
            for message in self._view.messages[told:]:
                print(f"{message.level}: {message.text}", flush=True)
            told = len(self._view.messages)
            yield

    def _line(self, run: RunRecord, ended: int) -> str:
        best = self._view.best
        value = "" if run.series.best is None else f" {self._view.metric} {run.series.best:.6g}"
        crown = " (best so far)" if best is not None and best.id == run.id else ""
        reason = f": {run.reason}" if run.reason else ""
        return f"[{ended}/{self._view.total}] run {run.number} {run.status}{value}{crown}{reason}"
