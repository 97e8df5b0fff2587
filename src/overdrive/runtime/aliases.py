"""Other people's module names, answered by objects of ours: a meta-path finder over a table.

    Aliases({"azureml.core": {"Workspace": "overdrive.sdk.workspace:Workspace", ...}, ...})

A name is loaded when it is asked for, so a table of hundreds costs nothing. No base class: importlib.abc
imports half of the standard library. Standard library only, Python 3.8.
"""

from __future__ import annotations

import importlib
import os
import sys
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any, Mapping, Optional, Sequence

from ..errors import Unsupported


class Aliases:
    """A finder and loader. `table`: for each module its names, each with "module:Attribute", or with "!" and
    what to say when somebody uses it. The packages around the modules exist too."""

    def __init__(self, table: Mapping[str, Mapping[str, str]]) -> None:
        self.table = dict(table)
        for module in table:
            while "." in module:
                module = module.rpartition(".")[0]
                self.table.setdefault(module, {})

    def install(self) -> None:
        """Answer for these modules from now on, before anybody else."""
        if self not in sys.meta_path:
            sys.meta_path.insert(0, self)

    def find_spec(self, name: str, path: Optional[Sequence[str]] = None, target: Any = None) -> Any:
        """The import system asks whether a module is in the table."""
        if name not in self.table:
            return None
        return ModuleSpec(name, self, origin="Overdrive", is_package=True)  # type: ignore[arg-type]

    def create_module(self, spec: ModuleSpec) -> None:
        """An ordinary module will do."""

    def exec_module(self, module: ModuleType) -> None:
        """Give the module its names, none of them loaded."""
        name, targets = module.__name__, self.table[module.__name__]
        module.__path__ = [  # what we do not answer for may be there under the same roof
            place
            for place in (os.path.join(entry, *name.split(".")) for entry in sys.path)
            if os.path.isdir(place)
        ]

        def load(attribute: str) -> Any:
            if attribute in targets:
                value = _loaded(f"{name}.{attribute}", targets[attribute])
                setattr(module, attribute, value)
                return value
            if f"{name}.{attribute}" in self.table:
                return importlib.import_module(f"{name}.{attribute}")
            raise AttributeError(
                f"{name} has no {attribute!r} in Overdrive; docs/migrate.md lists what there is"
            )

        setattr(module, "__all__", sorted(targets))  # noqa: B010
        setattr(module, "__getattr__", load)  # noqa: B010
        setattr(module, "__dir__", lambda: sorted({*vars(module), *targets}))  # noqa: B010


def there(module: str) -> Optional[str]:
    """The folder of a real package of this name on sys.path, found without importing anything."""
    places = (os.path.join(entry or ".", *module.split(".")) for entry in sys.path)
    return next((place for place in places if os.path.isdir(place)), None)


def _loaded(name: str, target: str) -> Any:
    if target.startswith("!"):
        return absent(name, target[1:])
    module, _, attribute = target.partition(":")
    try:
        return getattr(importlib.import_module(module), attribute)
    except (ImportError, SyntaxError, TypeError) as error:
        words = f"{name} needs Python 3.11 and the packages of Overdrive: {error}"
        raise ImportError(words) from error


def absent(name: str, words: str) -> Any:
    """A class that can be imported, and says what to do instead as soon as it is used."""

    class Absent(type):
        def __call__(cls, *_: Any, **__: Any) -> Any:
            raise Unsupported(f"{name}: {words}")

        def __getattr__(cls, attribute: str) -> Any:
            if attribute.startswith("__"):
                raise AttributeError(attribute)
            raise Unsupported(f"{name}.{attribute}: {words}")

    return Absent(name.rpartition(".")[2], (), {"__doc__": words})
