"""A component: a command with declared inputs and outputs, in a file of its own or in place.

`graft` puts it where the job names it, so that the rest of the job is read as if it had been written there.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from ..errors import OverdriveError
from . import sweep_schema as schema
from .document import Where, shown
from .reading import ELSEWHERE, Reading

_PATHS = (("code",), ("environment",), ("environment", "conda_file"), ("environment", "pip"))
"""Where a component may hold paths, which are relative to its own file."""


def graft(reading: Reading, key: str, swept: Collection[str]) -> None:
    """Put the component under `key` in place of its file's name, and its declarations into inputs and outputs.

    Afterwards `key` holds what a run starts, and nothing else; what a component declares and nobody gives
    is its default, or a problem.
    """
    document = reading.document
    given = document.data.get(key)
    if isinstance(given, str):
        given = _from_file(reading, given, (key,))
        document.data[key] = given
    if not isinstance(given, dict) or not ({"type", "inputs", "outputs"} & set(given)):
        return
    component = reading.section(schema.Component, given, (key,))
    if component is None:
        document.data[key] = None
        return
    _take_inputs(reading, component, key, swept)
    outputs = reading.mapping("outputs")
    for name in [name for name in outputs if name not in component.outputs]:
        reading.problem(("outputs", name), f"the component has no such output{_has(component.outputs)}")
    document.data["outputs"] = {
        name: outputs.get(name) or _bare(form) for name, form in component.outputs.items()
    }
    document.data[key] = {k: v for k, v in given.items() if k in schema.Trial.model_fields}


def _from_file(reading: Reading, name: str, where: Where) -> Any:
    document = reading.document
    if ELSEWHERE.match(name):
        what = "is a component that Azure keeps; write its command here, or name a file: file:./train.yml"
        reading.problem(where, f"{what}; got {shown(name)}")
        return None
    path = (reading.folder / Path(name.removeprefix("file:")).expanduser()).resolve()
    try:
        other = reading.machine.read(path)
    except OverdriveError as error:
        reading.problem(where, str(error))
        return None
    for keys in [keys for keys in document.marks if keys[: len(where)] == where and keys != where]:
        del document.marks[keys]
    document.marks |= {(*where, *keys): mark._replace(file=path.name) for keys, mark in other.marks.items()}
    document.advice += other.advice
    return _with_absolute_paths(other.data, path.parent)


def _with_absolute_paths(data: dict[str, Any], folder: Path) -> dict[str, Any]:
    for keys in _PATHS:
        *above, last = keys
        inner: Any = data
        for key in above:
            inner = inner.get(key)
        text = inner.get(last) if isinstance(inner, dict) else None
        if isinstance(text, str) and _is_path(text, keys):
            inner[last] = str((folder / Path(text.removeprefix("file:")).expanduser()).resolve())
    return data if data.get("code") else {**data, "code": str(folder)}


def _is_path(text: str, keys: Where) -> bool:
    return not ELSEWHERE.match(text) and (keys != ("environment",) or text.startswith(("file:", "./", "../")))


def _take_inputs(reading: Reading, component: schema.Component, key: str, swept: Collection[str]) -> None:
    data = reading.mapping("inputs")
    for name in [name for name in data if name not in component.inputs]:
        reading.problem(("inputs", name), f"the component has no such input{_has(component.inputs)}")
    for name in [name for name in swept if name not in component.inputs]:
        reading.problem(("search_space", name), f"the component has no such input{_has(component.inputs)}")
    found = {name: value for name, value in data.items() if name in component.inputs}
    for name, declared in component.inputs.items():
        form: Mapping[str, Any] = declared if isinstance(declared, dict) else {"type": declared}
        if found.get(name) is not None or name in swept:
            continue
        if form.get("default") is not None:
            found[name] = form["default"]
        elif form.get("optional"):
            found[name] = schema.ABSENT
        else:
            reading.problem(("inputs", name), f"is missing: {key} needs it")
            found[name] = ""
    reading.document.data["inputs"] = found


def _has(declared: Collection[str]) -> str:
    return f"; it has {', '.join(declared)}" if declared else ", for it has none"


def _bare(form: Any) -> dict[str, Any]:
    return {"type": form["type"]} if isinstance(form, dict) and "type" in form else {}
