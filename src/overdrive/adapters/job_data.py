"""The `inputs:` and `outputs:` of a job: literals, and paths of data wherever they are."""

from __future__ import annotations

import re
from typing import Any

from . import sweep_schema as schema
from .document import Where, shown
from .reading import ELSEWHERE, Reading

_WEB = re.compile(r"https?:", re.IGNORECASE)


def inputs(reading: Reading) -> dict[str, Any]:
    """Literals, and paths of data as absolute text, by name."""
    data = reading.mapping("inputs")
    return {name: _input(reading, given, ("inputs", name)) for name, given in data.items()}


def outputs(reading: Reading) -> dict[str, schema.Output]:
    """What a run leaves, by name; without a word about it a folder."""
    found = {}
    for name, given in reading.mapping("outputs").items():
        where = ("outputs", name)
        form = reading.section(schema.Output, given if isinstance(given, dict) else {}, where)
        if given is not None and not isinstance(given, dict):
            reading.problem(where, f"must be {{type, mode}} or empty, got {shown(given)}")
        if form is not None and form.path is not None:
            reading.document.advise(
                (*where, "path"), f"is not written to; each run has its own outputs/{name} in its folder"
            )
        found[name] = form or schema.Output()
    return found


def _input(reading: Reading, given: Any, where: Where) -> Any:
    if given is schema.ABSENT:
        return given
    if not isinstance(given, dict):
        if given is None or not isinstance(given, str | int | float | bool):
            what = f"must be text, a number, true or false, or {{type, path}}, got {shown(given)}"
            reading.problem(where, what)
        return given
    if given.get("type") in schema.LITERALS and "value" in given:  # as components and builders write it
        return given["value"]
    data = reading.section(schema.Data, given, where)
    return None if data is None else _path(reading, data.path, (*where, "path"))


def _path(reading: Reading, address: str, where: Where) -> str | None:
    mapped = _mapped(reading, address) or address
    if _WEB.match(mapped) and reading.machine.download:
        return str(reading.downloads.setdefault(mapped, reading.machine.download(mapped)))
    if not ELSEWHERE.match(mapped):
        return str(reading.local(mapped, where))
    how = f"--set {'.'.join(where)}=FOLDER_OR_FILE"
    if mapped.startswith("azureml:"):
        name = re.split("[:@]", mapped.removeprefix("azureml:").strip("/"))[0]
        how += f', or once for all in .overdrive/settings.toml: [data] "{name}" = "FOLDER_OR_FILE"'
    reading.problem(
        where,
        f"cannot be reached from this machine: get the data and say where they are with {how}; "
        f"got {shown(address)}",
    )
    return None


def _mapped(reading: Reading, address: str) -> str | None:
    """Where the workspace's settings say that Azure's data are: by name and version, or by name alone."""
    name = address.removeprefix("azureml:")
    if name == address:
        return None
    data = reading.machine.data
    return next((data[key] for key in (address, name, re.split("[:@]", name)[0]) if key in data), None)
