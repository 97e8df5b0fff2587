"""The planner and runs that somebody asks for by their values."""

import copy

import pytest

from overdrive.model.expressions import uniform
from overdrive.model.metrics import PrimaryMetricGoal
from overdrive.model.records import Status
from overdrive.model.space import SearchSpace
from overdrive.sweep.config import HyperDriveConfig
from overdrive.sweep.events import Add, Asked, Change, Drop, Ended, Finish, Launch, Say, Started, Tick
from overdrive.sweep.limits import Limits
from overdrive.sweep.planner import Planner
from overdrive.sweep.script import ScriptRunConfig


class Counting:
    """Proposes x = 0, 1, 2, ... by the number that it is asked with."""

    seed = 0
    space = SearchSpace({"x": uniform(0, 1000)})

    def propose(self, history, number):
        return {"x": number}


def planner(total=4, concurrent=1, after=None):
    config = HyperDriveConfig(
        Counting(), "acc", PrimaryMetricGoal.MAXIMIZE, total, run_config=ScriptRunConfig(script="train.py")
    )
    return Planner(
        "s",
        config,
        after.limits if after else Limits(max_total_runs=total, max_concurrent_runs=concurrent),
        started=0.0,
        runs=copy.deepcopy(list(after.history)) if after else (),
        ending=after.ending if after else None,
        enqueued=after.enqueued if after else 0,
    )


def of(kind, actions):
    return [action for action in actions if isinstance(action, kind)]


def enqueue(sweep, x):
    return sweep.step(Asked("enqueue", changes={"params": {"x": x}}))


def complete(sweep, run):
    return [*sweep.step(Started(run.id, 1.0)), *sweep.step(Ended(run.id, 2.0, 0, frozenset({"acc"})))]


def all_of_it(sweep):
    """Run everything to its end: the values in the order of their starts, and how it finished."""
    values, finish = [], []
    actions = sweep.step(Tick(1.0))
    while launches := of(Launch, actions):
        actions = []
        for launch in launches:
            values.append(launch.run.params["x"])
            finish += of(Finish, complete(sweep, launch.run))
        actions += sweep.step(Tick(2.0))
    return values, finish


def test_it_is_written_at_once_and_runs_before_the_sampler_is_asked_again():
    sweep = planner()
    (first,) = of(Launch, sweep.step(Tick(1.0)))
    add, change, said = enqueue(sweep, 500)
    assert isinstance(add, Add) and (add.run.number, add.run.status) == (1, Status.NOT_STARTED)
    assert change == Change(Status.RUNNING, sweep.limits) and sweep.limits.max_total_runs == 4
    assert said == Say("info", "run 1 enqueued by the user")
    complete(sweep, first.run)
    # It counts as one of the four, and the sampler leaves no number out.
    assert all_of_it(sweep)[0] == [500, 1, 2]


def test_a_used_up_budget_grows_by_the_run():
    sweep = planner(total=1)
    (first,) = of(Launch, sweep.step(Tick(1.0)))
    enqueue(sweep, 500)
    assert sweep.limits.max_total_runs == 2
    assert not of(Finish, complete(sweep, first.run))
    assert all_of_it(sweep) == ([500], [Finish(Status.COMPLETED, "all 2 runs have ended")])


@pytest.mark.parametrize("cancelled", [False, True])
def test_a_sweep_that_has_ended_gets_this_run_and_no_other(cancelled):
    sweep = planner(total=3)
    if cancelled:
        (first,) = of(Launch, sweep.step(Tick(1.0)))
        sweep.step(Asked("cancel"))
        sweep.step(Ended(first.run.id, 2.0, -15))
    else:
        all_of_it(sweep)
    later = planner(after=sweep)
    enqueue(later, 500)
    assert all_of_it(later)[0] == [500]


def test_while_a_sweep_is_ending_nothing_is_added():
    sweep = planner()
    sweep.step(Tick(1.0))
    sweep.step(Asked("cancel"))
    (said,) = enqueue(sweep, 500)
    assert said.level == "warning" and "is ending" in said.text


def test_another_controller_knows_what_waits():
    sweep = planner()
    (first,) = of(Launch, sweep.step(Tick(1.0)))
    enqueue(sweep, 500)
    later = planner(after=sweep)
    assert not of(Launch, later.step(Tick(1.0)))
    complete(later, later.history[first.run.id])
    assert all_of_it(later)[0] == [500, 1, 2]


def test_what_waits_can_be_cancelled():
    sweep = planner()
    (first,) = of(Launch, sweep.step(Tick(1.0)))
    enqueue(sweep, 500)
    assert of(Drop, sweep.step(Asked("cancel", "s_1"))) == [Drop("s_1", "cancelled by the user")]
    complete(sweep, first.run)
    assert all_of_it(sweep)[0] == [1, 2]


def test_a_paused_sweep_keeps_it_waiting():
    sweep = planner()
    (first,) = of(Launch, sweep.step(Tick(1.0)))
    sweep.step(Asked("pause"))
    assert of(Change, enqueue(sweep, 500))[0].status is Status.PAUSED
    complete(sweep, first.run)
    assert sweep.step(Tick(3.0)) == []
    sweep.step(Asked("resume"))
    assert of(Launch, sweep.step(Tick(4.0)))[0].run.params == {"x": 500}
