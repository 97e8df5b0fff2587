"""A YAML file as data that knows its places, with values from the command line put over it.

Numbers as in YAML 1.2 (`1e-5` is a number); duplicate keys, words that YAML 1.1 reads as something
else (`no`, `off`, `1:30`) and values set from outside are found here, once for every kind of file.
"""

from __future__ import annotations

import copy
import re
import reprlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from ..errors import ConfigError, NotFound, Problem

Where = tuple[str, ...]
"""The keys that lead to a value, list positions as digits."""

MISSING = "is missing"

_SHORT = reprlib.Repr()
_SHORT.maxlevel, _SHORT.maxdict, _SHORT.maxlist, _SHORT.maxstring, _SHORT.maxother = 4, 8, 8, 100, 100


class Mark(NamedTuple):
    """Where a key stands, from 1; in which file, when it is not the one that was asked for."""

    line: int
    column: int
    file: str = ""

    def __str__(self) -> str:
        if self == SET:
            return "from --set"
        return f"{self.file}{', ' if self.file else ''}line {self.line}, column {self.column}"


SET = Mark(0, 0)
"""The place of a value that came from the command line."""


@dataclass
class Document:
    """The data of one file, the place of each key, and what was noticed: all mistakes are collected
    here and raised together."""

    data: Any
    marks: dict[Where, Mark] = field(default_factory=dict)
    advice: list[str] = field(default_factory=list)
    walked: set[int] = field(default_factory=set, repr=False)
    _found: list[tuple[Mark | None, Where, str]] = field(default_factory=list, repr=False)

    def problem(self, where: Where, what: str) -> None:
        """Note one mistake."""
        found = (self._nearest(where), where, what)
        if found not in self._found:
            self._found.append(found)

    def faulty(self, where: Where) -> bool:
        """Whether a mistake was noted there or below."""
        return any(at[: len(where)] == where for _, at, _ in self._found)

    def below(self, where: Where) -> Document:
        """A copy of the mapping at `where` as a document of its own, which knows its places."""
        inner, depth = self.data, len(where)
        for key in where:
            inner = inner[key]
        marks = {at[depth:]: mark for at, mark in self.marks.items() if at[:depth] == where}
        return Document(copy.deepcopy(inner), marks)

    def absorb(self, where: Where, inner: Document) -> None:
        """Note as one's own what was noted in a document from `below`."""
        self._found += [(mark, (*where, *at), what) for mark, at, what in inner._found]

    def adopt(self, where: Where, error: ConfigError) -> None:
        """Note the mistakes that a part below `where` has found in itself."""
        for problem in error.problems:
            self.problem((*where, *re.findall(r"[^.\[\]]+", problem.where)), problem.what)

    def advise(self, where: Where, what: str) -> None:
        """Note something legal that is most likely not meant."""
        self.advice.append(f"{'.'.join(where)}: {what}{_after(self._nearest(where))}")

    def keys(
        self, given: Mapping[str, Any], known: list[str], needed: list[str], where: Where, owner: str
    ) -> bool:
        """Whether all needed keys are there; unknown ones are noted too."""
        intended = set()
        for key in (key for key in given if key not in known):
            word = close(key, known)
            intended.add(word)
            hint = f"did you mean {word!r}?" if word else f"{owner} has {', '.join(known)}"
            self.problem((*where, key), f"there is no such key; {hint}")
        lacking = [key for key in needed if given.get(key) is None]
        for key in lacking:
            if key not in intended:
                self.problem((*where, key), f"{MISSING}: {owner} needs it")
        return not lacking

    def check(self) -> None:
        """ConfigError with everything that was noted, in the order of the file."""
        if self._found:
            found = sorted(self._found, key=lambda one: one[0] or SET)
            raise ConfigError(Problem(".".join(where), what + _after(mark)) for mark, where, what in found)

    def _nearest(self, where: Where) -> Mark | None:
        return next(
            (self.marks[where[:n]] for n in range(len(where), 0, -1) if where[:n] in self.marks), None
        )


def _after(mark: Mark | None) -> str:
    return "" if mark is None else f" ({mark})"


def read(path: Path) -> Document:
    """The document in this file. NotFound when there is none, ConfigError when it is no YAML."""
    data = b""
    try:
        data = path.read_bytes()
        text = data.decode("utf-8-sig")
    except FileNotFoundError:
        raise NotFound(f"{path}: there is no such file") from None
    except IsADirectoryError:
        raise ConfigError(f"{path}: is a folder; name the YAML file in it") from None
    except UnicodeDecodeError as error:
        place = _place_of(data, error.start)
        raise ConfigError(f"{path}: is not UTF-8 text in {place}; save it as UTF-8") from None
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from None
    return parse(text, str(path))


def parse(text: str, name: str = "the file") -> Document:
    """The document in this text; ConfigError, one line, when it is no YAML or no mapping."""
    document = Document(None)
    try:
        loader = _Loader(text)
        node = loader.get_single_node()
        if node is None:
            raise ConfigError(f"{name}: is empty")
        if not _walk(document, node, (), []):
            document.check()  # this cannot be read any further
        document.data = loader.construct_document(node)
    except (yaml.YAMLError, RecursionError) as error:
        raise ConfigError(f"{name}: {_said(error, text)}") from None
    except ValueError as error:  # ConfigError is one; a date may be another
        if isinstance(error, ConfigError):
            raise
        raise ConfigError(f"{name}: cannot be read: {error}") from None
    if not isinstance(document.data, dict):
        kind = "a list" if isinstance(document.data, list) else "a single value"
        raise ConfigError(f"{name}: must be a mapping (`key: value` lines), is {kind}")
    return document


def put(document: Document, settings: Iterable[str]) -> None:
    """Put `key.key=value` settings over the document, each value read as YAML."""
    for setting in settings:
        key, equals, text = setting.partition("=")
        keys = re.sub(r"\[(\d+)\]", r".\1", key.strip()).split(".")
        if not equals or not all(keys):
            document.problem(("--set",), f"must look like limits.max_total_trials=10, got {setting!r}")
            continue
        try:
            value = yaml.load(text, _Loader)  # a SafeLoader
        except (yaml.YAMLError, ValueError, RecursionError) as error:
            document.problem(("--set",), f"{setting!r}: the value is not YAML: {_said(error)}")
            continue
        where = tuple(keys)
        if _place(document, where, value):
            document.marks = {k: v for k, v in document.marks.items() if k[: len(where)] != where}
            document.marks[where] = SET
            for depth in range(1, len(where)):
                document.marks.setdefault(where[:depth], SET)


def _place(document: Document, where: Where, value: Any) -> bool:
    inner = document.data
    for depth, key in enumerate(where):
        last = depth == len(where) - 1
        here = ".".join(where[:depth])
        if isinstance(inner, dict):
            if last:
                inner[key] = value
            elif inner.get(key) is None:
                inner[key] = {}
            elif where[: depth + 1] == ("sampling_algorithm",) and isinstance(inner[key], str):
                inner[key] = {"type": inner[key]}
            inner = inner[key]
        elif isinstance(inner, list):
            if not key.isdecimal() or int(key) >= len(inner):
                document.problem(("--set", *where), f"{here} is a list of {len(inner)}, so not {key!r}")
                return False
            if last:
                inner[int(key)] = value
            inner = inner[int(key)]
        else:
            document.problem(("--set", *where), f"{here} is {inner!r}, which has no {key!r}")
            return False
    return True


def close(word: Any, known: Iterable[str]) -> str | None:
    """The known word that was most likely meant: the one that `word` begins, else one that looks like it."""
    text, words = str(word).lower(), list(known)
    longer = [one for one in words if len(text) > 2 and one.startswith(text)]
    return longer[0] if len(longer) == 1 else next(iter(get_close_matches(text, words, 1)), None)


def shown(value: Any) -> str:
    """`value` as it stands in a message, cut where it is long."""
    return _SHORT.repr(value)


def meant(word: Any, known: Iterable[str]) -> str:
    """The end of a sentence about an unknown word."""
    likely = close(word, known)
    return f"; did you mean {likely!r}?" if likely else f"; there are {', '.join(known)}"


class _Loader(yaml.SafeLoader):
    """Safe, and with YAML 1.2's idea of a number in exponent form."""


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"[-+]?[0-9]+(\.[0-9]*)?[eE][-+]?[0-9]+$"), list("-+0123456789")
)


def _walk(document: Document, node: yaml.Node, where: Where, above: list[yaml.Node]) -> bool:
    """Note places, duplicate keys and surprising words; False for what cannot be made into data."""
    if node in above:
        document.problem(where, "refers to itself")
        return False
    sound = True
    inner: list[tuple[Where, yaml.Node]] = []
    if isinstance(node, yaml.MappingNode):
        first: dict[str, int] = {}
        for key, value in node.value:
            place = _marked(key)
            if not isinstance(key, yaml.ScalarNode):
                document.problem(where, f"a key must be a word, got a list or a mapping in {place}")
                sound = False
                continue
            below = (*where, key.value)
            document.marks[below] = place
            if key.value in first:
                twice = f"in lines {first[key.value]} and {place.line}"
                document.problem(below, f"stands twice, {twice}; keep one")
            first[key.value] = place.line
            if not key.tag.endswith(":merge"):
                key.tag = "tag:yaml.org,2002:str"  # `no:` and `1:` are words where a key stands
            inner.append((below, value))
    elif isinstance(node, yaml.SequenceNode):
        inner = [((*where, str(place)), value) for place, value in enumerate(node.value)]
        document.marks.update((below, _marked(value)) for below, value in inner)
    elif isinstance(node, yaml.ScalarNode) and node.style is None:
        meant = _misread(node)
        if meant:
            document.advise(
                where, f"{node.value} is read as {meant}; write '{node.value}' in quotes for the text"
            )
    if (
        id(node) not in document.walked
    ):  # an alias is walked where it first stands, or laughs might be a billion
        document.walked.add(id(node))
        for below, value in inner:
            sound = _walk(document, value, below, [*above, node]) and sound
    return sound


def _marked(node: yaml.Node) -> Mark:
    return Mark(node.start_mark.line + 1, node.start_mark.column + 1)


def _misread(node: yaml.ScalarNode) -> str | None:
    """What YAML makes of a word that looks like something else to most people."""
    kind, text = node.tag.rpartition(":")[2], node.value
    if kind == "bool" and text.lower() not in ("true", "false"):
        return "true" if text.lower() in ("yes", "on") else "false"
    if kind in ("int", "float") and ":" in text:
        return "a number in base 60"
    if kind == "int" and re.fullmatch(r"[-+]?0[0-7_]+", text):
        return f"the octal number {int(text, 8)}"
    if kind == "timestamp":
        return "a date"
    return None


def _said(error: Exception, text: str = "") -> str:
    if isinstance(error, yaml.MarkedYAMLError):
        mark, begun = error.problem_mark or error.context_mark, error.context_mark
        place = f" in {_spot(mark)}" if mark else ""
        words = ", ".join(filter(None, (error.context, error.problem)))
        if "'\\t'" in words:
            words = "a tab cannot indent a line; use blanks"
        elif begun and mark and begun.line != mark.line:
            words += f" (it begins in {_spot(begun)})"
        return f"is not YAML{place}: {words or error}"
    if isinstance(error, yaml.reader.ReaderError):
        place = _place_of(text[: error.position].encode(), -1) if text else f"position {error.position}"
        return f"is not YAML in {place}: a text holds no character {chr(error.character)!r}"
    if isinstance(error, RecursionError):
        return "is nested too deeply"
    return "is not YAML: " + " ".join(str(error).split())


def _spot(mark: yaml.Mark) -> str:
    return f"line {mark.line + 1}, column {mark.column + 1}"


def _place_of(data: bytes, end: int) -> str:
    """The line and column of a byte; -1: of the one after the last."""
    before = data if end < 0 else data[:end]
    *above, line = before.split(b"\n")
    return f"line {len(above) + 1}, column {len(line.decode('utf-8', 'replace')) + 1}"
