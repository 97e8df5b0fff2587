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
