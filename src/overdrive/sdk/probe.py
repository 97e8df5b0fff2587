"""Whether a compute target works: what it has, and a small run that goes all the way there and back."""

from __future__ import annotations

import os
import shutil
import sys
import time
import uuid
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from ..compute.base import COMPUTES, Compute, Job, JobState, Survey
from ..errors import ConfigError, OverdriveError, Problem
from ..runtime import wire
from .compute import Target, target_of
from .settings import Settings

PATIENCE = 60.0
"""Seconds for a probe to get its place."""

LEAVING = 10.0  # seconds for a probe that is given up to be gone

SCRIPT = """\
import json, os, platform, socket
from overdrive import Run
print(json.dumps({"host": socket.gethostname(), "python": platform.python_version()}), flush=True)
Run.get_context().log("probe", 1)
with open("outputs/probe", "w") as file:
    file.write("probe")
"""


@dataclass(frozen=True)
class Listed:
    """A target as it stands: what it has, or why that cannot be said."""

    name: str
    type: str
    survey: Survey | None
    problem: str = ""


def listed(settings: Settings) -> list[Listed]:
    """This machine, and every target that the settings name; all are asked at once."""
    names = ["local", *(name for name in settings.compute if name != "local")]
    with ThreadPoolExecutor(len(names)) as pool:
        return list(pool.map(lambda name: _look(settings, name), names))


def _look(settings: Settings, name: str) -> Listed:
    kind = ""
    try:
        target = target_of(settings, name)
        kind = target.type
        return Listed(name, kind, target.survey())
    except OverdriveError as error:
        return Listed(name, kind, None, str(error))


@dataclass(frozen=True)
class Probe:
    """How a small run went. `waited`: seconds until it ran; `whole`: until its end was known; `problems`: what did
    not work, a sentence each."""

    name: str
    type: str
    survey: Survey | None
    host: str = ""
    python: str = ""
    waited: float = 0.0
    whole: float = 0.0
    problems: Sequence[str] = field(default=())


def probe(settings: Settings, name: str, place: Path, patience: float = PATIENCE) -> Probe:
    """Start a run on the target, in a folder of its own in `place`, which is gone afterwards.

    ConfigError for a name that means nothing here, ComputeError when the target does not answer.
    """
    target = target_of(settings, name)
    if target.advice:
        there = ", ".join(dict.fromkeys([*settings.compute, *COMPUTES.names()]))
        raise ConfigError(Problem("--compute", f"{name!r} is not known here; there are {there}"))
    survey = target.survey()
    folder = place.absolute() / f"probe_{uuid.uuid4().hex[:8]}"
    folder.mkdir()
    try:
        return _probed(name, target, survey, folder, patience)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _probed(name: str, target: Target, survey: Survey | None, folder: Path, patience: float) -> Probe:
    run = wire.RunFolder(str(folder / "0"))
    known = os.environ.get("PYTHONPATH")
    env = {
        wire.RUN_ID: folder.name,
        wire.RUN_DIR: run.path,
        wire.METRICS: run.metrics,
        "PYTHONPATH": os.pathsep.join(filter(None, [str(Path(__file__).parents[2]), known])),
    }
    job = Job(folder.name, [sys.executable, "-c", SCRIPT], Path(run.path), env)
    compute: Compute = COMPUTES.load(target.type)(folder, target.options)
    began = time.monotonic()
    try:
        compute.start(job)
        waited, state = _followed(compute, job, began, patience)
    finally:
        compute.close()
    whole = time.monotonic() - began
    said = wire.read_json(run.stdout)
    told = said if isinstance(said, dict) else {}
    problems = list(_problems(run, state, bool(told), patience))
    return Probe(
        name, target.type, survey, told.get("host", ""), told.get("python", ""), waited, whole, problems
    )


def _followed(compute: Compute, job: Job, began: float, patience: float) -> tuple[float, JobState | None]:
    """How long it waited, and how it ended; None when it had to be given up."""
    until, waited, cancelled = began + patience, None, False
    while time.monotonic() < until:
        for state in compute.poll(0.1):
            if waited is None and state.phase != "starting":
                waited = time.monotonic() - began
            if state.over:
                return waited or 0.0, None if cancelled else state
        if not cancelled and time.monotonic() + 0.1 >= until:
            cancelled, until = True, time.monotonic() + LEAVING
            compute.cancel(job.id, 0.0)
    return waited or patience, None


def _problems(run: wire.RunFolder, state: JobState | None, told: bool, patience: float) -> list[str]:
    if state is None:
        return [f"it has not ended within {patience:g} s, and was cancelled"]
    if state.phase == "lost" or state.exit_code != 0:
        how = "was lost" if state.phase == "lost" else f"ended with exit code {state.exit_code}"
        logs = sorted(map(str, Path(run.path).parent.glob("*.log")))
        words = [*map(_last_line, [run.stderr, *logs]), state.note]
        return [f"it {how}; {next(filter(None, words), 'it said nothing')}"]
    missing = []
    if not told:
        missing.append("what it printed")
    if [record.name for line in wire.Tail(run.metrics).read() for record in wire.parse_line(line) or ()] != [
        "probe"
    ]:
        missing.append("the value that it logged")
    if not os.path.exists(os.path.join(run.outputs, "probe")):
        missing.append("the file that it left in outputs/")
    return [f"{', '.join(missing)} did not come back"] if missing else []


def _last_line(path: str) -> str:
    try:
        lines = Path(path).read_text(errors="replace").strip().splitlines()
    except OSError:
        return ""
    return lines[-1] if lines else ""
