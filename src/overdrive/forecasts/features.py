"""Configurations and standings as numbers that a Gaussian process can compare."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import numpy as np

from ..model.records import Value

HUGE = 1e100
"""Values beyond it count as this, so that their squares stay numbers."""

Array = np.ndarray[Any, np.dtype[np.float64]]


def normal_scores(values: Array) -> Array:
    """The normal quantiles of the mean ranks, lowest value lowest; Tukey's lambda is near enough."""
    ordered = np.sort(values)
    part = (ordered.searchsorted(values, "left") + ordered.searchsorted(values, "right")) / (2 * len(values))
    scores: Array = 4.91 * (part**0.14 - (1 - part) ** 0.14)
    return scores


def encoded(configurations: Sequence[dict[str, Value]]) -> Array:
    """One row a configuration. A parameter that only some have is 0 in the others, and a column says so."""
    columns: list[Array] = []
    for name in sorted(set().union(*configurations)):
        given = [params[name] for params in configurations if name in params]
        there = slice(None) if len(given) == len(configurations) else [name in one for one in configurations]
        if isinstance(there, list):
            columns.append(np.where(there, 1.2, 0.0))
        if set(map(type, given)) <= {int, float}:
            columns.append(np.zeros(len(configurations)))
            numbers = [max(-HUGE, min(HUGE, cast(float, value))) for value in given]
            columns[-1][there] = normal_scores(np.array(numbers, np.float64))
        else:
            words = np.full(len(configurations), "", dtype=object)
            words[there] = [repr(value) for value in given]
            columns += [1.2 * (words == word) for word in sorted(set(words))]
    varying = [column for column in columns if column.min() < column.max()]
    return np.stack(varying, 1) if varying else np.zeros((len(configurations), 0))


class Encoding:
    """The columns of `encoded` as these configurations define them, for any other one."""

    def __init__(self, configurations: Sequence[dict[str, Value]]) -> None:
        self._columns: list[tuple[str, str, Any]] = []
        for name in sorted(set().union(*configurations)):
            given = [params[name] for params in configurations if name in params]
            if len(given) < len(configurations):
                self._columns.append((name, "given", None))
            if set(map(type, given)) <= {int, float}:
                numbers = [max(-HUGE, min(HUGE, cast(float, value))) for value in given]
                ordered = np.sort(np.array(numbers, np.float64))
                if ordered[0] < ordered[-1]:
                    self._columns.append((name, "number", ordered))
            else:
                words = sorted({repr(value) for value in given})
                self._columns += [(name, "word", word) for word in words] if len(words) > 1 else []

    def rows(self, configurations: Sequence[dict[str, Value]]) -> Array:
        """(n, d)."""
        found = np.zeros((len(configurations), len(self._columns)))
        for place, (name, kind, what) in enumerate(self._columns):
            there = [row for row, params in enumerate(configurations) if name in params]
            values = [configurations[row][name] for row in there]
            if kind == "given":
                found[there, place] = 1.2
            elif kind == "word":
                found[there, place] = [1.2 * (repr(value) == what) for value in values]
            else:
                usable = [
                    max(-HUGE, min(HUGE, value)) if isinstance(value, int | float) else what[0]
                    for value in values
                ]
                found[there, place] = normal_scores_in(what, np.array(usable, np.float64))
        return found


def normal_scores_in(ordered: Array, values: Array) -> Array:
    """The normal scores that values would have among these, which are in ascending order."""
    part = (ordered.searchsorted(values, "left") + ordered.searchsorted(values, "right")) / 2
    part = np.clip(part / len(ordered), 0.5 / len(ordered), 1 - 0.5 / len(ordered))
    scores: Array = 4.91 * (part**0.14 - (1 - part) ** 0.14)
    return scores
