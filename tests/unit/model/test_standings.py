"""The standings of a history that grows, against the same questions asked of all its runs."""

from math import inf, nan
from statistics import median

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from overdrive.model import ranking
from overdrive.model.history import History
from overdrive.model.metrics import PrimaryMetricGoal
from overdrive.model.ranking import Ranking
from overdrive.model.records import Status

NUMBERS = st.sampled_from([0.0, 0.25, 0.5, 0.75, 1.0, -1.0, inf, -inf])


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch):
    monkeypatch.setattr(ranking, "BLOCK", 2)


@settings(max_examples=200, deadline=None)
@given(st.lists(NUMBERS), st.lists(st.tuples(st.booleans(), NUMBERS)), NUMBERS)
def test_a_ranking_is_a_sorted_list(first, changes, asked):
    found, known = Ranking(first), sorted(first)
    for adds, value in changes:
        if adds:
            found.add(value)
            known = sorted([*known, value])
        elif value in known:
            found.remove(value)
            known.remove(value)
        else:
            with pytest.raises(ValueError):
                found.remove(value)
    assert (len(found), [found[rank] for rank in range(len(found))]) == (len(known), known)
    assert found.below(asked) == sum(value < asked for value in known)
    assert found.above(asked) == sum(value > asked for value in known)
    with pytest.raises(IndexError):
        found[len(known)]


RUNS, LONGEST = 5, 6
STEPS = st.lists(
    st.tuples(
        st.sampled_from(["report", "report", "report", "end", "restart", "ask"]),
        st.integers(0, RUNS - 1),
        st.lists(st.sampled_from([0.1, 0.2, 0.3, 0.4, -0.5, inf, -inf, nan]), min_size=1, max_size=3),
    ),
    max_size=30,
)


@settings(max_examples=400, deadline=None)
@given(st.sampled_from(PrimaryMetricGoal), STEPS)
def test_standings_are_what_all_runs_together_say(goal, steps):
    history = History(goal)
    for what, number, values in [*steps, ("ask", 0, [])]:
        name = str(number)
        if what == "ask":
            compare(history)
        elif name not in history:
            history.propose(name, number, {})
        elif what == "report" and not history[name].status.terminal:
            history.report(name, *values)
        elif what == "end":
            history[name].status = Status.CANCELED
        elif what == "restart":
            history[name].status = Status.QUEUED
            history.restart(name, history[name].series.values[: number % 3])
    best = [run.series.best for run in history if run.series.best is not None]
    assert (history.best_run is None) == (not best)
    assert history.best_run is None or history.best_run.series.best == goal.best(best)


def compare(history):
    goal, standings = history.goal, history.standings
    for interval in range(1, LONGEST):
        all_bests = [run.series.best_at(interval) for run in history]
        assert standings.leading(interval) == goal.best(best for best in all_bests if best is not None)
        came = [run.series.best_at(interval) for run in history if len(run.series) >= interval]
        usable = sorted((b for b in came if b is not None), reverse=goal is PrimaryMetricGoal.MAXIMIZE)
        reached = standings.reached(interval)
        assert len(reached) == len(came)
        assert [reached.kept(n) for n in range(1, len(came) + 1)] == usable + [None] * (
            len(came) - len(usable)
        )
        for value in (0.15, 0.2, -inf, inf):
            assert reached.ahead(value) == sum(goal.better(best, value) for best in usable)
        means = [run.series.mean_at(interval) for run in history if len(run.series)]
        means = [goal.worst if mean is None or not goal.usable(mean) else mean for mean in means]
        if means:
            for value in (0.15, 0.2, 0.3):
                found = standings.means(interval).median(value)
                if found is None:
                    assert not goal.better(median(means), value)
                else:
                    assert found == (pytest.approx(median(means), nan_ok=True), len(means))
