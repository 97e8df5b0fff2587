"""Numbers kept in order, so that a place among a million of them is found without looking at each."""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterable

BLOCK = 1024
"""A block that has grown to twice as many numbers is split."""


class Ranking:
    """A multiset of floats, none of them NaN: blocks in ascending order, none empty. With n numbers each call takes
    a time of O(log n + BLOCK + n / BLOCK), the last two with the constant of a memory copy and of a sum."""

    __slots__ = ("_blocks", "_lasts", "_sizes")

    def __init__(self, values: Iterable[float] = ()) -> None:
        ordered = sorted(values)
        self._blocks = [ordered[at : at + BLOCK] for at in range(0, len(ordered), BLOCK)]
        self._lasts = [block[-1] for block in self._blocks]
        self._sizes = [len(block) for block in self._blocks]

    def __len__(self) -> int:
        return sum(self._sizes)

    def __getitem__(self, rank: int) -> float:
        """The number of this rank, from 0, the smallest; IndexError beyond."""
        for block, size in zip(self._blocks, self._sizes, strict=True):
            if rank < size:
                return block[rank]
            rank -= size
        raise IndexError(rank)

    def add(self, value: float) -> None:
        """One number more."""
        if not self._blocks:
            self._put(0, 0, [value])
            return
        at = min(bisect_left(self._lasts, value), len(self._blocks) - 1)
        block = self._blocks[at]
        insort(block, value)
        if len(block) < 2 * BLOCK:
            self._put(at, at + 1, block)
        else:
            self._put(at, at + 1, block[:BLOCK], block[BLOCK:])

    def remove(self, value: float) -> None:
        """One of these numbers less; ValueError where there is none."""
        at = bisect_left(self._lasts, value)
        block = self._blocks[at] if at < len(self._blocks) else []
        block.remove(value)
        self._put(at, at + 1, *([block] if block else []))

    def below(self, value: float) -> int:
        """How many are less than `value`."""
        at = bisect_left(self._lasts, value)
        inside = bisect_left(self._blocks[at], value) if at < len(self._blocks) else 0
        return sum(self._sizes[:at]) + inside

    def above(self, value: float) -> int:
        """How many are greater than `value`."""
        at = bisect_right(self._lasts, value)
        inside = bisect_right(self._blocks[at], value) if at < len(self._blocks) else 0
        return sum(self._sizes[at:]) - inside

    def _put(self, begin: int, end: int, *blocks: list[float]) -> None:
        """These blocks in the place of those from `begin` to `end`."""
        self._blocks[begin:end] = blocks
        self._lasts[begin:end] = [block[-1] for block in blocks]
        self._sizes[begin:end] = [len(block) for block in blocks]
