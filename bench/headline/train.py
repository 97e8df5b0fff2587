"""A training as a script, for those who start scripts: `train.py TASK REPORTER --NAME VALUE ...`."""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Callable, Iterator
from typing import Any

from trainings import SPACES, train


def reporter(name: str) -> Callable[[int, float], object]:
    """What tells the tuner of a loss: its own way, as its documentation shows it."""
    if name == "overdrive":
        from overdrive import Run

        run = Run.get_context()
        return lambda epoch, loss: run.log("loss", loss)
    from syne_tune import Reporter

    report = Reporter()
    return lambda epoch, loss: report(epoch=epoch, loss=loss)


def typed(task: str, given: list[str]) -> Iterator[tuple[str, Any]]:
    parser = argparse.ArgumentParser()
    for name, (kind, *bounds) in SPACES[task].items():
        what = type(bounds[0][0]) if kind == "choice" else int if kind == "int" else float
        parser.add_argument(f"--{name}", type=what)
    known, _ = parser.parse_known_args(given)  # Syne Tune adds arguments of its own
    yield from vars(known).items()


if __name__ == "__main__":
    warnings.filterwarnings("ignore")
    parser = argparse.ArgumentParser()
    parser.add_argument("task", choices=sorted(SPACES))
    parser.add_argument("reporter", choices=["overdrive", "syne-tune"])
    given, rest = parser.parse_known_args()
    report = reporter(given.reporter)
    for epoch, loss in enumerate(train(given.task, dict(typed(given.task, rest))), 1):
        report(epoch, loss)
