"""Results in a folder: a file of JSON lines for each peer, a line for each sweep, added as sweeps end."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from .races import Heat


class Results:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def rows(self) -> Iterator[dict[str, Any]]:
        """All rows; the torn last line of an interrupted bench is passed over."""
        for file in sorted(self.folder.glob("*.jsonl")):
            for line in file.read_text().splitlines():
                try:
                    yield json.loads(line)
                except ValueError:
                    continue

    def budgets(self) -> dict[Heat, int]:
        """How far each sweep has been taken, those that ended in an error included."""
        found: dict[Heat, int] = {}
        for row in self.rows():
            heat = Heat(row["peer"], row["task"], row["seed"], row["pending"])
            found[heat] = max(row["budget"], found.get(heat, 0))
        return found

    def add(self, row: dict[str, Any]) -> None:
        with (self.folder / f"{row['peer']}.jsonl").open("a") as file:
            file.write("\n" + json.dumps(row))  # the line break first: it ends a torn line
