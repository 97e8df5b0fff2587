"""Conda environments that are there already, by name."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

from ..errors import NotFound

TOOLS = ("micromamba", "mamba", "conda")


def tool() -> str | None:
    """The path of the first of the tools that is here."""
    return next((found for found in map(shutil.which, TOOLS) if found), None)


def existing(name: str) -> str:
    """The interpreter of the conda environment of this name; NotFound says which there are."""
    command = tool()
    if command is None:
        raise NotFound(f"conda environment {name!r}: neither {' nor '.join(TOOLS)} is on PATH")
    done = subprocess.run([command, "env", "list", "--json"], capture_output=True, text=True, check=False)
    try:
        folders = {Path(folder).name: folder for folder in json.loads(done.stdout)["envs"]}
    except (ValueError, KeyError, TypeError):
        raise NotFound(f"conda environment {name!r}: {command} lists none: {done.stderr.strip()}") from None
    if name not in folders:
        raise NotFound(f"there is no conda environment {name!r}; there are {', '.join(folders) or 'none'}")
    return str(Path(folders[name]) / "bin" / "python")
