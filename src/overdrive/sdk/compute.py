"""Compute targets: names that the workspace's settings map to a back end, and HyperDrive's words for them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ..compute.base import COMPUTES
from ..errors import ConfigError, Problem
from .settings import FILE, Settings

if TYPE_CHECKING:
    from .workspace import Workspace


def compute_of(settings: Settings, name: str | None) -> tuple[str, list[str]]:
    """The back end that a compute target's name means here, and what should be said about it."""
    if name is None or name == "local":
        return "local", []
    mapped = settings.compute.get(name)
    if mapped is None:
        advice = (
            f"compute_target: {name!r} is not known here; the runs run on this machine "
            f'([compute] "{name}" = "local" in {FILE} says so for good)'
        )
        return "local", [advice]
    if mapped not in COMPUTES.names():
        what = f"must be one of {', '.join(COMPUTES.names())}, got {mapped!r}"
        raise ConfigError(Problem(f"{FILE}: compute.{name}", what))
    return mapped, []


@dataclass
class Provisioning:
    """What a cluster was asked to be; nothing follows from it here."""

    vm_size: str = ""
    max_nodes: int | None = None
    options: dict[str, Any] = field(default_factory=dict)


class ComputeTarget:
    """A place to run under a name. Nothing is made: submit says what a name means."""

    def __init__(self, workspace: Workspace | None = None, name: str = "local") -> None:
        self.workspace = workspace
        self.name = name
        self.type = "local"
        self.provisioning_state = "Succeeded"

    @staticmethod
    def create(workspace: Workspace, name: str, provisioning_configuration: Any = None) -> AmlCompute:
        """The target of this name."""
        return AmlCompute(workspace, name)

    attach = create

    def wait_for_completion(self, show_output: bool = False, *_: Any, **__: Any) -> None:
        """It is there already."""

    def get_status(self) -> Any:
        """Ready."""
        return self

    def serialize(self) -> dict[str, Any]:
        """Name and state."""
        return {"name": self.name, "type": self.type, "provisioningState": self.provisioning_state}

    def delete(self) -> None:
        """There is nothing to delete."""

    def __repr__(self) -> str:
        return f"{type(self).__name__}(name={self.name!r})"


class AmlCompute(ComputeTarget):
    """A cluster's name."""

    @staticmethod
    def provisioning_configuration(
        vm_size: str = "", max_nodes: int | None = None, **options: Any
    ) -> Provisioning:
        """Accepted as it is."""
        return Provisioning(vm_size, max_nodes, options)
