"""`overdrive compute list` and `overdrive doctor --compute`: where runs can run, and whether they would."""

from __future__ import annotations

from pathlib import Path

from rich.text import Text

from ..errors import NotFound
from ..sdk.probe import Listed, listed, probe
from ..sdk.settings import Settings
from .answer import open_workspace, print_json
from .report import new_table, stdout_console
from .words import printable


def list_targets(folder: Path | None, *, as_json: bool) -> int:
    """Each target with its free places and its health."""
    found = listed(_settings(folder)[0])
    if as_json:
        print_json([_entry(one) for one in found])
        return 0
    table = new_table("name", "type", "free", "places", "health")
    for one in found:
        there = one.survey
        free, places = ("", "") if there is None else (str(there.free), str(there.all))
        health = one.problem or (there.health if there else "it does not say what it has")
        style = "red" if one.problem else ""
        table.add_row(one.name, one.type, free, places, Text(printable(health), style))
    stdout_console().print(table)
    return 0


def _entry(one: Listed) -> dict[str, object]:
    there = one.survey._asdict() if one.survey else {"free": None, "all": None, "cores": None, "health": None}
    return {"name": one.name, "type": one.type, **there, "problem": one.problem or None}


def try_target(folder: Path | None, name: str, *, as_json: bool) -> int:
    """Start a probe run; 1 when anything of it does not work."""
    settings, place = _settings(folder)
    found = probe(settings, name, place)
    if as_json:
        survey = found.survey._asdict() if found.survey else None
        print_json({**vars(found), "survey": survey, "problems": list(found.problems)})
        return 1 if found.problems else 0
    print(f"target   {found.name}, {found.type}")
    if found.survey is not None:
        print(f"room     {found.survey.free} of {found.survey.all} free; {printable(found.survey.health)}")
    if found.host:
        print(f"run      after {found.waited:.2f} s, on {printable(found.host)}, with Python {found.python}")
    for problem in found.problems:
        print(f"problem  {printable(problem)}")
    if not found.problems:
        print(f"back     what it printed, logged and left, {found.whole:.2f} s after it was started")
    return 1 if found.problems else 0


def _settings(folder: Path | None) -> tuple[Settings, Path]:
    """What names mean here, and a folder for a while; without a workspace only the names of back ends mean anything."""
    try:
        workspace = open_workspace(folder)
    except NotFound:
        if folder is not None:
            raise
        return Settings(), Path.cwd()
    return workspace.settings, workspace.home
