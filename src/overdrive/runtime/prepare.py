"""Data that is prepared once and shared by all runs: `@prepare`, for functions in a `prepare.py` beside the
training script.

Standard library only: it is imported by training scripts, and by the warm process that they are forked from.
"""

from __future__ import annotations

import functools

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, TypeVar

    F = TypeVar("F", bound=Callable[..., Any])

PREPARED: list[Callable[[], Any]] = []
"""What a warm process calls before it forks the first run."""


def prepare(function: F) -> F:
    """Remember what the function gives when it is called without arguments.

    In a sweep whose runs start warm it has been called before a run begins, and all runs share the memory of
    what it gave, until they write to it. Anywhere else the first call makes it. A function that is called with
    arguments, or that fails, is an ordinary function.
    """
    kept: list[Any] = []

    @functools.wraps(function)
    def once(*args: Any, **kwargs: Any) -> Any:
        if args or kwargs:
            return function(*args, **kwargs)
        if not kept:
            kept.append(function())
        return kept[0]

    PREPARED.append(once)
    return once  # type: ignore[return-value]
