"""What the controller needs of a back end: jobs go in, changes of their states come out.

A back end knows jobs, not sweeps: it starts a program in a run folder, says when it runs and how it
ended, and stops it. The contract that every back end keeps, and that one test suite checks:

- **A job never runs twice.** `start` is idempotent by id and folder: a job that is running, or that has
  left its exit file, is not started again; its state is reported instead. A second try of the same
  parameters is a new job with a new folder.
- **start returns at once** with a handle, a string to be stored. That a job could not be started is an
  end like any other: exit code 127 (no such program) or 126 (a program that will not start), the reason
  in `note` and at the end of the run's stderr.txt.
- **Every change is reported**, by `poll` or by the `adopt` that found it; an end ("ended" or "lost") exactly
  once to each poller, and nothing about that job after it. Steps may be skipped: a short job may be
  seen as "ended" at once.
- **The exit file is authoritative.** It is written before the end is reported, whole or not at all. "lost"
  means: no process of the job is left, and nobody saw how it ended.
- **A job is its whole process tree.** Its end is reported when its process group is gone. `cancel` leaves no
  process of it, however far it forked, and is no error for a job that is unknown or has ended.
- **Jobs outlive the poller.** `close`, or the death of the controller, ends none of them; `adopt` finds
  them again.
- A program's argv, environment and output arrive byte for byte.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, NamedTuple, Protocol

from ..registry import Registry

COMPUTES = Registry(
    "computes",
    {
        "local": "overdrive.compute.local:LocalCompute",
        "slurm": "overdrive.compute.slurm:SlurmCompute",
        "ray": "overdrive.compute.ray.compute:RayCompute",
    },
)

OUT_OF_MEMORY = "out of memory"
"""How the note of a job begins that was killed for its memory, by us or by the kernel."""

Phase = Literal["starting", "running", "ended", "lost"]


class Warmth(NamedTuple):
    """What a warm process makes ready: `modules`, as `package.module` or `package:name`, and the functions of
    the module at the path `prepare` within the source folder."""

    modules: Sequence[str] = ()
    prepare: str | None = None


@dataclass(frozen=True, slots=True)
class Job:
    """One program to run.

    `folder` is the run folder and the working directory; the back end makes it where it is missing, and
    copies the content of `source` into it before the start, and over it what the run folder holds in
    `.run/files/`. `env` is added to the inherited environment,
    and so is OVERDRIVE_JOB_ID = `id`, by which stray processes are recognized. `grace` is how many seconds
    processes that outlive the program itself get between TERM and KILL. A job whose processes together hold
    more than `memory` bytes is killed, and its `note` begins with OUT_OF_MEMORY. A Python
    script with a `warm` may be forked from a process that has made ready what it says, which makes no
    difference to it but in time.

    `gpus` and `cores` are what the whole job needs for itself, 0 for what the back end gives unasked. `gpus` below 1
    is a share of one; `pin_cores` ties the job to its cores. A job with `nodes` above 1 has for its argv the program
    `runtime.gang`, to be started once on each of them as `runtime.rendezvous` says; they share gpus and cores evenly.
    """

    id: str
    argv: Sequence[str]
    folder: Path
    env: Mapping[str, str] = field(default_factory=dict)
    grace: float = 10.0
    memory: int | None = None
    source: Path | None = None
    warm: Warmth | None = None
    gpus: float = 0.0
    cores: int = 0
    pin_cores: bool = False
    nodes: int = 1


class Claim(NamedTuple):
    """A job that an earlier controller started, or meant to: `handle` is None when it got no further."""

    id: str
    folder: Path
    handle: str | None = None


class JobState(NamedTuple):
    """How a job stands. Times are seconds since the epoch; `exit_code` is minus the signal's number when a
    signal ended it, and None before the end and for a lost job."""

    id: str
    phase: Phase
    handle: str
    pid: int | None = None
    exit_code: int | None = None
    started: float | None = None
    ended: float | None = None
    note: str = ""

    @property
    def over(self) -> bool:
        """Whether nothing more will happen to the job."""
        return self.phase in ("ended", "lost")


class Survey(NamedTuple):
    """What a back end has: how many runs could start now, how many fit when it is idle, the cores that each gets,
    and its health in words. `all` is at least 1."""

    free: int
    all: int
    cores: int
    health: str


class Surveyed(Protocol):
    """What a back end may offer beyond the contract."""

    @staticmethod
    def survey(options: Mapping[str, Any], gpus: float = 0.0, cores: int = 0, nodes: int = 1) -> Survey:
        """What there is for runs with these options and needs, within 10 seconds. ComputeError when nothing
        answers, or when such runs can never start there: the message says what there is instead."""
        ...


class Compute(Protocol):
    """A back end, built with the sweep's folder and the target's options: `Class(folder, options)`. Used from one
    thread. ComputeError when the back end itself cannot be reached."""

    @staticmethod
    def options(given: Mapping[str, Any]) -> dict[str, Any]:
        """The options of a target, checked without asking anybody; ConfigError with all that is wrong."""
        ...

    def start(self, job: Job) -> str:
        """Ask for the job to be started, and return its handle at once."""
        ...

    def poll(self, timeout: float) -> list[JobState]:
        """The changes since the last call: as soon as there is one, at the latest after `timeout` seconds."""
        ...

    def cancel(self, job_id: str, grace: float) -> None:
        """TERM to every process of the job now, KILL after `grace` seconds to those that are left."""
        ...

    def adopt(self, claims: Iterable[Claim]) -> list[JobState]:
        """The states of those of these jobs that were ever started; `poll` reports what follows.

        A claim with no answer never ran, and may safely be started.
        """
        ...

    def close(self) -> None:
        """Let go of the back end; the jobs go on."""
        ...
