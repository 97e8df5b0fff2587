"""Every exception that Overdrive raises, in one tree.

OverdriveError
├── ConfigError (ValueError)     a configuration is wrong: all its problems at once
│   └── RunContextError          a log method was called in a way that it cannot record
├── NotFound (LookupError)       a sweep, run, file or model that is not there
├── StoreError                   the database cannot be opened, read or written
├── ComputeError                 a back end cannot start, see or stop a job
├── Unsupported (NotImplementedError)   a name that means something in the cloud only
├── SweepHeld                    a live controller already holds this sweep
└── RunFailed                    a run or sweep that was waited for has failed
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple


class Problem(NamedTuple):
    """One mistake of a configuration: where it stands and what is wrong with it."""

    where: str
    what: str

    def __str__(self) -> str:
        return f"{self.where}: {self.what}" if self.where else self.what


class OverdriveError(Exception):
    """The root: catch this to catch all that Overdrive raises on purpose."""


class ConfigError(OverdriveError, ValueError):
    """A configuration is wrong. `problems` lists every mistake that was found."""

    def __init__(self, problems: Iterable[Problem] | Problem | str) -> None:
        if isinstance(problems, str):
            problems = [Problem("", problems)]
        elif isinstance(problems, Problem):
            problems = [problems]
        self.problems: tuple[Problem, ...] = tuple(problems)
        super().__init__("\n".join(map(str, self.problems)))

    def within(self, place: str) -> ConfigError:
        """The same problems, seen from one level further out (`place.where`)."""
        return ConfigError(Problem(f"{place}.{p.where}" if p.where else place, p.what) for p in self.problems)


class RunContextError(ConfigError):
    """A log method was called in a way that it cannot record; the message says what to call instead."""


class NotFound(OverdriveError, LookupError):
    """Nothing has this name here; the message says what there is instead."""


class StoreError(OverdriveError):
    """The database cannot be opened, read or written."""


class ComputeError(OverdriveError):
    """A compute back end cannot start, see or stop a job."""


class Unsupported(OverdriveError, NotImplementedError):
    """What was asked for exists in the cloud only; the message says what to do here."""


class SweepHeld(OverdriveError):
    """A live controller already holds this sweep."""


class RunFailed(OverdriveError):
    """A run or a sweep that was waited for has failed; the message carries its last words."""
