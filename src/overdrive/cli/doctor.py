"""`overdrive doctor`: what a warm start saves a script, or why its runs start cold."""

from __future__ import annotations

import sys
from pathlib import Path

from ..sdk.diagnosis import diagnose
from .answer import print_json


def examine(script: Path, interpreter: str | None, *, as_json: bool) -> int:
    """Say it; 0 also when the runs start cold, for nothing is wrong with that."""
    found = diagnose(script, interpreter or sys.executable)
    if as_json:
        print_json({**found._asdict(), "warm": not found.reasons})
        return 0
    names = sorted(
        {name.partition(":")[0] for name in found.modules} - {n.partition(":")[0] for n in found.missing}
    )
    print(f"imports  {', '.join(names) or 'nothing'}")
    if found.prepare:
        print(f"data     {found.prepare} prepares it once")
    print(
        f"cold     {found.bare + found.ready:.2f} s before the first line of {script.name} that does anything"
    )
    if found.reasons:
        print("warm     no: " + "\n         ".join(found.reasons))
        print("         `warm` of the run configuration may name what is to be imported all the same")
    else:
        print(f"warm     saves {found.ready:.2f} s of every run that starts after the first ones")
    return 0
