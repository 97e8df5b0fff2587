"""Environments by uv, or by Python's own venv and pip."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from .build import Say
from .recipe import Recipe


class PipBuilder:
    """venv and pip of the Python that is asked for."""

    def can_build(self, recipe: Recipe) -> bool:
        """Always: what conda is asked for is taken from pip."""
        return True

    def base(self, recipe: Recipe, say: Say) -> str:
        """The path of an interpreter of the version, else the one that submits."""
        if recipe.conda:
            names = ", ".join(re.split(r"[=<>! ]", one)[0] for one in recipe.conda)
            say(f"neither conda nor micromamba is here: {names} will come from pip")
        wanted = ".".join((recipe.python or "").split(".")[:2])
        own = f"{sys.version_info[0]}.{sys.version_info[1]}"
        if not recipe.python or own == wanted or own.startswith(f"{wanted}."):
            return sys.executable
        found = shutil.which(f"python{wanted}")
        if found and _version(found).startswith(wanted):
            return found
        say(f"there is no Python {wanted} here: the environment gets {own}")
        return sys.executable

    def build(self, recipe: Recipe, base: str, target: Path, run: Callable[[Sequence[str]], None]) -> None:
        """`python -m venv`, `pip install -r`."""
        run([base, "-m", "venv", str(target)])
        lines = recipe.for_pip().pip
        if lines:
            python = str(target / "bin" / "python")
            options = ["--disable-pip-version-check", "--no-input", "--progress-bar", "off"]
            run([python, "-m", "pip", "install", *options, "-r", _requirements(lines, target.parent)])


class UvBuilder(PipBuilder):
    """uv, which finds or fetches the version of Python by itself."""

    def can_build(self, recipe: Recipe) -> bool:
        """Where there is a command uv."""
        return shutil.which("uv") is not None

    def base(self, recipe: Recipe, say: Say) -> str:
        """The version where one is asked for, else the Python that submits."""
        return recipe.python or super().base(recipe, say)

    def build(self, recipe: Recipe, base: str, target: Path, run: Callable[[Sequence[str]], None]) -> None:
        """`uv venv`, `uv pip install -r`."""
        run(["uv", "venv", "--no-project", "--python", base, str(target)])
        lines = recipe.for_pip().pip
        if lines:
            python = str(target / "bin" / "python")
            run(["uv", "pip", "install", "--python", python, "-r", _requirements(lines, target.parent)])


def _requirements(lines: Sequence[str], folder: Path) -> str:
    path = folder / "requirements.txt"
    path.write_text("\n".join(lines) + "\n")
    return str(path)


def _version(python: str) -> str:
    words = [python, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"]
    return subprocess.run(words, capture_output=True, text=True, check=False).stdout
