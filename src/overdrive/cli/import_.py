"""`overdrive import`: other tools' studies and sweep files become ours."""

from __future__ import annotations

import sys
from pathlib import Path

import yaml

from ..adapters.imported import Asked, Spec, keep, read
from ..errors import ConfigError, Problem
from ..model.metrics import PrimaryMetricGoal
from ..sdk.workspace import Workspace
from .answer import print_json
from .words import printable


def run(
    kind: str,
    path: str,
    folder: Path | None,
    *,
    study: str | None,
    metric: str | None,
    goal: str | None,
    output: Path | None,
    as_json: bool,
) -> int:
    """Print the sweep file (or write it), or keep the study and print its id."""
    try:
        asked = Asked(
            study=study, metric=metric, goal=None if goal is None else PrimaryMetricGoal.from_str(goal)
        )
    except ConfigError as error:
        raise error.within("--goal") from None
    found = read(kind, path, asked)
    for sentence in found.advice:
        print(f"warning: {printable(sentence)}", file=sys.stderr)
    if isinstance(found, Spec):
        _write(found, output, as_json=as_json)
        return 0
    if output is not None:
        raise ConfigError(Problem("--output", f"is for sweep files; a study of {kind} becomes a sweep here"))
    sweep_id = keep(found, Workspace.find(folder))
    if as_json:
        print_json({"id": sweep_id, "runs": len(found.trials), "metric": found.metric, "study": found.name})
    else:
        print(sweep_id)
        said = f"{len(found.trials)} runs of {printable(found.name)!r}; start warm from them with"
        print(f"{said} --resume-from {sweep_id}", file=sys.stderr)
    return 0


def _write(spec: Spec, output: Path | None, *, as_json: bool) -> None:
    text = yaml.safe_dump(spec.data, sort_keys=False, allow_unicode=True, width=1000)
    if output is not None:
        try:
            with output.open("x", encoding="utf-8") as file:
                file.write(text)
        except FileExistsError:
            raise ConfigError(
                Problem("--output", f"{str(output)!r} is there already; name another")
            ) from None
        except OSError as error:
            raise ConfigError(
                Problem("--output", f"cannot write {str(output)!r}: {error.strerror}")
            ) from None
    elif as_json:
        print_json(spec.data)
    else:
        print(text, end="")
