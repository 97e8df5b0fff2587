"""Our own code as one archive, for nodes that have none of it."""

from __future__ import annotations

import io
import zipfile
from functools import cache
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[2]
_LEFT_OUT = {"studio", "widget", "charts", "cli", "store", "__pycache__"}


@cache
def archive() -> bytes:
    """The package as a zip file, the same bytes for the same code."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as file:
        for path in sorted(PACKAGE.rglob("*")):
            inside = path.relative_to(PACKAGE)
            if path.is_file() and not _LEFT_OUT.intersection(inside.parts) and path.suffix != ".pyc":
                info = zipfile.ZipInfo(str(Path(PACKAGE.name) / inside))
                info.compress_type, info.external_attr = zipfile.ZIP_DEFLATED, 0o644 << 16
                file.writestr(info, path.read_bytes())
    return packed.getvalue()
