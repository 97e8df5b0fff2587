"""Words to and from Slurm's own commands: the options of a target, submitting, listing, and what a cluster has.

No dependency: `sbatch`, `squeue`, `scancel` and `sinfo` are all that every installation has. Their answers are read
in formats that we ask for, so that neither a site's defaults nor its versions matter.
"""

from __future__ import annotations

import math
import os
import re
import shlex
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from ..errors import ComputeError
from ..runtime import wire
from . import node
from .base import Survey
from .options import Option, is_count, is_text

PATIENCE = 10.0  # seconds for slurmctld to answer


def _is_size(value: Any) -> bool:
    return is_text(value) or is_count(value)


_OURS = (
    "array",
    "job-name",
    "wrap",
    "wait",
    "test-only",
    "parsable",
    "requeue",
    "no-requeue",
    "chdir",
    "export",
)


def _are_directives(value: Any) -> bool:
    if not isinstance(value, list) or not all(map(is_text, value)):
        return False
    names = [re.match(r"--([a-z-]+)(=|$)", word) for word in value]
    return all(name is not None and name[1] not in _OURS for name in names)


_TEXT = Option(is_text, "must be text")
KNOWN = {
    "partition": _TEXT,
    "account": _TEXT,
    "qos": _TEXT,
    "constraint": _TEXT,
    "reservation": _TEXT,
    "nodelist": _TEXT,
    "exclude": _TEXT,
    "gres": _TEXT,
    "time": Option(_is_size, 'must be a time such as "2:00:00", or minutes'),
    "mem": Option(_is_size, 'must be an amount such as "4G", or megabytes'),
    "cpus_per_task": Option(is_count, "must be a whole number of cores, at least 1"),
    "directives": Option(
        _are_directives,
        f'must be a list of sbatch options such as ["--exclusive"], none of {", ".join(_OURS)}',
    ),
}
"""The options of a Slurm target: sbatch's own names."""


def flags(options: Mapping[str, Any], gpus: float = 0.0, cores: int = 0, nodes: int = 1) -> list[str]:
    """What these options, and what a run needs for itself, are for sbatch; the user's directives have the last word.

    Slurm gives GPUs as a whole: a share of one is one.
    """
    named: dict[str, Any] = {"output": "/dev/null", "error": "/dev/null", "cpus_per_task": 1}
    named |= {name: value for name, value in options.items() if name != "directives"}
    named |= {"nodes": nodes, "ntasks": nodes}
    if cores:
        named["cpus_per_task"] = max(1, cores // nodes)
    if gpus:
        named["gres"] = f"gpu:{math.ceil(gpus / nodes)}"
    words = [f"--{name.replace('_', '-')}={value}" for name, value in named.items()]
    return [*words, "--export=ALL", "--chdir=/", *options.get("directives", ())]


def time_limit(options: Mapping[str, Any]) -> float | None:
    """The seconds that a job of this target may take, in the forms that sbatch knows; None where it does not say."""
    given = [options.get("time"), *(re.match(r"--time=(.*)", word) for word in options.get("directives", ()))]
    texts = [one if isinstance(one, str | int) else one[1] for one in given if one is not None]
    if not texts:
        return None
    days, dash, rest = str(texts[-1]).rpartition("-")
    try:
        parts = [float(part) for part in rest.split(":")]
        if dash or len(parts) == 3:
            hours, minutes, seconds = [*parts, 0.0, 0.0][:3]
            return 86400 * float(days or 0) + 3600 * hours + 60 * minutes + seconds
        minutes, seconds = [*parts, 0.0][:2]
        return 60 * minutes + seconds
    except ValueError:  # UNLIMITED
        return None


def others(nodes: int, options: Mapping[str, Any], cores: int = 0) -> list[str]:
    """The words that start what follows them, an id and a command, once on each node but the first of a job's."""
    if nodes == 1:
        return []
    count, share = nodes - 1, max(1, cores // nodes) if cores else options.get("cpus_per_task", 1)
    named = {"nodes": count, "ntasks": count, "ntasks-per-node": 1, "relative": 1, "cpus-per-task": share}
    named |= {"kill-on-bad-exit": 0, "mpi": "none", "export": "ALL"}
    words = [f"--{name}={value}" for name, value in named.items()]
    boot = f'export {wire.NODE_RANK}=$((SLURM_PROCID + 1)) {wire.JOB_ID}="$1"; shift; exec "$@"'
    return ["srun", *words, "sh", "-c", boot, "sh"]


def script(folders: Sequence[str], log: str) -> bytes:
    """A batch script that runs the job in one of these folders: the one that its place in the array says."""
    python = shlex.quote(sys.executable)
    run = (
        shlex.join(node.command("PYTHON", "FOLDER")).replace("PYTHON", '"$python"').replace("FOLDER", '"$1"')
    )
    lines = [
        "#!/bin/sh",
        f"exec >>{shlex.quote(log)} 2>&1",
        f"set -- {shlex.join(folders)}",
        'shift "${SLURM_ARRAY_TASK_ID:-0}"',
        f"for python in {python} python3; do",
        f'  command -v "$python" >/dev/null && exec {run}',
        "done",
        'echo "no Python on $(hostname) for $1"',
        "exit 127",
    ]
    return os.fsencode("\n".join(lines) + "\n")


class Row(NamedTuple):
    """One job as squeue lists it: the batch it was submitted with, its place in it, and how it stands."""

    batch: str
    place: int
    id: str
    state: str
    reason: str

    @property
    def over(self) -> bool:
        """Whether Slurm is done with it."""
        return self.state in _OVER


_OVER = {
    "BOOT_FAIL", "CANCELLED", "COMPLETED", "DEADLINE", "FAILED", "NODE_FAIL", "OUT_OF_MEMORY", "PREEMPTED",
    "REVOKED", "TIMEOUT",
}  # fmt: skip

LIST = ("squeue", "--noheader", "--array", "--states=all", f"--user={os.getuid()}", "--format=%j|%K|%i|%T|%r")


def rows(text: str) -> list[Row]:
    """The jobs in an answer to `LIST`."""
    found = []
    for line in text.splitlines():
        parts = line.strip().split("|", 4)
        if len(parts) == 5:
            batch, index, id, state, reason = parts
            found.append(Row(batch, int(index) if index.isdecimal() else 0, id, state, reason))
    return found


class Call:
    """A command of Slurm that is under way. ComputeError when it is not on PATH."""

    def __init__(self, words: Sequence[str], text: bytes = b"") -> None:
        self.began = time.monotonic()
        self._name = words[0]
        self._output, self._errors = tempfile.TemporaryFile(), tempfile.TemporaryFile()  # noqa: SIM115
        inherited = {k: v for k, v in os.environ.items() if not k.startswith("SLURM_") or k == "SLURM_CONF"}
        with tempfile.TemporaryFile() as given:
            given.write(text)
            given.seek(0)
            try:
                self._process = subprocess.Popen(
                    words,
                    stdin=given,
                    stdout=self._output,
                    stderr=self._errors,
                    env=inherited,
                    start_new_session=True,
                )
            except FileNotFoundError:
                self._output.close()
                self._errors.close()
                raise ComputeError(
                    f"slurm: there is no {words[0]} on PATH; submit from a machine where Slurm's commands work"
                ) from None

    def answer(self) -> str | None:
        """What it printed, or None while it is still at work. ComputeError when it has failed, or takes too long."""
        code = self._process.poll()
        if code is None and time.monotonic() - self.began < PATIENCE:
            return None
        output, errors = self.end()
        if code is None:
            raise ComputeError(f"slurm: {self._name} has no answer from slurmctld within {PATIENCE:g} s")
        if code:
            raise ComputeError(f"slurm: {self._name}: {_said(errors) or f'exit code {code}'}")
        return output

    def end(self) -> tuple[str, str]:
        """What it printed, and what it complained about, until now; it goes no further."""
        self._process.kill()
        self._process.wait()
        texts = []
        for file in (self._output, self._errors):
            with file:
                file.seek(0)
                texts.append(file.read().decode("utf-8", "replace"))
        return texts[0], texts[1]

    def wait(self) -> str:
        """Its answer, waited for."""
        while True:
            answer = self.answer()
            if answer is not None:
                return answer
            try:
                self._process.wait(PATIENCE / 100)
            except subprocess.TimeoutExpired:
                continue


def _said(errors: str) -> str:
    """The last thing that a command complained about, without its own name in front."""
    lines = [line for line in errors.splitlines() if line.strip()]
    return re.sub(r"^\w+: (error: )?", "", lines[-1]).strip() if lines else ""


_TEMPORARY = re.compile(
    r"no answer|unable to contact|connect|timed out|try again|temporarily|submit limit|communication"
    r"|zero bytes|not responding|shutting down",
    re.IGNORECASE,
)


def is_temporary(error: ComputeError) -> bool:
    """Whether the same wish may be granted later: Slurm is away, or the user has too many jobs just now."""
    return _TEMPORARY.search(str(error)) is not None


class _Partition(NamedTuple):
    name: str
    default: bool
    nodes: int
    down: int
    idle: int
    usable: int
    gres: str

    def __str__(self) -> str:
        gres = "" if self.gres in ("(null)", "") else f", {self.gres}"
        down = f", {self.down} down" if self.down else ""
        return (
            f"{self.name}: {_count(self.nodes, 'node')}{down}, {self.idle} of {self.usable} cores free{gres}"
        )


def _count(number: int, word: str) -> str:
    return f"{number} {word}{'' if number == 1 else 's'}"


def _partitions(text: str) -> list[_Partition]:
    """The partitions in an answer to sinfo, whose lines are by partition, state of the node and gres."""
    found: dict[str, _Partition] = {}
    for line in text.splitlines():
        parts = line.strip().split("|")
        if len(parts) != 5:
            continue
        name, state, nodes, cores, gres = parts
        _, idle, other, total = map(int, cores.split("/"))
        here = _Partition(name.rstrip("*"), name.endswith("*"), int(nodes), 0, idle, total - other, gres)
        if re.match(r"down|fail|drain|boot|unk|inval", state) or state.endswith("*"):
            here = here._replace(down=here.nodes, idle=0)
        before = found.get(here.name)
        if before is not None:
            sums = {
                key: getattr(before, key) + getattr(here, key) for key in ("nodes", "down", "idle", "usable")
            }
            kinds = dict.fromkeys(filter(None, [before.gres, here.gres]))
            here = here._replace(**sums, gres=" ".join(kinds))
        found[here.name] = here
    return list(found.values())


def survey(options: Mapping[str, Any], gpus: float = 0.0, cores: int = 0, nodes: int = 1) -> Survey:
    """What the cluster has for runs with these options and needs. ComputeError when it does not answer, or never
    would run them."""
    trial = Call(["sbatch", "--test-only", *flags(options, gpus, cores, nodes)], b"#!/bin/sh\n")
    there = _partitions(Call(["sinfo", "--noheader", "--format=%P|%T|%D|%C|%G"]).wait())
    try:
        trial.wait()
    except ComputeError as error:
        if is_temporary(error):
            raise
        raise ComputeError(f"{error}. There is {'; '.join(map(str, there)) or 'no partition'}") from None
    wanted = str(options.get("partition") or os.environ.get("SBATCH_PARTITION") or "").split(",")
    chosen = [one for one in there if (one.name in wanted if wanted != [""] else one.default)] or there
    share = max(1, cores // nodes) if cores else options.get("cpus_per_task", 1)
    most = max(1, sum(one.usable for one in chosen) // (share * nodes))
    free = min(most, sum(one.idle for one in chosen) // (share * nodes))
    return Survey(free, most, share, "; ".join(map(str, chosen)))
