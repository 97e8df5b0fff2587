"""Laws as people write them, `loguniform(-9, -2)` or `choice(relu, tanh)`: read, never executed."""

from __future__ import annotations

import ast
import difflib
import inspect
import math
import operator
import re
from collections.abc import Callable
from typing import Any

from ..errors import ConfigError, Problem
from .expressions import LAWS, Expression

_CALL = re.compile(r"\s*([A-Za-z_]\w*)\s*\(")

_LONGEST = 100_000
"""Characters of a law, and values of a range in it."""

_BINARY: dict[type, Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: operator.pow,
}
_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "log": math.log,
    "log2": math.log2,
    "log10": math.log10,
    "exp": math.exp,
    "sqrt": math.sqrt,
}


def law_in(text: str) -> Expression | None:
    """The law that `text` as a whole is, or None when it is something else.

    HyperDrive's names, also as `LogUniform` or `log_uniform`; arguments by place or by name; numbers with
    arithmetic and `log`, `exp`, `sqrt`; lists and ranges; text with or without quotes; `.near(value)` behind it.
    ConfigError for what is meant as a law and is none: a misspelt name, a missing bracket, wrong arguments.
    """
    call = _CALL.match(text)
    if call is None:
        return None
    name = _name(call[1])
    if name is None:
        _refuse_misspelt(call[1], text)
        return None
    if text.count("(") > text.count(")"):
        raise ConfigError(f"{text!r} has no closing bracket; put quotes around the whole law: '{name}(...)'")
    if not text.rstrip().endswith(")"):
        return None
    if len(text) > _LONGEST:
        raise ConfigError(f"a law of {len(text)} characters is too long to be read")
    try:
        node = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        raise ConfigError(
            f"{text!r} cannot be read; an option with blanks or signs stands in quotes: choice('a b', './c')"
        ) from None
    try:
        return _Reader(text.strip()).law(node, name)
    except RecursionError:
        raise ConfigError("the law is nested too deeply to be read") from None
    except ConfigError as error:
        raise ConfigError(Problem("", f"{text!r}: {problem}") for problem in error.problems) from None


def _name(word: str) -> str | None:
    folded = word.lower().replace("_", "")
    return folded if folded in LAWS else None


def _refuse_misspelt(word: str, text: str) -> None:
    near = difflib.get_close_matches(word.lower().replace("_", ""), LAWS, n=1, cutoff=0.85)
    if near:
        raise ConfigError(f"{text!r}: no law is called {word!r}; did you mean {near[0]}?")


class _Reader:
    """Turns the syntax tree of one law into the law; `text` is what the tree was made from."""

    def __init__(self, text: str) -> None:
        self.text = text

    def law(self, node: ast.expr, name: str) -> Expression:
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "near":
            if len(node.args) != 1 or node.keywords:
                raise ConfigError(f"near takes one value, as in {name}(...).near(value)")
            return self.law(node.func.value, name).near(self.value(node.args[0]))
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
            raise ConfigError(f"must be one law, such as {name}(...)")
        places: list[Any] = []
        for word in node.args:
            if isinstance(word, ast.Starred):
                inner = self.value(word.value)
                places += inner if isinstance(inner, list) else [inner]
            else:
                places.append(self.value(word))
        named = {word.arg or "": self.value(word.value) for word in node.keywords}
        if name == "choice" and not places and named.keys() in ({"values"}, {"options"}):
            places, named = list(named.values()), {}
        law = LAWS[name]
        try:
            inspect.signature(law).bind(*places, **named)
        except TypeError:
            takes = "values" if name == "choice" else ", ".join(inspect.signature(law).parameters)
            got = ", ".join([*map(repr, places), *(f"{key}={value!r}" for key, value in named.items())])
            raise ConfigError(f"{name} takes {takes}, got {got or 'nothing'}") from None
        return law(*places, **named)

    def value(self, node: ast.expr) -> Any:
        match node:
            case ast.Constant(value=value) if value is None or isinstance(value, int | float | str):
                return value
            case ast.Name(id=word):
                return word
            case ast.List(elts=items) | ast.Tuple(elts=items):
                return [self.value(item) for item in items]
            case ast.Dict(keys=keys, values=values) if all(keys):
                pairs = zip(keys, values, strict=True)
                return {str(self.value(key)): self._option(inner) for key, inner in pairs if key is not None}
            case ast.UnaryOp(op=ast.USub() | ast.UAdd() as sign, operand=operand):
                number = self.value(operand)
                if _is_number(number):
                    return -number if isinstance(sign, ast.USub) else number
                return self._text(node)
            case ast.BinOp(left=left, op=op, right=right) if type(op) in _BINARY:
                a, b = self.value(left), self.value(right)
                # Names such as resnet-50 and bf16-mixed are read as differences.
                return self._computed(node, a, b) if _is_number(a) and _is_number(b) else self._text(node)
            case ast.Attribute():
                return self._text(node)
            case ast.Call(func=ast.Name(id="range"), args=args, keywords=[]):
                return self._range(node, [self.value(one) for one in args])
            case ast.Call(func=ast.Name(id=word), args=args, keywords=[]) if word in _FUNCTIONS:
                return self._computed(node, *(self.value(one) for one in args), by=_FUNCTIONS[word])
        raise ConfigError(f"{ast.unparse(node)!r} cannot stand in a law")

    def _option(self, node: ast.expr) -> Any:
        """A value inside a branch, where a law may stand."""
        call = (
            node.func.value if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) else node
        )
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name):
            name = _name(call.func.id)
            if name is not None:
                return self.law(node, name)
        return self.value(node)

    def _range(self, node: ast.Call, bounds: list[Any]) -> list[int]:
        try:
            numbers = range(*bounds)
        except (TypeError, ValueError):
            raise ConfigError(f"{ast.unparse(node)!r} takes whole numbers, as in range(1, 5)") from None
        if len(numbers) > _LONGEST:
            raise ConfigError(f"{ast.unparse(node)!r} has {len(numbers)} values; use quniform or randint")
        return list(numbers)

    def _computed(self, node: ast.expr, *numbers: Any, by: Callable[..., Any] | None = None) -> Any:
        try:
            if by is None and isinstance(node, ast.BinOp):
                by = _BINARY[type(node.op)]
                if by is operator.pow and (abs(numbers[0]) > 1e6 or abs(numbers[1]) > 1000):
                    raise OverflowError
            found = by(*numbers) if by else math.nan
            if not _is_number(found):  # (-8) ** 0.5 is complex
                raise ValueError
        except (ArithmeticError, ValueError, TypeError):
            raise ConfigError(f"{ast.unparse(node)!r} cannot be computed") from None
        return found

    def _text(self, node: ast.expr) -> str:
        return ast.get_source_segment(self.text, node) or ast.unparse(node)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
