"""From one store into another: a workspace that has outgrown its SQLite file, or leaves a server."""

from __future__ import annotations

from pathlib import Path

from ..controller.lease import describe, holds
from ..errors import NotFound, SweepHeld
from ..store.base import Store, open_store


def copy_store(source: str, target: str) -> dict[str, int]:
    """Copy everything from one store's URL to another's, which must be empty; how many rows, by table.

    NotFound when there is no source, SweepHeld while a controller of one of its sweeps lives, else StoreError:
    see `Store.copy_to`. Run folders, snapshots and settings stay where they are.
    """
    file = Path(source.removeprefix("sqlite:///"))
    if source.startswith("sqlite:///") and not file.is_file():
        raise NotFound(f"there is no store to copy at {str(file)!r}")
    here = open_store(source)
    try:
        _refuse_living(here)
        there = open_store(target)
        try:
            counts = here.copy_to(there)
        finally:
            there.close()
        return counts
    finally:
        here.close()


def _refuse_living(store: Store) -> None:
    for sweep in store.sweeps():
        holder = store.holder(sweep.id)
        if holder is not None and holds(holder):
            raise SweepHeld(
                f"{sweep.id} is held by {describe(holder)}, which writes on; wait for its end, cancel it, or stop the "
                "controller, and copy again"
            )
