"""The detached process that controls one sweep: its start, its lease, its end.

`spawn` starts it ahead of time, so that it imports while its caller is still checking the sweep; it
waits on its standard input for the order that says which sweep is meant.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import traceback
from pathlib import Path

from ..compute.processes import alive, look
from ..store.base import Holder, Store

HEARTBEAT_SECONDS = 2.0


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

    from ..compute.base import COMPUTES
    from ..store.base import STORES, open_store
    from .recover import controller

    STORES.load("sqlite"), COMPUTES.load("local")  # the usual ones, while the order is still on its way
    order = json.loads(sys.stdin.buffer.readline() or b"null")
    if order is None:
        return
    folder = Path(order["home"]) / "runs" / order["sweep"]
    folder.mkdir(parents=True, exist_ok=True)
    _log_to(folder / "controller.log")
    try:
        store = open_store(order["store"])
        lease = Lease(store, order["sweep"])
        if not lease.take():
            print("another controller holds this sweep", flush=True)
            return
        compute = COMPUTES.load(store.sweep(order["sweep"]).config.get("compute", "local"))(folder)
        try:
            controller(store, compute, order["sweep"], folder, lease.renew).run()
        finally:
            compute.close()
            lease.give_up()
    except Exception:
        traceback.print_exc()
        raise SystemExit(1) from None


class Lease:
    """Whose sweep it is: at most one living process holds it."""

    def __init__(self, store: Store, sweep_id: str) -> None:
        self._store = store
        self._sweep_id = sweep_id
        self._renewed = 0.0

    def take(self) -> bool:
        """Take the lease, unless a living controller has it."""
        holder = self._store.holder(self._sweep_id)
        if holder is not None and holds(holder):
            return False
        self._write()
        return True

    def renew(self) -> None:
        """Show that we are alive; cheap enough for every turn."""
        if time.monotonic() - self._renewed >= HEARTBEAT_SECONDS:
            self._write()

    def give_up(self) -> None:
        """Nobody controls the sweep any more."""
        self._store.release(self._sweep_id)

    def _write(self) -> None:
        self._renewed = time.monotonic()
        me = look(os.getpid())
        birth = me.birth if me else ""
        self._store.hold(self._sweep_id, Holder(os.getpid(), birth, socket.gethostname(), time.time()))


def holds(holder: Holder) -> bool:
    """Whether this holder still lives; of another machine's, whether it has shown itself lately."""
    if holder.host != socket.gethostname():
        return time.time() - holder.heartbeat < 15 * HEARTBEAT_SECONDS
    return alive(holder.pid, holder.born or None)


def _log_to(path: Path) -> None:
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    os.dup2(fd, 1)
    os.dup2(fd, 2)
    os.close(fd)


if __name__ == "__main__":
    main()
