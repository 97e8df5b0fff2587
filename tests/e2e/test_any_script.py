"""Scripts that know nothing of us, tuned by one command."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

TRAIN = """\
import argparse
parser = argparse.ArgumentParser()
parser.add_argument("--lr", type=float)
parser.add_argument("--layers", type=int)
args = parser.parse_known_args()[0]
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


def test_a_dry_run_shows_what_one_run_reports(folder):
    words = ["python", "train.py", "--lr", "loguniform(-9, -2)", "--layers=choice(range(1, 5))"]
    done = overdrive(folder, "sweep", "--dry-run", "--runs", "10", "--concurrency", "2", "--", *words)
    assert done.returncode == 0, done.stderr
    assert "name one of those below with --metric" in done.stdout
    assert "10 runs, 2 at once: about" in done.stdout
    wrong = overdrive(folder, "sweep", "--dry-run", "--metric", "val_los", "--", *words)
    assert wrong.returncode == 1
    assert "did you mean 'val_loss'?" in wrong.stdout
    found = json.loads(
        overdrive(folder, "sweep", "--dry-run", "--json", "--metric", "val_loss", "--", *words).stdout
    )
    assert found["source"] == "stdout"
    assert {(one["name"], one["values"]) for one in found["metrics"]} == {("val_loss", 3)}
    assert found["command"].endswith(f"--lr {found['params']['lr']} --layers={found['params']['layers']}")
    assert found["estimate_seconds"] == pytest.approx(found["seconds"] * -(-20 // found["concurrent"]))


def test_the_best_source_is_taken_and_only_that(tmp_path):
    (tmp_path / "old.jsonl").write_text('{"acc": 99}\n')  # an earlier run's, beside the script
    (tmp_path / "train.py").write_text(
        "import json, sys\nx = float(sys.argv[1])\nprint('acc=7')\n"
        "with open('old.jsonl', 'a') as file:\n"
        "    for n in (1, 2):\n        file.write(json.dumps({'step': n, 'acc': x * n, 'loss': 1 / n}) + '\\n')\n"
    )
    found = swept(tmp_path, "--metric", "acc", "--runs", "2", "--", "python", "train.py", "uniform(0, 1)")
    for run in found["runs"]:
        x = run["params"]["arg2"]
        assert run["metrics"] == {"acc": [x, 2 * x], "loss": [1.0, 0.5]}


def test_a_pattern_of_ones_own(tmp_path):
    (tmp_path / "play.sh").write_text("echo acc=1\necho final result $1 points >&2\n")
    found = swept(
        tmp_path, "--metric", "acc", "--metric-pattern", r"final result (\S+) points", "--runs", "2",
        "--", "sh", "play.sh", "choice(2, 3)",
    )  # fmt: skip
    assert [run["metrics"]["acc"] for run in found["runs"]] == [
        [run["params"]["arg2"]] for run in found["runs"]
    ]


def test_values_found_elsewhere_count_once_after_a_takeover(lab):
    script = lab.script(
        """
        import json
        for n in range(4):
            print(f"acc={n}", flush=True)
            tell(f"printed{n}")
            if n == 1:
                wait_for("go")
        """
    )
    run = lab.submit(script, max_total_runs=1)
    lab.told("printed1")
    lab.until(lambda: lab.values(run) == [[0.0, 1.0]], "two values")
    lab.kill(lab.controller(run))
    run.experiment.workspace.attend(run.id)
    lab.open("go")
    lab.ended(run)
    assert lab.values(run) == [[0.0, 1.0, 2.0, 3.0]]


@pytest.mark.parametrize(
    ("example", "program", "metric", "words"),
    [
        ("shell", "sh", "loss", ["./train.sh", "--rate", "uniform(0.1, 0.9)"]),
        ("r", "Rscript", "rmse", ["Rscript", "train.R", "--spar", "uniform(0, 1.5)"]),
        ("plain", sys.executable, "val_acc", ["python", "train.py", "--lr", "loguniform(-7, 0)", "--epochs", "2"]),
    ],
)  # fmt: skip
def test_the_examples(tmp_path, example, program, metric, words):
    if shutil.which(program) is None:
        pytest.skip(f"{program} is not here")
    source = str(Path(__file__).parents[2] / "examples" / example)
    found = swept(tmp_path, "--source", source, "--metric", metric, "--runs", "2", "--", *words)
    assert found["status"] == "Completed"
    assert all(run["metrics"][metric] for run in found["runs"])


def test_a_study_of_optuna_is_prior_knowledge(folder):
    database = Path(__file__).parents[1] / "data" / "imported" / "optuna.db"
    done = overdrive(
        folder, "import", "optuna", str(database), "--study", "digits", "--metric", "val_loss", "--json"
    )
    parent = json.loads(done.stdout)
    assert parent["runs"] == 6
    found = swept(
        folder, "--metric", "val_loss", "--runs", "1", "--resume-from", parent["id"], "--sampling", "bayesian", "--",
        "python", "train.py", "--lr", "loguniform(-12, -2)", "--layers", "quniform(1, 8, 1)",
        "--units", "qloguniform(log(16), log(256), 1)", "--drop", "quniform(0, 0.5, 0.1)",
        "--act", "choice(relu, tanh)", "--wd", "uniform(0, 1)",
    )  # fmt: skip
    assert any("6 runs taken" in message["text"] for message in found["messages"])


def test_a_sweep_of_wandb_becomes_a_file(tmp_path):
    (tmp_path / "train.py").write_text(TRAIN)
    (tmp_path / "wandb.yaml").write_text(
        "program: train.py\nmethod: random\nmetric: {name: val_loss}\nrun_cap: 2\n"
        "parameters: {lr: {min: 0.1, max: 0.5}, layers: {value: 2}}\n"
    )
    done = overdrive(tmp_path, "import", "wandb", "wandb.yaml", "--output", "sweep.yml")
    assert done.returncode == 0, done.stderr
    again = overdrive(tmp_path, "import", "wandb", "wandb.yaml", "--output", "sweep.yml")
    assert again.returncode == 1 and "is there already" in again.stderr
    done = overdrive(tmp_path, "submit", "sweep.yml", "--json")
    assert [len(run["metrics"]["val_loss"]) for run in json.loads(done.stdout)["runs"]] == [3, 3]
