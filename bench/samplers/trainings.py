"""Real trainings of scikit-learn models on its bundled data, each well under 0.3 s: mixed spaces of 2 to 9
parameters. Every function takes a configuration and gives a loss to be minimised.
"""

from __future__ import annotations

from functools import cache
from math import log
from typing import Any

import numpy as np
from sklearn import datasets, metrics
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.ensemble import (
    ExtraTreesClassifier,
    GradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
)
from sklearn.feature_selection import SelectKBest
from sklearn.kernel_ridge import KernelRidge
from sklearn.linear_model import ElasticNet, LogisticRegression, SGDClassifier
from sklearn.model_selection import KFold
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import KBinsDiscretizer, PolynomialFeatures, StandardScaler
from sklearn.svm import SVC, SVR

from overdrive import choice, loguniform, quniform, uniform

Params = dict[str, Any]


@cache
def data(name: str, rows: int = 400) -> tuple[np.ndarray, np.ndarray]:
    if name == "friedman":
        x, y = datasets.make_friedman1(rows, noise=1.0, random_state=0)
    else:
        x, y = getattr(datasets, f"load_{name}")(return_X_y=True)
        order = np.random.default_rng(0).permutation(len(y))[:rows]
        x, y = x[order], y[order]
    return StandardScaler().fit_transform(x), y


def classify(model: Any, name: str, rows: int = 400, folds: int = 3) -> float:
    """Cross-validated log loss, each probability kept above 1e-4."""
    x, y = data(name, rows)
    losses = []
    for train, test in KFold(folds).split(x):
        model.fit(x[train], y[train])
        given = np.clip(model.predict_proba(x[test]), 1e-4, 1)
        losses.append(metrics.log_loss(y[test], given / given.sum(1, keepdims=True), labels=model.classes_))
    return float(np.mean(losses))


def errors(model: Any, name: str, rows: int = 400, folds: int = 3) -> float:
    """Cross-validated share of wrong answers: a loss with plateaus."""
    x, y = data(name, rows)
    splits = KFold(folds).split(x)
    return float(np.mean([np.mean(model.fit(x[a], y[a]).predict(x[b]) != y[b]) for a, b in splits]))


def regress(model: Any, name: str, rows: int = 400, folds: int = 3) -> float:
    """Cross-validated mean squared error over the variance of the target, at most 10, also when it
    diverges."""
    x, y = data(name, rows)
    z = (y - y.mean()) / y.std()
    losses = []
    for train, test in KFold(folds).split(x):
        try:
            with np.errstate(all="ignore"):
                error = np.mean((model.fit(x[train], z[train]).predict(x[test]) - z[test]) ** 2)
        except ValueError:  # weights that are not finite
            error = np.inf
        losses.append(float(np.fmin(error, 10)))
    return float(np.mean(losses))


def log_range(low: float, high: float) -> Any:
    return loguniform(log(low), log(high))


def svm_digits(p: Params) -> float:
    return errors(SVC(C=p["C"], gamma=p["gamma"]), "digits", 300)


def forest_wine(p: Params) -> float:
    return classify(RandomForestClassifier(**p, random_state=0), "wine", folds=2)


def network_digits(p: Params) -> float:
    model = MLPClassifier(
        (p["width"],) * p["layers"],
        activation=p["activation"],
        alpha=p["alpha"],
        learning_rate_init=p["lr"],
        batch_size=p["batch"],
        beta_1=p["beta"],
        max_iter=8,
        random_state=0,
    )
    return classify(model, "digits", 300, folds=2)


def any_cancer(p: Params) -> float:
    model: Any
    if "C" in p:
        model = SVC(C=p["C"], gamma=p["gamma"], random_state=0)
    elif "neighbors" in p:
        model = KNeighborsClassifier(p["neighbors"], weights=p["weights"], p=p["power"])
    elif "trees" in p:
        model = ExtraTreesClassifier(
            p["trees"], max_depth=p["depth"], max_features=p["features"], random_state=0
        )
    else:
        model = LinearDiscriminantAnalysis(solver="lsqr", shrinkage=p["shrinkage"])
    return errors(model, "breast_cancer", 300)


def boosting_diabetes(p: Params) -> float:
    return regress(
        HistGradientBoostingRegressor(**p, early_stopping=False, random_state=0), "diabetes", folds=2
    )


def bins_wine(p: Params) -> float:
    model = make_pipeline(
        SelectKBest(k=p["k"]),
        KBinsDiscretizer(p["bins"], encode=p["encode"], strategy=p["strategy"], quantile_method="linear"),
        LogisticRegression(C=p["C"], max_iter=50, class_weight=p["weight"]),
    )
    return classify(model, "wine")


def ridge_diabetes(p: Params) -> float:
    return regress(
        KernelRidge(alpha=p["alpha"], gamma=p["gamma"], kernel=p["kernel"], degree=p["degree"]), "diabetes"
    )


def trees_digits(p: Params) -> float:
    return classify(ExtraTreesClassifier(**p, random_state=0), "digits", 400, folds=2)


def sgd_cancer(p: Params) -> float:
    model = SGDClassifier(**p, max_iter=15, tol=None, random_state=0)
    return errors(model, "breast_cancer", 300)


def any_friedman(p: Params) -> float:
    model: Any
    if "C" in p:
        model = SVR(C=p["C"], gamma=p["gamma"], epsilon=p["epsilon"])
    elif "neighbors" in p:
        model = KNeighborsRegressor(p["neighbors"], weights=p["weights"])
    elif "rate" in p:
        model = HistGradientBoostingRegressor(
            learning_rate=p["rate"], max_iter=p["rounds"], max_leaf_nodes=p["leaves"], early_stopping=False
        )
    else:
        model = make_pipeline(
            PolynomialFeatures(p["degree"]), ElasticNet(p["alpha"], l1_ratio=p["mix"], max_iter=200)
        )
    return regress(model, "friedman", 200, folds=2)


def gradient_wine(p: Params) -> float:
    return classify(GradientBoostingClassifier(**p, random_state=0), "wine", folds=2)


def network_friedman(p: Params) -> float:
    model = MLPRegressor(
        hidden_layer_sizes=(p["width1"], p["width2"]),
        activation=p["activation"],
        alpha=p["alpha"],
        learning_rate_init=p["lr"],
        batch_size=p["batch"],
        beta_1=p["beta1"],
        beta_2=1 - p["forget"],
        solver="adam",
        max_iter=p["epochs"],
        random_state=0,
    )
    return regress(model, "friedman", 200, folds=2)


SPACES = {
    svm_digits: {"C": log_range(1e-3, 1e3), "gamma": log_range(1e-6, 10)},
    forest_wine: {
        "n_estimators": quniform(2, 30, 1),
        "max_depth": quniform(1, 10, 1),
        "min_samples_leaf": quniform(1, 20, 1),
        "max_features": uniform(0.05, 1),
        "criterion": choice("gini", "entropy"),
        "bootstrap": choice(True, False),
    },
    network_digits: {
        "width": choice(8, 16, 32, 64),
        "layers": choice(1, 2, 3),
        "activation": choice("relu", "tanh", "logistic"),
        "alpha": log_range(1e-6, 10),
        "lr": log_range(1e-5, 1),
        "batch": choice(16, 32, 64, 128),
        "beta": uniform(0.5, 0.99),
    },
    any_cancer: {
        "model": choice(
            {"C": log_range(1e-3, 1e3), "gamma": log_range(1e-6, 1)},
            {
                "neighbors": quniform(1, 40, 1),
                "weights": choice("uniform", "distance"),
                "power": choice(1, 2),
            },
            {"trees": quniform(2, 20, 1), "depth": quniform(1, 12, 1), "features": uniform(0.05, 1)},
            {"shrinkage": uniform(0, 1)},
        )
    },
    boosting_diabetes: {
        "learning_rate": log_range(1e-3, 1),
        "max_iter": quniform(5, 40, 1),
        "max_leaf_nodes": quniform(2, 40, 1),
        "min_samples_leaf": quniform(1, 60, 1),
        "l2_regularization": log_range(1e-6, 1e3),
        "max_features": uniform(0.1, 1),
    },
    bins_wine: {
        "k": quniform(1, 13, 1),
        "bins": choice(2, 3, 4, 5, 6, 8),
        "encode": choice("onehot-dense", "ordinal"),
        "strategy": choice("uniform", "quantile"),
        "C": choice(0.001, 0.01, 0.1, 1, 10, 100),
        "weight": choice(None, "balanced"),
    },
    ridge_diabetes: {
        "alpha": log_range(1e-5, 1e3),
        "gamma": log_range(1e-6, 10),
        "kernel": choice("rbf", "laplacian", "polynomial", "sigmoid"),
        "degree": choice(1, 2, 3, 4),
    },
    trees_digits: {
        "n_estimators": quniform(2, 25, 1),
        "max_depth": quniform(2, 16, 1),
        "min_samples_split": quniform(2, 30, 1),
        "max_features": uniform(0.02, 1),
        "criterion": choice("gini", "entropy"),
        "min_impurity_decrease": log_range(1e-7, 0.1),
    },
    sgd_cancer: {
        "loss": choice("hinge", "log_loss", "modified_huber", "perceptron"),
        "penalty": choice("l2", "l1", "elasticnet"),
        "alpha": log_range(1e-7, 1),
        "l1_ratio": uniform(0, 1),
        "learning_rate": choice("constant", "optimal", "invscaling", "adaptive"),
        "eta0": log_range(1e-5, 10),
        "power_t": uniform(0.05, 1),
        "average": choice(True, False),
    },
    any_friedman: {
        "model": choice(
            {"C": log_range(1e-3, 1e3), "gamma": log_range(1e-6, 1), "epsilon": log_range(1e-4, 1)},
            {"neighbors": quniform(1, 30, 1), "weights": choice("uniform", "distance")},
            {"rate": log_range(1e-3, 1), "rounds": quniform(5, 60, 1), "leaves": quniform(2, 20, 1)},
            {"degree": choice(1, 2), "alpha": log_range(1e-5, 1), "mix": uniform(0, 1)},
        )
    },
    gradient_wine: {
        "n_estimators": quniform(2, 25, 1),
        "learning_rate": log_range(1e-3, 2),
        "max_depth": quniform(1, 6, 1),
        "subsample": uniform(0.2, 1),
        "min_samples_leaf": quniform(1, 30, 1),
        "max_features": uniform(0.05, 1),
        "criterion": choice("friedman_mse", "squared_error"),
    },
    network_friedman: {
        "width1": quniform(2, 64, 1),
        "width2": quniform(2, 64, 1),
        "activation": choice("relu", "tanh", "logistic"),
        "alpha": log_range(1e-6, 10),
        "lr": log_range(1e-5, 1),
        "batch": choice(8, 16, 32, 64),
        "beta1": uniform(0.5, 0.99),
        "forget": log_range(1e-4, 0.3),
        "epochs": quniform(3, 12, 1),
    },
}
