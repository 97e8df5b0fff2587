"""The tasks, split on the first day: the policies are tuned on TUNING; HELD_OUT is run only to report.

A task is a search space and a real training that gives one value of its metric after each epoch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from math import log
from typing import Any

import numpy as np
from network import trained
from sklearn import datasets
from sklearn.ensemble import GradientBoostingClassifier, GradientBoostingRegressor
from sklearn.linear_model import SGDClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.preprocessing import StandardScaler

from overdrive import PrimaryMetricGoal, choice, loguniform, quniform, uniform

Params = dict[str, Any]
Split = tuple[Any, Any, Any, Any]
MAXIMIZE, MINIMIZE = PrimaryMetricGoal.MAXIMIZE, PrimaryMetricGoal.MINIMIZE


@dataclass(frozen=True, eq=False)
class Task:
    """`train` yields one value an epoch."""

    name: str
    goal: PrimaryMetricGoal
    space: Mapping[str, Any]
    train: Callable[[Params], Iterator[float]]


@cache
def data(name: str, rows: int = 500, noise: float = 0.0) -> Split:
    """Training inputs and targets, then as many rows again (of what there is) to be measured on."""
    if name in ("digits", "breast_cancer", "wine"):
        x, y = getattr(datasets, f"load_{name}")(return_X_y=True)
    elif name == "friedman":
        x, y = datasets.make_friedman1(2 * rows, noise=1.0, random_state=1)
        y = (y - y.mean()) / y.std()
    elif name == "friedman2":
        x, y = datasets.make_friedman2(2 * rows, noise=60.0, random_state=2)
        y = (y - y.mean()) / y.std()
    elif name == "hastie":
        x, y = datasets.make_hastie_10_2(2 * rows, random_state=3)
        y = (y > 0).astype(int)
    elif name == "quantiles":
        x, y = datasets.make_gaussian_quantiles(n_samples=2 * rows, n_features=8, n_classes=4, random_state=4)
    elif name == "spirals":
        rng = np.random.default_rng(5)
        t, y = np.sqrt(rng.random(2 * rows)) * 9, rng.integers(0, 2, 2 * rows)
        x = np.stack([t * np.cos(t + np.pi * y), t * np.sin(t + np.pi * y)], 1) + rng.normal(
            0, 0.35, (2 * rows, 2)
        )
    elif name == "parity":
        rng = np.random.default_rng(6)
        x = rng.choice([-1.0, 1.0], (2 * rows, 10)) + rng.normal(0, 0.2, (2 * rows, 10))
        y = (np.prod(np.sign(x[:, :3]), 1) > 0).astype(int)
    else:
        x, y = datasets.make_classification(
            2 * rows, 20, n_informative=8, n_classes=3, n_clusters_per_class=2, class_sep=0.9, random_state=7
        )
    order = np.random.default_rng(0).permutation(len(y))[: 2 * rows]
    x, y = StandardScaler().fit_transform(x[order]), y[order]
    half = len(y) // 2
    learnt = y[:half].copy()
    if noise:
        rng = np.random.default_rng(1)
        wrong = rng.random(half) < noise
        learnt[wrong] = rng.integers(0, int(y.max()) + 1, int(wrong.sum()))
    return x[:half], learnt, x[half:], y[half:]


def score(given: Any, y: Any, metric: str) -> float:
    """Accuracy or log loss of (n, c) probabilities, or the mean squared error of (n, 1) values."""
    if metric == "error":
        return float(np.mean((given[:, 0] - y) ** 2))
    if metric == "accuracy":
        return float(np.mean(given.argmax(1) == y))
    chosen = given[np.arange(len(y)), y]
    return float(-np.mean(np.log(np.clip(chosen, 1e-7, 1))))


def network(name: str, metric: str, epochs: int, rows: int = 500, noise: float = 0.0) -> Any:
    """Our own network on this data."""

    def train(params: Params) -> Iterator[float]:
        x, y, xv, yv = data(name, rows, noise)
        classes = 0 if metric == "error" else int(y.max()) + 1
        with np.errstate(all="ignore"):
            for net in trained(params, x, y, classes, epochs):
                yield score(net.outputs(xv), yv, metric)

    return train


def sgd(name: str, metric: str, epochs: int, rows: int = 500, noise: float = 0.0) -> Any:
    """A linear model of scikit-learn, one pass at a time."""

    def train(params: Params) -> Iterator[float]:
        x, y, xv, yv = data(name, rows, noise)
        model = SGDClassifier(**params, loss="log_loss", random_state=0)
        classes = np.unique(y)
        with np.errstate(all="ignore"):
            for _ in range(epochs):
                try:
                    model.partial_fit(x, y, classes=classes)
                    yield score(model.predict_proba(xv), yv, metric)
                except ValueError:  # its weights are not finite any more
                    yield float("nan")

    return train


def perceptron(name: str, metric: str, epochs: int, rows: int = 500, noise: float = 0.0) -> Any:
    """The network of scikit-learn, one pass at a time."""

    def train(params: Params) -> Iterator[float]:
        x, y, xv, yv = data(name, rows, noise)
        p = dict(params)
        model = MLPClassifier((p.pop("width"),) * p.pop("layers"), **p, random_state=0)
        classes = np.unique(y)
        with np.errstate(all="ignore"):
            for _ in range(epochs):
                try:
                    model.partial_fit(x, y, classes=classes)
                    yield score(model.predict_proba(xv), yv, metric)
                except ValueError:
                    yield float("nan")

    return train


def boosting(name: str, metric: str, epochs: int, rows: int = 500, noise: float = 0.0) -> Any:
    """Trees of scikit-learn; an epoch is one more round of them."""

    def train(params: Params) -> Iterator[float]:
        x, y, xv, yv = data(name, rows, noise)
        kind = GradientBoostingRegressor if metric == "error" else GradientBoostingClassifier
        model = kind(n_estimators=epochs, **params, random_state=0)
        with np.errstate(all="ignore"):
            model.fit(x, y)
            stages = model.staged_predict(xv) if metric == "error" else model.staged_predict_proba(xv)
            for given in stages:
                yield score(given[:, None] if metric == "error" else given, yv, metric)

    return train


def light(name: str, metric: str, epochs: int, rows: int = 500, noise: float = 0.0) -> Any:
    """LightGBM; an epoch is two more rounds."""

    def train(params: Params) -> Iterator[float]:
        import lightgbm

        x, y, xv, yv = data(name, rows, noise)
        model = lightgbm.LGBMClassifier(n_estimators=2 * epochs, **params, n_jobs=1, verbose=-1)
        model.fit(x, y)
        for rounds in range(2, 2 * epochs + 1, 2):
            given = np.asarray(model.booster_.predict(xv, num_iteration=rounds))
            yield score(np.stack([1 - given, given], 1) if given.ndim == 1 else given, yv, metric)

    return train


def powers(low: float, high: float) -> Any:
    """Evenly in the logarithm."""
    return loguniform(log(low), log(high))


def net_space(*schedules: str, adam: bool = True, high: float = 3.0) -> dict[str, Any]:
    """Both optimizers share a rate, so that some diverge and some crawl."""
    return {
        "lr": powers(1e-4, high),
        "momentum": uniform(0.0, 0.98),
        "optimizer": choice("sgd", "adam") if adam else choice("sgd"),
        "schedule": choice(*schedules),
        "width": choice(8, 16, 32, 64),
        "layers": choice(1, 2),
        "activation": choice("relu", "tanh"),
        "batch": choice(16, 32, 64, 128),
        "decay": powers(1e-6, 1e-1),
        "dropout": choice(0.0, 0.2, 0.5),
    }


TREES = {
    "learning_rate": powers(0.01, 1.0),
    "max_depth": quniform(1, 6, 1),
    "subsample": uniform(0.3, 1),
    "min_samples_leaf": quniform(1, 40, 1),
    "max_features": uniform(0.1, 1),
}
LINEAR = {
    "alpha": powers(1e-7, 1e-1),
    "eta0": powers(1e-5, 1.0),
    "learning_rate": choice("constant", "optimal", "invscaling"),
    "power_t": uniform(0.1, 0.9),
    "penalty": choice("l2", "l1", "elasticnet"),
    "average": choice(True, False),
}
PERCEPTRON = {
    "width": choice(8, 16, 32, 64),
    "layers": choice(1, 2, 3),
    "activation": choice("relu", "tanh", "logistic"),
    "alpha": powers(1e-6, 1.0),
    "learning_rate_init": powers(1e-5, 0.3),
    "batch_size": choice(32, 64, 128),
    "solver": choice("adam", "sgd"),
    "momentum": uniform(0.0, 0.98),
}
LEAVES = {
    "learning_rate": powers(0.005, 0.5),
    "num_leaves": quniform(2, 32, 1),
    "min_child_samples": quniform(2, 60, 1),
    "subsample": uniform(0.3, 1),
    "subsample_freq": choice(1),
    "colsample_bytree": uniform(0.2, 1),
    "reg_lambda": powers(1e-3, 100),
}

TUNING = [
    Task(
        "net-digits-accuracy",
        MAXIMIZE,
        net_space("constant", "cosine", "steps"),
        network("digits", "accuracy", 40, 400),
    ),
    Task(
        "net-noisy-loss",
        MINIMIZE,
        net_space("constant", "cosine", "warmup"),
        network("mixture", "loss", 50, 400, 0.2),
    ),
    Task(
        "net-spirals-accuracy",
        MAXIMIZE,
        net_space("constant", "one-cycle", "cosine", high=1.0),
        network("spirals", "accuracy", 50, 400),
    ),
    Task("perceptron-cancer-loss", MINIMIZE, PERCEPTRON, perceptron("breast_cancer", "loss", 30, 280)),
    Task("linear-mixture-accuracy", MAXIMIZE, LINEAR, sgd("mixture", "accuracy", 40, 500, 0.1)),
    Task("boosting-friedman-error", MINIMIZE, TREES, boosting("friedman", "error", 50, 250)),
    Task(
        "net-friedman-error",
        MINIMIZE,
        net_space("constant", "one-cycle", "restarts", high=0.3),
        network("friedman", "error", 40, 300),
    ),
    Task(
        "net-spirals-loss",
        MINIMIZE,
        net_space("warmup", "steps", "restarts"),
        network("spirals", "loss", 40, 500, 0.1),
    ),
    Task("perceptron-mixture-accuracy", MAXIMIZE, PERCEPTRON, perceptron("mixture", "accuracy", 40, 400)),
    Task("linear-cancer-loss", MINIMIZE, LINEAR, sgd("breast_cancer", "loss", 30, 280)),
    Task("boosting-mixture-accuracy", MAXIMIZE, TREES, boosting("mixture", "accuracy", 40, 300, 0.1)),
    Task("lightgbm-spirals-loss", MINIMIZE, LEAVES, light("spirals", "loss", 40, 400, 0.1)),
]

HELD_OUT = [
    Task(
        "net-parity-loss",
        MINIMIZE,
        net_space("constant", "one-cycle", "cosine", high=1.0),
        network("parity", "loss", 50, 500),
    ),
    Task(
        "net-quantiles-accuracy",
        MAXIMIZE,
        net_space("constant", "restarts", "warmup"),
        network("quantiles", "accuracy", 40, 500),
    ),
    Task(
        "net-friedman2-error",
        MINIMIZE,
        net_space("constant", "cosine", "steps", high=0.3),
        network("friedman2", "error", 40, 300),
    ),
    Task("perceptron-digits-accuracy", MAXIMIZE, PERCEPTRON, perceptron("digits", "accuracy", 30, 400)),
    Task("linear-digits-loss", MINIMIZE, LINEAR, sgd("digits", "loss", 40, 500)),
    Task("boosting-hastie-loss", MINIMIZE, TREES, boosting("hastie", "loss", 50, 300)),
    Task(
        "lightgbm-mixture-accuracy",
        MAXIMIZE,
        LEAVES,
        light("mixture", "accuracy", 50, 500, 0.1),
    ),
]
