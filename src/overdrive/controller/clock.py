"""The controller's clock: wall time at its start, and from then on only forwards."""

from __future__ import annotations

import time


class Clock:
    """Seconds since the epoch that no change of the machine's clock moves."""

    def __init__(self) -> None:
        self._wall, self._steady = time.time(), time.monotonic()

    def now(self) -> float:
        """The time."""
        return self._wall + time.monotonic() - self._steady

    def corrected(self, stamp: float) -> float:
        """What this clock showed when the machine's clock showed `stamp`, a moment ago."""
        return stamp + self.now() - time.time()
