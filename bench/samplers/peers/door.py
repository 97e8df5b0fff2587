"""The door through which a peer is spoken to, in its own process or in another."""

from __future__ import annotations

import importlib
import time
from typing import Any

from . import PEERS, Asked


class Door:
    """One peer, one sweep after another. Requests and answers are those of `python -m bench.samplers.peers`."""

    def __init__(self, name: str) -> None:
        self._peer = PEERS[name]
        self._sampler: Asked

    def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        """`ms` is the processor time that the peer took, which a busy machine changes little."""
        if "space" in request:
            module, _, maker = self._peer.maker.partition(":")
            made = getattr(importlib.import_module(f".{module}", __package__), maker)
            self._sampler = made(**request, **self._peer.options)
            return {}
        start = time.process_time()
        if "tell" in request:
            self._sampler.tell(request["tell"], request["loss"])
        params = self._sampler.ask(request["ask"])
        return {"params": params, "ms": round(1000 * (time.process_time() - start), 2)}
