"""What HyperDrive refuses or gets wrong in a configuration, and what happens here instead: one sentence each.

Sources: the guide to tuning hyperparameters (2021) for what is unsupported, azureml-train-core 1.62 for what is
checked, the REST model for the caps.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..model.space import SearchSpace
from ..runtime.wire import read_json, write_json
from ..sdk import experiment
from ..sweep.config import HyperDriveConfig
from ..sweep.script import ScriptRunConfig
from .interactive import InteractiveRun
from .pipeline.graph import Pipeline
from .script import settled

_BAYESIAN_LAWS = ("choice", "uniform", "quniform", "constant")
_told: set[str] = set()


class Experiment(experiment.Experiment):
    """An experiment that tells once in each process where it goes beyond HyperDrive."""

    def submit(self, config: Any, tags: dict[str, str] | None = None, **more: Any) -> Any:
        """Start a sweep, a single run or a pipeline, and return at once."""
        if isinstance(config, Pipeline):
            from .pipeline.runs import submit

            return submit(self, config, tags, **more)
        if isinstance(config, HyperDriveConfig):
            config = replace(config, run_config=settled(config.run_config))
        elif isinstance(config, ScriptRunConfig):
            config = settled(config)
        submitted = super().submit(config, tags, **more)
        for sentence in beyond(config) if isinstance(config, HyperDriveConfig) else ():
            if sentence not in _told:
                _told.add(sentence)
                print(f"overdrive: {sentence}", file=sys.stderr)
        return submitted

    @property
    def id(self) -> str:
        """Its name."""
        return self.name

    def get_portal_url(self) -> str:
        """Where the studio shows its sweeps, once `overdrive studio` has been started."""
        return "http://127.0.0.1:8484/"

    @property
    def tags(self) -> dict[str, str]:
        """What the experiment was tagged with."""
        return dict(read_json(str(self._tags)) or {})

    def set_tags(self, tags: Mapping[str, Any]) -> None:
        """Keep tags with the experiment."""
        self._tags.parent.mkdir(exist_ok=True)
        text = {str(key): "" if value is None else str(value) for key, value in tags.items()}
        write_json(str(self._tags), {**self.tags, **text})

    def tag(self, key: str, value: Any = None) -> None:
        """Keep a tag with the experiment."""
        self.set_tags({key: value})

    def refresh(self) -> None:
        """Nothing is kept that could be old."""

    archive = reactivate = refresh
    """Nothing is hidden here."""

    @property
    def _tags(self) -> Path:
        return self.workspace.home / "experiments" / f"{self.name}.json"

    def start_logging(self, *_: Any, **__: Any) -> InteractiveRun:
        """A run that is this very process: log to it, then `complete()`."""
        return InteractiveRun(self)


def beyond(config: HyperDriveConfig) -> Iterator[str]:
    """What of this configuration HyperDrive would not have done."""
    sampler = config.hyperparameter_sampling
    name = getattr(sampler, "SAMPLING_NAME", "")
    laws = _laws(sampler.space)
    if name == "BayesianOptimization":
        strange = sorted(laws - set(_BAYESIAN_LAWS))
        if strange:
            yield f"HyperDrive's Bayesian sampling refuses {', '.join(strange)}; it is used here as it is given"
        if config.policy is not None and getattr(config.policy, "POLICY_NAME", "") != "Default":
            yield "HyperDrive's Bayesian sampling knows no early termination; here both work together"
    if name == "GRID" and laws - {"choice", "constant"}:
        finite = ", ".join(sorted(laws - {"choice", "constant"}))
        yield f"HyperDrive's grid takes only choice; {finite} is finite, and all its values are in the grid"
    if config.max_total_runs > 1000:
        yield f"HyperDrive ends at 1000 runs; here there are {config.max_total_runs}"
    if (config.max_concurrent_runs or 0) > 100:
        yield f"HyperDrive runs at most 100 at once; here {config.max_concurrent_runs}, as places are free"


def _laws(space: SearchSpace) -> set[str]:
    return {slot.law.NAME for slot in space.slots}
