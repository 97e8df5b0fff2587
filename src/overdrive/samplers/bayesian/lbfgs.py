"""Minimising a smooth function inside a box from several starts at once: projected L-BFGS (Nocedal 1980) in
which every start takes its own steps and all are evaluated in one call, which is what numpy is fast at
(the idea of arXiv 2511.13625)."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from .arrays import Array

_ARMIJO = 1e-4
_MEMORY = 8
_SHORTEST = 1e-10

Function = Callable[[Array], tuple[Array, Array]]
"""(b, d) -> values (b,) and gradients (b, d)."""


def minimise(
    function: Function, starts: Array, low: Array, high: Array, steps: int, tolerance: float = 1e-6
) -> tuple[Array, Array]:
    """The best points found, (b, d), and their values, (b,), after at most `steps` evaluations of all.

    A start ends early when a step gains less than `tolerance`. Values that are not finite count as too
    long a step.
    """
    x = np.clip(starts, low, high)
    count, d = x.shape
    f, g = function(x)
    f = np.where(np.isfinite(f), f, np.inf)
    g = np.where(np.isfinite(g), g, 0.0)
    moves = np.zeros((_MEMORY, count, d))
    turns = np.zeros((_MEMORY, count, d))
    curves = np.zeros((_MEMORY, count))  # s.y of each pair, 0 where there is none
    direction = _direction(x, g, moves, turns, curves, low, high)
    length = np.minimum(1.0, 0.1 * np.max(high - low) / np.maximum(np.max(np.abs(direction), axis=1), 1e-300))
    live = np.ones(count, dtype=bool)
    for _ in range(steps - 1):
        trial = np.clip(x + length[:, None] * direction, low, high)
        value, slope = function(trial)
        step = trial - x
        expected = np.sum(step * g, axis=1)
        good = live & np.isfinite(value) & np.all(np.isfinite(slope), axis=1)
        good &= value <= f + _ARMIJO * expected
        gain = f - value
        bend = slope - g
        curve = np.sum(step * bend, axis=1)
        keep = good & (curve > 1e-12 * np.sum(bend * bend, axis=1)) & (curve > 1e-300)
        if np.any(keep):
            # A pair takes the oldest place; where a start has none to give, the pairs stay as they are.
            moves[:, keep] = np.concatenate([moves[1:, keep], step[None, keep]])
            turns[:, keep] = np.concatenate([turns[1:, keep], bend[None, keep]])
            curves[:, keep] = np.concatenate([curves[1:, keep], curve[None, keep]])
        x = np.where(good[:, None], trial, x)
        f = np.where(good, value, f)
        g = np.where(good[:, None], slope, g)
        live &= ~(good & (gain < tolerance))
        length = np.where(good, 1.0, length * 0.3)
        live &= length > _SHORTEST
        if not np.any(live):
            break
        if np.any(good):
            fresh = _direction(x, g, moves, turns, curves, low, high)
            direction = np.where(good[:, None], fresh, direction)
    return x, f


def _direction(
    x: Array, g: Array, moves: Array, turns: Array, curves: Array, low: Array, high: Array
) -> Array:
    """The two-loop recursion for every start, within the faces of the box on which it stands."""
    free = ~(((x <= low) & (g > 0)) | ((x >= high) & (g < 0)))
    q = np.where(free, g, 0.0)
    some = curves > 0
    rates = np.where(some, 1.0 / np.where(some, curves, 1.0), 0.0)
    weights = np.zeros(curves.shape)
    for k in range(_MEMORY - 1, -1, -1):
        if np.any(some[k]):
            weights[k] = rates[k] * np.sum(moves[k] * q, axis=1)
            q = q - weights[k][:, None] * turns[k]
    newest = np.sum(turns[-1] ** 2, axis=1)
    scale = np.where(some[-1], curves[-1] / np.where(newest > 0, newest, 1.0), 1.0)
    q = q * scale[:, None]
    for k in range(_MEMORY):
        if np.any(some[k]):
            back = rates[k] * np.sum(turns[k] * q, axis=1)
            q = q + (weights[k] - back)[:, None] * moves[k]
    q = np.where(free, -q, 0.0)
    uphill = np.sum(q * g, axis=1) >= 0
    return np.where(uphill[:, None], np.where(free, -g, 0.0), q)
