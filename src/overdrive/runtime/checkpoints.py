"""The checkpoint folder of a run: what `latest` points at, and how much had been logged when it was kept.

    checkpoints/epoch-6.pkl         the script's own
    checkpoints/latest              -> epoch-6.pkl, switched in one step
    checkpoints/.kept.epoch-6.pkl   {"job": "HD_1_0", "bytes": 612}

An attempt that goes on from `latest` logs again what its predecessor had logged after that. So only the first
`bytes` of the predecessor's metric file count. Standard library only, Python 3.8 and up.
"""

from __future__ import annotations

import os
from typing import Dict, NamedTuple, Optional

from . import wire


class Kept(NamedTuple):
    """Values of one metric in one attempt: those that the checkpoint contains, and all that were logged."""

    kept: int
    logged: int


def keep(folder: str, path: str, job: Optional[str], metrics: Optional[str]) -> None:
    """Point `latest` at `path`: whoever is killed meanwhile finds the old one or the new one."""
    link, aside = (
        os.path.join(folder, wire.LATEST),
        os.path.join(folder, ".%s.%d" % (wire.LATEST, os.getpid())),
    )
    target = os.path.relpath(os.path.abspath(path), folder)
    before = _target(folder)
    if metrics:
        wire.write_json(_mark(folder, target), {"job": job, "bytes": _size(metrics)})
    _remove(aside)
    os.symlink(target, aside)
    os.replace(aside, link)
    if before not in (None, target):
        _remove(_mark(folder, str(before)))


def latest(folder: str) -> Optional[str]:
    """What was kept last, or None."""
    link = os.path.join(folder, wire.LATEST)
    return os.path.realpath(link) if os.path.exists(link) else None


def kept_values(folder: str, job: str, metrics: str) -> Dict[str, Kept]:
    """How many values of each metric in this job's metric file the latest checkpoint contains.

    Empty when there is none, or when nothing is known of it: a link that the script made by itself.
    """
    target = _target(folder)
    mark = wire.read_json(_mark(folder, target)) if target is not None else None
    if not isinstance(mark, dict) or type(mark.get("bytes")) is not int:
        return {}
    upto = mark["bytes"] if mark.get("job") == job else 0
    try:
        with open(metrics, "rb") as file:
            lines = file.read().splitlines(keepends=True)
    except OSError:
        return {}
    found: Dict[str, Kept] = {}
    place = 0
    for line in lines:
        place += len(line)
        for record in wire.parse_line(line) or ():
            if record.kind == "scalar":
                kept, logged = found.get(record.name, (0, 0))
                found[record.name] = Kept(kept + (place <= upto), logged + 1)
    return found


def _target(folder: str) -> Optional[str]:
    try:
        return os.readlink(os.path.join(folder, wire.LATEST))
    except OSError:
        return None


def _mark(folder: str, target: str) -> str:
    return os.path.join(folder, ".kept." + target.replace(os.sep, "%"))


def _size(path: str) -> int:
    try:
        return os.stat(path).st_size
    except OSError:
        return 0


def _remove(path: str) -> None:
    try:
        os.unlink(path)
    except OSError:
        pass
