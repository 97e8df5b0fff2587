"""The table: normalised regret, 0 = the best known value, 1 = the median of random search at the same
budget."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

BUDGETS = (25, 50, 100, 200)


def table(
    rows: Iterable[Mapping[str, Any]], least: Mapping[str, float | None], pending: int, each: bool
) -> str:
    """Mean over tasks of the mean over seeds, mean rank at the last budget, and milliseconds a suggestion."""
    rows = [row for row in rows if row["task"] in least]
    best: dict[str, float] = {}
    for row in rows:
        known = least[row["task"]]
        found = min(row["losses"]) if known is None else known
        best[row["task"]] = min(found, best.get(row["task"], found))
    runs: dict[tuple[str, str], list[Mapping[str, Any]]] = defaultdict(list)
    for row in rows:
        if row["pending"] == pending or row["method"] in ("random", "sobol"):
            runs[row["method"], row["task"]].append(row)
    methods = list(dict.fromkeys(method for method, _ in runs))
    lines = [
        f"{'method':24}"
        + "".join(f"{'at ' + str(b):>9}" for b in BUDGETS)
        + "   median  rank    ms (95 %)  tasks"
    ]
    details = []
    regrets: dict[tuple[str, str, int], float] = {}
    for (method, task), ours in runs.items():
        for budget in BUDGETS:
            drawn = [
                min(r["losses"][:budget])
                for r in runs.get(("random", task), [])
                if len(r["losses"]) >= budget
            ]
            found = [min(r["losses"][:budget]) for r in ours if len(r["losses"]) >= budget]
            if drawn and found:
                scale = max(float(np.median(drawn)) - best[task], 1e-12)
                regrets[method, task, budget] = float(np.mean([(f - best[task]) / scale for f in found]))
    last = max((b for _, _, b in regrets), default=0)
    for method in methods:
        own = [task for m, task in runs if m == method]
        cells = ""
        for budget in BUDGETS:
            values = [regrets[method, t, budget] for t in own if (method, t, budget) in regrets]
            cells += f"{np.mean(values):9.3f}" if values else " " * 9
        final = [regrets[method, t, last] for t in own if (method, t, last) in regrets]
        ranks = [
            1 + sum(regrets.get((m, t, last), np.inf) < regrets[method, t, last] for m in methods)
            for t in own
            if (method, t, last) in regrets
        ]
        waits = np.concatenate([r["ms"][max(0, len(r["ms"]) - 10) :] for t in own for r in runs[method, t]])
        tail = f"{np.median(final):9.3f}{np.mean(ranks):6.2f}" if final else " " * 15
        lines.append(
            f"{method:24}{cells}{tail}{np.median(waits):6.0f} ({np.quantile(waits, 0.95):.0f}){len(own):6}"
        )
    if each:
        for task in least:
            shown = "".join(
                f"{m}=" + "/".join(f"{regrets.get((m, task, b), np.nan):.2f}" for b in BUDGETS[:3]) + "  "
                for m in methods
                if (m, task) in runs and m != "random"
            )
            details.append(f"{task:18} best {best.get(task, np.nan):.4g}  {shown}")
    return "\n".join(lines + details)
