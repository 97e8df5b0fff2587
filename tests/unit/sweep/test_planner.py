"""The planner, driven by hand: budgets, places, verdicts, failures, wishes, limits, recovery."""

from __future__ import annotations

import copy
from collections.abc import Iterable

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from overdrive.model.expressions import uniform
from overdrive.model.metrics import PrimaryMetricGoal
from overdrive.model.records import Status
from overdrive.model.space import SearchSpace
from overdrive.policies.bandit import BanditPolicy
from overdrive.policies.base import GO_ON, Verdict
from overdrive.sweep.config import HyperDriveConfig
from overdrive.sweep.events import Asked, Cancel, Ended, Finish, Launch, Reported, Say, Started, Tick
from overdrive.sweep.limits import Limits
from overdrive.sweep.planner import ADVICE_AFTER, Planner
from overdrive.sweep.script import ScriptRunConfig

METRIC = "accuracy"


class Counting:
    """A sampler that proposes x = 0, 1, 2, ... up to `last` runs, and remembers what it was asked."""

    NAME = "counting"
    seed = 0

    def __init__(self, last=None):
        self.space = SearchSpace({"x": uniform(0, 1000)})
        self.last = last
        self.asked = []

    def propose(self, history, number):
        self.asked.append(number)
        return None if self.last is not None and number >= self.last else {"x": number}

    def to_json(self):
        return {"name": self.NAME}


class Below:
    """A policy that stops whatever is below `limit`."""

    def __init__(self, limit):
        self.limit = limit
        self.intervals = []

    def judge(self, run, interval, history):
        self.intervals.append((run.id, interval))
        value = run.series.values[interval - 1]
        return Verdict(True, f"{value:g} is below {self.limit:g}") if value < self.limit else GO_ON

    def to_json(self):
        return {"name": "below"}


class Sweep:
    """A planner with a clock and short words for its events; all that it has done is in `done`.

    `after`: a sweep whose controller has died, and whose rows this one takes over.
    """

    def __init__(self, total=4, concurrent=2, sampler=None, policy=None, metric=METRIC, after=None, **limits):
        self.config = HyperDriveConfig(
            sampler or Counting(),
            metric,
            PrimaryMetricGoal.MAXIMIZE,
            max_total_runs=total,
            max_concurrent_runs=concurrent,
            policy=policy,
            run_config=ScriptRunConfig(script="train.py"),
        )
        self.limits = Limits(max_total_runs=total, max_concurrent_runs=concurrent, **limits)
        self.now = after.now if after else 0.0
        self.planner = Planner(
            "s",
            self.config,
            self.limits,
            started=0.0,
            runs=copy.deepcopy(list(after.planner.history)) if after else (),
            now=self.now,
            ending=after.planner.ending if after else None,
        )
        self.done = []

    def step(self, event):
        actions = self.planner.step(event)
        self.done += actions
        return actions

    def tick(self, seconds=1.0):
        self.now += seconds
        return self.step(Tick(self.now))

    def start(self, *numbers):
        return [action for n in numbers for action in self.step(Started(f"s_{n}", self.now))]

    def report(self, number, *values, late=False):
        return [action for value in values for action in self.step(Reported(f"s_{number}", value, late))]

    def end(self, number, exit_code=0, names: Iterable[str] = (METRIC,), words=""):
        return self.step(Ended(f"s_{number}", self.now, exit_code, frozenset(names), words))

    def run(self, number):
        return self.planner.history[f"s_{number}"]

    @property
    def live(self):
        return sorted(run.number for run in self.planner.live)


def of(kind, actions):
    return [action for action in actions if isinstance(action, kind)]


def launched(actions):
    return [action.run.number for action in of(Launch, actions)]


def begun(**options):
    """A sweep whose first runs have started."""
    sweep = Sweep(**options)
    sweep.start(*launched(sweep.tick()))
    return sweep


# ---------------------------------------------------------------- starting


def test_the_first_tick_fills_every_place():
    sweep = Sweep(total=5, concurrent=3)
    actions = sweep.tick()
    assert launched(actions) == [0, 1, 2]
    run = actions[0].run
    assert (run.id, run.params, run.status, run.created) == ("s_0", {"x": 0}, Status.QUEUED, 1.0)
    assert sweep.tick() == []


def test_a_place_is_filled_again_when_its_run_has_ended():
    sweep = begun(total=5, concurrent=2)
    sweep.end(0)
    assert launched(sweep.tick()) == [2]
    sweep.end(1)
    sweep.end(2)
    assert launched(sweep.tick()) == [3, 4]


def test_a_cancelled_run_holds_its_place_until_it_is_gone():
    sweep = begun(total=5, concurrent=1, policy=Below(0.5))
    assert of(Cancel, sweep.report(0, 0.1))
    assert launched(sweep.tick()) == []
    sweep.end(0, -15)
    assert launched(sweep.tick()) == [1]


def test_the_budget_counts_failed_and_cancelled_runs():
    sweep = begun(total=3, concurrent=1, policy=Below(0.5))
    sweep.end(0, 1, words="unlucky")
    sweep.start(*launched(sweep.tick()))
    sweep.report(1, 0.1)
    sweep.end(1, -15)
    assert launched(sweep.tick()) == [2]
    sweep.start(2)
    assert of(Finish, sweep.end(2)) == [Finish(Status.COMPLETED, "all 3 runs have ended")]
    assert sweep.tick() == []


def test_the_sweep_finishes_once():
    sweep = begun(total=1)
    assert of(Finish, sweep.end(0))
    assert [sweep.tick(), sweep.tick(), sweep.step(Asked("cancel"))] == [[], [], []]


def test_a_used_up_space_ends_the_sweep():
    sweep = begun(total=100, concurrent=2, sampler=Counting(last=3))
    sweep.end(0)
    sweep.start(*launched(sweep.tick()))
    sweep.end(1)
    assert sweep.tick() == []
    finish = of(Finish, sweep.end(2))
    assert finish == [Finish(Status.COMPLETED, "the search space is used up after 3 runs")]


def test_an_empty_list_of_proposals_ends_the_sweep_at_once():
    assert of(Finish, Sweep(sampler=Counting(last=0)).tick())


def test_the_sampler_is_asked_for_each_number_once():
    sweep = begun(total=3, concurrent=1)
    for number in range(3):
        sweep.end(number)
        sweep.start(*launched(sweep.tick()))
    assert sweep.config.hyperparameter_sampling.asked == [0, 1, 2]


# ---------------------------------------------------------------- judging


def test_a_verdict_cancels_with_its_reason():
    sweep = begun(policy=Below(0.5))
    assert sweep.report(0, 0.7) == []
    assert sweep.report(0, 0.4) == [Cancel("s_0", "0.4 is below 0.5")]
    assert sweep.run(0).status is Status.CANCEL_REQUESTED
    sweep.end(0, -15)
    assert (sweep.run(0).status, sweep.run(0).reason) == (Status.CANCELED, "0.4 is below 0.5")


def test_a_cancelled_run_is_not_cancelled_again_and_its_values_still_count():
    sweep = begun(policy=Below(0.5))
    sweep.report(0, 0.4)
    assert sweep.report(0, 0.3, 0.9) == []
    assert sweep.run(0).series.values == [0.4, 0.3, 0.9]
    assert sweep.planner.history.best_run.id == "s_0"


def test_a_late_report_counts_and_stops_nobody():
    sweep = begun(policy=Below(0.5))
    assert sweep.report(0, 0.1, late=True) == []
    assert sweep.run(0).series.values == [0.1]
    assert sweep.config.policy.intervals == []


def test_a_run_that_was_cancelled_stays_cancelled_whatever_its_exit_code():
    for code in (0, 1, -9, None):
        sweep = begun(policy=Below(0.5))
        sweep.report(0, 0.1)
        assert of(Say, sweep.end(0, code, words="Terminated")) == []
        assert (sweep.run(0).status, sweep.run(0).exit_code) == (Status.CANCELED, code)


def test_every_value_is_one_interval_for_the_policy():
    sweep = begun(policy=Below(0.0))
    sweep.report(0, 0.1, 0.2)
    sweep.report(1, 0.3)
    assert sweep.config.policy.intervals == [("s_0", 1), ("s_0", 2), ("s_1", 1)]


def test_the_real_bandit_through_the_planner():
    # Facts 2.5: best 0.8, slack 0.2: whoever is below 0.8 / 1.2 = 0.667 goes; 0.66 does, 0.67 does not.
    sweep = begun(total=3, concurrent=3, policy=BanditPolicy(slack_factor=0.2))
    assert sweep.report(0, 0.8) == []
    assert sweep.report(1, 0.67) == []
    (cancel,) = sweep.report(2, 0.66)
    assert cancel.run_id == "s_2"
    assert "0.66" in cancel.reason and "0.667" in cancel.reason and "0.8" in cancel.reason


def test_without_a_policy_nothing_is_judged():
    sweep = begun()
    assert sweep.report(0, float("nan"), -1e9) == []


# ---------------------------------------------------------------- ending


def test_a_failed_run_is_told_with_its_last_words_and_the_sweep_goes_on():
    sweep = begun(total=5)
    actions = sweep.end(0, 3, words="Traceback:\n  line 7\nValueError: no data")
    (said,) = of(Say, actions)
    assert said.level == "error"
    assert said.text == "run 0 failed: exit code 3\nTraceback:\n  line 7\nValueError: no data"
    assert (sweep.run(0).status, sweep.run(0).exit_code) == (Status.FAILED, 3)
    assert sweep.run(0).reason == "exit code 3: ValueError: no data"
    assert launched(sweep.tick()) == [2]


def test_a_run_that_crashed_says_by_which_signal():
    sweep = begun(total=5)
    sweep.end(0, -11)
    assert sweep.run(0).reason == "killed by signal 11"


def fail(sweep, *words):
    """Let runs fail one after the other with these last words; all that was done."""
    done = []
    for number, text in enumerate(words):
        done += sweep.end(number, 1, words=text)
        more = sweep.tick()
        sweep.start(*launched(more))
        done += more
    return done


def test_three_first_runs_that_fail_the_same_way_end_the_sweep():
    sweep = begun(total=50, concurrent=1)
    done = fail(sweep, *["ModuleNotFoundError: No module named 'torch'"] * 3)
    assert launched(done) == [1, 2]
    (finish,) = of(Finish, done)
    assert finish.status is Status.FAILED
    assert "first 3 runs failed the same way" in finish.reason and "torch" in finish.reason


@pytest.mark.parametrize(
    "words",
    [
        ["step 17: loss is nan", "step 3: loss is nan", "step 250: loss is nan"],
        ["<Layer at 0x7f33a0>", "<Layer at 0x10bc>", "<Layer at 0xdeadbeef>"],
        ["shape (3, 4)", "shape (5, 12)", "shape (1, 1)"],
    ],
    ids=["steps", "addresses", "shapes"],
)
def test_failures_that_differ_only_in_numbers_are_the_same(words):
    assert of(Finish, fail(begun(total=50, concurrent=1), *words))


@pytest.mark.parametrize("odd", [0, 1, 2])
def test_two_alike_and_one_that_differs_go_on(odd):
    words = ["no such file"] * 3
    words[odd] = "out of luck"
    done = fail(begun(total=50, concurrent=1), *words)
    assert not of(Finish, done) and launched(done) == [1, 2, 3]


def test_only_the_first_three_ends_count():
    sweep = begun(total=50, concurrent=1)
    sweep.end(0)
    sweep.start(*launched(sweep.tick()))
    for number in (1, 2, 3, 4):
        assert not of(Finish, sweep.end(number, 1, words="the same"))
        sweep.start(*launched(sweep.tick()))


def test_the_third_same_failure_cancels_what_runs_beside_it():
    sweep = begun(total=50, concurrent=5)
    for number in (0, 1):
        sweep.end(number, 1, words="the same")
    actions = sweep.end(2, 1, words="the same")
    assert {cancel.run_id for cancel in of(Cancel, actions)} == {"s_3", "s_4"}
    assert launched(sweep.tick()) == []
    sweep.end(3, -15)
    (finish,) = of(Finish, sweep.end(4, -15))
    assert finish.status is Status.FAILED


def test_failures_of_runs_that_did_not_come_first_in_number_count_by_their_end():
    sweep = begun(total=50, concurrent=4)
    for number in (3, 1):
        sweep.end(number, 1, words="the same")
    assert of(Cancel, sweep.end(2, 1, words="the same")) == [Cancel("s_0", sweep.run(0).reason)]


def test_when_every_run_failed_so_has_the_sweep():
    sweep = begun(total=2, concurrent=1)
    done = fail(sweep, "this", "that")
    assert of(Finish, done) == [Finish(Status.FAILED, "every run failed; all 2 runs have ended")]


# ---------------------------------------------------------------- the metric that nobody logged


def test_a_missing_metric_is_told_once_with_names_and_a_guess():
    sweep = begun(total=5)
    (said,) = of(Say, sweep.end(0, names=["acuracy", "loss"]))
    assert said.level == "warning"
    assert (
        "'accuracy'" in said.text and "acuracy, loss" in said.text and "did you mean 'acuracy'" in said.text
    )
    assert of(Say, sweep.end(1, names=["acuracy", "loss"])) == []


def test_a_run_that_logged_nothing_at_all_is_told_so():
    (said,) = of(Say, begun().end(0, names=[]))
    assert "no metric at all" in said.text and "did you mean" not in said.text


def test_a_metric_that_another_run_has_logged_is_not_missing():
    sweep = begun()
    sweep.report(1, 0.5)
    assert of(Say, sweep.end(0, names=[])) == []


def test_a_metric_that_is_only_nan_was_logged():
    sweep = begun()
    sweep.report(0, float("nan"))
    assert of(Say, sweep.end(0)) == []


def test_nan_from_another_run_is_a_logged_metric_too():
    sweep = begun()
    sweep.report(1, float("nan"))
    assert of(Say, sweep.end(0, names=[])) == []


def test_the_names_are_those_of_the_run_that_is_named():
    sweep = begun(total=5)
    sweep.end(0, 1, names=["other"], words="oh")
    (said,) = of(Say, sweep.end(1, names=["loss"]))
    assert said.text.startswith("run 1") and "it logged loss. Without" in said.text


def test_a_failed_run_says_nothing_of_the_metric():
    sweep = begun(total=5)
    assert [said.level for said in of(Say, sweep.end(0, 1, names=[], words="oh"))] == ["error"]
    assert [said.level for said in of(Say, sweep.end(1, names=[]))] == ["warning"]


# ---------------------------------------------------------------- wishes and limits


def test_cancelling_one_run_leaves_the_others():
    sweep = begun(total=5, concurrent=2)
    assert sweep.step(Asked("cancel", "s_0")) == [Cancel("s_0", "cancelled by the user")]
    assert sweep.step(Asked("cancel", "s_0")) == []
    sweep.end(0, -15)
    assert sweep.run(0).status is Status.CANCELED
    assert launched(sweep.tick()) == [2]


def test_cancelling_a_run_that_has_ended_or_never_was_does_nothing():
    sweep = begun(total=5, concurrent=2)
    sweep.end(0)
    assert sweep.step(Asked("cancel", "s_0")) == sweep.step(Asked("cancel", "s_99")) == []
    assert sweep.run(0).status is Status.COMPLETED


def test_cancelling_a_run_that_has_not_started_yet():
    sweep = Sweep()
    sweep.tick()
    assert of(Cancel, sweep.step(Asked("cancel", "s_0")))
    sweep.start(0)
    assert sweep.run(0).status is Status.CANCEL_REQUESTED
    sweep.end(0, -15)
    assert sweep.run(0).status is Status.CANCELED


def test_cancelling_the_sweep_cancels_all_and_launches_no_more():
    sweep = begun(total=5, concurrent=2)
    assert {cancel.run_id for cancel in of(Cancel, sweep.step(Asked("cancel", by="Ada")))} == {"s_0", "s_1"}
    assert sweep.tick() == [] and sweep.step(Asked("cancel", by="Ada")) == []
    sweep.end(0, -15)
    assert of(Finish, sweep.end(1, -15)) == [Finish(Status.CANCELED, "cancelled by Ada")]


def test_cancelling_a_sweep_without_live_runs_finishes_it():
    sweep = begun(total=5, concurrent=1)
    sweep.end(0)
    assert sweep.step(Asked("cancel")) == [Finish(Status.CANCELED, "cancelled by the user")]


def test_a_run_has_its_own_time_counted_from_its_start():
    sweep = Sweep(total=5, concurrent=2, run_duration=10.0)
    sweep.tick(5)
    sweep.start(0)
    assert sweep.tick(9) == []
    sweep.start(1)
    (cancel,) = sweep.tick(1)
    assert cancel.run_id == "s_0" and "10 s" in cancel.reason
    assert sweep.tick(1) == []


def test_the_sweeps_time_cancels_all_and_completes_it():
    sweep = begun(total=50, concurrent=2, max_duration=60.0)
    assert sweep.tick(58.5) == []
    actions = sweep.tick(0.5)
    assert {cancel.run_id for cancel in of(Cancel, actions)} == {"s_0", "s_1"}
    assert "1 min" in of(Cancel, actions)[0].reason
    sweep.end(0, -15)
    assert launched(sweep.tick()) == []
    (finish,) = of(Finish, sweep.end(1, -15))
    assert finish.status is Status.COMPLETED and "1 min" in finish.reason


# ---------------------------------------------------------------- laws, and recovery


moves = st.lists(
    st.one_of(
        st.tuples(st.just("tick"), st.sampled_from([0.5, 1, 7])),
        st.tuples(st.just("start"), st.integers(0, 3)),
        st.tuples(st.just("report"), st.integers(0, 3), st.sampled_from([0.0, 0.4, 0.6, 1.0, float("nan")])),
        st.tuples(
            st.just("end"), st.integers(0, 3), st.sampled_from([0, 0, 1, 2, None]), st.sampled_from("ab")
        ),
        st.tuples(st.just("cancel"), st.integers(0, 3)),
        st.tuples(st.just("cancel all"), st.integers(0, 3)),
    ),
    min_size=6,
    max_size=40,
)

total_runs, places = st.integers(1, 8), st.integers(1, 4)


def events_of(sweep, moves):
    """Play the moves on whatever runs are there, and yield each event with the actions it led to."""
    for kind, *rest in [("tick", 1), *moves]:
        live = sweep.live
        if kind == "tick":
            sweep.now += rest[0]
            event = Tick(sweep.now)
        elif not live:
            continue
        else:
            run_id = f"s_{live[rest[0] % len(live)]}"
            run = sweep.planner.history[run_id]
            if kind == "start":
                if run.started is not None:
                    continue
                event = Started(run_id, sweep.now)
            elif kind == "report":
                event = Reported(run_id, rest[1])
            elif kind == "cancel":
                event = Asked("cancel", run_id)
            elif kind == "cancel all":
                if rest[0]:  # one time in four, else nothing else would be seen
                    continue
                event = Asked("cancel")
            else:
                event = Ended(run_id, sweep.now, rest[1], frozenset({"acuracy"}), rest[2])
        yield event, sweep.step(event)


def options(total, concurrent):
    return {"total": total, "concurrent": concurrent, "policy": Below(0.5), "run_duration": 15.0}


@settings(max_examples=150, deadline=None)
@given(moves, total_runs, places)
def test_whatever_happens_the_budgets_hold(moves, total, concurrent):
    sweep = Sweep(**options(total, concurrent))
    for _, actions in events_of(sweep, moves):
        assert len(sweep.live) <= concurrent
        assert len(sweep.planner.history) <= total
        for action in of(Cancel, actions):
            assert len([a for a in actions if a == action]) == 1
            assert sweep.planner.history[action.run_id].status is Status.CANCEL_REQUESTED and action.reason
    ids = list(dict.fromkeys(action.run.id for action in of(Launch, sweep.done)))
    assert ids == [f"s_{number}" for number in range(len(ids))]
    finished = of(Finish, sweep.done)
    assert len(finished) <= 1
    if finished:
        assert isinstance(sweep.done[-1], Finish) and not sweep.live
        assert all(run.status.terminal for run in sweep.planner.history)


def words_of(actions):
    """The actions in words; in which order runs are told to end is nobody's business."""
    words = [("launch", a.run.id, a.run.params) if isinstance(a, Launch) else a for a in actions]
    return [
        *(a for a in words if not isinstance(a, Cancel)),
        *sorted(of(Cancel, words), key=lambda a: a.run_id),
    ]


@settings(max_examples=100, deadline=None)
@given(moves, total_runs, places, st.floats(0, 1))
@example([("end", 0, 0, ""), ("end", 0, 0, "")], 2, 2, 0.7)  # what has been said once is not said again
def test_a_planner_made_from_the_rows_goes_on_as_if_never_stopped(moves, total, concurrent, cut):
    played = [
        (event, words_of(actions)) for event, actions in events_of(Sweep(**options(total, concurrent)), moves)
    ]
    first = Sweep(**options(total, concurrent))
    before, after = played[: int(cut * len(played))], played[int(cut * len(played)) :]
    for event, _ in before:
        first.step(event)
    if of(Finish, first.done):
        return
    again = Sweep(**options(total, concurrent), after=first)
    for event, actions in after:
        assert words_of(again.step(event)) == actions, event


@pytest.mark.parametrize("why", ["cancelled", "hopeless"])
def test_a_sweep_that_is_ending_launches_nothing_after_a_takeover(why):
    first = begun(total=50, concurrent=4)
    if why == "cancelled":
        first.step(Asked("cancel"))
    else:
        for number in range(3):
            first.end(number, 1, words="the same")
    again = Sweep(total=50, concurrent=4, after=first)
    assert launched(again.tick()) == []
    for run in list(again.planner.live):
        again.end(run.number, -15)
    assert of(Finish, again.done)[0].status is (Status.CANCELED if why == "cancelled" else Status.FAILED)


def test_a_recovered_sweep_that_had_ended_in_all_but_name_finishes():
    first = begun(total=2)
    first.end(0)
    first.end(1, 1, words="oh")
    again = Sweep(total=2, after=first)
    assert of(Finish, again.tick()) == [Finish(Status.COMPLETED, "all 2 runs have ended")]


def test_a_metric_that_was_only_printed_under_another_case_is_named():
    sweep = begun(concurrent=1)
    printed = frozenset({METRIC.upper(), "epoch"})
    said = of(Say, sweep.step(Ended("s_0", sweep.now, 0, printed=printed)))
    assert f"logged no metric at all, and printed {METRIC.upper()}, epoch" in said[0].text
    assert f"did you mean {METRIC.upper()!r}?" in said[0].text


# ---------------------------------------------------------------- advice


def test_a_policy_that_does_not_suit_the_metric_is_told_of_once():
    sweep = begun(total=12, concurrent=12, policy=BanditPolicy(slack_factor=0.1, delay_evaluation=2))
    for number in range(11):
        sweep.report(number, 0.95 + number / 1000)  # 0.959 / 1.1 is below them all
        said = [action.text for action in of(Say, sweep.end(number))]
        assert bool(said) == (number + 1 == ADVICE_AFTER)
        assert not said or "stops nothing" in said[0]


def test_a_policy_that_gives_no_advice_is_not_asked():
    sweep = begun(total=9, concurrent=9, policy=Below(0.0))
    for number in range(8):
        sweep.report(number, 0.5)
        assert not of(Say, sweep.end(number))
