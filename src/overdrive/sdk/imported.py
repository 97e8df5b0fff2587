"""Sweeps that were run elsewhere, as sweeps of a workspace that have ended: to look at, and to start warm from."""

from __future__ import annotations

from ..model.metrics import Point
from ..model.records import RunRecord, SweepRecord
from ..store.base import Turn
from .workspace import Workspace


def create(
    workspace: Workspace, sweep: SweepRecord, runs: list[RunRecord], points: list[tuple[str, Point]]
) -> None:
    """Write the sweep, whole or not at all."""
    workspace.store.create_sweep(sweep, Turn(new_runs=runs, points=points))
