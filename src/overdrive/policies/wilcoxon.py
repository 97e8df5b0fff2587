"""Wilcoxon: for runs whose intervals are folds, seeds or instances, the same ones in the same order for
every run. A run is stopped when it is, pair by pair, worse than the best run on average.

Notation: d_i is how much better the other run is than the judged one at interval i; zeros are left out.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

from ..errors import Problem
from ..model.history import History
from ..model.metrics import PrimaryMetricGoal
from ..model.records import RunRecord
from .base import GO_ON, EarlyTerminationPolicy, Verdict, figures

EXACT_PAIRS = 50
"""Up to so many pairs the distribution is counted out, beyond it is normal to three digits."""

_CANDIDATE = Verdict(True, "not the best run")


@dataclass(frozen=True)
class WilcoxonPolicy(EarlyTerminationPolicy):
    """Stops run i at N when a one-sided signed-rank test over the first N pairs with the leader gives
    p below this look's share of `p_threshold`, and its mean over them is worse.

    The leader is the run with the best mean among those with the most values. A run is looked at many times:
    look j has a share of 1 / (j (j + 1)), which never sum to more than 1, so that `p_threshold` is the chance for
    the run. p is never below 2^-N; the first look is the first that may stop anything, the fifth pair at
    the default. Source: Wilcoxon 1945.
    """

    NAME: ClassVar[str] = "wilcoxon"

    p_threshold: float = 0.1
    evaluation_interval: int = 1
    delay_evaluation: int = 0

    def problems(self) -> Iterator[Problem]:
        number = isinstance(self.p_threshold, int | float) and not isinstance(self.p_threshold, bool)
        if not number or not 0 < self.p_threshold < 1:
            yield Problem("p_threshold", f"must be between 0 and 1, got {self.p_threshold!r}")
        yield from super().problems()

    def judge(self, run: RunRecord, interval: int, history: History) -> Verdict:
        """Whether `run` goes on."""
        verdict = super().judge(run, interval, history)
        if verdict is not _CANDIDATE:
            return verdict
        leader = _leader(history)
        if leader is None or leader.id == run.id:
            return GO_ON
        return _test(run, leader, interval, history.goal, self.threshold(interval))

    def threshold(self, interval: int) -> float:
        """What p must be below at this interval: 0 before the first look."""
        first = max(1, self.delay_evaluation, math.floor(-math.log2(self.p_threshold / 2)) + 1)
        look = interval // self.evaluation_interval - (first - 1) // self.evaluation_interval
        return self.p_threshold / (look * (look + 1)) if look > 0 else 0.0

    def compare(self, best: float, interval: int, history: History) -> Verdict:
        """Whoever is not the incumbent is put to the test, which needs the runs themselves."""
        return _CANDIDATE


def _leader(history: History) -> RunRecord | None:
    """The best mean of those with the most values; the lower number, then the id, among equals."""
    longest = max((len(run.series) for run in history), default=0)
    sign = -1 if history.goal is PrimaryMetricGoal.MAXIMIZE else 1
    means = [
        (sign * mean, run.number, run.id)
        for run in history
        if len(run.series) == longest and (mean := run.series.mean_at(longest)) is not None
    ]
    return history[min(means)[2]] if means else None


def _test(
    run: RunRecord, leader: RunRecord, interval: int, goal: PrimaryMetricGoal, threshold: float
) -> Verdict:
    pairs = [
        tuple(value if goal.usable(value) else goal.worst for value in pair)
        for pair in zip(run.series.values[:interval], leader.series.values[:interval], strict=False)
    ]
    sign = 1 if goal is PrimaryMetricGoal.MAXIMIZE else -1
    behind = [sign * (other - own) for own, other in pairs if own != other]
    p = signed_rank(behind)
    if not sum(behind) > 0 or p >= threshold:
        return GO_ON
    own, other = figures(*(sum(side) / len(pairs) for side in zip(*pairs, strict=True)))
    return Verdict(
        True,
        f"mean {own} over {len(pairs)} intervals, run {leader.number} has {other} over the same: "
        f"p = {p:.2g}, below {threshold:.3g}",
    )


def signed_rank(differences: Iterable[float]) -> float:
    """P(the ranks of the negative differences sum to no more than they do), if signs were tosses of a coin.

    Zeros must be left out; equal sizes share the mean of their ranks. Exact up to EXACT_PAIRS, then normal
    with the corrections for ties and for continuity. 1 for no difference at all.
    """
    sizes = sorted((abs(d), d < 0) for d in differences)
    ranks = _doubled_ranks([size for size, _ in sizes])
    observed = sum(rank for rank, (_, negative) in zip(ranks, sizes, strict=True) if negative)
    if len(ranks) <= EXACT_PAIRS:
        ways = [1]  # ways[s]: of all sign patterns, those whose doubled ranks sum to s
        for rank in ranks:
            wider = ways + [0] * rank
            for total, count in enumerate(ways):
                wider[total + rank] += count
            ways = wider
        return sum(ways[: observed + 1]) / (1 << len(ranks))
    mean = sum(ranks) / 2
    deviation = math.sqrt(sum(rank * rank for rank in ranks)) / 2
    return 0.5 * math.erfc((mean - observed - 1) / deviation / math.sqrt(2))


def _doubled_ranks(ordered: Sequence[float]) -> list[int]:
    """Twice the rank (from 1) of each, in order; twice, so that the mean of tied ranks is whole."""
    ranks: list[int] = []
    while len(ranks) < len(ordered):
        first = len(ranks)
        last = first
        while last + 1 < len(ordered) and ordered[last + 1] == ordered[first]:
            last += 1
        ranks += [first + last + 2] * (last - first + 1)
    return ranks
