"""The actor of one node: starts the runs whose places are here, by a local launcher, and sends home what they write.

    task that holds a place --Unix socket--> agent --> launcher --> run
                                               | claim, beat --> keeper
                                               | read       <--- bridge, which waits for news

All in one thread, that of the actor's event loop.
"""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import os
import shutil
import sys
import tarfile
import time
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import ray

from ...runtime import wire
from ..base import COMPUTES, Job, JobState, Warmth
from ..private import private_folder
from .host import door
from .mirror import BATCH, Mirror, Piece

TICK = 0.25  # seconds between two looks at what the runs have written
POLL = 10.0  # seconds after which a bridge's question is answered, even if there is no news
BEATS = 5  # beats within a lease

Report = tuple[str, str, str, str, str, list[Piece]]
"""A run, its sweep, its folder at home, its phase ("" while files of it are missing), its note,
and pieces of its files."""


@dataclass(slots=True)
class _Run:
    id: str
    sweep: str
    order: dict[str, Any]
    folder: str
    home: bool  # its folder is the one at home
    grace: float
    roots: dict[str, str] = field(default_factory=dict)
    source: Mapping[str, int] = field(default_factory=dict)
    started: bool = False  # the launcher has been told of it
    phase: str = "starting"
    note: str = ""
    holder: asyncio.StreamWriter | None = None
    reader: str = ""
    mirror: Mirror | None = None
    told: str = ""
    putting: bool = False  # its outputs are on their way to the artifacts' place

    @property
    def over(self) -> bool:
        return self.phase in ("ended", "lost")

    @property
    def known(self) -> str:
        """Its phase as it may be told."""
        return (
            "" if self.over and not self.home and not (self.mirror and self.mirror.finished) else self.phase
        )


class Agent:
    """`keeper`: the actor that it belongs to; `node`: Ray's id of the node that it serves."""

    def __init__(self, keeper: Any, name: str, node: str, lease: float) -> None:
        self._keeper = keeper
        self._node = node
        self._lease = lease
        self._id = ray.get_runtime_context().get_actor_id()
        self._door = door(name, node)
        self._folder = f"{private_folder('/tmp')}/ray-{name}-{node[:16]}.d"
        os.environ.pop("OMP_NUM_THREADS", None)  # Ray's, for this very process
        self._runs: dict[str, _Run] = {}
        self._cancelled: dict[str, float] = {}  # the grace of runs that were cancelled while being made ready
        self._sources: dict[str, asyncio.Task[tuple[str, Mapping[str, int]]]] = {}
        self._shared: dict[str, bool] = {}
        self._scratch = {self._folder}
        self._readers: dict[str, list[str]] = {}
        self._news = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self._fd = -1
        self._condemned = False

    async def open(self) -> None:
        """Begin: from here on the node's tasks find it."""
        self._compute = COMPUTES.load("local")(self._folder, {"lease": self._lease})
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self._door)
        self._server = await asyncio.start_unix_server(self._serve, self._door)
        self._go(self._beat())
        self._go(self._look())

    async def live(self) -> None:
        """Nothing, until this actor dies: its end is this call's."""
        await asyncio.Event().wait()

    async def leave(self) -> None:
        """Close, when there is nothing left to do."""
        while any(run.putting for run in self._runs.values()):
            await asyncio.sleep(TICK)
        self._server.close()
        self._compute.close()
        with contextlib.suppress(OSError):
            os.unlink(self._door)
        for folder in self._scratch:
            shutil.rmtree(folder, ignore_errors=True)

    # runs -----------------------------------------------------------------------------------------

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """A task that holds a place: as long as the connection stands, its run may have it."""
        try:
            hello = json.loads(await reader.readline())
            order = await self._keeper.call.remote("claim", hello["job"], self._node)
            if order is None:
                return
            run = await self._take(json.loads(order), hello["env"])
            run.holder = writer
            while not run.over and await reader.read(4096):
                pass
            if not run.over:
                self._compute.cancel(run.id, run.grace)
                self._poll()
                while not run.over:
                    await asyncio.sleep(TICK)
        except (OSError, ValueError):
            pass
        finally:
            writer.close()

    async def _take(self, order: dict[str, Any], places: Mapping[str, str]) -> _Run:
        """Make ready what a run needs, and start it."""
        home = self._is_home(order)
        scratch = os.path.join(order["scratch"] or self._folder, order["sweep"])
        self._scratch.add(scratch)
        folder = order["folder"] if home else os.path.join(scratch, "runs", os.path.basename(order["folder"]))
        run = _Run(order["id"], order["sweep"], order, folder, home, float(order["grace"]))
        self._runs[run.id] = run
        argv, env, source = order["argv"], dict(order["env"]), order["source"]
        if not home:
            wire.RunFolder(folder).make()
            run.roots = {"run": folder}
            first = wire.first_attempt(folder)
            if first != folder:
                run.roots["checkpoints"] = wire.RunFolder(first).checkpoints
            _unpack(bytes.fromhex(order["luggage"]), os.path.join(scratch, "runs"))
            if order["checkpoints"]:
                packed = await self._brought(f"{run.sweep}/checkpoints:{os.path.basename(folder)}")
                if not isinstance(packed, str):
                    _unpack(packed, wire.RunFolder(first).checkpoints)
            argv, env = _moved(argv, env, os.path.dirname(order["folder"]), os.path.join(scratch, "runs"))
            if order["links"]:
                own = self._links(order["links"])
                env["PYTHONPATH"] = os.pathsep.join([own, *env["PYTHONPATH"].split(os.pathsep)[1:]])
            if source is not None:
                source, run.source = await self._source(order)
        if argv and argv[0] == order["python"] and not os.path.exists(argv[0]):
            argv = [sys.executable, *argv[1:]]
        inherited = {key: value for key, value in order["inherited"].items() if key not in os.environ}
        job = Job(
            run.id,
            argv,
            Path(folder),
            {**inherited, **places, **env},
            run.grace,
            order["memory"],
            None if source is None else Path(source),
            order["warm"] and Warmth(*order["warm"]),
        )
        self._compute.start(job)
        run.started = True
        if run.id in self._cancelled:
            self._compute.cancel(run.id, self._cancelled.pop(run.id))
        self._poll()
        return run

    def _is_home(self, order: dict[str, Any]) -> bool:
        """Whether the sweep's folder is seen from here under its own path."""
        if order["scratch"]:
            return False
        if order["sweep"] not in self._shared:
            card = wire.read_json(os.path.join(os.path.dirname(order["folder"]), "ray.json"))
            self._shared[order["sweep"]] = isinstance(card, dict) and card.get("key") == order["sweep"]
        return self._shared[order["sweep"]]

    def _links(self, links: Mapping[str, str]) -> str:
        """A folder with these links into our own package, for the runs' PYTHONPATH."""
        package = Path(__file__).resolve().parents[2]
        folder = Path(self._folder, "path")
        folder.mkdir(parents=True, exist_ok=True)
        for name, target in links.items():
            if not (folder / name).is_symlink():
                (folder / name).symlink_to(package / target)
        return str(folder)

    async def _source(self, order: dict[str, Any]) -> tuple[str, Mapping[str, int]]:
        """The source folder on this node, and the sizes of what is in it; fetched once."""
        name = f"{order['sweep']}/{order['source_name']}"
        if name not in self._sources:
            self._sources[name] = asyncio.get_running_loop().create_task(self._fetch(name, order))
        return await self._sources[name]

    async def _fetch(self, name: str, order: dict[str, Any]) -> tuple[str, Mapping[str, int]]:
        folder = os.path.join(
            order["scratch"] or self._folder, order["sweep"], "sources", order["source_name"]
        )
        packed = await self._brought(name)
        if isinstance(packed, str):
            return f"{folder} ({packed})", {}
        shutil.rmtree(folder, ignore_errors=True)
        await asyncio.to_thread(_unpack, packed, folder)
        return folder, await asyncio.to_thread(_sizes, folder)

    async def _brought(self, name: str) -> bytes | str:
        (reference,) = await self._keeper.call.remote("source", name)
        brought: bytes | str = await reference
        return brought

    async def cancel(self, id: str, grace: float) -> None:
        """TERM now, KILL after `grace` seconds, to all processes of a run."""
        run = self._runs.get(id)
        if run is not None and run.started:
            self._compute.cancel(id, grace)
            self._poll()
        else:  # it is being made ready, or its order is on its way here
            self._cancelled[id] = grace

    def _poll(self) -> None:
        """Take the launcher's news, and be called when there is more."""
        for state in self._compute.poll(0):
            self._take_state(state)
        fd = self._compute.fileno()
        if fd != self._fd:
            loop = asyncio.get_running_loop()
            if self._fd >= 0:
                loop.remove_reader(self._fd)
            if fd >= 0:
                loop.add_reader(fd, self._poll)
            self._fd = fd

    def _take_state(self, state: JobState) -> None:
        run = self._runs.get(state.id)
        if run is None or run.over:
            return
        run.phase, run.note = state.phase, state.note
        if run.over:
            if run.holder is not None:
                run.holder.close()
            if run.order["artifacts"] and state.phase == "ended":
                run.putting = True
                self._go(self._put_outputs(run))
        self._news.set()

    async def _put_outputs(self, run: _Run) -> None:
        """Copy its outputs to the artifacts' place."""
        try:
            await asyncio.to_thread(_put, wire.RunFolder(run.folder).outputs, run.order["artifacts"])
        except Exception as error:
            words = f"the outputs of {run.id} cannot be put to {run.order['artifacts']}: {error}"
            self._keeper.call.remote("say", run.sweep, words)
        run.putting = False

    # the lease ------------------------------------------------------------------------------------

    async def _beat(self) -> None:
        """Renew the launcher's lease whenever the keeper has answered."""
        while True:
            sent = time.monotonic()
            try:
                answer = self._keeper.call.remote("beat", self._node, self._id)
                wanted = await asyncio.wait_for(answer, self._lease)
            except Exception:  # unreachable, or gone: Ray ends us, or the lease does our runs
                wanted = None
            if wanted is False:
                await self._end_all()
                return
            if wanted:
                self._compute.renew(time.monotonic() - sent)
            await asyncio.sleep(self._lease / BEATS)

    async def _end_all(self) -> None:
        """Given up: nothing of ours may live on."""
        self._condemned = True
        self._compute.renew(float("inf"))
        while any(not run.over for run in self._runs.values()):
            self._poll()
            await asyncio.sleep(0.05)
        self._keeper.call.remote("fenced", self._node, self._id)

    # what travels home ----------------------------------------------------------------------------

    async def _look(self) -> None:
        while True:
            await asyncio.sleep(TICK)
            self._poll()
            if any(not run.home for run in self._runs.values()):
                self._news.set()

    async def serve(self, reader: str, sweeps: list[str]) -> None:
        """This bridge, which is reading, wants to hear of these sweeps."""
        self._readers[reader] = sweeps
        self._news.set()

    async def read(self, reader: str, sweeps: list[str]) -> list[Report]:
        """What is new about the runs of these sweeps, for this bridge: its next call says that it has kept it all."""
        self._readers[reader] = sweeps
        deadline = time.monotonic() + POLL
        self._drop(reader)
        while True:
            self._news.clear()
            found, budget = [], BATCH
            for run in list(self._runs.values()):
                if run.sweep in self._readers[reader] and budget > 0 and not self._condemned:
                    pieces = self._pieces(run, reader, budget)
                    budget -= sum(len(piece.data) for piece in pieces)
                    if pieces or run.told != run.known:
                        run.told = run.known
                        found.append((run.id, run.sweep, run.order["folder"], run.known, run.note, pieces))
            if found or time.monotonic() >= deadline:
                return found
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._news.wait(), deadline - time.monotonic())

    def _pieces(self, run: _Run, reader: str, budget: int) -> list[Piece]:
        if run.reader != reader:
            run.reader, run.mirror, run.told = reader, None, ""
        if run.home or run.phase == "starting":
            return []
        if run.mirror is None:
            run.mirror = Mirror(run.roots, run.source)
        return run.mirror.pieces(run.over, budget)

    def _drop(self, reader: str) -> None:
        """Forget the runs whose ends have been kept at home."""
        done = []
        for run in list(self._runs.values()):
            if run.over and run.reader == reader and run.told == run.phase and not run.putting:
                done.append(run.id)
                del self._runs[run.id]
                for root in run.roots.values():
                    shutil.rmtree(root, ignore_errors=True)
        if done:
            self._keeper.call.remote("ended", done)

    def _go(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _unpack(packed: bytes, folder: str) -> None:
    os.makedirs(folder, exist_ok=True)
    with tarfile.open(fileobj=io.BytesIO(packed)) as tar:
        tar.extractall(folder, filter="fully_trusted")


def _sizes(folder: str) -> dict[str, int]:
    """Of every file below a folder, by its path within; -1 for a link."""
    found = {}
    for top, folders, files in os.walk(folder):
        for name in [*files, *folders]:
            path = os.path.join(top, name)
            if os.path.islink(path):
                found[os.path.relpath(path, folder)] = -1
            elif name in files:
                found[os.path.relpath(path, folder)] = os.path.getsize(path)
    return found


def _moved(argv: list[str], env: dict[str, str], home: str, here: str) -> tuple[list[str], dict[str, str]]:
    """Command and environment with paths below the sweep's folder at home as they are here."""

    def moved(word: str) -> str:
        return here + word[len(home) :] if word == home or word.startswith(home + os.sep) else word

    return [moved(word) for word in argv], {key: moved(value) for key, value in env.items()}


def _put(folder: str, place: str) -> None:
    import fsspec

    if os.listdir(folder):
        system, path = fsspec.core.url_to_fs(place)
        system.makedirs(path, exist_ok=True)
        system.put(f"{folder}/", f"{path}/", recursive=True)
