"""How a job of another machine stands by the files in its run folder, which its node writes."""

from __future__ import annotations

import os

from ..runtime import wire
from .base import JobState


def end_of(job_id: str, folder: wire.RunFolder) -> JobState | None:
    """Its end, once that has been written down whole."""
    left = wire.read_exit(folder.exit) if os.path.exists(folder.exit) else None
    if left is None:
        return None
    code, began, over, note = left
    card = wire.read_json(folder.job)
    pid = card.get("pid") if isinstance(card, dict) else None
    return JobState(job_id, "ended", folder.path, pid, code, began, over, note)


def start_of(job_id: str, folder: wire.RunFolder) -> JobState:
    """Running once its card says so; before, its folder is being made."""
    card = wire.read_json(folder.job)
    if not isinstance(card, dict):
        return JobState(job_id, "starting", folder.path)
    return JobState(job_id, "running", folder.path, pid=card.get("pid"), started=card.get("started"))
