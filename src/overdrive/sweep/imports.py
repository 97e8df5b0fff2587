"""What a training script imports, read from its source: what a warm process imports ahead of its runs.

Nothing is executed. Whatever a fresh interpreter could make of the script that a warm one could not, is an
obstacle, and the script's runs start cold.
"""

from __future__ import annotations

import ast
import posixpath
import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

from .script import ScriptRunConfig

NOT_FORKED = frozenset({"tensorflow", "keras", "tf_keras", "jax", "flax", "ray", "pyspark", "grpc", "dask"})
"""Packages that start threads of their own, and may hang in a forked process."""


PREPARES = re.compile(r"^@(overdrive\.)?prepare\b", re.MULTILINE)


class Imports(NamedTuple):
    """`modules` as `package.module` or `package:name` (for `from package import name`), in order; `obstacles`
    to a warm start, in words; the path of the module with functions that `prepare` data, if there is one."""

    modules: tuple[str, ...]
    obstacles: tuple[str, ...]
    prepare: str | None = None


def imports_of(script: ScriptRunConfig, read: Callable[[str], str | None]) -> Imports | None:
    """What a warm process makes ready for the runs of a script; None for a command that is no Python script
    of the source folder, or that is to start cold. `read` as for `survey`."""
    words = [script.script] if script.script else script.command or ()
    words = words.split() if isinstance(words, str) else words
    path = posixpath.normpath(next((word for word in words if word.endswith(".py")), ""))
    if script.warm == "off" or path == "." or posixpath.isabs(path) or path.startswith(".."):
        return None
    found = survey(path, read) if isinstance(script.warm, str) else Imports(tuple(script.warm), ())
    prepare = posixpath.join(posixpath.dirname(path), "prepare.py")
    return found._replace(prepare=prepare if PREPARES.search(read(prepare) or "") else None)


def survey(script: str, read: Callable[[str], str | None]) -> Imports:
    """The imports of a script and of its own modules.

    `read` gives the text of a file by its path relative to the source folder, None when there is none.
    Imports inside functions and under an `if` are left out: they may never be made.
    """
    modules: dict[str, None] = {}
    obstacles: dict[str, None] = {}
    root = posixpath.dirname(script)
    waiting, seen = [script], set[str]()
    while waiting:
        path = waiting.pop(0)
        if path in seen:
            continue
        seen.add(path)
        text = read(path)
        if text is None:
            continue
        try:
            tree = ast.parse(text)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            obstacles[f"{path} cannot be read as Python"] = None
            continue
        obstacles |= dict.fromkeys(f"{path}:{line} {what}" for line, what in _obstacles(tree))
        for name in _imported(tree, posixpath.dirname(path)[len(root) :].strip("/")):
            own = _own(root, name, read)
            if own:
                waiting += own
            else:
                modules[name] = None
    return Imports(tuple(modules), tuple(obstacles))


def _imported(tree: ast.Module, package: str) -> Iterator[str]:
    inside = package.split("/") if package else []
    waiting: list[ast.stmt] = list(tree.body)
    while waiting:
        node = waiting.pop(0)
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module != "__future__":
            above = inside[: len(inside) - node.level + 1] if node.level else []
            base = ".".join([*above, *filter(None, [node.module])])
            for alias in node.names:
                if alias.name == "*" or not base:
                    yield base or alias.name
                else:
                    yield f"{base}:{alias.name}"
        elif isinstance(node, (ast.Try, ast.With)):
            waiting = [*node.body, *waiting]


def _own(root: str, name: str, read: Callable[[str], str | None]) -> list[str]:
    """The files of the script's own folder that importing this name would run; none for anybody else's."""
    parts = name.replace(":", ".").split(".")
    places = [posixpath.join(root, *parts[:length]) for length in range(1, len(parts) + 1)]
    either = [(f"{place}/__init__.py", f"{place}.py") for place in places]
    return [path for paths in either for path in paths if read(path) is not None]


def _obstacles(tree: ast.Module) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        line = getattr(node, "lineno", 0)
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            names = (
                [alias.name for alias in node.names] if isinstance(node, ast.Import) else [node.module or ""]
            )
            for name in names:
                if name.partition(".")[0] in NOT_FORKED:
                    yield line, f"imports {name.partition('.')[0]}, which does not survive a fork"
        for target in _targets(node):
            if target.startswith("os.environ"):
                yield line, "sets environment variables, which a module may read when it is imported"
            elif target.startswith(("sys.path", "sys.modules")):
                yield line, f"changes {target}, and so what an import finds"


def _targets(node: ast.AST) -> Iterator[str]:
    """What this node changes: `os.environ`, `sys.path`, `sys.modules`, however it is written."""
    if isinstance(node, ast.Assign):
        changed = node.targets
    elif isinstance(node, (ast.AugAssign, ast.AnnAssign)):
        changed = [node.target]
    elif isinstance(node, ast.Delete):
        changed = node.targets
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        if node.func.attr in ("putenv", "unsetenv") and ast.unparse(node.func.value) == "os":
            yield "os.environ"
        if node.func.attr in ("setdefault", "update", "pop", "clear", "insert", "__setitem__"):
            yield from _named(node.func.value)
        return
    else:
        return
    for target in changed:
        yield from _named(target.value if isinstance(target, ast.Subscript) else target)


def _named(node: ast.expr) -> Iterator[str]:
    text = "os.environ" if isinstance(node, ast.Name) and node.id == "environ" else ast.unparse(node)
    if text in ("os.environ", "sys.path", "sys.modules"):
        yield text
