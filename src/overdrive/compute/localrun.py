"""One local run from its start until its last process is gone, as its launcher sees it.

    starting -> running -> the program is gone, or a cancel -> TERM, grace, KILL -> ended | lost

Standard library and `runtime.wire` only, and no pathlib, for the launcher's quick start.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from typing import Any

from ..runtime import processes, wire
from ..runtime.processes import Process

GRACE = 10.0  # seconds between TERM and KILL for a run whose own grace is not known any more
STUBBORN = 30.0  # seconds after KILL when a process that the kernel does not end is given up


class LocalRun:
    """The processes of one job. `look_at`: when, on the monotonic clock, the next `press` is due."""

    def __init__(self, job_id: str, folder: str, grace: float = GRACE, memory: int | None = None) -> None:
        self.id = job_id
        self.folder = wire.RunFolder(folder)
        self.grace = grace
        self.memory = memory
        self.phase = "starting"
        self.pid = 0
        self.code: int | None = None
        self.started: float | None = None
        self.note = ""
        self.look_at = 0.0
        self.ended: float | None = None
        self._birth: str | None = None
        self._program: subprocess.Popen[bytes] | None = None
        self._child = False  # ours, so that its exit code will be known
        self._program_gone = False
        self._whole_tree = False  # a cancelled run is followed beyond its process group
        self._seen: set[Process] = set()  # of the tree: who loses its parent is still known
        self._term_due = False
        self._kill_at: float | None = None
        self._pause = 0.005
        self._oom_kills = 1 << 62  # unknown for a run of an earlier launcher
        self._given_up = False
        self._standing: tuple[int, float] | None = (
            None  # its processor time when it last did anything, and when
        )

    @property
    def cancelled(self) -> bool:
        """Whether it is being ended on request."""
        return self._whole_tree

    def row(self) -> list[Any]:
        """The state, in the order of `base.JobState`."""
        pid = self.pid or None
        return [self.id, self.phase, self.folder.path, pid, self.code, self.started, self.ended, self.note]

    # starting -------------------------------------------------------------------------------------

    def announce(self) -> None:
        """Before there is a process: a launcher that dies right after starting one leaves this trace at least."""
        os.close(os.open(self.folder.job, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o666))

    def spawn(
        self,
        argv: list[bytes],
        env: dict[str, str],
        stdin: int,
        slot: int | None = None,
        cores: Sequence[int] = (),
    ) -> bool:
        """Start the program in its folder; False when it cannot be started and has therefore ended.

        It inherits the descriptor `slot`, and is tied to these `cores` if there are any.
        """
        self.started = time.time()
        outputs: list[int] = []
        try:
            self.announce()
            for path in (self.folder.stdout, self.folder.stderr):
                outputs.append(os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o666))
            with _lent(slot), _tied(cores):
                self._program = subprocess.Popen(
                    argv,
                    env=env,
                    cwd=self.folder.path,
                    stdin=stdin,
                    stdout=outputs[0],
                    stderr=outputs[1],
                    start_new_session=True,
                    close_fds=False,  # every descriptor of ours closes itself on exec
                )
        except (OSError, ValueError, IndexError, subprocess.SubprocessError) as error:
            self.refuse(*_refusal(argv, env, self.folder.path, error))
            return False
        finally:
            for fd in outputs:
                os.close(fd)
        self._began(self._program.pid)
        return True

    def forked(self, pid: int) -> None:
        """A warm process has forked the program: a child of ours by now, that waits for its gate to open."""
        self.started = time.time()
        self._began(pid)

    def _began(self, pid: int) -> None:
        self.phase, self.pid, self._child = "running", pid, True
        self._oom_kills = processes.oom_kills()
        process = processes.look(self.pid)
        self._birth = process.birth if process else None
        card = {"id": self.id, "pid": self.pid, "birth": self._birth, "started": self.started}
        try:
            wire.write_json(self.folder.job, card)
        except OSError as error:
            self.note = f"cannot write {self.folder.job}: {error}"

    def refuse(self, code: int, note: str) -> None:
        """End without having started, with the reason where a user looks for it: in the run's stderr."""
        self.code, self.note = code, note
        try:
            with open(self.folder.stderr, "a", encoding="utf-8", errors="backslashreplace") as file:
                file.write(note + "\n")
        except OSError:
            pass
        self.finish()

    # recalling ------------------------------------------------------------------------------------

    def recall(self, marked: set[int]) -> bool:
        """Take on what an earlier launcher left of this job; False when it never started.

        `marked`: living processes that carry the job's id, for a launcher that died between starting a
        program and saying so.
        """
        left = wire.read_exit(self.folder.exit)
        if left is not None:
            self.phase = "ended"
            self.code, self.started, self.ended, self.note = left
            return True
        card = wire.read_json(self.folder.job)
        if isinstance(card, dict) and type(card.get("pid")) is int:
            self.pid, self._birth = card["pid"], card.get("birth")
            self.started = card.get("started")
        elif marked:
            self.pid = _leader(marked)
            process = processes.look(self.pid)
            self._birth = process.birth if process else None
        elif os.path.exists(self.folder.job):
            self.phase, self.note = "lost", "its launcher died as it started it"
            return True
        else:
            return False
        self.phase, self.note = "running", "its launcher died; how it ends will not be known"
        if not self.program_alive() and not self._group(processes.table()):
            self.phase, self.note = "lost", "its launcher died, and it ended unseen"
        return True

    def program_alive(self) -> bool:
        """Whether the program itself, not counting what it started, still lives."""
        return processes.alive(self.pid, self._birth, self.started)

    # memory ---------------------------------------------------------------------------------------

    def weigh(self, table: dict[int, Process]) -> None:
        """Kill the whole tree when its processes hold more memory than the run may."""
        if self.memory is None or self.cancelled:
            return
        members = processes.descendants(self._group(table), table)
        held = sum(map(processes.resident, members))
        if held > self.memory:
            self.note = f"out of memory: {held / 1e6:.0f} MB held, {self.memory / 1e6:.0f} MB allowed"
            self.cancel(0.0)

    # a fork that hangs ----------------------------------------------------------------------------

    def stuck(self, table: dict[int, Process], patience: float) -> bool:
        """Whether the run has waited for locks and done nothing else for so many seconds: a library that does
        not survive a fork. It is killed then, and will count as lost."""
        ticks, now = processes.standstill(self._group(table)), time.monotonic()
        if ticks is None:
            self._standing = None
        elif self._standing is None or self._standing[0] != ticks:
            self._standing = ticks, now
        elif now - self._standing[1] >= patience:
            self.give_up(f"hung for {patience:g} s after a warm start; runs like it start cold from here on")
        return self._given_up

    # ending ---------------------------------------------------------------------------------------

    def cancel(self, grace: float) -> None:
        """Begin to end the whole tree; a shorter grace than before wins."""
        now = time.monotonic()
        self._term_due = self._term_due or not self._whole_tree
        self._whole_tree = True
        self._kill_at = now + grace if self._kill_at is None else min(self._kill_at, now + grace)
        self.look_at = now

    def give_up(self, note: str) -> None:
        """Kill the whole tree; it will count as lost, whatever its exit code says."""
        self.note, self._given_up = note, True
        self.cancel(0.0)

    def program_ended(self, code: int | None) -> bool:
        """The program itself is gone, with this code if known; True when nothing of its group is left."""
        self.code, self._program_gone = code, True
        if code == -signal.SIGKILL and not self.cancelled and processes.oom_kills() > self._oom_kills:
            self.note = "out of memory: the kernel killed it"
        if self._program is not None:
            self._program.returncode = code
        self.look_at = now = time.monotonic()
        if self._kill_at is not None:
            return False
        if not processes.group_exists(self.pid):
            self.finish()
            return True
        self._kill_at, self._term_due = now + self.grace, True
        return False

    def press(self, table: dict[int, Process], marked: set[int]) -> bool:
        """Look at what is left, and signal it when due; True when it has ended.

        TERM goes out once, so that what a script starts to clean up after itself is not ended at once;
        KILL again and again until nobody is left.
        """
        now = time.monotonic()
        if self._kill_at is None:  # an earlier launcher's, on a system where only asking tells
            self.look_at = now + 1.0
            return not self.program_alive() and self.program_ended(None)
        group = self._group(table)
        members = group
        if self._whole_tree:
            seen = {p.pid for p in self._seen if p.pid in table and table[p.pid].birth == p.birth}
            members = processes.descendants(group | marked | seen, table) - {os.getpid()}
            self._seen = {table[pid] for pid in members}
        there = bool(members) or (not processes.PROC and processes.group_exists(self.pid))
        if not there and (self._program_gone or not self._child):
            self.finish()
            return True
        killing = now >= self._kill_at
        if there and (killing or self._term_due):
            # A stopped process takes its TERM only when it goes on.
            signals = (signal.SIGKILL,) if killing else (signal.SIGTERM, signal.SIGCONT)
            if group or not processes.PROC:
                processes.send_group(self.pid, *signals)
            for pid in members - group:
                processes.send(table[pid], *signals)
            self._term_due = False
            if now >= self._kill_at + STUBBORN:
                self.note = f"processes that not even KILL ends: {sorted(members)}"
                self.finish()
                return True
        self._pause = min(2 * self._pause, 0.1)
        self.look_at = now + self._pause if killing else min(now + self._pause, self._kill_at)
        return False

    def _group(self, table: dict[int, Process]) -> set[int]:
        """The living members of the run's own group; none once a stranger has its number."""
        leader = table.get(self.pid)
        if leader is not None and self._birth is not None and leader.birth != self._birth:
            return set()
        return processes.group(self.pid, table)

    def finish(self) -> None:
        """Write the exit file; from here on the job has ended."""
        self.ended = time.time()
        self.code = None if self._given_up else self.code
        self.phase = "lost" if self.code is None else "ended"
        if self.code is None:
            return
        left = {"code": self.code, "started": self.started, "ended": self.ended, "note": self.note}
        try:
            wire.write_json(self.folder.exit, left)
        except OSError as error:
            self.note = f"{self.note}; cannot write {self.folder.exit}: {error}".lstrip("; ")


@contextlib.contextmanager
def _lent(fd: int | None) -> Iterator[None]:
    """A descriptor that children inherit."""
    if fd is not None:
        os.set_inheritable(fd, True)
    try:
        yield
    finally:
        if fd is not None:
            os.set_inheritable(fd, False)


@contextlib.contextmanager
def _tied(cores: Sequence[int]) -> Iterator[None]:
    """Tied to these cores for a moment, as all children then are: nothing has to run between fork and exec."""
    before = os.sched_getaffinity(0) if cores else ()
    if cores:
        os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        if cores:
            os.sched_setaffinity(0, before)


def _leader(pids: set[int]) -> int:
    """The one of these processes that leads a group, or the first."""
    leaders = []
    for pid in pids:
        process = processes.look(pid)
        if process is not None and process.group == pid:
            leaders.append(pid)
    return min(leaders or pids)


def _refusal(argv: list[bytes], env: dict[str, str], folder: str, error: Exception) -> tuple[int, str]:
    """The exit code and the words for a program that cannot be started, as a shell would put them."""
    program = os.fsdecode(argv[0]) if argv else ""
    if not program:
        return 127, "cannot start: the command is empty"
    if not isinstance(error, FileNotFoundError):
        words = (error.strerror if isinstance(error, OSError) else None) or str(error)
        return 126, f"cannot start {program!r}: {words}"
    if os.path.exists(os.path.join(folder, program)):
        return 126, f"cannot start {program!r}: the interpreter named in its first line does not exist"
    if "/" in program:
        return 127, f"cannot start {program!r}: no such file"
    return 127, f"cannot start {program!r}: no such program on PATH ({env.get('PATH', '')})"
