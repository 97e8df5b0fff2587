"""Registered models: copies of a run's files with a name and a version, in the workspace's `models/`."""

from __future__ import annotations

import builtins
import os
import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import ConfigError, NotFound, Problem, Unsupported

if TYPE_CHECKING:
    from .workspace import Workspace

_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9\-._]{0,254}")


class Framework:
    """Words for `model_framework`, as HyperDrive's notebooks write them."""

    CUSTOM, MULTI, ONNX, PYTORCH = "Custom", "Multi", "Onnx", "PyTorch"
    SCIKITLEARN, TENSORFLOW, TFKERAS = "ScikitLearn", "TensorFlow", "TfKeras"


class Model:
    """One version of a model: the newest, or `version`; NotFound when there is none.

    `path` is the copy of its file or folder, `run_id` the run that left it.
    """

    Framework = Framework

    def __init__(
        self,
        workspace: Workspace,
        name: str | None = None,
        id: str | None = None,
        version: int | None = None,
        **_: Any,
    ) -> None:
        if id is not None:
            name, _colon, number = id.partition(":")
            version = int(number) if number.isdigit() else version
        found = [about for about in workspace.store.models(name) if version in (None, about["version"])]
        if not found:
            wanted = f"version {version} of model {name!r}" if version else f"model {name!r}"
            names = sorted({about["name"] for about in workspace.store.models()})
            raise NotFound(f"there is no {wanted}; there are {', '.join(names) or 'none'}")
        about = found[0]
        self.workspace = workspace
        self.name: str = about["name"]
        self.version: int = about["version"]
        self.run_id: str | None = about.get("run_id")
        self.tags: dict[str, str] = about.get("tags") or {}
        self.properties: dict[str, str] = about.get("properties") or {}
        self.description: str | None = about.get("description")
        (content,) = (workspace.home / "models" / self.name / str(self.version)).iterdir()
        self.path = str(content)

    @property
    def id(self) -> str:
        """Name and version in one word."""
        return f"{self.name}:{self.version}"

    @staticmethod
    def register(
        workspace: Workspace,
        model_path: str,
        model_name: str,
        tags: dict[str, str] | None = None,
        properties: dict[str, str] | None = None,
        description: str | None = None,
        **more: Any,
    ) -> Model:
        """Keep a file or folder as the next version of a model."""
        if not os.path.exists(model_path):
            raise NotFound(f"model {model_name!r}: there is nothing at {model_path!r}")
        about = {
            "tags": tags or {},
            "properties": properties or {},
            "description": description,
            "run_id": None,
        }
        return register(workspace, model_name, os.path.abspath(model_path), about)

    @staticmethod
    def get_model_path(
        model_name: str, version: int | None = None, _workspace: Workspace | None = None
    ) -> str:
        """Where the files of a registered model are."""
        from .workspace import Workspace

        return Model(_workspace or Workspace.find(), model_name, version=version).path

    @staticmethod
    def list(workspace: Workspace, name: str | None = None, **_: Any) -> builtins.list[Model]:
        """Every version of every model, or of one; newest first."""
        return [Model(workspace, one["name"], version=one["version"]) for one in workspace.store.models(name)]

    def download(self, target_dir: str = ".", exist_ok: bool = False) -> str:
        """Copy it to a folder; where it is now."""
        copy = Path(target_dir) / Path(self.path).name
        if copy.exists() and not exist_ok:
            raise ConfigError(
                Problem("target_dir", f"{str(copy)!r} is there already; exist_ok=True replaces it")
            )
        _copy(self.path, copy)
        return str(copy)

    @staticmethod
    def deploy(*_: Any, **__: Any) -> Any:
        """Not here."""
        raise Unsupported("models are not served from here; Model(...).path has the files for any server")

    def __repr__(self) -> str:
        return f"Model(name={self.name!r}, version={self.version})"


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
    _copy(source, aside / Path(source).name)
    version = workspace.store.add_model(name, about)
    aside.rename(folder / str(version))
    return Model(workspace, name, version=version)


def _copy(source: str, copy: Path) -> None:
    if Path(source).is_dir():
        shutil.copytree(source, copy, symlinks=True, dirs_exist_ok=True)
    else:
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(source, copy)
