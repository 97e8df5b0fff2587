"""The GPUs and cores of this machine that runs may have: what nvidia-smi lists, or CUDA_VISIBLE_DEVICES leaves."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Mapping
from typing import NamedTuple

PATIENCE = 20.0  # seconds; where no process keeps the driver loaded, nvidia-smi takes a few
_GPU = re.compile(r"GPU (\d+): .*\(UUID: ([^)]+)\)")
_PART = re.compile(r"\s+MIG .*\(UUID: ([^)]+)\)")


class Device(NamedTuple):
    """One GPU, or one part of a divided one (MIG): its name for CUDA_VISIBLE_DEVICES, and one that does not change
    with the order in which GPUs are counted."""

    name: str
    id: str


def cores() -> list[int]:
    """The numbers of the cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return sorted(os.sched_getaffinity(0))
    return list(range(os.cpu_count() or 1))


def gpus(env: Mapping[str, str]) -> list[Device]:
    """The GPUs for programs with this environment.

    Where it sets CUDA_VISIBLE_DEVICES these are left, under the names that stand there; as CUDA does, what follows
    a name that is none is passed over. None when nvidia-smi is not on its PATH, or does not answer.
    """
    given = env.get("CUDA_VISIBLE_DEVICES")
    whole, parts = _listed(env)
    if given is None:
        return _usable(whole, parts)
    found: list[Device] = []
    for name in map(str.strip, given.split(",")):
        if not re.fullmatch(r"\d+(:\d+)?|(GPU|MIG)-.+", name):
            break
        device = Device(name, _id_of(name, whole, parts))
        if device.id not in [other.id for other in found]:
            found.append(device)
    return found


def _usable(whole: list[Device], parts: dict[str, list[str]]) -> list[Device]:
    """GPUs by their numbers in the order of nvidia-smi; of a divided one its parts, which are all that CUDA can use."""
    found = []
    for device in whole:
        divided = [Device(part, part) for part in parts[device.id]]
        found += divided or [device]
    return found


def _id_of(name: str, whole: list[Device], parts: dict[str, list[str]]) -> str:
    if name.isdigit():
        return next((device.id for device in whole if device.name == name), name)
    known = [device.id for device in whole] + [part for group in parts.values() for part in group]
    return next((id for id in known if id.startswith(name)), name)


def _listed(env: Mapping[str, str]) -> tuple[list[Device], dict[str, list[str]]]:
    """All GPUs, and the parts of each by its id."""
    try:
        answer = subprocess.run(
            ["nvidia-smi", "-L"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=PATIENCE,
            env=dict(env),
        ).stdout.decode(errors="replace")
    except (OSError, subprocess.SubprocessError):
        return [], {}
    whole: list[Device] = []
    parts: dict[str, list[str]] = {}
    for line in answer.splitlines():
        if match := _GPU.match(line):
            whole.append(Device(match[1], match[2]))
            parts[match[2]] = []
        elif whole and (match := _PART.match(line)):
            parts[whole[-1].id].append(match[1])
    return whole, parts
