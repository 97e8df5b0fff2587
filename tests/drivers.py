"""A folder with a driver for `overdrive exec` and its training scripts."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path

from overdrive import Workspace

PATIENCE = 240
"""Seconds for a whole driver with all its runs; a machine may be slow."""


class Project:
    """A folder with a driver and training scripts."""

    def __init__(self, root: Path) -> None:
        self.root = root
        root.mkdir()

    def write(self, name, text):
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text))

    def exec(self, driver, *arguments, **variables):
        """Run `overdrive exec` on a driver with this text."""
        self.write("driver.py", driver)
        return subprocess.run(
            [sys.executable, "-m", "overdrive", "exec", "driver.py", *arguments],
            cwd=self.root,
            env={**os.environ, **variables},
            capture_output=True,
            text=True,
            timeout=PATIENCE,
        )

    def works(self, driver, *arguments):
        """What the driver printed; it must end well."""
        done = self.exec(driver, *arguments)
        assert done.returncode == 0, done.stdout + done.stderr + self.logs()
        return done.stdout

    def logs(self):
        """The last words of every run."""
        texts = sorted((self.root / ".overdrive" / "runs").glob("*/*/.run/stderr.txt"))
        return "\n".join(f"{path}: {path.read_text()[-500:]}" for path in texts)

    @property
    def workspace(self):
        return Workspace.find(self.root)
