"""A controller, and a launcher, that kill themselves at a chosen point: `python _faulty.py commit-inside:3`.

The product knows nothing of this: here its functions are wrapped before it starts. The third time that the
wrapped one is reached, the process gets its kill -9, before, after or in the middle of what it does.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from typing import Any

CONTROLLER = {
    "commit-before": ("overdrive.store.sql", "SqlStore.commit", "before"),
    "commit-inside": ("overdrive.store.sql", "_write_turn", "after"),
    "commit-after": ("overdrive.store.sql", "SqlStore.commit", "after"),
    "job-made": ("overdrive.controller.jobs", "Jobs.job", "after"),
    "start-after": ("overdrive.compute.local", "LocalCompute.start", "after"),
    "poll-after": ("overdrive.compute.local", "LocalCompute.poll", "after"),
    "adopt-before": ("overdrive.compute.local", "LocalCompute.adopt", "before"),
    "adopt-after": ("overdrive.compute.local", "LocalCompute.adopt", "after"),
    "spawn-after": ("overdrive.compute.local", "LocalCompute._spawn", "after"),
    "hold-after": ("overdrive.store.sql", "SqlStore.hold", "after"),
    "end-before": ("overdrive.controller.loop", "Controller._take_end", "before"),
    "end-after": ("overdrive.controller.loop", "Controller._take_end", "after"),
    "release-before": ("overdrive.store.sql", "SqlStore.release", "before"),
}
LAUNCHER = {
    "launcher-fork-before": ("overdrive.compute.localrun", "LocalRun.spawn", "before"),
    "launcher-card-before": ("overdrive.runtime.wire", "write_json", "before"),
    "launcher-fork-after": ("overdrive.compute.localrun", "LocalRun.spawn", "after"),
    "launcher-reap-before": ("overdrive.compute.launcher", "Launcher._reap", "before"),
    "launcher-exit-before": ("overdrive.compute.localrun", "LocalRun.finish", "before"),
    "launcher-exit-after": ("overdrive.compute.localrun", "LocalRun.finish", "after"),
    "launcher-recall-after": ("overdrive.compute.localrun", "LocalRun.recall", "after"),
}
POINTS = [*CONTROLLER, *LAUNCHER]

DEATHS = "FAULTS_DEATHS"
"""The variable that names the file in which each death is noted."""


def kill(point: str, pid: int) -> None:
    """Note it, and kill -9."""
    fd = os.open(os.environ[DEATHS], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
    os.write(fd, point.encode() + b"\n")
    os.close(fd)
    os.kill(pid, signal.SIGKILL)


def arm(module: str, name: str, when: str, times: int) -> None:
    """Wrap one function: the process dies when it is reached for the `times`-th time."""
    owner: Any = __import__(module, fromlist=["_"])
    *path, last = name.split(".")
    for step in path:
        owner = getattr(owner, step)
    inner: Callable[..., Any] = getattr(owner, last)
    reached = 0

    def wrapped(*args: Any, **options: Any) -> Any:
        nonlocal reached
        reached += 1
        if reached == times and when == "before":
            kill(name, os.getpid())
        answer = inner(*args, **options)
        if reached == times and when == "after":
            kill(name, os.getpid())
        return answer

    setattr(owner, last, wrapped)


def replace_launcher(boot: str) -> None:
    """Kill the launcher that there is as soon as the controller looks for it; the next one begins with `boot`."""
    from overdrive.compute import local
    from overdrive.compute.local import LocalCompute
    from overdrive.runtime import processes, wire

    inner: Any = LocalCompute._reach
    spawn, usual = LocalCompute._spawn, local.BOOT
    local.BOOT = boot

    def once(compute: Any) -> str:
        try:
            return spawn(compute)
        finally:
            local.BOOT = usual

    def reach(compute: Any) -> Any:
        setattr(LocalCompute, "_reach", inner)  # noqa: B010
        card = wire.read_json(compute._names.card)
        if card and processes.alive(card["pid"], card["birth"]):
            kill("launcher", card["pid"])
        return inner(compute)

    setattr(LocalCompute, "_reach", reach)  # noqa: B010
    setattr(LocalCompute, "_spawn", once)  # noqa: B010


def main(point: str) -> None:
    """Be a controller that dies there, or whose launchers do."""
    from overdrive.controller import daemon

    name, _, times = point.partition(":")
    if name in CONTROLLER:
        arm(*CONTROLLER[name], int(times))
    elif name in LAUNCHER:
        here = os.path.dirname(os.path.abspath(__file__))
        replace_launcher(
            f"import sys; sys.path += [sys.argv[1], {here!r}]; import _faulty; "
            f"_faulty.arm(*{LAUNCHER[name]!r}, {times}); "
            "from overdrive.compute.launcher import main; main(sys.argv[2])"
        )
    daemon.main()


if __name__ == "__main__":
    main(sys.argv[1])
