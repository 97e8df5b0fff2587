"""The chance that an unfinished run would become the best one, and what all stopped runs together may have cost.

    chance = 1 / (1 + exp(-(BIAS + sum of WEIGHTS x outlook)))

with the outlook of `outlook.py`. The constants were fitted on the tuning tasks of `bench/policies`, never on the
held-out ones; each task left out, chances from 0.0003 to 0.2 came true as often as they said.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from ..model.history import History
from ..model.records import RunRecord
from .features import Array
from .outlook import Outlook, Outlooks

BIAS = -4.68
WEIGHTS = np.array(
    Outlook(ahead=-0.08, late=-0.93, moves=-0.2, lack=-0.165, behind=-0.32, promise=0.92, rise=0.92)
)

LEAST_FINISHED = 6
"""With fewer finished runs there is nothing to learn from."""

MOST_ASKED = 200
"""Of more stopped runs than that, so many speak for all."""

SHAPE = 0.25
"""By how much the chances are wrong, as a factor, is a gamma of this shape around 1: 95 % below 4.7."""

CONFIDENCE = 0.95


class Loss(NamedTuple):
    """How likely it is that the winner is among the runs that were stopped: as expected, and the upper bound."""

    expected: float
    bound: float


def chances(history: History, runs: Sequence[RunRecord], intervals: Sequence[int]) -> Array | None:
    """(p,) for each of these unfinished runs, which have a usable value, judged by so many of its values; None
    while fewer than LEAST_FINISHED runs have finished."""
    standings = Outlooks.of(history)
    if len(standings.finished) < LEAST_FINISHED:
        return None
    score = BIAS + standings.outlooks(runs, intervals) @ WEIGHTS
    found: Array = 1 / (1 + np.exp(-score))
    return found


def doubt(won: int, expected: float = 0.0) -> float:
    """The factor that chances are believed to be too small by, after `won` of the controls have won and so many
    were expected to: the mean of the gamma."""
    return (SHAPE + won) / (SHAPE + expected)


def loss(history: History, stopped: Sequence[RunRecord], controls: int, won: int) -> Loss | None:
    """What stopping these runs may have cost; `won` of so many controls, which were drawn from the same ones, have
    won. None where no chance is known."""
    from scipy.special import gammaincinv  # type: ignore[import-untyped]  # which policies need not wait for

    known = [run for run in stopped if run.series.best is not None]
    if not known:
        return None
    asked = known[:: -(-len(known) // MOST_ASKED)]
    found = chances(history, asked, [len(run.series) for run in asked])
    if found is None:
        return None
    lost = float(found.sum()) * len(known) / len(asked)
    shape, rate = SHAPE + won, SHAPE + lost * controls / len(known)
    return Loss(
        -math.expm1(-lost * shape / rate), -math.expm1(-lost * float(gammaincinv(shape, CONFIDENCE)) / rate)
    )
