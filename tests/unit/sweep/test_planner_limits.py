"""The planner's retries, rest, wishes, costs and silences, driven by hand; and what a takeover knows of them."""

from __future__ import annotations

import copy

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from overdrive.model.expressions import uniform
from overdrive.model.metrics import PrimaryMetricGoal
from overdrive.model.records import Status
from overdrive.model.space import SearchSpace
from overdrive.sweep.config import Given, HyperDriveConfig
from overdrive.sweep.events import (
    Asked,
    Cancel,
    Change,
    Drop,
    Ended,
    Ending,
    Finish,
    Heard,
    Launch,
    Reported,
    Say,
    Started,
    Tick,
)
from overdrive.sweep.limits import Limits
from overdrive.sweep.planner import Planner
from overdrive.sweep.script import ScriptRunConfig

METRIC = "accuracy"
KILLED = -9


class Counting:
    """A sampler that proposes x = 0, 1, 2, ..."""

    seed = 0
    space = SearchSpace({"x": uniform(0, 1000)})

    def propose(self, history, number):
        return {"x": number}


class Sweep:
    """A planner with a clock; all that it has done is in `done`."""

    def __init__(self, total=4, concurrent=2, retries=0, given=(), runs=(), now=0.0, active=0.0, **rest):
        planner_options = {name: rest.pop(name) for name in ("paused", "ending") if name in rest}
        self.options = {"total": total, "concurrent": concurrent, "retries": retries, "given": given, **rest}
        self.config = HyperDriveConfig(
            Counting(),
            METRIC,
            PrimaryMetricGoal.MAXIMIZE,
            max_total_runs=total,
            max_concurrent_runs=concurrent,
            max_retries=retries,
            given=given,
            run_config=ScriptRunConfig(script="train.py"),
        )
        limits = Limits(max_total_runs=total, max_concurrent_runs=concurrent, **rest)
        self.planner = Planner(
            "s", self.config, limits, started=now - active, now=now, runs=runs, **planner_options
        )
        self.now = now
        self.done = []

    def step(self, event):
        actions = self.planner.step(event)
        self.done += actions
        return actions

    def tick(self, seconds=1.0):
        self.now += seconds
        return self.step(Tick(self.now))

    def start(self, *numbers):
        for number in numbers:
            self.step(Started(f"s_{number}", self.now))

    def report(self, number, *values):
        for value in values:
            self.step(Reported(f"s_{number}", value))

    def end(self, number, exit_code=0, *, words="", checkpoint=False, memory=False):
        return self.step(
            Ended(
                f"s_{number}",
                self.now,
                exit_code,
                frozenset({METRIC}),
                words,
                killed_for_memory=memory,
                checkpoint=checkpoint,
            )
        )

    def run(self, number):
        return self.planner.history[f"s_{number}"]

    def taken_over(self, after=0.0, **options):
        """Another planner, from what the rows tell, some time later."""
        runs = copy.deepcopy(list(self.planner.history))
        now = self.now + after
        known = {"active": self.planner.active, "ending": self.planner.ending, **options}
        places = self.planner.limits.max_concurrent_runs
        return Sweep(**{**self.options, "concurrent": places}, runs=runs, now=now, **known)


def begun(**options):
    sweep = Sweep(**options)
    sweep.start(*launched(sweep.tick()))
    return sweep


def of(kind, actions):
    return [action for action in actions if isinstance(action, kind)]


def launched(actions):
    return [action.run.number for action in of(Launch, actions)]


# ---------------------------------------------------------------- retries


def test_a_lost_run_is_tried_again_at_once_as_another_job_in_another_folder():
    sweep = begun()
    assert launched(sweep.end(0, KILLED)) == [0]
    run = sweep.run(0)
    assert (run.attempt, run.job, run.place, run.causes) == (1, "s_0.1", "0.1", ["lost"])
    assert (run.cause, run.reason, run.handle, run.exit_code, run.started, run.ended) == (None,) * 6
    assert not run.status.terminal


def test_the_third_loss_is_final_and_costs_no_number_of_the_budget():
    sweep = begun(total=2, concurrent=1)
    for _ in range(2):
        assert launched(sweep.end(0, None)) == [0]
        sweep.start(0)
    assert launched(sweep.end(0, None)) == []
    assert (sweep.run(0).status, sweep.run(0).cause) == (Status.FAILED, "lost")
    assert "disappeared" in sweep.run(0).reason
    assert launched(sweep.tick()) == [1]


def test_what_a_lost_attempt_reported_counts_no_more_unless_there_is_a_checkpoint():
    sweep = begun()
    sweep.report(0, 0.9)
    sweep.report(1, 0.5)
    sweep.end(0, KILLED)
    assert sweep.run(0).series.values == [] and sweep.run(0).counted_from == 1
    assert sweep.planner.history.best_run.number == 1
    sweep.end(1, KILLED, checkpoint=True)
    assert sweep.run(1).series.values == [0.5] and sweep.run(1).counted_from == 0


def test_a_resumed_run_that_begins_anew_begins_with_what_it_had_reported_before():
    sweep = begun(given=(Given({"x": 7}, "/old/3/outputs", (0.1, 0.2)),))
    assert sweep.run(0).params == {"x": 7} and sweep.run(0).origin == "/old/3/outputs"
    sweep.report(0, 0.3)
    sweep.end(0, KILLED)
    assert sweep.run(0).series.values == [0.1, 0.2]


def test_an_exit_code_is_final_by_default_and_retried_on_request():
    sweep = begun()
    assert launched(sweep.end(0, 1)) == []
    assert sweep.run(0).status is Status.FAILED and sweep.run(0).cause == "exit"
    sweep = begun(retries={"exit": 1})
    assert launched(sweep.end(0, 1)) == [0]
    sweep.start(0)
    assert launched(sweep.end(0, 1)) == []
    assert sweep.run(0).causes == ["exit"] and sweep.run(0).status is Status.FAILED


def test_each_cause_has_its_own_count():
    sweep = begun(retries={"exit": 1, "memory": 1, "lost": 1})
    for code, memory in ((1, False), (KILLED, True), (KILLED, False)):
        assert launched(sweep.end(0, code, memory=memory)) == [0]
        sweep.start(0)
    assert sweep.run(0).causes == ["exit", "memory", "lost"]
    sweep.end(0, KILLED, memory=True)
    assert sweep.run(0).status is Status.FAILED and sweep.run(0).cause == "memory"


@pytest.mark.parametrize(
    ("limits", "cause"), [({"run_duration": 10.0}, "time"), ({"silence": 10.0}, "silence")]
)
@pytest.mark.parametrize("allowed", [0, 1])
def test_a_run_that_reached_a_limit_is_canceled_or_tried_again(limits, cause, allowed):
    sweep = begun(retries={cause: allowed}, concurrent=1, **limits)
    assert of(Cancel, sweep.tick(9)) == []
    (cancel,) = of(Cancel, sweep.tick(1))
    assert cancel.run_id == "s_0" and sweep.run(0).cause == cause
    again = launched(sweep.end(0, -15))
    assert again == [0] * allowed
    assert sweep.run(0).status is (Status.STARTING if allowed else Status.CANCELED)


def test_a_run_that_leaves_in_peace_after_its_time_limit_is_canceled_all_the_same():
    sweep = begun(run_duration=10.0)
    sweep.tick(10)
    sweep.end(0, 0)
    assert sweep.run(0).status is Status.CANCELED and sweep.run(0).cause == "time"


@pytest.mark.parametrize("run_id", [None, "s_0"])
def test_who_was_cancelled_is_never_tried_again(run_id):
    sweep = begun(retries=5)
    sweep.step(Asked("cancel", run_id))
    sweep.end(0, None)
    assert sweep.run(0).status is Status.CANCELED and sweep.run(0).cause == "user"


def test_who_is_lost_while_the_sweep_ends_is_not_tried_again():
    sweep = begun(retries=5, max_duration=60.0)
    sweep.tick(60)
    sweep.end(0, KILLED)
    sweep.end(1, KILLED)
    assert {sweep.run(n).status for n in (0, 1)} == {Status.CANCELED}
    (finish,) = of(Finish, sweep.done)
    assert finish.status is Status.COMPLETED


def test_the_first_three_failing_the_same_way_are_three_runs_and_not_three_attempts():
    sweep = begun(total=10, concurrent=1, retries={"exit": 5})
    for _ in range(5):
        assert launched(sweep.end(0, 1, words="oh")) == [0]
        sweep.start(0)
    assert not of(Finish, sweep.done)


# ---------------------------------------------------------------- rest


def test_a_paused_sweep_launches_nothing_and_its_runs_go_on():
    sweep = begun()
    assert of(Change, sweep.step(Asked("pause")))[0].status is Status.PAUSED
    assert sweep.tick() == []
    sweep.report(0, 0.5)
    sweep.end(0)
    assert launched(sweep.tick()) == []
    assert of(Change, sweep.step(Asked("resume")))[0].status is Status.RUNNING
    assert launched(sweep.tick()) == [2]


def test_who_is_lost_during_a_rest_waits_for_its_end():
    sweep = begun()
    sweep.step(Asked("pause"))
    assert launched(sweep.end(0, KILLED)) == []
    assert sweep.run(0).status is Status.QUEUED
    assert launched(sweep.tick()) == []
    sweep.step(Asked("resume"))
    assert launched(sweep.tick()) == [0]
    assert sweep.run(0).status is Status.STARTING


def test_time_at_rest_is_not_spent():
    sweep = begun(concurrent=1, max_duration=100.0)
    sweep.tick(10)
    sweep.step(Asked("pause"))
    sweep.end(0)
    sweep.tick(0)
    assert sweep.tick(1000) == []
    assert sweep.planner.active == 11
    sweep.step(Asked("resume"))
    assert launched(sweep.tick(1)) == [1]
    assert of(Cancel, sweep.tick(87)) == []
    assert of(Cancel, sweep.tick(1))


def test_a_rest_during_which_runs_go_on_is_spent():
    sweep = begun(max_duration=100.0)
    sweep.step(Asked("pause"))
    assert len(of(Cancel, sweep.tick(100))) == 2


def test_a_paused_sweep_is_cancelled_and_whoever_waits_is_dropped():
    sweep = begun()
    sweep.step(Asked("pause"))
    sweep.end(0, KILLED)
    actions = sweep.step(Asked("cancel", by="Ada"))
    assert of(Drop, actions) == [Drop("s_0", "cancelled by Ada")]
    assert [cancel.run_id for cancel in of(Cancel, actions)] == ["s_1"]
    assert sweep.run(0).status is Status.CANCELED and sweep.run(0).ended == sweep.now
    assert of(Finish, sweep.end(1, -15)) == [Finish(Status.CANCELED, "cancelled by Ada")]


def test_one_that_waits_can_be_cancelled_by_itself():
    sweep = begun()
    sweep.step(Asked("pause"))
    sweep.end(0, KILLED)
    assert sweep.step(Asked("cancel", "s_0")) == [Drop("s_0", "cancelled by the user")]
    sweep.step(Asked("resume"))
    assert launched(sweep.tick()) == [2]


# ---------------------------------------------------------------- other limits while it runs


def test_fewer_places_end_nobody_and_more_are_filled_at_once():
    sweep = begun(total=10, concurrent=3)
    sweep.step(Asked("set", changes={"max_concurrent_runs": 1}))
    assert sweep.tick() == []
    sweep.end(0)
    sweep.end(1)
    assert launched(sweep.tick()) == []
    sweep.end(2)
    assert launched(sweep.tick()) == [3]
    sweep.step(Asked("set", changes={"max_concurrent_runs": 4}))
    assert launched(sweep.tick()) == [4, 5, 6]


def test_a_larger_budget_goes_on_and_a_smaller_one_ends_after_what_runs():
    sweep = begun(total=2, concurrent=2)
    (change,) = of(Change, sweep.step(Asked("set", changes={"max_total_runs": 3})))
    assert change.limits.max_total_runs == 3 and change.status is Status.RUNNING
    sweep.end(0)
    assert launched(sweep.tick()) == [2]
    sweep.step(Asked("set", changes={"max_total_runs": 1}))
    sweep.end(1)
    assert of(Finish, sweep.end(2))


def test_limits_set_during_a_rest_leave_it_at_rest():
    sweep = begun()
    sweep.step(Asked("pause"))
    (change,) = of(Change, sweep.step(Asked("set", changes={"max_total_runs": 9})))
    assert change.status is Status.PAUSED and change.limits.max_total_runs == 9


@pytest.mark.parametrize("how", ["completed", "canceled"])
def test_a_sweep_that_has_ended_goes_on_with_more_runs(how):
    sweep = begun(total=2)
    if how == "canceled":
        sweep.step(Asked("cancel"))
    sweep.end(0, 0)
    (finish,) = of(Finish, sweep.end(1, 0))
    assert finish.status is (Status.COMPLETED if how == "completed" else Status.CANCELED)
    after = sweep.taken_over()
    assert of(Change, after.step(Asked("resume", changes={"max_total_runs": 3})))
    assert after.planner.ending is None
    after.start(*launched(after.tick()))
    assert [run.number for run in after.planner.live] == [2]
    assert of(Finish, after.end(2))


# ---------------------------------------------------------------- costs


def test_the_cost_is_runs_times_seconds_times_price_and_ends_the_sweep():
    # Two runs of an hour at 3 for an hour are 6.
    sweep = begun(concurrent=2, max_cost=6.0, price_per_hour=3.0)
    assert of(Cancel, sweep.tick(3599)) == []
    assert sweep.planner.cost(sweep.now) == pytest.approx(2 * 3599 / 3600 * 3)
    assert len(of(Cancel, sweep.tick(1))) == 2
    assert sweep.run(0).cause == "budget" and "6" in sweep.run(0).reason
    sweep.end(0, -15)
    (finish,) = of(Finish, sweep.end(1, -15))
    assert finish.status is Status.COMPLETED


def test_lost_attempts_cost_what_they_took_also_after_a_takeover():
    sweep = begun(concurrent=1, price_per_hour=1.0)
    sweep.tick(1800)
    sweep.end(0, KILLED)
    sweep.start(0)
    sweep.tick(1800)
    assert sweep.planner.cost(sweep.now) == pytest.approx(1.0)
    after = sweep.taken_over()
    assert after.planner.cost(after.now) == pytest.approx(1.0)
    after.end(0)
    assert after.taken_over().planner.cost(after.now) == pytest.approx(1.0)


def test_a_clock_that_went_back_between_two_controllers_gives_no_money_back():
    sweep = begun(concurrent=1, price_per_hour=1.0)
    after = sweep.taken_over(after=-3600.0)
    after.end(0)
    assert after.planner.cost(after.now) == 0.0


# ---------------------------------------------------------------- silence


def test_silence_is_counted_from_the_last_value_of_any_metric():
    sweep = begun(concurrent=1, silence=60.0)
    sweep.tick(59)
    sweep.step(Heard("s_0", sweep.now))
    assert of(Cancel, sweep.tick(59)) == []
    (cancel,) = of(Cancel, sweep.tick(1))
    assert "1 min" in cancel.reason


def test_a_run_that_has_not_started_is_not_silent():
    sweep = Sweep(concurrent=1, silence=60.0)
    sweep.tick()
    assert of(Cancel, sweep.tick(1000)) == []


def test_after_a_takeover_silence_is_counted_from_then():
    sweep = begun(concurrent=1, silence=60.0)
    for _ in range(100):
        sweep.tick(59)
        sweep.step(Heard("s_0", sweep.now))
    after = sweep.taken_over(after=59.0)
    assert after.tick(0) == []
    assert of(Cancel, after.tick(59)) == []
    assert of(Cancel, after.tick(1))


# ---------------------------------------------------------------- takeover


def test_who_waits_for_a_place_still_waits_after_a_takeover():
    sweep = begun(concurrent=2)
    sweep.step(Asked("set", changes={"max_concurrent_runs": 1}))
    assert launched(sweep.end(0, KILLED)) == []
    after = sweep.taken_over()
    assert [run.number for run in after.planner.live] == [1]
    assert launched(after.tick()) == []
    after.end(1)
    assert launched(after.tick()) == [0]


def test_who_was_about_to_start_again_is_live_after_a_takeover():
    sweep = begun(concurrent=1)
    sweep.end(0, KILLED)
    after = sweep.taken_over()
    assert [run.job for run in after.planner.live] == ["s_0.1"]
    assert launched(after.tick()) == []


@pytest.mark.parametrize("why", ["cancelled", "hopeless", "spent"])
def test_a_sweep_that_was_ending_ends_after_a_takeover(why):
    sweep = begun(total=50, concurrent=4, max_duration=100.0)
    if why == "cancelled":
        sweep.step(Asked("cancel"))
    elif why == "spent":
        sweep.tick(100)
    else:
        for number in range(3):
            sweep.end(number, 1, words="the same")
    (ending,) = of(Ending, sweep.done)
    after = sweep.taken_over()
    assert launched(after.tick()) == []
    for run in list(after.planner.live):
        after.end(run.number, -15)
    (finish,) = of(Finish, after.done)
    assert (finish.status, finish.reason) == (ending.status, ending.reason)


def test_time_between_two_controllers_is_not_spent():
    sweep = begun(concurrent=1, max_duration=100.0)
    sweep.tick(49)
    after = sweep.taken_over(after=10_000.0)
    assert of(Cancel, after.tick(49)) == []
    assert of(Cancel, after.tick(1))


def test_a_sweep_at_rest_is_at_rest_after_a_takeover_and_its_time_stays_spent():
    sweep = begun(concurrent=1)
    sweep.tick(10)
    sweep.step(Asked("pause"))
    sweep.end(0)
    after = sweep.taken_over(paused=True)
    assert after.tick(500) == [] and after.planner.active == 11


# ---------------------------------------------------------------- laws


moves = st.lists(
    st.one_of(
        st.tuples(st.just("tick"), st.sampled_from([0.5, 1, 7])),
        st.tuples(st.just("start"), st.integers(0, 3)),
        st.tuples(st.just("report"), st.integers(0, 3)),
        st.tuples(st.just("end"), st.integers(0, 3), st.sampled_from([0, 1, None, KILLED, -15])),
        st.tuples(st.just("cancel"), st.integers(0, 3)),
        st.tuples(st.just("wish"), st.sampled_from(["pause", "resume"])),
        st.tuples(st.just("places"), st.integers(1, 4)),
        st.tuples(st.just("takeover"), st.booleans()),
    ),
    max_size=40,
)


@settings(max_examples=200, deadline=None)
@given(moves, st.integers(1, 5), st.integers(1, 3), st.integers(0, 2))
def test_whatever_happens_no_run_is_forgotten_or_has_two_attempts_at_once(moves, total, places, exits):
    sweep = Sweep(total=total, concurrent=places, retries={"exit": exits, "lost": 2})
    jobs, live, paused = [], set(), False

    def take(actions):
        for action in of(Launch, actions):
            assert action.run.id not in live and action.run.job not in jobs
            assert not paused and len(live) < places
            jobs.append(action.run.job)
            live.add(action.run.id)

    take(sweep.tick(1))
    for kind, value, *rest in moves:
        numbers = sorted(run.number for run in sweep.planner.live)
        number = (
            numbers[value % len(numbers)]
            if numbers and kind in ("start", "report", "end", "cancel")
            else None
        )
        if kind == "tick":
            take(sweep.tick(value))
        elif kind == "wish":
            paused = value == "pause"
            take(sweep.step(Asked(value)))
        elif kind == "places":
            places = value
            take(sweep.step(Asked("set", changes={"max_concurrent_runs": value})))
        elif kind == "takeover":
            sweep = sweep.taken_over(after=1.0, paused=paused)
        elif number is None:
            continue
        elif kind == "start":
            if sweep.run(number).started is None:
                sweep.start(number)
        elif kind == "report":
            sweep.report(number, 0.5)
        elif kind == "cancel":
            sweep.step(Asked("cancel", f"s_{number}"))
        else:
            live.remove(f"s_{number}")
            take(sweep.end(number, rest[0], words="abcdefgh"[number] * 3))
        assert {run.id for run in sweep.planner.live} == live
        for run in sweep.planner.history:
            waiting = run.status is Status.QUEUED and run.attempt
            assert run.status.terminal or run.id in live or waiting
    paused = False
    take(sweep.step(Asked("resume")))
    for _ in range(100):
        take(sweep.tick(1))
        for run in list(sweep.planner.live):
            live.remove(run.id)
            take(sweep.end(run.number, 0))
        if of(Finish, sweep.done):
            break
    assert len(list(sweep.planner.history)) == total
    assert all(run.status.terminal for run in sweep.planner.history) and of(Finish, sweep.done)


def test_what_is_said_of_a_retry_names_run_attempt_cause_and_way():
    sweep = begun()
    (said,) = of(Say, sweep.end(1, KILLED, words="gone"))
    assert said.level == "warning"
    assert said.text == "run 1, attempt 1: killed by signal 9: gone; it is tried again from the beginning"
    sweep.start(1)
    (said,) = of(Say, sweep.end(1, None, checkpoint=True))
    assert "attempt 2: its process disappeared; it is tried again from its checkpoint" in said.text
