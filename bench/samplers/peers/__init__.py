"""The samplers to compare, each behind the same two calls; one file a project, one line each in the table.

Each runs in a process of its own with its own project's environment (`python -m bench.samplers.peers NAME`), and
speaks JSON lines: see `serve`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

Params = dict[str, Any]


class Asked(Protocol):
    """A sampler in the middle of a sweep. A loss is to be minimised."""

    def ask(self, number: int) -> Params: ...

    def tell(self, number: int, loss: float) -> None: ...


@dataclass(frozen=True)
class Peer:
    """Where a peer's class is and how it is made: `maker(space, seed, budget, pending, **options)`."""

    maker: str
    """`module:Class` in this folder."""

    environment: str = ""
    """The environment it runs in, by name; empty for the one of this process."""

    options: Mapping[str, Any] = field(default_factory=dict)
    slow: bool = False
    """Takes so long that it runs only the few tasks of a suite."""

    heeds: bool = True
    """Whether results change what it asks; if not, one sweep serves every number pending."""


ENVIRONMENTS = {
    "optuna": ("optuna==5.0.0", "cmaes==0.13.1", "scipy", "torch"),
    "hyperopt": ("hyperopt==0.3.0", "setuptools"),
    "nevergrad": ("nevergrad==1.0.12",),
    # What pip would look for among hundreds of versions: HEBO wants a numpy of its time.
    "hebo": (
        "HEBO==0.3.6", "torch", "numpy==1.24.4", "scipy<1.13", "pandas<2.2", "scikit-learn<1.5", "contourpy<1.3",
        "matplotlib>=3.7,<3.8", "setuptools<81",
    ),
    "smac": ("smac==2.4.1",),
    "ax": ("ax-platform==1.3.1", "torch"),
    "syne-tune": ("syne-tune==0.16.0", "huggingface_hub", "fastparquet", "h5py"),
}  # fmt: skip
"""What `--install` puts into each environment, a list of requirements each."""

PEERS = {
    "bayesian": Peer("ours:Ours", options={"name": "bayesian"}),
    "random": Peer("ours:Ours", options={"name": "random"}, heeds=False),
    "sobol": Peer("ours:Ours", options={"name": "sobol"}, heeds=False),
    "optuna-tpe": Peer("optuna:Optuna", "optuna", {"name": "TPESampler"}),
    "optuna-gp": Peer("optuna:Optuna", "optuna", {"name": "GPSampler", "deterministic_objective": True}),
    "optuna-cmaes": Peer("optuna:Optuna", "optuna", {"name": "CmaEsSampler"}),
    "nevergrad": Peer("nevergrad:Nevergrad", "nevergrad"),
    "hyperopt": Peer("hyperopt:Hyperopt", "hyperopt"),
    "syne-tune-cqr": Peer("syne_tune:SyneTune", "syne-tune", slow=True),
    "smac": Peer("smac:Smac", "smac", slow=True),
    "ax": Peer("ax:Ax", "ax", slow=True),
    "hebo": Peer("hebo:Hebo", "hebo", slow=True),
}
