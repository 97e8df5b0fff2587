"""What a workspace knows about its machine: `.overdrive/settings.toml`, names on the left, ours on the right.

    [environments]
    "azureml-sklearn-1.5" = "/opt/venvs/sklearn/bin/python"   # an interpreter, or the folder of a venv
    "pytorch-env" = "requirements.txt"                        # or a conda file: built once
    "old-stack" = "conda:py38"                                # a conda environment that is there

    [compute]
    "cpu-cluster" = "local"                                   # a back end of Overdrive
    "gpu-cluster" = {type = "slurm", partition = "gpu"}       # or one with its options

    [data]
    "iris" = "data/iris.csv"                                  # a path, or an http(s) address

    [store]
    url = "postgresql://ada@db.example.org/tuning"            # instead of SQLite; no password: ~/.pgpass has it
    workspace = "digits"                                      # its name there, by default the project folder's

Relative paths start at the project's folder.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..errors import ConfigError, Problem

FILE = "settings.toml"
VARIABLE = "OVERDRIVE_ENVIRONMENT_MAP"
STORE_VARIABLE = "OVERDRIVE_STORE"
STORE = ("url", "workspace")


@dataclass(frozen=True)
class Settings:
    """The tables; what OVERDRIVE_ENVIRONMENT_MAP says of environments and OVERDRIVE_STORE of the store's URL goes
    before the file."""

    environments: Mapping[str, str] = field(default_factory=dict)
    compute: Mapping[str, str | Mapping[str, Any]] = field(default_factory=dict)
    data: Mapping[str, str] = field(default_factory=dict)
    store: Mapping[str, str] = field(default_factory=dict)


def read_settings(home: Path, variables: Mapping[str, str] = os.environ) -> Settings:
    """The settings of the workspace in `home`; ConfigError with all that is wrong in them."""
    file = home / FILE
    problems: list[Problem] = []
    try:
        data = tomllib.loads(file.read_text(encoding="utf-8-sig")) if file.exists() else {}
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(Problem(str(file), str(error))) from None
    known = Settings.__dataclass_fields__
    tables: dict[str, dict[str, Any]] = {name: {} for name in known}
    for table, entries in data.items():
        if table not in known or not isinstance(entries, dict):
            problems.append(Problem(f"{file}: {table}", f"must be one of the tables {', '.join(known)}"))
            continue
        for name, value in entries.items():
            if table == "store" and name not in STORE:
                problems.append(Problem(f"{file}: store.{name}", f"must be one of {', '.join(STORE)}"))
            elif (isinstance(value, str) and value) or (table == "compute" and _is_target(value)):
                tables[table][name] = value
            elif table == "compute" and isinstance(value, dict):
                what = f'must say its type (a name with a dot stands in quotes: [compute."{name}.1"]), got {value!r}'
                problems.append(Problem(f"{file}: {table}.{name}", what))
            else:
                what = f'must be text (a name with a dot stands in quotes: "{name}.1"), got {value!r}'
                problems.append(Problem(f"{file}: {table}.{name}", what))
    for entry in filter(str.strip, variables.get(VARIABLE, "").split(";")):
        name, _, target = (part.strip() for part in entry.partition("="))
        if name and target:
            tables["environments"][name] = target
        else:
            problems.append(Problem(VARIABLE, f"must be name=target;name=target;..., got {entry!r}"))
    if variables.get(STORE_VARIABLE):
        tables["store"]["url"] = variables[STORE_VARIABLE]
    if problems:
        raise ConfigError(problems)
    return Settings(**tables)


def _is_target(value: Any) -> bool:
    return isinstance(value, dict) and isinstance(value.get("type"), str) and value["type"] != ""
