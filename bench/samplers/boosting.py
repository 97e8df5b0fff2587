"""Real trainings of LightGBM models and of a whole pipeline, each well under 0.3 s: 4 to 12 parameters, two of
the spaces conditional.
"""

from __future__ import annotations

from typing import Any

from lightgbm import LGBMClassifier, LGBMRegressor
from sklearn.decomposition import PCA
from sklearn.feature_selection import SelectKBest
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import QuantileTransformer, RobustScaler, StandardScaler
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier

from overdrive import choice, loguniform, quniform, uniform

from .trainings import Params, classify, errors, log_range, regress

QUIET = {"n_jobs": 1, "verbose": -1, "random_state": 0, "deterministic": True, "force_row_wise": True}


def lightgbm_cancer(p: Params) -> float:
    return classify(LGBMClassifier(**p, **QUIET), "breast_cancer", folds=2)


def lightgbm_wine(p: Params) -> float:
    return classify(LGBMClassifier(**p, **QUIET), "wine", folds=2)


def lightgbm_friedman(p: Params) -> float:
    return regress(LGBMRegressor(**p, **QUIET), "friedman", 300, folds=2)


def lightgbm_diabetes(p: Params) -> float:
    """Three ways of boosting, each with parameters of its own."""
    kind = "dart" if "drop_rate" in p else "gbdt"
    strategy = "goss" if "top_rate" in p else "bagging"
    model = LGBMRegressor(boosting_type=kind, data_sample_strategy=strategy, **p, **QUIET)
    return regress(model, "diabetes", folds=2)


def pipeline_cancer(p: Params) -> float:
    scaler = {
        "robust": RobustScaler(),
        "standard": StandardScaler(),
        "quantile": QuantileTransformer(n_quantiles=50, output_distribution="normal"),
    }[p["scaler"]]
    features = PCA(p["components"], random_state=0) if "components" in p else SelectKBest(k=p["k"])
    model: Any
    if "gamma" in p:
        model = SVC(C=p["svm_C"], gamma=p["gamma"], kernel=p["kernel"])
    elif "depth" in p:
        model = DecisionTreeClassifier(
            max_depth=p["depth"], min_samples_leaf=p["leaf"], ccp_alpha=p["prune"], random_state=0
        )
    else:
        model = LogisticRegression(C=p["C"], class_weight=p["weight"], max_iter=50)
    return errors(make_pipeline(scaler, features, model), "breast_cancer", 300)


SPACES = {
    lightgbm_cancer: {
        "n_estimators": quniform(5, 60, 1),
        "learning_rate": log_range(1e-3, 1),
        "num_leaves": quniform(2, 32, 1),
        "max_depth": quniform(1, 10, 1),
        "min_child_samples": quniform(1, 60, 1),
        "reg_alpha": log_range(1e-6, 10),
        "reg_lambda": log_range(1e-6, 100),
        "colsample_bytree": uniform(0.1, 1),
        "subsample": uniform(0.2, 1),
        "subsample_freq": choice(0, 1, 5),
        "max_bin": choice(15, 31, 63, 127, 255),
        "extra_trees": choice(True, False),
    },
    lightgbm_wine: {
        "n_estimators": quniform(2, 40, 1),
        "learning_rate": log_range(1e-3, 2),
        "num_leaves": quniform(2, 24, 1),
        "min_child_samples": quniform(1, 40, 1),
        "colsample_bytree": uniform(0.1, 1),
        "reg_lambda": log_range(1e-6, 100),
    },
    lightgbm_friedman: {
        "n_estimators": quniform(2, 80, 1),
        "learning_rate": log_range(1e-3, 1),
        "num_leaves": quniform(2, 32, 1),
        "min_child_samples": quniform(1, 50, 1),
    },
    lightgbm_diabetes: {
        "n_estimators": quniform(5, 50, 1),
        "learning_rate": log_range(1e-3, 1),
        "num_leaves": quniform(2, 32, 1),
        "way": choice(
            {"drop_rate": uniform(0, 0.5), "skip_drop": uniform(0, 1), "max_drop": quniform(1, 50, 1)},
            {"top_rate": uniform(0.05, 0.5), "other_rate": uniform(0.05, 0.4)},
            {
                "subsample": uniform(0.2, 1),
                "subsample_freq": choice(1, 2, 5),
                "reg_lambda": log_range(1e-6, 1e3),
            },
        ),
    },
    pipeline_cancer: {
        "scaler": choice("robust", "standard", "quantile"),
        "features": choice({"components": quniform(1, 20, 1)}, {"k": quniform(1, 30, 1)}),
        "model": choice(
            {"svm_C": log_range(1e-3, 1e3), "gamma": log_range(1e-6, 1), "kernel": choice("rbf", "sigmoid")},
            {"depth": quniform(1, 12, 1), "leaf": quniform(1, 40, 1), "prune": loguniform(-9, -1)},
            {"C": log_range(1e-3, 1e3), "weight": choice(None, "balanced")},
        ),
    },
}
