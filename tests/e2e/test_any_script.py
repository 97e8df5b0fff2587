"""Scripts that know nothing of us, tuned by one command."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

TRAIN = """\
import argparse
parser = argparse.ArgumentParser()
parser.add_argument("--lr", type=float)
parser.add_argument("--layers", type=int)
args = parser.parse_args()
for epoch in range(3):
    print(f"epoch {epoch} val_loss={args.lr * args.layers / (epoch + 1)}")
"""


@pytest.fixture
def folder(hostile_dir):
    (hostile_dir / "train.py").write_text(TRAIN)
    return hostile_dir


def overdrive(folder, *arguments):
    return subprocess.run(
        [sys.executable, "-m", "overdrive", *arguments],
        cwd=folder,
        capture_output=True,
        stdin=subprocess.DEVNULL,
        text=True,
        timeout=120,
    )


def swept(folder, *arguments):
    """The sweep, as JSON."""
    done = overdrive(folder, "sweep", "--json", *arguments)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_one_command_and_nothing_else(folder):
    found = swept(
        folder, "--metric", "val_loss", "--runs", "3", "--policy", "bandit:slack_factor=0.5,delay=9", "--seed", "1",
        "--", "python", "train.py", "--lr", "loguniform(-9, -2)", "--layers=choice(range(1, 5))",
    )  # fmt: skip
    assert found["status"] == "Completed"
    assert len(found["runs"]) == 3
    for run in found["runs"]:
        lr, layers = run["params"]["lr"], run["params"]["layers"]
        assert run["metrics"]["val_loss"] == pytest.approx([lr * layers / n for n in (1, 2, 3)])
    assert sorted(path.name for path in folder.iterdir()) == [".overdrive", "train.py"]


def test_a_template_is_filled_for_each_run(folder, tmp_path):
    shared = tmp_path / "shared.yml"
    shared.write_text("lr: {{lr}}\nkind: {{kind}}\n")
    (folder / "conf").mkdir()
    (folder / "conf" / "config.yml").symlink_to(shared)
    (folder / "read.py").write_text(
        "import yaml\nc = yaml.safe_load(open('conf/config.yml'))\n"
        "assert type(c['lr']) is float, c\nprint('acc:', c['lr'])\nprint('kind', c['kind'])"
    )
    found = swept(
        folder, "--metric", "acc", "--runs", "2", "--template", "conf/config.yml", "--param", "lr=loguniform(-13, -11)",
        "--param", "kind=choice('a: b')", "--", "python", "read.py",
    )  # fmt: skip
    assert [run["metrics"]["acc"] for run in found["runs"]] == [
        [run["params"]["lr"]] for run in found["runs"]
    ]
    assert "{{lr}}" in shared.read_text()  # the run's copy is its own


def test_mistakes_are_one_message_and_nothing_starts(tmp_path):
    done = overdrive(
        tmp_path, "sweep", "--policy", "bandi", "--", "python", "tain.py", "--lr", "lgouniform(1, 2)"
    )
    assert done.returncode == 1
    assert "did you mean loguniform?" in done.stderr
    assert "--metric: is missing" in done.stderr
    assert "no policy 'bandi'" in done.stderr
    assert "Traceback" not in done.stderr
    assert list(Path(tmp_path).iterdir()) == []
