"""Name -> "module:Attribute", imported on first use; strangers' packages join by entry points.

A table line is a string, so nothing heavy is imported until it is used, and built-ins come in by
the same door as strangers: a package that declares the entry-point group `overdrive.<kind>` needs
no line of ours.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any

from .errors import NotFound


class Registry:
    """The table of one kind of thing (`samplers`, `policies`, ...), by name."""

    def __init__(self, kind: str, table: Mapping[str, str]) -> None:
        self.kind = kind
        self._table = dict(table)

    def load(self, name: str) -> Any:
        """The object registered under `name`; NotFound names what there is."""
        target = self._table.get(name) or self._entry_points().get(name)
        if target is None:
            raise NotFound(f"{self.kind}: no {name!r}; there are {', '.join(self.names())}")
        module, _, attribute = target.partition(":")
        return getattr(import_module(module), attribute)

    def names(self) -> list[str]:
        """Every registered name, ours first, in the order of the table."""
        return list(self._table) + sorted(set(self._entry_points()) - set(self._table))

    def _entry_points(self) -> dict[str, str]:
        from importlib.metadata import entry_points

        return {point.name: point.value for point in entry_points(group=f"overdrive.{self.kind}")}
