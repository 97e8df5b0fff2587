"""The policy protocol, its verdict, and the table of names."""

from __future__ import annotations

from typing import NamedTuple, Protocol

from ..model.history import History
from ..model.records import RunRecord
from ..registry import Registry

POLICIES = Registry(
    "policies",
    {
        "bandit": "overdrive.policies.bandit:BanditPolicy",
        "median_stopping": "overdrive.policies.median:MedianStoppingPolicy",
        "truncation_selection": "overdrive.policies.truncation:TruncationSelectionPolicy",
        "none": "overdrive.policies.base:NoTerminationPolicy",
    },
)


class Verdict(NamedTuple):
    """Whether to stop a run, and why, in words and numbers."""

    stop: bool
    reason: str = ""


class Policy(Protocol):
    """What the planner needs of a policy."""

    def judge(self, run: RunRecord, interval: int, history: History) -> Verdict:
        """Whether `run`, which has just reported its value number `interval` (from 1), goes on."""
        ...
