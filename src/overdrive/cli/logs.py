"""`overdrive logs`: what a run has written, byte for byte, or what happened in a sweep."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import BinaryIO

from ..errors import NotFound
from ..model.records import RunRecord
from ..runtime.wire import RunFolder
from ..sdk.view import SweepView
from .answer import Meant, find, print_json
from .words import printable

LOOK_SECONDS = 0.1
_CHUNK = 1 << 16


def show_logs(
    folder: Path | None,
    ident: str,
    *,
    follow: bool,
    stdout: bool,
    stderr: bool,
    as_json: bool,
    rank: int = 0,
) -> int:
    """Print both streams of a run, each to its own; one of them alone goes to standard output. `rank`: those of one
    process of several."""
    meant = find(folder, ident)
    if meant.run is None and meant.view.sweep.kind != "hyperdrive" and meant.view.runs:
        meant = meant._replace(run=meant.view.runs[0])
    if meant.run is None:
        return _show_messages(meant.view, follow=follow, as_json=as_json)
    wanted = stdout or not stderr, stderr or not stdout
    return _show_streams(meant, meant.run, rank, follow, wanted, as_json)


def _show_streams(
    meant: Meant, run: RunRecord, rank: int, follow: bool, wanted: tuple[bool, bool], as_json: bool
) -> int:
    folder = RunFolder(str(meant.workspace.run_folder(meant.view.sweep.id, run.number, run.attempt)))
    there = folder.ranks()
    if rank and rank not in there and not follow:
        has = f"it has {', '.join(map(str, [0, *there]))}" if there else "it is one process"
        raise NotFound(f"{run.id}: no rank {rank} has written anything; {has}")
    files = folder.rank(rank) if rank else folder
    if as_json:
        while follow and not _over(meant.view, run):
            time.sleep(LOOK_SECONDS)
        texts = {"stdout": files.stdout, "stderr": files.stderr}
        print_json(
            {
                "id": run.id,
                **{k: _text(path) for (k, path), w in zip(texts.items(), wanted, strict=True) if w},
            }
        )
        return 0
    streams = [
        _Stream(path, sys.stderr.buffer if path == files.stderr and all(wanted) else sys.stdout.buffer)
        for path, want in zip((files.stdout, files.stderr), wanted, strict=True)
        if want
    ]
    while True:
        over = not follow or _over(meant.view, run)  # asked first: what is written until then is read below
        for stream in streams:
            stream.copy()
        if over:
            return 0
        time.sleep(LOOK_SECONDS)


def _show_messages(view: SweepView, *, follow: bool, as_json: bool) -> int:
    shown = 0
    while True:
        over = not follow or view.sweep.status.terminal
        if not as_json:
            for message in view.messages[shown:]:
                when = time.strftime("%H:%M:%S", time.localtime(message.time))
                print(
                    when,
                    f"{message.level}:",
                    "\n".join(map(printable, message.text.splitlines())),
                    flush=True,
                )
            shown = len(view.messages)
        if over:
            break
        time.sleep(LOOK_SECONDS)
        view.refresh()
    if as_json:
        print_json({"id": view.sweep.id, "messages": view.as_json()["messages"]})
    return 0


def _over(view: SweepView, run: RunRecord) -> bool:
    view.refresh()
    return view.sweep.status.terminal or view.run(run.id).status.terminal


class _Stream:
    """A growing file, copied to where it belongs."""

    def __init__(self, path: str, target: BinaryIO) -> None:
        self._path = path
        self._target = target
        self._offset = 0

    def copy(self) -> None:
        """Copy what is new; a file that is not there yet has nothing new."""
        try:
            with Path(self._path).open("rb") as file:
                file.seek(self._offset)
                while chunk := file.read(_CHUNK):
                    self._target.write(chunk)
                    self._offset += len(chunk)
        except FileNotFoundError:
            return
        self._target.flush()


def _text(path: str) -> str:
    try:
        return Path(path).read_bytes().decode("utf-8", "replace")
    except FileNotFoundError:
        return ""
