"""The actor of a cluster that owns the tasks: it knows which run is where, and who may start it.

Asynchronous, so that one process serves all nodes and controllers; nothing here waits for a disk.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import ray
import ray.cloudpickle
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from . import host

IDLE = 60.0  # seconds without runs and controllers after which the keeper leaves
UNCLAIMED = 24 * 3600.0  # and with runs for whose ends nobody comes
WATCH = 1.0  # seconds between two looks at the nodes of the cluster
POLL = 10.0  # seconds after which a question for news is answered, even if there is none
MARGIN = 2.0  # seconds for a launcher whose lease is over to end what it has
ATTEMPTS = 3  # to find a place for a run whose task died before the run began

Phase = Literal["waiting", "claimed", "over"]


@dataclass(slots=True)
class _Run:
    id: str
    sweep: str
    order: bytes
    needs: Mapping[str, Any]
    phase: Phase = "waiting"
    node: str = ""
    task: Any = None
    attempts: int = 0
    verdict: tuple[str, str] | None = None  # "lost" | "refused" | "cancelled", and why
    told: set[str] = field(default_factory=set)


@dataclass(slots=True)
class _Agent:
    actor: Any
    beat: float  # when it was last heard of
    dead: bool = False
    fenced: bool = False


@dataclass(slots=True)
class _Reader:
    sweeps: set[str]
    seen: float
    agents: set[str] = field(default_factory=set)
    notes: list[str] = field(default_factory=list)


class Keeper:
    """`name`: what this keeper's agents go by on their nodes. `lease`: seconds without an answer of this keeper
    after which an agent's runs are ended."""

    def __init__(self, name: str, code: bytes, lease: float) -> None:
        self._name = name
        self._code = code
        self._lease = lease
        ray.cloudpickle.register_pickle_by_value(host)
        self._me = ray.get_runtime_context().current_actor
        self._host = ray.remote(host.Host)
        self._hold = ray.remote(host.hold)
        self._runs: dict[str, _Run] = {}
        self._agents: dict[str, _Agent] = {}
        self._readers: dict[str, _Reader] = {}
        self._sources: dict[str, Any] = {}
        self._wanted: set[str] = set()
        self._nodes: dict[str, bool] = {}
        self._news = asyncio.Event()
        self._coming = asyncio.Event()  # of a source
        self._tasks: set[asyncio.Task[None]] = set()
        self._busy_at = time.monotonic()
        self._leaving = self._watching = False

    # controllers ----------------------------------------------------------------------------------

    async def open(self, reader: str, sweep: str) -> str:
        """A controller's bridge serves this sweep from now on. What this keeper is called for good."""
        if self._leaving:
            raise RuntimeError("leaving")
        if not self._watching:
            self._watching = True
            self._go(self._watch())
        self._seen(reader).sweeps.add(sweep)
        self._tell()
        return str(self._me._actor_id.hex())

    async def close(self, reader: str, sweep: str) -> None:
        """It does not any more."""
        self._seen(reader).sweeps.discard(sweep)

    async def submit(self, sweep: str, orders: list[tuple[str, bytes, dict[str, Any]]]) -> None:
        """Start these runs: id, order and needs of each. Those that are known already go on."""
        for id, order, needs in orders:
            if id not in self._runs:
                run = self._runs[id] = _Run(id, sweep, order, needs)
                self._place(run)

    async def cancel(self, id: str, grace: float) -> None:
        """End a run, or keep it from beginning."""
        run = self._runs.get(id)
        if run is None or run.phase == "over":
            return
        if run.phase == "waiting":
            self._judge(run, "cancelled", "cancelled before it started")
            ray.cancel(run.task, force=False)
        elif run.node in self._agents:
            self._agents[run.node].actor.call.remote("cancel", id, grace)

    async def known(self, ids: list[str]) -> list[str]:
        """Those of these runs that were submitted here; a verdict about them is told once more."""
        for id in ids:
            if id in self._runs:
                self._runs[id].told.clear()
        self._tell()
        return [id for id in ids if id in self._runs]

    async def forget(self, ids: list[str]) -> None:
        """Their ends are known where they came from."""
        for id in ids:
            run = self._runs.get(id)
            if run is not None and run.phase == "over":
                del self._runs[id]

    async def news(self, reader: str) -> dict[str, Any]:
        """What this bridge has not heard yet: agents, verdicts about runs, sources that are wanted, notes."""
        me = self._seen(reader)
        deadline = time.monotonic() + POLL
        while True:
            self._news.clear()
            me.seen = time.monotonic()
            there = {
                n: a.actor for n, a in self._agents.items() if not a.dead and self._tag(n, a) not in me.agents
            }
            verdicts = [
                (run.id, run.sweep, *run.verdict)
                for run in self._runs.values()
                if run.verdict and run.sweep in me.sweeps and reader not in run.told
            ]
            wanted = [name for name in self._wanted if name.partition("/")[0] in me.sweeps]
            if there or verdicts or wanted or me.notes or time.monotonic() >= deadline:
                break
            try:
                await asyncio.wait_for(self._news.wait(), deadline - time.monotonic())
            except TimeoutError:
                pass
        for node in there:
            me.agents.add(self._tag(node, self._agents[node]))
        for id, *_ in verdicts:
            self._runs[id].told.add(reader)
        notes, me.notes = me.notes, []
        return {"agents": there, "verdicts": verdicts, "wanted": wanted, "notes": notes}

    @staticmethod
    def _tag(node: str, agent: _Agent) -> str:
        return f"{node} {agent.actor._actor_id.hex()}"

    def _seen(self, reader: str) -> _Reader:
        me = self._readers.setdefault(reader, _Reader(set(), 0.0))
        me.seen = time.monotonic()
        return me

    # sources --------------------------------------------------------------------------------------

    async def bring(self, name: str, packed: bytes | str) -> None:
        """A source folder that some agent wants, packed; or why it is not to be had."""
        self._sources[name] = ray.put(packed)
        self._wanted.discard(name)
        self._coming.set()
        self._coming = asyncio.Event()

    async def source(self, name: str) -> list[Any]:
        """A reference to what was brought, "<sweep>/<source>"; it travels from node to node, not through this actor."""
        while name not in self._sources:
            self._wanted.add(name)
            self._tell()
            coming = self._coming
            await coming.wait()
        if name.partition("/")[2].startswith("checkpoints:"):  # of one run, and large
            return [self._sources.pop(name)]
        return [self._sources[name]]

    # places ---------------------------------------------------------------------------------------

    def _place(self, run: _Run) -> None:
        run.attempts += 1
        run.task = self._hold.options(max_retries=0, name=run.id, **run.needs).remote(
            self._me, self._name, run.id
        )
        self._go(self._follow(run, run.task))

    async def _follow(self, run: _Run, task: Any) -> None:
        """See how the task that holds the place of a run ends: when the run has ended, or before."""
        try:
            await task
            why = "the agent of its node does not know it"
        except (asyncio.CancelledError, Exception) as error:
            why = str(error).strip().partition("\n")[0] or type(error).__name__
        if run.phase != "waiting" or run.task is not task:
            return
        if run.attempts < ATTEMPTS:
            self._place(run)
        else:
            self._judge(run, "refused", f"ray: {why}")

    async def need(self, node: str) -> None:
        """A run has its place on this node: there must be an agent."""
        if node in self._agents:
            return
        where = NodeAffinitySchedulingStrategy(node, soft=False)
        actor = self._host.options(num_cpus=0, max_concurrency=1000, scheduling_strategy=where).remote(
            self._code, "overdrive.compute.ray.agent:Agent", self._me, self._name, node, self._lease
        )
        self._agents[node] = agent = _Agent(actor, time.monotonic())
        self._go(self._attend(node, agent))

    async def _attend(self, node: str, agent: _Agent) -> None:
        """From an agent's first word to its death."""
        try:
            await agent.actor.call.remote("open")
            agent.beat = time.monotonic()
            self._tell()
            await self._live(agent)
        except Exception as error:
            self._note(f"the agent of node {node} is gone: {str(error).partition(chr(10))[0]}")
        agent.dead = True
        await self._outlast(node, agent)

    @staticmethod
    async def _live(agent: _Agent) -> None:
        """Wait for an agent's death, which is an error of this call."""
        while True:
            try:
                await agent.actor.call.remote("live")
            except ray.exceptions.ActorUnavailableError:  # perhaps for a moment; its lease sees to the rest
                await asyncio.sleep(WATCH)

    async def beat(self, node: str, id: str) -> bool:
        """An agent lives. False when it must end what it has: its node has been given up."""
        agent = self._agents.get(node)
        if agent is None or agent.actor._actor_id.hex() != id or agent.dead:
            return False
        agent.beat = time.monotonic()
        return True

    async def fenced(self, node: str, id: str) -> None:
        """An agent has ended all that it had."""
        agent = self._agents.get(node)
        if agent is not None and agent.actor._actor_id.hex() == id:
            agent.fenced = True

    async def claim(self, id: str, node: str) -> bytes | None:
        """The order of a run for the agent that asks first; None for all others, and when it is not to begin."""
        run = self._runs.get(id)
        agent = self._agents.get(node)
        if run is None or run.phase != "waiting" or agent is None or agent.dead:
            return None
        run.phase, run.node = "claimed", node
        return run.order

    async def say(self, sweep: str, text: str) -> None:
        """Words of an agent for the log of whoever serves this sweep."""
        for reader in self._readers.values():
            if sweep in reader.sweeps:
                reader.notes.append(text)
        self._tell()

    async def ended(self, ids: list[str]) -> None:
        """The ends of these runs lie in their folders, at home."""
        for id in ids:
            self._runs.pop(id, None)

    # nodes ----------------------------------------------------------------------------------------

    async def _watch(self) -> None:
        """Look at the cluster: a task whose node is lost may not say so for a long time."""
        while not self._leaving:
            try:
                nodes = await asyncio.to_thread(ray.nodes)
            except Exception as error:
                self._note(f"the cluster does not say which nodes it has: {error}")
                nodes = []
            alive = {node["NodeID"]: bool(node["Alive"]) for node in nodes}
            for id, agent in list(self._agents.items()):
                if not agent.dead and alive.get(id) is False:
                    agent.dead = True
                    self._note(f"node {id} is lost; its runs are given up within {self._lease + MARGIN:g} s")
                    self._go(self._outlast(id, agent))
            self._leave_when_idle()
            await asyncio.sleep(WATCH)

    async def _outlast(self, node: str, agent: _Agent) -> None:
        """Wait until no run of a lost agent can live any more, and give up those that it has claimed."""
        while not agent.fenced and time.monotonic() < agent.beat + self._lease + MARGIN:
            await asyncio.sleep(0.1)
        if self._agents.get(node) is not agent:
            return
        del self._agents[node]
        for run in self._runs.values():
            if run.phase == "claimed" and run.node == node:
                self._judge(run, "lost", f"node {node} of the Ray cluster was lost with it")

    def _judge(self, run: _Run, verdict: str, why: str) -> None:
        run.phase, run.verdict = "over", (verdict, why)
        self._tell()

    def _leave_when_idle(self) -> None:
        now = time.monotonic()
        for name, reader in list(self._readers.items()):
            if now - reader.seen > 3 * POLL:
                del self._readers[name]
        if any(reader.sweeps for reader in self._readers.values()):
            self._busy_at = now
        patience = IDLE if not self._runs else UNCLAIMED
        if any(run.phase == "waiting" for run in self._runs.values()):
            self._busy_at = now
        if now - self._busy_at > patience:
            self._leaving = True
            self._go(self._leave())

    async def _leave(self) -> None:
        for agent in self._agents.values():
            try:
                await asyncio.wait_for(agent.actor.call.remote("leave"), 30)
            except Exception:
                continue
        ray.kill(self._me, no_restart=True)

    # the loop -------------------------------------------------------------------------------------

    def _note(self, text: str) -> None:
        for reader in self._readers.values():
            reader.notes.append(text)
        self._tell()

    def _tell(self) -> None:
        self._news.set()

    def _go(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
