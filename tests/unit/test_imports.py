"""The house keeps its floors: who may import whom, what is pure, and that variants are only named.

The table is the one of the design, "Who may import whom". Imports under `if TYPE_CHECKING` do not
count.
"""

import ast
import re
import sys
from pathlib import Path

SRC = Path(__file__).parents[2] / "src"
VALUES = "model registry errors"
MAY_IMPORT = {
    "": "",
    "errors": "",
    "runtime": "errors",
    "model": "errors",
    "registry": "errors",
    "samplers": f"forecasts {VALUES}",
    "policies": f"forecasts {VALUES}",
    "forecasts": VALUES,
    "charts": VALUES,
    "store": VALUES,
    "sources": f"runtime {VALUES}",
    "compute": "runtime registry errors",
    "environments": "registry errors",
    "sweep": f"samplers.base policies.base {VALUES}",
    "studio": f"sdk charts store.base runtime {VALUES}",
    "controller": f"sweep store.base compute.base sources runtime {VALUES}",
    "sdk": "environments compute.base compute.devices compute.zygotes controller.daemon controller.lease sources.base "
    f"sweep samplers.base policies.base store.base runtime {VALUES}",
    "adapters": f"sdk sweep.config sweep.distribution sweep.script runtime {VALUES}",
    "adapters.mlflow": "runtime",
    "azureml": f"sdk sweep.config sweep.distribution sweep.script runtime {VALUES}",
    "widget": f"sdk studio.feed studio.report charts {VALUES}",
    "azure_ai_ml": f"adapters sdk runtime {VALUES}",
    "cli": f"azureml azure_ai_ml sdk adapters studio runtime {VALUES}",
    "__main__": "cli",
}
PURE = {"model", "forecasts", "samplers", "policies", "sweep", "charts"}
IMPURE = {"os", "time", "datetime", "pathlib", "subprocess", "socket", "sqlite3", "sqlalchemy", "shutil"}

FILES = {".".join(p.relative_to(SRC).with_suffix("").parts): p for p in SRC.rglob("*.py")}
TREES = {name.removesuffix(".__init__"): ast.parse(p.read_bytes()) for name, p in FILES.items()}


def walk(node):
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
            continue
        yield child
        yield from walk(child)


def imports(module):
    """Every module that this one imports, by its full name, with the line."""
    package = module if f"{module}.__init__" in FILES else module.rpartition(".")[0]
    for node in walk(TREES[module]):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            base = ".".join([*above, *filter(None, [node.module])])
            for alias in node.names:
                whole = f"{base}.{alias.name}"
                yield (whole if whole in TREES else base), node.lineno


def variants():
    """The modules that a registry's table names, other than the one that holds the table."""
    for module, tree in TREES.items():
        for node in walk(tree):
            if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("Registry"):
                named = set(re.findall(r"(overdrive\.[\w.]+):\w+", ast.unparse(node)))
                yield from named - {module}


def impurities(module):
    """Doors to the outside that need no import, and random numbers without a seed."""
    for node in walk(TREES[module]):
        call = ast.unparse(node.func) if isinstance(node, ast.Call) else ""
        if call == "open" or (call.endswith("default_rng") and not (node.args or node.keywords)):
            yield f"{call}()", node.lineno
        if re.fullmatch(r"random\.(?!Random)\w+", call) or re.fullmatch(
            r"(np|numpy)\.random\.(?!default_rng|[A-Z])\w+", call
        ):
            yield f"{call}()", node.lineno


def within(target, allowed):
    return any(target == name or target.startswith(f"{name}.") for name in allowed)


def breaches():
    named_only = set(variants())
    for module in TREES:
        inner = module.removeprefix("overdrive").removeprefix(".")
        floor = inner.split(".")[0]
        rule = MAY_IMPORT.get(inner, MAY_IMPORT.get(floor))
        assert rule is not None, f"{module}: give {floor!r} its place in the table"
        allowed = [f"overdrive.{name}" for name in [*rule.split(), floor] if name]
        for target, line in imports(module):
            ours = target.split(".")[0] == "overdrive" and target != "overdrive"
            top = target.split(".")[0]
            if ours and (target in named_only or not within(target, allowed)):
                yield f"{module}:{line} imports {target}"
            elif floor in PURE and top in IMPURE:
                yield f"{module}:{line} is pure and imports {target}"
            elif floor == "runtime" and not ours and top not in {*sys.stdlib_module_names, "overdrive"}:
                yield f"{module}:{line} is standard library only and imports {target}"
        if floor in PURE:
            yield from (f"{module}:{line} is pure and calls {what}" for what, line in impurities(module))


def test_nobody_breaks_the_floors():
    assert "\n".join(sorted(set(breaches()))) == ""
