"""The figures of a sweep as its pages ask for them: written once for each version, however many browsers look."""

from __future__ import annotations

from collections.abc import Mapping

from ..charts.base import CHARTS, draw
from .feed import Feed


def listed(feed: Feed) -> bytes:
    """Every chart and what may be chosen in it, as JSON."""

    def make() -> list[dict[str, object]]:
        sweep = feed.material()
        charts = [(name, CHARTS.load(name)()) for name in CHARTS.names()]
        return [
            {"name": name, "title": chart.TITLE, "options": [o._asdict() for o in chart.options(sweep)]}
            for name, chart in charts
        ]

    return feed.answer("charts", make)


def figure(feed: Feed, name: str, chosen: Mapping[str, str]) -> bytes:
    """A figure and the version that it shows, as JSON."""
    question = (name, *sorted(chosen.items()))
    return feed.answer(question, lambda: {"version": feed.version, **draw(name, feed.material(), chosen)})


def usual(feed: Feed, name: str) -> bytes:
    """The figure that a page asks for first."""
    options = CHARTS.load(name)().options(feed.material())
    return figure(feed, name, {one.name: one.default for one in options if len(one.choices) > 1})
