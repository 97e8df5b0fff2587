"""Environments of the peers, made on request: their requirements would not all go into one."""

from __future__ import annotations

import subprocess
import sys
import venv
from collections.abc import Iterable
from pathlib import Path

from .peers import ENVIRONMENTS, PEERS


def python(folder: Path, peer: str) -> Path | None:
    """The interpreter that a peer runs in; None when its environment has not been made."""
    name = PEERS[peer].environment
    if not name:
        return Path(sys.executable)
    found = folder / name / "bin" / "python"
    return found if found.exists() else None


def install(folder: Path, peers: Iterable[str]) -> None:
    """Make the environments that are missing."""
    for name in dict.fromkeys(PEERS[peer].environment for peer in peers):
        if name and not (folder / name).exists():
            print(f"{name}: {' '.join(ENVIRONMENTS[name])}", file=sys.stderr)
            venv.create(folder / name, with_pip=True)
            subprocess.run(
                [folder / name / "bin" / "python", "-m", "pip", "install", "-q", *ENVIRONMENTS[name]],
                check=True,
            )
