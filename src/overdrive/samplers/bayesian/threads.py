"""One thread for linear algebra: matrices of some hundred rows are slower on many, by tens of times on a busy
machine, and sums come out the same everywhere when they are taken in one order."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from functools import cache
from typing import Any


def one_thread() -> AbstractContextManager[Any]:
    """A context in which BLAS uses one thread; without threadpoolctl, the caller's number."""
    controller = _controller()
    return nullcontext() if controller is None else controller.limit(limits=1, user_api="blas")


@cache
def _controller() -> Any:
    try:
        from threadpoolctl import ThreadpoolController  # type: ignore[import-untyped,unused-ignore]
    except ModuleNotFoundError:
        return None
    return ThreadpoolController()
