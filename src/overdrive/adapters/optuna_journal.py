"""Optuna's journal file: a line of JSON for each thing that happened (`JournalOperation`, Optuna 3 to 5)."""

from __future__ import annotations

import datetime
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..errors import ConfigError
from .optuna_study import Recorded, RecordedTrial

_STATES = ("RUNNING", "COMPLETE", "PRUNED", "FAIL", "WAITING")
_DIRECTIONS = ("NOT_SET", "MINIMIZE", "MAXIMIZE")


def is_journal(path: str) -> bool:
    """Whether the file begins as a journal does."""
    with open(path, "rb") as file:
        return file.read(200).lstrip()[:1] == b"{"


class Journal:
    """The studies of a journal file. Half a line at its end, of a writer at work, is passed over."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._studies: list[_Study] = []
        self._trials: list[RecordedTrial] = []
        lines = Path(path).read_bytes().split(b"\n")
        for number, line in enumerate(lines, 1):
            try:
                if line.strip():
                    self._take(json.loads(line))
            except (ValueError, TypeError, LookupError) as error:
                if number == len(lines):
                    break
                raise ConfigError(
                    f"{path}: cannot be read as an Optuna journal: line {number}: {type(error).__name__}: {error}"
                ) from None

    def names(self) -> list[str]:
        """The names of all studies."""
        return [study.name for study in self._studies if not study.deleted]

    def recorded(self, name: str) -> Recorded:
        """One study."""
        (study,) = (one for one in self._studies if one.name == name and not one.deleted)
        return Recorded(study.directions, study.metric, study.trials)

    def _take(self, entry: dict[str, Any]) -> None:
        handle = _OPERATIONS.get(entry["op_code"])
        if handle is not None:
            handle(self, entry)

    def _study(self, entry: dict[str, Any]) -> None:
        self._studies.append(_Study(entry["study_name"], [_DIRECTIONS[d] for d in entry["directions"]]))

    def _delete(self, entry: dict[str, Any]) -> None:
        self._studies[entry["study_id"]].deleted = True

    def _attribute(self, entry: dict[str, Any]) -> None:
        names = entry["system_attr"].get("study:metric_names")
        if names:
            self._studies[entry["study_id"]].metric = names[0]

    def _trial(self, entry: dict[str, Any]) -> None:
        trial = RecordedTrial(_STATES[entry.get("state", 0)])
        forms = entry.get("distributions") or {}
        trial.params = [(name, forms[name], value) for name, value in (entry.get("params") or {}).items()]
        steps = entry.get("intermediate_values") or {}
        trial.reported = [float(steps[step]) for step in sorted(steps, key=int)]
        self._trials.append(trial)
        self._studies[entry["study_id"]].trials.append(trial)
        self._ended(trial, entry)

    def _param(self, entry: dict[str, Any]) -> None:
        suggested = (entry["param_name"], entry["distribution"], entry["param_value_internal"])
        self._trials[entry["trial_id"]].params.append(suggested)

    def _state(self, entry: dict[str, Any]) -> None:
        trial = self._trials[entry["trial_id"]]
        trial.state = _STATES[entry["state"]]
        self._ended(trial, entry)

    def _reported(self, entry: dict[str, Any]) -> None:
        self._trials[entry["trial_id"]].reported.append(float(entry["intermediate_value"]))

    @staticmethod
    def _ended(trial: RecordedTrial, entry: dict[str, Any]) -> None:
        values = entry.get("values") or ([] if entry.get("value") is None else [entry["value"]])
        trial.value = float(values[0]) if values else trial.value
        trial.started = _epoch(entry.get("datetime_start")) or trial.started
        trial.ended = _epoch(entry.get("datetime_complete")) or trial.ended


class _Study:
    def __init__(self, name: str, directions: list[str]) -> None:
        self.name = name
        self.directions = directions
        self.metric: str | None = None
        self.trials: list[RecordedTrial] = []
        self.deleted = False


_OPERATIONS: dict[int, Callable[[Journal, dict[str, Any]], None]] = {
    0: Journal._study,
    1: Journal._delete,
    3: Journal._attribute,
    4: Journal._trial,
    5: Journal._param,
    6: Journal._state,
    7: Journal._reported,
}


def _epoch(moment: str | None) -> float | None:
    return datetime.datetime.fromisoformat(moment).timestamp() if moment else None
