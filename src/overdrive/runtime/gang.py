"""The first process of a run of several: starts them, tells each its place, and ends all of them together.

    back end --> gang of node 0 --> rank 0, which the run's own files belong to
                    |           --> rank 1, ...                        .run/ranks/<rank>/
                    +-- rendezvous -- gang of node 1 --> ranks

The first rank that fails ends the run: the others get TERM, the grace time, KILL, and its exit code is the run's.
TensorFlow's parameter servers are ended when the last worker has. An MPI run is started by mpirun where there is one.
Where a run has several nodes the back end starts this program once on each, with OVERDRIVE_NODE_RANK; see `rendezvous`.
It runs in the script's interpreter: standard library only, Python 3.8 and up.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from typing import Any, Dict, List, NamedTuple, Optional, Sequence

from . import wire
from .rendezvous import Node, Party, own_node, party

LAST_WORDS = 2048  # bytes of the stderr of a rank that has failed
APPEND = os.O_WRONLY | os.O_APPEND | os.O_CREAT | getattr(os, "O_CLOEXEC", 0)
QUIET, BUSY = 1.0, 0.05  # seconds between two looks: alone, and with other nodes or while being ended
NO_PROGRAM, NOT_STARTED = 127, 126  # exit codes, as a shell's

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

BOOT = (
    "import os, sys; "
    "sys.path += [sys.argv[1], *filter(None, os.environ.get('PYTHONPATH', '').split(os.pathsep))]; "
    "from overdrive.runtime.gang import main; main(*sys.argv[2:])"
)


class Plan(NamedTuple):
    """What is to be started. `kind`: pytorch, mpi or tensorflow; `processes` on all `nodes`, each with an equal share,
    and `servers`, parameter servers; `grace` in seconds."""

    kind: str
    processes: int
    servers: int = 0
    nodes: int = 1
    grace: float = 10.0


class Place(NamedTuple):
    """Of one process: `local` is its place on its node, `number` that among the processes of its `task`."""

    rank: int
    node: int
    local: int
    task: str
    number: int


def command(python: str, plan: Plan, argv: Sequence[str]) -> List[str]:
    """The words that start this program for a script's own words."""
    return [python, "-I", "-S", "-c", BOOT, ROOT, "start", json.dumps(plan), *argv]


def places(plan: Plan) -> List[Place]:
    """All processes by their ranks: the workers node by node, then the servers in turn."""
    share = plan.processes // plan.nodes
    found = [Place(rank, rank // share, rank % share, "worker", rank) for rank in range(plan.processes)]
    for number in range(plan.servers):
        node, local = number % plan.nodes, share + number // plan.nodes
        found.append(Place(plan.processes + number, node, local, "ps", number))
    return found


def members(plan: Plan, node: int) -> List[Place]:
    """The processes of one node."""
    return [place for place in places(plan) if place.node == node]


def environment(plan: Plan, place: Place, nodes: Sequence[Node]) -> Dict[str, str]:
    """What a process is told of its place, in the words that PyTorch, TensorFlow and Open MPI use.

    A node has one port more than processes: the first one of node 0 is where rank 0 can be reached.
    """
    local = len(members(plan, place.node))
    told = {
        wire.RANK: place.rank,
        "MASTER_ADDR": nodes[0].host,
        "MASTER_PORT": nodes[0].ports[0],
        "RANK": place.rank,
        "WORLD_SIZE": plan.processes + plan.servers,
        "LOCAL_RANK": place.local,
        "LOCAL_WORLD_SIZE": local,
        "NODE_RANK": place.node,
    }
    if plan.kind == "tensorflow":
        cluster: Dict[str, List[str]] = {}
        for one in places(plan):
            where = nodes[one.node]
            cluster.setdefault(one.task, []).append("%s:%d" % (where.host, where.ports[1 + one.local]))
        task = {"type": place.task, "index": place.number}
        told["TF_CONFIG"] = json.dumps({"cluster": cluster, "task": task})
    if plan.kind == "mpi":
        told.update(
            OMPI_COMM_WORLD_RANK=place.rank,
            OMPI_COMM_WORLD_SIZE=plan.processes,
            OMPI_COMM_WORLD_LOCAL_RANK=place.local,
            OMPI_COMM_WORLD_LOCAL_SIZE=local,
            OMPI_COMM_WORLD_NODE_RANK=place.local,
        )
    return {name: str(value) for name, value in told.items()}


def mpirun(plan: Plan) -> Optional[str]:
    """The program that starts an MPI run by itself, on whatever nodes the engine has given it."""
    return (shutil.which("mpirun") or shutil.which("mpiexec")) if plan.kind == "mpi" else None


class Member:
    """One process of this node. `place` is None for mpirun, which stands for all."""

    def __init__(self, place: Optional[Place], process: subprocess.Popen[bytes]) -> None:
        self.place = place
        self.process = process
        self.server = place is not None and place.task == "ps"

    def signal(self, number: int) -> None:
        """Reach it while it lives."""
        if self.process.poll() is None:
            self.process.send_signal(number)


class Gang:
    """The processes of one node, and what is known of those of the others."""

    def __init__(self, plan: Plan, folder: wire.RunFolder, others: Party) -> None:
        self._plan = plan
        self._folder = folder
        self._others = others
        self._living: List[Member] = []
        self._failed = False
        self._code = 0
        self._words = ""
        self._ending = False
        self._kill_at: Optional[float] = None

    def serve(self, argv: Sequence[str]) -> int:
        """Start, and stay until nobody is left; the exit code of the first failure, minus a signal's number. 0 where
        node 0 has been told."""
        signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
        try:
            nodes = self._others.meet()
        except OSError as error:
            self._fail(None, 1, str(error))
        else:
            self._start(argv, nodes)
        while self._living or not self._others.gone:
            self._take_signal(BUSY if self._ending or self._plan.nodes > 1 else QUIET)
            self._reap()
            self._hear()
            if self._kill_at is not None and time.monotonic() >= self._kill_at:
                for member in self._living:
                    member.signal(signal.SIGKILL)
        self._others.leave()
        if self._words:
            print(self._words, file=sys.stderr, flush=True)
        return self._code if self._others.answers else 0

    # starting -------------------------------------------------------------------------------------

    def _start(self, argv: Sequence[str], nodes: Sequence[Node]) -> None:
        program = mpirun(self._plan)
        if program is not None:
            own = environment(self._plan, places(self._plan)[0], nodes)
            env = {**os.environ, **{name: own[name] for name in ("MASTER_ADDR", "MASTER_PORT")}, **_ANYHOW}
            boot = [sys.executable, "-I", "-S", "-c", BOOT, ROOT, "join", json.dumps(self._plan)]
            self._spawn(None, [program, "-n", str(self._plan.processes), *boot, *argv], env)
            return
        for place in members(self._plan, self._others.node):
            if not self._failed:
                env = {**os.environ, **environment(self._plan, place, nodes)}
                self._spawn(place, argv, env)

    def _spawn(self, place: Optional[Place], argv: Sequence[str], env: Dict[str, str]) -> None:
        files: List[Optional[int]] = [None, None]
        try:
            if place is not None and place.rank:
                folder = self._folder.rank(place.rank).make()
                env[wire.METRICS] = folder.metrics
                files = [os.open(path, APPEND, 0o666) for path in (folder.stdout, folder.stderr)]
            process = subprocess.Popen(
                argv,
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=files[0],
                stderr=files[1],
                preexec_fn=_unblock,
            )
            self._living.append(Member(place, process))
        except OSError as error:
            code = NO_PROGRAM if isinstance(error, FileNotFoundError) else NOT_STARTED
            self._fail(None, code, "cannot start %r: %s" % (argv[0], error.strerror))
        finally:
            for fd in files:
                if fd is not None:
                    os.close(fd)

    # what happens ---------------------------------------------------------------------------------

    def _take_signal(self, patience: float) -> None:
        """Wait for a signal. One that the parent has sent has reached every process of the run already: a second one
        would cut short what a script does to clean up."""
        info = _wait(patience)
        if info is not None and info.si_signo != signal.SIGCHLD:
            self._end(None if info.si_pid == os.getppid() else info.si_signo)

    def _reap(self) -> None:
        for member in list(self._living):
            code = member.process.poll()
            if code is None:
                continue
            self._living.remove(member)
            if code and not (member.server and self._ending):
                self._fail(member.place, code)
        if self._failed or self._ending or not all(member.server for member in self._living):
            return
        if self._others.workers_over():
            self._end(signal.SIGTERM)

    def _fail(self, place: Optional[Place], code: int, words: str = "") -> None:
        """The first failure is the run's."""
        if not self._failed:
            self._failed, self._code = True, code
            asked = self._ending
            if place is not None and place.rank != 0 and not asked:
                words = "rank %d %s%s" % (place.rank, _told(code), self._last_words(place))
            self._words = words
            self._others.tell_failure(code, words)
            if not asked:
                self._end(signal.SIGTERM)

    def _last_words(self, place: Place) -> str:
        path = self._folder.rank(place.rank).stderr
        with open(path, "rb") as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - LAST_WORDS))
            text = file.read().decode("utf-8", "replace").strip()
        return "; its stderr is %s%s" % (path, text and ", which ends with:\n" + text)

    def _hear(self) -> None:
        for news in self._others.hear():
            if news.failure is not None and not self._failed:
                self._failed, (self._code, self._words) = True, news.failure
            if not self._ending:
                self._end(signal.SIGTERM)
            elif news.lost:
                self._kill_at = 0.0

    def _end(self, number: Optional[int]) -> None:
        """Ask all that live to end; with None they know already."""
        self._others.tell_end()
        if number is not None:
            for member in self._living:
                member.signal(number)
            if not self._ending:
                self._kill_at = time.monotonic() + self._plan.grace
        self._ending = True


_SIGNALS = {signal.SIGCHLD, signal.SIGTERM, signal.SIGINT, signal.SIGHUP}

_ANYHOW = {
    "OMPI_ALLOW_RUN_AS_ROOT": "1",
    "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
    "OMPI_MCA_rmaps_base_oversubscribe": "1",
    "PRTE_MCA_rmaps_default_mapping_policy": ":oversubscribe",
}
"""Open MPI refuses root, and more processes than cores, unless it is told that this is meant."""


def _wait(patience: float) -> Any:
    """The next signal and who has sent it, or None; without `sigtimedwait` (macOS) only that time has passed."""
    if hasattr(signal, "sigtimedwait"):
        return signal.sigtimedwait(_SIGNALS, patience)
    time.sleep(min(patience, BUSY))
    for number in signal.sigpending() & (_SIGNALS - {signal.SIGCHLD}):
        signal.sigwait([number])
        return _Sent(number, os.getppid())
    return None


class _Sent(NamedTuple):
    si_signo: int
    si_pid: int


def _unblock() -> None:
    signal.pthread_sigmask(signal.SIG_SETMASK, [])


def _told(code: int) -> str:
    if code >= 0:
        return "ended with exit code %d" % code
    return "was ended by signal %d" % -code


def join(plan: Plan, argv: Sequence[str]) -> None:
    """Become one process of an MPI run, started by mpirun, which says which."""
    env = os.environ
    names = ("OMPI_COMM_WORLD_RANK", "PMIX_RANK", "PMI_RANK")
    rank = next((int(env[name]) for name in names if name in env), 0)
    place = places(plan)[rank]
    nodes = [Node(env["MASTER_ADDR"], [int(env["MASTER_PORT"])])] * plan.nodes
    told = environment(plan, place, nodes)
    env.update((name, value) for name, value in told.items() if name not in env)
    if rank:
        folder = wire.RunFolder(env.get(wire.RUN_DIR) or os.getcwd()).rank(rank).make()
        env[wire.METRICS] = folder.metrics
        for path, fd in ((folder.stdout, 1), (folder.stderr, 2)):
            os.dup2(os.open(path, APPEND, 0o666), fd)
    try:
        os.execvp(argv[0], list(argv))
    except OSError as error:
        print("cannot start %r: %s" % (argv[0], error.strerror), file=sys.stderr, flush=True)
        os._exit(NO_PROGRAM if isinstance(error, FileNotFoundError) else NOT_STARTED)


def main(way: str, text: str, *argv: str) -> None:
    """`start` the gang of this node, or `join` one that mpirun has started."""
    plan = Plan(*json.loads(text))
    if way == "join":
        join(plan, argv)
    node = own_node() if plan.nodes > 1 else 0
    if mpirun(plan) and node:  # the one of node 0 starts processes here too
        return
    folder = wire.RunFolder(os.environ.get(wire.RUN_DIR) or os.getcwd())
    nodes = 1 if mpirun(plan) else plan.nodes
    code = Gang(plan, folder, party(nodes, folder, len(members(plan, node)) + 1)).serve(argv)
    if code < 0:  # as the one that failed
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        if -code not in (signal.SIGKILL, signal.SIGSTOP):
            signal.signal(-code, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_SETMASK, [])
        os.kill(os.getpid(), -code)
    sys.exit(code)
