"""Pipeline and StepSequence: which steps there are, in which order they run, and what is wrong with them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...errors import ConfigError, Problem, Unsupported
from ...sweep.script import ScriptRunConfig
from .data import PARAMETERS
from .steps import PipelineStep, ScriptStep

if TYPE_CHECKING:
    from ...sdk.workspace import Workspace
    from .runs import PipelineRun


class StepSequence:
    """Steps that run one after another, whatever they take from each other."""

    def __init__(self, steps: Iterable[Any] | None = None) -> None:
        self.steps = list(steps or ())

    def __iter__(self) -> Iterator[Any]:
        return iter(self.steps)


class Pipeline:
    """Steps, in an order in which each finds what it takes in. ConfigError with all that is wrong.

    Steps that the given ones take something from belong to it too.
    """

    def __init__(
        self,
        workspace: Workspace,
        steps: Any,
        description: str | None = None,
        default_datastore: Any = None,
        default_source_directory: str | None = None,
        resolve_closure: bool = True,
        **_: Any,
    ) -> None:
        self.workspace = workspace
        self.description = description
        given = steps if isinstance(steps, list | tuple | StepSequence) else [steps]
        chosen: list[PipelineStep] = []
        waits: dict[PipelineStep, set[PipelineStep]] = {}
        _collect(given, chosen, waits)
        if resolve_closure:
            for step in chosen:  # grows meanwhile
                chosen += [other for other in step.upstream() if other not in chosen]
        if default_source_directory is not None:
            for step in chosen:
                if isinstance(step, ScriptStep) and not step.has_folder:
                    stored = step.script.to_json() | {"source_directory": default_source_directory}
                    step.script = ScriptRunConfig.from_json(stored)
        makers = {output.name: step for step in chosen for output in step.outputs}
        problems = [*_twice(chosen), *_missing(chosen, makers), *_no_scripts(chosen)]
        for step in chosen:
            waits.setdefault(step, set()).update(step.before)
            waits[step] |= {makers[name] for name in step.takes() if name in makers}
        self.waits: Mapping[PipelineStep, set[PipelineStep]] = waits
        self.steps: list[PipelineStep] = []
        try:
            order = list(TopologicalSorter({step: waits[step] for step in chosen}).static_order())
            self.steps = [step for step in order if step in chosen]
        except CycleError as error:
            names = " <- ".join(step.name for step in error.args[1])
            problems.append(Problem("steps", f"wait for one another: {names}"))
        if problems:
            raise ConfigError(problems)

    def validate(self) -> list[str]:
        """All has been checked when the pipeline was made: nothing is wrong with it."""
        return []

    def parameters(self, given: Mapping[str, Any] | None) -> dict[str, Any]:
        """The value of every parameter; ConfigError for one that no step reads."""
        names = {name for step in self.steps for name in step.parameters()}
        unknown = sorted(set(given or {}) - names)
        if unknown:
            there = f"it has {', '.join(sorted(names))}" if names else "it has none"
            raise ConfigError(Problem("pipeline_parameters", f"no step reads {', '.join(unknown)}; {there}"))
        return {name: PARAMETERS[name].default_value for name in names} | dict(given or {})

    def submit(
        self,
        experiment_name: str,
        pipeline_parameters: Mapping[str, Any] | None = None,
        continue_on_step_failure: bool = False,
        tags: dict[str, str] | None = None,
        **_: Any,
    ) -> PipelineRun:
        """Start it under this experiment's name, and return at once."""
        from ..beyond import Experiment

        run: PipelineRun = Experiment(self.workspace, experiment_name).submit(
            self,
            tags,
            pipeline_parameters=pipeline_parameters,
            continue_on_step_failure=continue_on_step_failure,
        )
        return run

    def publish(self, *_: Any, **__: Any) -> Any:
        """Not here."""
        raise Unsupported("publish: there is no service that keeps pipelines; run this driver again")


def _collect(
    steps: Any, chosen: list[PipelineStep], waits: dict[PipelineStep, set[PipelineStep]]
) -> set[PipelineStep]:
    """Note the steps in a nest of lists and sequences, and who waits for whom by its sequences alone."""
    here: set[PipelineStep] = set()
    before: set[PipelineStep] = set()
    for one in steps:
        if isinstance(one, PipelineStep):
            inner = {one}
            if one not in chosen:
                chosen.append(one)
        elif isinstance(one, list | tuple | StepSequence):
            inner = _collect(one, chosen, waits)
        else:
            what = f"must be steps, or lists of steps, got {type(one).__name__}"
            raise ConfigError(Problem("steps", what))
        if isinstance(steps, StepSequence):
            for step in inner:
                waits.setdefault(step, set()).update(before)
            before = inner or before
        here |= inner
    return here


def _twice(steps: list[PipelineStep]) -> Iterator[Problem]:
    makers: dict[str, PipelineStep] = {}
    for step in steps:
        for output in step.outputs:
            other = makers.setdefault(output.name, step)
            if other is not step:
                what = f"{output.name!r} is an output of {other.name!r} too; give it another name"
                yield Problem(f"{step.name}.outputs", what)


def _missing(steps: list[PipelineStep], makers: Mapping[str, PipelineStep]) -> Iterator[Problem]:
    for step in steps:
        for name in sorted(step.takes() - set(makers)):
            yield Problem(f"{step.name}.inputs", f"no step has {name!r} among its outputs")


def _no_scripts(steps: list[PipelineStep]) -> Iterator[Problem]:
    for step in steps:
        script, folder = step.script.script, step.script.source_directory
        if script is not None and not Path(folder, script).is_file():
            yield Problem(f"{step.name}.script_name", f"there is no {script!r} in {folder!r}")
