"""Datastores: folders of the workspace for data, `.overdrive/datastores/<name>/`, and places in them.

Standard library only, Python 3.8.
"""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path
from typing import Any, Sequence

from ..errors import ConfigError, NotFound, Problem, Unsupported
from ..runtime import wire

FOLDER = ".overdrive"
NAME = re.compile(r"[a-zA-Z0-9][\w.-]{0,254}")


def home_of(workspace: Any = None) -> Path:
    """The `.overdrive` of this workspace, else the run's, else the nearest one, else one that is made here."""
    if workspace is not None:
        return Path(workspace.home)
    if os.environ.get(wire.HOME):
        return Path(os.environ[wire.HOME])
    here = Path.cwd()
    found = next((place for place in (here, *here.parents) if (place / FOLDER).is_dir()), here)
    return found / FOLDER


class Datastore:
    """A folder of the workspace for data; `path("x")` is a place in it."""

    def __init__(self, workspace: Any = None, name: str | None = None) -> None:
        if name is None:
            name = str(wire.read_json(str(_default(workspace))) or "workspaceblobstore")
        if not NAME.fullmatch(name):
            raise ConfigError(Problem("datastore", "must be letters, digits, -, . and _, got %r" % (name,)))
        self.workspace = workspace
        self.name = name
        self.root = home_of(workspace) / "datastores" / name

    @classmethod
    def get(cls, workspace: Any, datastore_name: str) -> Datastore:
        """The datastore of this name; made when it is used."""
        return cls(workspace, datastore_name)

    @classmethod
    def get_default(cls, workspace: Any) -> Datastore:
        """The one that is used when none is named."""
        return cls(workspace)

    def set_as_default(self) -> None:
        """Use it where none is named."""
        file = _default(self.workspace)
        file.parent.mkdir(parents=True, exist_ok=True)
        wire.write_json(str(file), self.name)

    @staticmethod
    def register_azure_blob_container(*_: Any, **__: Any) -> Any:
        """Not here."""
        raise Unsupported(
            "Datastore: cloud storage is not reached from here; get the data, then "
            "Dataset.File.from_files(<path or https address>)"
        )

    register_azure_file_share = register_azure_data_lake_gen2 = register_azure_blob_container

    def path(self, path: str = "") -> DataPath:
        """A place in the datastore."""
        return DataPath(self, path)

    def upload(
        self,
        src_dir: str,
        target_path: str | None = None,
        overwrite: bool = False,
        show_progress: bool = True,
    ) -> DataPath:
        """Copy a folder's content into the datastore; where it is."""
        files = [str(file) for file in sorted(Path(src_dir).rglob("*")) if file.is_file()]
        return self.upload_files(files, src_dir, target_path, overwrite)

    def upload_files(
        self,
        files: Sequence[str],
        relative_root: str | None = None,
        target_path: str | None = None,
        overwrite: bool = False,
        show_progress: bool = True,
    ) -> DataPath:
        """Copy files into the datastore, by their names below `relative_root`; what is there stays unless
        `overwrite`."""
        for file in files:
            if not os.path.isfile(file):
                raise NotFound("there is no file %r" % (file,))
            inside = os.path.relpath(file, relative_root) if relative_root else os.path.basename(file)
            copy = Path(str(self.path(os.path.join(target_path or "", inside))))
            if overwrite or not copy.exists():
                copy.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(file, copy)
        return self.path(target_path or "")

    def download(self, target_path: str, prefix: str | None = None, overwrite: bool = False, **_: Any) -> int:
        """Copy what begins with `prefix` to a folder; how many files."""
        files = [file for file in sorted(self.root.rglob("*")) if file.is_file()]
        names = [str(file.relative_to(self.root)) for file in files]
        chosen = [name for name in names if name.startswith(prefix or "")]
        for name in chosen:
            copy = Path(target_path, name)
            if overwrite or not copy.exists():
                copy.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(str(self.root / name), str(copy))
        return len(chosen)

    def __repr__(self) -> str:
        return "Datastore(%r)" % (self.name,)


def _default(workspace: Any) -> Path:
    """The file that names the datastore which is used where none is named."""
    return home_of(workspace) / "datastores" / ".default.json"


class DataPath:
    """A place in a datastore, or any path."""

    def __init__(
        self,
        datastore: Datastore | None = None,
        path_on_datastore: str | None = None,
        name: str | None = None,
    ) -> None:
        self.datastore = datastore
        self.path_on_datastore = path_on_datastore or ""
        self.name = name

    def __fspath__(self) -> str:
        if self.datastore is None:
            return os.path.abspath(self.path_on_datastore)
        root = str(self.datastore.root)
        path = os.path.normpath(os.path.join(root, self.path_on_datastore))
        if os.path.commonpath([root, path]) != root:
            raise ConfigError(
                Problem("path_on_datastore", "leads out of the datastore: %r" % self.path_on_datastore)
            )
        return path

    def as_mount(self) -> DataPath:
        """The same place: it is on this machine already."""
        return self

    as_download = as_mount

    __str__ = __fspath__


class DataReference(DataPath):
    """A place in a datastore that is handed to a script: its text is the path."""

    def __init__(
        self,
        datastore: Datastore | None = None,
        data_reference_name: str | None = None,
        path_on_datastore: str | None = None,
        mode: str = "mount",
        path_on_compute: str | None = None,
        overwrite: bool = False,
    ) -> None:
        super().__init__(datastore, path_on_datastore, data_reference_name)
        self.data_reference_name = data_reference_name
        self.mode = mode
