"""`overdrive compute list` and `overdrive doctor --compute`: what targets have, and whether they work."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

SETTINGS = """\
[compute]
"cpu-cluster" = "local"

[compute.misspelt]
type = "slurm"
partitoin = "gpu"
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / ".overdrive").mkdir()
    (tmp_path / ".overdrive" / "settings.toml").write_text(SETTINGS)
    return tmp_path


def overdrive(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "overdrive", *words], cwd=folder, capture_output=True, text=True, timeout=120
    )


def listed(folder: Path) -> dict[str, Any]:
    done = overdrive(folder, "compute", "list", "--json")
    assert done.returncode == 0, done.stderr
    return {entry["name"]: entry for entry in json.loads(done.stdout)}


def test_every_target_with_its_places_and_its_health(project: Path) -> None:
    found = listed(project)
    assert list(found) == ["local", "cpu-cluster", "misspelt"]
    here = found["cpu-cluster"]
    assert here["type"] == "local" and 0 <= here["free"] <= here["all"] and "cores" in here["health"]
    assert "did you mean partition" in found["misspelt"]["problem"]
    table = overdrive(project, "compute", "list").stdout
    assert "cpu-cluster" in table and "did you mean partition" in table


def test_without_a_workspace_there_is_this_machine(tmp_path: Path) -> None:
    assert list(listed(tmp_path)) == ["local"]


def test_a_probe_of_this_machine(project: Path) -> None:
    done = overdrive(project, "doctor", "--compute", "cpu-cluster")
    assert done.returncode == 0, done.stderr
    assert "target   cpu-cluster, local" in done.stdout and "what it printed, logged and left" in done.stdout
    assert not list((project / ".overdrive").glob("probe*"))


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["--compute", "gpus"], 1, "'gpus' is not known here; there are cpu-cluster, misspelt, local"),
        (["--compute", "misspelt"], 1, "did you mean partition"),
        ([], 2, "give a SCRIPT, or --compute NAME"),
    ],
)
def test_what_cannot_be_tried(project: Path, words: list[str], code: int, said: str) -> None:
    done = overdrive(project, "doctor", *words)
    assert done.returncode == code and said in done.stderr


@pytest.mark.engine("slurmctld")
def test_a_probe_of_slurm(slurm: Any, project: Path) -> None:
    text = """
        [compute.cluster]
        type = "slurm"
        [compute.none]
        type = "slurm"
        partition = "none"
    """
    (project / ".overdrive" / "settings.toml").write_text(text)
    found = listed(project)
    assert found["cluster"]["all"] == 32 and "main: 2 nodes" in found["cluster"]["health"]
    assert "nvalid partition" in found["none"]["problem"]
    done = overdrive(project, "doctor", "--compute", "cluster", "--json")
    probe = json.loads(done.stdout)
    assert done.returncode == 0 and probe["problems"] == [] and probe["python"].startswith("3.")
