"""A run's parent and children as its script sees them: what is logged to them stays with the run, under names of
their own.

Standard library only, Python 3.8.
"""

from __future__ import annotations

from typing import Any, Iterator, Mapping


class ParentRun:
    """The sweep: its id and experiment. What a script logs to it is kept by the script's own run, as `parent/<name>`:
    the runs of a sweep run at the same time, and none may write over what another has told."""

    def __init__(self, id: str, experiment: Any, run: Any) -> None:
        self.id = id
        self.experiment = experiment
        self._run = run

    def log(self, name: str, value: Any, description: str = "", step: Any = None) -> None:
        """Kept as `parent/<name>` of this run."""
        self._run.log(f"parent/{name}", value, description, step)

    def log_list(self, name: str, value: Any, description: str = "") -> None:
        """Kept as `parent/<name>` of this run."""
        self._run.log_list(f"parent/{name}", value, description)

    def tag(self, key: str, value: Any = None) -> None:
        """Kept as the tag `parent/<key>` of this run."""
        self._run.tag(f"parent/{key}", value)

    def set_tags(self, tags: Mapping[str, Any]) -> None:
        """Kept as tags `parent/<key>` of this run."""
        self._run.set_tags({f"parent/{key}": value for key, value in tags.items()})

    def get_status(self) -> str:
        """It runs, since its run asks."""
        return "Running"

    def get_children(self, *_: Any, **__: Any) -> Iterator[Any]:
        """None: a run does not see the others."""
        return iter(())

    def __repr__(self) -> str:
        return f"Run({self.id!r})"


class ChildRun:
    """A part of a run, such as a fold: what it logs is kept as `<its name>/<metric>`, which no policy counts."""

    def __init__(self, parent: Any, name: str) -> None:
        self.parent = parent
        self.name = name
        self.id = f"{parent.id}_{name}"

    def log(self, name: str, value: Any, description: str = "", step: Any = None) -> None:
        """Kept as `<child>/<name>`."""
        self.parent.log(f"{self.name}/{name}", value, description, step)

    def log_list(self, name: str, value: Any, description: str = "") -> None:
        """Kept as `<child>/<name>`."""
        self.parent.log_list(f"{self.name}/{name}", value, description)

    def log_row(self, name: str, description: Any = None, **kwargs: Any) -> None:
        """Kept as `<child>/<name>`."""
        self.parent.log_row(f"{self.name}/{name}", description, **kwargs)

    def log_table(self, name: str, value: Mapping[str, Any], description: str = "") -> None:
        """Kept as `<child>/<name>`."""
        self.parent.log_table(f"{self.name}/{name}", value, description)

    def tag(self, key: str, value: Any = None) -> None:
        """Kept as the tag `<child>/<key>`."""
        self.parent.tag(f"{self.name}/{key}", value)

    def complete(self, *_: Any, **__: Any) -> None:
        """Nothing to do."""

    fail = cancel = flush = start = complete

    def __enter__(self) -> ChildRun:
        return self

    def __exit__(self, *_: Any) -> None:
        pass
