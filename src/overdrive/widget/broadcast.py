"""One sweep, told to every view of a widget: what is new in small messages, figures only to who shows them.

`turn` is the whole logic and knows neither clock nor thread; `Broadcast` is the thread around it. A kernel
that runs a cell may be deaf to its page until the cell ends, so figures are not fetched but subscribed to,
and a page that was not heard is told everything unasked.
"""

from __future__ import annotations

import gzip
import json
import queue
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

from ..charts.base import CHARTS, Chart, draw
from ..errors import OverdriveError, StoreError
from ..studio.feed import Feed, finite

SHOWN = ("curves", "parallel", "scatter")
"""The charts of a widget, in the order of the page."""

LOOK_SECONDS = 0.25
"""Between two looks at the store."""

PACE_SECONDS = 1.5
"""So long a figure stands at least; longer when it takes long to draw or to send."""

REST = 4
"""A figure that took a second to draw stands for so many, which leaves the kernel to its owner."""

BYTES_PER_SECOND = 300_000
"""Jupyter's server drops what comes faster than 1 MB a second (measured over three seconds)."""

UNHEARD_SECONDS = (2.0, 10.0)
"""When a page that has not been heard is told everything."""

MANY_ROWS = 200
"""From so many rows on they travel packed."""

MOST_KEPT = 1_000
"""So many runs, the best ones, are kept in a saved notebook."""

LAST_WORDS = 3
"""So many warnings and errors of the sweep are shown."""

Told = dict[str, Any]
"""A message, in one direction or the other; its `kind` says what it is."""


class Outgoing(NamedTuple):
    """A message to the page, and bytes that travel beside it (gzip)."""

    message: Told
    data: bytes | None = None


class Wanted(NamedTuple):
    """A chart with the choices of its reader, as the reader has written them (JSON)."""

    chart: str
    choices: str


class Drawn(NamedTuple):
    """How a wanted figure stands: what it was drawn from, and when it may be drawn again."""

    basis: Any
    again: float


class Conversation:
    """What has been told to whom. Belongs to one thread at a time."""

    def __init__(self, feed: Feed, cancel: Callable[[], None], now: float) -> None:
        self.feed = feed
        self._cancel = cancel
        self._told = feed.version
        self._charts = self.charts()
        self._views: dict[str, set[Wanted]] = {}
        self._drawn: dict[Wanted, Drawn] = {}
        self._heard = False
        self._unasked = [now + seconds for seconds in UNHEARD_SECONDS]

    @property
    def open(self) -> bool:
        """Whether somebody listens, or may listen without having been heard yet."""
        return bool(self._views) or not self._heard

    @property
    def ended(self) -> bool:
        """Whether the sweep has ended and its end has been told."""
        return self._told == self.feed.version and self.feed.view.sweep.status.terminal

    @property
    def over(self) -> bool:
        """Whether nothing will change any more and everybody knows all."""
        return self.ended and not self._unasked and not any(self._waiting())

    def whole(self) -> Told:
        """Everything but figures."""
        return {"kind": "news", **self._since(-1), "charts": self._charts}

    def kept(self) -> Told:
        """The same with the best runs alone, where there are many: a notebook file holds it."""
        state = self.whole()
        sign = -1 if state["sweep"]["goal"] == "maximize" else 1
        if len(state["rows"]) > MOST_KEPT:
            ranked = sorted(state["rows"], key=lambda row: (row["best"] is None, sign * (row["best"] or 0.0)))
            state["rows"] = ranked[:MOST_KEPT]
        return state

    def charts(self) -> list[dict[str, Any]]:
        """The charts and what may be chosen in them."""
        material = self.feed.material()
        found: list[Chart] = [CHARTS.load(name)() for name in SHOWN]
        return [
            {"name": one.NAME, "title": one.TITLE, "options": [o._asdict() for o in one.options(material)]}
            for one in found
        ]

    def turn(self, heard: Sequence[Told], now: float) -> Iterator[Outgoing]:
        """What to say after these messages of the page; `now` in seconds of any clock that only goes on."""
        for message in heard:
            yield from self._answer(message)
        yield from self._news()
        if self._unasked and now >= self._unasked[0]:
            self._unasked.pop(0)
            self._drawn.clear()
            yield _packed(self.whole())
        for wanted in list(self._waiting()):
            if now >= self._drawn.get(wanted, Drawn(None, 0.0)).again:
                yield self._figure(wanted, now)

    def _answer(self, message: Told) -> Iterator[Outgoing]:
        kind, view = message.get("kind"), str(message.get("view"))
        self._heard = True
        self._unasked.clear()
        if kind == "hello":
            self._views.setdefault(view, set())
            yield _packed(self.whole())
        elif kind == "want":
            asked = {Wanted(str(name), str(key)) for name, key in dict(message.get("charts", {})).items()}
            for wanted in asked - self._views.get(view, set()):
                self._drawn.pop(wanted, None)
            self._views[view] = {wanted for wanted in asked if wanted.chart in SHOWN}
        elif kind == "bye":
            self._views.pop(view, None)
        elif kind == "cancel":
            try:
                self._cancel()
                yield Outgoing({"kind": "asked"})
            except OverdriveError as error:
                yield Outgoing({"kind": "refused", "text": str(error)})

    def _news(self) -> Iterator[Outgoing]:
        self.feed.refresh()
        if self.feed.version == self._told:
            return
        news = {"kind": "news", "since": self._told, **self._since(self._told)}
        self._told = self.feed.version
        charts = self.charts()
        if charts != self._charts:
            news["charts"] = self._charts = charts
        yield _packed(news)

    def _since(self, version: int) -> Told:
        said = [message.text for message in self.feed.view.messages if message.level != "info"]
        return {**finite(self.feed.since(version)), "messages": said[-LAST_WORDS:]}

    def _waiting(self) -> Iterator[Wanted]:
        """Figures that are not what they should be."""
        wanted: set[Wanted] = set().union(*self._views.values())
        if not self._heard:
            wanted |= {Wanted(chart["name"], _written(chart["options"])) for chart in self._charts}
        self._drawn = {one: drawn for one, drawn in self._drawn.items() if one in wanted}
        for one in sorted(wanted):
            if one not in self._drawn or self._drawn[one].basis != self._basis(one):
                yield one

    def _basis(self, wanted: Wanted) -> Any:
        """What a figure changes with. Points are added to curves by the page itself, unless they are reshaped."""
        reshaped = (
            '"best so far"' in wanted.choices or '"some"' in wanted.choices or '"much"' in wanted.choices
        )
        if wanted.chart != "curves" or reshaped:
            return self.feed.version
        return [(run.number, run.status, run.attempt, run.counted_from) for run in self.feed.view.runs]

    def _figure(self, wanted: Wanted, now: float) -> Outgoing:
        began, basis = time.perf_counter(), self._basis(wanted)
        about: Told = {"kind": "figure", "name": wanted.chart, "choices": wanted.choices}
        data = None
        try:
            figure = draw(wanted.chart, self.feed.material(), dict(json.loads(wanted.choices)))
            text = json.dumps(finite(figure), separators=(",", ":"), allow_nan=False)
            data = gzip.compress(text.encode(), 1)
        except Exception as error:  # told where the chart would stand; the others go on
            about["error"] = str(error)
        took = time.perf_counter() - began
        pause = max(PACE_SECONDS, REST * took, len(data or b"") / BYTES_PER_SECOND)
        self._drawn[wanted] = Drawn(basis, now + pause)
        return Outgoing({**about, "version": self.feed.version}, data)


class Broadcast:
    """The thread that keeps a conversation going while somebody listens and something may change.

    `send` takes what is to be told; `done` is called when the end has been told, and may be called again.
    `lock` is held while it does: whoever else reads the conversation takes it.
    """

    def __init__(
        self, conversation: Conversation, send: Callable[[Outgoing], None], done: Callable[[], None]
    ) -> None:
        self.lock = threading.Lock()
        self._conversation = conversation
        self._send = send
        self._done = done
        self._heard: queue.SimpleQueue[Told] = queue.SimpleQueue()
        self._starting = threading.Lock()
        self._thread: threading.Thread | None = None
        self._closed = False

    def start(self) -> None:
        """See that the thread runs."""
        with self._starting:
            if not self._closed and self._thread is None:
                self._thread = threading.Thread(target=self._run, name="overdrive-widget", daemon=True)
                self._thread.start()

    def hear(self, message: Told) -> None:
        """A message of the page, from whatever thread."""
        self._heard.put(message)
        self.start()

    def close(self) -> None:
        """End the thread, and answer no more."""
        self._closed = True

    def _run(self) -> None:
        failures = 0
        while not self._closed:
            heard = self._next()
            try:
                with self.lock:
                    for outgoing in self._conversation.turn(heard, time.monotonic()):
                        self._send(outgoing)
                failures = 0
            except StoreError:  # a database that is busy or away for a while
                failures += 1
                time.sleep(min(failures, 10))
            if self._conversation.ended:
                self._done()
            if self._leaves():
                break

    def _next(self) -> list[Told]:
        """What has been heard, as soon as there is something or the time has come to look at the store."""
        try:
            found = [self._heard.get(timeout=LOOK_SECONDS)]
        except queue.Empty:
            return []
        while not self._heard.empty():
            found.append(self._heard.get())
        return found

    def _leaves(self) -> bool:
        """Whether the thread ends here; whoever is heard later starts another one."""
        with self._starting:
            if not self._heard.empty() or (self._conversation.open and not self._conversation.over):
                return False
            self._thread = None
        return True


def _packed(news: Told) -> Outgoing:
    """News as a message; many rows beside it."""
    if len(news["rows"]) < MANY_ROWS:
        return Outgoing(news)
    rows = json.dumps(news["rows"], separators=(",", ":"), allow_nan=False)
    return Outgoing({**news, "rows": []}, gzip.compress(rows.encode(), 1))


def _written(options: Sequence[dict[str, Any]]) -> str:
    """The choices that a page makes by itself, as it writes them."""
    chosen = {option["name"]: option["default"] for option in options if len(option["choices"]) > 1}
    return json.dumps(chosen, separators=(",", ":"), ensure_ascii=False)
