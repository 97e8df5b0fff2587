"""`overdrive report`: a sweep as one HTML file that opens anywhere."""

from __future__ import annotations

from pathlib import Path

from ..errors import ConfigError, OverdriveError
from .answer import find, print_json


def write_report(folder: Path | None, ident: str, output: Path | None, *, as_json: bool) -> int:
    """Write the page of a sweep; by default `<id>.html`, here."""
    from ..studio.report import report

    _, view, run = find(folder, ident)
    if run is not None:
        raise ConfigError(f"{ident!r} is a run; a report is of a whole sweep")
    path = output or Path(f"{view.sweep.id}.html")
    page = report(view)
    try:
        path.write_text(page, encoding="utf-8")
    except OSError as error:
        raise OverdriveError(f"cannot write {str(path)!r}: {error.strerror}") from error
    if as_json:
        print_json({"id": view.sweep.id, "path": str(path.absolute())})
    else:
        print(path)
    return 0
