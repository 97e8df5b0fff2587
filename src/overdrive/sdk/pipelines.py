"""What is known of a pipeline that a process leads: a file that it writes and everybody reads.

.overdrive/pipelines/<id>.json       status, steps with their runs, outputs, who leads it
.overdrive/pipelines/<id>/           what belongs to it
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..model.records import Status
from ..runtime import processes
from ..runtime.wire import read_json, write_json
from .run import LONGEST_POLL, Run

FOLDER = "pipelines"
RUNNING, FINISHED, FAILED, CANCELED = "Running", "Finished", "Failed", "Canceled"
"""The statuses of a pipeline, in Azure's words."""


class Log:
    """The file of one pipeline, which its leader alone writes. A wish to cancel is a file beside it."""

    def __init__(self, home: Path, id: str) -> None:
        self.id = id
        self.folder = home / FOLDER / id
        self.file = self.folder.with_suffix(".json")
        self.wish = self.folder / "cancel"

    def read(self) -> dict[str, Any]:
        """What is known; empty when there is no such pipeline. One whose leader has vanished has failed."""
        known: dict[str, Any] = read_json(str(self.file)) or {}
        if known.get("status") == RUNNING and not processes.alive(known["pid"], known["birth"]):
            known = read_json(str(self.file)) or known  # it may have ended since
            if known["status"] == RUNNING:
                reason = "the process that led it has ended; submit the pipeline again"
                known |= {"status": FAILED, "reason": reason}
        return known

    def write(self, known: Mapping[str, Any]) -> None:
        """Keep this."""
        write_json(str(self.file), dict(known))

    def begin(self, experiment: str, tags: Mapping[str, str]) -> dict[str, Any]:
        """Write down that this process leads it from now on; what is known then."""
        process = processes.look(os.getpid())
        known: dict[str, Any] = {
            "id": self.id, "experiment": experiment, "status": RUNNING, "reason": None, "tags": dict(tags),
            "pid": os.getpid(), "birth": process.birth if process else None, "steps": [], "outputs": {},
            "created": time.time(), "ended": None,
        }  # fmt: skip
        self.folder.mkdir(parents=True)
        self.write(known)
        return known


def until_over(run: Run, log: Log) -> None:
    """Wait for the end of a step; cancel it when somebody wants the pipeline cancelled."""
    asked = False
    while not Status(run.get_status()).terminal:
        if log.wish.exists() and not asked:
            asked = True
            run.cancel()
        time.sleep(LONGEST_POLL)
