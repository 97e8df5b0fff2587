"""Environment: the interpreter and the variables of a run, under a name."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field


@dataclass
class PythonSection:
    """Which Python runs the script; None is the one that submitted."""

    interpreter_path: str | None = None
    user_managed_dependencies: bool = True


@dataclass
class Environment:
    """A name that the workspace may know; what it does not know is the interpreter that submitted."""

    name: str
    environment_variables: dict[str, str] = field(default_factory=dict)
    python: PythonSection = field(default_factory=PythonSection)

    @property
    def interpreter(self) -> str:
        """The path of the interpreter."""
        return self.python.interpreter_path or sys.executable
