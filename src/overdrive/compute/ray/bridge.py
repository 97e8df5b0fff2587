"""The Ray driver of a controller: a process of its own, so that what Ray does when a cluster vanishes ends it alone.

JSON lines on standard input and output; one process serves all sweeps (channels) of its controller, and ends with it.

In:  {"op": "open", "ch": n, "key": ..., "folder": ..., "lease": ..., "artifacts": ..., "scratch": ...}
     {"op": "start", "ch": n, "jobs": [[job, needs], ...]}   {"op": "cancel", "ch": n, "id": ..., "grace": ...}
     {"op": "known", "ch": n, "ref": ..., "ids": [...]}   {"op": "forget", "ch": n, "ids": [...]}
     {"op": "close", "ch": n}   {"op": "nodes"}
Out: {"ready": true}   {"error": ...}   {"ch": n, "keeper": ...}   {"ch": n, "look": [...]}
     {"ch": n, "verdicts": [[id, verdict, why], ...]}   {"ref": ..., "known": [...]}   {"nodes": [...]}
"""

from __future__ import annotations

import asyncio
import hashlib
import io
import json
import logging
import os
import sys
import tarfile
import time
import traceback
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import ray
import ray.cloudpickle
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from ...runtime import wire
from . import host
from .code import archive
from .mirror import keep

NAMESPACE = "overdrive"
ROOM = 1.0  # seconds before what the disk at home had no room for is tried again


@dataclass(slots=True)
class _Sweep:
    channel: int
    name: str  # of its keeper, for good
    key: str
    folder: str
    artifacts: str | None
    scratch: str | None
    keeper: _Keeper
    sources: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class _Keeper:
    """A keeper, and the sweeps that are open with it."""

    actor: Any
    sweeps: dict[str, _Sweep] = field(default_factory=dict)
    agents: dict[str, Any] = field(default_factory=dict)


class Bridge:
    """The conversation of one controller with one cluster."""

    def __init__(self, out: int) -> None:
        self._out = out
        self._pipe: asyncio.WriteTransport | None = None
        self._name = uuid.uuid4().hex
        self._keepers: dict[float, _Keeper] = {}
        self._channels: dict[int, _Sweep] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def say(self, message: dict[str, Any]) -> None:
        """One line to the controller."""
        data = json.dumps(message).encode() + b"\n"
        if self._pipe is None:
            os.write(self._out, data)
        else:
            self._pipe.write(data)  # kept until there is room: a controller that is writing does not read

    async def serve(self) -> None:
        """Obey until the controller is gone."""
        loop = asyncio.get_running_loop()
        reader = asyncio.StreamReader(limit=1 << 30)
        await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
        self._pipe, _ = await loop.connect_write_pipe(asyncio.Protocol, os.fdopen(self._out, "wb", 0))
        while line := await reader.readline():
            message = json.loads(line)
            try:
                await getattr(self, "_" + message["op"])(message)
            except Exception:  # whatever it was, the runs must not lose their way home
                traceback.print_exc()

    # what the controller asks ---------------------------------------------------------------------

    async def _open(self, message: dict[str, Any]) -> None:
        while True:
            keeper = self._keeper(float(message["lease"]))
            name = await self._tell(keeper, "open", self._name, message["key"])
            if name is not None:
                break
            self._keepers.pop(float(message["lease"]), None)  # it is leaving; its name will be free at once
            await asyncio.sleep(ROOM / 4)
        kept = {name: message[name] for name in ("key", "folder", "artifacts", "scratch")}
        sweep = _Sweep(message["ch"], name, **kept, keeper=keeper)
        self._channels[sweep.channel] = keeper.sweeps[sweep.key] = sweep
        for agent in keeper.agents.values():
            agent.call.remote("serve", self._name, list(keeper.sweeps))
        self.say({"ch": sweep.channel, "keeper": name})

    def _keeper(self, lease: float) -> _Keeper:
        if lease not in self._keepers:
            code = archive()
            name = f"{hashlib.sha256(code).hexdigest()[:8]}-{lease:g}"
            head = [
                n["NodeID"] for n in ray.nodes() if n["Alive"] and "node:__internal_head__" in n["Resources"]
            ]
            where = NodeAffinitySchedulingStrategy(head[0], soft=True) if head else "DEFAULT"
            actor = (
                ray.remote(host.Host)
                .options(
                    name=f"keeper-{name}",
                    namespace=NAMESPACE,
                    lifetime="detached",
                    get_if_exists=True,
                    num_cpus=0,
                    max_concurrency=10_000,
                    scheduling_strategy=where,
                )
                .remote(code, "overdrive.compute.ray.keeper:Keeper", name, code, lease)
            )
            keeper = self._keepers[lease] = _Keeper(actor)
            self._go(self._listen(lease, keeper))
        return self._keepers[lease]

    async def _start(self, message: dict[str, Any]) -> None:
        sweep = self._channels[message["ch"]]
        orders = [(job["id"], self._order(sweep, job), needs) for job, needs in message["jobs"]]
        line = wire.encode({"keeper": sweep.name, "jobs": [id for id, *_ in orders]})
        await self._insist("write ray.jsonl", lambda: _append(os.path.join(sweep.folder, "ray.jsonl"), line))
        await self._tell(sweep.keeper, "submit", sweep.key, orders)

    def _order(self, sweep: _Sweep, job: dict[str, Any]) -> bytes:
        name = None
        if job["source"] is not None:
            name = hashlib.sha256(os.fsencode(job["source"])).hexdigest()[:16]
            sweep.sources[name] = job["source"]
        artifacts = sweep.artifacts and "/".join(
            [sweep.artifacts.rstrip("/"), os.path.basename(sweep.folder), os.path.basename(job["folder"])]
        )
        more: dict[str, Any] = {
            "sweep": sweep.key,
            "scratch": sweep.scratch,
            "artifacts": artifacts,
            "source_name": name,
        }
        more |= {
            "luggage": _luggage(job["folder"]).hex(),
            "checkpoints": os.path.isdir(_checkpoints(job["folder"])),
        }
        return json.dumps({**job, **more}).encode()

    async def _cancel(self, message: dict[str, Any]) -> None:
        sweep = self._channels[message["ch"]]
        await self._tell(sweep.keeper, "cancel", message["id"], message["grace"])

    async def _known(self, message: dict[str, Any]) -> None:
        sweep = self._channels[message["ch"]]
        known = await self._tell(sweep.keeper, "known", message["ids"])
        self.say({"ch": message["ch"], "ref": message["ref"], "known": known or []})

    async def _forget(self, message: dict[str, Any]) -> None:
        sweep = self._channels[message["ch"]]
        await self._tell(sweep.keeper, "forget", message["ids"])

    async def _close(self, message: dict[str, Any]) -> None:
        sweep = self._channels.pop(message["ch"])
        if sweep.keeper.sweeps.get(sweep.key) is sweep:
            del sweep.keeper.sweeps[sweep.key]
            await self._tell(sweep.keeper, "close", self._name, sweep.key)
        self.say({"ch": sweep.channel, "closed": True})

    async def _nodes(self, _: dict[str, Any]) -> None:
        from ray._private.state import available_resources_per_node

        free = available_resources_per_node()
        there = [n for n in ray.nodes() if n["Alive"]]
        rows = [(n["NodeName"], n["Resources"], free.get(n["NodeID"], {})) for n in there]
        self.say({"nodes": rows})

    async def _tell(self, keeper: _Keeper, method: str, *args: Any) -> Any:
        """Call the keeper. One that is gone is found out by `_listen`."""
        try:
            return await keeper.actor.call.remote(method, *args)
        except ray.exceptions.RayError:
            return None

    # what the cluster says ------------------------------------------------------------------------

    async def _listen(self, lease: float, keeper: _Keeper) -> None:
        """Hear the keeper's news until it is gone."""
        while True:
            try:
                news = await keeper.actor.call.remote("news", self._name)
            except ray.exceptions.RayError as error:
                print(f"the keeper is gone: {error}", file=sys.stderr, flush=True)
                if self._keepers.get(lease) is keeper:
                    del self._keepers[lease]
                for sweep in keeper.sweeps.values():
                    self.say({"ch": sweep.channel, "keeper": None})
                return
            for text in news["notes"]:
                _log(text)
            for name in news["wanted"]:
                await self._bring(keeper, name)
            for node, actor in news["agents"].items():
                self._go(self._read(keeper, node, actor))
            for id, key, verdict, why in news["verdicts"]:
                if key in keeper.sweeps:
                    self.say({"ch": keeper.sweeps[key].channel, "verdicts": [[id, verdict, why]]})

    async def _bring(self, keeper: _Keeper, name: str) -> None:
        key, _, source = name.partition("/")
        sweep = keeper.sweeps.get(key)
        if sweep is None:
            return
        kind, _, place = source.partition(":")
        folder = sweep.sources.get(source, "")
        if kind == "checkpoints":
            folder = _checkpoints(os.path.join(sweep.folder, place))
        packed = await asyncio.to_thread(_packed, folder)
        await self._tell(keeper, "bring", name, packed)

    async def _read(self, keeper: _Keeper, node: str, agent: Any) -> None:
        """Keep at home what the runs of one node write, until its agent is gone."""
        keeper.agents[node] = agent
        while True:
            try:
                reports = await agent.call.remote("read", self._name, list(keeper.sweeps))
            except ray.exceptions.RayTaskError as error:  # asked again, it sends again what was not kept
                _log(str(error))
                await asyncio.sleep(ROOM)
                continue
            except ray.exceptions.RayError:
                if keeper.agents.get(node) is agent:
                    del keeper.agents[node]
                return
            for id, key, folder, phase, note, pieces in reports:
                sweep = keeper.sweeps.get(key)
                if sweep is None:
                    continue
                await self._keep(id, folder, pieces)
                if phase == "lost":
                    self.say({"ch": sweep.channel, "verdicts": [[id, "lost", note]]})
                else:
                    self.say({"ch": sweep.channel, "look": [id]})

    async def _keep(self, id: str, folder: str, pieces: list[Any]) -> None:
        roots = {"run": folder, "checkpoints": _checkpoints(folder)}
        for piece in pieces:
            await self._insist(f"keep {piece.path} of {id}", partial(keep, piece, roots))

    @staticmethod
    async def _insist(what: str, act: Callable[[], None]) -> None:
        """Do it, and again until the disk has room."""
        while True:
            try:
                act()
                return
            except OSError as error:
                _log(f"cannot {what}, trying again: {error}")
                await asyncio.sleep(ROOM)

    def _go(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            traceback.print_exception(task.exception())


def _checkpoints(folder: str) -> str:
    return wire.RunFolder(wire.first_attempt(folder)).checkpoints


def _luggage(folder: str) -> bytes:
    """What a run folder at home holds before the run begins."""
    own, packed = wire.RunFolder(folder), io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        for path in (own.params, own.files):
            if os.path.exists(path):
                tar.add(path, os.path.join(os.path.basename(folder), os.path.relpath(path, folder)))
    return packed.getvalue()


def _packed(folder: str) -> bytes | str:
    """A folder's content as a tar file, or why there is none."""
    packed = io.BytesIO()
    try:
        with tarfile.open(fileobj=packed, mode="w:gz", compresslevel=1) as tar:
            for name in sorted(os.listdir(folder)):
                if name != wire.OWN:
                    tar.add(os.path.join(folder, name), name)
    except OSError as error:
        return str(error)
    return packed.getvalue()


def _append(path: str, line: bytes) -> None:
    fd = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o666)
    try:
        os.write(fd, line)
    finally:
        os.close(fd)


def _log(text: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {text}", file=sys.stderr, flush=True)


def main(address: str) -> None:
    """Connect to the cluster at this address, and serve."""
    out = os.dup(1)
    os.dup2(2, 1)
    ray.cloudpickle.register_pickle_by_value(host)
    bridge = Bridge(out)
    try:
        ray.init(address, namespace=NAMESPACE, log_to_driver=False, logging_level=logging.ERROR)
    except Exception as error:
        bridge.say({"error": str(error).strip().partition("\n")[0] or type(error).__name__})
        return
    bridge.say({"ready": True})
    asyncio.run(bridge.serve())


if __name__ == "__main__":
    main(sys.argv[1])
