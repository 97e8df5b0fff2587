"""Registered models: copies of a run's files with a name and a version, in the workspace's `models/`."""

from __future__ import annotations

import os
import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import ConfigError, Problem

if TYPE_CHECKING:
    from .workspace import Workspace

_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9\-._]{0,254}")


@dataclass(frozen=True)
class Model:
    """One version of a model; `path` is the copy."""

    name: str
    version: int
    path: str
    run_id: str

    @property
    def id(self) -> str:
        """Name and version in one word."""
        return f"{self.name}:{self.version}"


def register(workspace: Workspace, name: str, source: str, about: dict[str, Any]) -> Model:
    """Copy `source` to `models/<name>/<version>/` and remember it."""
    if not _NAME.fullmatch(name):
        raise ConfigError(
            Problem(
                "model_name",
                f"must be letters, digits, -, . and _, beginning with one of the first two, got {name!r}",
            )
        )
    folder = workspace.home / "models" / name
    folder.mkdir(parents=True, exist_ok=True)
    aside = folder / f".{os.getpid()}"
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir()
    copy = aside / Path(source).name
    if Path(source).is_dir():
        shutil.copytree(source, copy, symlinks=True)
    else:
        shutil.copy2(source, copy)
    version = workspace.store.add_model(name, about)
    aside.rename(folder / str(version))
    return Model(name, version, str(folder / str(version) / copy.name), about["run_id"])
