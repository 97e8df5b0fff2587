"""A Katib Experiment (YAML, `kubeflow.org/v1beta1`) as a sweep file.

Fields as in Katib's examples/v1beta1/hp-tuning and its API (experiment_types.go, v0.19): bounds are text, a trial's
`${trialParameters.x}` refers to a parameter.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..errors import ConfigError
from ..model.expressions import LAWS, Expression
from .document import Document, Where, shown
from .document import read as read_yaml
from .imported import Asked, Spec, law_as_yaml, logarithms, stepped

_ALGORITHMS = {"random": "random", "grid": "grid", "sobol": "sobol", "bayesianoptimization": "bayesian"}
_PLACE = re.compile(r"\$\{trialParameters\.([^}]+)\}")


def read(path: str, asked: Asked) -> Spec:
    """The experiment of this file; ConfigError with all that has no counterpart, by line."""
    document = read_yaml(Path(path))
    data = document.data
    advice: list[str] = []
    if data.get("kind") != "Experiment" or not isinstance(data.get("spec"), dict):
        raise ConfigError(
            f"{path}: must be a Katib file of `kind: Experiment` with a `spec`, got {shown(data)}"
        )
    spec = data["spec"]
    space = _space(document, spec.get("parameters"))
    objective = spec.get("objective") if isinstance(spec.get("objective"), dict) else {}
    metric = asked.metric or objective.get("objectiveMetricName")
    if not metric:
        document.problem(
            ("spec", "objective", "objectiveMetricName"), "is missing; say it with --metric NAME"
        )
    algorithm = str((spec.get("algorithm") or {}).get("algorithmName", "random"))
    sampling = _ALGORITHMS.get(algorithm)
    if sampling is None:
        sampling = "bayesian"
        advice.append(f"algorithm: {algorithm} has no counterpart; bayesian is written")
    if "goal" in objective:
        advice.append(f"objective.goal: a sweep does not stop at a value; {objective['goal']} is left out")
    command = _command(document, spec, space)
    policy = _policy(spec.get("earlyStopping"), advice)
    document.check()
    name = re.sub(r"[^a-zA-Z0-9_-]+", "_", str((data.get("metadata") or {}).get("name", ""))).strip("_-")
    advice.append(
        "trial.command: paths are those of the image; `trial.code` is the folder that each run gets"
    )
    found: dict[str, Any] = {"type": "sweep"}
    if name:
        found["experiment_name"] = name
    found["sampling_algorithm"] = sampling
    found["search_space"] = {key: law_as_yaml(law) for key, law in space.items()}
    goal = asked.goal.value.lower() if asked.goal else str(objective.get("type", "minimize"))
    found["objective"] = {"goal": goal, "primary_metric": metric}
    if policy:
        found["early_termination"] = policy
    found["trial"] = {"code": ".", "command": command}
    found["limits"] = {
        "max_total_trials": int(spec.get("maxTrialCount", 20)),
        "max_concurrent_trials": int(spec.get("parallelTrialCount", 3)),
    }
    return Spec(found, advice)


def _space(document: Document, given: Any) -> dict[str, Expression]:
    where: Where = ("spec", "parameters")
    space: dict[str, Expression] = {}
    if not isinstance(given, list) or not given:
        document.problem(where, f"must be a list of parameters, got {shown(given)}")
        return space
    for place, form in enumerate(given):
        here = (*where, str(place))
        try:
            space[str(form["name"])] = _law(str(form["parameterType"]), form["feasibleSpace"])
        except ConfigError as error:
            document.adopt(here, error)
        except (KeyError, TypeError, ValueError) as error:
            document.problem(here, f"lacks or spoils {error}, got {shown(form)}")
    return space


def _law(kind: str, space: dict[str, Any]) -> Expression:
    if kind == "categorical":
        return LAWS["choice"]([str(value) for value in space["list"]])
    if kind == "discrete":
        return LAWS["choice"]([_number(value) for value in space["list"]])
    if kind not in ("double", "int"):
        raise ConfigError(f"the parameterType {kind!r} has no counterpart")
    low, high = _number(space["min"]), _number(space["max"])
    step = _number(space["step"]) if space.get("step") else 1 if kind == "int" else None
    law = str(space.get("distribution", "uniform"))
    if law == "logUniform":
        exponents = logarithms(low, high)
        return LAWS["qloguniform"](*exponents, step) if step else LAWS["loguniform"](*exponents)
    if law in ("normal", "logNormal"):
        raise ConfigError(
            f"the distribution {law!r} is cut off at min and max, which ours is not; write a uniform one"
        )
    return stepped(low, high, step) if step else LAWS["uniform"](low, high)


def _number(text: Any) -> int | float:
    try:
        return int(str(text))
    except ValueError:
        return float(str(text))


def _command(document: Document, spec: dict[str, Any], space: dict[str, Expression]) -> str:
    where: Where = ("spec", "trialTemplate")
    template = spec.get("trialTemplate")
    if not isinstance(template, dict) or not isinstance(template.get("trialSpec"), dict):
        document.problem(where, "must hold a trialSpec; one in a ConfigMap is not here to be read")
        return ""
    refers = {str(p.get("name")): str(p.get("reference")) for p in template.get("trialParameters") or ()}
    primary = template.get("primaryContainerName")
    containers = list(_containers(template["trialSpec"]))
    named = [one for one in containers if one.get("name") == primary] or containers
    words = [str(w) for one in named[:1] for w in [*(one.get("command") or ()), *(one.get("args") or ())]]
    if not words:
        document.problem((*where, "trialSpec"), "has no container with a command")
    for name in {match for word in words for match in _PLACE.findall(word)}:
        if refers.get(name) not in space:
            document.problem(
                (*where, "trialParameters"), f"no parameter stands behind ${{trialParameters.{name}}}"
            )

    def placed(word: str) -> str:
        return _PLACE.sub(lambda match: f"${{{{search_space.{refers.get(match[1], '')}}}}}", word)

    if len(words) == 3 and words[1] == "-c":
        return placed(words[2])
    return " ".join(
        placed(word if _PLACE.search(word) and " " not in word else shlex.quote(word)) for word in words
    )


def _containers(data: Any) -> Iterator[dict[str, Any]]:
    """Every container of a Job, a PyTorchJob or whatever holds pods."""
    if isinstance(data, dict):
        for name, value in data.items():
            if name == "containers" and isinstance(value, list):
                yield from (one for one in value if isinstance(one, dict))
            else:
                yield from _containers(value)
    elif isinstance(data, list):
        for one in data:
            yield from _containers(one)


def _policy(given: Any, advice: list[str]) -> dict[str, Any] | None:
    if not isinstance(given, dict):
        return None
    if given.get("algorithmName") != "medianstop":
        advice.append(f"earlyStopping: {given.get('algorithmName')} has no counterpart, and is left out")
        return None
    settings = {str(s.get("name")): s.get("value") for s in given.get("algorithmSettings") or ()}
    return {"type": "median_stopping", "delay_evaluation": int(settings.get("start_step", 4))}
