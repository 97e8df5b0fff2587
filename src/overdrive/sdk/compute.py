"""Compute targets: names that the workspace's settings map to a back end, and HyperDrive's words for them."""

from __future__ import annotations

import builtins
import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from ..compute.base import COMPUTES, Survey
from ..errors import ConfigError, Problem
from .settings import FILE, Settings

if TYPE_CHECKING:
    from ..sweep.script import ScriptRunConfig
    from .workspace import Workspace


class Target(NamedTuple):
    """What a compute target's name means here: a back end, its options, and what should be said about it."""

    type: str
    options: Mapping[str, Any]
    advice: Sequence[str] = ()

    def survey(self, script: ScriptRunConfig | None = None) -> Survey | None:
        """What the back end has for runs of this script; None where it cannot say, and for this machine (see `room`).
        ComputeError when it cannot be reached, or can never run them."""
        ask = getattr(COMPUTES.load(self.type), "survey", None)
        if ask is None or (self.type == "local" and script is not None):
            return None
        if script is None:
            found = ask(self.options)
        else:
            nodes = script.distributed_job_config.nodes if script.distributed_job_config else 1
            found = ask(self.options, float(script.gpus_per_run or 0), script.cores_per_run or 0, nodes)
        return cast(Survey, found)


def target_of(settings: Settings, name: str | None) -> Target:
    """The meaning of a name: what the settings say, else the back end of that name (`slurm`, `ray://host:10001`),
    else this machine. ConfigError with all that is wrong with the options."""
    name = name or "local"
    there = COMPUTES.names()
    given = settings.compute.get(name, {"type": "local"} if name == "local" else None)
    where = f"{FILE}: compute.{name}"
    if given is None:
        where, scheme = "compute_target", name.partition("://")[0]
        if scheme not in there:
            return Target("local", {}, [_unknown(name, there)])
        given = {"type": scheme} if scheme == name else {"type": scheme, "address": name}
    elif isinstance(given, str):
        given = {"type": given}
    kind, options = given["type"], {key: value for key, value in given.items() if key != "type"}
    if kind not in there:
        where = where if isinstance(settings.compute.get(name), str) else f"{where}.type"
        raise ConfigError(Problem(where, f"must be one of {', '.join(there)}, got {kind!r}"))
    if kind == "local" and not options:
        return Target(kind, {})
    try:
        return Target(kind, COMPUTES.load(kind).options(options))
    except ConfigError as error:
        raise error.within(where) from None


def _unknown(name: str, there: Sequence[str]) -> str:
    near = difflib.get_close_matches(name, there, n=1)
    hint = f"; did you mean {near[0]!r}? " if near else " "
    return (
        f"compute_target: {name!r} is not known here; the runs run on this machine"
        f'{hint}([compute] "{name}" = "local" in {FILE} says so for good)'
    )


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
        self.type = target_of(workspace.settings, name).type if workspace else "local"
        self.provisioning_state = "Succeeded"

    @staticmethod
    def create(workspace: Workspace, name: str, provisioning_configuration: Any = None) -> AmlCompute:
        """The target of this name."""
        return AmlCompute(workspace, name)

    attach = create

    @staticmethod
    def list(workspace: Workspace) -> builtins.list[ComputeTarget]:
        """Every target in the settings."""
        return [*workspace.compute_targets.values()]

    def list_nodes(self) -> builtins.list[dict[str, Any]]:
        """None: the back end knows its nodes."""
        return []

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
    def supported_vmsizes(
        workspace: Workspace | None = None, location: str | None = None
    ) -> builtins.list[Any]:
        """None: there is nothing to choose from."""
        return []

    @staticmethod
    def provisioning_configuration(
        vm_size: str = "", max_nodes: int | None = None, **options: Any
    ) -> Provisioning:
        """Accepted as it is."""
        return Provisioning(vm_size, max_nodes, options)
