"""Runs on a Ray cluster as their controller sees them: orders go to the bridge, and the runs' own files, which the
bridge keeps at home, tell of starts and ends."""

from __future__ import annotations

import json
import os
import sys
import time
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...errors import ComputeError
from ...runtime import wire
from ..base import Claim, Job, JobState, Phase, Survey
from ..cards import end_of, start_of
from ..node import withhold
from ..options import checked
from .line import Line, Message, living_nodes
from .options import ADDRESS, KNOWN, LEASE, Node, need, room, task_options

LOOK = 0.5  # seconds between two looks at the files of all runs, told or not
AGAIN = 3.0  # seconds before a cluster that does not answer is tried again
PATIENCE = 600.0  # and after which it is given up
ADOPTION = 60.0  # seconds for a cluster to say which runs it has
CLOSING = 10.0  # seconds for what was asked to arrive
MARGIN = 5.0  # seconds beyond a lease
MEETING = "meeting"  # what the question is called that every keeper is asked first

_NOT_PASSED_ON = ("RAY_", "SLURM_", "LD_", "SSH_", "XDG_", "DBUS_", "CUDA_", "OVERDRIVE_", "PYTEST_")


@dataclass(slots=True)
class _Open:
    """A job whose end has not been reported yet. `doomed`: when, on the monotonic clock, nothing of it can live."""

    id: str
    folder: wire.RunFolder
    phase: Phase = "starting"
    grace: float | None = None
    doomed: float | None = None

    def state(self, phase: Phase, **more: Any) -> JobState:
        return JobState(self.id, phase, self.folder.path, **more)


class RayCompute:
    """Jobs on a Ray cluster. `folder`: the sweep's folder, which its nodes need not see.

    ComputeError when the cluster cannot be reached at first, or not for a long time.
    """

    @staticmethod
    def options(given: Mapping[str, Any]) -> dict[str, Any]:
        """address, what a run needs by Ray's own words, folder, artifacts, lease."""
        return checked(given, KNOWN)

    @staticmethod
    def survey(options: Mapping[str, Any], gpus: float = 0.0, cores: int = 0, nodes: int = 1) -> Survey:
        """What the cluster has for such runs."""
        _refuse_several(nodes)
        there = [Node(*row) for row in living_nodes(options.get("address", ADDRESS))]
        return room(need(options, gpus, cores), there, options.get("autoscaling", False))

    def __init__(self, folder: Path | str, options: Mapping[str, Any] | None = None) -> None:
        self._folder = os.path.abspath(os.fspath(folder))
        self._options = options or {}
        self._lease = float(self._options.get("lease", LEASE))
        self._journal = wire.Tail(os.path.join(self._folder, "ray.jsonl"))
        self._known: dict[str, str] = {}  # job -> the keeper that it was given to
        self._open: dict[str, _Open] = {}
        self._news: list[JobState] = []
        self._queue: list[Job] = []
        self._line: Line | None = None
        self._channel = 0
        self._keeper: str | None = None
        self._met = False
        self._away_since: float | None = None
        self._try_at = 0.0
        self._look_at = 0.0
        self._doubtful: set[str] = set()  # whether the keeper that was met has them is being asked
        self._answers: dict[str, list[str]] = {}

    def start(self, job: Job) -> str:
        """Ask the cluster for the job; its handle is its folder."""
        folder = wire.RunFolder(os.path.abspath(os.fspath(job.folder)))
        if job.id not in self._open:
            self._open[job.id] = _Open(job.id, folder)
            self._look_at = 0.0
            if not os.path.exists(folder.exit):
                if job.nodes > 1:
                    self._refuse(job.id, "compute: ray starts no runs of several nodes yet")
                else:
                    self._queue.append(job)
                    self._converse()
        return folder.path

    def poll(self, timeout: float) -> list[JobState]:
        """What has changed; waits for the first change, at most `timeout` seconds."""
        deadline = time.monotonic() + timeout
        while True:
            self._converse()
            self._look()
            left = deadline - time.monotonic()
            if self._news or left <= 0:
                break
            self._hear(min(left, max(0.0, self._look_at - time.monotonic())))
        news, self._news = self._news, []
        return news

    def cancel(self, job_id: str, grace: float) -> None:
        """TERM now, KILL after `grace` seconds, to all processes of the job; one that has not begun never will."""
        job = self._open.get(job_id)
        if job is None:
            return
        if any(one.id == job_id for one in self._queue):
            self._queue = [one for one in self._queue if one.id != job_id]
            self._withhold(job)
            return
        job.grace = grace if job.grace is None else min(grace, job.grace)
        self._ask({"op": "cancel", "id": job_id, "grace": job.grace})

    def adopt(self, claims: Iterable[Claim]) -> list[JobState]:
        """The states of those jobs that were ever given to a cluster."""
        jobs = {c.id: _Open(c.id, wire.RunFolder(os.path.abspath(os.fspath(c.folder)))) for c in claims}
        jobs |= {id: self._open[id] for id in jobs.keys() & self._open.keys()}
        ended = {id: state for id, job in jobs.items() if (state := end_of(job.id, job.folder)) is not None}
        given = self._recall() if jobs else {}
        doubtful = [id for id in jobs if id not in ended and id in given]
        there = self._known_there(doubtful) if doubtful else set()
        states = list(ended.values())
        for id in doubtful:
            job = jobs[id]
            if id not in there and id not in self._open:
                if given[id] == self._keeper:  # its controller died before it was given away
                    continue
                job.doomed = time.monotonic() + self._lease + MARGIN
            state = start_of(job.id, job.folder)
            job.phase = state.phase
            self._open[id] = job
            states.append(state)
        for id in ended:
            self._open.pop(id, None)
            self._news = [one for one in self._news if one.id != id]
        return states

    def close(self) -> None:
        """Let go; the jobs go on. A cluster that has none of ours any more is soon left as it was."""
        if self._line is not None and self._line.failure is None and self._keeper is not None:
            self._ask({"op": "close"})
            deadline = time.monotonic() + CLOSING
            while self._line.failure is None and time.monotonic() < deadline:
                if any("closed" in message for message in self._line.receive(self._channel, 0.1)):
                    break
        if self._line is not None:
            self._line.close(self._channel)
        self._line = self._keeper = None

    # the runs' own files --------------------------------------------------------------------------

    def _look(self, ids: Iterable[str] | None = None) -> None:
        now = time.monotonic()
        if ids is None:
            if now < self._look_at:
                return
            self._look_at = now + LOOK
        for job in [self._open[id] for id in (ids or list(self._open)) if id in self._open]:
            state = end_of(job.id, job.folder)
            if state is not None:
                self._finish(state)
            elif job.doomed is not None and now >= job.doomed:
                self._finish(
                    job.state("lost", note="the Ray cluster that had it is gone, or has forgotten it")
                )
            elif job.phase == "starting":
                state = start_of(job.id, job.folder)
                if state.phase == "running":
                    job.phase = "running"
                    self._news.append(state)

    def _finish(self, state: JobState) -> None:
        del self._open[state.id]
        self._news.append(state)

    def _withhold(self, job: _Open) -> None:
        run = withhold(job.id, job.folder, "cancelled before it started")
        if run is None:  # it was begun by somebody else
            self._look([job.id])
        else:
            self._finish(JobState(*run.row()))

    def _refuse(self, id: str, note: str) -> None:
        """An end like that of a program that cannot be started."""
        folder = self._open[id].folder.make()
        with open(folder.stderr, "a", encoding="utf-8", errors="backslashreplace") as file:
            file.write(note + "\n")
        wire.write_json(folder.exit, {"code": 126, "started": None, "ended": time.time(), "note": note})
        self._look([id])

    # the cluster ----------------------------------------------------------------------------------

    def _converse(self) -> None:
        """Connect where there is something to say, hand over what waits, take in what has come; never waits."""
        if self._line is not None and self._line.failure is not None:
            self._lose_touch(self._line.failure)
        if self._line is None and self._open and time.monotonic() >= self._try_at:
            self._connect()
        self._hear(0.0)
        if self._queue and self._line is not None:
            self._hand_over()

    def _connect(self) -> None:
        os.makedirs(self._folder, exist_ok=True)
        self._line = Line.to(self._options.get("address", ADDRESS), os.path.join(self._folder, "ray.log"))
        self._channel = self._line.channel()
        self._open_channel()

    def _open_channel(self) -> None:
        scratch, artifacts = self._options.get("folder"), self._options.get("artifacts")
        more = {"folder": self._folder, "lease": self._lease, "scratch": scratch, "artifacts": artifacts}
        self._ask({"op": "open", "key": self._key(), **more})

    def _key(self) -> str:
        """The name of this sweep's folder among all of the world."""
        path = os.path.join(self._folder, "ray.json")
        card = wire.read_json(path)
        if not isinstance(card, dict):
            card = {"key": uuid.uuid4().hex}
            wire.write_json(path, card)
        return str(card["key"])

    def _lose_touch(self, why: str) -> None:
        now = time.monotonic()
        if not self._met:
            raise ComputeError(why)
        if self._line is not None:
            print(f"{why}; trying again", flush=True)
        self._line = self._keeper = None
        self._try_at = now + AGAIN
        self._away_since = self._away_since or now
        if now - self._away_since > PATIENCE:
            raise ComputeError(f"{why}, for {PATIENCE:g} s")

    def _ask(self, message: Message) -> None:
        if self._line is not None:
            self._line.send({**message, "ch": self._channel})

    def _hear(self, timeout: float) -> None:
        if self._line is None:
            time.sleep(timeout)
            return
        for message in self._line.receive(self._channel, timeout):
            if "keeper" in message:
                self._meet(message["keeper"])
            elif "look" in message:
                self._look(message["look"])
            elif "verdicts" in message:
                for id, verdict, why in message["verdicts"]:
                    self._take_verdict(id, verdict, why)
            elif message.get("ref") == MEETING:
                self._doom(self._doubtful - set(message["known"]))
            elif "known" in message:
                self._answers[message["ref"]] = message["known"]

    def _meet(self, keeper: str | None) -> None:
        """A keeper answers, perhaps not the one before; or it is gone, and another is to be made."""
        self._met, self._away_since = True, None
        self._keeper = keeper
        self._doubtful = self._open.keys() - {job.id for job in self._queue}
        if keeper is None:
            self._doom(self._doubtful)
            self._open_channel()
            return
        if self._doubtful:
            self._ask({"op": "known", "ref": MEETING, "ids": list(self._doubtful)})
        for job in self._open.values():
            if job.grace is not None:
                self._ask({"op": "cancel", "id": job.id, "grace": job.grace})

    def _doom(self, ids: Iterable[str]) -> None:
        """No keeper has these: they end by their lease."""
        for job in (self._open[id] for id in ids if id in self._open):
            if job.doomed is None:
                job.doomed = time.monotonic() + self._lease + MARGIN

    def _take_verdict(self, id: str, verdict: str, why: str) -> None:
        self._look([id])
        job = self._open.get(id)
        if job is not None:
            if verdict == "lost":
                self._finish(job.state("lost", note=why))
            elif verdict == "cancelled":
                self._withhold(job)
            else:
                self._refuse(id, why)
        self._ask({"op": "forget", "ids": [id]})

    def _hand_over(self) -> None:
        jobs, self._queue = self._queue, []
        inherited = {k: v for k, v in os.environ.items() if not k.startswith(_NOT_PASSED_ON)}
        self._ask({"op": "start", "jobs": [[self._order(job, inherited), self._needs(job)] for job in jobs]})

    def _needs(self, job: Job) -> dict[str, Any]:
        return task_options(need(self._options, job.gpus, job.cores))

    @staticmethod
    def _order(job: Job, inherited: Mapping[str, str]) -> dict[str, Any]:
        warm = job.warm and [list(job.warm.modules), job.warm.prepare]
        return {
            "id": job.id,
            "argv": list(job.argv),
            "env": dict(job.env),
            "folder": os.path.abspath(os.fspath(job.folder)),
            "grace": job.grace,
            "memory": job.memory,
            "source": None if job.source is None else os.path.abspath(os.fspath(job.source)),
            "warm": warm,
            "python": sys.executable,
            "links": _links(job.env.get("PYTHONPATH", "").partition(os.pathsep)[0]),
            "inherited": inherited,
        }

    def _recall(self) -> dict[str, str]:
        """Which jobs were given to which keeper, by all controllers of the sweep so far."""
        for line in self._journal.read():
            try:
                given = json.loads(line)
                self._known.update(dict.fromkeys(given["jobs"], given["keeper"]))
            except (ValueError, KeyError, TypeError):  # torn by a full disk
                continue
        return self._known

    def _known_there(self, ids: list[str]) -> set[str]:
        """Which of these the cluster has. ComputeError when it does not say."""
        if self._line is None or self._line.failure is not None:
            self._connect()
        assert self._line is not None
        ref = uuid.uuid4().hex
        self._ask({"op": "known", "ref": ref, "ids": ids})
        deadline = time.monotonic() + ADOPTION
        while ref not in self._answers:
            if self._line.failure is not None:
                raise ComputeError(self._line.failure)
            if time.monotonic() > deadline:
                raise ComputeError("ray: the cluster does not say which runs it has")
            self._hear(0.1)
        return set(self._answers.pop(ref))


def _links(folder: str) -> dict[str, str]:
    """The links into our own package in the folder that stands first on the runs' PYTHONPATH, by name."""
    package = str(Path(__file__).resolve().parents[2])
    found = {}
    for entry in os.scandir(folder) if os.path.isdir(folder) else ():
        goal = os.readlink(entry.path) if entry.is_symlink() else ""
        if goal == package or goal.startswith(package + os.sep):
            found[entry.name] = os.path.relpath(goal, package)
    return found


def _refuse_several(nodes: int) -> None:
    if nodes > 1:
        raise ComputeError("ray: runs of several nodes are not started there yet; leave node_count at 1")
