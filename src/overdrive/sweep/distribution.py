"""Runs of several processes: what a `distributed_job_config` asks for, by HyperDrive's names.

How the processes of such a run find one another is the affair of `runtime.gang`, which starts them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

from ..errors import ConfigError, Problem
from .checks import broken, is_count

BACKENDS = ("nccl", "gloo")


@dataclass(frozen=True)
class _Distribution:
    """What all kinds have in common. `nodes`: on how many machines the processes run, each with an equal share."""

    kind: ClassVar[str]

    @property
    def nodes(self) -> int:
        raise NotImplementedError

    @property
    def processes(self) -> int:
        """On all nodes, parameter servers not counted."""
        raise NotImplementedError

    @property
    def servers(self) -> int:
        """Parameter servers on all nodes."""
        return 0

    @property
    def several(self) -> bool:
        """Whether there is more than one process."""
        return self.processes + self.servers > 1

    def to_json(self) -> dict[str, Any]:
        """The fields, and the kind."""
        return {"kind": self.kind, **asdict(self)}

    def _check(self, *rules: tuple[str, object, str]) -> None:
        problems = broken(self, *rules)
        if not problems and self.processes % self.nodes:
            what = f"{self.processes} processes cannot be shared out evenly over {self.nodes} nodes"
            problems = [Problem("node_count", what)]
        if problems:
            raise ConfigError(problems)


@dataclass(frozen=True)
class MpiConfiguration(_Distribution):
    """`process_count_per_node` processes on each of `node_count` machines, by mpirun where it is installed."""

    process_count_per_node: int = 1
    node_count: int = 1

    kind: ClassVar[str] = "mpi"

    def __post_init__(self) -> None:
        self._check(
            ("process_count_per_node", is_count(self.process_count_per_node), "must be 1 process or more"),
            ("node_count", is_count(self.node_count), "must be 1 node or more"),
        )

    @property
    def nodes(self) -> int:
        """Machines."""
        return self.node_count

    @property
    def processes(self) -> int:
        """On all nodes."""
        return self.process_count_per_node * self.node_count


@dataclass(frozen=True)
class PyTorchConfiguration(_Distribution):
    """`process_count` processes in all, None for one on each of `node_count` machines. The script names the backend
    that its processes talk through; `communication_backend` is checked, and has no effect."""

    communication_backend: str = "Nccl"
    process_count: int | None = None
    node_count: int = 1

    kind: ClassVar[str] = "pytorch"

    def __post_init__(self) -> None:
        count, backend = self.process_count, self.communication_backend
        self._check(
            ("communication_backend", str(backend).lower() in BACKENDS, "must be Nccl or Gloo"),
            ("process_count", count is None or is_count(count), "must be 1 process or more, or None"),
            ("node_count", is_count(self.node_count), "must be 1 node or more"),
        )

    @property
    def nodes(self) -> int:
        """Machines."""
        return self.node_count

    @property
    def processes(self) -> int:
        """On all nodes."""
        return self.process_count or self.node_count


@dataclass(frozen=True)
class TensorflowConfiguration(_Distribution):
    """Workers and parameter servers, on `node_count` machines (which is ours)."""

    worker_count: int = 1
    parameter_server_count: int = 1
    node_count: int = 1

    kind: ClassVar[str] = "tensorflow"

    def __post_init__(self) -> None:
        servers = self.parameter_server_count
        self._check(
            ("worker_count", is_count(self.worker_count), "must be 1 worker or more"),
            ("parameter_server_count", servers == 0 or is_count(servers), "must be 0 or more"),
            ("node_count", is_count(self.node_count), "must be 1 node or more"),
        )

    @property
    def nodes(self) -> int:
        """Machines."""
        return self.node_count

    @property
    def processes(self) -> int:
        """Workers on all nodes."""
        return self.worker_count

    @property
    def servers(self) -> int:
        """Parameter servers on all nodes."""
        return self.parameter_server_count


Distribution = MpiConfiguration | PyTorchConfiguration | TensorflowConfiguration

KINDS: dict[str, type[Distribution]] = {
    kind.kind: kind for kind in (MpiConfiguration, PyTorchConfiguration, TensorflowConfiguration)
}


def distribution_from_json(stored: Mapping[str, Any]) -> Distribution:
    """The configuration that `to_json` wrote down."""
    fields = dict(stored)
    return KINDS[fields.pop("kind")](**fields)
