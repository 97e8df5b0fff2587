"""The program that runs one job on another machine, as the launcher does on this one.

    back end -- .run/order.json --> engine (Slurm, Ray) --> this program --> the run
             -- .run/cancel.json, TERM ------------------->              +-> others: its gang on the other nodes

Whoever creates `.run/job.json` is the only one who may start the job, or keep it from ever starting: an order
that an engine carries out twice, or late, runs once or not at all. Whoever creates `.run/next.json` says what comes
after the job: the back end another run, for as long as this program waits for one, then this program that it leaves.
Standard library only, Python 3.8 and up, no
pathlib: it is started anew for each run, by whatever interpreter the machine has.
"""

from __future__ import annotations

import errno
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ..runtime import processes, wire
from .localrun import LocalRun
from .workcopy import made

if TYPE_CHECKING:
    from .base import Job

LOOK = 1.0  # seconds between two looks for a wish to end: TERM is quicker, where it arrives
WEIGHING = 0.25  # seconds between two looks at the memory of a run that has a limit
LINGER = 1.0  # seconds for which the place of a run is kept for another one
LEAVING = 5.0  # seconds beyond the grace time for what runs on other nodes to end by itself
ROOM = 1.0  # seconds before a working copy for which the disk had no room is tried again

BOOT = "import sys; sys.path.append(sys.argv[1]); from overdrive.compute.node import main; main(sys.argv[2])"
"""What an interpreter is to be told with `-c`; its arguments are `ROOT` and the run's folder."""

OPTIONS = ("-I", "-S")
"""The interpreter's options: nothing of the user's own, and a quick start."""

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def leave_order(job: Job, others: Sequence[str] = (), keep: float = 0.0) -> None:
    """Write down in the run's folder what this program is to do there. `others`: the words that start on all other
    nodes of the job what follows them; they are given the job's id and its argv. `keep`: for how many seconds from
    its own start it waits for another run after one has ended."""
    folder = wire.RunFolder(os.path.abspath(os.fspath(job.folder))).make()
    source = None if job.source is None else os.path.abspath(os.fspath(job.source))
    order = {"id": job.id, "argv": list(job.argv), "env": dict(job.env), "grace": job.grace}
    more = {"memory": job.memory, "source": source, "others": list(others), "keep": keep}
    wire.write_json(folder.order, {**order, **more})


def claim(folder: wire.RunFolder) -> bool:
    """Become the only one who may start the job of this folder; False when somebody has."""
    try:
        os.close(os.open(folder.job, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666))
    except FileExistsError:
        return False
    return True


def withhold(job_id: str, folder: wire.RunFolder, note: str) -> LocalRun | None:
    """Keep a job from ever starting: how it has ended now, or None when it has started already."""
    folder.make()
    if not claim(folder):
        return None
    run = LocalRun(job_id, folder.path)
    run.code, run.note = -signal.SIGTERM, note
    run.finish()
    return run


def settle(folder: wire.RunFolder, following: str | None) -> bool:
    """Say which run, by its folder, comes in the place of this one, or with None that it is given up. False when that
    has been said."""
    aside = f"{folder.next}.{os.getpid()}"
    wire.write_json(aside, following)
    try:
        os.link(aside, folder.next)
    except FileExistsError:
        return False
    finally:
        os.unlink(aside)
    return True


class _Run(LocalRun):
    """A run that has ended when what runs on its other nodes has. `keeps_until`: when, on the monotonic clock, its
    place may be kept for another one no longer; 0 for not at all."""

    others: subprocess.Popen[bytes] | None = None
    keeps_until = 0.0

    def finish(self) -> None:
        if self.others is not None:
            for patience, number in ((self.grace + LEAVING, signal.SIGTERM), (LEAVING, signal.SIGKILL)):
                try:
                    self.others.wait(patience)
                except subprocess.TimeoutExpired:
                    self.others.send_signal(number)
            self.others = None
        if self.keeps_until and (self.cancelled or time.monotonic() >= self.keeps_until):
            settle(self.folder, None)  # before the end is seen, so that nobody relies on the place
            self.keeps_until = 0.0
        super().finish()


class Node:
    """One job, from its order to its exit file, and the wait for another. `began`: when this program did."""

    def __init__(self, folder: wire.RunFolder, order: dict[str, Any], began: float) -> None:
        self._run = _Run(str(order["id"]), folder.path, float(order["grace"]), order.get("memory"))
        if order.get("keep"):
            self._run.keeps_until = began + float(order["keep"])
        self._argv = [os.fsencode(word) for word in order["argv"]]
        self._env = {**os.environ, **order["env"], wire.JOB_ID: self._run.id}
        self._source = order.get("source")
        self._others = [os.fsencode(word) for word in order.get("others") or ()]
        self._terminated = False
        self._watched = False
        self._look_at = self._weigh_at = 0.0
        self._wake, self._poke = os.pipe()

    def serve(self, before: Node | None = None) -> str | None:
        """Run it to its end; the folder of the run that comes after it, if one does."""
        self._catch_signals()
        if before is not None:
            self._terminated = self._terminated or before._terminated
            before._close()
        processes.adopt_orphans()
        if self._prepare() and self._run.spawn(self._argv, self._env, os.open(os.devnull, os.O_RDONLY)):
            self._start_others()
            while self._run.phase == "running":
                self._wait()
                self._take_wishes()
                self._reap()
                self._weigh()
                self._press()
        return self._next() if self._run.keeps_until else None

    def _next(self) -> str | None:
        folder, until, pause = self._run.folder, time.monotonic() + LINGER, 0.005
        while time.monotonic() < until and not self._terminated and not os.path.exists(folder.next):
            time.sleep(pause)
            pause = min(2 * pause, 0.02)
        if settle(folder, None):
            return None
        following = wire.read_json(folder.next)
        return following if isinstance(following, str) else None

    def _close(self) -> None:
        os.close(self._wake)
        os.close(self._poke)

    def _start_others(self) -> None:
        """Not as a part of the run, by mark or by descent: a TERM that is meant for the run would make srun kill."""
        if not self._others:
            return
        env = {name: value for name, value in self._env.items() if name != wire.JOB_ID}
        try:
            self._run.others = subprocess.Popen(
                [*self._others, os.fsencode(self._run.id), *self._argv],
                env=env,
                cwd=self._run.folder.path,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )
        except OSError as error:
            self._give_up_others(f"cannot start {os.fsdecode(self._others[0])!r}: {error.strerror}")

    def _give_up_others(self, note: str) -> None:
        self._run.note = self._run.note or note
        self._cancel(self._run.grace)

    def _catch_signals(self) -> None:
        signal.pthread_sigmask(signal.SIG_SETMASK, [])
        for fd in (self._wake, self._poke):
            os.set_blocking(fd, False)
        signal.set_wakeup_fd(self._poke, warn_on_full_buffer=False)
        signal.signal(signal.SIGTERM, self._on_terminate)
        for number in (signal.SIGCHLD, signal.SIGINT, signal.SIGHUP, signal.SIGCONT):
            signal.signal(number, lambda *_: None)  # what is ignored would be ignored in the run too

    def _on_terminate(self, *_: Any) -> None:
        self._terminated = True

    def _prepare(self) -> bool:
        """Make the run's folder; False when that has failed, or it was cancelled meanwhile."""
        run = self._run
        while True:
            try:
                for _ in made(run.folder, self._source):
                    if self._unwanted():
                        return False
                return not self._unwanted()
            except OSError as error:
                if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                    run.refuse(126, f"cannot make the working copy: {error}")
                    return False
            select.select([self._wake], [], [], ROOM)

    def _unwanted(self) -> bool:
        if self._terminated or os.path.exists(self._run.folder.cancel):
            self._run.code, self._run.note = -signal.SIGTERM, "cancelled before it started"
            self._run.finish()
            return True
        return False

    def _wait(self) -> None:
        due = [self._look_at]
        if self._watched:
            due.append(self._run.look_at)
        if self._run.memory is not None:
            due.append(self._weigh_at)
        readable, _, _ = select.select([self._wake], [], [], max(0.0, min(due) - time.monotonic()))
        if readable:
            os.read(self._wake, 4096)

    def _take_wishes(self) -> None:
        now = time.monotonic()
        if self._terminated or now >= self._look_at:
            self._look_at = now + LOOK
            wish = wire.read_json(self._run.folder.cancel)
            if isinstance(wish, dict):
                self._cancel(float(wish["grace"]))
            elif self._terminated:  # the engine's own wish: a time limit, a job of higher priority
                self._cancel(self._run.grace)
            self._terminated = False

    def _cancel(self, grace: float) -> None:
        self._run.cancel(grace)
        self._watched = True

    def _reap(self) -> None:
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            code = -os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)
            if pid == self._run.pid:
                self._watched = not self._run.program_ended(code)
            elif self._run.others is not None and pid == self._run.others.pid:
                self._run.others.returncode = code
                if code and not self._run.cancelled:
                    self._give_up_others(f"{os.fsdecode(self._others[0])} ended with exit code {code}")
            else:  # an orphan: the last one of the run, perhaps
                self._run.look_at = 0.0

    def _weigh(self) -> None:
        now = time.monotonic()
        if self._run.memory is not None and now >= self._weigh_at:
            self._weigh_at = now + WEIGHING
            self._run.weigh(processes.table())
            self._watched = self._watched or self._run.cancelled

    def _press(self) -> None:
        run = self._run
        if self._watched and run.phase == "running" and run.look_at <= time.monotonic():
            table = processes.table()
            marks = processes.marks(wire.JOB_ID, table) if run.cancelled else {}
            run.press(table, marks.get(run.id, set()))


def main(path: str) -> None:
    """Carry out the order in this run folder, unless somebody has, and those that come after it."""
    began, node = time.monotonic(), None
    for name in os.listdir("/dev/fd"):
        try:
            os.set_inheritable(int(name), int(name) < 3)
        except OSError:  # the listing's own
            continue
    following: str | None = path
    while following is not None:
        folder = wire.RunFolder(following)
        order = wire.read_json(folder.order)
        if not isinstance(order, dict):
            sys.exit(f"no order in {folder.order}")
        if not claim(folder):
            return
        before, node = node, Node(folder, order, began)
        following = node.serve(before)


def command(python: str, folder: str) -> Sequence[str]:
    """The words that start this program for a run's folder."""
    return [python, *OPTIONS, "-c", BOOT, ROOT, folder]
