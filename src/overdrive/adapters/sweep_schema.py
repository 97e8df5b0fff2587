"""The fixed frame of a `type: sweep` file as pydantic models, and their complaints in plain words.

Numbers may be written as text (`"1e-3"`), since YAML quotes and command lines make them so; null is
as if the key were absent.
"""

from __future__ import annotations

import datetime
import re
from typing import Annotated, Any, Literal, TypeVar

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    WithJsonSchema,
    model_validator,
)

from .document import MISSING, close, shown

CLOUD_ONLY = ("identity", "resources", "queue_settings", "services", "properties")
"""Keys that are accepted and have no meaning on this machine."""


def folded(word: Any) -> str:
    """A type's name without case, `_` and `-`: LogUniform, log_uniform and loguniform are one."""
    return re.sub(r"[_-]", "", str(word)).lower()


def lenient(value: Any) -> Any:
    """A number that is written as text, as that number; anything else as it is."""
    if isinstance(value, str):
        for kind in (int, float):
            try:
                return kind(value)
            except ValueError:
                continue
    return value


def _number(value: Any) -> Any:
    number = lenient(value)
    if isinstance(number, bool) or not isinstance(number, int | float):
        raise ValueError(f"must be a number, got {shown(value)}")
    return number


def _whole(value: Any) -> int:
    number = lenient(value)
    if isinstance(number, float) and number.is_integer():
        number = int(number)
    if isinstance(number, bool) or not isinstance(number, int):
        raise ValueError(f"must be a whole number, got {shown(value)}")
    return number


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, datetime.date):
        raise ValueError(f"must be text, got the date {value}: quotes keep it as text")
    if not isinstance(value, str):
        raise ValueError(f"must be text, got {shown(value)}")
    return value


def _said(value: Any) -> str:
    text = _text(value)
    if not text.strip():
        raise ValueError(f"must not be empty, got {shown(value)}")
    return text


def _kind(value: Any) -> Any:
    """An asset's type without the schema that Azure's own files put around it."""
    return folded(value).removesuffix("component") if isinstance(value, str) else value


def _goal(value: Any) -> Any:
    return value.lower() if isinstance(value, str) else value


Text = Annotated[str, BeforeValidator(_text), WithJsonSchema({"type": ["string", "number", "boolean"]})]
Said = Annotated[str, BeforeValidator(_said)]
Count = Annotated[int, BeforeValidator(_whole), Field(ge=1)]
Names = Annotated[
    tuple[Text, ...], BeforeValidator(lambda value: [value] if isinstance(value, str) else value)
]
Seconds = Annotated[int | float, BeforeValidator(_number), Field(gt=0)]


class Section(BaseModel):
    """A mapping of the file with keys of its own and no others."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @model_validator(mode="before")
    @classmethod
    def _without_nulls(cls, data: Any) -> Any:
        return (
            {key: value for key, value in data.items() if value is not None}
            if isinstance(data, dict)
            else data
        )


Model = TypeVar("Model", bound=Section)


class Job(Section):
    """What every kind of job may say. Sections that have rules of their own are read elsewhere."""

    schema_url: Any = Field(None, alias="$schema")
    type: Any
    name: Text | None = None
    display_name: Text | None = None
    description: Text | None = None
    experiment_name: Text | None = None
    tags: dict[str, Text] = Field(default_factory=dict)
    properties: Any = None
    inputs: Any = None
    outputs: Any = None
    compute: Text | None = None
    identity: Any = None
    queue_settings: Any = None
    resources: Any = None
    services: Any = None


class Sweep(Job):
    """The top of a sweep file.

    Azure has no `constraints`, expressions over the search space, and no `resume_*`: ids of sweeps and runs of
    the workspace, and values of parameters that are new.
    """

    sampling_algorithm: Any = None
    search_space: Any
    constraints: Names = Field(default_factory=tuple)
    objective: Any
    trial: Any
    limits: Any = None
    early_termination: Any = None
    resume_from: Names = Field(default_factory=tuple)
    resume_child_runs: Names = Field(default_factory=tuple)
    resume_defaults: dict[str, Any] = Field(default_factory=dict)


def _switch(value: Any) -> Any:
    """YAML reads a bare `off` as false."""
    return ("auto" if value else "off") if isinstance(value, bool) else value


class Trial(Section):
    """What one run starts. From `grace_seconds` on the keys are ours."""

    command: Said
    code: Said | None = None
    environment: Any = None
    environment_variables: dict[str, Text] = Field(default_factory=dict)
    distribution: Any = None
    resources: Any = None
    queue_settings: Any = None
    grace_seconds: Annotated[int | float, BeforeValidator(_number), Field(ge=0)] = 30
    memory_limit_mb: Seconds | None = None
    warm: Annotated[Any, BeforeValidator(_switch)] = "auto"
    gpus_per_run: Annotated[int | float | None, BeforeValidator(_number), Field(gt=0)] = None
    cores_per_run: Count | None = None
    pin_cores: bool = False


class Command(Trial, Job):
    """The top of a plain command job, one run without a search."""

    limits: Any = None


class CommandStep(Job):
    """A step of a pipeline that is one run of a component."""

    type: Any = "command"
    component: Any
    limits: Any = None
    environment_variables: dict[str, Text] = Field(default_factory=dict)


class Component(Trial):
    """A command with declared inputs and outputs, which may stand in a file of its own."""

    schema_url: Any = Field(None, alias="$schema")
    type: Annotated[Literal["command"], BeforeValidator(_kind)] = "command"
    name: Text | None = None
    display_name: Text | None = None
    description: Text | None = None
    version: Text | None = None
    tags: dict[str, Text] = Field(default_factory=dict)
    is_deterministic: Any = None
    inputs: dict[str, Any] = Field(default_factory=dict)
    outputs: dict[str, Any] = Field(default_factory=dict)


class Pipeline(Job):
    """The top of a pipeline: jobs by name, fed from one another."""

    jobs: dict[str, Any]
    settings: Any = None


class Objective(Section):
    """The metric that counts. `metric_pattern`, ours, finds it in what the program prints."""

    goal: Annotated[Literal["minimize", "maximize"], BeforeValidator(_goal)]
    primary_metric: Said
    metric_pattern: Said | None = None


class Limits(Section):
    """How much the sweep may spend; times in seconds. From `max_retries` on the keys are ours."""

    max_total_trials: Count | None = None
    max_concurrent_trials: Count | None = None
    timeout: Seconds | None = None
    trial_timeout: Seconds | None = None
    max_retries: Any = 0
    no_metric_minutes: Seconds | None = None
    max_cost: Seconds | None = None
    price_per_hour: Annotated[int | float | None, BeforeValidator(_number), Field(ge=0)] = None


class CommandLimits(Section):
    """How long one run may take, in seconds."""

    timeout: Seconds | None = None


Asset = Literal["uri_file", "uri_folder", "mltable", "mlflow_model", "custom_model", "triton_model"]

LITERALS = ("number", "integer", "boolean", "string")
"""Types of inputs that are no data."""

ABSENT = object()
"""The value of an optional input that nobody gives."""


class Data(Section):
    """An input that is a file or a folder."""

    type: Asset = "uri_folder"
    path: Said
    mode: Literal["ro_mount", "rw_mount", "download", "direct", "eval_mount", "eval_download"] | None = None


class Output(Section):
    """What a run leaves."""

    type: Asset = "uri_folder"
    mode: Literal["rw_mount", "upload", "direct"] | None = None
    path: Text | None = None
    name: Text | None = None
    version: Text | None = None


class Environment(Section):
    """The Python of the runs. `pip` (a requirements file, or packages) and `python` (a path) are ours."""

    name: Text | None = None
    version: Text | None = None
    description: Text | None = None
    tags: Any = None
    schema_url: Any = Field(None, alias="$schema")
    image: Text | None = None
    build: Any = None
    os_type: Any = None
    inference_config: Any = None
    conda_file: str | dict[str, Any] | None = None
    pip: str | tuple[Text, ...] | None = None
    python: Text | None = None


class Distribution(Section):
    """Several processes that train together."""

    type: Annotated[Literal["pytorch", "mpi", "tensorflow"], BeforeValidator(_goal)]
    process_count_per_instance: Count | None = None
    worker_count: Count | None = None
    parameter_server_count: Annotated[int, BeforeValidator(_whole), Field(ge=0)] | None = None


def read(model: type[Model], data: dict[str, Any]) -> tuple[Model | None, list[tuple[tuple[str, ...], str]]]:
    """`data` as this section, or None and what is wrong with it: (keys, sentence) each."""
    try:
        return model.model_validate(data), []
    except ValidationError as error:
        known = [field.alias or name for name, field in model.model_fields.items()]
        faults = error.errors(include_url=False)
        meant = {close(f["loc"][-1], known) for f in faults if f["type"] == "extra_forbidden"}
        return None, [
            (tuple(map(str, fault["loc"])), _sentence(dict(fault), known))
            for fault in faults
            if not (fault["type"] == "missing" and fault["loc"][-1] in meant)
        ]


def _sentence(fault: dict[str, Any], known: list[str]) -> str:
    kind, given, context = fault["type"], fault["input"], fault.get("ctx", {})
    if kind == "missing":
        return MISSING
    if kind == "extra_forbidden":
        word = close(fault["loc"][-1], known)
        rest = f"did you mean {word!r}?" if word else f"there are {', '.join(known)}"
        return f"there is no such key; {rest}"
    if kind == "value_error":
        return str(context["error"])
    if kind == "literal_error":
        return f"must be {context['expected']}, got {shown(given)}"
    if kind == "greater_than_equal":
        return f"must be {context['ge']} or more, got {shown(given)}"
    if kind == "greater_than":
        return f"must be above {context['gt']}, got {shown(given)}"
    if kind in ("dict_type", "model_type"):
        return f"must be a mapping (`key: value` lines), got {shown(given)}"
    return f"{fault['msg']}, got {shown(given)}"
