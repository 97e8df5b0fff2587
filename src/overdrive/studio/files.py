"""The files of a run, for browsers: never one outside its folder, never one that a browser would run."""

from __future__ import annotations

import csv
import io
import itertools
import os
import stat
from collections.abc import Iterator
from typing import Any, NamedTuple

from ..errors import NotFound

PICTURES = {
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".gif": "image/gif",
    ".webp": "image/webp",
    ".bmp": "image/bmp",
}
"""What is shown in place. SVG is not: opened on its own it may hold scripts."""

MOST_FILES = 2_000
MOST_ROWS = 200
"""Rows of a table that are shown, beside its first one."""

PREVIEW_BYTES = 64 * 1024
LOG_BYTES = 256 * 1024
_CHUNK = 1 << 18


class Opened(NamedTuple):
    """A regular file, open for reading."""

    descriptor: int
    size: int

    def chunks(self) -> Iterator[bytes]:
        """All of it, as long as it was when it was opened; closes it."""
        left = self.size
        with os.fdopen(self.descriptor, "rb") as file:
            while left > 0 and (chunk := file.read(min(_CHUNK, left))):
                left -= len(chunk)
                yield chunk


def listing(root: str) -> list[dict[str, Any]]:
    """Name (relative), bytes and time of what lies in `outputs/` and `logs/`, at most MOST_FILES.

    `path` is what the file is asked for by; None where the name is no text, so that no address can hold it.
    """
    found: list[dict[str, Any]] = []
    for top in ("outputs", "logs"):
        for folder, folders, names in os.walk(os.path.join(root, top)):
            folders.sort()
            for name in sorted(names):
                path = os.path.join(folder, name)
                try:
                    about = os.lstat(path)
                except OSError:
                    continue
                if stat.S_ISREG(about.st_mode):
                    relative = os.path.relpath(path, root)
                    shown = printable(relative)
                    known = relative if shown == relative else None
                    entry = {"name": shown, "path": known, "bytes": about.st_size}
                    found.append({**entry, "time": about.st_mtime, "picture": kind_of(relative) is not None})
                if len(found) >= MOST_FILES:
                    return found
    return found


def printable(name: str) -> str:
    """A file name as text; bytes that are no UTF-8 become signs."""
    return os.fsencode(name).decode("utf-8", "replace")


def kind_of(name: str) -> str | None:
    """The type of a picture that may be shown in place, else None."""
    return PICTURES.get(os.path.splitext(name)[1].lower())


def open_within(root: str, name: str) -> Opened:
    """The regular file of this name in the folder `root`; NotFound for anything else.

    Links may lead anywhere inside: the path is resolved first, then walked from the root without following
    any link, so that one that is swapped meanwhile leads nowhere.
    """
    missing = NotFound(f"this run has no file {printable(name)!r}")
    if "\0" in name:
        raise missing
    home = os.path.realpath(root)
    path = os.path.realpath(os.path.join(home, name))
    if os.path.commonpath([home, path]) != home or path == home:
        raise missing
    parts = os.path.relpath(path, home).split(os.sep)
    held = -1
    try:
        held = os.open(home, os.O_RDONLY | os.O_DIRECTORY)
        for part in parts[:-1]:
            inner = os.open(part, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=held)
            os.close(held)
            held = inner
        # A pipe that nobody writes to would hold us for ever.
        file = os.open(parts[-1], os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=held)
    except OSError:
        raise missing from None
    finally:
        if held >= 0:
            os.close(held)
    about = os.fstat(file)
    if not stat.S_ISREG(about.st_mode):
        os.close(file)
        raise missing
    return Opened(file, about.st_size)


def piece(root: str, name: str, start: int, over: bool = False) -> dict[str, Any]:
    """The text of a growing file from byte `start` on: {"text", "next", "size"}; `start` below 0: its end.

    At most LOG_BYTES; a letter whose bytes are not all there yet waits for the next piece, unless it is `over`.
    """
    try:
        file = open_within(root, name)
    except NotFound:
        return {"text": "", "start": 0, "next": 0, "size": 0}
    with os.fdopen(file.descriptor, "rb") as stream:
        if start < 0 or start > file.size:
            start = max(0, file.size - LOG_BYTES)
        stream.seek(start)
        data = stream.read(LOG_BYTES)
    last = over and start + len(data) >= file.size
    whole = len(data) if last else len(data) - _torn(data)
    text = data[:whole].decode("utf-8", "replace")
    return {"text": text, "start": start, "next": start + whole, "size": file.size}


def preview(root: str, name: str) -> dict[str, Any]:
    """The beginning of a file as text, or `text` null when it is none; `rows` are the cells of a table."""
    file = open_within(root, name)
    with os.fdopen(file.descriptor, "rb") as stream:
        data = stream.read(PREVIEW_BYTES)
    text = None if b"\0" in data else data[: len(data) - _torn(data)].decode("utf-8", "replace")
    if text is not None and text.count("\ufffd") > len(text) / 20:
        text = None
    cut = file.size > PREVIEW_BYTES
    rows = None if text is None else rows_of(text, os.path.splitext(name)[1].lower(), cut)
    return {"text": text, "rows": rows, "bytes": file.size, "cut": cut}


def rows_of(text: str, kind: str, cut: bool = False) -> list[list[str]] | None:
    """The cells of a table by rows, at most MOST_ROWS, or None for text that is no table. `kind` is `.csv` or `.tsv`;
    the sign between cells is the one that the first line has most of. Where the text is cut the last row goes."""
    if kind not in (".csv", ".tsv"):
        return None
    first = text.lstrip("\ufeff").partition("\n")[0]
    sign = "\t" if kind == ".tsv" else max(",;\t|", key=first.count)
    lines = io.StringIO(text.lstrip("\ufeff"), newline="")
    try:
        rows = [row for row in itertools.islice(csv.reader(lines, delimiter=sign), MOST_ROWS + 2) if row]
    except csv.Error:
        return None
    if cut and len(rows) <= MOST_ROWS + 1:
        rows = rows[:-1]
    return rows[: MOST_ROWS + 1] or None


def _torn(data: bytes) -> int:
    """How many bytes at the end are the beginning of a letter."""
    for back in range(1, min(4, len(data) + 1)):
        byte = data[-back]
        if byte & 0b1100_0000 == 0b1000_0000:
            continue
        length = 4 if byte >= 0xF0 else 3 if byte >= 0xE0 else 2 if byte >= 0xC0 else 1
        return back if length > back else 0
    return 0
