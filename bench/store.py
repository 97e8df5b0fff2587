"""What a controller's turn costs: `python bench/store.py [postgresql://user@host/database ...]`, beside SQLite.

Three turns, as a controller writes them: 200 runs begin and 200 end, each with 10 points; one run logs one point;
100 runs log 10 points each. The median of many, in milliseconds; for PostgreSQL the ratio to SQLite too.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

from overdrive.model.metrics import Point, PrimaryMetricGoal, Series
from overdrive.model.records import RunRecord, Status, SweepRecord
from overdrive.store.base import Holder, Store, Turn, open_store

ME = Holder(1, "bench", "here")


def _run(number: int, status: Status) -> RunRecord:
    params = {"learning_rate": 0.001 * number, "units": number, "optimizer": "adam"}
    return RunRecord(
        f"HD_1_{number}", number, params, Series(PrimaryMetricGoal.MAXIMIZE), status, created=1.0, started=2.0
    )


def _points(numbers: range, each: int) -> list[tuple[str, Point]]:
    return [
        (f"HD_1_{number}", Point("accuracy", k / each, k, 3.0)) for number in numbers for k in range(each)
    ]


def turns(kind: str) -> Iterator[Turn]:
    """Turns of one kind, one after the other."""
    for first in range(0, 4000, 200):
        numbers = range(first, first + 200)
        begun, ended = ([_run(n, status) for n in numbers] for status in (Status.QUEUED, Status.COMPLETED))
        if kind == "200 runs":
            yield Turn(
                new_runs=begun,
                runs={},
                points=_points(numbers, 10),
                offsets={run.id: 500 for run in ended},
            )
        elif kind == "one point":
            for _ in range(10):
                yield Turn(points=_points(range(1), 1), offsets={"HD_1_0": 500})
        else:
            yield Turn(points=_points(range(100), 10), offsets={f"HD_1_{n}": 500 for n in range(100)})


def measure(store: Store) -> dict[str, float]:
    """Milliseconds of each kind of turn."""
    store.create_sweep(SweepRecord("HD_1", "bench", "hyperdrive", {}))
    store.hold("HD_1", ME, None)
    found = {}
    for kind in ("200 runs", "one point", "1,000 points"):
        times = []
        for turn in turns(kind):
            began = time.perf_counter()
            store.commit("HD_1", turn, ME)
            times.append(time.perf_counter() - began)
        found[kind] = 1e3 * statistics.median(times[1:])
    return found


def main() -> None:
    """One line a store."""
    with tempfile.TemporaryDirectory(dir=".") as folder:
        urls = [f"sqlite:///{Path(folder).absolute() / 'overdrive.db'}", *sys.argv[1:]]
        first: dict[str, float] = {}
        for url in urls:
            if not url.startswith("sqlite"):
                url += f"{'&' if '?' in url else '?'}workspace=bench-{uuid.uuid4().hex[:8]}"
            store = open_store(url)
            found = measure(store)
            store.close()
            first = first or found
            words = [f"{kind}: {ms:.1f} ms ({ms / first[kind]:.1f} x)" for kind, ms in found.items()]
            print(f"{url.partition(':')[0]:12}{', '.join(words)}")


if __name__ == "__main__":
    main()
