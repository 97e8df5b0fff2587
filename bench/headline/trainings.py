"""Three real trainings of one to three seconds each: a scikit-learn network, LightGBM, a small torch net. A training
yields its validation loss after each epoch; every sweep, whoever leads it, trains by this file.

A space maps names to ("log" | "float" | "int", least, greatest) or ("choice", options), which each peer says in
its own words.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import Any

import numpy as np
from sklearn.datasets import load_digits, make_friedman1

Params = Mapping[str, Any]
Space = dict[str, tuple[Any, ...]]


@cache
def digits() -> tuple[np.ndarray, ...]:
    x, y = load_digits(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(y))
    x, y = (x[order] / 16).astype("float32"), y[order]
    return x[:900], y[:900], x[900:], y[900:]


def sklearn(p: Params) -> Iterator[float]:
    from sklearn.metrics import log_loss
    from sklearn.neural_network import MLPClassifier

    x, y, held_x, held_y = digits()
    model = MLPClassifier(
        (p["width"],) * p["layers"],
        activation=p["activation"],
        alpha=p["alpha"],
        learning_rate_init=p["lr"],
        batch_size=p["batch"],
        beta_1=p["beta"],
        random_state=0,
    )
    rng = np.random.default_rng(0)
    for _ in range(40):
        order = rng.permutation(len(y))
        model.partial_fit(x[order], y[order], classes=range(10))
        yield log_loss(held_y, np.clip(model.predict_proba(held_x), 1e-4, 1), labels=range(10))


def lightgbm(p: Params) -> Iterator[float]:
    import lightgbm as lgb

    x, y = make_friedman1(4000, n_features=20, noise=1.0, random_state=0)
    fixed = {"verbose": -1, "num_threads": 1, "seed": 0, "deterministic": True, "bagging_freq": 1}
    train = lgb.Dataset(x[:2000], y[:2000], params={"max_bin": p["max_bin"], "verbose": -1})
    model = lgb.Booster({**fixed, **p}, train)
    for _ in range(40):
        for _ in range(8):
            model.update()
        yield float(np.sqrt(np.mean((model.predict(x[2000:]) - y[2000:]) ** 2)))


def torch(p: Params) -> Iterator[float]:
    import torch
    from torch import nn

    torch.set_num_threads(1)
    torch.manual_seed(0)
    x, y, held_x, held_y = map(torch.from_numpy, digits())
    net = nn.Sequential(
        nn.Unflatten(1, (1, 8, 8)),
        nn.Conv2d(1, p["width"], 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(p["width"], 2 * p["width"], 3, padding=1),
        nn.ReLU(),
        nn.Flatten(),
        nn.Dropout(p["dropout"]),
        nn.Linear(32 * p["width"], 10),
    )
    optimizer = torch.optim.SGD(
        net.parameters(), lr=p["lr"], momentum=p["momentum"], weight_decay=p["decay"], nesterov=True
    )
    loss = nn.CrossEntropyLoss(label_smoothing=p["smoothing"])
    for _ in range(30):
        net.train()
        for part in torch.randperm(len(y)).split(p["batch"]):
            optimizer.zero_grad()
            loss(net(x[part]), y[part]).backward()
            optimizer.step()
        net.eval()
        with torch.no_grad():
            found = float(nn.functional.cross_entropy(net(held_x), held_y))
        yield found if np.isfinite(found) else 10.0


SPACES: dict[str, Space] = {
    "sklearn": {
        "lr": ("log", 1e-5, 1.0),
        "width": ("int", 8, 128),
        "layers": ("choice", [1, 2, 3]),
        "activation": ("choice", ["relu", "tanh", "logistic"]),
        "alpha": ("log", 1e-7, 1.0),
        "batch": ("choice", [16, 32, 64, 128, 256]),
        "beta": ("float", 0.5, 0.99),
    },
    "lightgbm": {
        "learning_rate": ("log", 1e-3, 1.0),
        "num_leaves": ("int", 2, 64),
        "min_data_in_leaf": ("int", 1, 100),
        "lambda_l2": ("log", 1e-6, 1e2),
        "feature_fraction": ("float", 0.1, 1.0),
        "bagging_fraction": ("float", 0.2, 1.0),
        "max_bin": ("choice", [15, 31, 63, 127, 255]),
    },
    "torch": {
        "lr": ("log", 1e-4, 1.0),
        "momentum": ("float", 0.0, 0.98),
        "decay": ("log", 1e-7, 1e-1),
        "width": ("choice", [2, 4, 8, 16]),
        "dropout": ("float", 0.0, 0.7),
        "smoothing": ("float", 0.0, 0.3),
        "batch": ("choice", [16, 32, 64, 128]),
    },
}
TRAININGS: dict[str, Callable[[Params], Iterator[float]]] = {
    "sklearn": sklearn,
    "lightgbm": lightgbm,
    "torch": torch,
}


def train(task: str, params: Params) -> Iterator[float]:
    """The losses of one training, each written with its time to the file that JOURNAL names as well."""
    with open(os.environ["JOURNAL"], "a", buffering=1) as journal:
        for loss in TRAININGS[task](params):
            journal.write(json.dumps([time.time(), loss]) + "\n")
            yield loss
