"""Choosing the next run before a place is free: when that pays, and that nothing else changes."""

from dataclasses import replace

import pytest

from overdrive.model.expressions import uniform
from overdrive.model.metrics import PrimaryMetricGoal
from overdrive.model.space import SearchSpace
from overdrive.sweep.config import HyperDriveConfig
from overdrive.sweep.events import Asked, Ended, Launch, Started, Tick
from overdrive.sweep.limits import Limits
from overdrive.sweep.planner import Planner
from overdrive.sweep.script import ScriptRunConfig


class Remembering:
    """Proposes x = the number that it is asked with, and remembers which runs it was then told of."""

    seed = 0
    space = SearchSpace({"x": uniform(0, 1000)})

    def __init__(self, last=1000):
        self.last = last
        self.known = {}

    def propose(self, history, number):
        self.known[number] = sum(run.status.terminal for run in history)
        return {"x": number} if number < self.last else None


class Sweep:
    """Runs of one second each in `places` places, the first of which has ended, and its place is taken again."""

    def __init__(self, places=4, last=1000):
        self.sampler = Remembering(last)
        config = HyperDriveConfig(
            self.sampler,
            "acc",
            PrimaryMetricGoal.MAXIMIZE,
            1000,
            run_config=ScriptRunConfig(script="train.py"),
        )
        limits = Limits(max_total_runs=1000, max_concurrent_runs=places)
        self.planner = Planner("s", config, limits, started=10.0)
        self.running = []
        self.tick(10.0)
        self.end(11.0)

    def tick(self, now):
        new = [action.run for action in self.planner.step(Tick(now)) if isinstance(action, Launch)]
        for run in new:
            self.planner.step(Started(run.id, now))
        self.running += new
        return [run.params["x"] for run in new]

    def end(self, now):
        self.planner.step(Ended(self.running.pop(0).id, now, 0, frozenset({"acc"})))
        return self.tick(now)


def test_a_run_that_was_chosen_ahead_is_launched_as_it_was_chosen() -> None:
    sweep = Sweep()
    assert sweep.planner.look_ahead(0.05)
    assert sweep.sampler.known[5] == 1  # asked while runs 1 to 4 were going on
    assert sweep.end(12.0) == [5]
    assert sweep.sampler.known[5] == 1
    assert sweep.end(12.5) == [6]
    assert sweep.sampler.known[6] == 3  # nothing was chosen ahead: all that has ended is known


def test_it_is_chosen_once() -> None:
    sweep = Sweep()
    assert sweep.planner.look_ahead(0.05)
    assert not sweep.planner.look_ahead(0.05)


@pytest.mark.parametrize(
    ("places", "cost", "pays"),
    [(4, 0.0101, True), (4, 0.0099, False), (100, 0.0101, True), (3, 0.5, False), (1, 0.5, False)],
)
def test_it_pays_for_many_places_and_runs_shorter_than_a_hundred_choices(places, cost, pays) -> None:
    assert Sweep(places).planner.look_ahead(cost) is pays


def test_nothing_is_chosen_before_a_run_has_ended_or_while_a_place_is_free() -> None:
    sweep = Sweep()
    sweep.planner.step(Ended(sweep.running.pop().id, 12.0, 0, frozenset({"acc"})))
    assert not sweep.planner.look_ahead(0.5)


def test_a_run_that_somebody_asks_for_comes_first_and_what_was_chosen_is_chosen_again() -> None:
    sweep = Sweep()
    assert sweep.planner.look_ahead(0.05)
    sweep.planner.step(Asked("enqueue", changes={"params": {"x": 777}}))
    assert sweep.end(12.0) == [777]
    assert sweep.end(13.0) == [5]
    assert sweep.sampler.known[5] == 3


def test_nothing_is_chosen_beyond_the_budget_or_the_space() -> None:
    sweep = Sweep()
    sweep.planner.limits = replace(sweep.planner.limits, max_total_runs=5)
    assert not sweep.planner.look_ahead(0.05)
    assert not Sweep(last=5).planner.look_ahead(0.05)
