"""Why an attempt ended, and whether the run gets another one."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from enum import StrEnum
from typing import Any

from ..errors import ConfigError, Problem


class Cause(StrEnum):
    """Why an attempt of a run ended otherwise than by itself and well."""

    LOST = "lost"
    """The machine went away, or somebody outside killed the process."""
    MEMORY = "memory"
    """It wanted more memory than there was, or than its limit."""
    TIME = "time"
    """It reached its time limit."""
    SILENCE = "silence"
    """It logged no metric for too long."""
    EXIT = "exit"
    """It ended with an exit code other than 0, or crashed."""
    POLICY = "policy"
    """Early termination."""
    PAUSE = "pause"
    """Early termination, for now: it may go on later from its checkpoint."""
    PLATEAU = "plateau"
    """It had stopped improving: it has completed, early."""
    CONTROL = "control"
    """None yet: early termination would have stopped it, and lets it run to see what becomes of it."""
    BUDGET = "budget"
    """The sweep's time or money is used up."""
    USER = "user"
    """Somebody cancelled it."""


@dataclass(frozen=True, kw_only=True)
class Retries:
    """How many further attempts a run gets, by the cause of the end.

    A lost process is nobody's fault: two more attempts by default. Of anything else: none.
    """

    lost: int = 2
    memory: int = 0
    time: int = 0
    silence: int = 0
    exit: int = 0

    @staticmethod
    def of(given: int | Mapping[str, int] | Retries | None) -> Retries:
        """From `max_retries`: one number for every cause (lost processes keep at least their 2), or by cause."""
        if isinstance(given, Retries):
            return given
        names = [field.name for field in fields(Retries)]
        if given is None or (isinstance(given, int) and not isinstance(given, bool) and given >= 0):
            number = given or 0
            return Retries(**{name: max(number, 2) if name == "lost" else number for name in names})
        if not isinstance(given, Mapping):
            raise ConfigError(Problem("", f"must be a number, or a dict by cause, got {given!r}"))
        problems = [
            Problem(str(name), f"is no cause; there are {', '.join(names)}")
            for name in given
            if name not in names
        ]
        problems += [
            Problem(str(name), f"must be 0 or more, got {number!r}")
            for name, number in given.items()
            if not isinstance(number, int) or isinstance(number, bool) or number < 0
        ]
        if problems:
            raise ConfigError(problems)
        return Retries(**given)

    def allow(self, cause: Cause, earlier: Sequence[str]) -> bool:
        """Whether an attempt that ended for this cause is followed by another; `earlier`: causes so far."""
        return earlier.count(cause) < getattr(self, cause, 0)

    def to_json(self) -> dict[str, Any]:
        """All numbers by cause."""
        return {field.name: getattr(self, field.name) for field in fields(self)}


_NO_MEMORY = re.compile(
    r"MemoryError|out of memory|cannot allocate memory|std::bad_alloc|OutOfMemoryError|CUBLAS_STATUS_ALLOC_FAILED",
    re.IGNORECASE,
)

_BY_HAND = {1, 2, 9, 15}
"""HUP, INT, KILL, TERM: signals that come from outside; the others come from the program itself."""


def cause_of_end(exit_code: int | None, last_words: str, *, killed_for_memory: bool = False) -> Cause:
    """Why a run that nobody told to stop ended with this exit code (minus a signal's number; None: unseen)."""
    if exit_code is None:
        return Cause.LOST
    signal = -exit_code if exit_code < 0 else exit_code - 128 if exit_code > 128 else None
    if killed_for_memory or (exit_code != 0 and _NO_MEMORY.search(last_words)):
        return Cause.MEMORY
    return Cause.LOST if signal in _BY_HAND else Cause.EXIT
