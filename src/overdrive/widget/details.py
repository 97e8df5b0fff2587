"""RunDetails: a sweep beside the code that started it."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from ..errors import ConfigError
from ..model.records import Status
from ..sdk.run import Run
from ..studio.feed import Feed
from .broadcast import Broadcast, Conversation, Outgoing
from .still import html, text

if TYPE_CHECKING:
    from .face import SweepWidget

VIEW = "application/vnd.jupyter.widget-view+json"
MISSING = "A live widget needs anywidget: pip install 'overdrive[widget]', then restart the kernel."


class RunDetails:
    """A sweep, live, in a notebook: status, best run, charts, table, a button to cancel it.

    Elsewhere the same as text. Of a single run, the sweep that it belongs to. HyperDrive's name and methods.
    """

    def __init__(self, run_instance: Run) -> None:
        if not isinstance(run_instance, Run):
            given = type(run_instance).__name__
            raise ConfigError(f"RunDetails: needs what Experiment.submit returns, got a {given}")
        self._sweep_id = run_instance._sweep_id
        # The thread reads with a store of its own: the run's belongs to whoever uses the run.
        self._workspace = run_instance.experiment.workspace.reopened()
        self._conversation = Conversation(
            Feed(self._workspace.store, self._sweep_id), self._cancel, time.monotonic()
        )
        self._widget: SweepWidget | None = None
        self._broadcast = Broadcast(self._conversation, self._send, self._finish)
        self._display: Any = None
        self._finished = False

    def show(
        self,
        render_lib: Callable[[str], object] | None = None,
        widget_settings: dict[str, Any] | None = None,
    ) -> None:
        """Show it here. `render_lib`, if given, is called with HTML that does not change (Databricks'
        `displayHTML`); `widget_settings` is accepted as HyperDrive's and changes nothing."""
        if render_lib is not None:
            render_lib(html(self._state()))
        elif getattr(_shell(), "kernel", None) is not None:  # a terminal's IPython has none
            from IPython.display import display

            self._display = display(self, display_id=True)  # type: ignore[no-untyped-call]
        else:
            print(text(self._state()))
            print("\nLive, in a browser: overdrive studio --open")

    def get_widget_data(self, widget_settings: dict[str, Any] | None = None) -> dict[str, Any]:
        """What is shown: `sweep` (status, progress, best run ...) and `rows`, one for each run."""
        state = self._state()
        return {"sweep": state["sweep"], "rows": state["rows"]}

    def close(self) -> None:
        """End the updates and take the widget away."""
        self._broadcast.close()
        if self._widget is not None:
            self._widget.close()

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        possible = find_spec("anywidget") is not None
        state = self._state()
        found: dict[str, Any] = {
            "text/plain": text(state),
            "text/html": html(state, "" if possible else MISSING),
        }
        if possible:
            found[VIEW] = {"version_major": 2, "version_minor": 0, "model_id": self._live().model_id}
        return found

    def _live(self) -> SweepWidget:
        if self._widget is None:
            from .face import SweepWidget

            self._widget = SweepWidget(state=_written(self._kept()))
            self._broadcast.start()
            if (shell := _shell()) is not None:
                shell.events.register("post_run_cell", self._look)
            self._widget.on_msg(lambda _, message, __: self._broadcast.hear(message))
        return self._widget

    def _state(self) -> dict[str, Any]:
        """The state as it is now."""
        with self._broadcast.lock:
            self._conversation.feed.refresh()
            return self._conversation.whole()

    def _kept(self) -> dict[str, Any]:
        """What the widget begins with, and a saved notebook keeps."""
        with self._broadcast.lock:
            self._conversation.feed.refresh()
            return self._conversation.kept()

    def _send(self, outgoing: Outgoing) -> None:
        if self._widget is not None:
            buffers = None if outgoing.data is None else [outgoing.data]
            self._widget.send({"text": _written(outgoing.message)}, buffers=buffers)

    def _look(self, _: object) -> None:
        """After each cell, in case the kernel is closed before the thread has looked."""
        if not self._finished and Status(self._state()["sweep"]["status"]).terminal:
            self._finish()

    def _finish(self) -> None:
        """The sweep has ended: what a saved notebook keeps is its last state."""
        if self._widget is None or self._finished:
            return
        self._finished = True
        self._widget.state = _written(self._kept())
        if self._display is not None:
            self._display.update(self)

    def _cancel(self) -> None:
        Run.get(self._workspace, self._sweep_id).cancel()


def _written(message: dict[str, Any]) -> str:
    """JSON in ASCII: a name may hold what has no encoding."""
    return json.dumps(message, separators=(",", ":"), allow_nan=False)


def _shell() -> Any:
    """The IPython that we are in, or None; it is not imported for that."""
    ipython = sys.modules.get("IPython")
    return ipython.get_ipython() if ipython is not None else None
