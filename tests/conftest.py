"""Fixtures for every floor: hostile folders, histories in one line, engines that may be missing."""

from __future__ import annotations

import importlib.util
import os
import shutil
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import pytest

from overdrive.model.history import History
from overdrive.model.metrics import PrimaryMetricGoal, Series
from overdrive.model.records import RunRecord

HOSTILE_NAMES = ["two words", 'it\'s "quoted" $HOME', "line\nbreak", "back\\slash", "-dash", "größe 数"]


@pytest.fixture(params=HOSTILE_NAMES, ids=["space", "quotes", "newline", "backslash", "dash", "unicode"])
def hostile_dir(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """An empty folder whose name breaks whatever joins or splits commands and paths."""
    folder = tmp_path / str(request.param)
    folder.mkdir()
    return folder


HistoryOf = Callable[[PrimaryMetricGoal, Mapping[str, Iterable[float]]], History]


@pytest.fixture(scope="session")
def history_of() -> HistoryOf:
    """Builds a history from {run id: its values so far}."""

    def build(goal: PrimaryMetricGoal, curves: Mapping[str, Iterable[float]]) -> History:
        history = History(goal)
        for number, (run_id, values) in enumerate(curves.items()):
            history.add(RunRecord(run_id, number, {}, Series(goal, values)))
        return history

    return build


def pytest_runtest_setup(item: pytest.Item) -> None:
    """`@pytest.mark.engine("ray")`: a module or a command that a laptop may lack."""
    for mark in item.iter_markers("engine"):
        name = str(mark.args[0])
        if shutil.which(name) or importlib.util.find_spec(name):
            continue
        if os.environ.get("CI") == "true":
            pytest.fail(f"engine {name!r} is missing, and CI=true", pytrace=False)
        pytest.skip(f"engine {name!r} is not here")
