"""HyperDriveRun: a sweep, seen from outside."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from ..model.records import RunRecord, Status
from ..sweep.config import HyperDriveConfig
from .run import Run

if TYPE_CHECKING:
    from .experiment import Experiment
    from .view import SweepView


class HyperDriveRun(Run):
    """A sweep: its children, their metrics, the best of them. Names and answers are HyperDrive's."""

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
    def view(self) -> SweepView:
        """All records of the sweep; `view.refresh()` brings them up to date."""
        return self._view

    def get_status(self) -> str:
        """The status of the sweep as it is now."""
        self._view.refresh()
        return str(self._view.sweep.status)

    def get_children(self) -> Iterator[Run]:
        """The runs of the sweep, newest first."""
        self._view.refresh()
        return iter([self._child(run) for run in reversed(self._view.runs)])

    def get_best_run_by_primary_metric(
        self,
        include_failed: bool = True,
        include_canceled: bool = True,
        include_resume_from_runs: bool = True,
    ) -> Run | None:
        """The run with the best of all logged values, or None; while the sweep runs, the best so far."""
        left_out = {Status.FAILED} if not include_failed else set()
        left_out |= {Status.CANCELED} if not include_canceled else set()
        for run in self._sorted(reverse=False):
            if run.series.best is not None and run.status not in left_out:
                if run.inherited and not include_resume_from_runs:
                    continue
                return self._child(run)
        return None

    def get_children_sorted_by_primary_metric(
        self, top: int = 0, reverse: bool = False, discard_no_metric: bool = False
    ) -> list[dict[str, Any]]:
        """Best first (worst first with `reverse`), at most `top` (0: all): dicts of run_id, hyperparameters
        (JSON text), best_primary_metric, status. Runs without the metric stand at the end."""
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

    def get_metrics(self, name: str | None = None) -> dict[str, Any]:
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

    def cancel(self) -> None:
        """Ask for the sweep and all its runs to be ended."""
        self.experiment.workspace.store.ask(self.id, "cancel")

    def _child(self, run: RunRecord) -> Run:
        return Run(self.experiment, run.id, _view=self._view)

    def _sorted(self, reverse: bool) -> list[RunRecord]:
        self._view.refresh()
        sign = -1 if self._view.goal.value == "MAXIMIZE" else 1
        valued = [run for run in self._view.runs if run.series.best is not None]
        valued.sort(key=lambda run: sign * (run.series.best or 0.0), reverse=reverse)
        return valued + [run for run in self._view.runs if run.series.best is None]

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
