"""Environment: the Python of a run and its variables, under a name; and which interpreter a name means here."""

from __future__ import annotations

import copy
import json
import os
import re
import sys
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from ..environments.build import built
from ..environments.existing import existing
from ..environments.recipe import Recipe, from_conda, from_conda_file, from_requirements
from ..errors import ConfigError, Problem, Unsupported
from ..sweep.script import ScriptRunConfig
from .settings import FILE

if TYPE_CHECKING:
    from .workspace import Workspace

FOLDER = "environments"
_BARE = re.compile(r"(?:azureml:)?(?://.*/environments/)?([^:@/]+)(?:[:@/].*)?")
_FILES = {".txt": from_requirements, ".yml": from_conda_file, ".yaml": from_conda_file}


class CondaDependencies:
    """Packages for an environment, for pip and for conda."""

    def __init__(self, conda_dependencies_file_path: str | None = None) -> None:
        path = conda_dependencies_file_path
        self.recipe = Recipe() if path is None else from_conda_file(path)

    @staticmethod
    def create(
        pip_indexurl: str | None = None,
        pip_packages: Iterable[str] | None = None,
        conda_packages: Iterable[str] | None = None,
        python_version: str | None = None,
        pin_sdk_version: bool = True,
    ) -> CondaDependencies:
        """The packages that are named; `pin_sdk_version` has no meaning here."""
        made = CondaDependencies()
        index = [f"--index-url {pip_indexurl}"] if pip_indexurl else []
        python = [f"python={python_version}"] if python_version else []
        made._take([*python, *(conda_packages or ()), {"pip": [*index, *(pip_packages or ())]}])
        return made

    def add_pip_package(self, pip_package: str) -> None:
        """One more for pip."""
        self._take([{"pip": [pip_package]}])

    def add_conda_package(self, conda_package: str) -> None:
        """One more for conda."""
        self._take([conda_package])

    def add_channel(self, channel: str) -> None:
        """One more channel of conda's."""
        self._take([], [channel])

    def set_python_version(self, version: str) -> None:
        """The version of Python."""
        self._take([f"python={version}"])

    @property
    def pip_packages(self) -> Iterable[str]:
        """Those for pip."""
        return self.recipe.pip

    @property
    def conda_packages(self) -> Iterable[str]:
        """Those for conda."""
        return self.recipe.conda

    @property
    def conda_channels(self) -> Iterable[str]:
        """Where conda looks for them."""
        return self.recipe.channels

    def serialize_to_string(self) -> str:
        """As a conda file has it."""
        import yaml

        recipe = self.recipe
        python = [f"python={recipe.python}"] if recipe.python else []
        pip: list[Any] = ["pip", {"pip": [*recipe.pip]}] if recipe.pip else []
        channels = {"channels": [*recipe.channels]} if recipe.channels else {}
        whole = {"name": "project_environment", **channels, "dependencies": [*python, *recipe.conda, *pip]}
        return yaml.safe_dump(whole, sort_keys=False)

    def save_to_file(self, base_directory: str = ".", conda_file_path: str = "conda_dependencies.yml") -> str:
        """Write the conda file; its path below the folder."""
        Path(base_directory, conda_file_path).write_text(self.serialize_to_string(), encoding="utf-8")
        return conda_file_path

    def save(self, path: str | None = None) -> str:
        """Write the conda file; where it is."""
        return self.save_to_file(".", path or "conda_dependencies.yml")

    def _take(self, dependencies: list[Any], channels: Iterable[str] = ()) -> None:
        old, new = self.recipe, from_conda({"dependencies": dependencies, "channels": list(channels)})
        self.recipe = Recipe(
            (*old.pip, *new.pip),
            (*old.conda, *new.conda),
            (*old.channels, *new.channels),
            new.python or old.python,
            old.folder if old.pip else new.folder,
        )


@dataclass
class PythonSection:
    """Which Python runs the script: the one at `interpreter_path`, else one that is built from
    `conda_dependencies` (unless `user_managed_dependencies`), else the one that submitted."""

    interpreter_path: str | None = None
    user_managed_dependencies: bool = False
    conda_dependencies: CondaDependencies = field(default_factory=CondaDependencies)


@dataclass
class DockerSection:
    """Accepted and without effect: runs are processes, not containers."""

    enabled: bool = False
    base_image: str | None = None
    base_dockerfile: str | None = None
    shm_size: str | None = None
    arguments: list[str] = field(default_factory=list)


@dataclass
class Environment:
    """A Python under a name. What the workspace's settings say of the name goes before what is given here. What is
    set in `docker` and `spark` has no effect."""

    name: str
    environment_variables: dict[str, str] = field(default_factory=dict)
    python: PythonSection = field(default_factory=PythonSection)
    docker: DockerSection = field(default_factory=DockerSection)
    spark: SimpleNamespace = field(default_factory=SimpleNamespace, repr=False)
    version: str | None = None
    _only_a_name: bool = field(default=False, repr=False)
    _known_as: str | None = field(default=None, repr=False)

    @property
    def known_as(self) -> str:
        """The name that the settings may map: for the clone of a mere name, the name that was cloned."""
        return self._known_as or self.name

    def clone(self, new_name: str) -> Environment:
        """A copy under another name, to be changed."""
        known_as = self.known_as if self._only_a_name else None
        return replace(copy.deepcopy(self), name=new_name, _known_as=known_as)

    @property
    def requirements(self) -> dict[str, Any] | None:
        """The recipe as JSON, empty where any Python will do; None for a mere name."""
        recipe = self.python.conda_dependencies.recipe
        if recipe.empty or self.python.user_managed_dependencies:
            return None if self._only_a_name else {}
        return recipe.to_json()

    @staticmethod
    def get(
        workspace: Workspace, name: str, version: str | None = None, label: str | None = None
    ) -> Environment:
        """The environment that was registered under this name, else whatever the name means at submit."""
        stored = _registered(workspace, name)
        return stored or Environment(name, version=version, _only_a_name=True)

    @staticmethod
    def list(workspace: Workspace) -> dict[str, Environment]:
        """Every registered environment and every name in the settings."""
        files = sorted((workspace.home / FOLDER).glob("*.json"))
        names = [*workspace.settings.environments, *(file.stem for file in files)]
        return {name: Environment.get(workspace, name) for name in names}

    @staticmethod
    def from_pip_requirements(name: str, file_path: str, pip_version: str | None = None) -> Environment:
        """An environment with the packages in a requirements file."""
        return Environment._of(name, from_requirements(file_path))

    @staticmethod
    def from_conda_specification(name: str, file_path: str) -> Environment:
        """An environment with the packages in a conda file."""
        return Environment._of(name, from_conda_file(file_path))

    @staticmethod
    def from_existing_conda_environment(name: str, conda_environment_name: str) -> Environment:
        """The conda environment of this name, as it is; NotFound when there is none."""
        return Environment(name, python=PythonSection(existing(conda_environment_name)))

    @staticmethod
    def from_dockerfile(name: str, dockerfile: str, *_: Any, **__: Any) -> Environment:
        """Not here: runs are processes."""
        raise Unsupported(
            f"environment {name!r}: runs here are processes, not containers; take "
            "Environment.from_pip_requirements, from_conda_specification, or an interpreter's path"
        )

    from_docker_image = from_dockerfile

    def register(self, workspace: Workspace) -> Environment:
        """Keep this environment under its name in the workspace."""
        folder = workspace.home / FOLDER
        folder.mkdir(exist_ok=True)
        stored = {
            "requirements": self.requirements,
            "interpreter_path": self.python.interpreter_path,
            "environment_variables": self.environment_variables,
        }
        if not re.fullmatch(r"[\w.-]+", self.name):
            raise ConfigError(
                Problem("environment", f"must be letters, digits, -, . and _, got {self.name!r}")
            )
        aside = folder / f".{self.name}.{os.getpid()}"
        aside.write_text(json.dumps(stored, indent=1))
        aside.replace(folder / f"{self.name}.json")
        return self

    def build(self, workspace: Workspace) -> str:
        """Build it now rather than at the first submit; the path of its interpreter."""
        script = ScriptRunConfig(command="true", environment=self)
        return interpreter_of(workspace, script)[0]

    @staticmethod
    def _of(name: str, recipe: Recipe) -> Environment:
        environment = Environment(name)
        environment.python.conda_dependencies.recipe = recipe
        return environment


def interpreter_of(workspace: Workspace, script: ScriptRunConfig) -> tuple[str, list[str]]:
    """The interpreter for a script's environment, built if need be, and what should be said about it.

    In this order: a path that was given, the settings (`[environments]`, OVERDRIVE_ENVIRONMENT_MAP), packages
    that were given, an environment registered under the name, the interpreter that submits.
    """
    name = script.environment
    if script.interpreter:
        return _checked(script.interpreter, workspace.root, "environment"), []
    if name is None:
        return sys.executable, []
    bare = bare_name(name)
    mapped = workspace.settings.environments
    target = (
        mapped.get(name) or mapped.get(bare) or {k.lower(): v for k, v in mapped.items()}.get(bare.lower())
    )
    if target:
        return _target(workspace, name, target), []
    requirements = script.requirements
    if requirements is None and (known := _registered(workspace, bare)):
        if known.python.interpreter_path:
            return _checked(known.python.interpreter_path, workspace.root, f"environment {name!r}"), []
        requirements = known.requirements
    if requirements is not None:
        recipe = Recipe.from_json(requirements)
        return (sys.executable if recipe.empty else _built(workspace, name, recipe)), []
    if bare in ("local", "default-environment"):
        return sys.executable, []
    advice = (
        f"environment {name!r} is not known here: runs use the Python that submits, {sys.executable}; "
        f'to map it, write in {workspace.home / FILE}: [environments] "{bare}" = '
        '"<an interpreter, or a requirements file>"'
    )
    return sys.executable, [advice]


def bare_name(name: str) -> str:
    """A name without what Azure writes around it: `azureml:x:7`, `x@latest`, a registry's address."""
    match = _BARE.fullmatch(name)
    return match[1] if match else name


def _target(workspace: Workspace, name: str, target: str) -> str:
    if target.startswith("conda:"):
        return existing(target.removeprefix("conda:"))
    path = workspace.root / Path(target).expanduser()
    reader = _FILES.get(path.suffix)
    if reader is not None and path.is_file():
        return _built(workspace, name, reader(path))
    return _checked(target, workspace.root, f"environment {name!r}")


def _built(workspace: Workspace, name: str, recipe: Recipe) -> str:
    return built(
        recipe, workspace.home / "envs", name, lambda text: print(f"overdrive: {text}", file=sys.stderr)
    )


def _checked(given: str, root: Path, where: str) -> str:
    """An interpreter's absolute path, also from the folder of a venv; links stay, a venv is known by its link."""
    path = Path(os.path.abspath(root / Path(given).expanduser()))
    if path.is_dir():
        path = path / "bin" / "python"
    if not (path.is_file() and os.access(path, os.X_OK)):
        what = "must be an interpreter, the folder of a venv, conda:NAME, or a .txt or .yml file"
        raise ConfigError(Problem(where, f"{what}; there is none at {str(path)!r}"))
    return str(path)


def _registered(workspace: Workspace, name: str) -> Environment | None:
    try:
        stored = json.loads((workspace.home / FOLDER / f"{name}.json").read_text())
    except (OSError, ValueError):
        return None
    known = Environment(name, stored["environment_variables"], PythonSection(stored["interpreter_path"]))
    known.python.conda_dependencies.recipe = Recipe.from_json(stored["requirements"] or {})
    return known
