"""A sweep as a picture on the terminal: header, bar, best run, the running runs and the best few.

Pure: a view, the time and a size in, something that rich can print out. Names, values and messages are
data: they are printed as they are, never read as markup.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from ..model.records import RunRecord, Status
from ..sdk.view import SweepView
from .words import BARS, PLAIN_BARS, duration, figure, printable, short, sparkline, time_left

STYLES = {
    Status.RUNNING: "cyan",
    Status.COMPLETED: "green",
    Status.CANCELED: "yellow",
    Status.CANCEL_REQUESTED: "yellow",
    Status.FAILED: "red",
}

CURVE = 12
_PARAM, _TITLE = 12, 5
_GAP = 2


def frame(view: SweepView, now: float, width: int, height: int, unicode: bool = True) -> RenderableType:
    """The whole picture, at most `width` by `height` characters."""
    parts: list[RenderableType] = [header(view, now), _bar(view, width, unicode)]
    if view.best is not None:
        parts.append(best_line(view))
    live = [run for run in view.runs if not run.status.terminal and run.status is not Status.PAUSED]
    room = max(2, height - len(parts) - 4)
    live = live[-max(1, room - min(room // 2, 5)) :]
    ended = ranked(view)[: max(0, room - len(live))]
    if live or ended:
        parts.append(runs_table(view, [*live, *ended], width, unicode=unicode, split=len(live)))
    return Group(*parts)


def header(view: SweepView, now: float) -> Text:
    """One or two lines: which sweep, how far, how long."""
    sweep, runs = view.sweep, view.runs
    done = sum(run.status.terminal for run in runs)
    text = Text(overflow="fold")
    text.append(sweep.id, "bold").append(f"  {printable(sweep.experiment)}  ")
    text.append(str(sweep.status), STYLES.get(sweep.status, ""))
    text.append(f"\n{done} of {view.total} runs")
    paused = sum(run.status is Status.PAUSED for run in runs)
    running = len(runs) - done - paused
    if running:
        text.append(f", {running} running")
    if paused:
        text.append(f", {paused} paused")
    counts = [
        (Status.CANCELED, "stopped", "yellow"),
        (Status.FAILED, "failed", "red"),
    ]
    for status, word, style in counts:
        number = sum(run.status is status for run in runs)
        if number:
            text.append(", ").append(f"{number} {word}", style)
    if view.saved:
        text.append(f", {view.saved} values saved")
    start = sweep.started or sweep.created or now
    elapsed = (sweep.ended or now) - start
    text.append(f"   {duration(elapsed)}")
    if not sweep.status.terminal:
        left = time_left(view.total, done, elapsed, view.sweep.config.get("limits", {}).get("max_duration"))
        if left is not None:
            text.append(f", about {duration(left)} left")
    return text


def best_line(view: SweepView) -> Text:
    """The best run so far, its value and its parameters."""
    best = view.best
    assert best is not None
    text = Text(overflow="fold")
    text.append(f"best {printable(view.metric)} ").append(figure(best.series.best), "bold green")
    text.append(f"  run {best.number}  ")
    for name, value in best.params.items():
        text.append(f"{printable(name)}=", "dim").append(f"{short(value)} ")
    text.rstrip()
    return text


def ranked(view: SweepView) -> list[RunRecord]:
    """Ended runs, best first; those without a value behind, in their order."""
    ended = [run for run in view.runs if run.status.terminal]
    valued = [run for run in ended if run.series.best is not None]
    valued.sort(key=lambda run: run.series.best or 0.0, reverse=view.goal.value == "MAXIMIZE")
    return valued + [run for run in ended if run.series.best is None]


def runs_table(
    view: SweepView, runs: Sequence[RunRecord], width: int, *, unicode: bool = True, split: int = 0
) -> Table:
    """Runs as rows, with as many parameter columns as fit; a line under the first `split` of them."""
    names = list(dict.fromkeys(name for run in runs for name in run.params))
    cells = {name: [short(run.params[name]) if name in run.params else "" for run in runs] for name in names}
    ends = [
        (figure(run.series.values[-1]) if run.series.values else "", figure(run.series.best)) for run in runs
    ]
    fixed = 3 + max(len(run.status) for run in runs) + CURVE + 4 * _GAP
    fixed += sum(max(4, *map(len, column)) for column in zip(*ends, strict=True))
    for title in range(_PARAM, _TITLE - 1, -1):  # long names give way before a column does
        widths = [min(_PARAM, max([min(len(name), title), *map(len, cells[name])])) for name in names]
        if fixed + sum(widths) + _GAP * len(names) <= width:
            break
    shown = len(names)
    while shown and fixed + sum(w + _GAP for w in widths[:shown]) + 4 * (shown < len(names)) > width:
        shown -= 1
    # The box puts a blank of its own between columns.
    gap = _GAP - 1 if unicode else _GAP
    table = Table(box=box.SIMPLE_HEAD if unicode else None, padding=(0, gap, 0, 0), pad_edge=False)
    table.show_edge = False
    table.add_column("run", justify="right", no_wrap=True)
    table.add_column("status", no_wrap=True)
    for name, column in zip(names[:shown], widths, strict=False):
        table.add_column(
            Text(printable(name)), justify="right", no_wrap=True, max_width=column, overflow="ellipsis"
        )
    if shown < len(names):
        table.add_column(f"+{len(names) - shown}", no_wrap=True)
    table.add_column("last", justify="right", no_wrap=True)
    table.add_column("best", justify="right", no_wrap=True)
    table.add_column("curve", no_wrap=True, max_width=CURVE)
    best = view.best.id if view.best else None
    for place, run in enumerate(runs):
        values = run.series.values
        row = [Text(str(run.number)), Text(str(run.status), STYLES.get(run.status, "dim"))]
        row += [Text(cells[name][place]) for name in names[:shown]]
        if shown < len(names):
            row.append(Text("…" if unicode else "...", "dim"))
        row += [
            Text(ends[place][0]),
            Text(ends[place][1], "bold green" if run.id == best else ""),
            Text(sparkline(values, CURVE, BARS if unicode else PLAIN_BARS), "cyan"),
        ]
        table.add_row(*row, end_section=place + 1 == split < len(runs))
    return table


def said(level: str, text: str) -> Text:
    """A message of the sweep, as one line."""
    style = {"warning": "yellow", "error": "bold red"}.get(level, "dim")
    return Text.assemble((f"{level}: ", style), "\n".join(map(printable, text.splitlines())))


def _bar(view: SweepView, width: int, unicode: bool) -> Text:
    done = sum(run.status.terminal for run in view.runs)
    whole = min(width, 60)
    part = whole * done // max(1, view.total)
    full, empty = ("━", "─") if unicode else ("#", "-")
    return Text.assemble((full * part, "green"), (empty * (whole - part), "dim"))


def lines_of(messages: Iterable[tuple[float, str, str]]) -> Iterable[Text]:
    """Every message as a line."""
    return (said(level, text) for _, level, text in messages)
