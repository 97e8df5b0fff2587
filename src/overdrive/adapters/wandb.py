"""A Weights & Biases sweep configuration (YAML) as a sweep file.

Keys and distributions as https://docs.wandb.ai/models/sweeps/sweep-config-keys lists them; W&B's log laws without
`_values` take natural exponents, as ours do.
"""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

from ..errors import ConfigError
from ..model.expressions import LAWS, Expression
from .document import Document, Where, shown
from .document import read as read_yaml
from .imported import Asked, Spec, law_as_yaml, logarithms, stepped

_DEFAULT_COMMAND = ["${env}", "${interpreter}", "${program}", "${args}"]
_RUNS = 20
_METHODS = {"random": "random", "grid": "grid", "bayes": "bayesian"}


def read(path: str, asked: Asked) -> Spec:
    """The sweep of this file; ConfigError with all that has no counterpart, by line."""
    document = read_yaml(Path(path))
    data = document.data
    advice: list[str] = []
    space, constants = _parameters(document, data.get("parameters"), ("parameters",))
    method = _METHODS.get(str(data.get("method", "random")))
    if method is None:
        document.problem(("method",), f"must be one of {', '.join(_METHODS)}, got {shown(data['method'])}")
    metric = data.get("metric") if isinstance(data.get("metric"), dict) else {}
    name = asked.metric or metric.get("name")
    if not name:
        document.problem(("metric", "name"), "is missing; say it with --metric NAME")
    goal = asked.goal.value.lower() if asked.goal else str(metric.get("goal", "minimize"))
    command = _command(document, data, space, constants)
    policy = _policy(document, data.get("early_terminate"), advice)
    runs = data.get("run_cap")
    if runs is None:
        advice.append(f"run_cap: is not given; limits.max_total_trials is set to {_RUNS}")
    document.check()
    advice.append(
        f"{name}: what wandb.log sends stays with W&B; print it too, as in print(f'{name}={{value}}')"
    )
    spec: dict[str, Any] = {"type": "sweep"}
    experiment = re.sub(r"[^a-zA-Z0-9_-]+", "_", str(data.get("name") or data.get("project") or "")).strip(
        "_-"
    )
    if experiment:
        spec["experiment_name"] = experiment
    spec["sampling_algorithm"] = method
    spec["search_space"] = {key: law_as_yaml(law) for key, law in space.items()}
    spec["objective"] = {"goal": goal, "primary_metric": name}
    if policy:
        spec["early_termination"] = policy
    spec["trial"] = {"code": ".", "command": command}
    spec["limits"] = {"max_total_trials": runs or _RUNS}
    return Spec(spec, advice)


def _parameters(document: Document, given: Any, where: Where) -> tuple[dict[str, Expression], dict[str, Any]]:
    """The laws, and the constants, of one level; nested ones by dotted names."""
    space: dict[str, Expression] = {}
    constants: dict[str, Any] = {}
    if not isinstance(given, dict) or not given:
        document.problem(where, f"must be a mapping of names to distributions, got {shown(given)}")
        return space, constants
    for name, form in given.items():
        here = (*where, str(name))
        if not isinstance(form, dict):
            document.problem(here, f"must be a mapping such as {{values: [1, 2]}}, got {shown(form)}")
        elif "parameters" in form:
            laws, inner = _parameters(document, form["parameters"], (*here, "parameters"))
            space |= {f"{name}.{key}": law for key, law in laws.items()}
            constants |= {f"{name}.{key}": value for key, value in inner.items()}
        elif "value" in form:
            constants[str(name)] = form["value"]
        else:
            try:
                space[str(name)] = _law(form)
            except ConfigError as error:
                document.adopt(here, error)
            except (KeyError, TypeError, ValueError) as error:
                document.problem(here, f"lacks or spoils {error}, got {shown(form)}")
    return space, constants


def _law(form: dict[str, Any]) -> Expression:
    if "values" in form:
        return LAWS["choice"](list(form["values"]))
    kind = form.get("distribution")
    if kind is None:
        whole = all(isinstance(form[key], int) for key in ("min", "max"))
        kind = "int_uniform" if whole else "uniform"
    kind = str(kind)
    if kind in ("normal", "log_normal", "q_normal", "q_log_normal"):
        more = (form.get("q", 1),) if kind.startswith("q") else ()
        return LAWS[kind.replace("_", "")](form.get("mu", 0), form.get("sigma", 1), *more)
    if kind not in (
        *("int_uniform", "uniform", "q_uniform", "log_uniform", "q_log_uniform"),
        *("log_uniform_values", "q_log_uniform_values"),
    ):
        raise ConfigError(
            f"the distribution {kind!r} has no counterpart; write a choice of values, or a uniform law"
        )
    low, high, q = form["min"], form["max"], form.get("q", 1)
    if kind == "int_uniform":
        return stepped(low, high, 1)
    if kind == "q_uniform":
        return stepped(low, high, q)
    if kind.endswith("_values"):
        low, high = logarithms(low, high)
        kind = kind.removesuffix("_values")
    return LAWS[kind.replace("_", "")](low, high, *((q,) if kind.startswith("q") else ()))


def _command(
    document: Document, data: dict[str, Any], space: dict[str, Expression], constants: dict[str, Any]
) -> str:
    given = data.get("command") or _DEFAULT_COMMAND
    program = data.get("program")
    names = {name: f"${{{{search_space.{name}}}}}" for name in space}
    pairs = {**names, **{name: shlex.quote(str(value)) for name, value in constants.items()}}
    words = []
    for place, word in enumerate(given if isinstance(given, list) else shlex.split(str(given))):
        word = str(word)
        if word == "${env}":
            continue
        if word == "${interpreter}":
            words.append("python")
        elif word == "${program}":
            if not program:
                document.problem(("program",), "is missing: the command asks for it")
            words.append(shlex.quote(str(program)))
        elif word in ("${args}", "${args_no_boolean_flags}"):
            words += [f"--{name}={text}" for name, text in pairs.items()]
        elif word == "${args_no_hyphens}":
            words += [f"{name}={text}" for name, text in pairs.items()]
        elif re.fullmatch(r"\$\{envvar:\w+\}", word):
            words.append(f"${word[9:-1]}")
        elif word.startswith("${"):
            document.problem(
                ("command", str(place)), f"has no counterpart: {word}; use a template or ${{args}}"
            )
        else:
            words.append(shlex.quote(word))
    return " ".join(words)


def _policy(document: Document, given: Any, advice: list[str]) -> dict[str, Any] | None:
    """W&B's Hyperband stops at brackets min_iter x eta^k, which is successive halving."""
    if not given:
        return None
    if not isinstance(given, dict) or given.get("type") != "hyperband":
        document.problem(("early_terminate",), f"must be of type hyperband, got {shown(given)}")
        return None
    found: dict[str, Any] = {"type": "successive_halving", "eta": int(given.get("eta", 3))}
    if "min_iter" in given:
        found["min_interval"] = int(given["min_iter"])
    elif "max_iter" in given:
        shrunk = int(given["max_iter"]) // int(given.get("eta", 3)) ** int(given.get("s", 2))
        found["min_interval"] = max(1, shrunk)
    advice.append("early_terminate: its brackets are the rungs of successive halving")
    return found
