"""Configurations and standings as numbers that a Gaussian process can compare."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

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
    for name in sorted({name for params in configurations for name in params}):
        values = [params.get(name) for params in configurations]
        there = np.array([name in params for params in configurations])
        if not there.all():
            columns.append(1.2 * there)
        given = [value for value, has in zip(values, there, strict=True) if has]
        numbers = [
            max(-HUGE, min(HUGE, value))
            for value in given
            if isinstance(value, int | float) and not isinstance(value, bool)
        ]
        if len(numbers) == len(given):
            column = np.zeros(len(values))
            column[there] = normal_scores(np.array(numbers, np.float64))
            columns.append(column)
        else:
            words = np.array([repr(value) if has else "" for value, has in zip(values, there, strict=True)])
            columns += [1.2 * (words == word) for word in sorted(set(words[there].tolist()))]
    varying = [column for column in columns if column.min() < column.max()]
    return np.stack(varying, 1) if varying else np.zeros((len(configurations), 0))
