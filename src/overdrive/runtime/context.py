"""What a training script sees of its run: `ScriptRun.get_context()` and its log methods.

    from overdrive import Run
    run = Run.get_context()
    run.log("accuracy", 0.91)

Inside a run each call appends one line to the metric file with one write. Outside it prints and carries on.
A file that cannot be written is said once on standard error and never stops a training. Standard library
only, Python 3.8 and up.
"""

from __future__ import annotations

import json
import os
import sys
import time
from typing import Any, Callable, Dict, List, Optional, Type, Union

from ..errors import RunContextError
from . import wire

_LISTS = (list, tuple, range, set, frozenset, dict)


class ScriptRun:
    """The run that this process belongs to; outside a sweep, one that prints.

    One for each process: ask `get_context` for it.
    """

    _current: Optional["ScriptRun"] = None
    kind: Optional[Type["ScriptRun"]] = None
    """What `get_context` makes, where a subclass that knows more names has taken its place."""

    def __init__(self) -> None:
        self._metrics = os.environ.get(wire.METRICS)
        self._fd = -1
        self._broken = False
        self._torn = False
        self._names: Dict[str, str] = {}
        self._pictures = 0
        self._id = os.environ.get(wire.RUN_ID) if self._metrics else None
        self._parameters: Optional[Dict[str, Any]] = None

    @classmethod
    def get_context(cls, allow_offline: bool = True) -> "ScriptRun":
        """The run that this process belongs to.

        Outside a sweep: a run that prints, or RunContextError when `allow_offline` is False.
        """
        if cls._current is None:
            cls._current = (cls.kind or cls)()
        if not allow_offline and cls._current.offline:
            raise RunContextError(
                "this process is not part of a run: %s is not set; start the script through a sweep, "
                "or call get_context(allow_offline=True)" % wire.METRICS
            )
        return cls._current

    @property
    def offline(self) -> bool:
        """Whether there is no sweep around this script."""
        return not self._metrics

    @property
    def id(self) -> str:
        """The run's id; outside a sweep a made-up one that begins with OfflineRun_."""
        if self._id is None:
            self._id = "OfflineRun_" + os.urandom(16).hex()
        return self._id

    @property
    def number(self) -> Optional[int]:
        """The run's number in its sweep, from 0; None outside a sweep."""
        folder = os.environ.get(wire.RUN_DIR, "")
        name = os.path.basename(folder.rstrip(os.sep)).partition(".")[0]
        return int(name) if self._metrics and name.isdigit() else None

    @property
    def parameters(self) -> Dict[str, Any]:
        """The hyperparameters of this run by name; empty outside a sweep."""
        if self._parameters is None:
            path = os.environ.get(wire.PARAMS)
            data = wire.read_json(path) if path else None
            self._parameters = data if isinstance(data, dict) else {}
        return dict(self._parameters)

    @property
    def checkpoint_dir(self) -> str:
        """A folder for checkpoints that is there from the start and survives retries of this run.

        Empty on the first attempt, unless the run resumes an earlier one; outside a sweep `checkpoints/`.
        """
        folder = os.environ.get(wire.CHECKPOINTS) if self._metrics else None
        folder = folder or os.path.abspath("checkpoints")
        os.makedirs(folder, exist_ok=True)
        return folder

    @property
    def latest_checkpoint(self) -> Optional[str]:
        """What `keep_checkpoint` pointed at last, in this attempt or an earlier one; None at a fresh start."""
        from . import checkpoints

        return checkpoints.latest(self.checkpoint_dir)

    def keep_checkpoint(self, path: Union[str, "os.PathLike[str]"]) -> None:
        """Point `latest` in the checkpoint folder at this file or folder, which is complete by now.

        The link is switched in one step: whoever is killed meanwhile finds the old one or the new one. Log the
        values of an epoch first: what is logged later counts no more when an attempt goes on from here. In a run of
        several processes only rank 0 points anywhere.
        """
        from . import checkpoints

        if os.environ.get(wire.RANK, "0") != "0":
            return
        checkpoints.keep(self.checkpoint_dir, os.fspath(path), os.environ.get(wire.JOB_ID), self._metrics)

    # what can be logged ---------------------------------------------------------------------------

    def log(self, name: str, value: Any, description: str = "", step: Optional[float] = None) -> None:
        """Record one value of a metric; call it again and again for a curve. `step` is your own count.

        A value may be any number, a boolean, a string, or an array or tensor of one element.
        """
        if type(value) is not float:
            value = _scalar(name, value)
        if self._metrics and not description:
            # By hand: a third of the time that json.dumps takes.
            key = self._names.get(name)
            if key is None:
                key = self._names[name] = json.dumps(_name(name))
            if type(value) is float:
                text = repr(value) if value - value == 0.0 else _UNUSUAL[repr(value)]
            else:
                text = json.dumps(value)
            at = "" if step is None else ',"step":' + json.dumps(_step(step))
            self._write(('{"name":%s,"value":%s%s,"time":%.6f}\n' % (key, text, at, time.time())).encode())
            return
        record: Dict[str, Any] = {"name": _name(name), "value": value}
        if step is not None:
            record["step"] = _step(step)
        self._record(
            record, description, lambda: _words(value) + ("" if step is None else " (step %s)" % step)
        )

    def log_list(self, name: str, value: Any, description: str = "") -> None:
        """Record several values of one metric, in order; an array or tensor counts as a list."""
        if hasattr(value, "tolist"):
            value = value.tolist()
        if isinstance(value, (str, bytes, dict)) or not hasattr(value, "__iter__"):
            raise RunContextError(
                "log_list(%r): expects a list of values, got %s" % (name, type(value).__name__)
            )
        values = [_scalar(name, one) for one in value]
        self._record(
            {"name": _name(name), "values": values}, description, lambda: ", ".join(map(_words, values))
        )

    def log_row(self, name: str, description: Optional[str] = None, **kwargs: Any) -> None:
        """Record one row of a table: each keyword is a column."""
        if not kwargs:
            raise RunContextError(
                "log_row(%r): give each column as a keyword: log_row(%r, loss=0.3)" % (name, name)
            )
        row = {column: _scalar(column, cell, "log_table") for column, cell in kwargs.items()}
        self._record({"name": _name(name), "row": row}, description or "", lambda: _cells(row))

    def log_table(self, name: str, value: Dict[str, Any], description: str = "") -> None:
        """Record a whole table: a dict of columns, each a list, all of one length (or single cells)."""
        if not isinstance(value, dict) or not value:
            raise RunContextError("log_table(%r): expects a dict of columns, got %r" % (name, value))
        table: Dict[str, List[Any]] = {}
        for column, cells in value.items():
            cells = cells.tolist() if hasattr(cells, "tolist") else cells
            cells = list(cells) if isinstance(cells, (list, tuple, range)) else [cells]
            table[str(column)] = [_scalar(str(column), cell) for cell in cells]
        lengths = {column: len(cells) for column, cells in table.items()}
        if len(set(lengths.values())) > 1:
            raise RunContextError(
                "log_table(%r): columns must be of one length, got %s" % (name, _cells(lengths))
            )
        self._record({"name": _name(name), "table": table}, description, lambda: _cells(table))

    def log_image(
        self,
        name: str,
        path: Optional[Union[str, "os.PathLike[str]"]] = None,
        plot: Any = None,
        description: str = "",
    ) -> None:
        """Keep a picture in outputs/images: the file at `path`, or `plot`, a matplotlib figure or pyplot."""
        if (path is None) == (plot is None):
            raise RunContextError("log_image(%r): give either path= or plot=, one of the two" % name)
        if plot is not None and not callable(getattr(plot, "savefig", None)):
            raise RunContextError(
                "log_image(%r): plot= expects a matplotlib figure or pyplot, got %s"
                % (name, type(plot).__name__)
            )
        if path is not None and not os.path.isfile(path):
            raise RunContextError("log_image(%r): no file at %r" % (name, os.fspath(path)))
        record = {"name": _name(name)}
        if self._metrics:
            try:
                record["image"] = self._keep(name, path, plot)
            except OSError as error:
                self._warn("the picture %r cannot be kept: %s" % (name, error))
                return
        self._record(record, description, lambda: "a plot" if path is None else os.fspath(path))

    def has_logged(self, name: str) -> bool:
        """Whether this process has logged a value under this name."""
        return name in self._names

    # what a script may call, and nothing follows from -----------------------------------------------

    def flush(self, timeout_seconds: float = 300) -> None:
        """Nothing to do: every line is written when its log method returns."""

    def complete(self, _set_status: bool = True) -> None:
        """Nothing to do: the exit of the script completes the run."""

    def fail(self, error_details: Any = None, error_code: Any = None, _set_status: bool = True) -> None:
        """Nothing to do: a run fails when its script ends with an exit code other than 0."""

    # writing --------------------------------------------------------------------------------------

    def _record(self, record: Dict[str, Any], description: str, words: Callable[[], str]) -> None:
        if not self._metrics:
            print("%s: %s" % (record["name"], words()), flush=True)
            return
        if description:
            record["description"] = str(description)
        record["time"] = time.time()
        self._write(wire.encode(record))

    def _write(self, line: bytes) -> None:
        # One write to a descriptor in append mode: lines of threads, forks and other programs never mix.
        try:
            if self._fd < 0:
                assert self._metrics
                self._fd = os.open(self._metrics, os.O_WRONLY | os.O_APPEND | os.O_CREAT | _CLOEXEC, 0o666)
            if self._torn:
                line = b"\n" + line
            self._torn = os.write(self._fd, line) != len(line)
        except OSError as error:
            self._warn("metrics cannot be written to %s: %s" % (self._metrics, error))

    def _folder(self) -> wire.RunFolder:
        return wire.RunFolder(os.environ.get(wire.RUN_DIR) or os.getcwd())

    def _warn(self, words: str) -> None:
        if not self._broken:
            self._broken = True
            print("overdrive: %s; the script goes on without" % words, file=sys.stderr, flush=True)

    def _keep(self, name: str, path: Optional[Union[str, "os.PathLike[str]"]], plot: Any) -> str:
        run = self._folder()
        os.makedirs(run.images, exist_ok=True)
        suffix = ".png" if path is None else os.path.splitext(os.fspath(path))[1]
        stem = "".join(letter if letter.isalnum() or letter in "-_" else "_" for letter in name)[:80]
        while True:
            number = "_%d" % self._pictures if self._pictures else ""
            copy = os.path.join(run.images, stem + number + suffix)
            self._pictures += 1
            try:
                os.close(os.open(copy, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666))
                break
            except FileExistsError:
                continue
        if path is None:
            plot.savefig(copy)
        else:
            import shutil

            shutil.copyfile(os.fspath(path), copy)
        return os.path.relpath(copy, run.path)


_UNUSUAL = {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}
_CLOEXEC = getattr(os, "O_CLOEXEC", 0)


def _name(name: Any) -> str:
    if not isinstance(name, str) or not name:
        raise RunContextError("a metric's name must be a string that is not empty, got %r" % (name,))
    return name


def _step(step: Any) -> Any:
    step = _scalar("step", step)
    if isinstance(step, str) or step is None:
        raise RunContextError("step must be a number, got %r" % (step,))
    return step


def _scalar(name: Any, value: Any, instead: str = "log_list") -> Any:
    """The one number, string or None that `value` holds; its text when there is no number in it."""
    kind = type(value)
    if value is None or kind in (int, float, str, bool):
        return value
    if isinstance(value, bool):
        return bool(value)
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return float(value)
    item = getattr(value, "item", None)
    if callable(item):  # numpy scalars and arrays, tensors
        try:
            value = item()
        except (ValueError, RuntimeError, TypeError):
            raise RunContextError(_too_many(name, value, instead)) from None
        if isinstance(value, (bool, int, float, str)):
            return value
    if isinstance(value, _LISTS) or hasattr(value, "__next__"):
        raise RunContextError(_too_many(name, value, instead))
    try:
        return float(value)
    except (TypeError, ValueError):
        return repr(value) if not isinstance(value, str) else str(value)


def _too_many(name: Any, value: Any, instead: str) -> str:
    kind = type(value).__name__
    return "%r: one value is expected, got a %s; use %s for several" % (name, kind, instead)


def _words(value: Any) -> str:
    return value if isinstance(value, str) else repr(value)


def _cells(row: Dict[str, Any]) -> str:
    return ", ".join("%s=%s" % (column, _words(cell)) for column, cell in row.items())
