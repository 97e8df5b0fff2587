"""How honest the forecasts of `overdrive.forecasts` are: how often a run ends above the upper bound (nominal 5 %).

    python bench/policies/calibration.py [--held-out] [--orders 2] [--configurations 500] [--folder FOLDER]

Sweeps of 100 runs, 8 at once, under the forecast policy; at every 150th value all runs that have not finished
are forecast, and compared with where their curves really end.
"""

from __future__ import annotations

import argparse
import tempfile
import warnings
from pathlib import Path

import tasks
from curves import curves, sweep_of

from overdrive.forecasts.curves import Forecast, forecasts
from overdrive.model.history import History
from overdrive.model.records import Params, RunRecord
from overdrive.policies.base import Verdict
from overdrive.policies.forecast import ForecastPolicy
from overdrive.sweep.replay import replay

EVERY = 150


class Watched(ForecastPolicy):
    """The forecast policy; what is forecast meanwhile is in `seen`, by the configuration."""

    seen: list[tuple[Params, Forecast]]
    calls: int

    def judge(self, run: RunRecord, interval: int, history: History) -> Verdict:
        object.__setattr__(self, "calls", self.calls + 1)
        if self.calls % EVERY == 0:
            found = forecasts(history)
            self.seen.extend((history[ident].params, forecast) for ident, forecast in found.items())
        return super().judge(run, interval, history)


def watched() -> Watched:
    """One that has seen nothing."""
    policy = Watched(control=0, pause=False)
    object.__setattr__(policy, "seen", [])
    object.__setattr__(policy, "calls", 0)
    return policy


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--held-out", action="store_true", help="the tasks that nothing was tuned on")
    parser.add_argument("--orders", type=int, default=2)
    parser.add_argument("--configurations", type=int, default=500)
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()) / "overdrive-curves")
    given = parser.parse_args()
    warnings.simplefilter("ignore")
    above = total = 0
    for task in tasks.HELD_OUT if given.held_out else tasks.TUNING:
        found = curves(task, given.configurations, given.folder)
        sign = 1 if task.goal is tasks.MAXIMIZE else -1
        outside = count = 0
        for order in range(1, given.orders + 1):
            chosen, policy = sweep_of(found, 100, order), watched()
            replay(chosen, task.goal, policy, places=8, order=order)
            ends = {repr(curve.params): task.goal.best(curve.values) for curve in chosen}
            for params, forecast in policy.seen:
                end = ends[repr(params)]
                assert end is not None  # it had a usable value
                outside += sign * (end - forecast.mean) > 1.645 * forecast.std
                count += 1
        print(f"{task.name:32}{count:6} forecasts, {100 * outside / max(1, count):.1f} % above", flush=True)
        above, total = above + outside, total + count
    print(f"{'all':32}{total:6} forecasts, {100 * above / max(1, total):.1f} % above the 95 % bound")


if __name__ == "__main__":
    main()
