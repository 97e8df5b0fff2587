"""The options of a Ray target, what a run asks Ray for, and how many such runs fit on which nodes."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from ...errors import ComputeError
from ..base import Survey
from ..options import Option, is_amount, is_count, is_text

ADDRESS = "auto"
LEASE = 15.0  # seconds

_ADDRESS = re.compile(r"auto|(ray://)?[^\s/:@]+:\d{1,5}|ray://[^\s/:@]+|ray://auto")
_CLIENT_PORT = 10001


def _is_address(value: Any) -> bool:
    return is_text(value) and _ADDRESS.fullmatch(value) is not None


def _are_resources(value: Any) -> bool:
    """Custom ones: what Ray counts itself has an option of its own."""
    own = {"CPU", "GPU", "memory"}
    return isinstance(value, Mapping) and all(
        is_text(k) and is_amount(v) and k not in own for k, v in value.items()
    )


KNOWN = {
    "address": Option(
        _is_address,
        'must be "auto", "host:port" of a head node, or "ray://host:10001" from outside the cluster '
        "(of a dashboard's http:// address: submit with `ray job submit`, see docs/compute.md)",
    ),
    "num_cpus": Option(is_amount, "must be a number of CPUs, 0 or more"),
    "num_gpus": Option(is_amount, "must be a number of GPUs, such as 1 or 0.5"),
    "memory": Option(is_count, "must be a number of bytes"),
    "resources": Option(_are_resources, 'must be a table such as {"TPU" = 1}, without CPU, GPU and memory'),
    "accelerator_type": Option(is_text, 'must be text, such as "A100"'),
    "folder": Option(lambda v: is_text(v) and v.startswith("/"), "must be an absolute path on the nodes"),
    "artifacts": Option(is_text, 'must be a path or URL of fsspec, such as "s3://bucket/sweeps"'),
    "lease": Option(lambda v: is_amount(v) and v >= 2, "must be a number of seconds, at least 2"),
    "autoscaling": Option(lambda v: isinstance(v, bool), "must be true or false"),
}
"""The options of a Ray target. What a run needs goes by Ray's own names."""


def place(address: str) -> tuple[str, int] | None:
    """Where something must listen for this address; None when Ray finds out itself."""
    host, _, port = address.removeprefix("ray://").partition(":")
    return None if host == "auto" else (host, int(port or _CLIENT_PORT))


def need(options: Mapping[str, Any], gpus: float = 0.0, cores: int = 0) -> dict[str, float]:
    """What one run takes of a node, by Ray's names. What the script says goes before the target's options."""
    asked: dict[str, float] = {
        "CPU": cores or options.get("num_cpus", 1),
        "GPU": gpus or options.get("num_gpus", 0),
    }
    asked["memory"] = options.get("memory", 0)
    asked |= options.get("resources", {})
    if "accelerator_type" in options:
        asked[f"accelerator_type:{options['accelerator_type']}"] = 0.001
    return {name: amount for name, amount in asked.items() if amount or name == "CPU"}


def task_options(needed: Mapping[str, float]) -> dict[str, Any]:
    """The same as arguments of a Ray task's `options`."""
    given: dict[str, Any] = {"num_cpus": needed.get("CPU", 0), "num_gpus": needed.get("GPU", 0)}
    if "memory" in needed:
        given["memory"] = needed["memory"]
    others = {name: amount for name, amount in needed.items() if name not in ("CPU", "GPU", "memory")}
    return {**given, "resources": others} if others else given


class Node(NamedTuple):
    """A living node: its name, and amounts by resource, all in all and free now."""

    name: str
    total: Mapping[str, float]
    free: Mapping[str, float]

    def __str__(self) -> str:
        shown = [
            f"{amount / 1e9:.3g} GB {name}" if name == "memory" else f"{amount:g} {name}"
            for name, amount in sorted(self.total.items())
            if not name.startswith(("node:", "object_store_memory"))
        ]
        return f"{self.name}: {', '.join(shown)}"


def fitting(needed: Mapping[str, float], there: Mapping[str, float]) -> int:
    """How many runs with this need fit into these amounts."""
    if any(there.get(name, 0) < amount for name, amount in needed.items()):
        return 0
    return int(
        min((there[name] / amount + 1e-9 for name, amount in needed.items() if amount), default=1 << 20)
    )


def room(needed: Mapping[str, float], nodes: Sequence[Node], autoscaling: bool) -> Survey:
    """The cluster's room for runs with this need. ComputeError when none ever fits."""
    most = sum(fitting(needed, node.total) for node in nodes)
    free = sum(fitting(needed, node.free) for node in nodes)
    words = "; ".join(map(str, nodes)) or "no node"
    if not most and not autoscaling:
        asked = ", ".join(f"{amount:g} {name}" for name, amount in needed.items())
        raise ComputeError(f"ray: no node has what a run asks for ({asked}). There is {words}")
    return Survey(min(free, most), max(1, min(most, 1 << 16)), max(1, int(needed.get("CPU", 1))), words)
