"""The steps of a v1 pipeline: a script, a command, a sweep."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

from ...errors import ConfigError, NotFound, Problem
from ...runtime import wire
from ...sdk.hyperdrive_run import HyperDriveRun
from ...sdk.run import Run
from ...sweep.config import HyperDriveConfig
from ...sweep.script import ScriptRunConfig
from ..script import settled
from .data import OUTPUTS, Input, Output, TrainingOutput, filled, words

Meaning = Callable[[str, str], str]


class PipelineStep:
    """One step: what is submitted, what it takes in, what it leaves."""

    TYPE: ClassVar[str]

    def __init__(
        self, name: str, script: ScriptRunConfig, inputs: Sequence[Any] | None, outputs: Sequence[Any] | None
    ) -> None:
        if not isinstance(name, str) or not name:
            raise ConfigError(Problem("name", f"must be the name of the step, got {name!r}"))
        self.name = name
        self.script = script
        self.inputs = list(inputs or ())
        self.outputs: list[Output] = []
        self.before: list[PipelineStep] = []
        for output in outputs or ():
            self._leaves(output)
        for kind, word in words(script):
            if kind == "OUTPUT":
                self._leaves(OUTPUTS[word])

    def _leaves(self, output: Any) -> None:
        if not isinstance(output, Output):
            what = f"must be PipelineData or OutputFileDatasetConfig, got {type(output).__name__}"
            raise ConfigError(Problem(f"{self.name}.outputs", what))
        if output not in self.outputs:
            output.producer = self
            self.outputs.append(output)

    def run_after(self, step: PipelineStep) -> None:
        """Start only when that step has ended."""
        self.before.append(step)

    def upstream(self) -> Iterator[PipelineStep]:
        """The steps that this one is known to wait for."""
        yield from self.before
        for output in self._taken():
            if output.producer is not None and output.producer is not self:
                yield output.producer

    def takes(self) -> set[str]:
        """The names of other steps' outputs that it needs."""
        return {output.name for output in self._taken()}

    def parameters(self) -> set[str]:
        """The names of the pipeline's parameters that it reads."""
        return {name for kind, name in words(self.script) if kind == "PARAMETER"}

    def place(self, output: Output, folder: Path) -> Path:
        """Where the step is to leave it; `folder` is the step's own."""
        if output.destination is None:
            return folder / output.name
        destination = output.destination
        place = destination[0].path(destination[1]) if isinstance(destination, tuple) else destination
        text = str(place).replace("{run-id}", folder.parent.name).replace("{output-name}", output.name)
        return Path(text)

    def job(self, meaning: Meaning) -> ScriptRunConfig | HyperDriveConfig:
        """What is submitted when its turn comes."""
        return filled(self.script, meaning)

    def left(self, run: Run, folder: Path) -> dict[str, Path]:
        """Where its outputs are, now that it has ended, by name."""
        return {output.name: self.place(output, folder) for output in self.outputs}

    def _taken(self) -> Iterator[Output]:
        for given in self.inputs:
            output = given.output if isinstance(given, Input) else given
            if isinstance(output, Output):
                yield output
        for kind, name in words(self.script):
            if kind == "DATAREFERENCE" and name in OUTPUTS and OUTPUTS[name] not in self.outputs:
                yield OUTPUTS[name]

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name!r})"


class ScriptStep(PipelineStep):
    """One run of a script or a command."""

    TYPE = "PythonScriptStep"

    def __init__(
        self,
        name: str,
        config: Mapping[str, Any],
        arguments: Sequence[Any] | None,
        inputs: Sequence[Any] | None,
        outputs: Sequence[Any] | None,
        params: Mapping[str, Any] | None = None,
        source_directory: str | None = None,
    ) -> None:
        variables = {f"AML_PARAMETER_{key}": str(value) for key, value in (params or {}).items()}
        for given in inputs or ():
            variables |= getattr(given, "environment_variables", None) or {}
        self.has_folder = source_directory is not None
        script = ScriptRunConfig(
            source_directory or ".",
            arguments=arguments,
            environment_variables=variables,
            **config,
        )
        super().__init__(name, script, inputs, outputs)


class PythonScriptStep(ScriptStep):
    """A step that runs a Python script."""

    def __init__(
        self,
        script_name: str,
        name: str | None = None,
        arguments: Sequence[Any] | None = None,
        compute_target: Any = None,
        runconfig: Any = None,
        runconfig_pipeline_params: Any = None,
        inputs: Sequence[Any] | None = None,
        outputs: Sequence[Any] | None = None,
        params: Mapping[str, Any] | None = None,
        source_directory: str | None = None,
        allow_reuse: bool = True,
        version: str | None = None,
        hash_paths: Any = None,
    ) -> None:
        config = {"script": script_name, "compute_target": compute_target, "run_config": runconfig}
        super().__init__(name or script_name, config, arguments, inputs, outputs, params, source_directory)


class CommandStep(ScriptStep):
    """A step that runs a command."""

    TYPE = "CommandStep"

    def __init__(
        self,
        command: Any = None,
        name: str | None = None,
        compute_target: Any = None,
        runconfig: Any = None,
        runconfig_pipeline_params: Any = None,
        inputs: Sequence[Any] | None = None,
        outputs: Sequence[Any] | None = None,
        params: Mapping[str, Any] | None = None,
        source_directory: str | None = None,
        allow_reuse: bool = True,
        version: str | None = None,
    ) -> None:
        if isinstance(runconfig, ScriptRunConfig):
            runconfig = settled(runconfig)
            stored = runconfig.to_json()
            command = command or runconfig.command
            source_directory = source_directory or runconfig.source_directory
            keys = (
                "compute_target",
                "environment",
                "interpreter",
                "requirements",
                "max_run_duration_seconds",
            )
            config = {key: stored[key] for key in keys} | {"command": command}
        else:
            config = {"command": command, "compute_target": compute_target, "run_config": runconfig}
        super().__init__(name or "command", config, None, inputs, outputs, params, source_directory)


class EstimatorStep(ScriptStep):
    """A step that runs the script of an estimator."""

    TYPE = "EstimatorStep"

    def __init__(
        self,
        name: str | None = None,
        estimator: Any = None,
        estimator_entry_script_arguments: Sequence[Any] | None = None,
        runconfig_pipeline_params: Any = None,
        inputs: Sequence[Any] | None = None,
        outputs: Sequence[Any] | None = None,
        compute_target: Any = None,
        allow_reuse: bool = True,
        version: str | None = None,
    ) -> None:
        if not isinstance(estimator, ScriptRunConfig):
            raise ConfigError(Problem("estimator", f"must be an Estimator, got {type(estimator).__name__}"))
        keys = ("script", "environment", "interpreter", "requirements", "max_run_duration_seconds")
        config = {key: value for key, value in estimator.to_json().items() if key in keys}
        config["compute_target"] = compute_target or estimator.compute_target
        arguments = [*(estimator.arguments or ()), *(estimator_entry_script_arguments or ())]
        super().__init__(
            name or str(estimator.script),
            config,
            arguments,
            inputs,
            outputs,
            None,
            estimator.source_directory,
        )


class HyperDriveStep(PipelineStep):
    """A step that is a sweep. Its outputs are those of the best run; `TrainingOutput` says which."""

    TYPE = "HyperDriveStep"

    def __init__(
        self,
        name: str,
        hyperdrive_config: HyperDriveConfig,
        estimator_entry_script_arguments: Sequence[Any] | None = None,
        inputs: Sequence[Any] | None = None,
        outputs: Sequence[Any] | None = None,
        metrics_output: Any = None,
        allow_reuse: bool = True,
        version: str | None = None,
    ) -> None:
        if not isinstance(hyperdrive_config, HyperDriveConfig):
            given = type(hyperdrive_config).__name__
            raise ConfigError(Problem("hyperdrive_config", f"must be a HyperDriveConfig, got {given}"))
        script = settled(hyperdrive_config.run_config)
        if estimator_entry_script_arguments:
            if script.arguments:
                what = "stand in the ScriptRunConfig already; give one of the two"
                raise ConfigError(Problem("estimator_entry_script_arguments", what))
            stored = script.to_json() | {
                "arguments": [str(word) for word in estimator_entry_script_arguments]
            }
            script = ScriptRunConfig.from_json(stored)
        variables = dict(script.environment_variables or {})
        for given in (*(inputs or ()), *(estimator_entry_script_arguments or ())):
            variables |= getattr(given, "environment_variables", None) or {}
        script = ScriptRunConfig.from_json(script.to_json() | {"environment_variables": variables})
        if metrics_output is not None:
            metrics_output.training_output = TrainingOutput("Metrics")
            outputs = [*(outputs or ()), metrics_output]
        super().__init__(name, script, inputs, outputs)
        self.config = hyperdrive_config

    def place(self, output: Output, folder: Path) -> Path:
        """Metrics: a file of the pipeline; all else lies in each run's own folder."""
        if output.training_output is not None and output.training_output.type == "Metrics":
            return folder / output.name
        return Path("outputs", output.name)

    def job(self, meaning: Meaning) -> HyperDriveConfig:
        """The sweep."""
        return replace(self.config, run_config=filled(self.script, meaning))

    def left(self, run: Run, folder: Path) -> dict[str, Path]:
        """Where its outputs are; NotFound when no run is the best one."""
        assert isinstance(run, HyperDriveRun)
        found: dict[str, Path] = {}
        for output in self.outputs:
            training = output.training_output
            if training is not None and training.type == "Metrics":
                found[output.name] = self.place(output, folder)
                found[output.name].write_text(json.dumps(metrics_of(run)), "utf-8")
                continue
            best = run.get_best_run_by_primary_metric()
            if best is None:
                what = f"no run of {run.id} has a value of {run.metric!r}"
                raise NotFound(f"{self.name}: {what}, so there is no best one to take {output.name!r} from")
            part = Path("outputs", output.name)
            if training is not None:
                part = Path(training.model_file or "outputs")
            found[output.name] = Path(wire.RunFolder(best.folder).path) / part
        return found


def metrics_of(run: HyperDriveRun) -> dict[str, dict[str, list[Any]]]:
    """Every metric of every run, always as lists: what HyperDriveStep writes as its metrics."""
    return {
        child: {name: value if isinstance(value, list) else [value] for name, value in values.items()}
        for child, values in run.get_metrics().items()
    }
