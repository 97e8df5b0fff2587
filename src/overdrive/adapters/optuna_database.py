"""Optuna's database, SQLite or any other that SQLAlchemy knows.

Tables as of Optuna 2 to 5 (schema v3.2.0): studies, study_directions, trials, trial_params with each parameter's
distribution as JSON, trial_values, trial_intermediate_values.
"""

from __future__ import annotations

import datetime
import json
import math
from pathlib import Path
from typing import Any

from ..errors import ConfigError
from .optuna_study import Recorded, RecordedTrial


class Database:
    """The studies of a database file, or of a URL."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._url = path if "://" in path else f"sqlite:///file:{Path(path).absolute()}?mode=ro&uri=true"

    def names(self) -> list[str]:
        """The names of all studies."""
        return [name for (name,) in self._rows("SELECT study_name FROM studies ORDER BY study_id")]

    def recorded(self, name: str) -> Recorded:
        """One study."""
        ((key,),) = self._rows("SELECT study_id FROM studies WHERE study_name=:n", n=name)
        directions = self._rows(
            "SELECT direction FROM study_directions WHERE study_id=:s ORDER BY objective", s=key
        )
        trials = {
            trial: RecordedTrial(str(state), _epoch(started), _epoch(ended))
            for trial, state, started, ended in self._rows(
                "SELECT trial_id, state, datetime_start, datetime_complete FROM trials WHERE study_id=:s"
                " ORDER BY number", s=key)
        }  # fmt: skip
        for trial, *suggested in self._rows(
            "SELECT p.trial_id, p.param_name, p.distribution_json, p.param_value FROM trial_params p"
            " JOIN trials t ON p.trial_id=t.trial_id WHERE t.study_id=:s ORDER BY p.trial_id, p.param_id", s=key
        ):  # fmt: skip
            trials[trial].params.append((suggested[0], suggested[1], suggested[2]))
        for trial, value, kind in self._rows(
            "SELECT v.trial_id, v.value, v.value_type FROM trial_values v JOIN trials t ON v.trial_id=t.trial_id"
            " WHERE t.study_id=:s", s=key
        ):  # fmt: skip
            trials[trial].value = _float(value, kind)
        for trial, value, kind in self._rows(
            "SELECT v.trial_id, v.intermediate_value, v.intermediate_value_type FROM trial_intermediate_values v"
            " JOIN trials t ON v.trial_id=t.trial_id WHERE t.study_id=:s ORDER BY v.trial_id, v.step", s=key
        ):  # fmt: skip
            trials[trial].reported.append(_float(value, kind))
        return Recorded([str(row[0]) for row in directions], self._metric(key), list(trials.values()))

    def _metric(self, study: int) -> str | None:
        found = self._rows(
            "SELECT value_json FROM study_system_attributes WHERE study_id=:s AND key='study:metric_names'",
            s=study,
        )
        names = json.loads(found[0][0]) if found else None
        return names[0] if isinstance(names, list) and names else None

    def _rows(self, question: str, **values: Any) -> list[Any]:
        import sqlalchemy as sa

        try:
            with sa.create_engine(self._url).connect() as db:
                return list(db.execute(sa.text(question), values))
        except (sa.exc.SQLAlchemyError, ModuleNotFoundError) as error:
            said = str(getattr(error, "orig", None) or error)
            raise ConfigError(f"{self._path}: cannot be read as an Optuna database: {said}") from None


def _float(value: float | None, kind: Any) -> float:
    """Infinities stand in a column of their own, and no value is NaN."""
    words = {"INF_POS": math.inf, "INF_NEG": -math.inf}
    return words.get(str(kind), math.nan if value is None else float(value))


def _epoch(moment: Any) -> float | None:
    """Optuna writes local time without a zone."""
    if moment is None:
        return None
    if not isinstance(moment, datetime.datetime):
        moment = datetime.datetime.fromisoformat(str(moment))
    return float(moment.timestamp())
