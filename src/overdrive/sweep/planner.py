"""The sweep as a pure state machine: events go in, actions come out.

    Tick ─────┐                        ┌─▶ Launch   a place is free and the budget allows
    Started ──┤                        ├─▶ Cancel   a policy's verdict, a limit, a wish
    Reported ─┼─▶ Planner.step(event) ─┤
    Ended ────┤                        ├─▶ Say      what the user should know
    Asked ────┘                        └─▶ Finish   once, at the end

It keeps nothing that the stored rows do not tell, so a new planner takes over from `recovered` ones.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable

from ..model.history import History
from ..model.records import RunRecord, Status
from .config import HyperDriveConfig, Limits
from .events import Action, Asked, Cancel, Ended, Event, Finish, Launch, Reported, Say, Started, Tick

_NUMBERS = re.compile(r"0x[0-9a-f]+|\d+")
"""What differs between two runs that fail the same way."""

SAME_FAILURES = 3
"""So many first runs failing the same way end the sweep: the script is broken, not its values."""


class Planner:
    """Decides for one sweep. `runs` are those that earlier controllers have launched."""

    def __init__(
        self,
        sweep_id: str,
        config: HyperDriveConfig,
        limits: Limits,
        *,
        started: float,
        runs: Iterable[RunRecord] = (),
    ) -> None:
        self.history = History(config.primary_metric_goal)
        self.limits = limits
        self._sweep_id = sweep_id
        self._config = config
        self._started = started
        self._live: dict[str, RunRecord] = {}
        self._launched = 0
        self._ended = 0
        self._completed = 0
        self._failures: list[str] = []
        self._names: set[str] = set()
        self._warned = False
        self._exhausted = False
        self._ending: tuple[Status, str] | None = None
        self._finished = False
        for run in runs:
            self._recover(run)

    @property
    def live(self) -> Iterable[RunRecord]:
        """The runs that have been launched and have not ended."""
        return self._live.values()

    def step(self, event: Event) -> list[Action]:
        """Take in one event; the actions that follow from it, in order."""
        match event:
            case Tick(now):
                return [*self._over_time(now), *self._launch(now), *self._finish()]
            case Started(run_id, now):
                self._start(self.history[run_id], now)
                return []
            case Reported():
                return self._report(event)
            case Ended():
                return self._end(event)
            case Asked(_, run_id, by):
                return self._cancel_on_wish(run_id, by)

    # Starting

    def _launch(self, now: float) -> list[Action]:
        actions: list[Action] = []
        while (
            not self._ending
            and not self._exhausted
            and len(self._live) < self.limits.max_concurrent_runs
            and self._launched < self.limits.max_total_runs
        ):
            number = self._launched
            params = self._config.hyperparameter_sampling.propose(self.history, number)
            if params is None:
                self._exhausted = True
                break
            run = self.history.propose(f"{self._sweep_id}_{number}", number, params)
            run.status, run.created = Status.QUEUED, now
            self._live[run.id] = run
            self._launched += 1
            actions.append(Launch(run))
        return actions

    def _start(self, run: RunRecord, now: float) -> None:
        run.started = now
        if run.status.may_become(Status.RUNNING):
            run.status = Status.RUNNING

    def _recover(self, run: RunRecord) -> None:
        self.history.add(run)
        if run.inherited:
            return
        self._launched = max(self._launched, run.number + 1)
        if run.status.terminal:
            self._ended += 1
            self._completed += run.status is Status.COMPLETED
            if run.status is Status.FAILED:
                self._failures.append(_NUMBERS.sub("#", run.reason or ""))
        else:
            self._live[run.id] = run

    # Judging

    def _report(self, event: Reported) -> list[Action]:
        run = self.history.report(event.run_id, event.value)
        if self._config.policy is None or event.late or run.status is not Status.RUNNING:
            return []
        verdict = self._config.policy.judge(run, len(run.series), self.history)
        return [self._cancel(run, verdict.reason)] if verdict.stop else []

    def _cancel(self, run: RunRecord, reason: str) -> Cancel:
        run.status, run.reason = Status.CANCEL_REQUESTED, reason
        return Cancel(run.id, reason)

    def _cancel_all(self, reason: str) -> list[Action]:
        return [
            self._cancel(run, reason)
            for run in self._live.values()
            if run.status is not Status.CANCEL_REQUESTED
        ]

    def _cancel_on_wish(self, run_id: str | None, by: str) -> list[Action]:
        reason = f"cancelled by {by}"
        if run_id is None:
            self._ending = (Status.CANCELED, reason)
            return [*self._cancel_all(reason), *self._finish()]
        run = self._live.get(run_id)
        if run is None or run.status is Status.CANCEL_REQUESTED:
            return []
        return [self._cancel(run, reason)]

    def _over_time(self, now: float) -> list[Action]:
        actions: list[Action] = []
        limit = self.limits.run_duration
        if limit is not None:
            late = [
                run
                for run in self._live.values()
                if run.started is not None
                and now - run.started >= limit
                and run.status is not Status.CANCEL_REQUESTED
            ]
            actions += [self._cancel(run, f"ran longer than its limit of {limit:g} s") for run in late]
        whole = self.limits.max_duration
        if whole is not None and not self._ending and now - self._started >= whole:
            reason = f"the sweep's time of {whole / 60:g} min is used up"
            self._ending = (Status.COMPLETED, reason)
            actions += self._cancel_all(reason)
        return actions

    # Ending

    def _end(self, event: Ended) -> list[Action]:
        run = self._live.pop(event.run_id)
        run.ended, run.exit_code = event.now, event.exit_code
        self._ended += 1
        self._names |= event.names
        if run.status is Status.CANCEL_REQUESTED:
            run.status = Status.CANCELED
            return self._finish()
        if event.exit_code == 0:
            run.status = Status.COMPLETED
            self._completed += 1
            return [*self._unlogged_metric(run), *self._finish()]
        run.status = Status.FAILED
        how = _how_it_ended(event.exit_code)
        lines = event.last_words.rstrip().splitlines()
        run.reason = f"{how}: {lines[-1].strip()}" if lines else how
        said = "\n".join([f"run {run.number} failed: {how}", *lines])
        return [Say("error", said), *self._hopeless(run.reason), *self._finish()]

    def _unlogged_metric(self, run: RunRecord) -> list[Action]:
        metric = self._config.primary_metric_name
        if self._warned or not metric or self.history.best_run is not None or len(run.series):
            return []
        self._warned = True
        names = sorted(self._names)
        logged = f"it logged {', '.join(names)}" if names else "it logged no metric at all"
        near = difflib.get_close_matches(metric, names, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        return [
            Say(
                "warning",
                f"run {run.number} has ended and never logged the primary metric {metric!r}: {logged}{hint} "
                "Without it no run can be compared or stopped early.",
            )
        ]

    def _hopeless(self, reason: str) -> list[Action]:
        self._failures.append(_NUMBERS.sub("#", reason))
        first_ones = self._ended == len(self._failures) == SAME_FAILURES
        if self._ending or not first_ones or len(set(self._failures)) > 1:
            return []
        why = f"the first {SAME_FAILURES} runs failed the same way: {reason}"
        self._ending = (Status.FAILED, why)
        return [Say("error", f"The sweep stops: {why}"), *self._cancel_all(why)]

    def _finish(self) -> list[Action]:
        spent = self._launched >= self.limits.max_total_runs
        if self._finished or self._live or not (self._ending or self._exhausted or spent):
            return []
        self._finished = True
        if self._ending:
            return [Finish(*self._ending)]
        reason = f"all {self._launched} runs have ended"
        if self._exhausted and not spent:
            reason = f"the search space is used up after {self._launched} runs"
        if self._launched and not self._completed and all(r.status is Status.FAILED for r in self.history):
            return [Finish(Status.FAILED, f"every run failed; {reason}")]
        return [Finish(Status.COMPLETED, reason)]


def _how_it_ended(exit_code: int | None) -> str:
    if exit_code is None:
        return "its process disappeared"
    if exit_code < 0:
        return f"killed by signal {-exit_code}"
    return f"exit code {exit_code}"
