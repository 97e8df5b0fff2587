"""Environments that are built once: `envs/<hash>/` holds the recipe, the build's log and the environment.

    envs/<hash>/lock  recipe.json  build.log  ready  python/

Two builders of one recipe: one builds, the other waits and finds it ready.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO, Any, Protocol

from ..errors import ComputeError
from ..registry import Registry
from .recipe import Recipe

BUILDERS = Registry(
    "environment_builders",
    {
        "conda": "overdrive.environments.conda:CondaBuilder",
        "uv": "overdrive.environments.pip:UvBuilder",
        "pip": "overdrive.environments.pip:PipBuilder",
    },
)
"""In the order in which they are asked; the first that can build a recipe does."""

Say = Callable[[str], None]


class Builder(Protocol):
    """One tool that makes environments."""

    def can_build(self, recipe: Recipe) -> bool:
        """Whether the tool is here and the recipe is for it."""
        ...

    def base(self, recipe: Recipe, say: Say) -> str:
        """What the environment stands on: part of its identity, and where the build begins."""
        ...

    def build(self, recipe: Recipe, base: str, target: Path, run: Callable[[Sequence[str]], None]) -> None:
        """Make the environment in `target` with commands that `run` runs and logs."""
        ...


def built(recipe: Recipe, envs: Path, name: str, say: Say) -> str:
    """The path of the interpreter of this recipe's environment, built now if it is not there yet.

    ComputeError with the last words of the log when it cannot be built.
    """
    builder = _builder(recipe)
    base = builder.base(recipe, say)
    folder = envs / recipe.digest(base)
    ready, target = folder / "ready", folder / "python"
    interpreter = target / "bin" / "python"
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / "lock", "w") as lock:
        _hold(lock, name, say)
        if not (ready.exists() and interpreter.exists()):  # the Python that it stands on may have gone
            say(f"building environment {name!r}, once (log: {folder / 'build.log'})")
            shutil.rmtree(target, ignore_errors=True)
            (folder / "recipe.json").write_text(json.dumps(recipe.to_json(), indent=1))
            with open(folder / "build.log", "w") as log:
                builder.build(recipe, base, target, lambda argv: _run(argv, recipe, log, name))
            ready.touch()
    return str(interpreter)


def _builder(recipe: Recipe) -> Builder:
    for tool in BUILDERS.names():
        builder: Builder = BUILDERS.load(tool)()
        if builder.can_build(recipe):
            return builder
    raise ComputeError("no tool here can build an environment")


def _hold(lock: IO[str], name: str, say: Say) -> None:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        say(f"environment {name!r} is being built by another process; waiting for it")
        fcntl.flock(lock, fcntl.LOCK_EX)
    except OSError:  # a file system without locks
        pass


def _run(argv: Sequence[str], recipe: Recipe, log: IO[str], name: str) -> None:
    print("$", *argv, file=log, flush=True)
    env = {key: value for key, value in os.environ.items() if key not in ("PYTHONPATH", "PYTHONHOME")}
    options: dict[str, Any] = {"stdout": log, "stderr": log, "stdin": subprocess.DEVNULL, "env": env}
    try:
        code = subprocess.run(argv, cwd=recipe.folder, check=False, **options).returncode
    except OSError as error:
        print(error, file=log, flush=True)
        code = 127
    if code:
        last = [line for line in Path(log.name).read_text(errors="replace").splitlines() if line.strip()][-1]
        raise ComputeError(f"environment {name!r} cannot be built: {last.strip()} (log: {log.name})")
