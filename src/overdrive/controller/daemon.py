"""The detached process that controls one sweep: its start, its lease, its end.

`spawn` starts it ahead of time, so that it imports while its caller is still checking the sweep; it
waits on its standard input for the order that says which sweep is meant.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import traceback
from pathlib import Path


class Daemon:
    """A controller process that waits for its order."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process

    def control(self, store_url: str, home: Path, sweep_id: str) -> None:
        """Tell it to take over this sweep, and let go of it."""
        order = json.dumps({"store": store_url, "home": str(home), "sweep": sweep_id})
        self._let_go(order.encode() + b"\n")

    def dismiss(self) -> None:
        """It is not needed after all."""
        self._let_go(b"")

    def _let_go(self, order: bytes) -> None:
        assert self._process.stdin is not None
        try:
            with self._process.stdin as pipe:
                pipe.write(order)
        except BrokenPipeError:
            pass
        self._process.wait()


def spawn() -> Daemon:
    """Start a controller process, detached from this one, with nothing to do yet."""
    return Daemon(
        subprocess.Popen(
            [sys.executable, "-P", "-m", "overdrive.controller.daemon"],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd="/",
            start_new_session=True,
        )
    )


def main() -> None:
    """Detach, import, wait for the order, control the sweep to its end."""
    if os.fork():
        os._exit(0)  # so that whoever spawned us never has a dead child to bury
    for number in (signal.SIGHUP, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)

    import gc

    from ..compute.base import COMPUTES
    from ..errors import SweepHeld
    from ..store.base import STORES, open_store
    from .lease import Lease
    from .recover import controller, wanted

    STORES.load("sqlite"), COMPUTES.load("local")  # the usual ones, while the order is still on its way
    order = json.loads(sys.stdin.buffer.readline() or b"null")
    if order is None:
        return
    gc.freeze()  # to look through all that is imported would take 40 ms, in the middle of a sweep
    folder = Path(order["home"]) / "runs" / order["sweep"]
    folder.mkdir(parents=True, exist_ok=True)
    _log_to(folder / "controller.log")
    try:
        store = open_store(order["store"])
        lease = Lease(store, order["sweep"])
        lease.take()
        if not wanted(store, lease, order["sweep"]):
            print("the sweep has ended, and nobody resumes it", flush=True)
            lease.give_up()
            return
        stored = store.sweep(order["sweep"]).config
        kind = COMPUTES.load(stored.get("compute", "local"))
        compute = kind(folder, stored.get("compute_options", {}))
        try:
            controller(store, compute, lease, order["sweep"], folder).run()
        finally:
            compute.close()
        lease.give_up()
    except SweepHeld as error:
        print(error, flush=True)
    except Exception:
        traceback.print_exc()
        raise SystemExit(1) from None


def _log_to(path: Path) -> None:
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    os.dup2(fd, 1)
    os.dup2(fd, 2)
    os.close(fd)


if __name__ == "__main__":
    main()
