"""`overdrive store copy`: a workspace's memory from one database into another."""

from __future__ import annotations

from pathlib import Path

from ..sdk.addresses import FOLDER, store_url
from ..sdk.moving import copy_store
from ..sdk.workspace import Workspace
from .answer import print_json


def copy(folder: Path | None, source: str, target: str, *, as_json: bool) -> int:
    """Copy it; 0 when every row has arrived."""
    start = (folder or Path()).absolute()
    root = next((place for place in (start, *start.parents) if (place / FOLDER).is_dir()), start)
    name = Workspace(root).name or "default"
    counts = copy_store(store_url(source, name), store_url(target, name))
    if as_json:
        print_json(counts)
        return 0
    print(", ".join(f"{count:,} {table}" for table, count in counts.items()))
    return 0
