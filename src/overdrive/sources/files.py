"""The files that a run writes, of the kinds that a source reads: found by walking its folder now and then."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator

from .base import Place

LOOK_SECONDS = 0.2
"""How often known files are looked at; a file is written seldom, and there may be many."""

WALK_SECONDS = 1.0
WALK_SHARE = 100
"""Walks are so many times further apart than they take, and a second at least."""

DEEPEST, MOST_ENTRIES, MOST_FILES = 8, 20_000, 50
"""How much of a run's folder is walked, and how many files of it are read."""

_PREFIX = 1 << 20


class Files:
    """The files of a run whose names are `wanted`, in the order in which they were found."""

    def __init__(self, place: Place, wanted: Callable[[str], bool]) -> None:
        self._place = place
        self._wanted = wanted
        self._found: dict[str, int] = {}
        self._walk_at = self._look_at = 0.0

    def look(self, final: bool) -> dict[str, int]:
        """Each file with the byte at which the run's own part of it begins; empty while it is too early to look
        again. What the source folder held already is not the run's."""
        now = time.monotonic()
        if not final and now < self._look_at:
            return {}
        self._look_at = now + LOOK_SECONDS
        # Before the program starts, its copy of the source is still being made.
        if (final or now >= self._walk_at) and os.path.exists(self._place.folder.stdout):
            for path in self._walk(self._place.folder.path):
                if path not in self._found and len(self._found) < MOST_FILES:
                    self._found[path] = self._own_from(path)
            took = time.monotonic() - now
            self._walk_at = now + max(WALK_SECONDS, WALK_SHARE * took)
        return self._found

    def _walk(self, top: str) -> Iterator[str]:
        folders, seen = [(top, 0)], 0
        while folders:
            folder, depth = folders.pop(0)
            try:
                with os.scandir(folder) as entries:
                    listed = sorted(entries, key=lambda entry: entry.name)
            except OSError:
                continue
            for entry in listed:
                seen += 1
                if seen > MOST_ENTRIES:
                    return
                try:
                    if entry.is_dir(follow_symlinks=False):
                        if depth < DEEPEST and entry.path != self._place.folder.own:
                            folders.append((entry.path, depth + 1))
                    elif self._wanted(entry.name) and entry.is_file():
                        yield entry.path
                except OSError:
                    continue

    def _own_from(self, path: str) -> int:
        """Where the program goes on with a file that came with the source; 0 when it is new or was replaced."""
        if self._place.snapshot is None:
            return 0
        original = os.path.join(self._place.snapshot, os.path.relpath(path, self._place.folder.path))
        try:
            size = os.stat(original).st_size
            with open(original, "rb") as before, open(path, "rb") as now:
                same = before.read(_PREFIX) == now.read(min(size, _PREFIX))
            return size if same and os.stat(path).st_size >= size else 0
        except OSError:
            return 0
