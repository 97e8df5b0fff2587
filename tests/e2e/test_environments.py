"""Environments: built once for all runs, mapped by name, found by path; runs in them know nothing of us."""

from __future__ import annotations

import json
import os
import shlex
import sys
import textwrap
import threading
from pathlib import Path

import pytest

from overdrive import ConfigError, Environment, Experiment, ScriptRunConfig, Workspace
from overdrive.environments.build import built
from overdrive.environments.recipe import from_requirements
from overdrive.errors import ComputeError, NotFound

TRAINING = """
    import sys
    from overdrive import Run
    import greeting
    assert not any("site-packages" in (getattr(m, "__file__", "") or "") and "numpy" in name
                   for name, m in sys.modules.items())
    Run.get_context().log("value", greeting.VALUE)
    print(sys.prefix)
"""


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A workspace, a training script, and a package that only a built environment can have; nothing is fetched."""
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", "")
    monkeypatch.delenv("OVERDRIVE_ENVIRONMENT_MAP", raising=False)
    # Only pip: what uv does with the same lines is uv's.
    monkeypatch.setenv("PATH", os.pathsep.join(only_python(tmp_path)))
    wheel(tmp_path / "wheels")
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "train.py").write_text(textwrap.dedent(TRAINING))
    (tmp_path / "requirements.txt").write_text(f"--find-links {tmp_path / 'wheels'}\ngreeting==1.0\n")
    return Workspace.find(tmp_path)


def only_python(tmp_path):
    bin = tmp_path / "bin"
    bin.mkdir()
    (bin / "python3").symlink_to(sys.executable)
    return [str(bin), "/usr/bin", "/bin"]


def wheel(folder):
    """A wheel by hand: an archive with a module and three lines of metadata."""
    import zipfile

    folder.mkdir()
    with zipfile.ZipFile(folder / "greeting-1.0-py3-none-any.whl", "w") as archive:
        info = "greeting-1.0.dist-info"
        archive.writestr("greeting.py", "VALUE = 42\n")
        archive.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: greeting\nVersion: 1.0\n")
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "")


def run(workspace, environment):
    config = ScriptRunConfig(str(workspace.root / "src"), script="train.py", environment=environment)
    run = Experiment(workspace, "environments").submit(config)
    run.wait_for_completion(raise_on_error=False)
    return run


def output(run):
    return (
        Path(run.folder, ".run", "stdout.txt").read_text()
        + Path(run.folder, ".run", "stderr.txt").read_text()
    )


def environments(workspace):
    return [path for path in (workspace.home / "envs").iterdir() if path.is_dir()]


def test_requirements_are_built_once_and_shared(project, capfd):
    environment = Environment.from_pip_requirements("greet", str(project.root / "requirements.txt"))
    first = run(project, environment)
    assert first.get_status() == "Completed", output(first)
    assert first.get_metrics() == {"value": 42}
    assert "building environment 'greet'" in capfd.readouterr().err
    (folder,) = environments(project)
    assert "greeting" in (folder / "build.log").read_text()
    assert output(first).strip() == str(folder / "python")
    second = run(
        project, Environment.from_pip_requirements("another", str(project.root / "requirements.txt"))
    )
    assert second.get_status() == "Completed"
    assert "building" not in capfd.readouterr().err and len(environments(project)) == 1

    # Named in the settings, or registered, it is the same one.
    (project.home / "settings.toml").write_text('[environments]\n"azureml-greet-1.5" = "requirements.txt"\n')
    assert run(project, "azureml:azureml-greet-1.5:3").get_metrics() == {"value": 42}
    environment.register(project)
    assert run(project, Environment.get(project, "greet")).get_metrics() == {"value": 42}
    assert set(Environment.list(project)) == {"greet", "azureml-greet-1.5"}
    assert len(environments(project)) == 1


def test_a_name_that_nobody_knows_runs_on_the_submitting_python_and_is_said(project):
    with pytest.warns(UserWarning, match="'azureml-sklearn-1.5' is not known here.*Python that submits"):
        done = run(project, Environment.get(project, "azureml-sklearn-1.5"))
    assert "No module named 'greeting'" in output(done)


def test_a_path_maps_a_name(project, monkeypatch):
    monkeypatch.setenv("OVERDRIVE_ENVIRONMENT_MAP", f"mine={sys.executable}")
    assert "No module named 'greeting'" in output(run(project, "mine"))
    monkeypatch.setenv("OVERDRIVE_ENVIRONMENT_MAP", "mine=/no/such/python")
    with pytest.raises(ConfigError, match=r"environment 'mine'.*'/no/such/python'"):
        run(project, "mine")


def test_what_cannot_be_built_says_why_and_where_the_log_is(project):
    (project.root / "requirements.txt").write_text("no-such-package-anywhere\n")
    environment = Environment.from_pip_requirements("greet", str(project.root / "requirements.txt"))
    with pytest.raises(ComputeError, match=r"'greet' cannot be built: .*no-such-package.*log: .*build\.log"):
        environment.build(project)
    (folder,) = environments(project)
    assert not (folder / "ready").exists()


def test_two_builders_build_once(project):
    recipe = from_requirements(project.root / "requirements.txt")
    said, found = [], []

    def build():
        found.append(built(recipe, project.home / "envs", "greet", said.append))

    threads = [threading.Thread(target=build) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(found)) == 1 and len(found) == 3
    assert sum(text.startswith("building") for text in said) == 1


CONDA = """#!{python}
import json, os, sys
if sys.argv[1:3] == ["env", "list"]:
    print(json.dumps({{"envs": [{base!r}]}}))
else:
    prefix, file = sys.argv[sys.argv.index("--prefix") + 1], sys.argv[sys.argv.index("--file") + 1]
    print("solving", open(file).read())
    os.makedirs(prefix + "/bin")
    os.symlink({python!r}, prefix + "/bin/python")
"""


def test_conda_where_it_is_installed(project, tmp_path):
    there = tmp_path / "py38"
    (there / "bin").mkdir(parents=True)
    (there / "bin" / "python").symlink_to(sys.executable)
    with pytest.raises(NotFound, match="neither micromamba nor mamba nor conda"):
        Environment.from_existing_conda_environment("old", "py38")
    command = tmp_path / "bin" / "micromamba"
    command.write_text(CONDA.format(python=sys.executable, base=str(there)))
    command.chmod(0o755)
    found = Environment.from_existing_conda_environment("old", "py38")
    assert found.build(project) == str(there / "bin" / "python")
    with pytest.raises(NotFound, match="no conda environment 'py39'; there are py38"):
        Environment.from_existing_conda_environment("old", "py39")

    file = tmp_path / "conda.yml"
    file.write_text("channels: [conda-forge]\ndependencies: [python=3.9, numpy, pip: [six, azureml-core]]\n")
    Environment.from_conda_specification("new", str(file)).build(project)
    (folder,) = environments(project)
    asked = json.loads((folder / "environment.yml").read_text())
    assert asked == {
        "channels": ["conda-forge"],
        "dependencies": ["python=3.9", "numpy", "pip", {"pip": ["six"]}],
    }
    assert "solving" in (folder / "build.log").read_text()


UV = """#!/bin/sh
echo uv "$@" >> {log}
case "$1" in
venv) mkdir -p "$5/bin" && ln -s {python} "$5/bin/python" ;;
esac
"""


def test_uv_goes_before_pip_and_finds_the_version_itself(project, tmp_path):
    command, log = tmp_path / "bin" / "uv", tmp_path / "log"
    command.write_text(UV.format(log=shlex.quote(str(log)), python=sys.executable))
    command.chmod(0o755)
    file = tmp_path / "conda.yml"
    file.write_text("dependencies: [python=3.9, {pip: [six]}]\n")
    Environment.from_conda_specification("new", str(file)).build(project)
    (folder,) = environments(project)
    made, installed = log.read_text().splitlines()
    assert made == f"uv venv --no-project --python 3.9 {folder / 'python'}"
    assert installed.endswith(
        f"--python {folder / 'python' / 'bin' / 'python'} -r {folder / 'requirements.txt'}"
    )
    assert (folder / "requirements.txt").read_text() == "six\n"

    (folder / "python" / "bin" / "python").unlink()
    (folder / "python" / "bin" / "python").symlink_to("/no/such/python")
    Environment.from_conda_specification("new", str(file)).build(project)
    assert len(log.read_text().splitlines()) == 4  # built again: the Python under it had gone
