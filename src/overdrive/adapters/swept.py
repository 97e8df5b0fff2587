"""A command with laws among its words, as in `python train.py --lr 'loguniform(-9, -2)' layers='choice(1, 2)'`:
which words vary, under which names, and the command with placeholders in their places."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from ..errors import ConfigError, Problem
from ..model.expressions import Choice, Expression
from ..model.metrics import PrimaryMetricGoal
from ..model.notation import law_in

_ASSIGNMENT = re.compile(r"([^\s=()\[\]{}'\"]+)=(.*)", re.DOTALL)
"""`--lr=LAW`, Hydra's `optimizer.lr=LAW` and `+lr=LAW`, `env LR=LAW`."""

_SMALLER = re.compile(
    r"loss|err(or)?|mse|rmse|mae|mape|nll|ppl|perplexity|deviance|logloss|wer|cer|fid|regret|cost|time|latency"
    r"|seconds|bpb|bpc|inertia|rmsle|l1|l2"
)
_LARGER = re.compile(
    r"acc(uracy)?|top[15]|auc|auroc|auprc|f1|f\d?|precision|recall|score|map(\d+)?|iou|miou|dice|bleu|rouge\w*|r2"
    r"|reward|return|ndcg|mrr|sensitivity|specificity|kappa|mcc|psnr|ssim|throughput|ap|elbo|likelihood"
)


class Swept(NamedTuple):
    """The command's words with `${{search_space.x}}` where values go, and the laws by name."""

    words: list[str]
    space: dict[str, Expression]


def swept(words: Sequence[str], extra: Iterable[str] = ()) -> Swept:
    """What varies in a command, and in `extra` (`name=law`: values that reach the program otherwise).

    A parameter is named for its flag (`--lr LAW`, `--lr=LAW`), its key (`optimizer.lr=LAW`) or its place (`arg2`
    for the second word after the program). A word that is no law stays as it is. ConfigError
    with all that is wrong, also when nothing varies.
    """
    reader = _Reader()
    for text in extra:
        key, equals, value = text.partition("=")
        before = len(reader.problems)
        law = reader.law(value, f"--param {key}") if equals and key.strip() else None
        if law is not None:
            reader.named(key.strip(), law)
        elif before == len(reader.problems):
            what = f"must be NAME=LAW, as in --param 'lr=loguniform(-9, -2)', got {text!r}"
            reader.problems.append(Problem("--param", what))
    found = reader.command(words)
    if reader.problems:
        raise ConfigError(reader.problems)
    if not reader.space:
        raise ConfigError(
            "nothing varies in this command; write a law where a value stands, in quotes, as in "
            "`--lr 'loguniform(-9, -2)'` or `--layers 'choice(range(1, 5))'`"
        )
    return Swept(found, reader.space)


class _Reader:
    def __init__(self) -> None:
        self.space: dict[str, Expression] = {}
        self.problems: list[Problem] = []

    def command(self, words: Sequence[str]) -> list[str]:
        found: list[str] = []
        flag = ""
        for place, word in enumerate(words):
            before, text = "", word
            assignment = _ASSIGNMENT.fullmatch(word)
            key = flag
            if assignment:
                key, text = assignment.groups()
                before = f"{key}="
            law = self.law(text, key or word)
            if law is not None and place == 0:
                self.problems.append(Problem("command", f"must begin with a program, got {word!r}"))
            elif law is not None:
                name = self.named(key.lstrip("-+~") or f"arg{place}", law)
                found.append(f"{before}${{{{search_space.{name}}}}}")
            if law is None or place == 0:
                found.append(word)
                flag = word if re.fullmatch(r"-{1,2}[^\W\d][^\s=]*", word) else ""
        return found

    def law(self, text: str, where: str) -> Expression | None:
        try:
            law = law_in(text)
        except ConfigError as error:
            self.problems += [Problem(where, problem.what) for problem in error.problems]
            return None
        if isinstance(law, Choice) and law.branches:
            what = f"{text!r}: options that are mappings have no place in a command; use a sweep file for branches"
            self.problems.append(Problem(where, what))
            return None
        return law

    def named(self, name: str, law: Expression) -> str:
        """The law gets this name, with a number when it is taken."""
        free, number = name, 1
        while free in self.space:
            number += 1
            free = f"{name}_{number}"
        self.space[free] = law
        return free


def goal_of(metric: str) -> PrimaryMetricGoal | None:
    """What a metric's name says about its goal (`val_loss`: minimize), or None when it does not say."""
    words = [word for word in re.split(r"[^a-z0-9]+", metric.lower()) if word]
    smaller = any(_SMALLER.fullmatch(word) for word in words)
    larger = any(_LARGER.fullmatch(word) for word in words)
    if smaller == larger:
        return None
    return PrimaryMetricGoal.MINIMIZE if smaller else PrimaryMetricGoal.MAXIMIZE
