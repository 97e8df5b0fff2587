"""Numbers with a name in lines that people read: `loss=0.5`, `val_acc: 0.91`, and what training libraries print.

The forms, and whose they are:
    epoch 3 loss=0.5 val_acc: 91.2%              anybody's
    938/938 - 2s - loss: 0.31 - val_loss: 0.29   Keras; the line is drawn over and over, its last state counts
    Epoch 4: 100%|##| 9/9 [.., val_loss=0.29]    PyTorch Lightning, tqdm; one line for all epochs, drawn over
    {'loss': '0.31', 'epoch': 1.0}               Hugging Face's Trainer, and any dict, also of numpy or torch scalars
    [12]  train-rmse:0.5  eval-rmse:0.6+0.01     XGBoost, also its cross-validation
    [12]  valid_0's auc: 0.9                     LightGBM: `valid_0-auc`, as its MLflow logger calls it
    12:   learn: 0.6  test: 0.61  total: 50ms    CatBoost
    [CV 1/5] END ..C=1;, score=(train=0.9, test=0.8)   scikit-learn's searches: `score`, of the test
    Iteration 3, loss = 0.5                      scikit-learn's networks
    epoch  train_loss  accuracy  time            fastai, spaCy, scikit-learn's boosting: a table, then
    0      1.234       0.81      00:10           its rows; `macro avg/f1-score` of scikit-learn's report
    | rollout/ |  and  | ep_rew_mean | 22 |      Stable Baselines: `rollout/ep_rew_mean`
    Test set: Accuracy: 9913/10000 (99%)         PyTorch's examples: 0.9913
    iter 100: val loss 2.5031,  * Acc@1 76.13    nanoGPT, PyTorch's examples: a number without a sign before it
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from .base import MOST_NAMES
from .output import Piece

# Quantifiers are possessive and names begin only where no name goes on: every pattern is linear in the line.
NUMBER = r"(?i:[-+]?(?:\d++(?:\.\d*+)?(?:e[-+]?\d++)?|\.\d++(?:e[-+]?\d++)?|nan|inf(?:inity)?))"
_DECIMAL = r"[-+]?\d*\.\d++(?:[eE][-+]?\d++)?"
_END = r"(?!\w|\.\w|,\d)"
_WRAP = r"(?:(?:np\.|numpy\.)?(?:float\d*|tensor|array)\(\[?|\((?:train=[^,()]{0,40}+, )?test=)?['\"]?"
_PART = r"(?:/(?P<of>\d++)(?=\s?\())?"
_BEGIN = r"(?<![\w./@%-])"

_KIND = r"(?:(?P<kind>train|training|val|valid|validation|test|eval|dev|mean|average|avg|best)\s)?"
"""Words before a name that are part of it: the accuracy of the test is not that of the training."""

_PAIR = re.compile(
    rf"(?:{_BEGIN}(?:(?P<set>[^\W\d][\w-]*+)'s (?P<measure>[\w@-]++)|(?i:{_KIND})(?P<name>[^\W\d][\w/@.+^-]*+))"
    rf"|(?P<quote>['\"])(?P<quoted>[^'\"\s][^'\"]{{0,100}}+)(?P=quote))"
    rf"\s*+[=:]\s*+{_WRAP}(?P<number>{NUMBER}){_PART}{_END}"
)
_BARE = re.compile(
    rf"{_BEGIN}{_KIND}(?P<name>loss|nll_loss|acc|accuracy|error|err|ppl|perplexity|[mr]?mse|rmse|mae|auc|f1|bleu|map|miou|iou|score|reward"
    rf"|inertia|acc@\d)\s++(?P<number>{_DECIMAL})%?+{_END}",
    re.IGNORECASE,
)
_STEP = re.compile(
    rf"^\W{{0,3}}\[?(\d++)(?:/\d++)?[\]:]\s"
    rf"|{_BEGIN}(?:epoch|step|global_step|iter|iteration|round)s?\W{{0,4}}(\d++(?:\.\d++)?)",
    re.I,
)
_EPOCH = re.compile(r"\W{0,8}epoch\W{0,3}(\d++)", re.IGNORECASE)
_BAR = re.compile(r"\d%\s?\|")
_STEPS = frozenset(("epoch", "epochs", "step", "steps", "global_step", "iter", "iteration", "round", "it"))
_CELL = re.compile(r"\s*+[|│┃]\s*|\s{2,}|\t")


class Reading(NamedTuple):
    """What one line says: numbers by name, and the program's own count of steps."""

    values: dict[str, float]
    step: float | None = None


class PrintedMetric:
    """Finds one metric's values, its name taken literally, also where it has blanks or signs.

    `Test accuracy: 0.9` is a value of `accuracy` too, unless the program has printed `accuracy: 0.8` before.
    """

    def __init__(self, name: str) -> None:
        between = rf"['\"]?(?:\s*+(?:[=:|]|->|→|\bis\b)\s*+{_WRAP}|\s++(?={_DECIMAL}))"
        self._pattern = re.compile(
            rf"(?i:(?<!\w){_KIND})(?<![\w./-]){re.escape(name)}{between}(?P<number>{NUMBER}){_PART}{_END}"
        )
        self._name = name
        self._plain = False

    def value(self, text: str) -> float | None:
        """The last value in the text, or None."""
        if self._name not in text:
            return None
        found = list(self._pattern.finditer(text))
        plain = [match for match in found if match["kind"] is None]
        self._plain = self._plain or bool(plain)
        chosen = plain if self._plain else found
        return _number(chosen[-1]["number"], chosen[-1]["of"]) if chosen else None


def values_in(text: str) -> Iterator[tuple[str, float]]:
    """Every name that a line gives a number to, in the order of the line."""
    for match in _PAIR.finditer(text):
        name = match["name"] or match["quoted"] or f"{match['set']}-{match['measure']}"
        yield _named(match["kind"], name), _number(match["number"], match["of"])
    for match in _BARE.finditer(text):
        yield _named(match["kind"], match["name"]), float(match["number"])


class Lines:
    """Reads the pieces of one program's output, in order."""

    def __init__(self, metric: str) -> None:
        self._metric = PrintedMetric(metric) if metric else None
        self._name = metric
        self._names: set[str] = set()
        self._drawn: dict[str, float] = {}
        self._step: float | None = None
        self._epoch: str | None = None
        self._columns: list[str] = []
        self._section = ""
        self._again = False
        self._held = False

    def feed(self, piece: Piece) -> list[Reading]:
        """The readings that this piece completes."""
        found: list[Reading] = []
        epoch = _EPOCH.match(piece.text)
        if epoch:
            # Lightning and tqdm draw all epochs over one line.
            if self._epoch not in (None, epoch[1]):
                found += self._take()
            self._epoch = epoch[1]
            # The line of an epoch's bar ends also where a bar below it begins, and is drawn again after that.
            self._held = _BAR.search(piece.text) is not None
        told = self._look(piece)
        if piece.ended and (told or not self._held) and not (epoch and self._held):
            found += self._take()
            self._epoch, self._held = None, False
        return found

    def finish(self) -> list[Reading]:
        """What was drawn last."""
        return self._take()

    def _take(self) -> list[Reading]:
        values, step = self._drawn, self._step
        self._drawn, self._step = {}, None
        return [Reading(values, step)] if values else []

    def _look(self, piece: Piece) -> bool:
        """Note the values in a piece; whether there were any."""
        text = piece.text
        if text.startswith("[LightGBM] ["):  # its own remarks
            return False
        if self._again:  # LightGBM repeats its best iteration at the end
            self._again = False
            return False
        self._again = text.rstrip().endswith("est iteration is:")
        found = dict(self._row(text)) if piece.ended else {}  # a bar between the rows of a table is none
        found.update(values_in(text))
        if self._metric is not None:
            value = self._metric.value(text)
            if value is not None:
                found[self._name] = value
        for name, value in found.items():
            if name == self._name or (not _is_step(name) and self._is_new_or_known(name)):
                self._drawn[name] = value
        step = _STEP.search(text) if found else None
        counts = [value for name, value in found.items() if _is_step(name)]
        if step:
            self._step = float(step[1] or step[2])
        elif counts:
            self._step = counts[0]
        return bool(found)

    def _is_new_or_known(self, name: str) -> bool:
        if name not in self._names and len(self._names) < MOST_NAMES:
            self._names.add(name)
        return name in self._names

    def _row(self, text: str) -> Iterator[tuple[str, float]]:
        """The numbers of a table's row; a line of words in columns is the head of a table."""
        cells = [cell.strip() for cell in _CELL.split(text.strip(" \t|│┃"))]
        if len(cells) < 2 or len(cells) > 100:
            if text.strip():
                self._columns = []
                self._section = cells[0] if cells[0].endswith("/") and _is_head(cells[0]) else ""
            return
        numbers = [_cell(cell) for cell in cells]
        if not any(number is not None for number in numbers):
            if not all(set(cell) <= set("-=─━┄") for cell in cells):  # a rule below the head
                self._columns = cells if all(map(_is_head, cells)) else []
        elif len(cells) == 2 and numbers[0] is None and _is_head(cells[0]) and numbers[1] is not None:
            yield self._section + cells[0], numbers[1]  # Lightning's tests, Stable Baselines' sections
        elif len(cells) == len(self._columns):
            for name, number in zip(self._columns, numbers, strict=True):
                if number is not None and name != "#":
                    yield name, number
        elif (
            len(cells) == len(self._columns) + 1 > 2
        ):  # rows with names of their own, as scikit-learn's reports
            for name, number in zip(self._columns, numbers[1:], strict=True):
                if number is not None and numbers[0] is None:
                    yield f"{cells[0]}/{name}", number
        elif len(cells) > len(self._columns):
            self._columns = []


def _is_step(name: str) -> bool:
    return name.lower().rpartition(" ")[2] in _STEPS


def _is_head(cell: str) -> bool:
    return (
        0 < len(cell) <= 40 and cell[0].isalpha() and not any(sign in cell for sign in "=:;{}")
    ) or cell == "#"


def _cell(text: str) -> float | None:
    return float(text) if re.fullmatch(NUMBER, text) else None


def _number(text: str, of: str | None) -> float:
    return float(text) / float(of) if of and float(of) else float(text)


def _named(kind: str | None, name: str) -> str:
    return f"{kind} {name}" if kind else name
