"""`overdrive replay`: what each policy would have saved and lost on the runs that a sweep let finish."""

from __future__ import annotations

import sys
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from ..sdk.rehearsal import Rehearsal, rehearse
from .answer import find, print_json

_COLUMNS = {
    "intervals saved %": "saved",
    "run time saved %": "seconds_saved",
    "wall time saved %": "wall_saved",
    "added regret %": "regret",
    "worst %": "worst",
    "winner lost %": "lost",
}


def replay_one(
    folder: Path | None,
    ident: str,
    policies: list[str],
    *,
    places: int | None,
    orders: int,
    checkpoints: bool,
    suggest: bool,
    as_json: bool,
) -> int:
    """The table; with `suggest`, the name of the policy to use."""
    view = find(folder, ident).view
    told = sys.stderr.isatty() and not as_json
    found = rehearse(
        view,
        policies,
        places=places,
        orders=orders,
        checkpoints=checkpoints,
        told=lambda name: print(f"replaying {name}", file=sys.stderr) if told else None,
    )
    if as_json:
        rows = zip(found.policies, found.scores, strict=True)
        print_json(
            {
                "id": view.sweep.id,
                "curves": found.curves,
                "places": found.places,
                "orders": found.orders,
                "checkpoints": checkpoints,
                "policies": [{"policy": name, **score._asdict()} for name, score in rows],
                "suggested": found.suggested,
            }
        )
    elif suggest:
        _suggest(found)
    else:
        _print(found)
        if found.curves < len(view.runs):
            left = len(view.runs) - found.curves
            print(
                f"{left} of {len(view.runs)} runs were not let finish and are left out: "
                "the figures are for sweeps of runs such as those that were",
                file=sys.stderr,
            )
    return 0 if found.suggested or not suggest else 1


def _print(found: Rehearsal) -> None:
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False)
    table.add_column("policy", no_wrap=True)
    for heading in _COLUMNS:
        table.add_column(heading, justify="right", no_wrap=not sys.stdout.isatty())
    for name, score in zip(found.policies, found.scores, strict=True):
        mark = " *" if name == found.suggested else ""
        table.add_row(
            Text(name + mark), *(f"{getattr(score, field):.{_digits(field)}f}" for field in _COLUMNS.values())
        )
    console = Console() if sys.stdout.isatty() else Console(width=1000, soft_wrap=True)
    console.print(
        f"{found.curves} finished runs, {found.places} at a time, in {found.orders} orders; "
        "regret is of |best - median|",
        highlight=False,
    )
    console.print(table)
    if found.suggested:
        console.print("* suggested: saves most, and seldom loses the winner", highlight=False)


def _suggest(found: Rehearsal) -> None:
    if found.suggested is None:
        print("no policy saves anything here without losing the winner too often", file=sys.stderr)
        return
    print(found.suggested)


def _digits(field: str) -> int:
    return 2 if field in ("regret", "worst") else 1
