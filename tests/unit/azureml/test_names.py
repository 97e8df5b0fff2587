"""The azureml names: every one leads somewhere, none is loaded before it is used, and both sides agree."""

from __future__ import annotations

import ast
import importlib
import re
import subprocess
import sys
from pathlib import Path

import pytest

import overdrive
from overdrive.azureml import names
from overdrive.errors import ConfigError, OverdriveError, Unsupported
from overdrive.runtime.aliases import Aliases, absent

ROOT = Path(__file__).parents[3]


@pytest.fixture
def azureml():
    """The names in this very process, taken back at the end."""
    before = set(sys.modules)
    finder = Aliases(names.TABLE)
    finder.install()
    yield
    sys.meta_path.remove(finder)
    for module in set(sys.modules) - before:
        if module.partition(".")[0] == "azureml":
            del sys.modules[module]


@pytest.mark.parametrize("module", names.TABLE)
def test_every_name_of_a_module_can_be_imported(module, azureml):
    found = importlib.import_module(module)
    for name in found.__all__:
        assert getattr(found, name) is not None
    assert set(names.TABLE[module]) <= set(dir(found))


def test_the_names_are_ours(azureml):
    from azureml.core import Experiment, Run, Workspace
    from azureml.core.run import Run as AnotherRun
    from azureml.train.hyperdrive import HyperDriveConfig, choice
    from azureml.train.hyperdrive.parameter_expressions import choice as another_choice

    assert (Workspace, Run) == (overdrive.Workspace, overdrive.Run)
    assert issubclass(Experiment, overdrive.Experiment)
    assert AnotherRun is Run and HyperDriveConfig is overdrive.HyperDriveConfig
    assert choice is another_choice is overdrive.choice


def test_a_star_brings_them_all(azureml):
    found: dict[str, object] = {}
    exec("from azureml.train.hyperdrive import *", found)
    assert {"choice", "BanditPolicy", "HyperDriveRun", "PrimaryMetricGoal"} <= set(found)


def test_submodules_are_attributes_without_an_import_of_their_own(azureml):
    import azureml.core

    assert azureml.core.VERSION.startswith("1.")
    assert azureml.core.runconfig.MpiConfiguration().processes == 1


def test_an_unknown_name_is_an_ordinary_import_error(azureml):
    with pytest.raises(ImportError, match="Nothing"):
        from azureml.core import Nothing  # noqa: F401
    with pytest.raises(ModuleNotFoundError, match=r"azureml\.opendatasets"):
        importlib.import_module("azureml.opendatasets")


def test_what_exists_in_the_cloud_only_can_be_imported_and_says_so_when_used():
    service = absent("azureml.core.webservice.AciWebservice", "no services here")
    for use in (service, lambda: service.deploy_configuration(cpu_cores=1)):
        with pytest.raises(Unsupported, match=r"AciWebservice.*no services here"):
            use()
    assert isinstance(service, type) and service.__doc__ == "no services here"


def test_errors_are_caught_under_hyperdrives_names(azureml):
    from azureml.exceptions import AzureMLException, UserErrorException
    from azureml.train.hyperdrive.exceptions import HyperDriveConfigException

    assert AzureMLException is OverdriveError
    for error in (UserErrorException, HyperDriveConfigException):
        with pytest.raises(error):
            overdrive.uniform(2, 1)
    assert issubclass(ConfigError, ValueError)


def test_nothing_heavy_is_loaded_for_a_training_script():
    code = (
        "import sys; from azureml.core.run import Run; from azureml.core import Run, Workspace, Model;"
        "Run.get_context(); print(*sys.modules)"
    )
    entry = f"import sys; sys.path.insert(0, {str(ROOT / 'src')!r}); import overdrive.azureml; {code}"
    done = subprocess.run(
        [sys.executable, "-S", "-E", "-c", entry],
        env={"OVERDRIVE_RUN_ID": "HD_1_0"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    loaded = set(done.stdout.split())
    assert not loaded & {"numpy", "sqlalchemy", "pydantic", "yaml", "urllib.request", "pathlib", "json.tool"}
    assert {name.partition(".")[0] for name in loaded} - {"overdrive", "azureml"} <= {
        *sys.stdlib_module_names, "__main__",
    }  # fmt: skip


@pytest.mark.parametrize(
    "name",
    ["__init__", "names", "inside", "family", "entry/__init__"]
    + [f"../sdk/{name}" for name in ("data", "datastore", "run", "run_names", "selection")],
)
def test_what_scripts_load_is_python_3_8(name):
    ast.parse((ROOT / "src/overdrive/azureml" / f"{name}.py").read_text(), feature_version=(3, 8))


# ---------------------------------------------------------------- docs/migrate.md


def tables():
    """For each half of the page its table of names: what answers for each."""
    yield "## v1", "## v2", names.OBJECTS
    v2 = importlib.import_module("overdrive.azure_ai_ml.names").TABLE
    yield (
        "### Python: `azure.ai.ml`",
        None,
        {name: target for module in v2.values() for name, target in module.items()},
    )


def rows(start, end):
    """Each name of one half with what becomes of it."""
    text = (ROOT / "docs" / "migrate.md").read_text()
    half = text[text.index(start) : text.index(end) if end else None]
    for line in re.findall(r"^\| (`.*)$", half, re.MULTILINE):
        cells = [cell.strip() for cell in line.split(" | ")]
        for name in re.findall(r"`(\w+)`", cells[0]):
            yield name, cells[1]


def test_the_page_tells_of_every_name_and_of_no_other():
    for start, end, table in tables():
        told = [name for name, _ in rows(start, end)]
        assert sorted(told) == sorted(table)


def test_the_page_says_refused_of_what_is_refused():
    for start, end, table in tables():
        for name, fate in rows(start, end):
            assert (fate == "refused") == table[name].startswith("!"), name
            assert fate in ("same", "better", "mapped", "refused"), name


def test_the_page_lists_every_module():
    text = (ROOT / "docs" / "migrate.md").read_text()
    assert [module for module in names.TABLE if f"`{module}`" not in text] == []
