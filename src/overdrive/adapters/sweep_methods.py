"""`sampling_algorithm:` and `early_termination:` of a sweep file: what to try and what to stop."""

from __future__ import annotations

import inspect
from typing import Any

import overdrive

from ..errors import ConfigError
from . import sweep_schema as schema
from .document import MISSING, Where, meant, shown
from .reading import Reading

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
    "plateau": "PlateauPolicy",
}
"""Public class names, by the word after `early_termination: type:`; from `successive_halving` on ours alone."""


def sampling(reading: Reading, space: dict[str, Any] | None) -> Any:
    """The sampling of this space, or None."""
    where: Where = ("sampling_algorithm",)
    data = reading.document.data
    given = data.get("sampling_algorithm")
    form = {"type": given} if isinstance(given, str) else {"type": "random"} if given is None else given
    if not isinstance(form, dict):
        reading.problem(
            where, f"must be random, grid, sobol, bayesian, or a mapping with a type, got {shown(given)}"
        )
        return None
    name, rule = schema.folded(form.get("type", "random")), schema.folded(form.get("rule") or "random")
    at = where if isinstance(given, str) else (*where, "type")
    if name not in SAMPLINGS:
        reading.problem(at, f"no sampling is called {form.get('type')!r}{meant(name, SAMPLINGS)}")
        return None
    known = ["type", "seed", "rule", "logbase"] if name == "random" else ["type", "seed"]
    reading.document.keys(form, known, [], where, name)
    if rule not in ("random", "sobol"):
        reading.problem((*where, "rule"), f"must be random or sobol, got {form['rule']!r}")
        return None
    if form.get("logbase") not in (None, "e"):
        reading.problem((*where, "logbase"), "is not supported; write the bounds as natural logarithms")
    if space is None:
        return None
    variant = getattr(overdrive, SAMPLINGS["sobol" if rule == "sobol" else name])
    try:
        constraints = data.get("constraints") or []
        texts = [constraints] if isinstance(constraints, str) else constraints
        return variant(space, seed=schema.lenient(form.get("seed")), constraints=texts)
    except ConfigError as error:
        for problem in error.problems:
            inside = problem.where.startswith("search_space")
            if problem.where.startswith("search_space.constraints"):
                problem = problem._replace(where=problem.where.removeprefix("search_space."))
            reading.document.adopt(() if inside else where, ConfigError(problem))
        return None


def policy(reading: Reading) -> Any:
    """The policy, or None: there is none, or it is wrong."""
    where: Where = ("early_termination",)
    given = reading.document.data.get("early_termination")
    if given is None:
        return None
    if isinstance(given, str):
        given = {"type": given}
    if not isinstance(given, dict):
        reading.problem(where, f"must be a mapping with a type, got {shown(given)}")
        return None
    words = {schema.folded(name): name for name in POLICIES}
    name = words.get(schema.folded(given.get("type", "")).removesuffix("policy"))
    if name is None:
        what = MISSING if "type" not in given else f"no policy is called {given['type']!r}"
        what += meant(str(given.get("type", "")), POLICIES)
        reading.problem((*where, "type"), what)
        return None
    variant = getattr(overdrive, POLICIES[name])
    parameters = inspect.signature(variant).parameters
    needed = [key for key, parameter in parameters.items() if parameter.default is parameter.empty]
    if not reading.document.keys(
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
    return reading.built(lambda: variant(**arguments), where)
