"""Environments by micromamba, mamba or conda, whichever is there."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

from .build import Say
from .existing import tool
from .recipe import Recipe


class CondaBuilder:
    """One call that creates the environment from a file of ours."""

    def can_build(self, recipe: Recipe) -> bool:
        """Where a tool is here and something in the recipe is conda's."""
        return bool(recipe.conda) and tool() is not None

    def base(self, recipe: Recipe, say: Say) -> str:
        """All comes from the channels."""
        return "conda"

    def build(self, recipe: Recipe, base: str, target: Path, run: Callable[[Sequence[str]], None]) -> None:
        """`create` from a file with all dependencies."""
        command = str(tool())
        python = [f"python={recipe.python}"] if recipe.python else ["python"]
        inner = [{"pip": list(recipe.pip)}] if recipe.pip else []
        needs_pip = ["pip"] if recipe.pip and not any(one.startswith("pip") for one in recipe.conda) else []
        dependencies = [*python, *recipe.conda, *needs_pip, *inner]
        # JSON is YAML, and no name in it can be read as something else.
        content = {"channels": list(recipe.channels or ("conda-forge",)), "dependencies": dependencies}
        file = target.parent / "environment.yml"
        file.write_text(json.dumps(content, indent=1))
        micro = Path(command).name == "micromamba"
        words = ["create", "--yes", "--prefix"] if micro else ["env", "create", "--prefix"]
        run([command, *words, str(target), "--file", str(file)])
