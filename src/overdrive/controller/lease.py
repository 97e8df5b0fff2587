"""Whose sweep it is: at most one process holds it, and one that has lost it can write nothing more."""

from __future__ import annotations

import os
import socket
import time

from ..errors import SweepHeld
from ..runtime.processes import alive, look
from ..store.base import Holder, Store, Turn

HEARTBEAT_SECONDS = 2.0

SILENCE_SECONDS = 30.0
"""A holder on another machine that has not shown itself for so long counts as dead."""


class Lease:
    """This process's hold on one sweep."""

    def __init__(self, store: Store, sweep_id: str) -> None:
        me = look(os.getpid())
        self._store = store
        self._sweep_id = sweep_id
        self._me = Holder(os.getpid(), me.birth if me else "", socket.gethostname())
        self._beaten = 0.0

    def take(self) -> None:
        """Become the holder; SweepHeld while another one lives."""
        last = self._store.holder(self._sweep_id)
        if (last is not None and holds(last)) or not self._store.hold(self._sweep_id, self.beat(), last):
            other = self._store.holder(self._sweep_id) or last
            raise SweepHeld(f"{self._sweep_id} is held by {describe(other) if other else 'another process'}")

    def beat(self) -> Holder:
        """Us, alive now: to be written with whatever is written next."""
        self._beaten = time.monotonic()
        return self._me

    def pulse(self, active: float) -> None:
        """Write a heartbeat, and the sweep's seconds so far, if nothing has been written for a while.

        SweepHeld when the sweep is lost.
        """
        if time.monotonic() - self._beaten >= HEARTBEAT_SECONDS:
            self._store.commit(self._sweep_id, Turn(active=active), self.beat())

    def give_up(self) -> None:
        """Nobody holds the sweep any more."""
        self._store.release(self._sweep_id, self._me)


def holds(holder: Holder) -> bool:
    """Whether this holder still lives; of another machine's, whether it has shown itself lately."""
    if holder.host != socket.gethostname():
        return time.time() - holder.heartbeat < SILENCE_SECONDS
    return alive(holder.pid, holder.born or None)


def describe(holder: Holder) -> str:
    """The holder in words."""
    return f"process {holder.pid} on {holder.host}"
