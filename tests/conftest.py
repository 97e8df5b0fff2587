"""Fixtures for every floor: hostile folders, histories in one line, engines that may be missing."""

from __future__ import annotations

import importlib.util
import os
import shutil
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

import pytest

import postgresql
from overdrive.model.history import History
from overdrive.model.metrics import PrimaryMetricGoal, Series
from overdrive.model.records import RunRecord
from raycluster import RayCluster
from slurm import Slurm

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


def _lacking(engine: str) -> None:
    if os.environ.get("CI") == "true":
        pytest.fail(f"engine {engine!r} is missing, and CI=true", pytrace=False)
    pytest.skip(f"engine {engine!r} is not here")


@pytest.fixture(scope="session")
def slurm() -> Iterator[Slurm]:
    """A Slurm cluster of two nodes, at which SLURM_CONF points."""
    if os.getuid() != 0:
        pytest.skip("a Slurm of our own needs root")
    cluster = Slurm()
    try:
        cluster.up()
        yield cluster
    finally:
        cluster.down()


@pytest.fixture(scope="session")
def ray() -> Iterator[RayCluster | None]:
    """A Ray cluster of two nodes, at which RAY_ADDRESS points; the one at OVERDRIVE_TEST_RAY, if that is set."""
    given = os.environ.get("OVERDRIVE_TEST_RAY")
    if given:
        os.environ["RAY_ADDRESS"] = given
        yield None
        return
    cluster = RayCluster()
    try:
        cluster.up()
        yield cluster
    finally:
        cluster.down()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """All tests of Ray go to one worker of xdist: a cluster costs more than they do."""
    for item in items:
        if any(mark.args[0] == "ray" for mark in item.iter_markers("engine")):
            item.add_marker(pytest.mark.xdist_group("ray"))


def pytest_runtest_setup(item: pytest.Item) -> None:
    """`@pytest.mark.engine("ray")`: a module or a command that a laptop may lack."""
    for mark in item.iter_markers("engine"):
        name = str(mark.args[0])
        if not (shutil.which(name) or importlib.util.find_spec(name)):
            _lacking(name)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[postgresql.Server]:
    """A PostgreSQL server that all tests of a session share."""
    programs = postgresql.binaries()
    if programs is None or importlib.util.find_spec("psycopg") is None:
        _lacking("postgresql")
        return
    server = postgresql.Server(programs)
    yield server
    server.remove()


@pytest.fixture
def postgres(postgres_server: postgresql.Server) -> str:
    """The URL of a workspace that nobody has used, in a database that all tests of a session share."""
    return f"{postgres_server.url}&workspace={uuid.uuid4().hex}"
