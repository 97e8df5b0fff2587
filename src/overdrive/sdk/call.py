"""The script of a sweep over a function: what `tune` copies beside function.pkl and starts for each run."""

from __future__ import annotations

import pickle
import sys
from numbers import Real
from typing import Any

from overdrive.runtime.context import ScriptRun


def main() -> None:
    """Call the function with the run's values, and log what it returns."""
    with open("function.pkl", "rb") as file:
        search_path, metric = pickle.load(file)
        sys.path[:] = search_path + [folder for folder in sys.path if folder not in search_path]
        function = pickle.load(file)
    run = ScriptRun.get_context()
    result = function(**run.parameters)
    for name, value in _named(result, metric).items():
        if not run.has_logged(name):
            run.log(name, value)


def _named(result: Any, metric: str) -> dict[str, Any]:
    if result is None:
        return {}
    if isinstance(result, dict):
        return result
    if not isinstance(result, Real) and not hasattr(result, "item"):
        kind = type(result).__name__
        raise TypeError(f"the function must return a number, a dict of numbers, or None, got {kind}")
    return {metric: result}


if __name__ == "__main__":
    main()
