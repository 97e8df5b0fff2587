"""The JSON schema of job files, for editors: made of the same models, laws, samplings and policies that read them."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

import overdrive

from ..model.expressions import LAWS
from . import sweep_schema as schema
from .sweep_methods import POLICIES, SAMPLINGS

KINDS: dict[str, type[schema.Section]] = {
    "sweep": schema.Sweep,
    "command": schema.Command,
    "component": schema.Component,
}

_TYPES = {"int": "integer", "float": "number", "bool": "boolean", "str": "string"}
_LITERAL = {"type": ["string", "number", "boolean"]}
_KEYWORDS = {"ge": "minimum", "gt": "exclusiveMinimum"}
"""What pydantic leaves as it is when a value is converted before it is checked."""


def json_schema(kind: str = "sweep") -> dict[str, Any]:
    """The schema of a `type: KIND` file (KINDS), draft 2020-12."""
    found = KINDS[kind].model_json_schema(by_alias=True)
    parts = (
        schema.Component,
        schema.Objective,
        schema.Limits,
        schema.CommandLimits,
        schema.Data,
        schema.Output,
        schema.Environment,
        schema.Distribution,
    )
    definitions = {part.__name__: part.model_json_schema(by_alias=True) for part in parts}
    for definition in definitions.values():
        _refine(definition["properties"])
    definitions |= {"Law": _law(), "Sampling": _sampling(), "Policy": _policy()}
    _refine(found["properties"])
    if kind == "command":
        found["properties"]["limits"] = _maybe(_ref("CommandLimits"))
    found["properties"]["type"] = {"const": kind if kind != "component" else "command"}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **_standard(found),
        "title": f"Overdrive: type: {kind}",
        "$defs": _standard(definitions),
    }


def _refine(properties: dict[str, Any]) -> None:
    """Say what stands in the sections that the models leave open."""
    anything = {
        "sampling_algorithm": _maybe({"enum": list(SAMPLINGS)}, _ref("Sampling")),
        "search_space": {"type": "object", "minProperties": 1, "additionalProperties": _ref("Law")},
        "objective": _ref("Objective"),
        "limits": _maybe(_ref("Limits")),
        "early_termination": _maybe(_ref("Policy")),
        "trial": {"anyOf": [{"type": "string"}, _ref("Component")]},
        "environment": _maybe({"type": "string"}, _ref("Environment")),
        "distribution": _maybe(_ref("Distribution")),
        "outputs": _maybe({"type": "object", "additionalProperties": _maybe(_ref("Output"))}),
        "max_retries": {"anyOf": [{"type": "integer", "minimum": 0}, {"type": "object"}]},
    }
    for name in properties:
        properties[name] = anything.get(name, properties[name])
    if "inputs" in properties and "default" in properties["inputs"]:  # a component declares its own otherwise
        properties["inputs"] = _maybe(
            {"type": "object", "additionalProperties": {"anyOf": [_LITERAL, _ref("Data")]}}
        )


def _law() -> dict[str, Any]:
    option = {
        "anyOf": [
            {"type": ["string", "number", "boolean", "null", "array"]},
            {"type": "object", "additionalProperties": {"anyOf": [_LITERAL, _ref("Law")]}},
        ]
    }
    forms = []
    for name, law in LAWS.items():
        arguments: dict[str, Any] = {key: {"type": "number"} for key in inspect.signature(law).parameters}
        if name == "choice":
            arguments = {"values": {"type": "array", "minItems": 1, "items": option}}
        forms.append(_form(name, arguments, list(arguments), near={}))
    return {"oneOf": forms}


def _sampling() -> dict[str, Any]:
    seed = {"seed": {"type": ["integer", "null"]}}
    rule = {"rule": {"enum": ["random", "sobol"]}, "logbase": {"const": "e"}}
    return {"oneOf": [_form(name, {**seed, **(rule if name == "random" else {})}, []) for name in SAMPLINGS]}


def _policy() -> dict[str, Any]:
    forms = []
    for name, public in POLICIES.items():
        parameters = inspect.signature(getattr(overdrive, public)).parameters.values()
        arguments = {p.name: {"type": _type(str(p.annotation))} for p in parameters}
        forms.append(_form(name, arguments, [p.name for p in parameters if p.default is p.empty]))
    return {"oneOf": forms}


def _type(annotation: str) -> list[str]:
    words = annotation.strip("'").split(" | ")
    return [_TYPES.get(word, "null") for word in words]


def _form(name: str, arguments: Mapping[str, Any], needed: list[str], **more: Any) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {"type": {"const": name}, **arguments, **more},
        "required": ["type", *needed],
        "additionalProperties": False,
    }


def _ref(name: str) -> dict[str, str]:
    return {"$ref": f"#/$defs/{name}"}


def _maybe(*forms: Mapping[str, Any]) -> dict[str, Any]:
    return {"anyOf": [*forms, {"type": "null"}]}


def _standard(value: Any) -> Any:
    """Without pydantic's titles, and with the keywords that editors know."""
    if isinstance(value, dict):
        return {
            _KEYWORDS.get(key, key): _standard(inner)
            for key, inner in value.items()
            if not (key == "title" and isinstance(inner, str))
        }
    return [_standard(inner) for inner in value] if isinstance(value, list) else value
