"""One pass over a job file: its document, and the machine on which its words must mean something."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..errors import ConfigError
from . import document as documents
from . import sweep_schema as schema
from .document import MISSING, Document, Where, shown

ELSEWHERE = re.compile(r"(azureml|https?|wasbs?|abfss?|adl|s3|gs|git\+\w+|git|runs|models):")
"""How an address begins that is no path on this machine."""

_HINTS = {
    ("type",): "write type: sweep",
    ("trial",): "write trial: {code: ./src, command: python train.py --lr ${{search_space.lr}}}",
    ("objective",): "write objective: {goal: maximize, primary_metric: <the name that the script logs>}",
    ("objective", "primary_metric"): "write the name that the script logs",
    ("objective", "goal"): "write minimize or maximize",
    ("search_space",): "write search_space: {lr: {type: uniform, min_value: 0.001, max_value: 0.1}}",
    ("trial", "command"): "write what starts the script, such as python train.py --lr ${{search_space.lr}}",
    ("command",): "write what starts the script, such as python train.py --epochs ${{inputs.epochs}}",
}


@dataclass(frozen=True)
class Machine:
    """What is here: the disk, other files, and where the workspace says that Azure's data are."""

    exists: Callable[[Path], bool] = Path.exists
    read: Callable[[Path], Document] = documents.read
    data: Mapping[str, str] = field(default_factory=dict)
    """Paths or web addresses by `name:version`, `name` or a whole `azureml:` address."""
    download: Callable[[str], Path] | None = None
    """Where the data at a web address will be; fetched before anything runs."""


class Reading:
    """A document whose relative paths start at `folder`. Every method notes problems and goes on."""

    def __init__(self, document: Document, folder: Path, machine: Machine) -> None:
        self.document = document
        self.folder = folder
        self.machine = machine
        self.problem = document.problem
        self.downloads: dict[str, Path] = {}

    def part(self, model: type[schema.Model], where: Where) -> schema.Model | None:
        """A section that is a value of the top, if there is one to read."""
        data = self.document.data.get(where[-1]) if where else self.document.data
        return None if data is None else self.section(model, data, where)

    def section(self, model: type[schema.Model], data: Any, where: Where) -> schema.Model | None:
        """`data` as this section; None, and the problems noted, when it is not."""
        if not isinstance(data, dict):
            self.problem(where, f"must be a mapping (`key: value` lines), got {shown(data)}")
            return None
        section, faults = schema.read(model, data)
        for path, what in faults:
            hint = _HINTS.get((*where, *path)) if what == MISSING else None
            self.problem((*where, *path), f"{what}: {hint}" if hint else what)
        return section

    def mapping(self, name: str) -> dict[str, Any]:
        """A mapping of names at the top; empty, and noted, where it is something else."""
        data = self.document.data.get(name)
        if data is None:
            return {}
        if not isinstance(data, dict):
            self.problem((name,), f"must be a mapping of names to values, got {shown(data)}")
            return {}
        return data

    def local(self, given: str, where: Where) -> Path:
        """A path on this machine, made absolute; noted when nothing is there."""
        path = Path(given.removeprefix("file:")).expanduser()
        path = (self.folder / path).resolve()
        if not self.machine.exists(path):
            self.problem(where, f"there is nothing at {str(path)!r}")
        return path

    def built(self, build: Callable[[], Any], where: Where, places: Mapping[str, Where] | None = None) -> Any:
        """What `build` makes, or None and its problems noted: at `places`, by field, else below `where`."""
        try:
            return build()
        except ConfigError as error:
            for problem in error.problems:
                name, *inside = problem.where.removeprefix("run_config.").split(".")
                place = (places or {}).get(name)
                if place:
                    self.problem((*place, *inside), problem.what)
                else:
                    self.document.adopt(where, ConfigError(problem))
            return None
