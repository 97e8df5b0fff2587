"""What flows between the steps of a v1 pipeline: the outputs of steps, and parameters.

Where one stands among a step's arguments its text is a word such as `$AZUREML_DATAREFERENCE_model`; `filled` puts the
path in its place when the step's turn comes.
"""

from __future__ import annotations

import json
import re
import secrets
import shlex
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ...errors import ConfigError, Problem
from ...sdk.data import INPUT
from ...sweep.script import ScriptRunConfig

if TYPE_CHECKING:
    from .steps import PipelineStep

WORD = re.compile(r"\$AZUREML_(DATAREFERENCE|OUTPUT|PARAMETER)_(\w+)")
"""The three kinds: what another step has left (or, in the arguments of its own step, will leave), what this very step
will leave, a parameter."""


class Output:
    """Something that a step leaves. `folder`: whether it is a folder that is there before the step starts."""

    folder = False

    def __init__(self, name: str) -> None:
        if not isinstance(name, str) or not re.fullmatch(r"[A-Za-z]\w*", name, re.ASCII):
            raise ConfigError(Problem("name", f"must be letters, digits and _, got {name!r}"))
        self.name = name
        self.producer: PipelineStep | None = None
        self.destination: Any = None
        self.training_output: TrainingOutput | None = None
        self.pipeline_output_name: str | None = None
        self.registered: dict[str, Any] | None = None
        OUTPUTS[name] = self

    def as_input(self, name: str | None = None, *_: Any, **__: Any) -> Input:
        """For a later step: a path among its arguments, or `Run.get_context().input_datasets[name]`."""
        return Input(self, name)

    as_named_input = as_input

    def as_mount(self, *_: Any, **__: Any) -> Any:
        """The same: all is on this machine."""
        return self

    as_download = as_upload = as_dataset = parse_parquet_files = parse_delimited_files = as_mount

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name!r})"


class PipelineData(Output):
    """A file or folder that a step leaves and later steps take; the step's script makes it."""

    def __init__(
        self,
        name: str,
        datastore: Any = None,
        output_name: str | None = None,
        output_mode: str = "mount",
        output_path_on_compute: str | None = None,
        output_overwrite: bool | None = None,
        data_type: str | None = None,
        is_directory: bool | None = None,
        pipeline_output_name: str | None = None,
        training_output: TrainingOutput | None = None,
    ) -> None:
        super().__init__(name)
        self.folder = bool(is_directory)
        self.pipeline_output_name = pipeline_output_name
        self.training_output = training_output

    def __str__(self) -> str:
        return f"$AZUREML_DATAREFERENCE_{self.name}"


class OutputFileDatasetConfig(Output):
    """A folder that a step leaves; it is there when the step starts. `destination`: a place in a datastore,
    `(datastore, "path")`, instead of one in the pipeline's own folder."""

    folder = True

    def __init__(self, name: str | None = None, destination: Any = None, *_: Any, **__: Any) -> None:
        super().__init__(re.sub(r"\W", "_", name) if name else f"output_{secrets.token_hex(4)}")
        self.destination = destination

    def register_on_complete(
        self, name: str, description: str | None = None, tags: dict[str, str] | None = None, **_: Any
    ) -> OutputFileDatasetConfig:
        """Keep it as a dataset of this name when the step has ended."""
        self.registered = {"name": name, "description": description, "tags": tags}
        return self

    def read_delimited_files(self, *_: Any, **__: Any) -> OutputFileDatasetConfig:
        """The same folder: later steps read its files."""
        return self

    read_parquet_files = read_delimited_files

    def __str__(self) -> str:
        return f"$AZUREML_OUTPUT_{self.name}"


class Input:
    """An output as another step takes it in."""

    def __init__(self, output: Output, name: str | None = None) -> None:
        self.output = output
        self.name = name

    def as_mount(self, *_: Any, **__: Any) -> Input:
        """The same: all is on this machine."""
        return self

    as_download = as_direct = as_mount

    @property
    def environment_variables(self) -> dict[str, str]:
        """By which the script finds a named input."""
        if self.name is None:
            return {}
        told = {"path": str(self), "paths": [str(self)], "kind": "file", "name": None, "version": None}
        return {INPUT + self.name: json.dumps(told)}

    def __str__(self) -> str:
        return f"$AZUREML_DATAREFERENCE_{self.output.name}"


class TrainingOutput:
    """What of a HyperDriveStep an output is: all "Metrics" as a JSON file, or the "Model": `model_file` of the best
    run, by default its whole `outputs`."""

    def __init__(
        self,
        type: str,
        iteration: int | None = None,
        metric: str | None = None,
        model_file: str | None = None,
    ) -> None:
        if type not in ("Metrics", "Model"):
            raise ConfigError(Problem("type", f"must be Metrics or Model, got {type!r}"))
        self.type = type
        self.model_file = model_file


class PipelineParameter:
    """A value that `submit(pipeline, pipeline_parameters={name: value})` may change."""

    def __init__(self, name: str, default_value: Any) -> None:
        if not isinstance(name, str) or not re.fullmatch(r"[A-Za-z_]\w*", name, re.ASCII):
            raise ConfigError(Problem("name", f"must be letters, digits and _, got {name!r}"))
        self.name = name
        self.default_value = default_value
        PARAMETERS[name] = self

    def __str__(self) -> str:
        return f"$AZUREML_PARAMETER_{self.name}"


OUTPUTS: dict[str, Output] = {}
PARAMETERS: dict[str, PipelineParameter] = {}
"""The last of each name: a script configuration keeps the words of its arguments, not the objects."""


def words(script: ScriptRunConfig) -> list[tuple[str, str]]:
    """Every (kind, name) that a script configuration mentions."""
    command = script.command or ()
    texts = [*(script.arguments or ()), *([command] if isinstance(command, str) else command)]
    texts += (script.environment_variables or {}).values()
    return [(kind, name) for text in texts for kind, name in WORD.findall(text)]


def filled(script: ScriptRunConfig, meaning: Callable[[str, str], str]) -> ScriptRunConfig:
    """The script configuration with `meaning(kind, name)` in place of every such word."""

    def plain(text: str) -> str:
        return WORD.sub(lambda word: meaning(word[1], word[2]), text)

    def for_a_shell(text: str) -> str:
        return WORD.sub(lambda word: shlex.quote(meaning(word[1], word[2])), text)

    def in_json(text: str) -> str:
        return WORD.sub(lambda word: json.dumps(meaning(word[1], word[2]))[1:-1], text)

    stored, command = script.to_json(), script.command
    stored["arguments"] = [plain(argument) for argument in script.arguments or ()]
    stored["command"] = (
        for_a_shell(command) if isinstance(command, str) else command and [*map(plain, command)]
    )
    stored["environment_variables"] = {
        name: in_json(value) if name.startswith(INPUT) else plain(value)
        for name, value in (script.environment_variables or {}).items()
    }
    return ScriptRunConfig.from_json(stored)
