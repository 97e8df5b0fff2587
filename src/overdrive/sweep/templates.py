"""Configuration files with `{{name}}` where a value goes: YAML, TOML, JSON, INI, or any other text.

A value is written as its format writes it (YAML wants `1.0e-05`, TOML knows no null), and inside quotes as the
text between them, so that what the script reads is what was drawn.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ..errors import ConfigError, Problem
from ..model.records import Params
from ..model.values import token

_PLACE = re.compile(r"(?<!\$)\{\{\s*([^\s{}]+)\s*\}\}")
"""`{{lr}}`; `${{...}}` belongs to somebody else."""


def names_in(text: str) -> set[str]:
    """The names that a template asks for."""
    return set(_PLACE.findall(text))


def template_problems(path: str, text: str, known: Iterable[str]) -> list[Problem]:
    """What is wrong with a template for a space of these names: a name that it does not have, or none at all."""
    known = list(known)
    problems = []
    for match in _PLACE.finditer(text):
        if match[1] in known:
            continue
        line = text.count("\n", 0, match.start()) + 1
        near = difflib.get_close_matches(match[1], known, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"it has {', '.join(known)}"
        problems.append(Problem(f"{path}, line {line}", f"the search space has no {match[1]!r}; {hint}"))
    if not problems and not names_in(text):
        what = f"holds no place for a value; write {{{{{known[0] if known else 'lr'}}}}} where one goes"
        problems.append(Problem(path, what))
    return problems


def filled(path: str, text: str, params: Params) -> str:
    """The file of one run. A name without a value here (another branch's) becomes the format's null.

    ConfigError where the format cannot hold the value.
    """
    suffix = path.rpartition(".")[2].lower()
    bare, quoted = _FORMATS.get(suffix, (token, token))

    def written(match: re.Match[str]) -> str:
        value = params.get(match[1])
        quote = _quote_around(text, match)
        if quote:
            return quoted(value) if quote == '"' else _single(suffix, token(value))
        try:
            return bare(value)
        except ValueError as error:
            raise ConfigError(Problem(path, f"{match[1]}={value!r}: {error}")) from None

    return _PLACE.sub(written, text)


def _quote_around(text: str, match: re.Match[str]) -> str:
    """The quote that stands on both sides of the placeholder, within its line."""
    start = text.rfind("\n", 0, match.start()) + 1
    end = text.find("\n", match.end())
    before, after = text[start : match.start()], text[match.end() : end if end >= 0 else len(text)]
    for quote in "\"'":
        if before.count(quote) % 2 and quote in after:
            return quote
    return ""


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _inside(value: Any) -> str:
    """Text between double quotes; JSON's escapes are also those of YAML and TOML."""
    return _json(token(value))[1:-1]


def _single(suffix: str, text: str) -> str:
    return text.replace("'", "''") if suffix in ("yaml", "yml") else text


def _yaml(value: Any) -> str:
    if isinstance(value, float):
        text = repr(value)
        mantissa, e, exponent = text.partition("e")
        # YAML 1.1 takes 1e-05 for text.
        return f"{mantissa}.0e{exponent}" if e and "." not in mantissa else text
    if isinstance(value, list):
        return f"[{', '.join(map(_yaml, value))}]"
    return _json(value)


def _toml(value: Any) -> str:
    if value is None:
        raise ValueError("TOML has no null; leave the value out of the space, or use text")
    if isinstance(value, list):
        return f"[{', '.join(map(_toml, value))}]"
    return _json(value)


def _ini(value: Any) -> str:
    if "\n" in token(value):
        raise ValueError("a value with a line break cannot stand in an INI file")
    return token(value)


_FORMATS: Mapping[str, tuple[Callable[[Any], str], Callable[[Any], str]]] = {
    "yaml": (_yaml, _inside),
    "yml": (_yaml, _inside),
    "json": (_json, _inside),
    "toml": (_toml, _inside),
    "ini": (_ini, _ini),
    "cfg": (_ini, _ini),
}
