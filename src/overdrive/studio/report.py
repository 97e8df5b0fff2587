"""A sweep as one HTML file that needs nothing else: its figures with plotly.js, its best run, its table."""

from __future__ import annotations

import importlib.util
import json
import time
from collections.abc import Iterable
from html import escape
from pathlib import Path
from typing import Any

from .. import __version__
from ..charts.base import CHARTS, DRAWN, draw
from ..errors import NotFound
from ..model.records import RunRecord
from ..model.values import token
from ..sdk.view import SweepView
from .feed import finite, material, names, space_of

STATIC = Path(__file__).parent / "static"

MOST_ROWS = 2_000
"""So many runs the table holds, the best ones; the figures show all."""


PLOTTING = (
    *("dom.js", "figure.js", "scale.js", "pen.js", "stage.js", "plane.js", "parallel.js", "space.js"),
    *("foreign.js", "plot.js"),
)
"""The modules that draw a figure, each after those that it imports."""


def report(view: SweepView) -> str:
    """The page: it holds the scripts that draw it, so that it opens in any browser without a network."""
    sweep, best = view.sweep, view.best
    shown = material(view)
    figures = {name: {"title": CHARTS.load(name)().TITLE, **draw(name, shown)} for name in CHARTS.names()}
    facts = [
        ("status", str(sweep.status)),
        ("runs", f"{sum(run.status.terminal for run in view.runs)} of {view.total}"),
        (f"best {view.metric}", _number(best.series.best) if best else "–"),
        *([("by run", str(best.number))] if best else []),
        ("took", _duration((sweep.ended or time.time()) - sweep.started) if sweep.started else "–"),
        ("early termination", str(view.savings())),
    ]
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="color-scheme" content="light dark">
<title>{escape(sweep.experiment)} · Overdrive</title>
<style>{(STATIC / "studio.css").read_text("utf-8")}</style></head>
<body><main>
<section class="head"><div class="title"><h1>{escape(sweep.experiment)}</h1>
<span class="status {sweep.status}">{sweep.status}</span><span class="soft">{escape(sweep.reason or "")}</span></div>
<div class="facts">{"".join(map(_fact, facts))}</div></section>
{_values(best) if best else ""}
<div class="grid">{"".join(map(_panel, figures.items()))}</div>
{_table(view)}
<p class="soft">{escape(sweep.id)}, written by Overdrive {__version__} on {time.strftime("%Y-%m-%d %H:%M")}</p>
</main>
<script type="application/json" id="figures">{_embedded(figures)}</script>
{_plotly(figures)}<script type="module">{"".join(_script(STATIC / name) for name in PLOTTING)}
{_script(STATIC / "report.js")}</script>
</body></html>
"""


def plotly_path() -> Path:
    """plotly.js, which comes with the Python package; found without importing that."""
    spec = importlib.util.find_spec("plotly")
    if spec is None or spec.origin is None:
        raise NotFound("plotly is not installed; `pip install 'overdrive[studio]'` brings it")
    return Path(spec.origin).parent / "package_data" / "plotly.min.js"


def _plotly(figures: dict[str, dict[str, Any]]) -> str:
    """plotly.js (4.8 MB), where a chart from elsewhere has traces that only it draws."""
    kinds = {trace.get("type", "scatter") for figure in figures.values() for trace in figure["data"]}
    return "" if kinds <= set(DRAWN) else f"<script>{_script(plotly_path())}</script>\n"


def _script(path: Path) -> str:
    """A module as plain script: what it exports is simply there. The end tag, in a string, would end the script."""
    lines = path.read_text("utf-8").replace("</script", "<\\/script").split("\n")
    return "\n".join(line.removeprefix("export ") for line in lines if not line.startswith("import "))


def _embedded(value: Any) -> str:
    """JSON inside a page: no letter of it can end the element that it stands in."""
    return json.dumps(finite(value), separators=(",", ":"), allow_nan=False).replace("<", "\\u003c")


def _fact(fact: tuple[str, str]) -> str:
    name, value = map(escape, fact)
    return f'<div class="fact"><span>{name}</span><b>{value}</b></div>'


def _panel(entry: tuple[str, dict[str, Any]]) -> str:
    name, figure = entry
    about = figure["layout"].get("meta", {})
    note = escape(about.get("note") or about.get("empty") or "")
    plot = "" if not figure["data"] else '<div class="canvas"><div class="plot"></div></div>'
    header = f"<header><h2>{escape(figure['title'])}</h2></header>"
    return f'<section class="panel {name}" data-chart="{name}">{header}{plot}<p class="note">{note}</p></section>'


def _values(best: RunRecord) -> str:
    pairs = "".join(
        f"<dt>{escape(name)}</dt><dd>{escape(token(value))}</dd>" for name, value in best.params.items()
    )
    return f'<section class="panel best"><header><h2>The best run</h2></header><dl class="pairs">{pairs}</dl></section>'


def _table(view: SweepView) -> str:
    params = names(space_of(view.sweep), view.runs)
    sign = -1 if view.goal.value == "MAXIMIZE" else 1
    runs = sorted(view.runs, key=lambda run: (run.series.best is None, sign * (run.series.best or 0.0)))
    head = _row("th", ["run", "status", view.metric, "intervals", "time", *params, "reason"])
    rows = [
        _row(
            "td",
            [
                str(run.number),
                str(run.status),
                _number(run.series.best),
                str(len(run.series)),
                _duration(run.seconds),
                *(_number(run.params[name]) if name in run.params else "" for name in params),
                run.reason or "",
            ],
        )
        for run in runs[:MOST_ROWS]
    ]
    more = f"<p class='note'>The best {MOST_ROWS} of {len(runs)} runs.</p>" if len(runs) > MOST_ROWS else ""
    return (
        '<section class="panel table"><header><h2>Runs</h2></header><div class="rows whole"><table class="runs">'
        f"<thead>{head}</thead><tbody>{''.join(rows)}</tbody></table></div>{more}</section>"
    )


def _row(tag: str, cells: Iterable[str]) -> str:
    return f"<tr>{''.join(f'<{tag}>{escape(cell)}</{tag}>' for cell in cells)}</tr>"


def _number(value: Any) -> str:
    if value is None:
        return "–"
    return f"{value:.6g}" if isinstance(value, float) else token(value)


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
