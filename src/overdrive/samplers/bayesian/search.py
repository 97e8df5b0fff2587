"""Where the promise is greatest: many points, random ones and ones near the best runs; ascent from the
best of
them along the continuous axes, and single changes along the others.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from . import lbfgs
from .acquisition import log_ei, log_ei_slopes
from .arrays import Array, Mask
from .beliefs import Beliefs
from .encoding import Encoding
from .gp import Posterior

_FLIPS = 12
"""At most so many other values of an axis are tried from one point."""

_HALVINGS, _STRIDES, _TRIALS = 10, (0.1, 0.03, 0.01, 0.003, 0.001), 12
"""At the border of what constraints allow: how finely it is sought, and how it is followed."""


@dataclass(frozen=True, eq=False)
class Promise:
    """log EI over points: what a run may gain on `incumbent`, given the posterior of the function, and `noise`,
    the variance of a result around the function, where results count rather than the function. It is leant by
    `belief` times the logarithm of what the user believes (piBO, Hvarfner et al. 2022, arXiv 2204.11051)."""

    encoding: Encoding
    posterior: Posterior
    incumbent: float
    noise: float = 0.0
    beliefs: Beliefs | None = None
    belief: float = 0.0

    def __call__(self, points: Array) -> Array:
        """(k, m) -> (k,)."""
        mean, variance = self.posterior(self.encoding.inputs(points))
        value = log_ei(mean, variance + self.noise, self.incumbent)
        return value + self.belief * self.beliefs.logarithm(points)[0] if self.beliefs else value

    def with_gradients(self, points: Array) -> tuple[Array, Array]:
        """(k, m) -> (k,) and (k, m); the gradient is 0 along categorical axes and branches not taken."""
        mean, variance, mean_slope, variance_slope = self.posterior.with_gradients(
            self.encoding.inputs(points)
        )
        value, by_mean, by_variance = log_ei_slopes(mean, variance + self.noise, self.incumbent)
        columns = by_mean[:, None] * mean_slope + by_variance[:, None] * variance_slope
        slope = np.where(self.encoding.active(points), columns[:, self.encoding.column], 0.0)
        slope[:, self.encoding.categorical] = 0.0
        if self.beliefs:
            believed, lean = self.beliefs.logarithm(points)
            value, slope = value + self.belief * believed, slope + self.belief * lean
        return value, slope


@dataclass(frozen=True)
class Effort:
    """How hard to look."""

    scattered: int = 512
    nearby: int = 384
    leaders: int = 5
    climbers: int = 8
    steps: int = 40
    rounds: int = 2
    radius: float = 0.2
    """Of the trusted box at first."""
    growth: float = 5.0
    """So many runs for each axis until the box is the whole space."""


def trusted(encoding: Encoding, centre: Array, runs: int, effort: Effort) -> tuple[Array, Array]:
    """The box around the best run in which continuous axes are searched, (m,) and (m,). It grows with the
    runs until it is the whole space, so that many axes are not first explored in their corners (as in Vizier,
    arXiv 2408.11527)."""
    m = len(encoding)
    low, high = np.zeros(m), np.ones(m)
    radius = effort.radius + (0.5 - effort.radius) * runs / (effort.growth * (m + 1))
    if radius < 0.5:
        low = np.where(encoding.continuous, np.maximum(centre - radius, 0.0), low)
        high = np.where(encoding.continuous, np.minimum(centre + radius, 1.0), high)
    return low, high


def search(
    encoding: Encoding,
    promise: Promise,
    best: Array,
    rng: np.random.RandomState,
    effort: Effort,
    box: tuple[Array, Array],
) -> tuple[Array, Array]:
    """Points (k, m), the most promising first, and their promise (k,). `best`: points (b, m) of the best
    runs; `box`: the least and the greatest number allowed on each continuous axis."""
    m, (low, high) = len(encoding), box
    bounds = np.where(encoding.continuous, box, [[-np.inf], [np.inf]])
    units = rng.random_sample((effort.scattered, m))
    scattered = encoding.from_units(low + units * (high - low))
    if promise.beliefs:
        scattered[::2] = np.clip(promise.beliefs.lean(scattered[::2], units[::2]), *bounds)
    near = np.clip(_nearby(encoding, best[: effort.leaders], rng, effort.nearby), *bounds)
    pool = encoding.snap(np.concatenate([scattered, near]))
    pool = pool[encoding.allowed(pool)]
    if not len(pool):
        return pool, np.empty(0)
    values = promise(pool)
    starts = pool[np.argsort(-values, kind="stable")[: effort.climbers]]
    numeric = ~encoding.categorical
    found = [pool]
    for turn in range(effort.rounds):
        # At first grids are climbed as if they were continuous, then they are held.
        free = numeric if turn == 0 else encoding.continuous
        if np.any(free):
            tops = encoding.snap(_climb(promise, starts, free, box, effort.steps))
            if encoding.space.constraints:
                tops = _slide(encoding, promise, _retreat(encoding, starts, tops), bounds, rng)
            starts = tops
            found.append(starts)
        if not np.any(~encoding.continuous):
            break
        starts = _flip(encoding, promise, starts, rng)
        found.append(starts)
    extra = np.concatenate(found[1:]) if len(found) > 1 else np.empty((0, m))
    values = np.concatenate([values, promise(extra)]) if len(extra) else values
    pool = np.concatenate([pool, extra])
    order = np.argsort(-values, kind="stable")
    return pool[order], values[order]


def _nearby(encoding: Encoding, best: Array, rng: np.random.RandomState, count: int) -> Array:
    """Jittered copies of the best points: some axes moved a little, some options changed."""
    if not len(best) or not count:
        return np.empty((0, len(encoding)))
    m = len(encoding)
    points = best[rng.randint(len(best), size=count)]
    share = np.minimum(1.0, np.exp(rng.uniform(np.log(1.0 / m), 0.7, size=(count, 1))))
    touched = rng.random_sample((count, m)) < share
    touched[np.arange(count), rng.randint(m, size=count)] = True
    width = np.exp(rng.uniform(np.log(0.003), np.log(0.3), size=(count, 1)))
    moved = np.clip(points + width * rng.standard_normal((count, m)), 0.0, 1.0)
    fresh = encoding.from_units(rng.random_sample((count, m)))
    moved[:, encoding.categorical] = fresh[:, encoding.categorical]
    return encoding.snap(np.where(touched, moved, points))


def _climb(promise: Promise, starts: Array, free: Mask, box: tuple[Array, Array], steps: int) -> Array:
    """Ascent along the free axes."""
    held = starts[:, ~free]

    def loss(x: Array) -> tuple[Array, Array]:
        points = np.empty(starts.shape)
        points[:, free], points[:, ~free] = x, held
        value, slope = promise.with_gradients(points)
        return -value, -slope[:, free]

    low, high = box
    x, _ = lbfgs.minimise(loss, starts[:, free], low[free], high[free], steps, tolerance=1e-4)
    points = starts.copy()
    points[:, free] = x
    return points


def _retreat(encoding: Encoding, starts: Array, tops: Array) -> Array:
    """The last allowed points on the ways from allowed starts to where the ascent led."""
    out = ~encoding.allowed(tops)
    reached = np.where(out[:, None], starts, tops)
    low, high = np.zeros(int(np.sum(out))), np.ones(int(np.sum(out)))
    for _ in range(_HALVINGS if len(low) else 0):
        middle = (low + high) / 2
        trials = encoding.snap(starts[out] + middle[:, None] * (tops[out] - starts[out]))
        good = encoding.allowed(trials)
        reached[out] = np.where(good[:, None], trials, reached[out])
        low, high = np.where(good, middle, low), np.where(good, high, middle)
    return reached


def _slide(
    encoding: Encoding, promise: Promise, points: Array, bounds: Array, rng: np.random.RandomState
) -> Array:
    """Each point with the best of the allowed steps around it, shorter and shorter ones, so that it
    moves along the border of what is allowed."""
    points, values, count = points.copy(), promise(points), len(points)
    for width in _STRIDES:
        steps = width * rng.standard_normal((_TRIALS, *points.shape)) * encoding.continuous
        trials = encoding.snap(np.clip(points + steps, *bounds).reshape(-1, points.shape[1]))
        scores = np.where(encoding.allowed(trials), promise(trials), -np.inf).reshape(_TRIALS, count)
        leader = np.argmax(scores, axis=0)
        better = scores[leader, np.arange(count)] > values
        chosen = trials.reshape(_TRIALS, *points.shape)[leader, np.arange(count)]
        points, values = np.where(better[:, None], chosen, points), np.maximum(values, np.max(scores, axis=0))
    return points


def _flip(
    encoding: Encoding, promise: Promise, starts: Array, rng: np.random.RandomState, rounds: int = 3
) -> Array:
    """Each point with the best single changes along its grids and options, one after another."""
    points = starts.copy()
    values = promise(points)
    for _ in range(rounds):
        owners, trials = [], []
        for row, point in enumerate(points):
            for axis, other in _others(encoding, point, rng):
                trial = point.copy()
                trial[axis] = other
                owners.append(row)
                trials.append(trial)
        if not trials:
            break
        scores = np.where(encoding.allowed(np.array(trials)), promise(np.array(trials)), -np.inf)
        better = False
        for index in np.argsort(scores, kind="stable"):
            row = owners[index]
            if scores[index] > values[row] + 1e-9:
                points[row], values[row], better = trials[index], scores[index], True
        if not better:
            break
    return points


def _others(encoding: Encoding, point: Array, rng: np.random.RandomState) -> list[tuple[int, float]]:
    taken = encoding.active(point[None])[0]
    found: list[tuple[int, float]] = []
    for place, axis in enumerate(encoding.axes):
        if not taken[place]:
            continue
        if axis.options:
            codes = [code for code in range(axis.options) if code != point[place]]
            if len(codes) > _FLIPS:
                codes = [codes[i] for i in rng.permutation(len(codes))[:_FLIPS]]
            found += [(place, float(code)) for code in codes]
        elif axis.grid is not None:
            here = int(np.argmin(np.abs(axis.grid - point[place])))
            near = (
                [here + step for step in (-1, 1, -2, 2)] if len(axis.grid) > _FLIPS else range(len(axis.grid))
            )
            found += [(place, float(axis.grid[i])) for i in near if 0 <= i < len(axis.grid) and i != here]
    return found
