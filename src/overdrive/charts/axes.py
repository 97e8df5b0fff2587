"""A hyperparameter as an axis: a number for each value, linear, logarithmic or one step a category."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from ..model.expressions import Choice, Constant
from ..model.records import Params, Value
from ..model.space import SearchSpace
from ..model.values import key, token

Kind = Literal["linear", "log", "category"]

TITLE = 44
"""Characters that the title of an axis may have."""


def clipped(text: str, most: int) -> str:
    """At most so many characters of a text, the last one a sign that there were more."""
    return text if len(text) <= most else f"{text[: most - 1]}…"


def one_line(text: str) -> str:
    """Without what steers a terminal, breaks a line or is a formula or a template of Plotly's."""
    shown = "".join(letter if letter.isprintable() else " " for letter in text)
    return shown.replace("%{", "%\u200b{").replace("$", "\uff04")


def plain(text: str) -> str:
    """Text that Plotly, which reads markup, shows as it is."""
    shown = one_line(text)
    for sign, entity in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;")):
        shown = shown.replace(sign, entity)
    return shown


def bare(text: str) -> str:
    """As `plain`, for ticks of parallel axes and of scenes, where Plotly reads tags but no entities."""
    return one_line(text).replace("<", "‹").replace(">", "›")


@dataclass(frozen=True)
class Axis:
    """How the values of one hyperparameter are placed. `categories` are its values in order."""

    name: str
    kind: Kind
    categories: tuple[Value, ...] = ()

    def place(self, value: Value) -> float | None:
        """The number that stands for a value (its own for linear and log axes); None: it has none."""
        if self.kind == "category":
            found = [place for place, one in enumerate(self.categories) if key(one) == key(value)]
            return float(found[0]) if found else None
        if isinstance(value, bool) or not isinstance(value, int | float):
            return None
        if not math.isfinite(value) or (self.kind == "log" and value <= 0):
            return None
        return float(value)

    def places(self, runs: Sequence[Params]) -> list[float | None]:
        """A number for each run; None where it does not have this hyperparameter."""
        if self.kind == "category":
            table = {key(one): float(place) for place, one in enumerate(self.categories)}
            name = self.name
            return [table.get(key(params[name])) if name in params else None for params in runs]
        found = []
        least = 0.0 if self.kind == "log" else -math.inf
        for params in runs:
            value = params.get(self.name)
            known = type(value) in (int, float) and least < value < math.inf  # type: ignore[operator]
            found.append(float(value) if known else None)  # type: ignore[arg-type]
        return found

    @property
    def labels(self) -> list[str]:
        """The categories as text."""
        return [short(value) for value in self.categories]

    def layout(self, text: Callable[[str], str] = plain) -> dict[str, Any]:
        """A Plotly axis; `text` makes its words safe for where they stand."""
        about: dict[str, Any] = {"title": {"text": text(clipped(self.name, TITLE))}}
        if self.kind == "log":
            return {**about, "type": "log", "exponentformat": "power", "dtick": 1}
        if self.kind == "linear":
            return {**about, "type": "linear"}
        ticks = list(range(len(self.categories)))
        return {
            **about,
            "type": "linear",
            "tickvals": ticks,
            "ticktext": [text(label) for label in self.labels],
            "range": [-0.5, len(ticks) - 0.5],
        }


def axes_of(space: SearchSpace | None, runs: Sequence[Params]) -> dict[str, Axis]:
    """The axes of all hyperparameters that vary, in the order of the space, then of appearance."""
    laws: dict[str, list[Any]] = {}
    for slot in space.slots if space is not None else ():
        laws.setdefault(slot.name, []).append(slot.law)
    names = dict.fromkeys(
        [*(space.names if space is not None else ()), *(n for params in runs for n in params)]
    )
    found = {}
    for name in names:
        values = [params[name] for params in runs if name in params]
        fixed = name not in laws and len({key(value) for value in values}) < 2 and space is not None
        if values and not fixed:
            found[name] = _axis(name, laws.get(name, []), values)
    return found


def _axis(name: str, laws: Sequence[Any], values: Sequence[Value]) -> Axis:
    listed: dict[Any, Value] = {}
    for law in laws:
        for option in law.options if isinstance(law, Choice) else ():
            if not isinstance(option, Mapping) and not hasattr(option, "parameters"):
                listed.setdefault(key(option), option)
    numeric = all(isinstance(value, int | float) and not isinstance(value, bool) for value in values)
    continuous = [law for law in laws if not isinstance(law, Choice | Constant)]
    if numeric and (continuous or not listed):
        positive = all(isinstance(value, int | float) and value > 0 for value in values)
        logs = continuous and all("log" in type(law).NAME for law in continuous)
        return Axis(name, "log" if logs and positive else "linear")
    for value in values:
        listed.setdefault(key(value), value)
    ordered = list(listed.values())
    if all(isinstance(value, int | float) and not isinstance(value, bool) for value in ordered):
        ordered.sort(key=lambda value: float(value))  # type: ignore[arg-type]
    return Axis(name, "category", tuple(ordered))


def short(value: Value) -> str:
    """A value in at most 24 characters."""
    return clipped(f"{value:.4g}" if isinstance(value, float) else token(value), 24)
