"""The `environment:` of a job: a name that the workspace may know, or packages written in the file."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from ..errors import ConfigError, OverdriveError
from ..sdk.environment import CondaDependencies, Environment, PythonSection, bare_name
from . import sweep_schema as schema
from .document import Where, shown
from .reading import Reading

_FILE = re.compile(r"file:|\.{0,2}/|~/")


def environment(reading: Reading, given: Any, where: Where) -> Environment | str | None:
    """The bare name, since the rest of Azure's spellings says where the cloud keeps it; or its packages."""
    if given is None or given == "local":
        return None
    if isinstance(given, str) and not _FILE.match(given):
        return bare_name(given)
    if isinstance(given, str):
        path = reading.local(given, where)
        return _of_file(reading, path, where) if reading.machine.exists(path) else None
    form = reading.section(schema.Environment, given, where)
    return None if form is None else _of_form(reading, form, where)


def _of_file(reading: Reading, path: Path, where: Where) -> Environment | str | None:
    """A requirements file, a conda file, or a file of Azure's that names one."""
    if path.suffix == ".txt":
        return _packages(reading, lambda: Environment.from_pip_requirements(path.stem, str(path)), where)
    try:
        data = reading.machine.read(path).data
    except OverdriveError as error:
        reading.problem(where, str(error))
        return None
    if "dependencies" in data:
        return _packages(reading, lambda: Environment.from_conda_specification(path.stem, str(path)), where)
    conda = data.get("conda_file")
    if isinstance(conda, str):
        data["conda_file"] = str(path.parent / conda)
    form = reading.section(schema.Environment, data, where)
    return None if form is None else _of_form(reading, form, where)


def _of_form(reading: Reading, form: schema.Environment, where: Where) -> Environment | str | None:
    name = form.name or "environment"
    if form.python is not None:
        return Environment(name, python=PythonSection(interpreter_path=form.python))
    if isinstance(form.pip, str):
        path = reading.local(form.pip, (*where, "pip"))
        return _packages(reading, lambda: Environment.from_pip_requirements(name, str(path)), (*where, "pip"))
    if form.pip is not None:
        packages = CondaDependencies.create(pip_packages=form.pip)
        return Environment(name, python=PythonSection(conda_dependencies=packages))
    if isinstance(form.conda_file, str):
        at = (*where, "conda_file")
        path = reading.local(form.conda_file, at)
        return _packages(reading, lambda: Environment.from_conda_specification(name, str(path)), at)
    if form.conda_file is not None:
        return _packages(reading, lambda: _inline(name, form.conda_file), (*where, "conda_file"))
    if form.image or form.build:
        what = (
            "is a container's; runs here are processes, in the Python that submits (or say pip:, conda_file:)"
        )
        reading.document.advise(where, f"{shown(form.image or 'build')} {what}")
    return form.name


def _inline(name: str, conda: Any) -> Environment:
    """What stands in place of a conda file."""
    given = conda.get("dependencies")
    if not isinstance(given, list):
        raise ConfigError("must be like a conda file: {dependencies: [python=3.11, {pip: [numpy]}]}")
    pip = [line for one in given if isinstance(one, dict) for line in one.get("pip") or ()]
    made = CondaDependencies.create(
        pip_packages=pip, conda_packages=[one for one in given if isinstance(one, str)]
    )
    for channel in conda.get("channels") or ():
        made.add_channel(str(channel))
    return Environment(name, python=PythonSection(conda_dependencies=made))


def _packages(reading: Reading, build: Any, where: Where) -> Environment | None:
    try:
        made: Environment = build()
        return made
    except OverdriveError as error:
        reading.problem(where, str(error))
        return None
