"""Successive halving without waiting for anyone: ASHA."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from .rungs import RungPolicy


@dataclass(frozen=True)
class SuccessiveHalvingPolicy(RungPolicy):
    """ASHA in its stopping form: at each rung a run goes on if it is in the best 1 / `eta` of those that came.

    Source: Li et al., MLSys 2020 (arXiv 1810.05934); the stopping form is Syne Tune's. The promotion type,
    which pauses a run instead of stopping it, is not this one.
    """

    NAME: ClassVar[str] = "successive_halving"
