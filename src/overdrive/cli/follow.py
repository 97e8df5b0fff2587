"""Watching a sweep to its end: a live picture on a terminal, plain lines anywhere else.

All of it goes to standard error. Ctrl-C never ends the sweep by itself: it asks.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from typing import Protocol

from ..errors import ComputeError
from ..sdk.run import START_SECONDS
from ..sdk.view import SweepView
from ..sdk.workspace import Workspace
from .words import assignments, figure, printable

LOOK_SECONDS = 0.1
DRAW_SECONDS = 0.5
RELEASE_SECONDS = 2.0


class Screen(Protocol):
    """Where progress is shown."""

    def show(self, view: SweepView, changed: bool) -> None:
        """Bring it up to date."""

    def close(self) -> None:
        """Leave the terminal as it was; `show` opens it again."""


def open_screen(quiet: bool) -> Screen:
    """The live picture if somebody can see it; else lines, or with `quiet` only warnings and errors."""
    if sys.stderr.isatty() and os.environ.get("TERM", "dumb") != "dumb":
        return LiveScreen()
    return Lines(quiet)


def follow(workspace: Workspace, view: SweepView, screen: Screen) -> bool:
    """Watch until the sweep has ended; False when the user has left it running."""
    began = looked = time.monotonic()
    while True:
        try:
            changed = True
            while True:
                screen.show(view, changed)
                if view.sweep.status.terminal:
                    _until_released(view)
                    return True
                time.sleep(LOOK_SECONDS)
                changed = view.refresh()
                now = time.monotonic()
                if now - began > START_SECONDS and now - looked > 2:
                    looked = now
                    check_controller(workspace, view)
        except KeyboardInterrupt:
            screen.close()
            wish = ask()
            if wish == "d":
                return False
            if wish == "c":
                workspace.store.ask(view.sweep.id, "cancel")
                print("canceling: each run gets TERM and its grace time", file=sys.stderr)
        finally:
            screen.close()


def _until_released(view: SweepView) -> None:
    """Let the controller finish too: whoever waited for the sweep may want to move or delete it now."""
    deadline = time.monotonic() + RELEASE_SECONDS
    while view.controller is not None and time.monotonic() < deadline:
        time.sleep(LOOK_SECONDS / 5)
    view.refresh()


def ask(read: Callable[[], str] | None = None) -> str:
    """What to do about the sweep: c (cancel), d (leave it running) or g (go on watching)."""
    if read is None:
        if not sys.stdin.isatty():
            return "d"
        read = sys.stdin.readline
    try:
        while True:
            print(
                "\n[c]ancel the sweep, [d]etach and leave it running, [g]o on? ",
                end="",
                file=sys.stderr,
                flush=True,
            )
            line = read()
            if not line:
                return "d"
            if line.strip()[:1].lower() in ("c", "d", "g"):
                return line.strip()[0].lower()
    except KeyboardInterrupt:
        print(file=sys.stderr)
        return "d"


def check_controller(workspace: Workspace, view: SweepView) -> None:
    if view.controller is not None or view.refresh() or view.sweep.status.terminal:
        return
    log = workspace.sweep_folder(view.sweep.id) / "controller.log"
    raise ComputeError(f"{view.sweep.id}: nobody controls it: its controller has ended (see {str(log)!r})")


class Lines:
    """A line for each run that ends and for each message; `quiet` shows only warnings and errors."""

    def __init__(self, quiet: bool = False, write: Callable[[str], None] | None = None) -> None:
        self._quiet = quiet
        self._write = write or (lambda line: print(line, file=sys.stderr, flush=True))
        self._said = 0
        self._ended: set[str] = set()
        self._best: str | None = None

    def show(self, view: SweepView, changed: bool) -> None:
        if not changed:
            return
        for run in () if self._quiet else view.runs:
            if run.status.terminal and run.id not in self._ended:
                self._ended.add(run.id)
                self._write(self._line(view, run.id))
        for message in view.messages[self._said :]:
            if not self._quiet or message.level != "info":
                self._write(f"{message.level}: " + "\n".join(map(printable, message.text.splitlines())))
        self._said = len(view.messages)

    def close(self) -> None:
        """Nothing to leave."""

    def _line(self, view: SweepView, run_id: str) -> str:
        run = view.run(run_id)
        parts = [f"run {run.number} {run.status}", f"({len(self._ended)}/{view.total})"]
        if run.series.best is not None:
            parts.append(f"{printable(view.metric)} {figure(run.series.best)}")
        parts.append(assignments(run.params))
        if run.reason:
            parts.append(f"- {printable(run.reason)}")
        if view.best is not None and view.best.id == run.id != self._best:
            self._best = run.id
            parts.append("<- best so far")
        return " ".join(parts)


class LiveScreen:
    """The picture of `screen.frame`, drawn again when something has changed; warnings stay above it."""

    def __init__(self) -> None:
        from rich.console import Console

        self._console = Console(file=sys.stderr)
        self._unicode = self._console.encoding.startswith("utf")
        self._live: object | None = None
        self._drawn = 0.0
        self._said = 0

    def show(self, view: SweepView, changed: bool) -> None:
        from rich.live import Live

        from .screen import frame, said

        if not changed and time.monotonic() - self._drawn < DRAW_SECONDS:
            return
        live = self._live
        if not isinstance(live, Live):
            live = Live(console=self._console, auto_refresh=False, transient=True)
            live.start()
            self._live = live
        for message in view.messages[self._said :]:
            if message.level != "info":
                live.console.print(said(message.level, message.text))
        self._said = len(view.messages)
        width, height = self._console.size
        live.update(frame(view, time.time(), width, height, self._unicode), refresh=True)
        self._drawn = time.monotonic()

    def close(self) -> None:
        from rich.live import Live

        if isinstance(self._live, Live):
            self._live.stop()
            self._live = None
