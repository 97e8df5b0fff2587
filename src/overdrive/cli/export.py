"""`overdrive export`: a finished sweep goes where others keep theirs."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from ..adapters.mlflow_export import Export
from ..errors import OverdriveError
from .answer import find, print_json


def export_to_mlflow(folder: Path | None, ident: str, uri: str, *, as_json: bool) -> int:
    """Send the sweep to the MLflow server; 0 when all of it is there."""
    meant = find(folder, ident)
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")  # a wrong address is told within seconds
    try:
        run_id = Export(meant.workspace, meant.view, uri, _progress).send()
    except OverdriveError:
        raise
    except Exception as error:  # whatever MLflow, its stores and their servers raise
        raise OverdriveError(f"{uri}: {type(error).__name__}: {error}") from error
    if as_json:
        print_json({"id": meant.view.sweep.id, "mlflow_run_id": run_id})
    else:
        print(run_id)
    return 0


def _progress(sentence: str) -> None:
    if sys.stderr.isatty():
        print(f"\r{sentence}", end="", file=sys.stderr, flush=True)
