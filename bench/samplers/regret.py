"""Normalised regret: 0 = the best known value of a task, 1 = the median of random search at the same budget.

Notation: f is the best of a sweep's first b losses, f* the best known value, m(b) the median of f under random
search; r = (f - f*) / (m(b) - f*). Where random search comes near f*, the denominator vanishes and one task can
make any mean. Hence r counts at most CAP in the capped mean, and a task with m(b) = f* is left out at that budget.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

BUDGETS = (25, 50, 100, 200)
CAP = 2.0
SEEDS = 5  # from so many on, a bootstrap says something
KNOWN = Path(__file__).with_name("known.json")


@dataclass(frozen=True)
class Known:
    """What is known of a task: its best value, and m(b) for each budget that enough was drawn for."""

    least: float
    random: Mapping[int, float]

    def regret(self, found: float, budget: int) -> float:
        """r; NaN where random search cannot be told from the best."""
        scale = self.random.get(budget, np.nan) - self.least
        return (found - self.least) / scale if scale > 1e-9 * max(1.0, abs(self.least)) else np.nan


def median_of_random(losses: Sequence[float], budget: int) -> float:
    """m(b) from independent draws: all b miss the share q of the best with probability (1 - q)^b, which is one
    half for q = 1 - 2^(-1/b)."""
    return float(np.quantile(losses, 1 - 2 ** (-1 / budget), method="lower"))


def known(rows: Iterable[Mapping[str, Any]], least: Mapping[str, float | None]) -> dict[str, Known]:
    """Best values from `least`, else the best of the rows and of the file beside this module; m(b) from the file,
    else from the rows. Tasks of which neither is known are left out."""
    stored = json.loads(KNOWN.read_text()) if KNOWN.exists() else {}
    found: dict[str, float] = {}
    drawn: dict[str, list[float]] = defaultdict(list)
    for row in rows:
        found[row["task"]] = min([*row["losses"], found.get(row["task"], np.inf)])
        if row["peer"] == "random":
            drawn[row["task"]] += row["losses"]
    made = {}
    for task, exact in least.items():
        old = stored.get(task, {"least": np.inf, "random": {}})
        best = min(found.get(task, np.inf), old["least"]) if exact is None else exact
        random = {b: median_of_random(drawn[task], b) for b in BUDGETS if len(drawn[task]) >= 5 * b}
        random |= {int(budget): value for budget, value in old["random"].items()}
        if random:
            made[task] = Known(best, random)
    return made


def store(tasks: Mapping[str, Known]) -> None:
    """Keep what is known beside this module, with what it holds of other tasks."""
    stored = json.loads(KNOWN.read_text()) if KNOWN.exists() else {}
    new = {name: {"least": task.least, "random": task.random} for name, task in tasks.items()}
    lines = [f"{json.dumps(name)}: {json.dumps(value)}" for name, value in sorted((stored | new).items())]
    KNOWN.write_text("{\n" + ",\n".join(lines) + "\n}\n")


class Scores:
    """Regrets by peer, task and budget: an array over seeds each."""

    def __init__(self, rows: Iterable[Mapping[str, Any]], tasks: Mapping[str, Known]) -> None:
        self._found: dict[tuple[str, str, int], dict[int, float]] = defaultdict(dict)
        for row in rows:
            for budget in BUDGETS:
                if row["task"] in tasks and len(row["losses"]) >= budget:
                    r = tasks[row["task"]].regret(min(row["losses"][:budget]), budget)
                    if not np.isnan(r):
                        self._found[row["peer"], row["task"], budget][row["seed"]] = r

    def of(self, peer: str, task: str, budget: int) -> np.ndarray:
        """Shape (seeds,), empty where nothing is known."""
        return np.array(list(self._found.get((peer, task, budget), {}).values()))

    def mean(self, peer: str, task: str, budget: int) -> float:
        """The capped mean over seeds; NaN where nothing is known."""
        found = self.of(peer, task, budget)
        return float(np.minimum(found, CAP).mean()) if len(found) else np.nan

    def worse(self, peer: str, task: str, budget: int, draws: int = 2000) -> bool | None:
        """Whether the peer is worse than random search: the lower end of a bootstrap's 95 % interval of the
        difference of their capped means lies above 0. None with too few seeds to say."""
        rng = np.random.default_rng(0)
        ours, theirs = (np.minimum(self.of(p, task, budget), CAP) for p in (peer, "random"))
        if min(len(ours), len(theirs)) < SEEDS:
            return None
        ours, theirs = (rng.choice(x, (draws, len(x))).mean(1) for x in (ours, theirs))
        return bool(np.quantile(ours - theirs, 0.025) > 0)
