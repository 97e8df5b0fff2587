"""The `search_space:` of a sweep file: each entry a law, a choice's mappings as conditional branches. Azure has no
`near`, the value where good ones are believed to lie."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

from ..errors import ConfigError, Problem
from ..model.expressions import LAWS
from .document import MISSING, Document, Where, meant, shown
from .sweep_schema import folded, lenient

_BAD = object()
"""Stands for an option that could not be read, since None is a value."""


class SpaceReader:
    """Reads the space of one document and notes all its problems there."""

    def __init__(self, document: Document) -> None:
        self.document = document

    def read(self) -> dict[str, Any] | None:
        data = self.document.data.get("search_space")
        if data is None:
            return None
        if not isinstance(data, dict) or not data:
            self.document.problem(("search_space",), f"must be a mapping of names to laws, got {shown(data)}")
            return None
        laws = {name: self.law(given, ("search_space", name)) for name, given in data.items()}
        return None if None in laws.values() else laws

    def law(self, given: Any, where: Where) -> Any:
        """The expression that `given` describes, or None."""
        if not isinstance(given, dict):
            options = given if isinstance(given, list) else [given]
            self.document.problem(
                where, f"must be a law such as {{type: choice, values: {shown(options)}}}, got {shown(given)}"
            )
            return None
        name = folded(given.get("type", ""))
        if name not in LAWS:
            what = MISSING if "type" not in given else f"no law is called {given['type']!r}"
            what += meant(name, LAWS)
            self.document.problem((*where, "type"), what)
            return None
        wanted = ["values"] if name == "choice" else list(inspect.signature(LAWS[name]).parameters)
        arguments = {key: value for key, value in given.items() if key != "type"}
        if not self.document.keys(arguments, [*wanted, "near"], wanted, where, name):
            return None
        try:
            if name == "choice":
                law = self.choice(arguments["values"], where)
            else:
                law = LAWS[name](**{key: lenient(arguments[key]) for key in wanted})
            if law is None or "near" not in arguments:
                return law
            return law.near(arguments["near"] if name == "choice" else lenient(arguments["near"]))
        except ConfigError as error:
            self.document.adopt(where, error)
            return None

    def choice(self, values: Any, where: Where) -> Any:
        where = (*where, "values")
        if not isinstance(values, list) or not values:
            self.document.problem(where, f"must be a list of one or more values, got {values!r}")
            return None
        options = [self.option(value, (*where, str(place))) for place, value in enumerate(values)]
        if any(option is _BAD for option in options):
            return None
        try:
            return LAWS["choice"](options)
        except ConfigError as error:  # it calls the values its options
            self.document.adopt(
                where, ConfigError(Problem(p.where.removeprefix("options"), p.what) for p in error.problems)
            )
            return None

    def option(self, value: Any, where: Where) -> Any:
        """A value of a choice; in a mapping every mapping is a law, anything else a constant."""
        if isinstance(value, dict):
            branch = {
                name: self.law(inner, (*where, name)) if isinstance(inner, dict) else inner
                for name, inner in value.items()
            }
            bad = any(isinstance(value[name], dict) and law is None for name, law in branch.items())
            return _BAD if bad else branch
        if value is not None and not isinstance(value, str | int | float | bool | list):
            self.document.problem(
                where, f"must be text, a number, true or false; write '{value}' in quotes for the text"
            )
            return _BAD
        return value


def names_in(space: Mapping[str, Any]) -> list[str]:
    """Every name that may get a value: those in branches too, but no choice of branches alone."""
    found = []
    for name, law in space.items():
        values = law.get("values") if isinstance(law, dict) else None
        options = (isinstance(values, list) and values) or [None]
        if not all(isinstance(option, dict) for option in options):
            found.append(name)
        for option in options:
            if isinstance(option, dict):
                found += names_in(option)
    return list(dict.fromkeys(found))
