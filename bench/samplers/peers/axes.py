"""A space as projects without branches or without our laws see it: a flat list of numbers and options."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from overdrive.model.expressions import Choice
from overdrive.model.laws import Expression
from overdrive.model.space import SearchSpace

from . import Params


@dataclass(frozen=True)
class Axis:
    """One parameter. `float` and `log`: in [low, high]; `int` and `options`: a place in [0, size). Where another
    axis must have a certain place for it to count, `parent` names the two."""

    name: str
    kind: Literal["float", "log", "int", "options"]
    law: Expression
    low: float = 0.0
    high: float = 1.0
    size: int = 0
    parent: tuple[str, int] | None = None

    def unit(self, value: Any) -> float:
        """The coordinate in our unit cube."""
        if self.size:
            return self.law.to_unit(self.law.at(int(value)))
        return self.law.to_unit(min(max(float(value), self.low), self.high))


class Axes(list[Axis]):
    """The axes of a space, and the way back from their values."""

    def __init__(self, space: Mapping[str, Any]) -> None:
        self.space = SearchSpace(space)
        super().__init__(
            _axis(f"p{i}", slot.law, _parent(slot.where, self.space))
            for i, slot in enumerate(self.space.slots)
        )

    def params(self, values: Mapping[str, Any]) -> Params:
        """The configuration of these values by axis name; those of branches not taken may be missing."""
        return self.space.from_vector([a.unit(values[a.name]) if a.name in values else 0.5 for a in self])


def ordered(law: Expression) -> bool:
    """Whether it is a choice of ascending numbers, which every project is told as steps."""
    options = list(law.options) if isinstance(law, Choice) else []
    return bool(options) and all(type(o) in (int, float) for o in options) and options == sorted(options)


def _axis(name: str, law: Expression, parent: tuple[str, int] | None) -> Axis:
    if law.size:
        kind = "options" if isinstance(law, Choice) and not ordered(law) else "int"
        return Axis(name, kind, law, size=law.size, parent=parent)
    kind = "log" if law.NAME == "loguniform" else "float"
    return Axis(name, kind, law, law.real(0.0), law.real(1.0), parent=parent)  # type: ignore[attr-defined]


def _parent(where: str, space: SearchSpace) -> tuple[str, int] | None:
    """`model.options[2].C` hangs on place 2 of `model`."""
    outer, found, _ = where.rpartition("].")
    if not found:
        return None
    owner, _, place = outer.rpartition(".options[")
    names = [slot.where for slot in space.slots]
    return f"p{names.index(owner)}", int(place)
