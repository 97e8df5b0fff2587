"""A small network in numpy, trained epoch by epoch: optimizers and schedules enough that learning curves
rise late, cross, plateau and diverge.

Notation: n rows, d inputs, c outputs; activations and gradients are (batch, width).
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[np.float64]]


def rate_at(schedule: str, part: float) -> float:
    """The share of the full learning rate after this part (0 to 1) of the training."""
    if schedule == "cosine":
        return 0.5 * (1 + np.cos(np.pi * part))
    if schedule == "steps":
        return 0.1 ** int(part * 3)
    if schedule == "warmup":
        return min(1.0, 0.02 + 2 * part)
    if schedule == "one-cycle":
        return part / 0.7 if part < 0.7 else 1e-3 + (1 - part) / 0.3
    if schedule == "restarts":
        return 0.5 * (1 + np.cos(np.pi * (part * 3 % 1)))
    return 1.0


class Network:
    """Layers of equal width. `classes` 0: one linear output and squared error, else softmax."""

    def __init__(self, inputs: int, classes: int, params: dict[str, Any], seed: int) -> None:
        self.p, self.classes = params, classes
        self.rng = np.random.default_rng(seed)
        sizes = [inputs, *[params["width"]] * params.get("layers", 1), classes or 1]
        scale = params.get("scale", 1.0)
        self.weights = [self.rng.normal(0, scale / np.sqrt(a), (a, b)) for a, b in pairwise(sizes)]
        self.weights += [np.zeros(b) for b in sizes[1:]]
        self.first = [np.zeros_like(w) for w in self.weights]
        self.second = [np.zeros_like(w) for w in self.weights]
        self.steps = 0

    def _forward(self, x: Array, drop: float = 0.0) -> list[Array]:
        depth = len(self.weights) // 2
        layers = [x]
        for index in range(depth):
            z = layers[-1] @ self.weights[index] + self.weights[depth + index]
            if index < depth - 1:
                z = np.tanh(z) if self.p.get("activation") == "tanh" else np.maximum(z, 0)
                if drop:
                    z = z * (self.rng.random(z.shape) > drop) / (1 - drop)
            layers.append(z)
        return layers

    def outputs(self, x: Array) -> Array:
        """(n, c) probabilities, or (n, 1) values."""
        z = self._forward(x)[-1]
        if not self.classes:
            return z
        e = np.exp(z - z.max(1, keepdims=True))
        return e / e.sum(1, keepdims=True)

    def epoch(self, x: Array, y: Array, part: float) -> None:
        """One pass in shuffled batches; `y` is (n, c): one column a class, or the value."""
        rate = self.p["lr"] * rate_at(self.p.get("schedule", "constant"), part)
        order = self.rng.permutation(len(x))
        size = self.p.get("batch", 32)
        for start in range(0, len(x), size):
            rows = order[start : start + size]
            self._step(x[rows], y[rows], rate)

    def _step(self, x: Array, y: Array, rate: float) -> None:
        depth = len(self.weights) // 2
        layers = self._forward(x, self.p.get("dropout", 0.0))
        z = layers[-1]
        if self.classes:
            e = np.exp(z - z.max(1, keepdims=True))
            delta = (e / e.sum(1, keepdims=True) - y) / len(x)
        else:
            delta = 2 * (z - y) / len(x)
        slopes: list[Array] = [np.empty(0)] * (2 * depth)
        for index in reversed(range(depth)):
            slopes[index] = layers[index].T @ delta + self.p.get("decay", 0.0) * self.weights[index]
            slopes[depth + index] = delta.sum(0)
            if index:
                h = layers[index]
                delta = delta @ self.weights[index].T
                delta = delta * (1 - h * h if self.p.get("activation") == "tanh" else h > 0)
        self.steps += 1
        momentum = self.p.get("momentum", 0.9)
        for w, g, m, v in zip(self.weights, slopes, self.first, self.second, strict=True):
            if self.p.get("optimizer") == "adam":
                m += (1 - momentum) * (g - m)
                v += 0.001 * (g * g - v)
                mean, square = m / (1 - momentum**self.steps), v / (1 - 0.999**self.steps)
                w -= rate * mean / (np.sqrt(square) + 1e-8)
            else:
                m *= momentum
                m += g
                w -= rate * m


def trained(
    params: dict[str, Any], x: Array, y: Array, classes: int, epochs: int, seed: int = 0
) -> Iterator[Network]:
    """The network after each epoch."""
    network = Network(x.shape[1], classes, params, seed)
    targets = np.eye(classes)[y] if classes else y[:, None]
    for epoch in range(epochs):
        network.epoch(x, targets, epoch / epochs)
        yield network
