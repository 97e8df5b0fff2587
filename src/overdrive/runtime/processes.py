"""The processes of this machine: who lives, who belongs to a run, and how to reach them safely.

A pid alone says nothing: it may be a zombie's, or by now a stranger's. A process is therefore known by its
pid and its *birth*, the start time that the kernel keeps for it, with the boot it belongs to. Where there is
no /proc (macOS), a birth is None, a group is all that can be seen of a run, and `ps` tells when a process
started. Standard library only, and no pathlib, which would cost the launcher its quick start.
"""

from __future__ import annotations

import os
import signal
import sys
from typing import NamedTuple

PROC = os.path.exists("/proc/self/stat")
TICK = 2.0  # seconds by which the start that ps prints, in whole seconds, may differ from ours


class Process(NamedTuple):
    """One line of the process table."""

    pid: int
    parent: int
    group: int
    birth: str
    dead: bool  # a zombie counts as dead


def _boot() -> str:
    try:
        with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
            return file.read(8)
    except OSError:
        return ""


_BOOT = _boot() if PROC else ""


def look(pid: int) -> Process | None:
    """The process of this pid, or None when there is none (or no /proc)."""
    try:
        fd = os.open(f"/proc/{pid}/stat", os.O_RDONLY)
    except OSError:
        return None
    try:
        line = os.read(fd, 4096)
    except OSError:
        return None
    finally:
        os.close(fd)
    # The command's name stands in brackets and may hold anything, brackets and spaces included.
    fields = line[line.rfind(b")") + 2 :].split()
    if len(fields) < 20:
        return None
    birth = f"{fields[19].decode()}@{_BOOT}"
    return Process(pid, int(fields[1]), int(fields[2]), birth, fields[0] in (b"Z", b"X", b"x"))


def table() -> dict[int, Process]:
    """Every process of the machine, by pid; empty where there is no /proc."""
    found = {}
    for name in os.listdir("/proc") if PROC else ():
        if name.isdigit():
            process = look(int(name))
            if process is not None:
                found[process.pid] = process
    return found


def alive(pid: int, birth: str | None, started: float | None = None) -> bool:
    """Whether this very process lives; without /proc, `started` (epoch seconds) stands in for a birth."""
    if pid <= 0:
        return False
    if PROC:
        process = look(pid)
        return process is not None and not process.dead and birth in (None, process.birth)
    since = ps_started(pid)
    return since is not None and (started is None or abs(since - started) <= TICK)


def ps_started(pid: int) -> float | None:
    """When the living process of this pid started, by `ps`; None when there is none."""
    import subprocess
    import time

    command = ["ps", "-o", "state=", "-o", "lstart=", "-p", str(pid)]
    environment = {**os.environ, "LC_ALL": "C"}
    try:
        answer = subprocess.run(
            command, capture_output=True, text=True, timeout=10, env=environment
        ).stdout.split()
    except (OSError, subprocess.SubprocessError):
        return None
    if len(answer) < 6 or answer[0].startswith("Z"):
        return None
    try:
        return time.mktime(time.strptime(" ".join(answer[1:6]), "%a %b %d %H:%M:%S %Y"))
    except ValueError:
        return None


def resident(pid: int) -> int:
    """Bytes of memory that the process holds, shared ones included; 0 when it is gone."""
    try:
        with open(f"/proc/{pid}/statm", encoding="ascii") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, IndexError, ValueError):
        return 0


LOCK_CALLS = {"x86_64": b"202", "aarch64": b"98"}  # the number of futex


def standstill(pids: set[int]) -> int | None:
    """The processor time, in ticks, that these processes have used, if every one of their threads waits for
    a lock; None when any of them does anything else, or cannot be looked at."""
    call = LOCK_CALLS.get(os.uname().machine, b"")
    ticks = 0
    for pid in pids:
        try:
            for thread in os.listdir(f"/proc/{pid}/task"):
                with open(f"/proc/{pid}/task/{thread}/syscall", "rb") as file:
                    if file.read().split()[0] != call:
                        return None
            with open(f"/proc/{pid}/stat", "rb") as file:
                line = file.read()
        except (OSError, IndexError):
            return None
        fields = line[line.rfind(b")") + 2 :].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks


def oom_kills() -> int:
    """How many processes the kernel has killed for want of memory since the boot; 0 where it does not say."""
    try:
        with open("/proc/vmstat", encoding="ascii") as file:
            found = [line for line in file if line.startswith("oom_kill ")]
    except OSError:
        return 0
    return int(found[0].split()[1]) if found else 0


def group(pgid: int, processes: dict[int, Process]) -> set[int]:
    """The living members of a process group, as the table shows them."""
    return {p.pid for p in processes.values() if p.group == pgid and not p.dead}


def group_exists(pgid: int) -> bool:
    """Whether the group has any member, zombies included: one system call."""
    try:
        os.killpg(pgid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # a member that has changed its user: it is there all the same
        return True
    return True


def marks(name: str, processes: dict[int, Process]) -> dict[str, set[int]]:
    """The living processes by the value of an environment variable that they were started with."""
    start = b"\0" + name.encode() + b"="
    found: dict[str, set[int]] = {}
    for process in processes.values():
        if process.dead:
            continue
        try:
            with open(f"/proc/{process.pid}/environ", "rb", buffering=0) as file:
                environment = b"\0" + (file.read() or b"") + b"\0"
        except OSError:  # it has just ended, or is another user's
            continue
        at = environment.find(start)
        if at >= 0:
            at += len(start)
            value = os.fsdecode(environment[at : environment.index(b"\0", at)])
            found.setdefault(value, set()).add(process.pid)
    return found


def descendants(roots: set[int], processes: dict[int, Process]) -> set[int]:
    """The roots and all that descend from them, living ones only."""
    children: dict[int, list[int]] = {}
    for process in processes.values():
        children.setdefault(process.parent, []).append(process.pid)
    found: set[int] = set()
    waiting = list(roots)
    while waiting:
        pid = waiting.pop()
        if pid not in found:
            found.add(pid)
            waiting += children.get(pid, [])
    return {pid for pid in found if pid in processes and not processes[pid].dead}


def send(process: Process, *signals: int) -> None:
    """Signal this very process: one that has taken over its pid meanwhile is left alone."""
    try:
        fd = os.pidfd_open(process.pid)
    except AttributeError:
        fd = -1
    except OSError as error:
        if isinstance(error, ProcessLookupError):
            return
        fd = -1
    try:
        now = look(process.pid)
        if now is None or now.birth != process.birth:
            return
        for number in signals:
            if fd >= 0:
                signal.pidfd_send_signal(fd, number)
            else:
                os.kill(process.pid, number)
    except (ProcessLookupError, PermissionError):
        pass
    finally:
        if fd >= 0:
            os.close(fd)


def send_group(pgid: int, *signals: int) -> None:
    """Signal all members of a group at once: none can fork its way out of it."""
    for number in signals:
        try:
            os.killpg(pgid, number)
        except (ProcessLookupError, PermissionError):
            pass


def adopt_orphans() -> None:
    """Become the parent of every orphan among this process's descendants (Linux; elsewhere nothing)."""
    if sys.platform == "linux":
        try:
            import ctypes

            ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)  # PR_SET_CHILD_SUBREAPER
        except (ImportError, OSError, AttributeError):
            pass
