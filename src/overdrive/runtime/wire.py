"""The run folder on disk: every name in it, the metric lines and the exit file.

    <run folder>/            the script's working directory: its copy of the source
        outputs/  logs/      what the script leaves for us to keep
        .run/                ours: metrics.jsonl  params.json  stdout.txt  stderr.txt  job.json  exit.json  tags.json
                             on another machine also order.json, what is to be run, cancel.json, that it is to end,
                             and next.json, what is run there after it
                             checkpoints/  and mlflow.jsonl, where the script uses MLflow
                             files/: what is copied over the source, at the same places
                             ranks/<rank>/, of a run of several processes: what the others than rank 0 log and print
                             gang.json: where their nodes meet

A metric line is one JSON object and one newline, appended with one write:

    {"name": "loss", "value": 0.3, "step": 7, "time": 1700000000.0}    one value; step and time may be absent
    {"name": "loss", "values": [0.3, 0.2]}                             several values of one metric, in order
    {"name": "roc", "row": {"fpr": 0.1, "tpr": 0.7}}                   one row of a table
    {"name": "roc", "table": {"fpr": [0, 1], "tpr": [0, 1]}}           a whole table, by column
    {"name": "plot", "image": "outputs/images/plot.png"}               a picture, relative to the run folder

Written and read only here. Loaded into strangers' interpreters: standard library only, Python 3.8 and up.
"""

from __future__ import annotations

import json
import os
from typing import Any, Dict, List, NamedTuple, Optional, Union

RUN_ID = "OVERDRIVE_RUN_ID"
JOB_ID = "OVERDRIVE_JOB_ID"
SWEEP_ID = "OVERDRIVE_SWEEP_ID"
RUN_DIR = "OVERDRIVE_RUN_DIR"
METRICS = "OVERDRIVE_METRICS"
PARAMS = "OVERDRIVE_PARAMS"
EXPERIMENT = "OVERDRIVE_EXPERIMENT"
HOME = "OVERDRIVE_HOME"
CHECKPOINTS = "OVERDRIVE_CHECKPOINT_DIR"
MLFLOW_URI = "MLFLOW_TRACKING_URI"
SEED = "OVERDRIVE_SEED"
RANK = "OVERDRIVE_RANK"
NODE_RANK = "OVERDRIVE_NODE_RANK"
GANG = "OVERDRIVE_GANG"

OWN = ".run"
LATEST = "latest"
CHUNK = 1 << 20


class RunFolder:
    """The one place that knows the names in a run folder; all are absolute when `path` is."""

    __slots__ = (
        "cancel",
        "checkpoints",
        "exit",
        "files",
        "gang",
        "images",
        "job",
        "logs",
        "metrics",
        "mlflow",
        "next",
        "order",
        "outputs",
        "own",
        "params",
        "path",
        "stderr",
        "stdout",
        "tags",
    )

    def __init__(self, path: Union[str, "os.PathLike[str]"]) -> None:
        self.path: str = os.fspath(path)
        self.outputs = os.path.join(self.path, "outputs")
        self.logs = os.path.join(self.path, "logs")
        self.images = os.path.join(self.outputs, "images")
        self.own = os.path.join(self.path, OWN)
        self.metrics = os.path.join(self.own, "metrics.jsonl")
        self.mlflow = os.path.join(self.own, "mlflow.jsonl")
        self.params = os.path.join(self.own, "params.json")
        self.stdout = os.path.join(self.own, "stdout.txt")
        self.stderr = os.path.join(self.own, "stderr.txt")
        self.job = os.path.join(self.own, "job.json")
        self.exit = os.path.join(self.own, "exit.json")
        self.order = os.path.join(self.own, "order.json")
        self.cancel = os.path.join(self.own, "cancel.json")
        self.next = os.path.join(self.own, "next.json")
        self.tags = os.path.join(self.own, "tags.json")
        self.checkpoints = os.path.join(self.own, "checkpoints")
        self.files = os.path.join(self.own, "files")
        self.gang = os.path.join(self.own, "gang.json")

    def make(self) -> RunFolder:
        """Create the folder and what every run finds in it; what is there already stays."""
        os.makedirs(self.path, exist_ok=True)
        for folder in (self.own, self.outputs, self.logs):
            try:
                os.mkdir(folder)
            except FileExistsError:
                pass
        return self

    def rank(self, rank: int) -> RankFolder:
        """Where a process other than rank 0 logs and prints."""
        return RankFolder(os.path.join(self.own, "ranks", str(rank)))

    def ranks(self) -> List[int]:
        """The processes of the run that have such a folder, in order."""
        try:
            names = os.listdir(os.path.join(self.own, "ranks"))
        except OSError:
            return []
        return sorted(int(name) for name in names if name.isdigit())


class RankFolder:
    """The names in the folder of one process of several."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.metrics = os.path.join(path, "metrics.jsonl")
        self.stdout = os.path.join(path, "stdout.txt")
        self.stderr = os.path.join(path, "stderr.txt")

    def make(self) -> RankFolder:
        """Create the folder."""
        os.makedirs(self.path, exist_ok=True)
        return self


def journal_of(metrics: str) -> str:
    """The journal of the process that has this metric file: what MLflow is told lies beside it."""
    return os.path.join(os.path.dirname(metrics), "mlflow.jsonl")


def first_attempt(path: str) -> str:
    """The folder of a run's first attempt, where its checkpoints are, from that of any (`3.1`: `3`)."""
    parent, name = os.path.split(path)
    return os.path.join(parent, name.partition(".")[0])


class Exit(NamedTuple):
    """How a run ended: its exit code (minus the signal's number when a signal ended it) and when."""

    code: int
    started: Optional[float]
    ended: Optional[float]
    note: str = ""


class Record(NamedTuple):
    """One thing that a run reported.

    `kind` and its `value`: "scalar" a float, "text" a string, "row" a dict of cells, "table" a dict of
    columns, "image" a path relative to the run folder.
    """

    kind: str
    name: str
    value: Any
    step: Optional[float] = None
    time: Optional[float] = None


def write_json(path: str, value: Any) -> None:
    """Write aside, then rename: a reader sees the old file or the new one, never half of one."""
    aside = "%s.%d" % (path, os.getpid())
    fd = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o666)
    try:
        data = memoryview(json.dumps(value).encode())
        while data:
            data = data[os.write(fd, data) :]
    finally:
        os.close(fd)
    os.replace(aside, path)


def read_json(path: str) -> Any:
    """What the file holds, or None when it is absent, unreadable or no JSON."""
    try:
        with open(path, "rb") as file:
            return json.loads(file.read().decode("utf-8"))
    except (OSError, ValueError, RecursionError):
        return None


def read_exit(path: str) -> Optional[Exit]:
    """The exit file at `path`, or None when the run has left none that can be read."""
    data = read_json(path)
    if not isinstance(data, dict) or type(data.get("code")) is not int:
        return None
    note = data.get("note")
    return Exit(
        data["code"],
        _number(data.get("started")),
        _number(data.get("ended")),
        note if isinstance(note, str) else "",
    )


def encode(record: Dict[str, Any]) -> bytes:
    """One whole line for the metric file. NaN and infinities are written as NaN, Infinity, -Infinity."""
    return json.dumps(record, separators=(",", ":")).encode() + b"\n"


def parse_line(line: bytes) -> Optional[List[Record]]:
    """The records of one metric line, or None for a torn or foreign one. Never raises.

    A value may be a number, a boolean, a numeric string, "nan" or "inf" in any spelling that Python
    reads, or null (what JSON writers that cannot write NaN put in its place); any other string is text.
    """
    try:
        text = line.decode("utf-8")
        data = json.loads(text[1:] if text[:1] == "\ufeff" else text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(data, dict):
        return None
    name = data.get("name")
    if not isinstance(name, str) or not name:
        return None
    step, time = data.get("step"), data.get("time")
    if step is not None:
        step = _number(step)
    if time is not None and type(time) is not float:
        time = _number(time)
    if "value" in data:
        value = data["value"]
        if type(value) is float:  # nearly all of them
            return [Record("scalar", name, value, step, time)]
        record = _measure(name, value, step, time)
        return None if record is None else [record]
    if "values" in data:
        values = data["values"]
        if not isinstance(values, list):
            return None
        records = [_measure(name, value, step, time) for value in values]
        return None if None in records else [record for record in records if record is not None]
    row, table, image = data.get("row"), data.get("table"), data.get("image")
    if isinstance(row, dict):
        return [Record("row", name, row, step, time)]
    if isinstance(table, dict) and all(isinstance(column, list) for column in table.values()):
        return [Record("table", name, table, step, time)]
    if isinstance(image, str) and image:
        return [Record("image", name, image, step, time)]
    return None


def _measure(name: str, value: Any, step: Optional[float], time: Optional[float]) -> Optional[Record]:
    if value is None:
        return Record("scalar", name, float("nan"), step, time)
    number = _number(value)
    if number is not None:
        return Record("scalar", name, number, step, time)
    if isinstance(value, str):
        return Record("text", name, value, step, time)
    return None


def _number(value: Any) -> Optional[float]:
    if isinstance(value, str):
        if "_" in value:  # float() takes 1_000 for a number; no other language does
            return None
    elif not isinstance(value, (int, float)):
        return None
    try:
        return float(value)
    except ValueError:
        return None
    except OverflowError:  # an integer beyond the largest float
        return float("inf") if value > 0 else float("-inf")


class Tail:
    """Reads the whole lines that were appended to a file since the last look.

    An idle file costs one stat. The file is closed between looks, so that hundreds of runs hold no
    descriptors. A file that is absent has no lines yet; one that was cut short is read from its start.

    `offset`: the bytes consumed, whole lines only: store it, and a later Tail goes on from there.
    `behind`: whether the last look stopped at its limit of `CHUNK` bytes and there is more to read now.
    `skipped`: how many lines were longer than `CHUNK` bytes and therefore passed over.
    """

    __slots__ = ("_passing", "_seen", "behind", "offset", "path", "skipped")

    def __init__(self, path: Union[str, "os.PathLike[str]"], offset: int = 0) -> None:
        self.path = os.fspath(path)
        self.offset = offset
        self.behind = False
        self.skipped = 0
        self._seen = offset
        self._passing = False

    def read(self, final: bool = False) -> List[bytes]:
        """The new lines, without their newlines; `final` takes an unfinished last one as a line too."""
        try:
            size = os.stat(self.path).st_size
        except OSError:
            return []
        if size < self.offset:
            self.offset = self._seen = 0
            self._passing = False
        if size == self._seen and not (final and size > self.offset):
            self.behind = False
            return []
        try:
            fd = os.open(self.path, os.O_RDONLY)
        except OSError:
            return []
        try:
            chunk = os.pread(fd, min(CHUNK, size - self.offset), self.offset)
        except OSError:
            return []
        finally:
            os.close(fd)
        self._seen = self.offset + len(chunk)
        self.behind = self._seen < size
        return self._lines(chunk, final and not self.behind)

    def _lines(self, chunk: bytes, final: bool) -> List[bytes]:
        start = 0
        if self._passing:
            start = chunk.find(b"\n") + 1
            if not start:
                self.offset += len(chunk)
                return []
            self._passing = False
        end = len(chunk) if final else chunk.rfind(b"\n") + 1
        if end <= start:
            if start == 0 and len(chunk) >= CHUNK:
                self.skipped += 1
                self._passing = True
                start = len(chunk)
            self.offset += start
            return []
        self.offset += end
        lines = chunk[start:end].split(b"\n")
        if not lines[-1]:
            lines.pop()
        return lines
