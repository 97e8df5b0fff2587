"""One sweep of one peer on one task: the peer in its own process, the losses in this one."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any, NamedTuple

from .peers import PEERS
from .peers.door import Door
from .tasks import Task, task

ROOT = Path(__file__).parents[2]
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")


class PeerError(Exception):
    """What a peer said instead of an answer."""


class Guest:
    """A peer in its own environment's process, which serves one sweep after another. What it prints goes to `log`."""

    def __init__(self, peer: str, python: Path, log: Path) -> None:
        path = os.pathsep.join([str(ROOT / "src"), str(ROOT)])
        with log.open("w") as printed:
            self.process = subprocess.Popen(
                [python, "-m", f"{__package__}.peers", peer],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=printed,
                text=True,
                env=os.environ | ONE_THREAD | {"PYTHONPATH": path},
            )

    def say(self, **request: Any) -> dict[str, Any]:
        """Its answer; PeerError when it says or does something else."""
        assert self.process.stdin and self.process.stdout
        try:
            print(json.dumps(request), file=self.process.stdin, flush=True)
        except BrokenPipeError:
            pass
        line = self.process.stdout.readline()
        reply = json.loads(line) if line else {"error": f"ended with exit status {self.process.wait()}"}
        if "error" in reply:
            raise PeerError(reply["error"])
        return reply

    def close(self) -> None:
        self.process.kill()
        self.process.communicate()


class Native:
    """A peer of our own environment, in this process."""

    def __init__(self, peer: str) -> None:
        self.door = Door(peer)

    def say(self, **request: Any) -> dict[str, Any]:
        return self.door.answer(request)

    def close(self) -> None:
        pass


Entrant = Guest | Native


class Heat(NamedTuple):
    """What identifies a sweep in the results."""

    peer: str
    task: str
    seed: int
    pending: int


def race(entrant: Entrant, task: Task, heat: Heat, budget: int) -> dict[str, Any]:
    """A sweep with `pending` runs at once, which end in the order they were started. `ms`: what each
    suggestion took, with the telling of the result that made room for it."""
    losses: list[float] = []
    waits: list[float] = []
    row = {**heat._asdict(), "budget": budget, "losses": losses, "ms": waits}
    try:
        space = {name: law.to_json() for name, law in task.space.items()}
        entrant.say(space=space, seed=heat.seed, budget=budget, pending=heat.pending)
        for number in range(budget):
            ended = number - heat.pending
            told = {"tell": ended, "loss": losses[ended]} if ended >= 0 else {}
            reply = entrant.say(ask=number, **told)
            waits.append(reply["ms"])
            losses.append(task.loss(reply["params"]))
    except PeerError as error:
        row["error"] = str(error)
    return row


_entrants: dict[str, Entrant] = {}


def work(peer: str, python: Path, log: Path, heat: Heat, budget: int) -> dict[str, Any]:
    """One sweep, in a worker process, which keeps its last peer until another's turn comes or it fails."""
    if peer not in _entrants:
        for entrant in _entrants.values():
            entrant.close()
        _entrants.clear()
        _entrants[peer] = Guest(peer, python, log) if PEERS[peer].environment else Native(peer)
    row = race(_entrants[peer], task(heat.task), heat, budget)
    if "error" in row:
        _entrants.pop(peer).close()
    return row
