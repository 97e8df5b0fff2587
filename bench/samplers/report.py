"""The tables, in Markdown: what is known so far, with the number of tasks and seeds behind each figure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from .regret import BUDGETS, CAP, Known, Scores

Row = Mapping[str, Any]
HEAD = (
    "peer", f"mean, each sweep at most {CAP:g}", "mean", "median task", "mean rank", "tasks worse than random",
    "ms (95 %)", "tasks", "seeds",
)  # fmt: skip


def tables(
    rows: Sequence[Row], known: Mapping[str, Known], peers: Sequence[str], pending: int, free: Iterable[str]
) -> Iterator[str]:
    """Tables of the sweeps with so many pending, and of those of the `free` peers, for which it plays no part: one
    of the tasks that all peers with many tasks have run, and one of those that all have."""
    rows = [r for r in rows if r["task"] in known and (r["pending"] == pending or r["peer"] in free)]
    ran = {peer: {r["task"] for r in rows if r["peer"] == peer} for peer in peers}
    most = max(map(len, ran.values()), default=0)
    many = tuple(peer for peer in peers if 2 * len(ran[peer]) > most)
    for group in dict.fromkeys([many, tuple(peer for peer in peers if ran[peer])]):
        shared = sorted(set.intersection(*(ran[peer] for peer in group))) if group else []
        if shared:
            scores = Scores(rows, {task: known[task] for task in shared})
            lines = [HEAD, ["---"] * len(HEAD), *(line(scores, peer, group, shared, rows) for peer in group)]
            text = "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
            yield f"{pending} pending, the {len(shared)} tasks that all of these have run:\n\n{text}"


def line(
    scores: Scores, peer: str, group: Sequence[str], tasks: Sequence[str], rows: Sequence[Row]
) -> list[str]:
    """A peer's cells, with one figure for each budget."""
    columns: list[list[str]] = []
    for budget in BUDGETS:
        own = [task for task in tasks if len(scores.of(peer, task, budget))]
        if not own:
            continue
        capped = [scores.mean(peer, task, budget) for task in own]
        ranks = [rank(peer, {p: scores.mean(p, task, budget) for p in group}) for task in own]
        worse = [found for t in own if (found := scores.worse(peer, t, budget)) is not None]
        seeds = [len(scores.of(peer, task, budget)) for task in own]
        columns.append(
            [
                f"{np.mean(capped):.3f}",
                f"{np.mean([scores.of(peer, task, budget).mean() for task in own]):.3f}",
                f"{np.median(capped):.3f}",
                f"{np.mean(ranks):.2f}",
                f"{sum(worse)} of {len(worse)}" if worse else "–",
                str(len(own)),
                str(min(seeds)) if min(seeds) == max(seeds) else f"{min(seeds)}–{max(seeds)}",
            ]
        )
    cells = [" / ".join(figures) for figures in zip(*columns, strict=True)] or [""] * 7
    waits = [
        ms for r in rows if r["peer"] == peer and r["task"] in tasks for ms in r["ms"][len(r["ms"]) // 2 :]
    ]
    wait = f"{np.median(waits):.0f} ({np.quantile(waits, 0.95):.0f})" if waits else ""
    return [peer, *cells[:5], wait, *cells[5:]]


def each(scores: Scores, peers: Sequence[str], tasks: Sequence[str]) -> str:
    """The median regret over seeds of each task, a figure for each budget."""
    lines = [("task", *peers), ["---"] * (1 + len(peers))]
    for task in tasks:
        cells = []
        for peer in peers:
            found = [scores.of(peer, task, budget) for budget in BUDGETS]
            cells.append(" / ".join(f"{np.median(regrets):.2f}" for regrets in found if len(regrets)))
        lines.append((task, *cells))
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def rank(peer: str, regrets: Mapping[str, float]) -> float:
    """Its place from 1 among those that have a regret; equal ones share theirs."""
    others = [regret for name, regret in regrets.items() if name != peer]
    return 1 + sum(r < regrets[peer] for r in others) + sum(r == regrets[peer] for r in others) / 2
