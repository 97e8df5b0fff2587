"""Overdrive: hyperparameter tuning for any training script.

Public names are loaded on first use, so that importing the package costs nothing, and so that
`from overdrive import Run` works in a training process where none of our dependencies is installed.
"""

from __future__ import annotations

__version__ = "0.1.0"

_HOMES = {
    "AskTell": "sdk.ask_tell",
    "BanditPolicy": "policies.bandit",
    "BayesianParameterSampling": "samplers.bayesian",
    "ConfigError": "errors",
    "Environment": "sdk.environment",
    "Experiment": "sdk.experiment",
    "ForecastPolicy": "policies.forecast",
    "GridParameterSampling": "samplers.grid",
    "HyperDriveConfig": "sweep.config",
    "HyperDriveRun": "sdk.hyperdrive_run",
    "HyperbandPolicy": "policies.hyperband",
    "MedianStoppingPolicy": "policies.median",
    "MpiConfiguration": "sweep.distribution",
    "NoTerminationPolicy": "policies.base",
    "OverdriveError": "errors",
    "PlateauPolicy": "policies.plateau",
    "PrimaryMetricGoal": "model.metrics",
    "PyTorchConfiguration": "sweep.distribution",
    "RandomParameterSampling": "samplers.random",
    "Run": "sdk.run",
    "RunDetails": "widget.details",
    "ScriptRunConfig": "sweep.script",
    "SobolParameterSampling": "samplers.sobol",
    "SuccessiveHalvingPolicy": "policies.halving",
    "TensorflowConfiguration": "sweep.distribution",
    "TruncationSelectionPolicy": "policies.truncation",
    "WilcoxonPolicy": "policies.wilcoxon",
    "Workspace": "sdk.workspace",
    "choice": "model.expressions",
    "lognormal": "model.expressions",
    "loguniform": "model.expressions",
    "normal": "model.expressions",
    "qlognormal": "model.expressions",
    "qloguniform": "model.expressions",
    "qnormal": "model.expressions",
    "quniform": "model.expressions",
    "randint": "model.expressions",
    "prepare": "runtime.prepare",
    "tune": "sdk.tune",
    "uniform": "model.expressions",
}

__all__ = sorted(_HOMES)


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'overdrive' has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(f"overdrive.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list:  # type: ignore[type-arg]
    return sorted([*globals(), *__all__])
