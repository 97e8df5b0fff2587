"""Datasets: paths and web addresses under names, for drivers and for the scripts in their runs.

One is registered as `.overdrive/datasets/<name>.json`; what comes from the web is kept in `.overdrive/data/`.
Standard library only (but for data frames), Python 3.8.
"""

from __future__ import annotations

import glob
import hashlib
import json
import os
import re
import shutil
from pathlib import Path
from typing import Any, Iterator, Mapping, Optional, Sequence, Tuple, Union

from ..errors import ConfigError, NotFound, Problem
from ..runtime import wire
from .datastore import DataPath, Datastore, home_of
from .selection import Selection

INPUT = "OVERDRIVE_INPUT_"
"""The beginning of the variables by which a run knows its named inputs."""

_NAME = re.compile(r"[a-zA-Z0-9][\w. -]{0,254}")
_WEB = re.compile(r"https?://", re.IGNORECASE)

OnePath = Union[str, "os.PathLike[str]", Tuple["Datastore", str]]
Paths = Union[OnePath, Sequence[OnePath]]


class FileDataset:
    """Files and folders, on this machine or on the web. `kind` says how a data frame is read from them."""

    kind = "file"

    def __init__(self, paths: Sequence[str], kind: str = "file", home: Path | None = None) -> None:
        self.paths = list(paths)
        self.kind = kind
        self.name: str | None = None
        self.version: int | None = None
        self.description: str | None = None
        self.tags: dict[str, str] = {}
        self._home = home

    @property
    def id(self) -> str:
        """Name and version of a registered one, else its place."""
        return "%s:%s" % (self.name, self.version) if self.name else self.local_path()

    def local_path(self) -> str:
        """One path on this machine: of the file or folder, or of a folder with all files."""
        places = [self._local(path) for path in self.paths]
        if len(places) == 1:
            return places[0]
        digest = hashlib.blake2b("\0".join(self.paths).encode(), digest_size=8).hexdigest()
        folder = (self._home or home_of()) / "data" / digest
        folder.mkdir(parents=True, exist_ok=True)
        for number, path in enumerate(places):
            link = folder / os.path.basename(path)
            if link.is_symlink() and os.readlink(str(link)) != path:
                link = folder / ("%d_%s" % (number, os.path.basename(path)))
            if not link.is_symlink():
                link.symlink_to(path)
        return str(folder)

    def to_path(self) -> list[str]:
        """The files, by their names in the dataset."""
        return ["/" + name for name, _ in self._files()]

    def download(self, target_path: str | None = None, overwrite: bool = False, **_: Any) -> list[str]:
        """Copy all files to a folder; where they are."""
        import tempfile

        target = target_path or tempfile.mkdtemp()
        copies = []
        for name, path in self._files():
            copy = os.path.join(target, name)
            if os.path.exists(copy) and not overwrite:
                raise ConfigError(
                    Problem("target_path", "%r is there already; overwrite=True replaces it" % copy)
                )
            os.makedirs(os.path.dirname(os.path.abspath(copy)), exist_ok=True)
            shutil.copy2(path, copy)
            copies.append(os.path.abspath(copy))
        return copies

    def mount(self, mount_point: str | None = None, **_: Any) -> Mount:
        """Nothing is mounted: `mount_point` is where the files are."""
        return Mount(self.local_path())

    def as_named_input(self, name: str) -> DatasetConsumptionConfig:
        """For a run: `Run.get_context().input_datasets[name]`."""
        return DatasetConsumptionConfig(name, self)

    def as_mount(self, path_on_compute: str | None = None) -> DatasetConsumptionConfig:
        """For a run: the path of the file or folder among its arguments."""
        return DatasetConsumptionConfig("", self, "mount")

    as_download = as_mount

    def register(
        self,
        workspace: Any,
        name: str,
        description: str | None = None,
        tags: Mapping[str, str] | None = None,
        create_new_version: bool = False,
    ) -> FileDataset:
        """Keep it under this name. The same content under the same name is the same version; another content
        needs `create_new_version`."""
        if not _NAME.fullmatch(name):
            what = "must be letters, digits, blanks, -, . and _, got %r" % (name,)
            raise ConfigError(Problem("name", what))
        file = _registered(home_of(workspace), name)
        versions: list[Any] = wire.read_json(str(file)) or []
        known = [version for version in versions if version["paths"] == self.paths]
        if not known and versions and not create_new_version:
            what = "dataset %r is there with other content; create_new_version=True adds a version" % (name,)
            raise ConfigError(Problem("name", what))
        if not known:
            about = {"description": description, "tags": dict(tags or {})}
            versions.append({"paths": self.paths, "kind": self.kind, **about})
            file.parent.mkdir(parents=True, exist_ok=True)
            wire.write_json(str(file), versions)
        return Dataset.get_by_name(
            workspace, name, len(versions) if not known else versions.index(known[0]) + 1
        )

    def to_pandas_dataframe(self, **options: Any) -> Any:
        """All files in one data frame; needs pandas."""
        if self.kind == "file":
            raise ConfigError("a file dataset has no columns; take Dataset.Tabular.from_delimited_files(...)")
        import pandas  # type: ignore[import-not-found,import-untyped,unused-ignore]

        read = {
            "delimited": pandas.read_csv,
            "parquet": pandas.read_parquet,
            "lines": lambda path: pandas.read_json(path, lines=True),
        }[self.kind]
        frames = [read(path) for _, path in self._files()]
        return frames[0] if len(frames) == 1 else pandas.concat(frames, ignore_index=True)

    def _local(self, path: str) -> str:
        if not _WEB.match(path):
            if not os.path.exists(path):
                raise NotFound("dataset: there is nothing at %r" % (path,))
            return path
        from .downloads import fetch, place

        target = place(path, (self._home or home_of()) / "data")
        fetch(path, target)
        return str(target)

    def _files(self) -> Iterator[tuple[str, str]]:
        for path in map(self._local, self.paths):
            if not os.path.isdir(path):
                yield os.path.basename(path), path
                continue
            for folder, inner, names in os.walk(path):
                inner.sort()
                for name in sorted(names):
                    whole = os.path.join(folder, name)
                    yield os.path.relpath(whole, path), whole

    def __repr__(self) -> str:
        return "%s(%r)" % (type(self).__name__, self.paths)


class TabularDataset(FileDataset):
    """Files with columns."""

    def take(self, count: int) -> Selection:
        """The first rows."""
        return Selection(self).take(count)

    def skip(self, count: int) -> Selection:
        """All but the first rows."""
        return Selection(self).skip(count)

    def keep_columns(self, columns: Union[str, Sequence[str]], validate: bool = False) -> Selection:
        """These columns alone."""
        return Selection(self).keep_columns(columns)

    def drop_columns(self, columns: Union[str, Sequence[str]]) -> Selection:
        """All columns but these."""
        return Selection(self).drop_columns(columns)

    def random_split(self, percentage: float, seed: Optional[int] = None) -> Tuple[Selection, Selection]:
        """A share of the rows, and the others."""
        return Selection(self).random_split(percentage, seed)


class Mount:
    """Where the files of a dataset are; usable with `with`."""

    def __init__(self, mount_point: str) -> None:
        self.mount_point = mount_point

    def start(self) -> None:
        """They are there already."""

    stop = start

    def __enter__(self) -> Mount:
        return self

    def __exit__(self, *_: Any) -> None:
        pass


class DatasetConsumptionConfig:
    """A dataset as an argument or named input of a run; its text is what stands on the command line."""

    def __init__(
        self, name: str, dataset: FileDataset, mode: str = "direct", path_on_compute: Any = None
    ) -> None:
        if name and not re.fullmatch(r"[A-Za-z_]\w*", name, re.ASCII):
            raise ConfigError(Problem("name", "must be letters, digits and _, got %r" % (name,)))
        self.name = name
        self.dataset = dataset
        self.mode = mode

    def as_mount(self, path_on_compute: str | None = None) -> DatasetConsumptionConfig:
        """The run gets a path."""
        return DatasetConsumptionConfig(self.name, self.dataset, "mount")

    as_download = as_mount

    @property
    def environment_variables(self) -> dict[str, str]:
        """By which the run finds a named input again."""
        if not self.name:
            return {}
        dataset = self.dataset
        told = {
            "paths": dataset.paths,
            "kind": dataset.kind,
            "name": dataset.name,
            "version": dataset.version,
        }
        path = dataset.local_path() if self.mode == "mount" else None
        return {INPUT + self.name: json.dumps({"path": path, **told})}

    def __str__(self) -> str:
        return self.dataset.local_path() if self.mode == "mount" else self.dataset.id


def named_inputs(variables: Optional[Mapping[str, str]] = None) -> dict[str, Any]:
    """The named inputs in these variables, those of this very run by default: paths of those that are mounted,
    datasets of the others."""
    found: dict[str, Any] = {}
    for variable, text in (os.environ if variables is None else variables).items():
        if variable.startswith(INPUT):
            told = json.loads(text)
            found[variable[len(INPUT) :]] = told["path"] or _dataset(told)
    return found


def _dataset(told: Mapping[str, Any], home: Path | None = None) -> FileDataset:
    kind = FileDataset if told["kind"] == "file" else TabularDataset
    dataset = kind(told["paths"], told["kind"], home)
    for name in ("name", "version", "description"):
        setattr(dataset, name, told.get(name))
    dataset.tags = dict(told.get("tags") or {})
    return dataset


class FileDatasetFactory:
    """`Dataset.File`."""

    @staticmethod
    def from_files(path: Paths, validate: bool = True, **_: Any) -> FileDataset:
        """Paths (with `*`, `?` and `**`), places in a datastore, http(s) addresses; one of them or a list."""
        return FileDataset(_paths(path, validate))

    @staticmethod
    def upload_directory(src_dir: str, target: Any, overwrite: bool = False, **_: Any) -> FileDataset:
        """Copy a folder into a datastore: `target` is `(datastore, path)` or a DataPath."""
        if isinstance(target, Datastore):
            target = target.path()
        place = DataPath(*target) if isinstance(target, tuple) else target
        assert place.datastore is not None
        place.datastore.upload(src_dir, place.path_on_datastore, overwrite)
        return FileDataset([str(place)])


class TabularDatasetFactory:
    """`Dataset.Tabular`."""

    @staticmethod
    def from_delimited_files(path: Paths, validate: bool = True, **_: Any) -> TabularDataset:
        """CSV files."""
        return TabularDataset(_paths(path, validate), "delimited")

    @staticmethod
    def from_parquet_files(path: Paths, validate: bool = True, **_: Any) -> TabularDataset:
        """Parquet files."""
        return TabularDataset(_paths(path, validate), "parquet")

    @staticmethod
    def from_json_lines_files(path: Paths, validate: bool = True, **_: Any) -> TabularDataset:
        """Files of JSON lines."""
        return TabularDataset(_paths(path, validate), "lines")

    @staticmethod
    def register_pandas_dataframe(dataframe: Any, target: Any, name: str, **about: Any) -> FileDataset:
        """Write the frame into a datastore and register it."""
        place = (
            target
            if isinstance(target, DataPath)
            else DataPath(*target)
            if isinstance(target, tuple)
            else target.path()
        )
        file = Path(str(place)) / (name + ".csv")
        file.parent.mkdir(parents=True, exist_ok=True)
        dataframe.to_csv(file, index=False)
        dataset = TabularDataset([str(file)], "delimited")
        workspace = place.datastore.workspace if place.datastore else None
        return dataset.register(workspace, name, create_new_version=True)


class Dataset:
    """Datasets by name, and how they are made."""

    File = FileDatasetFactory
    Tabular = TabularDatasetFactory

    @staticmethod
    def get_by_name(workspace: Any, name: str, version: Any = "latest") -> FileDataset:
        """A registered dataset, or one that the workspace's settings name; NotFound when there is none."""
        home = home_of(workspace)
        versions: list[Any] = wire.read_json(str(_registered(home, name))) or []
        if not versions:
            mapped = _mapped(home).get(name)
            if mapped is None:
                there = ", ".join(sorted(_names(home))) or "none"
                raise NotFound(
                    'there is no dataset %r; there are %s. Register it, or write in %s: [data] "%s" = "<path>"'
                    % (name, there, home / "settings.toml", name)
                )
            path = mapped if _WEB.match(mapped) else str(home.parent / os.path.expanduser(mapped))
            versions = [{"paths": [path], "kind": "delimited" if path.endswith(".csv") else "file"}]
        number = len(versions) if version in ("latest", None) else int(version)
        if not 1 <= number <= len(versions):
            raise NotFound("dataset %r has versions 1 to %d, not %r" % (name, len(versions), version))
        return _dataset({**versions[number - 1], "name": name, "version": number}, home)

    @staticmethod
    def get_by_id(workspace: Any, id: str) -> FileDataset:
        """The dataset of this id, `name:version`."""
        name, _, version = id.partition(":")
        return Dataset.get_by_name(workspace, name, version or "latest")

    @staticmethod
    def get_all(workspace: Any) -> dict[str, FileDataset]:
        """Every dataset by name."""
        return {name: Dataset.get_by_name(workspace, name) for name in sorted(_names(home_of(workspace)))}


def _registered(home: Path, name: str) -> Path:
    return home / "datasets" / (os.path.basename(name) + ".json")


def _names(home: Path) -> set:  # type: ignore[type-arg]
    return {file.stem for file in (home / "datasets").glob("*.json")} | set(_mapped(home))


def _mapped(home: Path) -> Mapping[str, str]:
    """`[data]` of the settings; unknown to scripts on a Python older than 3.11, which cannot read them."""
    try:
        from .settings import read_settings
    except ImportError:
        return {}
    return read_settings(home).data


def _paths(given: Paths, validate: bool = True) -> list[str]:
    """Absolute paths and addresses; NotFound for a path where nothing is."""
    listed: Sequence[Any] = given if isinstance(given, list) else [given]
    found: list[str] = []
    for one in listed:
        text = str(DataPath(*one)) if isinstance(one, tuple) else os.fspath(one)
        if _WEB.match(text):
            found.append(text)
            continue
        path = os.path.abspath(os.path.expanduser(text))
        if path.endswith("/**") and os.path.isdir(path[:-3]):
            path = path[:-3]
        matches = [path] if os.path.exists(path) else sorted(glob.glob(path, recursive=True))
        if not matches and validate:
            raise NotFound("dataset: there is nothing at %r" % (text,))
        found += matches or [path]
    return found
