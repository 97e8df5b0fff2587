"""The sweep as a pure state machine: events go in, actions come out.

    Tick ─────┐                        ┌─▶ Launch   a place is free and the budget allows; a lost run again
                                       ├─▶ Add      a run that somebody has asked for waits for a place
    Started ──┤                        ├─▶ Cancel   a policy's verdict, a limit, a wish
    Reported ─┼─▶ Planner.step(event) ─┼─▶ Change   paused, going on, other limits
    Ended ────┤                        ├─▶ Say      what the user should know
    Asked ────┘                        ├─▶ Mark     what is known of a run is other than it was
                                       ├─▶ Drop     a run that waited for another attempt gets none
                                       ├─▶ Ending   nothing new is started any more, and why
                                       └─▶ Finish   once, at the end

It keeps nothing that the stored rows do not tell, so a new planner takes over from the rows of an old one.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Sequence
from dataclasses import replace

from ..model.history import History
from ..model.metrics import Series
from ..model.records import Params, RunRecord, Status
from ..policies.base import Kind
from .config import HyperDriveConfig
from .events import (
    Action,
    Add,
    Asked,
    Cancel,
    Change,
    Drop,
    Ended,
    Ending,
    Event,
    Finish,
    Heard,
    Launch,
    Mark,
    Reported,
    Say,
    Started,
    Tick,
)
from .limits import Limits
from .proposals import Proposals
from .retries import Cause, cause_of_end

SAME_FAILURES = 3
"""So many first runs failing the same way end the sweep: the script is broken, not its values."""

ADVICE_AFTER = 8
"""When so many runs have ended the policy is asked whether it suits the metric."""

_NUMBERS = re.compile(r"0x[0-9a-f]+|\d+")
"""What differs between two runs that fail the same way."""


class Planner:
    """Decides for one sweep. `runs` are those that earlier controllers have launched, inherited ones too;
    `started` is when the sweep would have started, had it never been left alone or at rest, and `now` the time
    (by default the same); `ending` is what an earlier planner said last in an `Ending`, `enqueued` how many runs
    had been asked for by their values."""

    def __init__(
        self,
        sweep_id: str,
        config: HyperDriveConfig,
        limits: Limits,
        *,
        started: float,
        runs: Iterable[RunRecord] = (),
        paused: bool = False,
        now: float | None = None,
        ending: tuple[Status, str] | None = None,
        enqueued: int = 0,
    ) -> None:
        self.history = History(config.primary_metric_goal)
        self.limits = limits
        self.enqueued = enqueued
        self._sweep_id = sweep_id
        self._config = config
        self._started = started
        self._now = started if now is None else now
        self._live: dict[str, RunRecord] = {}
        self._again: list[RunRecord] = []
        self._resting: dict[str, RunRecord] = {}
        self._news = True
        self._heard: dict[str, float] = {}
        self._proposals = Proposals(config)
        self._launched = 0
        self._ended = 0
        self._seconds = 0.0
        self._failures: list[str] = []
        self._warned = False
        self._exhausted = False
        self._paused = paused
        self._ending = ending
        self._finished = False
        for run in runs:
            self._recover(run)

    @property
    def live(self) -> Iterable[RunRecord]:
        """The runs that have been launched and have not ended."""
        return self._live.values()

    @property
    def ending(self) -> tuple[Status, str] | None:
        """How the sweep will end, and why, once that is settled."""
        return self._ending

    @property
    def active(self) -> float:
        """Seconds of the sweep's time that are used, up to the last Tick: a sweep that rests uses none."""
        return self._now - self._started

    def step(self, event: Event) -> list[Action]:
        """Take in one event; the actions that follow from it, in order."""
        match event:
            case Tick(now):
                return self._tick(now)
            case Started(run_id, now):
                self._start(self.history[run_id], now)
                return []
            case Reported():
                return self._report(event)
            case Heard(run_id, now):
                self._heard[run_id] = now
                return []
            case Ended():
                return self._end(event)
            case Asked():
                return self._ask(event)

    def _tick(self, now: float) -> list[Action]:
        if self._paused and not self._live:
            self._started += now - self._now
        self._now = now
        return [
            *self._over_limits(now),
            *self._relaunch(),
            *self._take_up(),
            *self._launch(now),
            *self._give_up(),
            *self._finish(),
        ]

    # Starting

    def _launch(self, now: float) -> list[Action]:
        actions: list[Action] = []
        while self._has_more() and self._has_place():
            number = self._launched
            given = self._proposals.given(number)
            params = given.params if given else self._proposals.next(self.history, number, self.enqueued)
            if params is None:
                self._exhausted = self._news = True
                break
            run = self._new_run(params, now)
            if given is not None:
                run.origin = given.folder
                run.series = Series(self.history.goal, given.values)
            run.status = Status.QUEUED
            self.history.add(run)
            self._live[run.id] = run
            self._news = True
            actions.append(Launch(run))
        return actions

    def look_ahead(self, cost: float) -> bool:
        """Choose the next run while all places are taken, if that pays, and say whether that was done. `cost`:
        how many seconds it takes."""
        places = self.limits.max_concurrent_runs
        if not self._ended or self._ending or len(self._live) < places or not self._has_more():
            return False
        if not self._proposals.pay(places, cost, self._seconds / self._ended):
            return False
        return self._proposals.look_ahead(self.history, self._launched, self.enqueued)

    def _new_run(self, params: Params, now: float) -> RunRecord:
        number = self._launched
        self._launched += 1
        run_id = f"{self._sweep_id}_{number}"
        return RunRecord(run_id, number, params, Series(self.history.goal), created=now)

    def _relaunch(self) -> list[Action]:
        actions: list[Action] = []
        while self._again and self._has_place():
            run = self._again.pop(0)
            run.status = Status.STARTING
            self._live[run.id] = run
            actions.append(Launch(run))
        return actions

    def _take_up(self) -> list[Action]:
        """Paused runs that go on, as the policy says; it is asked again when a run has begun or ended."""
        actions: list[Action] = []
        while self._resting and self._news and self._has_place():
            assert self._config.policy is not None  # it has paused them
            run = self._config.policy.take_up(
                list(self._resting.values()), self.history, more=self._has_more()
            )
            self._news = run is not None
            if run is not None:
                del self._resting[run.id]
                self._close_attempt(run, Cause.PAUSE, checkpoint=True)
                run.status, run.cause, run.reason = Status.STARTING, None, None
                self._live[run.id] = run
                actions.append(Launch(run))
        return actions

    def _give_up(self) -> list[Action]:
        """Once nothing runs, nothing is to come and none is taken up, paused runs have ended."""
        if self._live or self._again or self._paused or self._news or self._has_more():
            return []
        return [self._drop(run, Cause.POLICY, run.reason or "") for run in list(self._resting.values())]

    def _has_more(self) -> bool:
        return not self._exhausted and self._launched < self.limits.max_total_runs

    def _has_place(self) -> bool:
        return not self._ending and not self._paused and len(self._live) < self.limits.max_concurrent_runs

    def _start(self, run: RunRecord, now: float) -> None:
        run.started = now
        self._heard[run.id] = now
        if run.status is not Status.CANCEL_REQUESTED:
            run.status = Status.RUNNING

    def _recover(self, run: RunRecord) -> None:
        self.history.add(run)
        if run.inherited:
            return
        self._launched = max(self._launched, run.number + 1)
        self._seconds += run.seconds
        if run.status.terminal:
            self._ended += 1
            if run.status is Status.FAILED:
                self._failures.append(_NUMBERS.sub("#", run.reason or ""))
            # The first run that completes without the metric is told of, and no other.
            self._warned |= run.status is Status.COMPLETED and not len(run.series)
        elif run.status is Status.NOT_STARTED or (run.status is Status.QUEUED and run.attempt):
            self._again.append(run)
        elif run.status is Status.PAUSED:
            self._resting[run.id] = run
        else:
            self._live[run.id] = run

    # Judging

    def _report(self, event: Reported) -> list[Action]:
        run = self.history.report(event.run_id, event.value)
        ending = run.status is Status.CANCEL_REQUESTED or event.late
        if (
            self._config.policy is None or ending
        ):  # one that reports has started, whether we know it yet or not
            return []
        verdict = self._config.policy.judge(run, len(run.series), self.history)
        if verdict.stop:
            return [self._cancel(run, Cause(verdict.kind), verdict.reason)]
        if verdict.kind is not Kind.CONTROL or run.cause is not None:
            return []
        run.cause, run.reason = Cause.CONTROL, verdict.reason
        return [Mark(run.id)]

    def _cancel(self, run: RunRecord, cause: Cause, reason: str) -> Cancel:
        run.status, run.cause, run.reason = Status.CANCEL_REQUESTED, cause, reason
        return Cancel(run.id, reason)

    def _end_all(self, status: Status, cause: Cause, reason: str) -> list[Action]:
        """The sweep ends so, as soon as its runs have ended, which are told to."""
        waiting = [*self._again, *self._resting.values()]
        actions: list[Action] = [self._drop(run, cause, reason) for run in waiting]
        if self._live and self._ending != (status, reason):
            actions.append(Ending(status, reason))
        self._ending = status, reason
        actions += [
            self._cancel(run, cause, reason)
            for run in self._live.values()
            if run.status is not Status.CANCEL_REQUESTED
        ]
        return actions

    def _drop(self, run: RunRecord, cause: Cause, reason: str) -> Drop:
        if not self._resting.pop(run.id, None):
            self._again.remove(run)
        run.status, run.cause, run.reason, run.ended = Status.CANCELED, cause, reason, self._now
        self._ended += 1
        return Drop(run.id, reason)

    def _ask(self, asked: Asked) -> list[Action]:
        match asked.wish:
            case "cancel":
                return self._cancel_on_wish(asked.run_id, asked.by)
            case "pause":
                self._paused = True
                return [Change(Status.PAUSED, self.limits), Say("info", f"paused by {asked.by}")]
            case "enqueue":
                return self._enqueue(asked.changes["params"], asked.by)
            case "resume" | "set":
                self.limits = replace(self.limits, **asked.changes)
                words = ", ".join(f"{name}={value}" for name, value in asked.changes.items())
                if asked.wish == "resume":
                    self._paused = self._exhausted = self._finished = False
                    self._ending = None
                    words = f"resumed by {asked.by}{': ' if words else ''}{words}"
                status = Status.PAUSED if self._paused else Status.RUNNING
                return [Change(status, self.limits), Say("info", words)]

    def _enqueue(self, params: Params, by: str) -> list[Action]:
        """The next run has these values. A budget that is used up, or a sweep that has ended, gets one run more."""
        if self._ending and self._live:
            return [Say("warning", "the run that was asked for is not started: the sweep is ending")]
        run = self._new_run(params, self._now)
        self.history.add(run)
        self._again.append(run)
        self.enqueued += 1
        if self._ending or self._launched > self.limits.max_total_runs:
            self.limits = replace(self.limits, max_total_runs=self._launched)
        self._ending, self._finished = None, False
        status = Status.PAUSED if self._paused else Status.RUNNING
        return [Add(run), Change(status, self.limits), Say("info", f"run {run.number} enqueued by {by}")]

    def _cancel_on_wish(self, run_id: str | None, by: str) -> list[Action]:
        reason = f"cancelled by {by}"
        if run_id is None:
            return [*self._end_all(Status.CANCELED, Cause.USER, reason), *self._finish()]
        for waiting in (*self._again, *self._resting.values()):
            if waiting.id == run_id:
                return [self._drop(waiting, Cause.USER, reason), *self._finish()]
        run = self._live.get(run_id)
        if run is None:
            return []
        if run.status is Status.CANCEL_REQUESTED:
            if run.cause != Cause.PAUSE:
                return []
            run.cause, run.reason = Cause.USER, reason
            return [Mark(run.id)]
        return [self._cancel(run, Cause.USER, reason)]

    # Limits

    def _over_limits(self, now: float) -> list[Action]:
        actions: list[Action] = []
        limits = self.limits
        for run in self._live.values():
            if run.started is None or run.status is Status.CANCEL_REQUESTED:
                continue
            if limits.run_duration is not None and now - run.started >= limits.run_duration:
                reason = f"ran longer than its limit of {limits.run_duration:g} s"
                actions.append(self._cancel(run, Cause.TIME, reason))
            elif limits.silence is not None and now - self._heard.setdefault(run.id, now) >= limits.silence:
                reason = f"logged no metric for {limits.silence / 60:g} min"
                actions.append(self._cancel(run, Cause.SILENCE, reason))
        spent = self._spent(now)
        if spent and not self._ending:
            actions += self._end_all(Status.COMPLETED, Cause.BUDGET, spent)
        return actions

    def _spent(self, now: float) -> str:
        """What of the sweep's budget is used up, in words; empty while nothing is."""
        limits = self.limits
        if limits.max_duration is not None and now - self._started >= limits.max_duration:
            return f"the sweep's time of {limits.max_duration / 60:g} min is used up"
        if limits.max_cost is not None and self.cost(now) >= limits.max_cost:
            return f"the sweep's budget of {limits.max_cost:g} is used up"
        return ""

    def cost(self, now: float) -> float:
        """What all runs have cost so far, at the price of an hour."""
        live = sum(now - run.started for run in self._live.values() if run.started is not None)
        return (self._seconds + live) / 3600 * (self.limits.price_per_hour or 0.0)

    # Ending

    def _end(self, event: Ended) -> list[Action]:
        run = self._live.pop(event.run_id)
        self._news = True
        run.ended, run.exit_code = event.now, event.exit_code
        self._heard.pop(run.id, None)
        seconds = max(0.0, event.now - (run.started or event.now))
        self._seconds += seconds
        asked = run.status is Status.CANCEL_REQUESTED
        if event.exit_code == 0 and not asked:
            run.status = Status.COMPLETED
            self._ended += 1
            return [*self._unlogged_metric(run, event), *self._advise(), *self._finish()]
        if not asked:
            run.cause = cause_of_end(
                event.exit_code, event.last_words, killed_for_memory=event.killed_for_memory
            )
            run.reason = _in_words(event)
        cause = Cause(run.cause or Cause.EXIT)
        if not self._ending and self._config.retries.allow(cause, run.causes):
            return self._try_again(run, cause, event)
        if asked and cause is Cause.PAUSE:
            if event.checkpoint and not self._ending:
                self._keep(run, event)
                run.status = Status.PAUSED
                self._resting[run.id] = run
                return []
            run.cause = Cause.POLICY
        self._ended += 1
        if asked:
            run.status = Status.COMPLETED if cause is Cause.PLATEAU else Status.CANCELED
            return [*self._advise(), *self._finish()]
        run.status = Status.FAILED
        said = f"run {run.number} failed: {_how_it_ended(event.exit_code)}"
        if event.last_words:
            said += f"\n{event.last_words}"
        return [Say("error", said), *self._hopeless(run.reason or ""), *self._finish()]

    def _try_again(self, run: RunRecord, cause: Cause, event: Ended) -> list[Action]:
        why = f"run {run.number}, attempt {run.attempt + 1}: {run.reason}"
        if event.checkpoint:
            self._keep(run, event)
        self._close_attempt(run, cause, checkpoint=event.checkpoint)
        run.status, run.cause, run.reason = Status.QUEUED, None, None
        self._again.append(run)
        way = "from its checkpoint" if event.checkpoint else "from the beginning"
        return [Say("warning", f"{why}; it is tried again {way}"), *self._relaunch()]

    def _keep(self, run: RunRecord, event: Ended) -> None:
        """Write down how many values the checkpoint contains, of the primary metric in any case."""
        metric = self._config.primary_metric_name
        count = len(run.series) - event.repeated - self._kept_before(run)
        run.kept = {**run.kept, str(run.attempt): {**event.kept, metric: count}}

    def _kept_before(self, run: RunRecord) -> int:
        """How many values of the primary metric count of the attempts before the present one."""
        metric = self._config.primary_metric_name
        earlier = map(str, range(run.counted_from, run.attempt))
        return sum(run.kept.get(attempt, {}).get(metric, 0) for attempt in earlier)

    def _close_attempt(self, run: RunRecord, cause: Cause, *, checkpoint: bool) -> None:
        """The next attempt goes on from the checkpoint and the values that it contains, or from the beginning."""
        run.spent = run.seconds
        run.causes = [*run.causes, cause]
        run.started = run.ended = run.exit_code = run.handle = None
        values: Sequence[float]
        if checkpoint:
            values = run.series.values[: self._kept_before(run)]
        else:
            run.counted_from = run.attempt
            values = self._config.given[run.number].values if run.origin else ()
        self.history.restart(run.id, values)

    def _advise(self) -> list[Action]:
        """What the policy says of the metric, once so many runs have ended."""
        advice = getattr(self._config.policy, "advice", None)  # which a stranger's policy need not have
        said = advice(self.history) if advice and self._ended == ADVICE_AFTER else None
        return [Say("warning", said)] if said else []

    def _unlogged_metric(self, run: RunRecord, ended: Ended) -> list[Action]:
        metric = self._config.primary_metric_name
        if self._warned or len(run.series):
            return []
        self._warned = True
        if not metric or any(len(other.series) for other in self.history):
            return []
        names, printed = sorted(ended.names), sorted(ended.printed)
        said = f"it logged {', '.join(names)}" if names else "it logged no metric at all"
        if printed:
            said += f", and printed {', '.join(printed)}"
        like = {name.lower(): name for name in [*printed, *names]}
        near = [like[name] for name in difflib.get_close_matches(metric.lower(), like, n=1)]
        hint = f"; did you mean {near[0]!r}?" if near else "."
        return [
            Say(
                "warning",
                f"run {run.number} has ended and never logged the primary metric {metric!r}: {said}{hint} "
                "Without it no run can be compared or stopped early.",
            )
        ]

    def _hopeless(self, reason: str) -> list[Action]:
        self._failures.append(_NUMBERS.sub("#", reason))
        first_ones = self._ended == len(self._failures) == SAME_FAILURES
        if self._ending or not first_ones or len(set(self._failures)) > 1:
            return []
        why = f"the first {SAME_FAILURES} runs failed the same way: {reason}"
        return [
            Say("error", f"The sweep stops: {why}"),
            *self._end_all(Status.FAILED, Cause.BUDGET, why),
        ]

    def _finish(self) -> list[Action]:
        spent = self._launched >= self.limits.max_total_runs
        waiting = self._live or self._again or self._resting
        if self._finished or waiting or not (self._ending or self._exhausted or spent):
            return []
        self._finished = True
        if self._ending:
            return [Finish(*self._ending)]
        reason = f"all {self._launched} runs have ended"
        if self._exhausted and not spent:
            reason = f"the search space is used up after {self._launched} runs"
        if self._launched and self._ended == len(self._failures):
            return [Finish(Status.FAILED, f"every run failed; {reason}")]
        return [Finish(Status.COMPLETED, reason)]


def _in_words(event: Ended) -> str:
    how = _how_it_ended(event.exit_code)
    lines = event.last_words.rstrip().splitlines()
    return f"{how}: {lines[-1].strip()}" if lines else how


def _how_it_ended(exit_code: int | None) -> str:
    if exit_code is None:
        return "its process disappeared"
    if exit_code < 0:
        return f"killed by signal {-exit_code}"
    return f"exit code {exit_code}"
