"""Paused runs through the planner: who rests, who goes on, what counts, and what a takeover finds."""

from __future__ import annotations

import copy

from overdrive.model.expressions import uniform
from overdrive.model.metrics import PrimaryMetricGoal
from overdrive.model.records import Status
from overdrive.policies.base import GO_ON, Kind, Verdict
from overdrive.policies.halving import SuccessiveHalvingPolicy
from overdrive.policies.plateau import PlateauPolicy
from overdrive.samplers.random import RandomParameterSampling
from overdrive.sweep.config import HyperDriveConfig
from overdrive.sweep.events import Asked, Cancel, Drop, Ended, Finish, Launch, Mark, Reported, Started, Tick
from overdrive.sweep.limits import Limits
from overdrive.sweep.planner import Planner
from overdrive.sweep.script import ScriptRunConfig


class Pausing:
    """Pauses whatever is below 0.5 at its second value; takes up the one that `next_one` names."""

    def __init__(self):
        self.next_one = None
        self.asked = []

    def judge(self, run, interval, history):
        low = interval == 2 and run.series.best < 0.5 and not run.causes
        return Verdict(True, "low", Kind.PAUSE) if low else GO_ON

    def take_up(self, paused, history, *, more):
        self.asked.append(([run.number for run in paused], more))
        return next((run for run in paused if run.number == self.next_one), None)

    def to_json(self):
        return {"name": "pausing"}


class Sweep:
    """A planner and what it has done; `of` gives the record of a run."""

    def __init__(self, policy, total=2, places=1, after=None):
        self.config = HyperDriveConfig(
            RandomParameterSampling({"x": uniform(0, 1)}, seed=1),
            "acc",
            PrimaryMetricGoal.MAXIMIZE,
            max_total_runs=total,
            max_concurrent_runs=places,
            policy=policy,
            run_config=ScriptRunConfig(script="train.py"),
        )
        self.limits = Limits(max_total_runs=total, max_concurrent_runs=places)
        rows = copy.deepcopy(list(after.planner.history)) if after else ()
        self.planner = Planner("s", self.config, self.limits, started=0.0, runs=rows)
        self.now = 0.0
        self.done = []
        self.tick()

    def take(self, event):
        actions = self.planner.step(event)
        self.done += actions
        for action in actions:
            if isinstance(action, Launch):
                self.planner.step(Started(action.run.id, self.now))
        return actions

    def tick(self):
        self.now += 1
        return self.take(Tick(self.now))

    def report(self, number, *values):
        return [action for value in values for action in self.take(Reported(f"s_{number}", value))]

    def end(self, number, code=0, **how):
        self.now += 1
        return [*self.take(Ended(f"s_{number}", self.now, code, **how)), *self.tick()]

    def of(self, number):
        return self.planner.history[f"s_{number}"]


def launched(actions):
    return [action.run.number for action in actions if isinstance(action, Launch)]


def paused_one(policy, **options):
    """Run 0 has reported 0.1, 0.2 and rests."""
    sweep = Sweep(policy, **options)
    assert sweep.report(0, 0.1, 0.2) == [Cancel("s_0", "low")]
    sweep.end(0, -15, checkpoint=True)
    return sweep


def test_a_paused_run_frees_its_place_and_keeps_what_it_reported():
    sweep = paused_one(Pausing())
    run = sweep.of(0)
    assert (run.status, run.cause, run.reason, run.attempt) == (Status.PAUSED, "pause", "low", 0)
    assert run.series.values == [0.1, 0.2]
    assert launched(sweep.done) == [0, 1]
    assert not any(isinstance(action, Finish) for action in sweep.done)


def test_it_is_taken_up_as_another_job_that_goes_on_from_its_checkpoint():
    policy = Pausing()
    sweep = paused_one(policy)
    sweep.report(1, 0.9)
    policy.next_one = 0
    assert launched(sweep.end(1)) == [0]
    run = sweep.of(0)
    assert (run.attempt, run.job, run.causes, run.cause, run.reason) == (1, "s_0.1", ["pause"], None, None)
    assert run.series.values == [0.1, 0.2] and run.spent > 0
    sweep.report(0, 0.8)
    assert isinstance(sweep.end(0)[0], Finish)
    assert run.status is Status.COMPLETED and run.series.values == [0.1, 0.2, 0.8]
    assert policy.asked[-1] == ([0], False)


def test_values_after_the_checkpoint_count_until_it_goes_on():
    policy = Pausing()
    sweep = Sweep(policy)
    sweep.report(0, 0.1, 0.2)
    sweep.end(0, -15, checkpoint=True, kept={"acc": 1, "loss": 1}, repeated=1)
    run = sweep.of(0)
    assert run.series.values == [0.1, 0.2] and run.kept == {"0": {"acc": 1, "loss": 1}}
    policy.next_one = 0
    assert launched(sweep.end(1)) == [0]
    assert run.series.values == [0.1]


def test_what_a_third_attempt_goes_on_from_counts_all_before():
    sweep = paused_one(policy := Pausing())
    policy.next_one = 0
    sweep.end(1)
    sweep.report(0, 0.3, 0.4)
    sweep.end(0, None, checkpoint=True, kept={"acc": 1}, repeated=1)  # lost, after one more value was kept
    sweep.tick()
    assert sweep.of(0).series.values == [0.1, 0.2, 0.3]
    assert sweep.of(0).causes == ["pause", "lost"]


def test_without_a_checkpoint_it_is_stopped_for_good():
    sweep = Sweep(Pausing())
    sweep.report(0, 0.1, 0.2)
    sweep.end(0, -15)
    assert (sweep.of(0).status, sweep.of(0).cause) == (Status.CANCELED, "policy")


def test_at_the_end_whoever_is_not_taken_up_has_ended():
    sweep = paused_one(policy := Pausing())
    actions = sweep.end(1)
    assert actions == [Drop("s_0", "low"), Finish(Status.COMPLETED, "all 2 runs have ended")]
    assert (sweep.of(0).status, sweep.of(0).cause) == (Status.CANCELED, "policy")
    assert sweep.of(0).series.values == [0.1, 0.2]
    assert policy.asked == [([0], True), ([0], False)]


def test_the_policy_is_asked_again_only_when_there_is_news():
    sweep = paused_one(policy := Pausing(), total=3, places=2)
    sweep.end(2)  # run 1 goes on alone beside a free place
    asked = len(policy.asked)
    for _ in range(5):
        sweep.tick()
    assert len(policy.asked) == asked
    sweep.report(1, 0.7)
    sweep.tick()
    assert len(policy.asked) == asked
    sweep.end(1)
    assert len(policy.asked) == asked + 1


def test_another_controller_finds_who_rests_and_takes_it_up():
    policy = Pausing()
    first = paused_one(policy)
    second = Sweep(policy, after=first)
    assert second.of(0).status is Status.PAUSED
    policy.next_one = 0
    assert launched(second.end(1)) == [0]
    assert second.of(0).series.values == [0.1, 0.2] and second.of(0).attempt == 1


def test_a_wish_ends_a_paused_run_and_one_that_is_about_to_be():
    sweep = paused_one(Pausing())
    assert sweep.take(Asked("cancel", "s_0", "them")) == [Drop("s_0", "cancelled by them")]
    assert (sweep.of(0).status, sweep.of(0).cause) == (Status.CANCELED, "user")
    about = Sweep(Pausing())
    about.report(0, 0.1, 0.2)
    assert about.take(Asked("cancel", "s_0", "them")) == [Mark("s_0")]
    about.end(0, -15, checkpoint=True)
    assert (about.of(0).status, about.of(0).cause) == (Status.CANCELED, "user")


def test_a_cancelled_sweep_leaves_nobody_resting():
    sweep = paused_one(Pausing())
    sweep.take(Asked("cancel", None, "them"))
    assert isinstance(sweep.end(1, -15)[-1], Finish)
    assert {sweep.of(number).status for number in (0, 1)} == {Status.CANCELED}


def test_halving_promotes_when_others_have_come():
    sweep = Sweep(SuccessiveHalvingPolicy(eta=2, promotion=True), total=4)
    sweep.report(0, 0.5), sweep.end(0)
    assert isinstance(sweep.report(1, 0.4)[0], Cancel)  # rank 2 of 2, and 1 goes on
    sweep.end(1, -15, checkpoint=True)
    assert isinstance(sweep.report(2, 0.3)[0], Cancel)
    sweep.end(2, -15, checkpoint=True)
    # At the rung stand 0.5, 0.4, 0.3 and 0.2: the best two go on, and run 1 is one of them.
    assert isinstance(sweep.report(3, 0.2)[0], Cancel)
    assert launched(sweep.end(3, -15, checkpoint=True)) == [1]
    sweep.report(1, 0.6)
    actions = sweep.end(1)
    assert [type(action) for action in actions] == [Drop, Drop, Finish]
    assert [sweep.of(n).status for n in range(4)] == [Status.COMPLETED, Status.COMPLETED] + [
        Status.CANCELED
    ] * 2


def test_a_run_that_stopped_improving_has_completed():
    sweep = Sweep(PlateauPolicy(patience=2), total=1)
    assert sweep.report(0, 0.5, 0.4) == []
    (cancel,) = sweep.report(0, 0.5)
    assert cancel.reason == "no better than 0.5 by more than 0 in the last 2 intervals, up to 3"
    sweep.end(0, -15)
    assert (sweep.of(0).status, sweep.of(0).cause) == (Status.COMPLETED, "plateau")


class Watching(Pausing):
    """Lets everyone run, as a control."""

    def judge(self, run, interval, history):
        return Verdict(False, f"low at {interval}", Kind.CONTROL)


def test_a_control_is_marked_once_and_completes_with_its_mark():
    sweep = Sweep(Watching(), total=1)
    assert sweep.report(0, 0.1, 0.2) == [Mark("s_0")]
    sweep.end(0)
    run = sweep.of(0)
    assert (run.status, run.cause, run.reason) == (Status.COMPLETED, "control", "low at 1")


def test_a_value_that_is_seen_before_the_start_is_judged():
    sweep = Sweep(Pausing())
    sweep.of(0).status = Status.QUEUED
    assert sweep.report(0, 0.1, 0.2) == [Cancel("s_0", "low")]
