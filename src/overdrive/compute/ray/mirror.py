"""The files of a run on their way home: what has changed on the node, piece by piece, and how a piece is kept.

A file that only grows is sent as it grows; one that was replaced is sent anew and takes its name at home whole. When
the run has ended, a file that came in several pieces is compared once more with what was sent.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from ...runtime import wire

PIECE = 1 << 20  # bytes
BATCH = 4 << 20
SEARCH = 1.0  # seconds between two searches of a run's whole folder,
SHARE = 20  # and at least so many times as long as one takes

OWN_TAILED = ("metrics.jsonl", "stdout.txt", "stderr.txt", "mlflow.jsonl")
NOT_SENT = frozenset({"params.json", "files", "exit.json", "order.json", "cancel.json"})


class Piece(NamedTuple):
    """A part of a file of a run. `root` says which of its folders `path` lies in.

    kind: "grown" (written at `offset`), "part" and "last" (of a new version, which is `whole` with the last one),
    "link" (`data` is its goal), "gone".
    """

    root: str
    path: str
    kind: str
    data: bytes = b""
    offset: int = 0
    mode: int = 0o644


@dataclass(slots=True)
class _Sent:
    inode: int
    size: int = 0
    changed: int = 0  # ns; what the file's ctime was when it was last read to its end
    pieces: int = 0
    building: bool = False  # a new version, of which the last piece was not sent yet
    digest: Any = field(default_factory=hashlib.blake2b)


class Mirror:
    """What one run has written, as far as it was not sent yet. `roots`: its folders on this node by name, "run" among
    them. `source`: sizes of the files that it began with, which are sent only when they change."""

    def __init__(self, roots: Mapping[str, str], source: Mapping[str, int]) -> None:
        self._roots = roots
        self._source = source
        self._folder = wire.RunFolder(roots["run"])
        self._began: int | None = None
        self._sent: dict[tuple[str, str], _Sent] = {}
        self._links: dict[tuple[str, str], str] = {}
        self._search_at = 0.0
        self._checked = False
        self.finished = False
        """Whether all has been sent, its exit file last."""

    def pieces(self, over: bool, budget: int = BATCH) -> list[Piece]:
        """What is new, at most about `budget` bytes: call again at once when it was as much. With `over`, the run has
        ended, and what is left is sent to the last byte."""
        found: list[Piece] = []
        if self.finished:
            return found
        for piece in self._changes(over):
            found.append(piece)
            budget -= len(piece.data) + 100
            if budget <= 0:
                return found
        if over:
            if not self._checked:
                self._checked = True
                if self._recheck():
                    return found + self.pieces(over, budget)
            found += self._whole("run", f"{wire.OWN}/exit.json", self._folder.exit)
            self.finished = True
        return found

    def _changes(self, over: bool) -> Iterator[Piece]:
        for name in OWN_TAILED[:3] if not over else ():
            yield from self._file("run", f"{wire.OWN}/{name}")
        now = time.monotonic()
        if not over and now < self._search_at:
            return
        seen = set()
        for root, path in self._search():
            seen.add((root, path))
            yield from self._file(root, path)
        for key in [key for key in (*self._sent, *self._links) if key not in seen]:
            if not os.path.lexists(os.path.join(self._roots[key[0]], key[1])):
                self._sent.pop(key, None)
                self._links.pop(key, None)
                yield Piece(*key, "gone")
        took = time.monotonic() - now
        self._search_at = now + max(SEARCH, SHARE * took)

    def _search(self) -> list[tuple[str, str]]:
        """Every file and link, the least recently changed first: what points at another comes after it."""
        found: list[tuple[int, str, str]] = []
        for root, top in self._roots.items():
            folders = [""]
            while folders:
                inside = folders.pop()
                try:
                    entries = list(os.scandir(os.path.join(top, inside)))
                except OSError:
                    continue
                for entry in entries:
                    path = os.path.join(inside, entry.name)
                    if root == "run" and inside == wire.OWN and entry.name in NOT_SENT:
                        continue
                    try:
                        if entry.is_dir(follow_symlinks=False):
                            folders.append(path)
                        else:
                            found.append((entry.stat(follow_symlinks=False).st_mtime_ns, root, path))
                    except OSError:
                        continue
        return [(root, path) for _, root, path in sorted(found)]

    def _file(self, root: str, path: str) -> Iterator[Piece]:
        key, full = (root, path), os.path.join(self._roots[root], path)
        try:
            status = os.lstat(full)
            if stat.S_ISLNK(status.st_mode):
                goal = os.readlink(full)
                if self._links.get(key) != goal and not (root == "run" and self._source.get(path) == -1):
                    self._links[key] = goal
                    self._sent.pop(key, None)
                    yield Piece(root, path, "link", os.fsencode(goal))
                return
        except OSError:
            return
        if not stat.S_ISREG(status.st_mode) or (root == "run" and self._unchanged(path, status)):
            return
        sent = self._sent.get(key)
        if sent is not None and sent.inode == status.st_ino and sent.changed == status.st_ctime_ns:
            return
        self._links.pop(key, None)
        tailed = root == "run" and os.path.dirname(path) == wire.OWN and os.path.basename(path) in OWN_TAILED
        more = sent is not None and sent.inode == status.st_ino and status.st_size > sent.size
        if sent is None or not (more or (tailed and sent.size == status.st_size)):
            if tailed and sent is not None:
                yield Piece(root, path, "gone")
            sent = self._sent[key] = _Sent(status.st_ino, building=not tailed)
        yield from self._read(key, full, status, sent)

    def _read(self, key: tuple[str, str], full: str, status: os.stat_result, sent: _Sent) -> Iterator[Piece]:
        with contextlib.suppress(OSError), open(full, "rb", buffering=0) as file:
            file.seek(sent.size)
            last = False
            while not last:
                left = status.st_size - sent.size
                data = (file.read(min(PIECE, left)) or b"") if left > 0 else b""
                last = len(data) >= left or not data
                kind = "grown" if not sent.building else "last" if last else "part"
                piece = Piece(*key, kind, data, sent.size, stat.S_IMODE(status.st_mode))
                sent.digest.update(data)
                sent.size += len(data)
                sent.pieces += 1
                if last:
                    sent.changed, sent.building = status.st_ctime_ns, False
                if data or kind == "last" or not sent.size:
                    yield piece

    def _unchanged(self, path: str, status: os.stat_result) -> bool:
        """Whether it is as it came with the source: of the same size, and not written since the run began."""
        if self._source.get(path) != status.st_size:
            return False
        if self._began is None:
            card = wire.read_json(self._folder.job)
            if not isinstance(card, dict):
                return True
            self._began = int(card["started"] * 1e9)
        return status.st_ctime_ns < self._began + 20_000_000

    def _recheck(self) -> bool:
        """Whether a file that came in several pieces is not what was sent: it is to be sent anew."""
        wrong = False
        for (root, path), sent in list(self._sent.items()):
            if sent.pieces < 2:
                continue
            digest = hashlib.blake2b()
            try:
                with open(os.path.join(self._roots[root], path), "rb") as file:
                    while data := file.read(PIECE):
                        digest.update(data)
            except OSError:
                continue
            if digest.digest() != sent.digest.digest():
                del self._sent[root, path]
                wrong = True
        return wrong

    @staticmethod
    def _whole(root: str, path: str, full: str) -> list[Piece]:
        try:
            with open(full, "rb") as file:
                return [Piece(root, path, "last", file.read(), 0)]
        except OSError:
            return []


def keep(piece: Piece, roots: Mapping[str, str]) -> None:
    """Put a piece in its place at home. OSError as it comes; the same piece may then be kept once more."""
    path = os.path.join(roots[piece.root], piece.path)
    if piece.kind == "gone":
        try:
            os.unlink(path)
        except OSError:
            pass
        return
    os.makedirs(os.path.dirname(path), exist_ok=True)
    if piece.kind == "link":
        aside = f"{path}.link"
        if os.path.lexists(aside):
            os.unlink(aside)
        os.symlink(os.fsdecode(piece.data), aside)
        os.replace(aside, path)
        return
    aside = path if piece.kind == "grown" else f"{path}.part"
    cut = os.O_TRUNC if piece.kind != "grown" and piece.offset == 0 else 0
    fd = os.open(aside, os.O_WRONLY | os.O_CREAT | cut | os.O_CLOEXEC, 0o666)
    try:
        view, offset = memoryview(piece.data), piece.offset
        while view:
            done = os.pwrite(fd, view, offset)
            view, offset = view[done:], offset + done
        if piece.mode & 0o111:
            os.fchmod(fd, piece.mode | stat.S_IWUSR)
    finally:
        os.close(fd)
    if piece.kind == "last":
        os.replace(aside, path)
