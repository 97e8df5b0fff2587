"""The launcher's side of warm starts: one zygote for each interpreter and environment, and what it is doing.

    warming --ready--> ready <--> learning        any --refused, dead--> cold

A run for which no zygote is ready starts cold, and at once: nobody ever waits for imports. Standard library
only, and no pathlib, for the launcher's quick start.
"""

from __future__ import annotations

import json
import os
import re
import selectors
import socket
import subprocess
import sys
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from ..runtime import wire

PYTHON = re.compile(r"python(3(\.\d+)?)?")
FLAGS = frozenset({"-u", "-O", "-OO", "-B"})
BOOT = (
    "import sys; exec(compile(open(sys.argv[1], encoding='utf-8').read(), sys.argv[1], 'exec'), "
    "{'__name__': 'zygote', '__file__': sys.argv[1]})"
)
LONGEST_ID = 128
LONGEST_COMMAND = 1024
OF_ONE_RUN = ("OVERDRIVE_", "AZUREML_", "MLFLOW_", "CUDA_VISIBLE_DEVICES", "CUDA_DEVICE_ORDER")
PATIENCE = 5.0  # seconds for a zygote to take an order that it has room for


class Kind(NamedTuple):
    """What runs must share to be forked from one process: interpreter with flags, and environment but for what
    differs from run to run."""

    command: tuple[str, ...]
    env: tuple[str, ...]


class Zygotes:
    """All warm processes of a launcher.

    `born(job id, pid, gate)`: a run has been forked, and begins when "g" is written to its gate, a
    descriptor that is the receiver's to close. `refused(job id)`: it is to be started cold.
    """

    def __init__(
        self,
        folder: str,
        selector: selectors.BaseSelector,
        born: Callable[[str, int, int], None],
        refused: Callable[[str], None],
    ) -> None:
        self._folder = folder
        self._selector = selector
        self._born = born
        self._refused = refused
        self._zygotes: dict[Kind, _Zygote] = {}
        self._cold: set[Kind] = set()
        self._forked: dict[str, tuple[Kind, str]] = {}

    def fork(
        self,
        job_id: str,
        folder: wire.RunFolder,
        argv: Sequence[bytes],
        env: dict[str, str],
        warm: dict[str, Any],
        slot: int | None = None,
    ) -> bool:
        """Have the run forked, with the descriptor `slot`; False when it has to start cold, which also starts a
        zygote for those after it.

        OSError when its output files cannot be opened.
        """
        kind = _kind(argv, env)
        if kind is None or kind in self._cold or len(job_id) > LONGEST_ID or sys.platform != "linux":
            return False
        zygote = self._zygotes.get(kind)
        if zygote is None:
            self._warm(kind, env, warm)
            return False
        return zygote.idle and self._order(zygote, job_id, folder, argv[len(kind.command) :], env, slot)

    def learn(self, job_id: str) -> None:
        """A run has ended: if it was forked, import what it had to import itself."""
        kind, path = self._forked.pop(job_id, (None, ""))
        zygote = self._zygotes.get(kind) if kind else None
        if zygote is None or not zygote.idle:
            return
        try:
            with open(path, encoding="utf-8") as file:
                names = [name for name in file.read().split("\n") if name and name not in zygote.known]
            os.unlink(path)
        except OSError:
            return
        if names:
            zygote.teach(names)

    def give_up(self, job_id: str, why: str) -> None:
        """Runs like this one, which was forked, start cold from here on."""
        kind, _ = self._forked[job_id]
        self._cold.add(kind)
        if kind in self._zygotes:
            self._retire(self._zygotes[kind], why)

    def _warm(self, kind: Kind, env: dict[str, str], warm: dict[str, Any]) -> None:
        try:
            zygote = _Zygote(kind, env)
        except OSError as error:
            print(f"no warm starts: {error}", file=sys.stderr, flush=True)
            self._cold.add(kind)
            return
        self._zygotes[kind] = zygote
        zygote.begin(warm, os.path.join(self._folder, "prepared"))
        self._selector.register(zygote.channel, selectors.EVENT_READ, lambda: self._hear(zygote))

    def _order(
        self,
        zygote: _Zygote,
        job_id: str,
        folder: wire.RunFolder,
        words: Sequence[bytes],
        env: dict[str, str],
        slot: int | None,
    ) -> bool:
        descriptors: list[int] = []
        reading, gate = os.pipe()
        try:
            descriptors.append(reading)
            for path in (folder.stdout, folder.stderr):
                descriptors.append(
                    os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o666)
                )
            names = os.path.join(folder.own, "modules")
            argv = [os.fsdecode(word) for word in words]
            order = {"run": job_id, "folder": folder.path, "argv": argv, "env": env, "names": names}
        except OSError:
            for fd in (gate, *descriptors):
                os.close(fd)
            raise
        zygote.gates[job_id] = gate
        self._forked[job_id] = zygote.kind, names
        try:
            zygote.send(order, descriptors if slot is None else [*descriptors, slot])
        except OSError:  # half of an order may have gone
            del zygote.gates[job_id], self._forked[job_id]
            os.close(gate)
            self._retire(zygote, "it takes no orders")
            return False
        finally:
            for fd in descriptors:
                os.close(fd)
        return True

    def _hear(self, zygote: _Zygote) -> None:
        for answer in zygote.hear():
            if answer is None:
                self._retire(zygote, "it has died")
            elif "run" not in answer:
                zygote.done()
                if answer["refused"]:
                    self._retire(zygote, answer["refused"], cold=True)
            elif answer["refused"]:
                self._retire(zygote, answer["refused"], cold=not answer["refused"].startswith("stale"))
            else:
                self._born(answer["run"], answer["pid"], zygote.gates.pop(answer["run"]))
            if self._zygotes.get(zygote.kind) is not zygote:  # whatever else it says: its gates are closed
                return

    def _retire(self, zygote: _Zygote, why: str, *, cold: bool = False) -> None:
        """Do without this zygote: what it has not forked starts cold. A later run starts another one, unless its
        kind is to stay `cold` or this one has died before it was of any use."""
        print(f"the warm process of {zygote.kind.command[0]} is given up: {why}", file=sys.stderr, flush=True)
        del self._zygotes[zygote.kind]
        if cold or not zygote.served:
            self._cold.add(zygote.kind)
        self._selector.unregister(zygote.channel)
        zygote.close()
        for job_id, gate in zygote.gates.items():
            os.close(gate)
            self._forked.pop(job_id, None)  # gone already when it was cancelled
            self._refused(job_id)


class Trial(NamedTuple):
    """What making ready took in seconds, which modules could not be imported, and why no run may be forked ("" when
    they may)."""

    seconds: float
    missing: list[str]
    refused: str


def attempt(argv: Sequence[str], env: dict[str, str], warm: dict[str, Any], folder: str) -> Trial:
    """Start a warm process for this command and see how it goes. OSError when it cannot be started."""
    kind = _kind([os.fsencode(word) for word in argv], env)
    if kind is None:
        return Trial(0.0, [], f"{argv[0]} does not look like Python")
    zygote = _Zygote(kind, env)
    try:
        zygote.channel.settimeout(None)
        zygote.begin(warm, folder)
        seconds, missing = 0.0, list[str]()
        while not zygote.idle:
            for answer in zygote.hear():
                if answer is None:
                    return Trial(seconds, missing, "it has died while it imported")
                zygote.done()
                seconds += answer["seconds"]
                missing += answer["missing"]
                if answer["refused"]:
                    return Trial(seconds, missing, answer["refused"])
        return Trial(seconds, missing, "")
    finally:
        zygote.close()


class _Zygote:
    """One warm process. `gates`: of the runs that it is forking."""

    def __init__(self, kind: Kind, env: dict[str, str]) -> None:
        self.kind = kind
        self.known: set[str] = set()
        self.idle = self.served = False
        self.gates: dict[str, int] = {}
        self._inbox = b""
        self._tasks = 0
        self.channel, theirs = socket.socketpair()
        self.channel.settimeout(PATIENCE)
        text = os.path.join(os.path.dirname(os.path.abspath(__file__)), "zygote.py")
        own = {name: value for name, value in env.items() if not name.startswith(OF_ONE_RUN)}
        try:
            process = subprocess.Popen(
                [*kind.command, "-c", BOOT, text, str(theirs.fileno()), " " * LONGEST_COMMAND],
                env={**own, wire.JOB_ID: "_" * LONGEST_ID},
                stdin=subprocess.DEVNULL,
                stdout=2,
                cwd="/",
                start_new_session=True,
                pass_fds=[theirs.fileno()],
            )
        except (OSError, subprocess.SubprocessError) as error:
            self.channel.close()
            raise OSError(str(error)) from error
        finally:
            theirs.close()
        process.returncode = 0  # the launcher reaps all children itself

    def teach(self, modules: Sequence[str]) -> None:
        """Let it import these; until it has, runs start cold."""
        self.known.update(modules)
        self._set({"import": list(modules)})

    def begin(self, warm: dict[str, Any], folder: str) -> None:
        """Let it make all ready, what it prepares in a working copy of the source at this folder."""
        if warm["prepare"] and warm["source"]:
            task = {"prepare": warm["prepare"], "source": warm["source"], "folder": folder, "import": []}
            self._set(task)
        self.teach(warm["modules"])

    def _set(self, task: dict[str, Any]) -> None:
        self.idle, self._tasks = False, self._tasks + 1
        try:
            self.send(task)
        except OSError:
            pass  # it has died: its channel says so

    def done(self) -> None:
        """It has answered to a task; when that was the last one, it forks."""
        self._tasks -= 1
        self.idle = self._tasks == 0

    def send(self, message: dict[str, Any], descriptors: Sequence[int] = ()) -> None:
        """Send an order. OSError when it is dead, or has been silent for long."""
        data = json.dumps(message).encode() + b"\n"
        sent = socket.send_fds(self.channel, [data], descriptors) if descriptors else 0
        self.channel.sendall(data[sent:])

    def hear(self) -> list[dict[str, Any] | None]:
        """Its answers; None for its end."""
        try:
            data = self.channel.recv(1 << 16)
        except OSError:
            data = b""
        if not data:
            return [None]
        self.served = True
        *lines, self._inbox = (self._inbox + data).split(b"\n")
        return [json.loads(line) for line in lines]

    def close(self) -> None:
        """Let it end."""
        self.channel.close()


def _kind(argv: Sequence[bytes], env: dict[str, str]) -> Kind | None:
    """The kind of a run; None for a command that is not `python [flags] script.py ...`."""
    words = [os.fsdecode(word) for word in argv]
    at = 1
    while at < len(words) and words[at] in FLAGS:
        at += 1
    if at >= len(words) or not words[at].endswith(".py") or words[at].startswith("-"):
        return None
    if not PYTHON.fullmatch(os.path.basename(words[0])):
        return None
    if any(not os.path.isabs(place) for place in filter(None, env.get("PYTHONPATH", "").split(os.pathsep))):
        return None
    shared = sorted(f"{name}={value}" for name, value in env.items() if not name.startswith(OF_ONE_RUN))
    return Kind(tuple(words[:at]), tuple(shared))
