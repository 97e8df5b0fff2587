"""Successive halving without waiting for anyone: ASHA."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

from ..errors import Problem
from ..model.history import History
from ..model.metrics import PrimaryMetricGoal
from ..model.records import RunRecord
from .base import Kind, Verdict
from .rungs import RungPolicy


@dataclass(frozen=True)
class SuccessiveHalvingPolicy(RungPolicy):
    """ASHA: at each rung a run goes on if it is in the best 1 / `eta` of those that came.

    Whoever is not is stopped; with `promotion` it is paused, if its script keeps checkpoints, and goes on as
    soon as a place is free and it is in the best 1 / `eta` of its rung, the highest rung first. Source: Li et al.,
    MLSys 2020 (arXiv 1810.05934); the stopping form is Syne Tune's.
    """

    NAME: ClassVar[str] = "successive_halving"

    promotion: bool = False

    def problems(self) -> Iterator[Problem]:
        yield from super().problems()
        if not isinstance(self.promotion, bool):
            yield Problem("promotion", f"must be true or false, got {self.promotion!r}")

    def judge(self, run: RunRecord, interval: int, history: History) -> Verdict:
        """Whether `run` goes on."""
        verdict = super().judge(run, interval, history)
        return verdict._replace(kind=Kind.PAUSE) if verdict.stop and self.promotion else verdict

    def take_up(self, paused: Sequence[RunRecord], history: History, *, more: bool) -> RunRecord | None:
        """The best of the highest rung that has one to promote; the lower number among equals."""
        by_rung: dict[int, list[RunRecord]] = {}
        for run in paused:
            if run.series.best is not None:
                by_rung.setdefault(self.rung_of(len(run.series)), []).append(run)
        sign = -1 if history.goal is PrimaryMetricGoal.MAXIMIZE else 1
        for rung in sorted(by_rung, reverse=True):
            last = self.last_kept(rung, history)
            ranked = [
                (sign * best, run.number, run.id)
                for run in by_rung[rung]
                if (best := run.series.best_at(rung)) is not None
                and (last is None or not history.goal.better(last, best))
            ]
            if ranked:
                return history[min(ranked)[2]]
        return None
