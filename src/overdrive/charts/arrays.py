"""Numbers as they travel: typed arrays of Plotly, and long series thinned without losing an extreme."""

from __future__ import annotations

import base64
import math
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


def packed(values: Iterable[float | None], kind: str = "f8") -> dict[str, str]:
    """A typed array of Plotly (base64, little endian); None becomes NaN, which Plotly leaves out."""
    if kind.startswith("f"):
        numbers = np.array([math.nan if value is None else value for value in values], dtype=f"<{kind}")
        numbers[~np.isfinite(numbers)] = np.nan
    else:
        numbers = np.array(list(values), dtype=f"<{kind}")
    return {"dtype": kind, "bdata": base64.b64encode(numbers.tobytes()).decode("ascii")}


def packed_small(values: Sequence[float | None]) -> dict[str, str]:
    """The same in half the bytes where no eye sees the difference: where the values span enough of their size."""
    known = np.array([math.nan if value is None else value for value in values])
    known = known[np.isfinite(known)]
    size = float(np.max(np.abs(known), initial=0.0))
    fits = 1e-30 < size < 1e30 and float(np.ptp(known)) > size / 1000
    return packed(values, "f4" if fits else "f8")


def unpacked(array: dict[str, str]) -> Array:
    """The numbers of a typed array."""
    return np.frombuffer(base64.b64decode(array["bdata"]), dtype=f"<{array['dtype']}")


def thinned(values: Sequence[float], most: int) -> list[int]:
    """The places, in order, of at most `most` values (at least 4) that show the same line.

    The series is cut into stretches; the least and the greatest value of each stay, and so do the first and
    the last value of all. NaN is never an extreme.
    """
    count = len(values)
    most = max(most, 4)
    if count <= most:
        return list(range(count))
    numbers = np.asarray(values, dtype=float)
    low = np.where(np.isfinite(numbers), numbers, np.inf)
    high = np.where(np.isfinite(numbers), numbers, -np.inf)
    edges = np.linspace(0, count, (most - 2) // 2 + 1).astype(int)
    kept = {0, count - 1}
    for start, end in pairwise(edges.tolist()):
        kept.add(start + int(np.argmin(low[start:end])))
        kept.add(start + int(np.argmax(high[start:end])))
    return sorted(kept)
