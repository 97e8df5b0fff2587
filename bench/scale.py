"""What the controller does at sizes that nobody rents for a test: 10,000 places, up to 1,000,000 runs, simulated.

    python bench/scale.py [--runs 1000000] [--places 10000] [--sampling random] [--policy halving] [--plot FILE]

Runs follow recorded curves of ten values on a simulated clock; planner, sampler, policy, controller loop and SQLite
are the real ones. Reading metric files and starting processes are left out: `bench/controller.py` and
`bench/launch.py` have these. An event is a start, a value or an end. Printed for each tenth of the sweep: events a
second of processor time, what a turn costs, memory; and at the end by how much an event became dearer from the
second tenth to the last.
"""

from __future__ import annotations

import argparse
import contextlib
import gc
import io
import statistics
import tempfile
from itertools import pairwise
from pathlib import Path

from _simulated import METRIC, Look, Simulation, recorded, sweep

from overdrive import (
    BanditPolicy,
    BayesianParameterSampling,
    HyperDriveConfig,
    MedianStoppingPolicy,
    PrimaryMetricGoal,
    RandomParameterSampling,
    ScriptRunConfig,
    TruncationSelectionPolicy,
    choice,
    loguniform,
    uniform,
)
from overdrive.policies.base import POLICIES, Policy

SPACE = {
    "lr": loguniform(-9, -2),
    "dropout": uniform(0, 0.6),
    "momentum": uniform(0.5, 1),
    "width": choice(16, 32, 64, 128),
}
SAMPLERS = {"random": RandomParameterSampling, "bayesian": BayesianParameterSampling}


def policy(name: str) -> Policy | None:
    if name == "none":
        return None
    ready = {
        "bandit": BanditPolicy(slack_factor=0.2, delay_evaluation=3),
        "median": MedianStoppingPolicy(delay_evaluation=3),
        "truncation": TruncationSelectionPolicy(10, delay_evaluation=3),
    }
    return ready[name] if name in ready else POLICIES.load(name)()


def tenths(looks: list[Look]) -> list[Look]:
    """The first look, and those at each tenth of the ended runs."""
    last = looks[-1].ended
    return [looks[0], *(next(one for one in looks if one.ended >= last * k / 10) for k in range(1, 11))]


def report(looks: list[Look]) -> float:
    """Print a line a tenth; how much dearer an event became, by the machine's pace at the time."""
    costs = []
    for before, after in pairwise(tenths(looks)):
        seconds, events = after.seconds - before.seconds, max(1, after.events - before.events)
        turns = max(1, after.turns - before.turns)
        within = [one.pace for one in looks if before.ended <= one.ended <= after.ended]
        costs.append(seconds / events / statistics.median(within))
        print(
            f"{after.ended:9,} runs ended: {events / seconds:7,.0f} events/s, "
            f"turn {1e3 * seconds / turns:6.1f} ms with {events / turns:6.0f} events, "
            f"{after.megabytes - looks[0].megabytes:6.0f} MB more than at the start",
            flush=True,
        )
    return costs[-1] / costs[1]


def plot(looks: list[Look], file: Path, title: str) -> None:
    """Events a second and memory over the ended runs, as an SVG picture without any library."""
    points = [
        (b.ended, (b.events - a.events) / (b.seconds - a.seconds), b.megabytes - looks[0].megabytes)
        for a, b in pairwise(tenths(looks))
    ]
    width, height, left, bottom = 640, 300, 60, 40
    most = [max(column) or 1 for column in zip(*points, strict=True)]
    x = lambda value: left + (width - 2 * left) * value / most[0]  # noqa: E731
    y = lambda value, top: height - bottom - (height - 2 * bottom) * value / (1.15 * top)  # noqa: E731
    lines, colours = [], ("#1668b5", "#c4500f")
    for number, unit in enumerate(("events a second", "MB")):
        top, colour = most[number + 1], colours[number]
        path = " ".join(f"{x(p[0]):.0f},{y(p[number + 1], top):.0f}" for p in points)
        end = left - 8 if number == 0 else width - left + 8
        anchor = "end" if number == 0 else "start"
        lines.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        for part in (0, 0.5, 1):
            at = f'x="{end}" y="{y(part * top, top) + 4:.0f}" text-anchor="{anchor}" fill="{colour}"'
            lines.append(f"<text {at}>{part * top:,.0f}</text>")
        lines.append(f'<text x="{end}" y="26" text-anchor="{anchor}" fill="{colour}">{unit}</text>')
    for part in (0, 0.5, 1):
        at = f'x="{x(part * most[0]):.0f}" y="{height - bottom + 18}" text-anchor="middle"'
        lines.append(f"<text {at}>{part * most[0]:,.0f}</text>")
    lines.append(f'<text x="{width / 2}" y="{height - 6}" text-anchor="middle">{title}</text>')
    lines.append(f'<path d="M{left},{height - bottom}H{width - left}" stroke="#888"/>')
    file.write_text(
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" '
        f'font-size="12"><rect width="{width}" height="{height}" fill="#fff"/>{"".join(lines)}</svg>\n'
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=1_000_000)
    parser.add_argument("--places", type=int, default=10_000)
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--sampling", choices=SAMPLERS, default="random")
    parser.add_argument(
        "--policy", default="successive_halving", help="none, bandit, median, truncation, ..."
    )
    parser.add_argument("--store", help="a URL; an SQLite file that is thrown away by default")
    parser.add_argument("--plot", type=Path, help="where to write the picture (SVG)")
    given = parser.parse_args()
    config = HyperDriveConfig(
        run_config=ScriptRunConfig(script="simulated.py"),
        hyperparameter_sampling=SAMPLERS[given.sampling](SPACE, seed=1),
        primary_metric_name=METRIC,
        primary_metric_goal=PrimaryMetricGoal.MAXIMIZE,
        policy=policy(given.policy),
        max_total_runs=given.runs,
        max_concurrent_runs=given.places,
        max_duration_minutes=None,
    )
    simulation = Simulation(recorded(200, given.epochs), every=max(1, given.runs // 100))
    gc.freeze()
    with tempfile.TemporaryDirectory(dir=".") as name:
        with contextlib.redirect_stdout(io.StringIO()):  # the controller's log
            sweep(Path(name), config, simulation, given.store)
        megabytes = sum(file.stat().st_size for file in Path(name).iterdir()) / 1e6
    what = f"{given.runs:,} runs in {given.places:,} places, {given.sampling} sampling, policy {given.policy}"
    print(what)
    growth = report(simulation.looks)
    first, last = simulation.looks[0], simulation.looks[-1]
    seconds = last.seconds - first.seconds
    print(
        f"all: {last.events:,} events in {seconds:.0f} s of a core ({last.events / seconds:,.0f} a second), "
        f"{last.turns:,} turns, the longest {simulation.longest:.1f} s, database {megabytes:,.0f} MB"
    )
    print(
        f"an event costs {growth:.2f} times as much in the last tenth as in the second one, by a fixed work's time"
    )
    if given.plot:
        plot(simulation.looks, given.plot, what)


if __name__ == "__main__":
    main()
