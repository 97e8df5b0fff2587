"""Runs on this machine: the client of the sweep's launcher, which it starts, finds or replaces."""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import ComputeError
from ..runtime import processes, wire
from . import devices
from .base import Claim, Job, JobState, Phase, Survey
from .launcher import PROTOCOL, Names
from .options import checked
from .slots import Slots

PATIENCE = 30.0  # seconds for a launcher to come up or to answer
DEATHS = 5  # so many launchers lost within a minute, and something is wrong that a new one will not mend
BOOT = "import sys; sys.path.append(sys.argv[1]); from overdrive.compute.launcher import main; main(*sys.argv[2:])"


@dataclass(slots=True)
class _Open:
    """A job whose end has not been reported yet.

    `job` is None when another controller started it; `grace` is set once it is to be cancelled.
    """

    folder: str
    job: Job | None
    phase: Phase = "starting"
    grace: float | None = None


class LocalCompute:
    """Jobs as processes of this machine. `folder`: the sweep's folder, in which the launcher leaves its card.
    With a `lease` among the options, in seconds, the jobs do not outlive us, nor a time without a `renew`.

    Working copies are made by the launcher, a few milliseconds at a time: `start` costs the controller one
    write, and neither reaping nor cancelling waits for a large source folder.
    """

    @staticmethod
    def options(given: Mapping[str, Any]) -> dict[str, Any]:
        """This machine has none."""
        return checked(given, {})

    @staticmethod
    def survey(options: Mapping[str, Any], gpus: float = 0.0, cores: int = 0, nodes: int = 1) -> Survey:
        """What this machine has, and what the runs of this user have of it, of whatever sweep."""
        there, cards = devices.cores(), devices.gpus(os.environ)
        use = Slots(there, os.environ).use()
        runs = len(processes.marks(wire.JOB_ID, processes.table()))
        taken = max(runs, len(use.cores & set(there)))
        words = [f"{len(there)} cores", f"{runs} {'run' if runs == 1 else 'runs'}"]
        if cards:
            free = len(cards) - sum(use.gpus.get(card.id, 0.0) for card in cards)
            words.append(f"{free:g} of {len(cards)} GPUs free")
        return Survey(max(0, len(there) - taken), len(there), 1, ", ".join(words))

    def __init__(self, folder: Path | str, options: Mapping[str, Any] | None = None) -> None:
        self._folder = str(Path(folder).absolute())
        self._names = Names(self._folder)
        self._lease: float | None = (options or {}).get("lease")
        self._socket: socket.socket | None = None
        self._inbox = b""
        self._open: dict[str, _Open] = {}
        self._news: list[JobState] = []
        self._refs = 0
        self._deaths: list[float] = []
        self._gpus: dict[str | None, list[devices.Device]] = {}

    def start(self, job: Job) -> str:
        """Ask the launcher for the job; its handle is its folder."""
        folder = str(Path(job.folder).absolute())
        if job.id not in self._open:
            if not self._open:
                self._connect()
            self._open[job.id] = _Open(folder, job)
            self._post(self._request(job, folder))
        return folder

    def poll(self, timeout: float) -> list[JobState]:
        """What has changed; waits for the first change, at most `timeout` seconds."""
        deadline = time.monotonic() + timeout
        while not self._news:
            left = deadline - time.monotonic()
            if self._socket is None and not self._open:
                time.sleep(max(0.0, left))
                break
            try:
                if not self._listen(max(0.0, left)):
                    break
            except ConnectionError:
                self._recover()
        news, self._news = self._news, []
        return news

    def cancel(self, job_id: str, grace: float) -> None:
        """TERM now, KILL after `grace` seconds, to all processes of the job."""
        job = self._open.get(job_id)
        if job is not None:
            job.grace = grace if job.grace is None else min(grace, job.grace)
            self._post({"op": "cancel", "id": job_id, "grace": grace})

    def adopt(self, claims: Iterable[Claim]) -> list[JobState]:
        """The states of those jobs that were ever started here."""
        wanted = {claim.id: str(Path(claim.folder).absolute()) for claim in claims}
        if not wanted:
            return []
        for id, folder in wanted.items():  # before the survey: an end may come right behind its answer
            self._open.setdefault(id, _Open(folder, None))
        states = self._survey(wanted)
        over = {state.id for state in states if state.over}
        self._news = [state for state in self._news if state.id not in over]
        for id in over | (wanted.keys() - {state.id for state in states}):
            self._open.pop(id, None)
        for state in states:
            if state.id in self._open:
                self._open[state.id].phase = state.phase
        return states

    def fileno(self) -> int:
        """A descriptor that can be read when there is news; -1 while there is none. A `poll` may change it."""
        return -1 if self._socket is None else self._socket.fileno()

    def renew(self, age: float) -> None:
        """The lease holds from `age` seconds ago on."""
        if self._socket is not None:
            self._post({"op": "renew", "age": age})

    def close(self) -> None:
        """Hang up. The jobs go on; a launcher without any leaves."""
        if self._socket is not None:
            try:
                self._write({"op": "quit"})
            except ConnectionError:
                pass
            self._hang_up()

    # the conversation -----------------------------------------------------------------------------

    def _request(self, job: Job, folder: str) -> dict[str, Any]:
        source = None if job.source is None else str(Path(job.source).absolute())
        fields = {"id": job.id, "argv": list(job.argv), "folder": folder, "env": dict(job.env)}
        more = {"grace": job.grace, "source": source, "memory": job.memory}
        warm = job.warm and {"modules": list(job.warm.modules), "prepare": job.warm.prepare}
        need = {"gpus": job.gpus, "cores": job.cores, "devices": self._devices(job) if job.gpus else []}
        need = {"need": need if job.gpus or job.cores else None, "pin": job.pin_cores}
        return {"op": "start", "job": {**fields, **more, "warm": warm, **need}}

    def _devices(self, job: Job) -> list[devices.Device]:
        env = {**os.environ, **job.env}
        visible = env.get("CUDA_VISIBLE_DEVICES")
        if visible not in self._gpus:
            self._gpus[visible] = devices.gpus(env)
        return self._gpus[visible]

    def _write(self, message: dict[str, Any]) -> None:
        """Send one message; ConnectionError when the launcher is gone."""
        if self._socket is None:
            raise ConnectionError
        try:
            self._socket.sendall(json.dumps(message).encode() + b"\n")
        except OSError as error:
            raise ConnectionError from error

    def _post(self, message: dict[str, Any]) -> None:
        """Send what concerns an open job: a launcher that has died is replaced, and told of all of them."""
        try:
            self._write(message)
        except ConnectionError:
            self._recover()

    def _listen(self, timeout: float) -> list[dict[str, Any]]:
        """The messages that come within `timeout` seconds, their news already taken in; [] for none.

        ConnectionError when the launcher is gone.
        """
        if self._socket is None:
            raise ConnectionError
        poller = select.poll()
        poller.register(self._socket, select.POLLIN)
        if not poller.poll(timeout * 1000):
            return []
        try:
            data = self._socket.recv(1 << 18)
        except OSError as error:
            raise ConnectionError from error
        if not data:
            raise ConnectionError
        *lines, self._inbox = (self._inbox + data).split(b"\n")
        messages: list[dict[str, Any]] = [json.loads(line) for line in lines]
        for message in messages:
            if "ref" not in message:
                for row in message.get("states", ()):
                    self._take(JobState(*row))
        return messages or [{}]

    def _take(self, state: JobState) -> None:
        job = self._open.get(state.id)
        if job is None:  # another controller's, or reported already
            return
        if state.over:
            del self._open[state.id]
        elif state.phase == job.phase:
            return
        job.phase = state.phase
        self._news.append(state)

    def _survey(self, folders: dict[str, str]) -> list[JobState]:
        """The states of those of these jobs (id -> folder) that were ever started, from a living launcher."""
        while True:
            self._connect()
            try:
                return self._ask(folders)
            except ConnectionError:
                self._bury()

    def _ask(self, folders: dict[str, str]) -> list[JobState]:
        self._refs += 1
        self._write({"op": "adopt", "ref": self._refs, "claims": list(folders.items())})
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            for message in self._listen(deadline - time.monotonic()):
                if message.get("ref") == self._refs:
                    return [JobState(*row) for row in message["states"]]
        raise ComputeError(f"the launcher of {self._folder} does not answer; its log: {self._names.log}")

    # the launcher ---------------------------------------------------------------------------------

    def _hang_up(self) -> None:
        if self._socket is not None:
            self._socket.close()
        self._socket, self._inbox = None, b""

    def _bury(self) -> None:
        """Note the death of a launcher; ComputeError when they die like flies."""
        self._hang_up()
        if self._too_many_deaths():
            raise ComputeError(
                f"the launcher of {self._folder} died {len(self._deaths)} times within a minute; "
                f"its log: {self._names.log}"
            )

    def _too_many_deaths(self) -> bool:
        """Note one more, and say whether another launcher would be of no use."""
        now = time.monotonic()
        self._deaths = [then for then in self._deaths if now - then < 60.0] + [now]
        return len(self._deaths) > DEATHS

    def _recover(self) -> None:
        """The launcher is gone: find out through a new one what became of the open jobs, and go on."""
        self._hang_up()
        while self._open:
            self._bury()
            found = {s.id: s for s in self._survey({id: job.folder for id, job in self._open.items()})}
            try:
                for id, job in list(self._open.items()):
                    self._resume(id, job, found.get(id))
                return
            except ConnectionError:
                continue

    def _resume(self, id: str, job: _Open, state: JobState | None) -> None:
        if state is not None:
            self._take(state)
        elif job.job is not None and job.phase == "starting":
            self._write(self._request(job.job, job.folder))
        else:
            self._take(JobState(id, "lost", job.folder, note="its launcher died, and it left no trace"))
        if id in self._open and job.grace is not None:
            self._write({"op": "cancel", "id": id, "grace": job.grace})

    def _connect(self) -> None:
        """Reach the living launcher, or start one."""
        if self._socket is not None:
            return
        deadline = time.monotonic() + PATIENCE
        while not self._reach():
            if time.monotonic() > deadline:
                raise ComputeError(f"no launcher answers for {self._folder}; its log: {self._names.log}")
            try:
                if self._spawn() == "held":  # it has a launcher that is just coming up or leaving
                    time.sleep(0.02)
            except ComputeError:  # perhaps it was killed before it could say anything
                if self._too_many_deaths():
                    raise

    def _reach(self) -> bool:
        card = wire.read_json(self._names.card)
        if not isinstance(card, dict):
            return False
        if not processes.alive(card.get("pid", 0), card.get("birth"), card.get("started")):
            return False
        if not Path(card["socket"]).exists():  # a temporary folder was swept: it makes itself another
            try:
                os.kill(card["pid"], signal.SIGUSR1)
            except ProcessLookupError:
                pass
            return False
        connection = socket.socket(socket.AF_UNIX)
        connection.settimeout(PATIENCE)
        try:
            connection.connect(card["socket"])
            inbox = b""
            while b"\n" not in inbox:
                data = connection.recv(1 << 18)
                if not data:
                    raise ConnectionError
                inbox += data
        except OSError:
            connection.close()
            return False
        line, self._inbox = inbox.split(b"\n", 1)
        hello = json.loads(line)
        if hello.get("pid") != card["pid"]:
            connection.close()
            return False
        if hello.get("hello") != PROTOCOL:
            connection.close()
            raise ComputeError(
                f"the launcher of {self._folder} (pid {card['pid']}) is of another version of Overdrive; "
                "wait until its runs have ended, or go on with that version"
            )
        self._socket = connection
        for row in hello["states"]:
            self._take(JobState(*row))
        return True

    def _spawn(self) -> str:
        """Start a launcher; "ready" or "held"."""
        root = str(Path(__file__).resolve().parents[2])
        options = ["-I", "-S", *(["-X", "utf8"] if sys.flags.utf8_mode else [])]
        lease = [] if self._lease is None else [str(self._lease)]
        Path(self._folder).mkdir(parents=True, exist_ok=True)
        with Path(self._names.log).open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, *options, "-c", BOOT, root, self._folder, *lease],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                cwd="/",
                start_new_session=True,
            )
        with process:
            assert process.stdout is not None
            poller = select.poll()
            poller.register(process.stdout, select.POLLIN)
            word = process.stdout.readline().decode().strip() if poller.poll(PATIENCE * 1000) else ""
        if word not in ("ready", "held"):
            last = Path(self._names.log).read_text(errors="replace").strip().splitlines()[-1:]
            raise ComputeError(f"cannot start a launcher for {self._folder}: {''.join(last) or 'no answer'}")
        return word
