"""Azure's `type: sweep` YAML (CLI v2), read as a HyperDriveConfig for this machine.

`load` reads a file; `from_document` does all the rest on plain data. Every mistake of a file comes in
one ConfigError, by its path and line. What only a cloud can do is refused, or accepted and said to be
ignored: `SweepFile.advice`.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import overdrive

from ..errors import ConfigError
from ..model.metrics import PrimaryMetricGoal
from ..sweep.config import HyperDriveConfig
from ..sweep.script import ScriptRunConfig
from . import sweep_schema as schema
from .document import MISSING, Document, Where, meant, put, read, shown
from .placeholders import fill
from .sweep_space import SpaceReader, names_in

SAMPLINGS = {
    "random": "RandomParameterSampling",
    "grid": "GridParameterSampling",
    "sobol": "SobolParameterSampling",
    "bayesian": "BayesianParameterSampling",
}
"""Public class names, by the word after `sampling_algorithm:`."""

POLICIES = {
    "bandit": "BanditPolicy",
    "median_stopping": "MedianStoppingPolicy",
    "truncation_selection": "TruncationSelectionPolicy",
    "successive_halving": "SuccessiveHalvingPolicy",
    "hyperband": "HyperbandPolicy",
    "wilcoxon": "WilcoxonPolicy",
    "forecast": "ForecastPolicy",
}
"""Public class names, by the word after `early_termination: type:`; from `successive_halving` on ours alone."""

TOTAL_TRIALS = 1000
TIMEOUT_SECONDS = 5184000  # 60 days
"""Azure's defaults for limits that a file leaves out."""

_ELSEWHERE = re.compile(r"(azureml|https?|wasbs?|abfss?|adl|s3|gs|git\+\w+|git|runs):")
_EXPERIMENT = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_-]{0,254}")

_HINTS = {
    ("type",): "write type: sweep",
    ("trial",): "write trial: {code: ./src, command: python train.py --lr ${{search_space.lr}}}",
    ("objective",): "write objective: {goal: maximize, primary_metric: <the name that the script logs>}",
    ("objective", "primary_metric"): "write the name that the script logs",
    ("objective", "goal"): "write minimize or maximize",
    ("search_space",): "write search_space: {lr: {type: uniform, min_value: 0.001, max_value: 0.1}}",
    ("trial", "command"): "write what starts the script, such as python train.py --lr ${{search_space.lr}}",
}

_PLACES = {
    "max_total_runs": ("limits", "max_total_trials"),
    "max_concurrent_runs": ("limits", "max_concurrent_trials"),
    "max_duration_minutes": ("limits", "timeout"),
    "max_run_duration_seconds": ("limits", "trial_timeout"),
    "max_retries": ("limits", "max_retries"),
    "no_metric_minutes": ("limits", "no_metric_minutes"),
    "max_cost": ("limits", "max_cost"),
    "price_per_hour": ("limits", "price_per_hour"),
    "grace_seconds": ("trial", "grace_seconds"),
    "memory_limit_mb": ("trial", "memory_limit_mb"),
    "primary_metric_name": ("objective", "primary_metric"),
    "primary_metric_goal": ("objective", "goal"),
    "policy": ("early_termination",),
    "source_directory": ("trial", "code"),
    "command": ("trial", "command"),
    "environment": ("trial", "environment"),
    "environment_variables": ("trial", "environment_variables"),
    "hyperparameter_sampling": ("sampling_algorithm",),
}
"""Where in the file a field of our own configuration comes from."""


@dataclass(frozen=True)
class SweepFile:
    """What one file asks for. `advice`: what was ignored or looks like a mistake, a sentence each. `resume_from`
    and `resume_child_runs` are ids: which sweeps and runs they are, the workspace knows."""

    experiment_name: str
    display_name: str | None
    description: str | None
    tags: dict[str, str]
    config: HyperDriveConfig
    advice: tuple[str, ...]
    resume_from: tuple[str, ...] = ()
    resume_child_runs: tuple[str, ...] = ()


def load(path: str | Path, overrides: Iterable[str] = ()) -> SweepFile:
    """The sweep in this file, with `key.key=value` settings put over it.

    `code` and input paths are relative to the file. NotFound when there is no file, ConfigError with
    all its problems.
    """
    document = read(Path(path))
    put(document, overrides)
    return from_document(document, Path(path).absolute().parent)


def from_document(
    document: Document, folder: Path, exists: Callable[[Path], bool] = Path.exists
) -> SweepFile:
    """The sweep in this data, whose relative paths start at `folder`; ConfigError with all problems."""
    kind = document.data.get("type")
    if kind is not None and schema.folded(kind) != "sweep":
        document.problem(("type",), f"only `type: sweep` can be submitted, got {kind!r}")
        document.check()
    return _Reader(document, folder, exists).sweep()


def terms(text: str) -> str:
    """A sentence about our own configuration in the words of the file."""
    text = re.sub(r"\brun_config\.(?=\w)", "", text)
    name = re.match(r"\w+(?=:)", text)
    if name and name[0] in _PLACES:
        return ".".join(_PLACES[name[0]]) + text[name.end() :]
    return text


class _Reader:
    """One pass over a document: each method reads a section, notes its problems, and goes on."""

    def __init__(self, document: Document, folder: Path, exists: Callable[[Path], bool]) -> None:
        self.document = document
        self.folder = folder
        self.exists = exists
        self.problem = document.problem

    def sweep(self) -> SweepFile:
        data = self.document.data
        frame = self.section(schema.Sweep, data, ())
        trial = self.part(schema.Trial, "trial")
        objective = self.part(schema.Objective, "objective")
        limits = self.part(schema.Limits, "limits") if data.get("limits") is not None else schema.Limits()
        space = SpaceReader(self.document).read()
        sampling = self.sampling(space)
        policy = self.policy()
        inputs = self.inputs()
        script = self.script(trial, limits, inputs) if trial else None
        experiment = self.experiment()
        self.ignored(trial)
        self.document.check()
        assert frame and objective and limits and sampling and script
        try:
            config = HyperDriveConfig(
                hyperparameter_sampling=sampling,
                primary_metric_name=objective.primary_metric,
                primary_metric_goal=PrimaryMetricGoal.from_str(objective.goal),
                max_total_runs=TOTAL_TRIALS if limits.max_total_trials is None else limits.max_total_trials,
                max_concurrent_runs=limits.max_concurrent_trials,
                max_duration_minutes=(TIMEOUT_SECONDS if limits.timeout is None else limits.timeout) / 60,
                policy=policy,
                run_config=script,
                max_retries=schema.lenient(limits.max_retries),
                no_metric_minutes=limits.no_metric_minutes,
                max_cost=limits.max_cost,
                price_per_hour=limits.price_per_hour,
                resume_defaults=frame.resume_defaults,
            )
        except ConfigError as error:
            self.own(error)
            self.document.check()
            raise
        return SweepFile(
            experiment,
            frame.display_name,
            frame.description,
            frame.tags,
            config,
            tuple(self.document.advice),
            frame.resume_from,
            frame.resume_child_runs,
        )

    def part(self, model: type[schema.Model], name: str) -> schema.Model | None:
        """A section below the top, if there is one to read."""
        data = self.document.data.get(name)
        return None if data is None else self.section(model, data, (name,))

    def section(self, model: type[schema.Model], data: Any, where: Where) -> schema.Model | None:
        """`data` as this section; None, and the problems noted, when it is not."""
        if not isinstance(data, dict):
            what = f"must be a mapping (`key: value` lines), got {shown(data)}"
            if where == ("trial",) and isinstance(data, str):
                what = f"must hold command and code here; a file such as {data!r} is not supported yet"
            self.problem(where, what)
            return None
        section, faults = schema.read(model, data)
        for path, what in faults:
            hint = _HINTS.get((*where, *path)) if what == MISSING else None
            self.problem((*where, *path), f"{what}: {hint}" if hint else what)
        return section

    # What to try and what to stop

    def sampling(self, space: dict[str, Any] | None) -> Any:
        where: Where = ("sampling_algorithm",)
        given = self.document.data.get("sampling_algorithm")
        form = {"type": given} if isinstance(given, str) else {"type": "random"} if given is None else given
        if not isinstance(form, dict):
            self.problem(
                where, f"must be random, grid, sobol, bayesian, or a mapping with a type, got {shown(given)}"
            )
            return None
        name, rule = schema.folded(form.get("type", "random")), schema.folded(form.get("rule") or "random")
        at = where if isinstance(given, str) else (*where, "type")
        if name not in SAMPLINGS:
            self.problem(at, f"no sampling is called {form.get('type')!r}{meant(name, SAMPLINGS)}")
            return None
        known = ["type", "seed", "rule", "logbase"] if name == "random" else ["type", "seed"]
        self.document.keys(form, known, [], where, name)
        if rule not in ("random", "sobol"):
            self.problem((*where, "rule"), f"must be random or sobol, got {form['rule']!r}")
            return None
        if form.get("logbase") not in (None, "e"):
            self.problem((*where, "logbase"), "is not supported; write the bounds as natural logarithms")
        if space is None:
            return None
        sampling = getattr(overdrive, SAMPLINGS["sobol" if rule == "sobol" else name])
        try:
            constraints = self.document.data.get("constraints") or []
            texts = [constraints] if isinstance(constraints, str) else constraints
            return sampling(space, seed=schema.lenient(form.get("seed")), constraints=texts)
        except ConfigError as error:
            for problem in error.problems:
                inside = problem.where.startswith("search_space")
                if problem.where.startswith("search_space.constraints"):
                    problem = problem._replace(where=problem.where.removeprefix("search_space."))
                self.document.adopt(() if inside else where, ConfigError(problem))
            return None

    def policy(self) -> Any:
        where: Where = ("early_termination",)
        given = self.document.data.get("early_termination")
        if given is None:
            return None
        if isinstance(given, str):
            given = {"type": given}
        if not isinstance(given, dict):
            self.problem(where, f"must be a mapping with a type, got {shown(given)}")
            return None
        words = {schema.folded(name): name for name in POLICIES}
        name = words.get(schema.folded(given.get("type", "")).removesuffix("policy"))
        if name is None:
            what = MISSING if "type" not in given else f"no policy is called {given['type']!r}"
            what += meant(str(given.get("type", "")), POLICIES)
            self.problem((*where, "type"), what)
            return None
        variant = getattr(overdrive, POLICIES[name])
        parameters = inspect.signature(variant).parameters
        needed = [key for key, parameter in parameters.items() if parameter.default is parameter.empty]
        if not self.document.keys(
            {k: v for k, v in given.items() if k != "type"}, list(parameters), needed, where, name
        ):
            return None
        arguments = {k: schema.lenient(v) for k, v in given.items() if k in parameters and v is not None}
        if arguments.get("evaluation_interval") == 0:  # what the Python classes of v2 write for 1
            arguments["evaluation_interval"] = 1
        if "slack_factor" in arguments and "slack_amount" in arguments:  # and the unused slack as 0
            if arguments["slack_amount"] == 0:
                del arguments["slack_amount"]
            elif arguments["slack_factor"] == 0:
                del arguments["slack_factor"]
        return self.built(lambda: variant(**arguments), where)

    # What is started

    def inputs(self) -> dict[str, Any]:
        """Literals, and paths of data as absolute text, by name."""
        data = self.document.data.get("inputs")
        if data is None:
            return {}
        if not isinstance(data, dict):
            self.problem(("inputs",), f"must be a mapping of names to values, got {shown(data)}")
            return {}
        return {name: self.input(given, ("inputs", name)) for name, given in data.items()}

    def input(self, given: Any, where: Where) -> Any:
        if not isinstance(given, dict):
            if given is None or not isinstance(given, str | int | float | bool):
                self.problem(
                    where, f"must be text, a number, true or false, or {{type, path}}, got {shown(given)}"
                )
            return given
        data = self.section(schema.Data, given, where)
        if data is None:
            return None
        if _ELSEWHERE.match(data.path):
            self.problem(
                (*where, "path"),
                f"cannot be reached from this machine yet: get the data and say where they are with "
                f"--set {'.'.join(where)}.path=FOLDER_OR_FILE, got {shown(data.path)}",
            )
            return None
        return str(self.local(data.path, (*where, "path")))

    def script(
        self, trial: schema.Trial, limits: schema.Limits | None, inputs: dict[str, Any]
    ) -> ScriptRunConfig | None:
        if trial.distribution is not None:
            what = "is not supported yet; leave it out to run one process on this machine"
            self.problem(("trial", "distribution"), what)
        data = self.document.data
        names = data.get("search_space") if isinstance(data.get("search_space"), dict) else {}
        outputs = data.get("outputs") if isinstance(data.get("outputs"), dict) else {}
        command, faults = fill(trial.command, inputs, outputs, names_in(names))
        for fault in faults:
            self.problem(("trial", "command"), fault)
        code = self.code(trial.code)
        script: ScriptRunConfig | None = self.built(
            lambda: ScriptRunConfig(
                source_directory=str(code),
                command=command,
                environment=self.environment(trial.environment),
                environment_variables=trial.environment_variables,
                max_run_duration_seconds=limits.trial_timeout if limits else None,
                grace_seconds=trial.grace_seconds,
                memory_limit_mb=trial.memory_limit_mb,
            ),
            ("trial",),
        )
        return script

    def code(self, given: str | None) -> Path:
        if given is None:
            self.document.advise(
                ("trial", "code"), "is not given, so each run gets a copy of the YAML file's folder"
            )
            return self.folder
        if _ELSEWHERE.match(given):
            self.problem(("trial", "code"), f"must be a folder on this machine, got {shown(given)}")
            return self.folder
        return self.local(given, ("trial", "code"))

    def environment(self, given: Any) -> str | None:
        """The bare name; the rest of Azure's spellings says where the cloud keeps it."""
        if given is None or given == "local":
            return None
        name = "an environment written in the file"
        if isinstance(given, str):
            registry = re.search(r"/environments/([^/]+)", given)
            name = registry[1] if registry else re.split(r"[:@]", given.removeprefix("azureml:"))[0]
        self.document.advise(
            ("trial", "environment"), f"{name} is not set up here; runs use the Python that submits the sweep"
        )
        return name if isinstance(given, str) else None

    def experiment(self) -> str:
        """The name in the file, else that of its folder, as Azure does."""
        name = self.document.data.get("experiment_name")
        if name is None:
            return re.sub(r"[^a-zA-Z0-9_-]+", "_", self.folder.name).strip("_-")[:255] or "Default"
        if not _EXPERIMENT.fullmatch(str(name)):
            what = f"must be letters, digits, _ and -, at most 255 in all, got {shown(name)}"
            self.problem(("experiment_name",), what)
        return str(name)

    def ignored(self, trial: schema.Trial | None) -> None:
        """Say once what has no meaning on this machine."""
        data = self.document.data
        found = [name for name in schema.CLOUD_ONLY if data.get(name) is not None]
        if str(data.get("compute")).removeprefix("azureml:") == "local":
            found.remove("compute")
        if trial:
            found += [f"trial.{name}" for name in schema.CLOUD_ONLY if getattr(trial, name, None) is not None]
        if found:
            self.document.advice.append(f"{', '.join(found)}: ignored on this machine")

    # Small steps

    def local(self, given: str, where: Where) -> Path:
        """A path on this machine, made absolute; noted when nothing is there."""
        path = Path(given.removeprefix("file:")).expanduser()
        path = (self.folder / path).resolve()
        if not self.exists(path):
            self.problem(where, f"there is nothing at {str(path)!r}")
        return path

    def built(self, build: Callable[[], Any], where: Where) -> Any:
        """What `build` makes, or None and its problems noted."""
        try:
            return build()
        except ConfigError as error:
            self.own(error, where)
            return None

    def own(self, error: ConfigError, where: Where = ()) -> None:
        """Note problems of our own configuration where the file has their cause."""
        for problem in error.problems:
            name, *inside = problem.where.removeprefix("run_config.").split(".")
            place = _PLACES.get(name)
            if place and where in ((), ("trial",)):
                self.problem((*place, *inside), problem.what)
            else:
                self.document.adopt(where, ConfigError(problem))
