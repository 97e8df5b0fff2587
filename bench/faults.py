"""Kills of everything, at random instants and at chosen points, over real sweeps: what is lost?

`python bench/faults.py --kills 200 --seed 1`. Each sweep runs twice, once undisturbed. The scripts log values
that follow from their parameters, note every start, and hold a lock while they run, so that what is in the
store at the end can be checked against what they did, and against the undisturbed sweep. It prints one line for
each sweep, and one for all; anything lost, doubled, forgotten, run twice at once or run differently is a line
of its own, and exit code 1.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from _faulty import DEATHS, POINTS

import overdrive.controller.daemon
import overdrive.sdk.experiment
from overdrive import (
    BayesianParameterSampling,
    Experiment,
    GridParameterSampling,
    HyperDriveConfig,
    PrimaryMetricGoal,
    RandomParameterSampling,
    ScriptRunConfig,
    SobolParameterSampling,
    Workspace,
    choice,
    uniform,
)
from overdrive.compute.launcher import Names
from overdrive.controller.daemon import Daemon, spawn
from overdrive.controller.lease import holds
from overdrive.errors import SweepHeld
from overdrive.runtime import processes
from overdrive.runtime.wire import RunFolder, parse_line, read_json
from overdrive.sdk.hyperdrive_run import HyperDriveRun
from overdrive.store.base import Holder

SCRIPT = """
import fcntl, json, os, sys, time
x, c = float(sys.argv[2]), int(sys.argv[4])
folder, notes = os.environ["OVERDRIVE_RUN_DIR"], os.environ["FAULTS_NOTES"]
number = os.path.basename(folder).partition(".")[0]
lock = os.open(os.path.join(notes, number + ".lock"), os.O_RDWR | os.O_CREAT)
def note(what):
    line = json.dumps([what, os.path.basename(folder), os.getpid(), x, c]) + "\\n"
    with open(os.path.join(notes, "notes"), "ab", buffering=0) as file:
        file.write(line.encode())
try:
    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
except OSError:
    note("TWICE AT ONCE")
note("start")
metrics = os.open(os.environ["OVERDRIVE_METRICS"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
for k in range(1, 6):
    time.sleep(float(os.environ["FAULTS_PAUSE"]))
    value = k + c + x
    os.write(metrics, (json.dumps({"name": "acc", "value": value, "step": k}) + "\\n").encode())
    os.write(metrics, (json.dumps({"name": "loss", "value": -value}) + "\\n").encode())
    print("acc=%r" % value, flush=True)
note("end")
if c == 2 and x > 0.5:  # each in other words: three that fail the same way at first would end the sweep
    sys.exit("".join(chr(ord("a") + ord(digit) % 20) for digit in repr(x)))
"""
EPOCHS = 5

PAUSE = 0.06
"""Seconds of an epoch."""

PATIENCE = 120.0
"""A sweep that has not ended so long after the last kill is stuck."""


def values(params: dict[str, Any]) -> list[float]:
    """What a run with these parameters logs."""
    return [k + params["c"] + params["x"] for k in range(1, EPOCHS + 1)]


def fails(params: dict[str, Any]) -> bool:
    """Whether a run with these parameters ends with exit code 1."""
    return bool(params["c"] == 2 and params["x"] > 0.5)


SPACE = {"x": uniform(0, 1), "c": choice(1, 2, 3)}
SAMPLINGS: dict[str, Callable[[int], Any]] = {
    "random": lambda seed: RandomParameterSampling(SPACE, seed=seed),
    "sobol": lambda seed: SobolParameterSampling(SPACE, seed=seed),
    "grid": lambda seed: GridParameterSampling(
        {"x": choice([k / 27 for k in range(27)]), "c": choice(1, 2, 3)}
    ),
    "bayesian": lambda seed: BayesianParameterSampling(SPACE, seed=seed),
}


@dataclass
class Outcome:
    """What became of one sweep: kills that hit, attempts that were lost, and all that is wrong."""

    name: str
    kills: int = 0
    attempts: int = 0
    points: int = 0
    wrong: list[str] = field(default_factory=list)


class Sweep:
    """A real sweep in a folder of its own, and the ways to harm it."""

    def __init__(self, folder: Path, sampling: Any, runs: int, concurrent: int, pause: float = PAUSE) -> None:
        source, self.notes, self.deaths = folder / "source", folder / "notes", folder / "deaths"
        source.mkdir(parents=True)
        self.notes.mkdir()
        (source / "train.py").write_text(SCRIPT)
        self.config = HyperDriveConfig(
            run_config=ScriptRunConfig(
                str(source),
                command=["python", "-S", "train.py", "--x", *_placed("x"), "--c", *_placed("c")],
                environment_variables={"FAULTS_NOTES": str(self.notes), "FAULTS_PAUSE": str(pause)},
            ),
            hyperparameter_sampling=sampling,
            primary_metric_name="acc",
            primary_metric_goal=PrimaryMetricGoal.MAXIMIZE,
            max_total_runs=runs,
            max_concurrent_runs=concurrent,
            max_retries={"lost": 1000},
        )
        self.workspace = Workspace(folder)._made()
        self.run: HyperDriveRun = Experiment(self.workspace, "faults").submit(self.config)
        self.store = self.workspace.store
        self.folder = self.workspace.sweep_folder(self.run.id)

    @property
    def over(self) -> bool:
        return self.store.sweep(self.run.id).status.terminal

    def holder(self) -> Holder | None:
        """The living controller."""
        holder = self.store.holder(self.run.id)
        return holder if holder is not None and holds(holder) else None

    def launcher(self) -> int | None:
        card = read_json(Names(str(self.folder)).card)
        return card["pid"] if card and processes.alive(card["pid"], card["birth"]) else None

    def scripts(self) -> list[int]:
        """The pids of the scripts that run."""
        found = []
        for path in self.folder.glob("*/.run/job.json"):
            card = read_json(str(path))
            if card and processes.alive(card["pid"], card["birth"]):
                found.append(card["pid"])
        return found

    def at_rest(self) -> bool:
        """Whether neither a controller nor a script of it lives."""
        return self.holder() is None and not self.scripts()

    def free(self) -> bool:
        """Whether nobody is in the middle of a write."""
        connection = sqlite3.connect(self.workspace.home / "overdrive.db", timeout=0.1, isolation_level=None)
        try:
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("ROLLBACK")
        except sqlite3.OperationalError:
            return False
        finally:
            connection.close()
        return True

    def move_on(self, turns: int) -> None:
        """Wait until its controller has written so many turns, for a while at most."""
        goal = self.store.revision(self.run.id) + turns
        _until(lambda: self.over or self.store.revision(self.run.id) >= goal, 3.0)

    def attend(self) -> None:
        """Take it over, as `overdrive resume` does."""
        if not self.over:
            self.workspace.attend(self.run.id)

    def wait(self) -> bool:
        """Wait for its end, with a controller whenever it has none; whether it came."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            if self.over:
                return _until(self.at_rest)
            self.attend()
            _until(lambda: self.over or self.holder() is None, 1.0)
        return False


def _placed(name: str) -> list[str]:
    return [f"${{{{search_space.{name}}}}}"]


def _until(condition: Callable[[], object], seconds: float = 20.0) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.005)
    return False


# ways to harm a sweep: each yields its kills one by one, and says whether each of them hit


def kill(*pids: int | None) -> bool:
    """kill -9 to all that are there; whether there was any."""
    hit = False
    for pid in pids:
        try:
            if pid:
                os.kill(pid, signal.SIGKILL)
                hit = True
        except ProcessLookupError:
            pass
    return hit


def at_random(sweep: Sweep, dice: random.Random) -> Iterator[bool]:
    """Controller, launcher, scripts, two of them, all of them; stopped and fenced controllers."""
    kinds = {"controller": 5, "launcher": 2, "script": 2, "both": 2, "all": 2, "stop": 1, "fence": 1}
    while not sweep.over:
        # Most kills hit a sweep that is well under way again, some a controller that is just taking over.
        sweep.move_on(dice.choice([0, 2, 5, 12]))
        time.sleep(dice.uniform(0.0, 0.1))
        kind = dice.choices(list(kinds), list(kinds.values()))[0]
        holder = sweep.holder()
        controller = holder.pid if holder else None
        if kind == "controller":
            yield kill(controller)
        elif kind == "launcher":
            yield kill(sweep.launcher())
        elif kind == "script":
            scripts = sweep.scripts()
            yield kill(dice.choice(scripts) if scripts else None)
        elif kind == "both":
            yield kill(*dice.sample([controller, sweep.launcher()], 2))
        elif kind == "all":
            everything = [controller, sweep.launcher(), *sweep.scripts()]
            yield kill(*dice.sample(everything, len(everything)))
        elif holder is not None:
            yield stopped(sweep, holder) if kind == "stop" else fenced(sweep, holder)
        if sweep.holder() is None:
            sweep.attend()


def stopped(sweep: Sweep, holder: Holder) -> bool:
    """A controller that is stopped still holds its sweep; it is killed as it stands."""
    os.kill(holder.pid, signal.SIGSTOP)
    try:
        sweep.run.resume()
    except SweepHeld as error:
        assert str(holder.pid) in str(error), error
    else:
        assert sweep.over, "a stopped controller was robbed of its sweep"
    return kill(holder.pid)


def fenced(sweep: Sweep, holder: Holder) -> bool:
    """A controller that has lost its sweep while it was stopped wakes up, writes nothing and leaves."""
    os.kill(holder.pid, signal.SIGSTOP)
    me = processes.look(os.getpid())
    thief = Holder(os.getpid(), me.birth if me else "", holder.host, time.time())
    # It may have been stopped in the middle of a write, or have just left.
    if not sweep.free() or not sweep.store.hold(sweep.run.id, thief, holder):
        os.kill(holder.pid, signal.SIGCONT)
        return False
    before = sweep.store.revision(sweep.run.id)
    os.kill(holder.pid, signal.SIGCONT)
    assert _until(lambda: not processes.alive(holder.pid, holder.born)), "a fenced controller stays"
    assert sweep.store.revision(sweep.run.id) == before, "a fenced controller has written"
    sweep.store.release(sweep.run.id, thief)
    return True


class AtPoints:
    """Controllers and launchers that kill themselves at chosen points, instead of the usual ones."""

    def __init__(self, points: list[str], deaths: Path) -> None:
        self._points = points
        self._environment = {**os.environ, DEATHS: str(deaths)}

    def spawn(self) -> Daemon:
        if not self._points:
            return spawn()
        faulty = Path(__file__).with_name("_faulty.py")
        command = [sys.executable, str(faulty), self._points.pop(0)]
        return Daemon(
            subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                cwd="/",
                start_new_session=True,
                env=self._environment,
            )
        )

    def __enter__(self) -> None:
        overdrive.controller.daemon.spawn = overdrive.sdk.experiment.spawn = self.spawn

    def __exit__(self, *_: object) -> None:
        overdrive.controller.daemon.spawn = overdrive.sdk.experiment.spawn = spawn


def at_points(sweep: Sweep, dice: random.Random) -> Iterator[bool]:
    """See controllers and their launchers die by themselves; start the next ones."""
    deaths, known, since = sweep.deaths, 0, time.monotonic()
    while not sweep.over:
        if sweep.holder() is None:
            sweep.attend()
            _until(lambda: sweep.over or sweep.holder() is not None, 3.0)
            since = time.monotonic()
        now = len(deaths.read_bytes().splitlines()) if deaths.exists() else 0
        for _ in range(known, now):
            yield True
        if now > known:
            known, since = now, time.monotonic()
        elif time.monotonic() - since > 1.0:  # its point is not reached
            holder, since = sweep.holder(), time.monotonic()
            yield kill(holder.pid if holder else None)
        time.sleep(0.01)


# what must hold at the end


def check(sweep: Sweep, like: Sweep, in_order: bool) -> Iterator[str]:
    """All that is wrong with the sweep: with itself, with what its scripts did, beside an undisturbed one."""
    view = sweep.run.view
    view.refresh()
    if view.sweep.status != "Completed":
        yield f"the sweep is {view.sweep.status}: {view.sweep.reason}"
    if [run.number for run in view.runs] != list(range(sweep.config.max_total_runs)):
        yield f"numbers: {[run.number for run in view.runs]}"
    for run in view.runs:
        if run.status != ("Failed" if fails(run.params) else "Completed"):
            yield f"run {run.number} is {run.status}: {run.reason}"
        if run.series.values != values(run.params):
            yield f"run {run.number}: counted are {run.series.values}, logged were {values(run.params)}"
    yield from _points(sweep)
    yield from _notes(sweep)
    yield from _crashes(sweep)
    like.run.view.refresh()
    ours, theirs = ([run.params for run in one.run.view.runs] for one in (sweep, like))
    if not in_order:
        ours, theirs = (sorted(params, key=str) for params in (ours, theirs))
    if ours != theirs:
        yield f"other configurations than undisturbed: {ours}, {theirs}"
    # A controller that was started in vain may come late, and leaves again.
    if not _until(sweep.at_rest):
        yield f"somebody still runs: {sweep.scripts()}, {sweep.holder()}"


def _points(sweep: Sweep) -> Iterator[str]:
    """Every line of every attempt's metric file is a point of the store, once, in order."""
    stored: dict[str, list[tuple[str, float]]] = {}
    attempts = {run.id: run.number for run in sweep.run.view.runs}
    for run_id, point in sweep.store.changes(sweep.run.id).points:
        place = f"{attempts[run_id]}.{point.attempt}" if point.attempt else str(attempts[run_id])
        stored.setdefault(place, []).append((point.name, point.value))
    places = {path.name for path in sweep.folder.iterdir() if path.is_dir()}
    for place in places | set(stored):
        try:
            lines = Path(RunFolder(sweep.folder / place).metrics).read_bytes().splitlines()
        except FileNotFoundError:
            lines = []
        wrote = [(record.name, record.value) for line in lines for record in parse_line(line) or ()]
        if wrote != stored.get(place, []):
            yield f"attempt {place}: wrote {wrote}, stored {stored.get(place, [])}"


def _notes(sweep: Sweep) -> Iterator[str]:
    """Every attempt began once, with the values that are stored, and none beside another of its run."""
    params = {run.number: (run.params["x"], run.params["c"]) for run in sweep.run.view.runs}
    began: set[str] = set()
    for line in (sweep.notes / "notes").read_text().splitlines():
        what, place, _, x, c = json.loads(line)
        if what == "start":
            if place in began:
                yield f"attempt {place} began twice"
            began.add(place)
            if params.get(int(place.partition(".")[0])) != (x, c):
                yield f"attempt {place} ran with x={x}, c={c}"
        elif what != "end":
            yield f"attempt {place}: {what}"
    for run in sweep.run.view.runs:
        if run.place not in began:
            yield f"run {run.number}: its attempt {run.attempt} has ended and never began"


def _crashes(sweep: Sweep) -> Iterator[str]:
    """Nobody died but by a kill; a controller may give up when its launchers die one after the other."""
    for log in (sweep.folder / "controller.log", sweep.folder / "launcher.log"):
        text = log.read_text() if log.exists() else ""
        for trace in text.split("Traceback (most recent call last):\n")[1:]:
            last = next((line for line in trace.splitlines() if line and not line.startswith(" ")), "")
            if (
                "the above exception" not in trace
                and "The above exception" not in trace
                and not last.startswith("overdrive.errors.ComputeError")
            ):
                yield f"{log.name}: {last}"


# one sweep after the other


def harmed(
    folder: Path, name: str, concurrent: int, runs: int, kills: int, dice: random.Random, points: bool
) -> Outcome:
    """Run a sweep in peace, then again under so many kills, and compare."""
    seed = dice.randrange(1 << 30)
    outcome = Outcome(f"{name}, {concurrent} at a time, {'at points' if points else 'at random'}")
    sampling = SAMPLINGS[name](seed)
    peaceful = Sweep(folder / "peaceful", sampling, runs, concurrent, pause=0.0)
    chosen = [f"{point}:{dice.choice([1, 1, 2, 4])}" for point in 5 * dice.sample(POINTS, len(POINTS))]
    with AtPoints(chosen if points else [], folder / "harmed" / "deaths"):
        sweep = Sweep(folder / "harmed", sampling, runs, concurrent)
        for hit in (at_points if points else at_random)(sweep, dice):
            outcome.kills += hit
            if outcome.kills >= kills:
                break
    if not sweep.wait() or not peaceful.wait():
        outcome.wrong.append(f"stuck: see {sweep.folder}")
    else:
        outcome.wrong += check(sweep, peaceful, in_order=concurrent == 1)
    outcome.attempts = sum(run.attempt for run in sweep.run.view.runs)
    outcome.points = sum(len(run.series) for run in sweep.run.view.runs)
    for one in (sweep, peaceful):
        one.store.close()
    return outcome


PLAN = [("random", 1), ("random", 4), ("sobol", 4), ("grid", 4), ("bayesian", 1), ("sobol", 1)]


def campaign(folder: Path, kills: int, seed: int, each: int = 20, runs: int = 20) -> Iterator[Outcome]:
    """Sweeps of all kinds in turn, `each` kills a sweep, until there were `kills` in all."""
    dice, done, turn = random.Random(seed), 0, 0
    while done < kills:
        name, concurrent = PLAN[turn // 2 % len(PLAN)]
        place = folder / str(turn)
        outcome = harmed(
            place, name, concurrent, runs * concurrent, min(each, kills - done), dice, points=turn % 2 == 1
        )
        yield outcome
        done, turn = done + max(1, outcome.kills), turn + 1


def main() -> int:
    """The campaign, in words."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=random.randrange(1000))
    parser.add_argument("--keep", type=Path, help="a folder for the sweeps, which stay there")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=".") as scratch:
        folder = options.keep or Path(scratch)
        outcomes = []
        for outcome in campaign(folder.absolute(), options.kills, options.seed):
            outcomes.append(outcome)
            print(f"{outcome.name}: {outcome.kills} kills, {outcome.attempts} attempts lost", flush=True)
            for wrong in outcome.wrong:
                print(f"  WRONG {wrong}", flush=True)
    kills, lost = sum(one.kills for one in outcomes), sum(len(one.wrong) for one in outcomes)
    attempts, points = sum(one.attempts for one in outcomes), sum(one.points for one in outcomes)
    print(
        f"seed {options.seed}: {len(outcomes)} sweeps, {kills} kills, {attempts} attempts lost and repeated, "
        f"{points} points counted; lost, doubled, forgotten or different: {lost}"
    )
    return 1 if lost else 0


if __name__ == "__main__":
    raise SystemExit(main())
