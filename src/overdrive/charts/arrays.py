"""Numbers as they travel: typed arrays of Plotly, and long series thinned without losing an extreme."""

from __future__ import annotations

import base64
import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


def packed(values: Iterable[float | None] | Array, kind: str = "f8") -> dict[str, str]:
    """A typed array of Plotly (base64, little endian); None becomes NaN, which Plotly leaves out."""
    if kind.startswith("f"):
        found = numbers(values).astype(f"<{kind}")
        found[~np.isfinite(found)] = np.nan
    else:
        found = np.asarray(values if isinstance(values, np.ndarray) else list(values), dtype=f"<{kind}")
    return {"dtype": kind, "bdata": base64.b64encode(found.tobytes()).decode("ascii")}


def numbers(values: Iterable[float | None] | Array) -> Array:
    """The values as float64, None as NaN."""
    if isinstance(values, np.ndarray):
        return values
    return np.array([math.nan if value is None else value for value in values], dtype=float)


def packed_small(values: Iterable[float | None] | Array) -> dict[str, str]:
    """The same in half the bytes where no eye sees the difference: where the values span enough of their size."""
    values = numbers(values)
    known = values[np.isfinite(values)]
    size = float(np.max(np.abs(known), initial=0.0))
    fits = 1e-30 < size < 1e30 and float(np.ptp(known)) > size / 1000
    return packed(values, "f4" if fits else "f8")


def unpacked(array: dict[str, str]) -> Array:
    """The numbers of a typed array."""
    return np.frombuffer(base64.b64decode(array["bdata"]), dtype=f"<{array['dtype']}")


def thinned(values: Sequence[float] | Array, most: int) -> list[int]:
    """The places, in order, of at most `most` values (at least 4) that show the same line.

    The series is cut into stretches; the least and the greatest value of each stay, and so do the first and
    the last value of all. NaN is never an extreme.
    """
    count = len(values)
    most = max(most, 4)
    if count <= most:
        return list(range(count))
    width = -(-count // ((most - 2) // 2))
    whole = np.full(-(-count // width) * width, np.nan)
    whole[:count] = values
    stretches = whole.reshape(-1, width)
    known = np.isfinite(stretches)
    starts = width * np.arange(len(stretches))
    least = starts + np.where(known, stretches, np.inf).argmin(1)
    greatest = starts + np.where(known, stretches, -np.inf).argmax(1)
    return sorted({0, count - 1, *least.tolist(), *greatest.tolist()})
