"""A sweep that does not move: as text, and as HTML for where no widget can run. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any

from ..charts.axes import short

MOST_ROWS, MOST_LINES = 100, 12
"""So many runs, best first, in HTML and in text."""

State = dict[str, Any]
"""`sweep` (its head) and `rows` (its runs), as `studio.feed` tells them."""


def text(state: State) -> str:
    """The head, and the best runs in columns."""
    table = [_heading(state), *_cells(state, MOST_LINES)]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in table]
    return "\n".join([*_head(state), "", *(line.rstrip() for line in lines), *_rest(state, MOST_LINES)])


def html(state: State, note: str = "") -> str:
    """The same as HTML without scripts and styles; whatever comes from scripts is escaped."""
    title, *facts = _head(state)
    rows = "".join(_row(cells, "td") for cells in _cells(state, MOST_ROWS))
    lines = [*facts, *_rest(state, MOST_ROWS), *([note] if note else [])]
    return (
        f"<div><p><strong>{escape(title)}</strong></p>"
        f"<table><thead>{_row(_heading(state), 'th')}</thead><tbody>{rows}</tbody></table>"
        + "".join(f"<p>{escape(line)}</p>" for line in lines)
        + "</div>"
    )


def _head(state: State) -> list[str]:
    sweep = state["sweep"]
    under_way = f", {sweep['running']} under way" if sweep["running"] else ""
    progress = f"{sweep['done']} of {sweep['total']} runs{under_way}"
    lines = [f"{printable(sweep['experiment'])}: {sweep['status']}, {progress} ({sweep['id']})"]
    if sweep["reason"]:
        lines.append(printable(sweep["reason"]))
    if sweep["best"]:
        best = sweep["best"]
        lines.append(f"best {printable(sweep['metric'])} {best['value']:.6g} by run {best['number']}")
    return lines


def _heading(state: State) -> list[str]:
    sweep = state["sweep"]
    return ["run", "status", *map(printable, [sweep["metric"] or "best", *sweep["params"]])]


def _cells(state: State, most: int) -> list[list[str]]:
    sweep = state["sweep"]
    sign = -1 if sweep["goal"] == "maximize" else 1

    def rank(row: State) -> tuple[bool, float, int]:
        return row["best"] is None, sign * (row["best"] or 0.0), row["number"]

    return [
        [
            str(row["number"]),
            row["status"],
            "" if row["best"] is None else f"{row['best']:.6g}",
            *(printable(short(row["params"][n])) if n in row["params"] else "" for n in sweep["params"]),
        ]
        for row in sorted(state["rows"], key=rank)[:most]
    ]


def _rest(state: State, most: int) -> list[str]:
    left = len(state["rows"]) - most
    return [f"and {left} more runs"] if left > 0 else []


def _row(cells: Sequence[str], tag: str) -> str:
    return "<tr>" + "".join(f"<{tag}>{escape(cell)}</{tag}>" for cell in cells) + "</tr>"


def printable(words: str) -> str:
    """The words on one line, without what steers a terminal."""
    return "".join(letter if letter.isprintable() else " " for letter in words)
