"""A `type: pipeline` job: a sweep step, and command steps that are fed from the best run's outputs.

All steps are checked before any of them runs. Each is read again when its turn comes, with the folders that
the steps before it have left.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Any

from ..errors import ConfigError
from . import sweep_schema as schema
from .document import Document, Where, shown
from .reading import Machine, Reading
from .sweep_yaml import JobFile, experiment_name, from_document

_INPUT = re.compile(r"\$\{\{\s*parent\.inputs\.([^\s{}]+)\s*\}\}")
_JOB = re.compile(r"\$\{\{\s*parent\.jobs\.([^\s{}.]+)\.outputs\.([^\s{}.]+)\s*\}\}")
_RESULT = re.compile(r"\$\{\{\s*parent\.outputs\.([^\s{}]+)\s*\}\}")
_LATER = Path("/a-step-before-this")
"""Stands for the folder of a step that has not run yet."""


@dataclass(frozen=True)
class Step:
    """One job of a pipeline."""

    name: str
    needs: tuple[tuple[str, str], ...]
    """(step, output) for each output of another step that this one takes in."""
    _document: Document
    _folder: Path
    _machine: Machine

    def job(self, folders: Mapping[str, Path]) -> JobFile:
        """The job, when the steps before it have left their outputs in these run folders."""
        return from_document(self._resolved(folders), self._folder, self._machine)

    def check(self, parent: Document) -> JobFile | None:
        """The job as far as it is known before anything has run; None, and its problems noted in `parent`."""

        def exists(path: Path) -> bool:
            return _LATER in path.parents or self._machine.exists(path)

        document = self._resolved({step: _LATER / step for step, _ in self.needs})
        try:
            return from_document(document, self._folder, replace(self._machine, exists=exists))
        except ConfigError:
            parent.absorb(("jobs", self.name), document)
            return None

    def _resolved(self, folders: Mapping[str, Path]) -> Document:
        document = self._document.below(())
        for _, given in _references(document):
            step, output = _source(given)
            given["path"] = str(folders[step] / "outputs" / output)
        return document


@dataclass(frozen=True)
class Pipeline:
    """Steps in an order in which they can run. `outputs`: the (step, output) that is the pipeline's own."""

    experiment_name: str
    steps: tuple[Step, ...]
    outputs: Mapping[str, tuple[str, str]]
    advice: tuple[str, ...]
    downloads: Mapping[str, Path]


def from_pipeline(document: Document, folder: Path, machine: Machine) -> Pipeline:
    """The pipeline in this data; ConfigError with the problems of all its steps."""
    reading = Reading(document, folder, machine)
    reading.section(schema.Pipeline, document.data, ())
    data, experiment = document.data, experiment_name(reading)
    advice, downloads = list(document.advice), dict[str, Path]()
    steps, left, results = dict[str, Step](), dict[str, tuple[str, ...]](), dict[str, tuple[str, str]]()
    for name, form in reading.mapping("jobs").items():
        if not isinstance(form, dict):
            reading.problem(("jobs", name), f"must be a mapping (`key: value` lines), got {shown(form)}")
            continue
        inner = document.below(("jobs", name))
        inner.data = {
            "type": "command",
            "experiment_name": experiment,
            "compute": data.get("compute"),
            **form,
        }
        inner.data = _with_inputs(inner, inner.data, reading.mapping("inputs"), ())
        results |= {target: (name, output) for target, output in _results(inner)}
        needs = tuple(_source(given) for _, given in _references(inner))
        document.absorb(("jobs", name), inner)
        steps[name] = Step(name, needs, replace(inner, _found=[]), folder, machine)
        job = None if document.faulty(("jobs", name)) else steps[name].check(document)
        if job is not None:
            left[name] = job.outputs
            advice += [f"jobs.{name}.{sentence}" for sentence in job.advice]
            downloads |= job.downloads
    _check_references(document, steps, left)
    order = _order(document, steps)
    document.check()
    return Pipeline(experiment, tuple(steps[name] for name in order), results, tuple(advice), downloads)


def _with_inputs(inner: Document, value: Any, given: Mapping[str, Any], where: Where) -> Any:
    """The value with `${{parent.inputs.x}}` replaced by what the pipeline gives, wherever it stands alone."""
    if isinstance(value, dict):
        found = {key: _with_inputs(inner, below, given, (*where, key)) for key, below in value.items()}
        path = found.get("path")
        return {**found, **path} if isinstance(path, dict) else found  # `path: ${{parent.inputs.data}}`
    if isinstance(value, list):
        return [_with_inputs(inner, below, given, (*where, str(n))) for n, below in enumerate(value)]
    match = _INPUT.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        return value
    if match[1] not in given:
        there = f"it has {', '.join(given)}" if given else "it has none"
        inner.problem(where, f"the pipeline has no input {match[1]!r}; {there}")
    return given.get(match[1])


def _results(inner: Document) -> Iterator[tuple[str, str]]:
    """(output of the pipeline, output of the step), which is written without its target afterwards."""
    outputs = inner.data.get("outputs")
    for name, form in list(outputs.items()) if isinstance(outputs, dict) else []:
        match = _RESULT.fullmatch(form) if isinstance(form, str) else None
        if match:
            outputs[name] = None
            yield match[1], name


def _references(document: Document) -> list[tuple[str, dict[str, Any]]]:
    """The inputs that are outputs of other steps, as (name, mapping with a path)."""
    inputs = document.data.get("inputs")
    found = []
    for name, given in inputs.items() if isinstance(inputs, dict) else ():
        if isinstance(given, str) and _JOB.fullmatch(given):
            inputs[name] = given = {"path": given}
        if isinstance(given, dict) and _JOB.fullmatch(str(given.get("path"))):
            found.append((name, given))
    return found


def _source(given: Mapping[str, Any]) -> tuple[str, str]:
    """The step and the output that an input is taken from."""
    match = _JOB.fullmatch(given["path"])
    assert match
    return match[1], match[2]


def _check_references(document: Document, steps: Mapping[str, Step], left: Mapping[str, Any]) -> None:
    for step in steps.values():
        for (other, output), (name, _) in zip(step.needs, _references(step._document), strict=True):
            where = ("jobs", step.name, "inputs", name)
            if other not in steps:
                document.problem(where, f"there is no job {other!r}; there are {', '.join(steps)}")
            elif other in left and output not in left[other]:
                there = f"it has {', '.join(left[other])}" if left[other] else "it has none"
                document.problem(where, f"{other} has no output {output!r}; {there}")


def _order(document: Document, steps: Mapping[str, Step]) -> list[str]:
    graph = {name: [other for other, _ in step.needs if other in steps] for name, step in steps.items()}
    try:
        return list(TopologicalSorter(graph).static_order())
    except CycleError as error:
        document.problem(("jobs",), f"wait for one another: {' <- '.join(error.args[1])}")
        return []
