"""The Bayesian sampler: a few spread-out runs first, then each next run where a Gaussian process fitted to
all results expects most.

Pure: everything follows from (space, history, number, seed, options). What is kept between calls is keyed by
the content that it was computed from.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain
from random import Random
from typing import Any, NamedTuple, Self

import numpy as np

from ...errors import ConfigError, Problem
from ...model.history import History
from ...model.records import Params
from ...model.space import SearchSpace
from ...model.values import key
from ..base import SequenceSampling
from .acquisition import below
from .arrays import Array
from .beliefs import Beliefs
from .encoding import Encoding
from .gp import Posterior, Prior, fit
from .observations import Kind, Observations, observations
from .search import Effort, Promise, search, trusted
from .threads import one_thread

_BLOCK = 16
"""The design is Latin hypercubes of so many points."""

_MIDDLE = 0.01
"""The first run stands so near the middle of the space."""

_RUNS_EACH, _ROUNDS = 20, 4
"""Advised: so many runs for each parameter, and in all so many times as many as at once."""

_REMEMBERED = 8
"""So many fits are kept."""

_FAR, _ATTEMPTS = 2**20, 100
"""An endless space whose draw has been run is drawn from again so far on, so many times."""


class Turn(NamedTuple):
    """How a run is chosen: by which process, and whether by what a run may report (`reported`), chance
    included, or by the function behind it. The first tries more configurations where all are good, the
    second learns more of where they are; neither is the better one everywhere."""

    prior: Prior
    reported: bool


_SMOOTH, _ROUGH = Prior(), Prior(rough=(-3.0, 2.0))


@dataclass(frozen=True)
class Recipe:
    """The constants of the method."""

    start: int = 4
    """The process speaks from so many results on."""
    refit: int = 10
    """Hyperparameters are fitted anew when the results have grown by one part in so many."""
    steps: int = 40
    """Likelihoods of one fit."""
    most: int = 400
    """So many observations are computed with, and half as many when hyperparameters are fitted."""
    continuous: tuple[Turn, ...] = (Turn(_SMOOTH, False), Turn(_ROUGH, False), Turn(_SMOOTH, True))
    """The turns that runs take where every axis is continuous."""
    mixed: tuple[Turn, ...] = (Turn(_SMOOTH, True), Turn(_ROUGH, True))
    """Those where some are not."""
    belief: float = 5.0
    """What the user believes weighs so much, divided by the number of results."""
    effort: Effort = field(default_factory=Effort)


class BayesianParameterSampling(SequenceSampling):
    """Gaussian process sampling for every law, choice and branch.

    `initial_points`: configurations to run first, such as the defaults of the script. ConfigError lists all
    that is wrong.
    """

    NAME = "bayesian"
    SAMPLING_NAME = "BayesianOptimization"
    recipe = Recipe()

    def __init__(
        self,
        parameter_space: SearchSpace | Mapping[str, Any],
        properties: Mapping[str, Any] | None = None,
        seed: int | None = None,
        initial_points: Sequence[Params] | None = None,
        constraints: Sequence[str] = (),
    ) -> None:
        problems: list[Problem] = []
        try:
            super().__init__(parameter_space, properties, seed, constraints)
        except ConfigError as error:
            problems += error.problems
        self.initial_points: list[Params] = []
        for place, given in enumerate(initial_points or ()):
            where = f"initial_points[{place}]"
            if not isinstance(given, Mapping):
                problems.append(Problem(where, f"must be a mapping of names to values, got {given!r}"))
            elif not problems and not self.space.contains(dict(given)):
                problems.append(Problem(where, f"is not in the search space: {dict(given)!r}"))
            else:
                self.initial_points.append(dict(given))
        if problems:
            raise ConfigError(problems)
        self._fits: OrderedDict[bytes, Array] = OrderedDict()

    def seeded(self, seed: int) -> Self:
        """The same sampler with this seed."""
        return type(self)(self.space, self.properties, seed, self.initial_points)

    def to_json(self) -> dict[str, Any]:
        """What `sampler_from_json` reads."""
        form = super().to_json()
        return {**form, "initial_points": self.initial_points} if self.initial_points else form

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.space, self.properties, self.seed, self.initial_points)

    def hints(self, runs: int, at_once: int) -> list[str]:
        """HyperDrive's recommendations, as one sentence, where so many runs, so many at once, are not within them."""
        free, found = len(self._encoding), []
        if runs < _RUNS_EACH * free:
            found.append(
                f"{_RUNS_EACH} runs or more for each parameter ({_RUNS_EACH * free} for {free}, not {runs})"
            )
        if at_once > 1 and runs < _ROUNDS * at_once:
            found.append(
                f"few at once (a run learns from those that have ended; here {at_once} of {runs} start blind)"
            )
        text = f"Bayesian sampling does best with {' and '.join(found)}; this is advice, not a limit"
        return [text] if found else []

    # ---------------------------------------------------------------- proposing

    def propose(self, history: History | None, number: int) -> Params | None:
        """The values of run `number`, or None: the space is used up."""
        runs = [] if history is None else [run for run in history if run.inherited or run.number != number]
        seen = {self._encoding.place(run.params)[0] for run in runs}
        if history is not None and self._encoding.axes and number >= len(self.initial_points):
            evidence = observations(history, self._encoding)
            if evidence.known().measured >= self.recipe.start:
                with one_thread():
                    params = self._promising(evidence, number, seen)
                if params is not None:
                    return params
        return self._unseen_design(number, seen)

    @cached_property
    def _encoding(self) -> Encoding:
        return Encoding(self.space)

    @cached_property
    def _beliefs(self) -> Beliefs:
        return Beliefs(self._encoding)

    def draw(self, index: int) -> Params:
        """Point `index` of the design: the initial points, one near the middle or where the user believes the
        best to be, then Latin hypercubes; every second point leans to where the user believes."""
        if index < len(self.initial_points):
            return dict(self.initial_points[index])
        index -= len(self.initial_points)
        m = len(self._encoding)
        block, place = divmod(index, _BLOCK)
        rng = self._numbers(f"design {block}")
        order = np.argsort(rng.random_sample((_BLOCK, m)), axis=0)
        units = ((order + rng.random_sample((_BLOCK, m))) / _BLOCK)[place : place + 1]
        if index == 0:
            units = np.where(self._encoding.categorical, units, 0.5 + _MIDDLE * (units - 0.5))
        points = self._encoding.from_units(units)
        if index == 0:
            points = self._beliefs.best(points)
        elif index % 2 == 0:
            points = self._beliefs.lean(points, units)
        return self._encoding.params(points[0])

    def _unseen_design(self, number: int, seen: set[Any]) -> Params | None:
        """The design's point for this run; where that has been run, the next one that has not."""
        size = self.space.size
        if size is None and self.space.constraints:
            return super().propose(None, number)  # type: ignore[arg-type]
        if size is None:  # it may still have values that repeat
            draws = (self.draw(number + attempt * _FAR) for attempt in range(_ATTEMPTS))
            return next((params for params in draws if key(params) not in seen), self.draw(number))
        if number >= size:
            return None
        for index in chain(range(number, size), range(number)):
            params = super().propose(None, index)  # type: ignore[arg-type]
            if params is not None and key(params) not in seen:
                return params
        return None

    def _promising(self, evidence: Observations, number: int, seen: set[Any]) -> Params | None:
        """The most promising configuration that no run has had."""
        encoding, recipe = self._encoding, self.recipe
        known, pending = evidence.known(), evidence.pending()
        levels, variance = known.levels()
        turns = recipe.continuous if np.all(encoding.continuous) else recipe.mixed
        turn = turns[number % len(turns)]
        promise = self._promise(known, levels, variance, encoding.inputs(pending.points), turn)
        best = known.points[np.argsort(levels, kind="stable")]
        box = trusted(encoding, best[0], len(known) + len(pending), recipe.effort)
        rng = self._numbers(f"at {number}")
        points, _ = search(encoding, promise, best, rng, recipe.effort, box)
        found = (encoding.params(point) for point in points)
        return next((params for params in found if key(params) not in seen), None)

    def _promise(
        self, known: Observations, levels: Array, variance: Array, waiting: Array, turn: Turn
    ) -> Promise:
        """What the process says, given the evidence and the inputs of pending runs."""
        encoding, kept = self._encoding, known.chosen(self.recipe.most)
        inputs, kinds = encoding.inputs(known.points[kept]), known.kinds[kept]
        levels, variance = levels[kept], variance[kept]
        theta = self._theta(known, turn.prior)
        bounded = kinds == Kind.BOUND
        if np.any(bounded) and not np.all(bounded):
            sure = Posterior(inputs[~bounded], levels[~bounded], variance[~bounded], encoding.owner, theta)
            mean, spread = sure(inputs[bounded])
            levels[bounded], variance[bounded] = below(mean, spread + sure.noise, levels[bounded])
        posterior = Posterior(inputs, levels, variance, encoding.owner, theta, waiting)
        good, done = kinds != Kind.FAILED, kinds == Kind.DONE
        means, _ = posterior(np.concatenate([inputs[good & ~done], waiting, inputs[done]]))
        belief = self.recipe.belief / len(known)
        if not turn.reported:
            return Promise(encoding, posterior, float(np.min(means)), 0.0, self._beliefs, belief)
        reports = np.concatenate([levels[done], means[: len(means) - int(np.sum(done))]])
        return Promise(encoding, posterior, float(np.min(reports)), posterior.noise, self._beliefs, belief)

    def _theta(self, known: Observations, prior: Prior) -> Array:
        """The hyperparameters for the finished runs, or for all while few have finished: fitted to as many of them as
        the schedule says, always from the same start, so that they do not depend on what was asked before."""
        finished = known.finished()
        part = finished if finished.measured >= self.recipe.start else known
        part = part.first(_scheduled(len(part), self.recipe.refit))
        mark = repr(prior).encode() + part.points.tobytes() + part.values.tobytes() + part.errors.tobytes()
        if mark not in self._fits:
            kept = part.chosen(self.recipe.most // 2)
            levels, variance = part.levels()
            inputs, owner = self._encoding.inputs(part.points[kept]), self._encoding.owner
            self._fits[mark] = fit(inputs, levels[kept], variance[kept], owner, prior, self.recipe.steps)
            while len(self._fits) > _REMEMBERED:
                self._fits.popitem(last=False)
        return self._fits[mark]

    def _numbers(self, purpose: str) -> np.random.RandomState:
        """A stream of its own for each purpose, from the one generator that numpy promises never to change."""
        return np.random.RandomState(int(Random(f"bayesian:{self.seed or 0}:{purpose}").random() * 2**32))


def _scheduled(count: int, part: int) -> int:
    """The greatest number up to `count` of a sequence that grows by one part in `part` at a time."""
    size = 1
    while size + max(1, size // part) <= count:
        size += max(1, size // part)
    return size
