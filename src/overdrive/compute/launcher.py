"""The parent of all local runs of one sweep: starts, reaps, writes exit files, outlives the controller.

    controller  -- JSON lines over a Unix socket -->  launcher  -- fork, exec, signals -->  runs

In:  {"op": "start", "job": {...}}   {"op": "cancel", "id": ..., "grace": ...}
     {"op": "adopt", "ref": n, "claims": [[id, folder], ...]}   {"op": "renew", "age": ...}   {"op": "quit"}
Out: {"hello": PROTOCOL, "pid": ..., "states": [...]}   {"states": [...]}   {"ref": n, "states": [...]}
     {"error": ...}

A state is a row of `base.JobState`. One thread, asleep while nothing happens. It leaves when it has had
neither a run nor a controller for a while. Started by `local.py` with a bare interpreter, so it uses the
standard library and `runtime.wire` only.

On a node of a cluster it has a *lease*: when its controller is gone, or has not renewed the lease in time, nobody can
tell any more that the runs are not started elsewhere, and they are killed.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import selectors
import signal
import socket
import sys
import time
from collections.abc import Callable
from typing import Any

from ..runtime import processes, wire
from .devices import cores
from .door import Door, Message, listen
from .localrun import LocalRun
from .slots import AGAIN, Grant, Need, Slots
from .workcopy import made
from .zygotes import Zygotes

PROTOCOL = 2
LINGER = 10.0  # seconds without runs and controllers after which the launcher leaves
WEIGHING = 0.25  # seconds between two looks at the memory of runs that have a limit
ROOM = 1.0  # seconds before a working copy for which the disk had no room is tried again
STALL = float(os.environ.get("OVERDRIVE_WARM_STALL_SECONDS", "30"))  # a warm run may stand still for so long
SLICE = 0.01  # seconds of copying before anything else gets its turn


class Names:
    """The launcher's files in the sweep's folder."""

    def __init__(self, folder: str) -> None:
        self.card = os.path.join(folder, "launcher.json")
        self.lock = os.path.join(folder, "launcher.lock")
        self.log = os.path.join(folder, "launcher.log")


class _Start:
    """A run whose folder is being made, and the call that follows."""

    def __init__(
        self,
        run: LocalRun,
        argv: list[bytes],
        env: dict[str, str],
        source: str | None,
        warm: dict[str, Any] | None,
        need: Need | None,
        pin: bool,
    ) -> None:
        self.run = run
        self.need = need
        self.slot: int | None = None
        self.cores: list[int] = []
        self._pin = pin
        self.argv = argv
        self.env = env
        self.warm = warm and {**warm, "source": source}
        self.due = 0.0
        self._source = source
        self.steps = made(run.folder, source)

    def take(self, grant: Grant, slot: int) -> None:
        """Start with these GPUs and cores; what it starts inherits the descriptor `slot`."""
        assert self.need
        self.slot = slot
        self.cores = grant.cores if self._pin else []
        if grant.gpus:
            names = {id: name for name, id in self.need.devices}
            if "CUDA_VISIBLE_DEVICES" not in self.env:  # else the numbers in it are as the user counts
                self.env["CUDA_DEVICE_ORDER"] = "PCI_BUS_ID"
            self.env["CUDA_VISIBLE_DEVICES"] = ",".join(names[id] for id in grant.gpus)

    def wait(self) -> None:
        """Begin anew when the disk has had time to become less full."""
        self.due, self.steps = time.monotonic() + ROOM, made(self.run.folder, self._source)


class Launcher:
    """The loop and the runs in its care. `lease`: seconds. OSError when there is no place for its socket."""

    def __init__(self, folder: str, lease: float | None = None) -> None:
        self._folder = folder
        self._lease = lease
        self._renewed_at = time.monotonic()
        self._was_visited = False
        self._started = time.time()
        self._selector = selectors.DefaultSelector()
        self._door = Door(listen(folder), self._selector, self._greet, self._obey)
        self._runs: dict[str, LocalRun] = {}
        self._by_pid: dict[int, LocalRun] = {}
        self._pidfds: dict[str, int] = {}  # of runs that an earlier launcher started
        self._starts: dict[str, _Start] = {}
        self._forking: dict[str, _Start] = {}
        self._slots = Slots(cores(), os.environ)
        self._line_at = 0.0  # when it is worth while to ask for slots again
        self._zygotes = Zygotes(folder, self._selector, self._born, self._start_cold)
        self._watched: set[LocalRun] = set()  # being ended: looked at by the clock
        self._limited: set[LocalRun] = set()  # may hold only so much memory
        self._weigh_at = 0.0
        self._warm: set[LocalRun] = set()  # forked from a warm process
        self._stall_at = 0.0
        self._changed: list[list[Any]] = []
        self._leaving = False
        self._busy_at = time.monotonic()
        self._child_ended = False
        self._terminated = False
        self._unreachable = False
        self._null = os.open(os.devnull, os.O_RDONLY)

    def serve(self) -> None:
        """Work until there is nothing left to do."""
        self._catch_signals()
        while not self._done():
            for key, _ in self._selector.select(self._timeout()):
                key.data()
            if self._terminated:
                self._terminated, self._leaving = False, True
                for run in list(self._runs.values()):
                    self._cancel(run, run.grace)
            if self._unreachable:
                self._move()
            if self._lease is not None and not self._leaving:
                self._mind_the_lease(self._lease)
            if self._child_ended:
                self._reap()
            if self._watched:
                self._press()
            if self._limited:
                self._weigh()
            if self._warm:
                self._free_the_stuck()
            if self._starts:
                self._prepare()
            if self._changed:
                rows, self._changed = self._changed, []
                self._door.announce({"states": rows})

    def _move(self) -> None:
        self._unreachable = False
        try:
            self._door.reopen(listen(self._folder))
            self.leave_card()
        except OSError as error:
            print(f"cannot open another socket: {error}", file=sys.stderr, flush=True)

    def _mind_the_lease(self, lease: float) -> None:
        forsaken = self._was_visited and not self._door.visited
        self._was_visited = self._door.visited
        if forsaken or time.monotonic() >= self._renewed_at + lease:
            self._leaving = True
            for run in list(self._runs.values()):
                run.give_up("nobody renewed the lease of its launcher")
                self._cancel(run, 0.0)

    def leave_card(self) -> None:
        """Say in the sweep's folder who we are and where we can be reached."""
        process = processes.look(os.getpid())
        birth = process.birth if process else None
        card = {"pid": os.getpid(), "birth": birth, "started": self._started, "socket": self._door.address}
        wire.write_json(Names(self._folder).card, card)

    def take_card(self) -> None:
        """Leave no trace of the socket."""
        for path in (self._door.address, Names(self._folder).card):
            try:
                os.unlink(path)
            except OSError:
                pass

    def _done(self) -> bool:
        if self._runs or (self._door.visited and not self._leaving):
            self._busy_at = time.monotonic()
            return False
        return self._leaving or time.monotonic() - self._busy_at >= LINGER

    def _timeout(self) -> float | None:
        times = [run.look_at for run in self._watched]
        times += [start.due for start in self._starts.values()]
        if self._limited:
            times.append(self._weigh_at)
        if self._warm:
            times.append(self._stall_at)
        if self._lease is not None and not self._leaving:
            times.append(self._renewed_at + self._lease)
        if not self._runs and not self._door.visited:
            times.append(self._busy_at + LINGER)
        return max(0.0, min(times) - time.monotonic()) if times else None

    # signals --------------------------------------------------------------------------------------

    def _catch_signals(self) -> None:
        wake, poke = socket.socketpair()
        wake.setblocking(False)
        poke.setblocking(False)
        signal.set_wakeup_fd(poke.fileno(), warn_on_full_buffer=False)
        self._poke = poke
        self._on_readable(wake, lambda: self._drain(wake))
        signal.signal(signal.SIGCHLD, self._on_child)
        signal.signal(signal.SIGTERM, self._on_terminate)
        signal.signal(signal.SIGUSR1, self._on_unreachable)
        for number in (signal.SIGINT, signal.SIGHUP):
            signal.signal(
                number, lambda *_: None
            )  # a handler: what is ignored would be ignored in the runs too

    def _on_readable(self, what: Any, act: Callable[[], None]) -> None:
        self._selector.register(what, selectors.EVENT_READ, act)

    def _on_child(self, *_: Any) -> None:
        self._child_ended = True

    def _on_terminate(self, *_: Any) -> None:
        self._terminated = True

    def _on_unreachable(self, *_: Any) -> None:
        """Somebody has found our card, and no socket where it says: temporary folders get swept."""
        self._unreachable = True

    @staticmethod
    def _drain(wake: socket.socket) -> None:
        try:
            wake.recv(4096)
        except BlockingIOError:
            pass

    # requests -------------------------------------------------------------------------------------

    def _greet(self) -> Message:
        self._leaving = False
        self._renewed_at = time.monotonic()
        rows = [run.row() for run in self._runs.values()]
        return {"hello": PROTOCOL, "pid": os.getpid(), "states": rows}

    def _obey(self, message: Any) -> Message | None:
        op = message["op"]
        if op == "start":
            self._start(message["job"])
        elif op == "cancel":
            run = self._runs.get(message["id"])
            if run is not None:
                self._cancel(run, float(message["grace"]))
        elif op == "adopt":
            marks = processes.marks(wire.JOB_ID, processes.table())
            claims = [(str(id), os.fspath(folder)) for id, folder in message["claims"]]
            found = [self._recall(id, folder, marks.get(id, set())) for id, folder in claims]
            return {"ref": message["ref"], "states": [run.row() for run in found if run is not None]}
        elif op == "renew":
            self._renewed_at = time.monotonic() - float(message["age"])
        elif op == "quit":
            self._leaving = True
        else:
            raise ValueError(f"no such op: {op!r}")
        return None

    def _start(self, job: dict[str, Any]) -> None:
        run = LocalRun(str(job["id"]), os.fspath(job["folder"]), float(job["grace"]), job.get("memory"))
        argv = [os.fsencode(word) for word in job["argv"]]
        env = {**os.environ, **job["env"], wire.JOB_ID: run.id}
        self._leaving = False
        known = self._recall(run.id, run.folder.path, set())
        if known is not None:  # a job never runs twice
            self._changed.append(known.row())
            return
        self._runs[run.id] = run
        need = job["need"] and Need(**job["need"])
        self._starts[run.id] = _Start(run, argv, env, job["source"], job.get("warm"), need, job["pin"])

    def _recall(self, job_id: str, folder: str, marked: set[int]) -> LocalRun | None:
        """The job if it was ever started, here or by a launcher before this one."""
        run = self._runs.get(job_id)
        if run is not None:
            return run
        run = LocalRun(job_id, folder)
        if not run.recall(marked):
            return None
        if run.phase == "running":
            self._runs[job_id] = run
            self._watch_over(run)
        return run

    def _watch_over(self, run: LocalRun) -> None:
        """Learn of the end of a process that is not our child."""
        try:
            pidfd = os.pidfd_open(run.pid)
        except (OSError, AttributeError):
            self._watched.add(run)
            return
        self._pidfds[run.id] = pidfd
        self._on_readable(pidfd, lambda: self._program_ended(run, None))

    def _cancel(self, run: LocalRun, grace: float) -> None:
        start = self._starts.pop(run.id, None) or self._forking.pop(run.id, None)
        if start is not None:
            start.steps.close()
            try:
                run.folder.make()  # for its exit file
            except OSError:
                pass
            run.code, run.note = -signal.SIGTERM, "cancelled before it started"
            run.finish()
            self._forget(run)
            return
        run.cancel(grace)
        self._watched.add(run)

    # what is due ----------------------------------------------------------------------------------

    def _prepare(self) -> None:
        until = time.monotonic() + SLICE
        for start in list(self._starts.values()):
            run = start.run
            if start.due > time.monotonic():
                continue
            try:
                for _ in start.steps:
                    if time.monotonic() >= until:
                        return
            except OSError as error:
                if error.errno in (errno.ENOSPC, errno.EDQUOT):
                    start.wait()
                    continue
                self._refuse(run, f"cannot make the working copy: {error}")
            else:
                if self._has_its_place(start):
                    self._begin(start)

    def _refuse(self, run: LocalRun, why: str) -> None:
        del self._starts[run.id]
        run.refuse(126, why)
        self._forget(run)

    def _has_its_place(self, start: _Start) -> bool:
        """Whether the run has the slots that it needs; if not, it and all behind it ask again later."""
        if start.need is None or start.slot is not None:
            return True
        now = time.monotonic()
        if now >= self._line_at:
            try:
                found = self._slots.take(start.run.id, start.need)
            except (OSError, ValueError) as error:
                self._refuse(start.run, f"cannot have its place on this machine: {error}")
                return False
            if found is not None:
                start.take(*found)
                return True
            self._line_at = now + AGAIN
        start.due = self._line_at
        return False

    def _call_the_next(self) -> None:
        """Slots may be free: who waits for some asks now."""
        self._line_at = 0.0
        waiting = [start for start in self._starts.values() if start.need and start.slot is None]
        for start in waiting:
            start.due = 0.0
        if not waiting:
            self._slots.leave_line()

    def _begin(self, start: _Start) -> None:
        run = start.run
        del self._starts[run.id]
        if self._fork(start):
            self._forking[run.id] = start
        elif run.spawn(start.argv, start.env, self._null, start.slot, start.cores):
            self._care_for(run)
        else:
            self._forget(run)

    def _care_for(self, run: LocalRun) -> None:
        self._by_pid[run.pid] = run
        if run.memory is not None:
            self._limited.add(run)
        self._changed.append(run.row())

    def _fork(self, start: _Start) -> bool:
        run = start.run
        if start.warm is None:
            return False
        try:
            run.announce()
            return self._zygotes.fork(run.id, run.folder, start.argv, start.env, start.warm, start.slot)
        except OSError:
            return False

    def _born(self, job_id: str, pid: int, gate: int) -> None:
        start = self._forking.pop(job_id, None)
        if start is not None:  # else it was cancelled meanwhile, and leaves when its gate closes
            start.run.forked(pid)
            if start.cores:
                with contextlib.suppress(ProcessLookupError):
                    os.sched_setaffinity(pid, start.cores)
            self._warm.add(start.run)
            self._care_for(start.run)
            if not processes.alive(pid, None):  # killed by somebody, and reaped as a stranger
                del self._by_pid[pid]
                self._program_ended(start.run, -signal.SIGKILL)
            else:
                with contextlib.suppress(BrokenPipeError):  # it has just died: we shall reap it
                    os.write(gate, b"g")
        os.close(gate)

    def _start_cold(self, job_id: str) -> None:
        start = self._forking.pop(job_id, None)
        if start is not None:
            start.warm = None
            self._starts[job_id] = start

    def _reap(self) -> None:
        self._child_ended = False
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            run = self._by_pid.pop(pid, None)
            if run is not None:
                self._program_ended(run, os.waitstatus_to_exitcode(status))
            else:  # an orphan: the last one of some run, perhaps
                for other in self._watched:
                    other.look_at = 0.0

    def _program_ended(self, run: LocalRun, code: int | None) -> None:
        self._close_pidfd(run)
        if run.program_ended(code):
            self._forget(run)
        else:
            self._watched.add(run)

    def _press(self) -> None:
        now = time.monotonic()
        due = [run for run in self._watched if run.look_at <= now]
        if not due:
            return
        table = processes.table()
        marks = processes.marks(wire.JOB_ID, table) if any(run.cancelled for run in due) else {}
        for run in due:
            if run.press(table, marks.get(run.id, set())):
                self._forget(run)

    def _weigh(self) -> None:
        now = time.monotonic()
        if now < self._weigh_at:
            return
        self._weigh_at = now + WEIGHING
        table = processes.table()
        for run in self._limited:
            run.weigh(table)
            if run.cancelled:
                self._watched.add(run)

    def _free_the_stuck(self) -> None:
        now = time.monotonic()
        if now < self._stall_at:
            return
        self._stall_at = now + STALL / 3
        table = processes.table()
        for run in self._warm:
            if not run.cancelled and run.stuck(table, STALL):
                self._zygotes.give_up(run.id, run.note)
                self._watched.add(run)

    def _forget(self, run: LocalRun) -> None:
        """It has ended: from here on its exit file speaks for it."""
        self._close_pidfd(run)
        self._zygotes.learn(run.id)
        self._watched.discard(run)
        self._limited.discard(run)
        self._warm.discard(run)
        self._runs.pop(run.id, None)
        self._slots.give_back(run.id)
        self._call_the_next()
        self._changed.append(run.row())

    def _close_pidfd(self, run: LocalRun) -> None:
        pidfd = self._pidfds.pop(run.id, None)
        if pidfd is not None:
            self._selector.unregister(pidfd)
            os.close(pidfd)


def main(folder: str, lease: str | None = None) -> None:
    """Be the launcher of this sweep folder, with a lease of so many seconds or none. Says "ready", or "held" when it
    has one, on standard output."""
    if os.fork():  # the controller is not our parent: it has nothing to reap, and its end is not ours
        os._exit(0)
    names = Names(folder)
    lock = os.open(names.lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        print("held", flush=True)
        return
    except OSError:  # a file system without locks
        pass
    signal.pthread_sigmask(signal.SIG_SETMASK, [])
    launcher = Launcher(folder, None if lease is None else float(lease))
    launcher.leave_card()
    try:
        os.write(1, b"ready\n")
    except OSError:  # who asked for a launcher is dead; whoever comes next finds this one
        pass
    os.dup2(2, 1)
    processes.adopt_orphans()
    launcher.serve()
    launcher.take_card()
