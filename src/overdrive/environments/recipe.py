"""What an environment is made of: a version of Python, packages for pip, packages for conda.

Read from requirements files and conda files; equal recipes share one environment.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import ConfigError, NotFound, Problem

_INCLUDE = re.compile(r"(?:-r|--requirement)[\s=]+(\S.*)")
_CONSTRAINT = re.compile(r"(?:-c|--constraint)[\s=]+(\S.*)")
_AZUREML = re.compile(r"azureml[-_.]", re.IGNORECASE)
_CONDA = re.compile(r"(?:[\w./-]+::)?([\w.-]+)\s*(.*)")


@dataclass(frozen=True)
class Recipe:
    """`pip` are lines of a requirements file, `conda` match specifications; `folder` is where relative paths
    in them start. Packages of the azureml SDK are left out: Overdrive answers for their names."""

    pip: tuple[str, ...] = ()
    conda: tuple[str, ...] = ()
    channels: tuple[str, ...] = ()
    python: str | None = None
    folder: str = "."

    @property
    def empty(self) -> bool:
        """Whether any Python will do."""
        return not (self.pip or self.conda or self.python)

    def digest(self, base: str) -> str:
        """The name of the environment that this recipe gives on the Python `base`."""
        content = [sorted(self.pip), sorted(self.conda), self.channels, self.python, base]
        if any(line.startswith((".", "-e", "-c")) for line in self.pip):
            content.append(self.folder)
        return hashlib.blake2b(json.dumps(content).encode(), digest_size=10).hexdigest()

    def to_json(self) -> dict[str, Any]:
        """What `from_json` reads; nothing that is not set."""
        fields = {name: getattr(self, name) for name in ("pip", "conda", "channels", "python", "folder")}
        return {key: list(v) if isinstance(v, tuple) else v for key, v in fields.items() if v}

    @staticmethod
    def from_json(stored: Mapping[str, Any]) -> Recipe:
        """The recipe that `to_json` wrote."""
        fields: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in stored.items()}
        return Recipe(**fields)

    def for_pip(self) -> Recipe:
        """The same with conda's packages under the names and versions that pip knows."""
        return Recipe((*self.pip, *_for_pip(self.conda)), (), (), self.python, self.folder)


def from_requirements(path: str | Path) -> Recipe:
    """The recipe in a requirements file; NotFound when there is none."""
    file = _existing(path)
    return Recipe(pip=tuple(_kept(_lines(file, file.parent))), folder=str(file.parent))


def from_conda_file(path: str | Path) -> Recipe:
    """The recipe in a conda environment file; NotFound when there is none, ConfigError for another form."""
    import yaml

    file = _existing(path)
    try:
        return from_conda(yaml.safe_load(file.read_text(encoding="utf-8-sig", errors="replace")), file.parent)
    except yaml.YAMLError as error:
        raise ConfigError(Problem(str(path), f"is no YAML: {' '.join(str(error).split())}")) from None
    except ConfigError as error:
        raise error.within(str(path)) from None


def from_conda(data: Any, folder: Path = Path()) -> Recipe:
    """The recipe in the content of a conda environment file."""
    if not isinstance(data, Mapping) or not isinstance(data.get("dependencies"), list):
        raise ConfigError(
            "must be a conda file: channels: [...], dependencies: [python=3.11, numpy, pip: [...]]"
        )
    pip: list[str] = []
    conda: list[str] = []
    python = None
    for entry in data["dependencies"]:
        if isinstance(entry, Mapping) and isinstance(entry.get("pip"), list):
            pip += _expanded((str(line) for line in entry["pip"]), folder.absolute())
        elif isinstance(entry, str) and (match := _CONDA.fullmatch(entry.strip())):
            if match[1] == "python":
                pin = re.match(r"={1,2}(\d+(\.\d+)*)", match[2])  # any bound is met by a newer one
                python = pin[1] if pin else None
            else:
                conda.append(entry.strip())
        else:
            raise ConfigError(Problem("dependencies", f"must be packages or pip: [...], got {entry!r}"))
    channels = tuple(str(channel) for channel in data.get("channels") or ())
    return Recipe(tuple(_kept(pip)), tuple(conda), channels, python, str(folder.absolute()))


def _existing(path: str | Path) -> Path:
    file = Path(path).absolute()
    if not file.is_file():
        raise NotFound(f"there is no file {str(file)!r}")
    return file


def _lines(file: Path, start: Path) -> Iterator[str]:
    text = file.read_text(encoding="utf-8-sig", errors="replace").replace("\\\n", " ")
    return _expanded(text.splitlines(), start)


def _expanded(lines: Iterable[str], folder: Path) -> Iterator[str]:
    """Without comments, with included files in place, so that what they hold counts."""
    for line in lines:
        line = re.sub(r"(^|\s)#.*", "", line).strip()
        if include := _INCLUDE.fullmatch(line):
            inner = _existing(folder / include[1])
            yield from _lines(inner, inner.parent)
        elif constraint := _CONSTRAINT.fullmatch(line):
            yield f"-c {folder / constraint[1]}"
        elif line:
            yield line


def _kept(lines: Iterable[str]) -> Iterator[str]:
    return (line for line in lines if not _AZUREML.match(line))


def _for_pip(conda: Iterable[str]) -> Iterator[str]:
    for entry in conda:
        match = _CONDA.fullmatch(entry)
        name, version = (match[1], match[2].strip()) if match else (entry, "")
        if name == "pip":
            continue
        fuzzy = re.fullmatch(r"=([\w.*]+?)(?:=\S*)?", version)  # numpy=1.20 is any 1.20.x
        if fuzzy:
            version = f"=={fuzzy[1]}" if fuzzy[1].endswith("*") else f"=={fuzzy[1]}.*"
        yield name + version
