"""The command line on real sweeps: what it prints, how it exits, what is left when it is told to stop."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

SCRIPT = """\
import argparse, json, os, sys
parser = argparse.ArgumentParser()
parser.add_argument("--lr", type=float)
parser.add_argument("--word")
args = parser.parse_args()
print("training with", args.word)
sys.stdout.buffer.write(b"\\xff\\n")
print("to err", file=sys.stderr)
with open(os.environ["OVERDRIVE_METRICS"], "a") as file:
    for value in (args.lr, args.lr / 2, float("nan")):
        file.write(json.dumps({"name": "loss", "value": value}) + "\\n")
"""

SPEC = """\
type: sweep
experiment_name: tiny
sampling_algorithm: grid
search_space:
  lr: {type: choice, values: [0.5, 0.25, 1.0]}
objective: {goal: minimize, primary_metric: loss}
inputs: {word: "two [bold]words[/bold]"}
trial:
  code: src
  command: python train.py --lr ${{search_space.lr}} --word ${{inputs.word}}
limits: {max_total_trials: 10, max_concurrent_trials: 2, timeout: 120}
"""

LONG = """\
import os, subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
with open("pids.txt.part", "w") as file:
    file.write(f"{os.getpid()} {child.pid}")
os.rename("pids.txt.part", "pids.txt")
print("started", flush=True)
time.sleep(600)
"""


def start(folder, *arguments, **options):
    return subprocess.Popen(
        [sys.executable, "-m", "overdrive", *arguments],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={k: v for k, v in os.environ.items() if k != "OVERDRIVE_HOME"},
        **options,
    )


def call(folder, *arguments):
    process = start(folder, *arguments)
    out, err = process.communicate(timeout=100)
    return subprocess.CompletedProcess(
        process.args, process.returncode, out.decode(errors="replace"), err.decode()
    )


def answer(folder, *arguments):
    done = call(folder, *arguments, "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout)


def until(condition, seconds=60):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        found = condition()
        if found:
            return found
        time.sleep(0.05)
    raise AssertionError(f"not within {seconds} seconds")


def project(folder: Path, script: str, spec: str = SPEC) -> Path:
    (folder / "src").mkdir(parents=True)
    (folder / "src" / "train.py").write_text(script)
    (folder / "sweep.yml").write_text(spec)
    return folder


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    """A project with one sweep that has ended, and what `submit --json` printed."""
    folder = project(tmp_path_factory.mktemp("a project"), SCRIPT)
    process = call(folder, "submit", "sweep.yml", "--json")
    assert process.returncode == 0, process.stdout + process.stderr
    assert process.stdout.count("\n") == 1
    return folder, json.loads(process.stdout)


@pytest.fixture
def long(tmp_path):
    """A project with a sweep that would take ten minutes, and its id; it is cancelled at the end."""
    spec = SPEC.replace(" --word ${{inputs.word}}", "")
    folder = project(tmp_path, LONG, spec)
    ident = answer(folder, "submit", "sweep.yml", "--detach")["id"]
    yield folder, ident
    call(folder, "cancel", ident)


def alive(pid):
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"


def pids(folder, ident, number):
    path = folder / ".overdrive" / "runs" / ident / str(number) / "pids.txt"
    return [int(pid) for pid in until(lambda: path.exists() and path.read_text()).split()]


class TestASweepThatHasEnded:
    def test_the_contract_of_submit(self, done):
        _, sweep = done
        assert sweep["status"] == "Completed"
        assert sweep["controller"] is None
        assert [run["number"] for run in sweep["runs"]] == [0, 1, 2]
        assert [run["params"] for run in sweep["runs"]] == [{"lr": 0.5}, {"lr": 0.25}, {"lr": 1.0}]
        assert [run["status"] for run in sweep["runs"]] == ["Completed"] * 3
        assert sweep["runs"][0]["metrics"] == {"loss": [0.5, 0.25, None]}
        assert sweep["best"] == {"id": f"{sweep['id']}_1", "value": 0.125, "params": {"lr": 0.25}}

    def test_show_says_the_same_by_every_name(self, done):
        folder, sweep = done
        for ident in ([], ["last"], [sweep["id"]], [sweep["id"][:6]]):
            assert answer(folder, "show", *ident) == sweep

    def test_show_a_run(self, done):
        folder, sweep = done
        run = answer(folder, "show", "last_1")
        assert run["id"] == f"{sweep['id']}_1"
        assert run["metrics"]["loss"][:2] == [0.25, 0.125]
        assert Path(run["folder"], "train.py").is_file()

    def test_list_and_best(self, done):
        folder, sweep = done
        (entry,) = answer(folder, "list")
        assert (entry["id"], entry["status"], entry["experiment"]) == (sweep["id"], "Completed", "tiny")
        best = answer(folder, "best")
        assert {key: best[key] for key in ("id", "value", "params")} == sweep["best"]

    def test_text_for_people_comes_uncut_in_a_pipe(self, done):
        folder, sweep = done
        shown = call(folder, "show").stdout
        assert sweep["id"] in shown
        assert "lr=0.25" in shown
        assert "best loss 0.125  run 1" in shown
        assert sweep["id"] in call(folder, "list").stdout
        assert "0.125" in call(folder, "best").stdout

    def test_from_a_folder_below_and_from_elsewhere(self, done, tmp_path):
        folder, sweep = done
        assert answer(folder / "src", "show")["id"] == sweep["id"]
        assert answer(tmp_path, "show", "--workspace", str(folder))["id"] == sweep["id"]

    def test_logs_are_bytes_each_on_its_own_stream(self, done):
        folder, _ = done
        process = start(folder, "logs", "last_0")
        out, err = process.communicate(timeout=60)
        assert out == b"training with two [bold]words[/bold]\n\xff\n"
        assert err == b"to err\n"
        out, err = start(folder, "logs", "last_0", "--stderr").communicate(timeout=60)
        assert (out, err) == (b"to err\n", b"")
        out, err = start(folder, "logs", "last_0", "--stdout", "--follow").communicate(timeout=60)
        assert (out[:8], err) == (b"training", b"")
        assert answer(folder, "logs", "last_0")["stderr"] == "to err\n"

    def test_a_sweep_has_a_log_of_its_own(self, done):
        folder, sweep = done
        assert answer(folder, "logs")["id"] == sweep["id"]
        assert "Completed" in call(folder, "logs", "--follow").stdout

    def test_cancelling_what_has_ended_changes_nothing(self, done):
        folder, sweep = done
        assert answer(folder, "cancel")["status"] == "Completed"
        assert answer(folder, "cancel", "--run", "1")["id"] == f"{sweep['id']}_1"

    def test_a_closed_pipe_is_no_complaint(self, done):
        folder, _ = done
        with start(folder, "show") as process:
            process.stdout.close()
            assert process.stderr.read() == b""

    @pytest.mark.parametrize(
        "command", [["show", "HD_nope"], ["show", "last_77"], ["cancel", "x"], ["logs", "x_1"]]
    )
    def test_an_unknown_id(self, done, command):
        folder, _ = done
        failed = call(folder, *command)
        assert (failed.returncode, failed.stdout) == (1, "")
        assert failed.stderr.startswith("overdrive: ")
        assert failed.stderr.count("\n") == 1
        failed = call(folder, *command, "--json")
        assert failed.returncode == 1
        assert command[1] in json.loads(failed.stdout)["error"]


class TestSubmitForPeople:
    def test_lines_on_stderr_and_the_result_on_stdout(self, tmp_path):
        folder = project(tmp_path, SCRIPT)
        process = call(folder, "submit", "sweep.yml", "--set", "search_space.lr.values=[0.5]")
        assert process.returncode == 0
        assert "run 0 Completed (1/10) loss 0.25 lr=0.5 <- best so far" in process.stderr
        assert "best loss 0.25  run 0  lr=0.5" in process.stdout
        assert "Traceback" not in process.stderr

    def test_a_sweep_whose_runs_fail_exits_with_one(self, tmp_path):
        folder = project(tmp_path, "raise SystemExit('no data here')\n")
        process = call(folder, "submit", "sweep.yml")
        assert process.returncode == 1
        assert "no data here" in process.stderr
        sweep = answer(folder, "show")
        assert sweep["status"] == "Failed"
        assert sweep["best"] is None

    def test_ctrl_c_without_a_terminal_leaves_the_sweep_running(self, long):
        folder, ident = long
        pids(folder, ident, 0)
        process = start(folder, "submit", "sweep.yml")
        until(lambda: len(answer(folder, "list")) == 2)
        until(lambda: answer(folder, "show")["runs"])
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
        assert process.returncode == 130
        second = answer(folder, "list")[0]["id"]
        assert f"overdrive show {second}" in err.decode()
        assert b"Traceback" not in out + err
        assert answer(folder, "show", second)["status"] == "Running"
        answer(folder, "cancel", second)


class TestCancel:
    def test_one_run_then_the_sweep_with_every_grandchild(self, long):
        folder, ident = long
        first, second = pids(folder, ident, 0), pids(folder, ident, 1)
        assert all(map(alive, first + second))
        assert answer(folder, "show")["controller"]["pid"]
        assert answer(folder, "cancel", "last_0")["status"] == "Canceled"
        assert not any(map(alive, first))
        assert all(map(alive, second))
        third = pids(folder, ident, 2)
        assert answer(folder, "cancel", ident) == {
            "id": ident,
            "status": "Canceled",
            "reason": answer(folder, "show")["reason"],
        }
        assert not any(map(alive, second + third))
        until(lambda: answer(folder, "show")["controller"] is None)

    def test_following_ends_with_the_run(self, long):
        folder, ident = long
        pids(folder, ident, 0)
        follower = start(folder, "logs", f"{ident}_0", "--follow")
        assert follower.stdout.readline() == b"started\n"
        answer(folder, "cancel", f"{ident}_0")
        follower.communicate(timeout=30)
        assert follower.returncode == 0


class TestMistakes:
    def test_all_of_a_file_at_once_and_nothing_runs(self, tmp_path):
        spec = SPEC.replace("goal: minimize", "goal: less").replace("timeout: 120", "timeout: 0")
        folder = project(tmp_path, SCRIPT, spec)
        failed = call(folder, "submit", "sweep.yml")
        assert (failed.returncode, failed.stdout) == (1, "")
        assert failed.stderr.splitlines() == [
            "overdrive: objective.goal: must be 'minimize' or 'maximize', got 'less' (line 6, column 13)",
            "overdrive: limits.timeout: must be above 0, got 0 (line 11, column 58)",
        ]
        failed = call(folder, "submit", "sweep.yml", "--json")
        assert failed.returncode == 1
        assert [one["where"] for one in json.loads(failed.stdout)["problems"]] == [
            "objective.goal",
            "limits.timeout",
        ]
        assert not (folder / ".overdrive").exists()

    def test_a_missing_file_and_a_missing_folder(self, tmp_path):
        assert (
            "there is no such file" in json.loads(call(tmp_path, "submit", "x.yml", "--json").stdout)["error"]
        )
        folder = project(tmp_path / "p", SCRIPT, SPEC.replace("code: src", "code: source"))
        assert "trial.code: there is nothing at" in call(folder, "submit", "sweep.yml").stderr

    def test_looking_around_makes_no_workspace(self, tmp_path):
        failed = call(tmp_path, "list")
        assert failed.returncode == 1
        assert "there is no workspace" in failed.stderr
        assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "heavy"),
    [
        (["--help"], {"sqlalchemy", "scipy", "numpy", "pydantic", "yaml", "rich"}),
        (
            ["submit", "--help"],
            {"sqlalchemy", "scipy", "numpy", "yaml", "rich"},
        ),  # typer itself takes pydantic
    ],
)
def test_help_answers_without_loading_anything_heavy(arguments, heavy):
    code = (
        "import sys\n"
        "from overdrive.cli import main\n"
        f"try:\n    main({arguments!r})\n"
        "except SystemExit:\n    pass\n"
        f"print(sorted({heavy!r} & set(sys.modules)), file=sys.stderr)\n"
    )
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert loaded.stderr.strip() == "[]"
