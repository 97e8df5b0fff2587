"""`@pipeline` and `load_component`: a function that calls commands and components becomes the document of a
pipeline's file."""

from __future__ import annotations

import functools
import inspect
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import FrameType
from typing import Any

from ..adapters.document import read
from ..errors import ConfigError
from .jobs import NODES, Command, Fields, Job, Output, Sweep, noted
from .search import Written


class ParentInput(Written):
    """An input of the pipeline, as its function sees it."""

    arguments = ("name",)

    def to_yaml(self) -> Any:
        return f"${{{{parent.inputs.{vars(self)['name']}}}}}"


class ComponentStep(Command):
    """A component with values for its inputs."""

    def __init__(self, component: Component, inputs: Mapping[str, Any]) -> None:
        outputs = {name: Output(**_typed(form)) for name, form in component.outputs.items()}
        super().__init__(command="", inputs=inputs, outputs=outputs)
        self.component = component

    def trial_sections(self) -> Any:
        return str(self.component.path)

    def _sections(self) -> dict[str, Any]:
        sections = {"component": str(self.component.path), "compute": self.compute, "limits": self.limits}
        variables = {"environment_variables": self.environment_variables or None}
        return {**sections, **variables, "inputs": self.inputs or None, "outputs": self.outputs or None}


class Component:
    """A component's file; called with its inputs it is a step."""

    def __init__(self, path: Path, data: Mapping[str, Any]) -> None:
        self.path = path
        self.name: str = data.get("name") or path.stem
        self.inputs: Mapping[str, Any] = data.get("inputs") or {}
        self.outputs: Mapping[str, Any] = data.get("outputs") or {}

    def __call__(self, *values: Any, **inputs: Any) -> ComponentStep:
        if len(values) > len(self.inputs):
            raise ConfigError(f"{self.name}: takes {len(self.inputs)} inputs, got {len(values)}")
        given = {**dict(zip(self.inputs, values, strict=False)), **inputs}
        step = ComponentStep(self, {name: value for name, value in given.items() if value is not None})
        noted(step)
        return step


def load_component(source: str | Path, **_: Any) -> Component:
    """The component in this file; NotFound or ConfigError when there is none."""
    path = Path(source).absolute()
    return Component(path, read(path).data)


class PipelineJob(Job):
    """A pipeline with values for its inputs; `jobs` are its steps by name."""

    type = "pipeline"

    def __init__(self, name: str, inputs: Mapping[str, Any], jobs: Mapping[str, Any], **kept: Any) -> None:
        super().__init__(display_name=name, **kept)
        self.inputs, self.jobs = Fields(inputs), Fields(jobs)
        self.outputs: Fields = Fields()
        self.settings: Fields = Fields()
        self.compute: str | None = None

    def _sections(self) -> dict[str, Any]:
        owners = {
            id(output): (name, key) for name, job in self.jobs.items() for key, output in job.outputs.items()
        }
        results = {id(output): name for name, output in self.outputs.items()}
        return {
            "inputs": self.inputs or None,
            "jobs": {name: _step(job, owners, results) for name, job in self.jobs.items()},
            "compute": self.compute or self.settings.get("default_compute"),
        }


def pipeline(function: Callable[..., Any] | None = None, **options: Any) -> Any:
    """A decorator, with or without brackets: the function's arguments become the pipeline's inputs, the jobs that it
    makes its steps, and the outputs that it returns, as a dict, its own."""
    if function is None:
        return functools.partial(pipeline, **options)
    if not callable(function):
        raise ConfigError(f"pipeline: decorates a function, got {type(function).__name__}")
    kept = {key: options[key] for key in ("description", "experiment_name", "tags") if options.get(key)}
    kept.setdefault("description", inspect.getdoc(function))
    signature = inspect.signature(function)

    @functools.wraps(function)
    def call(*values: Any, **named: Any) -> PipelineJob:
        bound = signature.bind(*values, **named)
        bound.apply_defaults()
        inputs = {name: value for name, value in bound.arguments.items() if value is not None}
        given = {name: ParentInput(name) if name in inputs else None for name in bound.arguments}
        nodes: list[Job] = []
        NODES.append(nodes)
        try:
            returned, variables = _called(function, given)
        finally:
            NODES.pop()
        called = options.get("display_name") or options.get("name") or function.__name__
        made = PipelineJob(called, inputs, dict(_names(nodes, variables)), **kept)
        made.outputs = Fields(returned or {})
        made.compute = options.get("compute") or options.get("default_compute")
        return made

    return call


def _called(function: Callable[..., Any], given: Mapping[str, Any]) -> tuple[Any, dict[str, Any]]:
    """What the function returns, and its variables at that moment: Azure calls steps by them, too."""
    variables: dict[str, Any] = {}
    code, before = getattr(inspect.unwrap(function), "__code__", None), sys.getprofile()

    def look(frame: FrameType, event: str, _: Any) -> None:
        if event == "return" and frame.f_code is code:
            variables.update(frame.f_locals)

    sys.setprofile(look)
    try:
        return function(**given), variables
    finally:
        sys.setprofile(before)


def _names(nodes: list[Any], variables: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    taken: set[str] = set()
    for node in nodes:
        variable = next((name for name, value in variables.items() if value is node), None)
        trial = node.trial if isinstance(node, Sweep) else node
        component = getattr(trial, "component", None)
        name = variable or (component.name if component else node.display_name or node.name or node.type)
        name, number = str(name), 1
        while (unique := name if number == 1 else f"{name}_{number}") in taken:
            number += 1
        taken.add(unique)
        yield unique, node


def _step(job: Any, owners: Mapping[int, tuple[str, str]], results: Mapping[int, str]) -> dict[str, Any]:
    """A step as the pipeline's file holds it, with references in place of other steps' outputs."""
    data = {name: value for name, value in job.document().data.items() if name not in ("name", "identity")}
    found = {name: owners.get(id(value)) for name, value in job.inputs.items()}
    for name, owner in found.items():
        if owner is not None:
            data["inputs"][name] = f"${{{{parent.jobs.{owner[0]}.outputs.{owner[1]}}}}}"
    for name, output in job.outputs.items():
        if id(output) in results:
            data["outputs"][name] = f"${{{{parent.outputs.{results[id(output)]}}}}}"
    return {name: value for name, value in data.items() if value is not None}


def _typed(form: Any) -> dict[str, Any]:
    return {"type": form["type"]} if isinstance(form, dict) and "type" in form else {}
