"""What MLflow is told about a run beyond its metrics: a file of JSON lines, each appended with one write.

    {"run": "HD_1_0", "param": ["lr", "0.1"]}      and tag, input, model, name, start, end, status, parent
    {"run": "4f0c...", "metric": ["loss", 0.3, 7, 1700000000.0]}    of runs that a script nests in its own

Standard library only, Python 3.8 and up.
"""

from __future__ import annotations

import json
import os
from typing import Any, Dict, List, Optional, Tuple


class Entry:
    """All that the journal tells of one run. Times in seconds."""

    def __init__(self, run_id: str) -> None:
        self.id = run_id
        self.name = ""
        self.parent: Optional[str] = None
        self.status = "RUNNING"
        self.start: Optional[float] = None
        self.end: Optional[float] = None
        self.params: Dict[str, str] = {}
        self.tags: Dict[str, str] = {}
        self.metrics: List[Tuple[str, float, Optional[float], float]] = []
        """(name, value, step, time) in the order in which they came."""
        self.inputs: List[Any] = []
        self.models: Dict[str, Dict[str, Any]] = {}

    def take(self, record: Dict[str, Any]) -> None:
        """Follow one line."""
        for word in ("name", "parent", "status", "start", "end"):
            if word in record:
                setattr(self, word, record[word])
        if "param" in record:
            self.params.update([record["param"]])
        if "tag" in record:
            self.tags.update([record["tag"]])
        if "untag" in record:
            self.tags.pop(record["untag"], None)
        if "metric" in record:
            self.metrics.append(tuple(record["metric"]))
        if "input" in record:
            self.inputs.append(record["input"])
        if "model" in record:
            self.models[record["model"]["model_id"]] = record["model"]


class Journal:
    """The journal of one run folder."""

    def __init__(self, path: str) -> None:
        self.path = path

    def append(self, run_id: str, **record: Any) -> None:
        """Add one line; what cannot be written is lost, and no reason to stop a training."""
        line = json.dumps({"run": run_id, **record}).encode() + b"\n"
        try:
            fd = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
            try:
                os.write(fd, line)
            finally:
                os.close(fd)
        except OSError:
            pass

    def entries(self) -> Dict[str, Entry]:
        """Every run that the journal knows, by id. A torn line is passed over."""
        found: Dict[str, Entry] = {}
        try:
            with open(self.path, "rb") as file:
                lines = file.read().splitlines()
        except OSError:
            return found
        for line in lines:
            try:
                record = json.loads(line)
                found.setdefault(record["run"], Entry(record["run"])).take(record)
            except (ValueError, KeyError, TypeError):
                continue
        return found
