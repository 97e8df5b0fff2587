"""The parent of all local runs of one sweep: starts, reaps, writes exit files, outlives the controller.

    controller  -- JSON lines over a Unix socket -->  launcher  -- fork, exec, signals -->  runs

In:  {"op": "start", "job": {...}}   {"op": "cancel", "id": ..., "grace": ...}
     {"op": "adopt", "ref": n, "claims": [[id, folder], ...]}   {"op": "quit"}
Out: {"hello": PROTOCOL, "pid": ..., "folder": ..., "states": [...]}
     {"states": [...]}   {"ref": n, "states": [...]}   {"error": ...}

A state is a row of `base.JobState`. One thread, asleep while nothing happens. It leaves when it has had
neither a run nor a controller for a while. Started by `local.py` with a bare interpreter: standard library and
`runtime.wire` only.
"""

from __future__ import annotations

import fcntl
import json
import os
import selectors
import signal
import socket
import stat
import subprocess
import sys
import time
from typing import Any, Callable, Iterator

from ..runtime import wire
from . import processes
from .workcopy import copying

PROTOCOL = 1
LINGER = 10.0  # seconds without runs and controllers after which the launcher leaves
SLICE = 0.01  # seconds of copying before anything else gets its turn
STUBBORN = 30.0  # seconds after KILL when a process that the kernel cannot end is given up
LONGEST_LINE = 64 << 20


class Names:
    """The launcher's files in the sweep's folder."""

    def __init__(self, folder: str) -> None:
        self.folder = folder
        self.card = os.path.join(folder, "launcher.json")
        self.lock = os.path.join(folder, "launcher.lock")
        self.log = os.path.join(folder, "launcher.log")


class Run:
    """One job in the launcher's care, from the request until its last process is gone."""

    def __init__(self, job_id: str, folder: str, grace: float) -> None:
        self.id = job_id
        self.folder = wire.RunFolder(folder)
        self.grace = grace
        self.phase = "starting"
        self.pid: int | None = None
        self.birth: str | None = None
        self.code: int | None = None
        self.started: float | None = None
        self.ended: float | None = None
        self.note = ""
        self.program: subprocess.Popen[bytes] | None = None
        self.pidfd = -1  # of a run that another launcher started
        self.program_gone = False
        self.whole_tree = False  # a cancelled run is followed beyond its process group
        self.term_due = False
        self.kill_at: float | None = None
        self.look_at = 0.0
        self.pause = 0.005

    def row(self) -> list[Any]:
        """The state, in the order of `base.JobState`."""
        return [
            self.id,
            self.phase,
            self.folder.path,
            self.pid,
            self.code,
            self.started,
            self.ended,
            self.note,
        ]


class Client:
    """One connected controller."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        self.inbox = bytearray()
        self.outbox = bytearray()


class Launcher:
    """The loop and the runs. `listener` is bound and listening."""

    def __init__(self, folder: str, listener: socket.socket) -> None:
        self.folder = folder
        self.listener = listener
        self.selector = selectors.DefaultSelector()
        self.runs: dict[str, Run] = {}
        self.by_pid: dict[int, Run] = {}
        self.waiting: list[tuple[Run, dict[str, Any], Iterator[None]]] = []
        self.watched: set[Run] = set()  # looked at by the clock: their processes are being ended
        self.clients: set[Client] = set()
        self.changed: list[list[Any]] = []
        self.leaving = False
        self.idle_since = time.monotonic()
        self.child_ended = False
        self.terminated = False
        self.null = os.open(os.devnull, os.O_RDONLY)

    # the loop -------------------------------------------------------------------------------------

    def serve(self) -> None:
        """Work until there is nothing left to do."""
        wake, poke = socket.socketpair()
        wake.setblocking(False)
        poke.setblocking(False)
        signal.set_wakeup_fd(poke.fileno(), warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, self._child)
        signal.signal(signal.SIGTERM, self._terminate)
        for number in (signal.SIGINT, signal.SIGHUP):
            signal.signal(
                number, lambda *_: None
            )  # a handler: what is ignored would be ignored in the runs too
        self._watch(wake, lambda: self._drain(wake))
        self._watch(self.listener, self._accept)
        while not self._done():
            for key, _ in self.selector.select(self._timeout()):
                key.data()
            if self.terminated:
                self._end_all()
            if self.child_ended:
                self._reap()
            if self.watched:
                self._press()
            if self.waiting:
                self._prepare()
            if self.changed:
                rows, self.changed = self.changed, []
                for client in list(self.clients):
                    self._send(client, {"states": rows})

    def _done(self) -> bool:
        if self.runs or (self.clients and not self.leaving):
            self.idle_since = time.monotonic()
            return False
        return self.leaving or time.monotonic() - self.idle_since >= LINGER

    def _timeout(self) -> float | None:
        if self.waiting:
            return 0.0
        times = [run.look_at for run in self.watched]
        if not self.runs and not self.clients:
            times.append(self.idle_since + LINGER)
        return max(0.0, min(times) - time.monotonic()) if times else None

    def _watch(self, what: Any, act: Callable[[], None]) -> None:
        self.selector.register(what, selectors.EVENT_READ, act)

    def _child(self, *_: Any) -> None:
        self.child_ended = True

    def _terminate(self, *_: Any) -> None:
        self.terminated = True

    def _end_all(self) -> None:
        self.terminated, self.leaving = False, True
        for run in list(self.runs.values()):
            self._cancel(run, run.grace)

    @staticmethod
    def _drain(wake: socket.socket) -> None:
        try:
            wake.recv(4096)
        except BlockingIOError:
            pass

    # controllers ----------------------------------------------------------------------------------

    def _accept(self) -> None:
        try:
            connection, _ = self.listener.accept()
        except OSError:
            return
        connection.setblocking(False)
        client = Client(connection)
        self.clients.add(client)
        self._watch(connection, lambda: self._receive(client))
        states = [run.row() for run in self.runs.values()]
        self._send(client, {"hello": PROTOCOL, "pid": os.getpid(), "folder": self.folder, "states": states})

    def _receive(self, client: Client) -> None:
        if client.outbox:
            self._flush(client)
        if client not in self.clients:
            return
        try:
            data = client.connection.recv(1 << 18)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        client.inbox += data
        if not data or len(client.inbox) > LONGEST_LINE:
            self._drop(client)
            return
        if b"\n" not in data:
            return
        *lines, rest = bytes(client.inbox).split(b"\n")
        client.inbox = bytearray(rest)
        for line in lines:
            try:
                self._obey(client, json.loads(line))
            except Exception as error:  # whatever comes over the socket, the runs must not lose their parent
                print(f"refused {line[:200]!r}: {error!r}", file=sys.stderr, flush=True)
                self._send(client, {"error": f"{type(error).__name__}: {error}"})

    def _send(self, client: Client, message: dict[str, Any]) -> None:
        client.outbox += json.dumps(message).encode() + b"\n"
        self._flush(client)

    def _flush(self, client: Client) -> None:
        if client not in self.clients:
            return
        try:
            while client.outbox:
                del client.outbox[: client.connection.send(client.outbox)]
        except BlockingIOError:
            pass
        except OSError:
            self._drop(client)
            return
        if len(client.outbox) > LONGEST_LINE:
            self._drop(client)
            return
        events = selectors.EVENT_READ | (selectors.EVENT_WRITE if client.outbox else 0)
        key = self.selector.get_key(client.connection)
        if key.events != events:
            self.selector.modify(client.connection, events, key.data)

    def _drop(self, client: Client) -> None:
        if client in self.clients:
            self.clients.remove(client)
            self.selector.unregister(client.connection)
            client.connection.close()

    def _obey(self, client: Client, message: dict[str, Any]) -> None:
        op = message["op"]
        if op == "start":
            self._start(message["job"])
        elif op == "cancel":
            run = self.runs.get(message["id"])
            if run is not None:
                self._cancel(run, float(message["grace"]))
        elif op == "adopt":
            found = processes.marks(wire.RUN_ID, processes.table())
            claims = [(str(job_id), os.fspath(folder)) for job_id, folder in message["claims"]]
            rows = [
                row for job_id, folder in claims for row in self._known(job_id, folder, found.get(job_id))
            ]
            self._send(client, {"ref": message["ref"], "states": rows})
        elif op == "quit":
            self.leaving = True
        else:
            raise ValueError(f"no such op: {op!r}")

    # starting -------------------------------------------------------------------------------------

    def _start(self, job: dict[str, Any]) -> None:
        run = Run(str(job["id"]), os.fspath(job["folder"]), float(job["grace"]))
        call = {
            "args": [os.fsencode(word) for word in job["argv"]],
            "env": {**os.environ, **job["env"], wire.RUN_ID: run.id},
        }
        self.leaving = False
        known = self._known(run.id, run.folder.path, None)
        if known:  # a job never runs twice
            self.changed += known
            return
        self.runs[run.id] = run
        self.waiting.append((run, call, self._folder(run.folder, job["source"])))

    @staticmethod
    def _folder(folder: wire.RunFolder, source: str | None) -> Iterator[None]:
        folder.make()
        if source is not None:
            yield from copying(source, folder.path, leave=wire.OWN)

    def _prepare(self) -> None:
        until = time.monotonic() + SLICE
        while self.waiting:
            run, call, steps = self.waiting[0]
            try:
                for _ in steps:
                    if time.monotonic() >= until:
                        return
            except OSError as error:
                self._refuse(run, 126, f"cannot make the working copy: {error}")
            else:
                self._spawn(run, call)
            del self.waiting[0]

    def _spawn(self, run: Run, call: dict[str, Any]) -> None:
        folder, outputs = run.folder, []
        run.started = time.time()
        try:
            for path in (folder.stdout, folder.stderr):
                outputs.append(os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o666))
            run.program = subprocess.Popen(
                call["args"],
                env=call["env"],
                cwd=folder.path,
                stdin=self.null,
                stdout=outputs[0],
                stderr=outputs[1],
                start_new_session=True,
                close_fds=False,  # every descriptor of ours closes itself on exec
            )
        except (OSError, ValueError, IndexError, subprocess.SubprocessError) as error:
            self._refuse(run, *_refusal(call["args"], call["env"], error))
            return
        finally:
            for fd in outputs:
                os.close(fd)
        run.phase, run.pid = "running", run.program.pid
        process = processes.look(run.pid)
        run.birth = process.birth if process else None
        self.by_pid[run.pid] = run
        self.changed.append(run.row())
        try:
            wire.write_json(
                folder.job, {"id": run.id, "pid": run.pid, "birth": run.birth, "started": run.started}
            )
        except OSError as error:
            run.note = f"cannot write {folder.job}: {error}"

    def _refuse(self, run: Run, code: int, note: str) -> None:
        run.code, run.note = code, note
        try:
            with open(run.folder.stderr, "a", encoding="utf-8", errors="backslashreplace") as file:
                file.write(note + "\n")
        except OSError:
            pass
        self._finish(run)

    # adopting -------------------------------------------------------------------------------------

    def _known(self, job_id: str, folder: str, marked: set[int] | None) -> list[list[Any]]:
        """The job's row if it was ever started, here or by a launcher before this one; else nothing."""
        if job_id in self.runs:
            return [self.runs[job_id].row()]
        run = Run(job_id, folder, 10.0)
        left = wire.read_exit(run.folder.exit)
        if left is not None:
            run.phase = "ended"
            run.code, run.started, run.ended, run.note = left
            return [run.row()]
        card = wire.read_json(run.folder.job)
        if isinstance(card, dict) and isinstance(card.get("pid"), int):
            run.pid, run.birth, run.started = card["pid"], card.get("birth"), card.get("started")
        elif marked:  # its launcher died between starting it and saying so
            run.pid = min(marked, key=lambda pid: (os.getpgid(pid) != pid, pid))
            process = processes.look(run.pid)
            run.birth = process.birth if process else None
        else:
            return []
        self._take_over(run)
        return [run.row()]

    def _take_over(self, run: Run) -> None:
        assert run.pid is not None
        run.phase, run.note = "running", "its launcher died; how it ends will not be known"
        try:
            run.pidfd = os.pidfd_open(run.pid)
        except (OSError, AttributeError):
            run.pidfd = -1
        if processes.alive(run.pid, run.birth, run.started):
            self.runs[run.id] = run
            if run.pidfd >= 0:
                self._watch(run.pidfd, lambda: self._program_gone(run))
            else:
                run.look_at = time.monotonic()
                self.watched.add(run)
            return
        if run.pidfd >= 0:
            os.close(run.pidfd)
            run.pidfd = -1
        if self._group(run, processes.table()):
            self.runs[run.id] = run
            self._program_gone(run)
        else:
            run.phase, run.note = "lost", "its launcher died, and it ended unseen"

    # ending ---------------------------------------------------------------------------------------

    def _cancel(self, run: Run, grace: float) -> None:
        now = time.monotonic()
        if run.phase == "starting":
            for place in self.waiting:
                if place[0] is run:
                    place[2].close()  # type: ignore[attr-defined]
            self.waiting = [place for place in self.waiting if place[0] is not run]
            run.code, run.note = -signal.SIGTERM, "cancelled before it started"
            self._finish(run)
            return
        run.term_due = run.term_due or not run.whole_tree
        run.whole_tree = True
        run.kill_at = now + grace if run.kill_at is None else min(run.kill_at, now + grace)
        run.look_at = now
        self.watched.add(run)

    def _reap(self) -> None:
        self.child_ended = False
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            run = self.by_pid.pop(pid, None)
            if run is None or run.program is None:  # an orphan of some run
                for other in self.watched:
                    other.look_at = 0.0
                continue
            run.code = run.program.returncode = os.waitstatus_to_exitcode(status)
            self._program_gone(run)

    def _program_gone(self, run: Run) -> None:
        run.program_gone = True
        if run.pidfd >= 0:
            self.selector.unregister(run.pidfd)
            os.close(run.pidfd)
            run.pidfd = -1
        run.look_at = now = time.monotonic()
        if run.kill_at is None:
            if run.pid is None or not processes.group_exists(run.pid):
                self._finish(run)
                return
            run.kill_at, run.term_due = now + run.grace, True
            self.watched.add(run)

    @staticmethod
    def _group(run: Run, table: dict[int, processes.Process]) -> set[int]:
        """The living members of the run's own group; none once a stranger has its number."""
        leader = table.get(run.pid or 0)
        if leader is not None and run.birth is not None and leader.birth != run.birth:
            return set()
        return processes.group(run.pid or 0, table)

    def _press(self) -> None:
        now = time.monotonic()
        due = [run for run in self.watched if run.look_at <= now]
        if not due:
            return
        table = processes.table()
        marked = processes.marks(wire.RUN_ID, table) if any(run.whole_tree for run in due) else {}
        for run in due:
            self._press_on(run, table, marked.get(run.id, set()), now)

    def _press_on(self, run: Run, table: dict[int, processes.Process], marked: set[int], now: float) -> None:
        assert run.pid is not None
        if run.kill_at is None:  # taken over, on a system where only asking tells
            run.look_at = now + 1.0
            if not processes.alive(run.pid, run.birth, run.started):
                self._program_gone(run)
            return
        group = self._group(run, table)
        members = group
        if run.whole_tree:
            members = processes.descendants(group | marked, table) - {os.getpid()}
        there = bool(members) or (not processes.PROC and processes.group_exists(run.pid))
        if not there and run.program_gone:
            self._finish(run)
            return
        killing = now >= run.kill_at
        if there and (killing or run.term_due):
            signals = (signal.SIGKILL,) if killing else (signal.SIGTERM, signal.SIGCONT)
            if group or not processes.PROC:
                self._signal_group(run.pid, signals)
            for pid in members - group:
                processes.send(table[pid], *signals)
            run.term_due = False
            if killing and now >= run.kill_at + STUBBORN:
                run.note = f"processes that not even KILL ends: {sorted(members)}"
                self._finish(run)
                return
        run.pause = min(2 * run.pause, 0.1)
        run.look_at = now + run.pause if killing else min(now + run.pause, run.kill_at)

    @staticmethod
    def _signal_group(pgid: int, signals: tuple[int, ...]) -> None:
        for number in signals:
            try:
                os.killpg(pgid, number)
            except (ProcessLookupError, PermissionError):
                pass

    def _finish(self, run: Run) -> None:
        self.watched.discard(run)
        self.runs.pop(run.id, None)
        run.ended = time.time()
        run.phase = "lost" if run.code is None else "ended"
        if run.code is not None:
            left = {"code": run.code, "started": run.started, "ended": run.ended, "note": run.note}
            try:
                wire.write_json(run.folder.exit, left)
            except OSError as error:
                run.note = f"{run.note}; cannot write {run.folder.exit}: {error}".lstrip("; ")
        self.changed.append(run.row())


def _refusal(argv: list[bytes], env: dict[str, str], error: Exception) -> tuple[int, str]:
    """The exit code and the words for a program that cannot be started, as a shell would put them."""
    program = os.fsdecode(argv[0]) if argv else ""
    if not argv or not program:
        return 127, "cannot start: the command is empty"
    if not isinstance(error, FileNotFoundError):
        words = (error.strerror if isinstance(error, OSError) else None) or str(error)
        return 126, f"cannot start {program!r}: {words}"
    if os.path.exists(program):
        return 126, f"cannot start {program!r}: the interpreter that its first line names does not exist"
    where = "" if os.sep in program else f" on PATH ({env.get('PATH', '')})"
    return 127, f"cannot start {program!r}: no such program{where}"


# the process --------------------------------------------------------------------------------------


def _listen(folder: str) -> socket.socket:
    """A listening socket under a short path: it may have some 100 bytes, and a workspace's may have more."""
    status = os.stat(folder)
    name = f"{status.st_dev:x}-{status.st_ino:x}"
    listener = socket.socket(socket.AF_UNIX)
    for base in (os.environ.get("TMPDIR", "/tmp"), "/tmp"):
        home = os.path.join(base, f"overdrive-{os.getuid()}")
        path = os.path.join(home, name)
        if len(os.fsencode(path)) > 100:
            continue
        try:
            os.makedirs(home, mode=0o700, exist_ok=True)
            owner = os.lstat(home)
            if owner.st_uid != os.getuid() or not stat.S_ISDIR(owner.st_mode) or owner.st_mode & 0o077:
                continue
            if os.path.lexists(path):  # a dead launcher's: the lock is ours
                os.unlink(path)
            listener.bind(path)
        except OSError:
            continue
        listener.listen(64)
        listener.setblocking(False)
        return listener
    raise OSError(f"no place for a private socket in {base}")


def main(folder: str) -> None:
    """Be the launcher of this sweep folder. Says "ready", or "held" when it has one, on standard output."""
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
    listener = _listen(folder)
    launcher = Launcher(folder, listener)
    process = processes.look(os.getpid())
    card = {"pid": os.getpid(), "birth": process and process.birth, "socket": listener.getsockname()}
    wire.write_json(names.card, card)
    print("ready", flush=True)
    os.dup2(launcher.null, 1)
    processes.adopt_orphans()
    launcher.serve()
    for path in (listener.getsockname(), names.card):
        try:
            os.unlink(path)
        except OSError:
            pass
