"""Constraints between parameters: expressions such as `width * layers <= 4096`, read once and never
executed as code."""

from __future__ import annotations

import ast
import difflib
import math
import operator
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ..errors import ConfigError, Problem
from .records import Params

_BINARY: dict[type, Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: math.pow,  # unlike **, never an integer with a million digits
}
_COMPARE: dict[type, Callable[[Any, Any], bool]] = {
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.In: lambda item, group: item in group,
    ast.NotIn: lambda item, group: item not in group,
}
_UNARY: dict[type, Callable[[Any], Any]] = {
    ast.USub: operator.neg,
    ast.UAdd: operator.pos,
    ast.Not: operator.not_,
}
_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "abs": abs,
    "min": min,
    "max": max,
    "round": round,
    "log": math.log,
    "log2": math.log2,
    "exp": math.exp,
    "sqrt": math.sqrt,
}
_ALLOWED = "names of parameters, numbers, text, + - * / // % **, comparisons, and, or, not, in, " + ", ".join(
    _FUNCTIONS
)

Scope = Mapping[str, Any]


class Constraint:
    """One expression over parameters, true where a configuration is allowed.

    A name is written as in the space, without leading dashes and with `_` for what no name can hold.
    Where a branch is not taken a name of it has no value, and the constraint then asks nothing.
    """

    def __init__(self, text: str, names: Iterable[str]) -> None:
        self.text = text
        self._known = {_bare(name) for name in names}
        try:
            tree = ast.parse(text.strip(), mode="eval")
        except (SyntaxError, ValueError, TypeError, AttributeError, MemoryError, RecursionError):
            raise ConfigError(
                f"must be an expression such as 'width * layers <= 4096', got {text!r}"
            ) from None
        self._used: set[str] = set()
        self._test = self._compiled(tree.body)

    def allows(self, params: Params) -> bool:
        """Whether these values satisfy it; not where it cannot be computed (a division by zero, text times text)."""
        scope = {_bare(name): value for name, value in params.items()}
        if not self._used <= scope.keys():
            return True
        try:
            return bool(self._test(scope))
        except (ArithmeticError, ValueError, TypeError):
            return False

    def __repr__(self) -> str:
        return f"Constraint({self.text!r})"

    def _compiled(self, node: ast.expr) -> Callable[[Scope], Any]:
        match node:
            case ast.Constant(value=value) if isinstance(value, int | float | str | bool | None):
                return lambda _: value
            case ast.Name(id=name):
                return self._name(name)
            case ast.BinOp(left=left, op=op, right=right) if type(op) in _BINARY:
                binary, a, b = _BINARY[type(op)], self._compiled(left), self._compiled(right)
                return lambda scope: binary(a(scope), b(scope))
            case ast.UnaryOp(op=op, operand=operand) if type(op) in _UNARY:
                unary, a = _UNARY[type(op)], self._compiled(operand)
                return lambda scope: unary(a(scope))
            case ast.BoolOp(op=op, values=values):
                parts = [self._compiled(value) for value in values]
                every = all if isinstance(op, ast.And) else any
                return lambda scope: every(part(scope) for part in parts)
            case ast.Compare():
                return self._comparison(node)
            case ast.Call(func=ast.Name(id=name), args=args, keywords=[]) if name in _FUNCTIONS:
                function, parts = _FUNCTIONS[name], [self._compiled(arg) for arg in args]
                return lambda scope: function(*(part(scope) for part in parts))
            case ast.Tuple(elts=items) | ast.List(elts=items):
                parts = [self._compiled(item) for item in items]
                return lambda scope: [part(scope) for part in parts]
        raise ConfigError(f"{ast.unparse(node)!r} cannot stand in a constraint; it may hold {_ALLOWED}")

    def _comparison(self, node: ast.Compare) -> Callable[[Scope], Any]:
        unknown = [op for op in node.ops if type(op) not in _COMPARE]
        if unknown:
            raise ConfigError(f"{ast.unparse(node)!r} cannot stand in a constraint; it may hold {_ALLOWED}")
        parts = [self._compiled(part) for part in (node.left, *node.comparators)]
        tests = [_COMPARE[type(op)] for op in node.ops]

        def chain(scope: Scope) -> bool:
            values = [part(scope) for part in parts]
            return all(test(a, b) for test, a, b in zip(tests, values, values[1:], strict=False))

        return chain

    def _name(self, name: str) -> Callable[[Scope], Any]:
        if name not in self._known:
            near = difflib.get_close_matches(name, self._known, n=1)
            hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(sorted(self._known))}"
            raise ConfigError(f"no parameter is called {name!r}; {hint}")
        self._used.add(name)
        return lambda scope: scope[name]


def constraints(texts: Iterable[str], names: Iterable[str]) -> tuple[Constraint, ...]:
    """All of them; ConfigError with the problems of all."""
    found, problems = [], []
    known = list(names)
    for place, text in enumerate(texts):
        try:
            found.append(Constraint(text, known))
        except ConfigError as error:
            problems += [Problem(f"constraints[{place}]", problem.what) for problem in error.problems]
    if problems:
        raise ConfigError(problems)
    return tuple(found)


def _bare(name: str) -> str:
    return re.sub(r"\W", "_", name.lstrip("-"))
