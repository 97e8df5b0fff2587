"""Runs as jobs of a Slurm cluster, over a shared folder.

    start --> order.json, then sbatch (jobs that come while it works: one array) --> compute.node on some node
    poll  --> the runs' own files tell of starts and ends at once; squeue, one call for all, tells of those that
              vanish, and is asked the less the less happens

The name of a batch is written into the sweep's folder before sbatch is called: a job that was submitted by a
controller that died right then is found again by it. A run that is asked for when a short one has just ended may take
over its place: see `slurm_seats`. A job that Slurm carries out twice, or after we had given it up, does not run: see
`compute.node`. `--no-requeue`: whether a run is tried again is decided elsewhere.
"""

from __future__ import annotations

import json
import os
import secrets
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..errors import ComputeError
from ..runtime import wire
from .base import OUT_OF_MEMORY, Claim, Job, JobState, Phase
from .cards import end_of, start_of
from .node import leave_order, withhold
from .options import checked
from .slurm_queue import KNOWN, LIST, PATIENCE, Call, Row, flags, is_temporary, others, rows, script, survey
from .slurm_seats import Place, Seats, keeping

LARGEST_ARRAY = 256  # jobs; the usual limit of a site is 1000
QUIET, BUSY = 10.0, 1.0  # seconds between two squeues: most of the time, and while a job is in doubt
SHARE = 20  # and at least so many times as long as squeue itself takes
ARRIVAL = 5.0  # seconds for an exit file to arrive here when Slurm says that its job is over
AGAIN = 3.0  # seconds before an sbatch that slurmctld could not answer is tried again
SHORTEST, LONGEST = 0.002, 0.02  # seconds between two looks at the files of the runs


@dataclass(slots=True)
class _Open:
    """A job whose end has not been reported yet. `since`: when it was last known to be on its way to Slurm; `kept`:
    whether another may take over its place."""

    id: str
    folder: wire.RunFolder
    phase: Phase = "starting"
    places: list[Place] = field(default_factory=list)
    flags: list[str] = field(default_factory=list)
    since: float = 0.0
    kept: bool = False
    gone: float | None = None
    grace: float | None = None

    def state(self, phase: Phase, **more: Any) -> JobState:
        return JobState(self.id, phase, self.folder.path, **more)


@dataclass(slots=True)
class _Batch:
    name: str
    jobs: list[_Open]


class SlurmCompute:
    """Jobs of a Slurm cluster. `folder`: the sweep's folder, which its nodes must see under the same path.

    ComputeError when there is no sbatch. A slurmctld that is away for a while delays starts, and nothing else.
    """

    @staticmethod
    def options(given: Mapping[str, Any]) -> dict[str, Any]:
        """sbatch's own words: partition, account, gres, time, ..., and `directives`."""
        return checked(given, KNOWN)

    survey = staticmethod(survey)

    def __init__(self, folder: Path | str, options: Mapping[str, Any] | None = None) -> None:
        self._folder = os.path.abspath(os.fspath(folder))
        self._options = options or {}
        self._journal = wire.Tail(os.path.join(self._folder, "slurm.jsonl"))
        self._known: dict[str, list[Place]] = {}
        self._open: dict[str, _Open] = {}
        self._news: list[JobState] = []
        self._queue: list[_Open] = []
        self._seats = Seats()
        self._batch: _Batch | None = None  # on its way to slurmctld
        self._submitting: Call | None = None
        self._submit_at = 0.0
        self._doubtful: _Batch | None = None  # slurmctld did not answer: it may have it
        self._listing: Call | None = None
        self._list_at = 0.0
        self._rows: dict[Place, Row] = {}
        self._ids: dict[Place, str] = {}
        self._unwanted: dict[Place, bool] = {}  # to be signalled: True for those that have not begun
        self._cancelling: Call | None = None

    def start(self, job: Job) -> str:
        """Ask Slurm for the job, unless it has begun already; its handle is its folder."""
        folder = wire.RunFolder(os.path.abspath(os.fspath(job.folder)))
        if job.id not in self._open:
            wanted = flags(self._options, job.gpus, job.cores, job.nodes)
            places = self._recall().get(job.id, [])
            one = self._open[job.id] = _Open(job.id, folder, places=places, flags=wanted)
            if not (os.path.exists(folder.exit) or os.path.exists(folder.job)):
                keep = keeping(self._options, job.nodes)
                one.kept = keep > 0
                leave_order(job, others(job.nodes, self._options, job.cores), keep)
                if not self._seated(one):
                    self._queue.append(one)
            self._converse()
        return folder.path

    def poll(self, timeout: float) -> list[JobState]:
        """What has changed; waits for the first change, at most `timeout` seconds."""
        deadline, pause = time.monotonic() + timeout, SHORTEST
        while True:
            began = time.monotonic()
            self._converse()
            self._look()
            now = time.monotonic()
            if self._news or now >= deadline:
                break
            time.sleep(min(deadline - now, max(pause, 5 * (now - began))))
            pause = min(2 * pause, LONGEST)
        news, self._news = self._news, []
        return news

    def cancel(self, job_id: str, grace: float) -> None:
        """TERM now, KILL after `grace` seconds, to all processes of the job; one that has not begun never will."""
        job = self._open.get(job_id)
        if job is None:
            return
        self._unwanted.update(dict.fromkeys(job.places, True))
        if not self._withheld(job, "cancelled before it started"):
            self._demand_end(job, grace)
            self._unwanted.update(dict.fromkeys(job.places, False))
        self._converse()

    def adopt(self, claims: Iterable[Claim]) -> list[JobState]:
        """The states of those jobs that were ever submitted."""
        claims = list(claims)
        known = self._recall() if claims else {}
        lost_touch = False
        if any(claim.id in known for claim in claims):
            try:
                self._take_list(rows(Call(LIST).wait()))
            except ComputeError:  # until slurmctld is back the files tell what they can
                lost_touch = True
        states = []
        for claim in claims:
            job = self._open.get(claim.id) or _Open(
                claim.id,
                wire.RunFolder(os.path.abspath(os.fspath(claim.folder))),
                places=known.get(claim.id, []),
            )
            begun = os.path.exists(job.folder.job)
            state = end_of(job.id, job.folder) or (
                start_of(job.id, job.folder) if begun else job.state("starting")
            )
            there = begun or state.over or lost_touch or any(place in self._ids for place in job.places)
            if there or job.id in self._open:
                states.append(state)
                job.phase = state.phase
                self._open[job.id] = job
            if state.over:
                del self._open[job.id]
                self._news = [one for one in self._news if one.id != job.id]
        return states

    def close(self) -> None:
        """Hand over what is still on its way to Slurm, and let go."""
        deadline = time.monotonic() + PATIENCE
        while self._busy() and time.monotonic() < deadline:
            self._converse()
            time.sleep(SHORTEST)
        for call in (self._submitting, self._cancelling, self._listing):
            if call is not None:
                call.end()

    def _busy(self) -> bool:
        return bool(self._queue or self._submitting or self._cancelling or self._unwanted.keys() & self._ids)

    def _recall(self) -> dict[str, list[Place]]:
        """Where in which batches jobs were submitted, by all controllers of the sweep so far."""
        for line in self._journal.read():
            try:
                batch = json.loads(line)
                for index, job_id in enumerate(batch["jobs"], batch.get("first", 0)):
                    self._known.setdefault(job_id, []).append((batch["batch"], index))
            except (ValueError, KeyError, TypeError):  # torn by a full disk
                continue
        return self._known

    # the runs' own files --------------------------------------------------------------------------

    def _look(self) -> None:
        for job in list(self._open.values()):
            state = end_of(job.id, job.folder)
            if state is not None:
                self._offer_place(job)
                self._finish(state)
            elif job.phase == "starting" and os.path.exists(job.folder.job):
                state = start_of(job.id, job.folder)
                if state.phase == "running":
                    job.phase = "running"
                    self._news.append(state)

    def _offer_place(self, job: _Open) -> None:
        """Another job may follow this one, if it was a node that has ended it: no refusal, no wish of ours."""
        if job.kept and job.grace is None and len(job.places) == 1 and os.path.exists(job.folder.job):
            self._seats.leave(job.places[0], self._ids.get(job.places[0]), job.folder, job.flags)

    def _finish(self, state: JobState) -> None:
        job = self._open.pop(state.id)
        self._queue = [one for one in self._queue if one is not job]
        for place in job.places:
            if place not in self._unwanted:
                self._ids.pop(place, None)
        self._news.append(state)

    def _withheld(self, job: _Open, note: str) -> bool:
        """Whether the job had not begun; it never will then, and has ended."""
        run = withhold(job.id, job.folder, note)
        if run is not None:
            self._finish(JobState(*run.row()))
        return run is not None

    @staticmethod
    def _demand_end(job: _Open, grace: float) -> None:
        job.grace = grace if job.grace is None else min(grace, job.grace)
        wire.write_json(job.folder.cancel, {"grace": job.grace})

    # what Slurm says ------------------------------------------------------------------------------

    def _converse(self) -> None:
        """Take in what has been answered, and ask what is to be asked; never waits."""
        now = time.monotonic()
        self._take_submission(now)
        if self._queue and self._submitting is None and self._doubtful is None and now >= self._submit_at:
            self._submit(now)
        if self._cancelling is not None and _answer(self._cancelling) is not None:
            self._cancelling = None
        if self._unwanted and self._cancelling is None:
            self._signal()
        if self._listing is not None:
            answer = _answer(self._listing)
            if isinstance(answer, str):
                self._take_list(rows(answer))
                self._settle()
                self._judge(self._listing.began)
            if answer is not None:
                took = now - self._listing.began
                doubt = self._doubtful or any(job.gone is not None for job in self._open.values())
                self._list_at = now + max(BUSY if doubt else QUIET, SHARE * took)
                self._listing = None
        elif now >= self._list_at and (self._open or self._doubtful):
            self._listing = Call(LIST)

    def _seated(self, job: _Open) -> bool:
        """Whether the job follows another one in its place."""

        def note(place: Place) -> None:
            self._note({"batch": place[0], "first": place[1], "jobs": [job.id]})

        seat = self._seats.take(job.folder, job.flags, note)
        if seat is None:
            return False
        job.places, job.since = [seat.place], time.monotonic()
        if seat.number is not None:
            self._ids[seat.place] = seat.number
        return True

    def _note(self, batch: dict[str, Any]) -> None:
        """Write down which jobs are in which places, before Slurm hears of it."""
        fd = os.open(self._journal.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o666)
        try:
            os.write(fd, wire.encode(batch))
        finally:
            os.close(fd)

    def _submit(self, now: float) -> None:
        wanted = self._queue[0].flags
        jobs = [job for job in self._queue if job.flags == wanted][:LARGEST_ARRAY]
        self._queue = [job for job in self._queue if job not in jobs]
        name = f"{os.path.basename(self._folder)}.{secrets.token_hex(4)}"
        self._note({"batch": name, "jobs": [job.id for job in jobs]})
        for index, job in enumerate(jobs):
            job.places = [*job.places, (name, index)]
        self._batch = _Batch(name, jobs)
        array = [f"--array=0-{len(jobs) - 1}"] if len(jobs) > 1 else []
        words = ["sbatch", "--parsable", *wanted, "--no-requeue", f"--job-name={name}", *array]
        log = os.path.join(self._folder, "slurm.log")
        self._submitting = Call(words, script([job.folder.path for job in jobs], log))

    def _take_submission(self, now: float) -> None:
        if self._submitting is None or self._batch is None:
            return
        answer = _answer(self._submitting)
        if answer is None:
            return
        batch, self._batch, self._submitting = self._batch, None, None
        for job in batch.jobs:
            job.since = now
        if isinstance(answer, str):
            number = answer.strip().rpartition("\n")[2].partition(";")[0]
            for index in range(len(batch.jobs)):
                self._ids[batch.name, index] = f"{number}_{index}" if len(batch.jobs) > 1 else number
        elif is_temporary(answer):
            self._doubtful, self._submit_at, self._list_at = batch, now + AGAIN, now
        else:
            for job in batch.jobs:
                if job.id in self._open:
                    self._refuse(job, str(answer))

    def _refuse(self, job: _Open, note: str) -> None:
        """sbatch will not have it: an end like that of a program that cannot be started."""
        try:
            with open(job.folder.stderr, "a", encoding="utf-8", errors="backslashreplace") as file:
                file.write(note + "\n")
        except OSError:
            pass
        wire.write_json(job.folder.exit, {"code": 126, "started": None, "ended": time.time(), "note": note})

    def _take_list(self, there: list[Row]) -> None:
        self._rows = {(row.batch, row.place): row for row in there}
        for place, row in self._rows.items():
            if not row.over:
                self._ids[place] = row.id

    def _settle(self) -> None:
        """An sbatch without an answer: what slurmctld has of it goes on, the rest is submitted again."""
        batch, self._doubtful = self._doubtful, None
        if batch is None or any((batch.name, index) in self._rows for index in range(len(batch.jobs))):
            return
        self._queue = [*(job for job in batch.jobs if job.id in self._open), *self._queue]

    def _judge(self, asked: float) -> None:
        """Give up those that Slurm is done with and that have left no exit file, once one has had time to arrive."""
        coming = {job.id for job in (*self._queue, *(self._batch.jobs if self._batch else ()))}
        for job in list(self._open.values()):
            if job.since >= asked or job.id in coming:
                continue
            found = [self._rows[place] for place in job.places if place in self._rows]
            if any(not row.over for row in found):
                job.gone = None
            elif job.gone is None:
                said = ", ".join(row.state for row in found) or "it has vanished"
                if not self._withheld(job, f"Slurm: {said}, before it started"):
                    job.gone = time.monotonic()
                    self._demand_end(job, 0.0)  # its node may live, and only be cut off
            elif time.monotonic() - job.gone >= ARRIVAL:
                os.listdir(job.folder.own)  # on a network file system this brings what is new
                self._finish(end_of(job.id, job.folder) or self._lost(job, found))

    def _lost(self, job: _Open, found: list[Row]) -> JobState:
        if any(row.state == "OUT_OF_MEMORY" for row in found):
            note = f"{OUT_OF_MEMORY}: Slurm killed it"
            left = {"code": -9, "started": None, "ended": time.time(), "note": note}
            wire.write_json(job.folder.exit, left)
            return end_of(job.id, job.folder) or job.state("lost", note=note)
        said = ", ".join(f"{row.state} ({row.reason})" for row in found) or "nothing any more"
        return job.state("lost", note=f"Slurm says of it: {said}; it left no trace of its end")

    def _signal(self) -> None:
        for pending in (True, False):
            places = [p for p, waits in self._unwanted.items() if waits is pending and p in self._ids]
            if places:
                how = [] if pending else ["--batch", "--signal=TERM"]
                self._cancelling = Call(["scancel", "--quiet", *how, *(self._ids[p] for p in places)])
                for place in places:
                    del self._unwanted[place]
                return


def _answer(call: Call) -> str | ComputeError | None:
    try:
        return call.answer()
    except ComputeError as error:
        return error
