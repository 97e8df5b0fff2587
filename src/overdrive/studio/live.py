"""What is new, as server-sent events: one watcher a sweep, however many browsers look.

While somebody listens one thread waits for the store to change, which a server tells and a file is looked at for.
Each listener then takes what it lacks in one message, and the next one when that has been sent.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from fastapi import APIRouter, Request
from fastapi.responses import StreamingResponse

from ..charts.base import CHARTS
from ..errors import OverdriveError
from ..sdk.view import SweepView
from ..sdk.workspace import Workspace
from .feed import Feed, brief, encoded, finite, goal_of, spark
from .figures import usual

LOOK_SECONDS = 0.1
"""Between two looks at the revision of a sweep that somebody watches, at least."""

NEWS_SECONDS = 0.7
"""Between two messages of one sweep at least: drawing costs a browser far more than a message costs us."""

REST = 20
"""Between two messages of one sweep, so many times what the last one cost."""

LIST_SECONDS = 0.5
"""Between two looks at the list of sweeps, at least."""

WAIT_SECONDS = 1.0
"""Between two looks at most: that a controller has died no store tells."""

QUIET_SECONDS = 15.0
"""After so long without news a comment is sent: a connection that has died shows itself."""

MOST_FEEDS = 6
"""So many sweeps are kept in memory; whoever was looked at longest ago goes first."""

T = TypeVar("T")


class Hub:
    """The one reader of the store: all reading happens in its one thread, since a store takes one at a time."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace
        self._thread = ThreadPoolExecutor(1, "overdrive-studio-reader")
        self._feeds: dict[str, Feed] = {}
        self._lines: dict[str, tuple[int, dict[str, Any]]] = {}
        self._active: dict[str, SweepView] = {}
        self._ear = ThreadPoolExecutor(1, "overdrive-studio-ear")
        self._waiting: asyncio.Task[None] | None = None
        self._stirs = 0
        self.closing = asyncio.Event()

    async def read(self, work: Callable[..., T], *arguments: Any) -> T:
        """The answer of `work`, which may read the store, from the reading thread."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, work, *arguments)

    async def warm(self) -> None:
        """Read the newest sweep and draw its figures, which are looked at first, and read the list."""
        newest = await self.read(lambda: [sweep.id for sweep in self.workspace.store.sweeps()[:1]])
        for sweep_id in newest:
            await self.read(self.feed, sweep_id)
            for name in CHARTS.names():  # one at a time: whoever asks meanwhile does not wait for all
                await self.read(self._drawn, sweep_id, name)
        await self.read(self.sweeps)

    def _drawn(self, sweep_id: str, name: str) -> bytes:
        return usual(self.feed(sweep_id), name)

    def feed(self, sweep_id: str) -> Feed:
        """The feed of a sweep as it is now, in the reading thread; NotFound when there is no such sweep."""
        feed = self._feeds.pop(sweep_id, None)
        if feed is None:
            feed = Feed(self.workspace.store, sweep_id)
            while len(self._feeds) >= MOST_FEEDS:
                self._feeds.pop(next(iter(self._feeds)))
        else:
            feed.refresh()
        self._feeds[sweep_id] = feed
        return feed

    def sweeps(self) -> list[dict[str, Any]]:
        """One line a sweep, newest first; only those that have changed are read again."""
        found = []
        for sweep_id, revision in self.workspace.store.revisions().items():
            known = self._lines.get(sweep_id)
            if known is None or known[0] != revision:
                known = self._lines[sweep_id] = (revision, self._line(sweep_id))
            found.append(known[1])
        return found

    def _line(self, sweep_id: str) -> dict[str, Any]:
        store = self.workspace.store
        sweep = store.sweep(sweep_id)
        active = self._active.pop(sweep_id, None)
        runs = store.briefs(sweep_id) if sweep.status.terminal else None
        if runs is None:  # it goes on, or an older version has written it
            if sweep_id in self._feeds:
                view = self.feed(sweep_id).view
            else:
                view = active or SweepView(store, sweep_id)
                view.refresh()
                if not sweep.status.terminal:
                    self._active[sweep_id] = view
            sweep, runs = view.sweep, [run.brief for run in view.runs]
        line: dict[str, Any] = finite({**brief(sweep, runs), "spark": spark(runs, goal_of(sweep))})
        return line

    async def follow(self, sweep_id: str, feed: str, version: int) -> AsyncIterator[bytes]:
        """What is new since a version of a feed, each time as one message (JSON), until the studio closes."""
        said = time.monotonic()
        while not self.closing.is_set():
            began, stirs, pause = time.monotonic(), self._stirs, LOOK_SECONDS
            news = await self.read(self._news, sweep_id, feed, version)
            if news is not None:
                feed, version, message = news
                yield message
                said = time.monotonic()
                pause = max(NEWS_SECONDS, REST * (said - began))
            elif began - said > QUIET_SECONDS:
                said = began
                yield b""
            await self._stirred(stirs, pause)

    async def follow_list(self) -> AsyncIterator[bytes]:
        """The lines of all sweeps, then those that have changed; new sweeps come first."""
        last: dict[str, dict[str, Any]] = {}
        said = 0.0
        while not self.closing.is_set():
            stirs = self._stirs
            lines = {line["id"]: line for line in await self.read(self.sweeps)}
            changed = [line for sweep_id, line in lines.items() if last.get(sweep_id) is not line]
            if changed or not said or time.monotonic() - said > QUIET_SECONDS:
                yield encoded({"sweeps": changed, "whole": not said}) if changed or not said else b""
                said, last = time.monotonic(), lines
            await self._stirred(stirs, LIST_SECONDS)

    def _news(self, sweep_id: str, name: str, version: int) -> tuple[str, int, bytes] | None:
        feed = self.feed(sweep_id)
        if feed.name != name:
            version = -1
        return None if feed.version == version else (feed.name, feed.version, feed.told(version))

    async def _stirred(self, since: int, seconds: float) -> None:
        """Rest for so many seconds, and on until the store may have changed since so many stirs."""
        if self._waiting is None or self._waiting.done():
            self._waiting = asyncio.create_task(self._wait())
        await self._rest(seconds)
        if self._stirs == since:
            await asyncio.shield(self._waiting)

    async def _wait(self) -> None:
        if self.closing.is_set():
            return
        store = self.workspace.store
        try:
            await asyncio.get_running_loop().run_in_executor(self._ear, store.wait, WAIT_SECONDS)
        except OverdriveError:  # whoever reads will hear why
            await self._rest(WAIT_SECONDS)
        self._stirs += 1

    async def _rest(self, seconds: float) -> None:
        try:
            await asyncio.wait_for(self.closing.wait(), seconds)
        except TimeoutError:
            pass

    def close(self) -> None:
        """Let every listener go."""
        self.closing.set()
        for thread in (self._ear, self._thread):
            thread.shutdown(wait=False, cancel_futures=True)


def router(hub: Hub) -> APIRouter:
    """The two streams: one sweep, and the list of all."""
    routes = APIRouter(prefix="/api/live")

    @routes.get("/sweeps")
    async def sweeps(request: Request) -> StreamingResponse:
        return _stream(hub.follow_list(), request)

    @routes.get("/sweeps/{sweep_id}")
    async def sweep(sweep_id: str, request: Request, feed: str = "", since: int = -1) -> StreamingResponse:
        await hub.read(hub.feed, sweep_id)  # an unknown one is an error, not a stream
        return _stream(hub.follow(sweep_id, feed, since), request)

    return routes


def _stream(messages: AsyncIterator[bytes], request: Request) -> StreamingResponse:
    async def lines() -> AsyncIterator[bytes]:
        try:
            async for message in messages:
                if await request.is_disconnected():
                    return
                yield b"data: " + message + b"\n\n" if message else b": still here\n\n"
        except OverdriveError as error:
            yield f"event: problem\ndata: {json.dumps({'error': str(error)})}\n\n".encode()

    return StreamingResponse(lines(), media_type="text/event-stream", headers={"x-accel-buffering": "no"})
