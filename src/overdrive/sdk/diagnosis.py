"""What a warm start would save a script, found out by trying it."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from ..compute.zygotes import attempt
from ..errors import NotFound
from ..sweep.imports import imports_of
from ..sweep.script import ScriptRunConfig


class Diagnosis(NamedTuple):
    """`bare` and `ready`: seconds that an empty interpreter takes, and that imports and prepared data take beyond
    it. `reasons` why runs would start cold; none when they start warm."""

    modules: tuple[str, ...]
    missing: tuple[str, ...]
    prepare: str | None
    bare: float
    ready: float
    reasons: tuple[str, ...]


def diagnose(script: Path, interpreter: str = sys.executable) -> Diagnosis:
    """Import what the script imports, in a process that would be forked for its runs. The script itself is not run.

    NotFound when there is no such file.
    """
    if not script.is_file():
        raise NotFound(f"no script at {script}")
    folder = script.absolute().parent

    def read(name: str) -> str | None:
        try:
            return (folder / name).read_text(encoding="utf-8", errors="replace")
        except OSError:
            return None

    found = imports_of(ScriptRunConfig(str(folder), script=script.name), read)
    began = time.perf_counter()
    subprocess.run([interpreter, "-c", "pass"], check=True)
    bare = time.perf_counter() - began
    if found is None or sys.platform != "linux":
        why = "warm starts need Linux" if found else f"{script.name} is no Python script"
        return Diagnosis((), (), None, bare, 0.0, (why,))
    warm = {"modules": found.modules, "prepare": found.prepare, "source": str(folder)}
    with tempfile.TemporaryDirectory() as aside:
        tried = attempt([interpreter, script.name], dict(os.environ), warm, os.path.join(aside, "prepared"))
    reasons = (*found.obstacles, *filter(None, [tried.refused]))
    return Diagnosis(found.modules, tuple(tried.missing), found.prepare, bare, tried.seconds, reasons)
