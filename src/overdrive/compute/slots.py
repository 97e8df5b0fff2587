"""GPUs and cores for runs: they belong to the machine, and all launchers of this user share them.

    slots/lock         held for the moment in which somebody looks and takes
    slots/taken/*      one file a run: what it has. Its lock is held by its launcher and, through a descriptor that
                       they inherit, by the run's own processes: the kernel lets go of it when the last of them is
                       gone, whoever was killed, and never earlier
    slots/waiting/*    one file a launcher that waits: since when, and for what; locked by it

Who has waited longest is served first; a launcher with many runs waiting goes to the end of the line after each.
Standard library only, and no pathlib, for the launcher's quick start.
"""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from .private import private_folder

PLACE = "OVERDRIVE_SLOTS"
"""The variable that names another folder, for containers that share GPUs."""

AGAIN = 0.2  # seconds between two looks of a launcher that waits
ABSENT = 10.0  # a launcher that has not looked for so long has lost its place in the line
ROUNDING = 1e-6  # three thirds are one


class Need(NamedTuple):
    """What a run needs: `gpus` of these `devices` (name, id), whole ones or a share below 1, and `cores`."""

    gpus: float
    cores: int
    devices: Sequence[Sequence[str]] = ()


class Grant(NamedTuple):
    """What a run has: shares of GPUs by their ids, and the numbers of its cores."""

    gpus: dict[str, float]
    cores: list[int]


class Use(NamedTuple):
    """What all runs together have."""

    gpus: dict[str, float]
    cores: set[int]

    def add(self, grant: Grant) -> None:
        """Count this one in."""
        for id, share in grant.gpus.items():
            self.gpus[id] = self.gpus.get(id, 0.0) + share
        self.cores.update(grant.cores)


def lacking(need: Need, cores: Sequence[int]) -> str:
    """Why a machine with these cores can never meet the need; "" when it can."""
    found = []
    if need.gpus > len(need.devices):
        found.append(f"{need.gpus:g} GPUs are asked for, there are {len(need.devices)}")
    if need.cores > len(cores):
        found.append(f"{need.cores} cores are asked for, there are {len(cores)}")
    return "; ".join(found)


def choose(need: Need, use: Use, cores: Sequence[int]) -> tuple[Grant, bool]:
    """What is free of the need, and whether that is all of it.

    Shares go to the GPU that is least used, so that runs spread out before they share.
    """
    ids = [id for _, id in need.devices]
    share = min(need.gpus, 1.0)
    free = [id for id in ids if use.gpus.get(id, 0.0) + share <= 1 + ROUNDING]
    if need.gpus < 1:
        free.sort(key=lambda id: use.gpus.get(id, 0.0))
    wanted = 0 if not need.gpus else max(1, int(need.gpus))
    mine = [core for core in cores if core not in use.cores][: need.cores]
    grant = Grant(dict.fromkeys(free[:wanted], share), mine)
    return grant, len(grant.gpus) == wanted and len(mine) == need.cores


class Slots:
    """One launcher's view. `cores`: the numbers of those that its runs may use."""

    def __init__(self, cores: Sequence[int], env: Mapping[str, str]) -> None:
        self._cores = cores
        self._place = env.get(PLACE, "")
        self._held: dict[str, tuple[int, str]] = {}
        self._ticket: tuple[int, str, float] | None = None

    def take(self, job_id: str, need: Need) -> tuple[Grant, int] | None:
        """What the run gets, and the descriptor that its processes must inherit; None when it has to wait.

        ValueError when this machine can never meet the need, OSError when there is no place for the files.
        """
        impossible = lacking(need, self._cores)
        if impossible:
            raise ValueError(impossible)
        place = self._folder()
        lock = os.open(f"{place}/lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            if not _locked(lock):
                return None
            use = _use(place)
            for other, among in self._ahead(place):
                use.add(choose(other, use, among)[0])
            grant, whole = choose(need, use, self._cores)
            if not whole:
                self._wait(place, need)
                return None
            fd, path = _put(f"{place}/taken", {**grant._asdict(), "job": job_id})
        finally:
            os.close(lock)
        self.leave_line()
        self._held[job_id] = fd, path
        return grant, fd

    def use(self) -> Use:
        """What all runs of this user have now."""
        place = self._folder()
        lock = os.open(f"{place}/lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            return _use(place)
        finally:
            os.close(lock)

    def give_back(self, job_id: str) -> None:
        """The run has ended: what it had is free, even if a process that fled from it still has the descriptor."""
        if job_id in self._held:
            _drop(*self._held.pop(job_id))

    def leave_line(self) -> None:
        """Nobody waits here."""
        if self._ticket is not None:
            _drop(*self._ticket[:2])
            self._ticket = None

    def _folder(self) -> str:
        place = self._place or f"{private_folder('/tmp')}/slots"
        for name in ("taken", "waiting"):
            os.makedirs(f"{place}/{name}", mode=0o700, exist_ok=True)
        return place

    def _ahead(self, place: str) -> list[tuple[Need, list[int]]]:
        """The needs, and the cores to choose from, of those who have waited longer."""
        mine = self._ticket[1] if self._ticket else ""
        since = self._ticket[2] if self._ticket else time.time()
        found = []
        for other, touched in _living(f"{place}/waiting", but=mine):
            if other["since"] < since and time.time() - touched < ABSENT:
                found.append((other["since"], Need(*other["need"]), other["cores"]))
        return [(need, cores) for _, need, cores in sorted(found)]

    def _wait(self, place: str, need: Need) -> None:
        if self._ticket is not None:
            try:
                os.utime(self._ticket[1])
                return
            except OSError:  # a temporary folder was swept
                self.leave_line()
        now = time.time()
        fd, path = _put(f"{place}/waiting", {"since": now, "need": need, "cores": list(self._cores)})
        self._ticket = fd, path, now


def _use(place: str) -> Use:
    found = Use({}, set())
    for taken, _ in _living(f"{place}/taken"):
        found.add(Grant(taken["gpus"], taken["cores"]))
    return found


def _put(folder: str, content: dict[str, Any]) -> tuple[int, str]:
    """A new locked file. Whoever looks for it holds the lock of the folder, and so sees all of it or nothing."""
    path = f"{folder}/{os.urandom(8).hex()}"
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        os.write(fd, json.dumps(content).encode())
    except OSError:
        os.close(fd)
        raise
    return fd, path


def _drop(fd: int, path: str) -> None:
    try:
        os.unlink(path)
    except OSError:
        pass
    fcntl.flock(fd, fcntl.LOCK_UN)
    os.close(fd)


def _living(folder: str, but: str = "") -> Iterator[tuple[dict[str, Any], float]]:
    """The content of the files that somebody holds, and when each was last touched; the others are removed."""
    for name in os.listdir(folder):
        path = f"{folder}/{name}"
        if path == but:
            continue
        try:
            fd = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        except FileNotFoundError:
            continue
        try:
            if _locked(fd):
                os.unlink(path)
            else:
                yield json.loads(os.read(fd, 1 << 20)), os.fstat(fd).st_mtime
        except FileNotFoundError:
            continue
        finally:
            os.close(fd)


def _locked(fd: int) -> bool:
    """Whether the lock is ours now."""
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
