"""Runs of several processes: on this machine, and on nodes that are processes of this machine too."""

from __future__ import annotations

import json
import os
import re
import signal
import stat
import subprocess
import sys
import textwrap
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from overdrive import MpiConfiguration, PyTorchConfiguration, TensorflowConfiguration
from overdrive.errors import ConfigError
from overdrive.runtime import gang, processes
from overdrive.runtime.wire import RunFolder
from polling import until
from training import SUM, TORCH


def two(**more: Any) -> PyTorchConfiguration:
    return PyTorchConfiguration("gloo", 2, **more)


# sweeps on this machine -----------------------------------------------------------------------------


def test_what_rank_0_logs_counts_and_the_others_have_files_of_their_own(lab: Any) -> None:
    text = """
        print("rank", rank, flush=True)
        log("acc", total(1.0 + rank))
        open("outputs/%d" % rank, "w").close()
    """
    script = lab.script(SUM + textwrap.dedent(text), distributed_job_config=PyTorchConfiguration("gloo", 3))
    run = lab.ended(lab.submit(script))
    assert run.get_status() == "Completed" and lab.values(run) == [[6.0], [6.0]]
    folder = RunFolder(str(_folder(lab, run, 0)))
    assert Path(folder.stdout).read_text() == "rank 0\n"
    assert [Path(folder.rank(rank).stdout).read_text() for rank in folder.ranks()] == ["rank 1\n", "rank 2\n"]
    assert [json.loads(Path(folder.rank(rank).metrics).read_text())["value"] for rank in (1, 2)] == [2.0, 3.0]
    assert sorted(os.listdir(folder.outputs)) == ["0", "1", "2"]
    said = subprocess.run(
        [sys.executable, "-m", "overdrive", "logs", f"{run.id}_0", "--rank", "2"],
        cwd=lab.workspace.root,
        capture_output=True,
        text=True,
    )
    assert said.stdout == "rank 2\n"


def _folder(lab: Any, run: Any, number: int) -> Path:
    return Path(lab.workspace.sweep_folder(run.id)) / str(number)


def test_a_rank_that_dies_ends_the_run_with_its_exit_code_and_its_last_words(lab: Any) -> None:
    text = """
        tell("%s rank %s" % (place, os.environ["RANK"]))
        wait_for(place + " rank 0")
        if os.environ["RANK"] == "1":
            sys.exit("no such layer")
        while True:
            time.sleep(1)
    """
    run = lab.ended(lab.submit(lab.script(text, distributed_job_config=two()), max_total_runs=1))
    assert run.get_status() == "Failed"
    (child,) = lab.runs(run)
    assert child.exit_code == 1
    stderr = Path(RunFolder(str(_folder(lab, run, 0))).stderr).read_text()
    assert "rank 1 ended with exit code 1" in stderr and stderr.endswith("no such layer\n")
    assert "no such layer" in (child.reason or "")


def test_a_signal_that_ends_a_rank_is_the_signal_of_the_run(lab: Any) -> None:
    text = """
        if os.environ["RANK"] == "0":
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
        tell("%s rank %s" % (place, os.environ["RANK"]))
        wait_for(place + " rank 0")
        if os.environ["RANK"] == "1":
            os.kill(os.getpid(), signal.SIGSEGV)
        while True:
            time.sleep(1)
    """
    script = lab.script(text, distributed_job_config=two(), grace_seconds=0.2)
    run = lab.ended(lab.submit(script, max_total_runs=1))
    assert lab.runs(run)[0].exit_code == -signal.SIGSEGV


def test_a_cancel_reaches_all_ranks_once(lab: Any) -> None:
    text = """
        def stop(*_):
            time.sleep(0.2)
            with open("outputs/stopped." + os.environ["RANK"], "a") as file:
                file.write("x")
            sys.exit(3)
        signal.signal(signal.SIGTERM, stop)
        tell("rank " + os.environ["RANK"])
        while True:
            time.sleep(1)
    """
    run = lab.submit(lab.script(text, distributed_job_config=two()), max_total_runs=1)
    lab.told("rank 0", "rank 1")
    gangs = lab.scripts(run)
    run.cancel()
    lab.ended(run)
    outputs = _folder(lab, run, 0) / "outputs"
    assert {path.name: path.read_text() for path in outputs.iterdir()} == {"stopped.0": "x", "stopped.1": "x"}
    assert len(gangs) == 1 and not processes.group_exists(gangs[0])


def test_a_gang_survives_its_controller(lab: Any) -> None:
    text = """
        tell("rank %d" % rank)
        wait_for("go")
        log("acc", total(1.0))
    """
    script = lab.script(SUM + textwrap.dedent(text), distributed_job_config=two())
    run = lab.submit(script, max_total_runs=1)
    lab.told("rank 0", "rank 1")
    lab.kill(lab.controller(run))
    run.resume()
    lab.open("go")
    lab.ended(run)
    assert lab.values(run) == [[2.0]] and lab.causes(run) == [[]]


def test_several_nodes_need_a_cluster(lab: Any) -> None:
    with pytest.raises(ConfigError, match="a run is to have 2 nodes, and this machine is one"):
        lab.submit(lab.script("pass", distributed_job_config=two(node_count=2)))


def test_the_same_by_yaml_and_by_command(lab: Any) -> None:
    (lab.source / "train.py").write_text(SUM + "print('acc=%g' % total(1.0))\n")
    (lab.source / "sweep.yml").write_text(
        textwrap.dedent("""
            type: sweep
            trial:
              code: .
              command: python train.py ${{search_space.x}}
              distribution: {type: pytorch, process_count_per_instance: 2}
            search_space: {x: {type: uniform, min_value: 0, max_value: 1}}
            objective: {goal: maximize, primary_metric: acc}
            limits: {max_total_trials: 1}
        """)
    )
    ways = [
        ["submit", "sweep.yml"],
        ["sweep", "--metric", "acc", "--goal", "maximize", "--runs", "1", "--processes", "2", "--"],
    ]
    ways[1] += ["python", "train.py", "uniform(0, 1)"]
    for way in ways:
        done = subprocess.run(
            [sys.executable, "-m", "overdrive", *way], cwd=lab.source, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        shown = subprocess.run(
            [sys.executable, "-m", "overdrive", "best", "--json"],
            cwd=lab.source,
            capture_output=True,
            text=True,
        )
        assert json.loads(shown.stdout)["value"] == 2.0, shown.stdout


# one gang, without a sweep around it ----------------------------------------------------------------


class Gang:
    """The gangs of one run's nodes, all on this machine; started as a back end does it."""

    def __init__(self, folder: Path, plan: gang.Plan, text: str, **env: str) -> None:
        self.folder = RunFolder(str(folder)).make()
        (folder / "train.py").write_text(text)
        argv = [sys.executable, "train.py"]
        if not text:
            argv = ["no-such-program"]
        self.words = gang.command(sys.executable, plan, argv)
        self.env = {
            **os.environ,
            "OVERDRIVE_JOB_ID": uuid.uuid4().hex,
            "OVERDRIVE_RUN_DIR": str(folder),
            **env,
        }
        self.env["OVERDRIVE_METRICS"] = self.folder.metrics
        self.nodes: list[subprocess.Popen[bytes]] = []

    def start(self, node: int = 0) -> subprocess.Popen[bytes]:
        with open(self.folder.stdout, "ab") as output, open(self.folder.stderr, "ab") as errors:
            process = subprocess.Popen(
                self.words,
                env={**self.env, "OVERDRIVE_NODE_RANK": str(node)},
                cwd=self.folder.path,
                stdout=output,
                stderr=errors,
                start_new_session=True,
            )
        self.nodes.append(process)
        return process

    def codes(self) -> list[int]:
        return [node.wait(60) for node in self.nodes]

    def living(self) -> set[int]:
        """All processes of the run."""
        job = self.env["OVERDRIVE_JOB_ID"]
        return processes.marks("OVERDRIVE_JOB_ID", processes.table()).get(job, set())

    @property
    def stdout(self) -> str:
        return Path(self.folder.stdout).read_text()

    @property
    def stderr(self) -> str:
        return Path(self.folder.stderr).read_text()

    def wrote(self, *names: str) -> None:
        for name in names:
            until((Path(self.folder.path) / name).exists, name)


@pytest.fixture
def gangs(tmp_path: Path) -> Iterator[Callable[..., Gang]]:
    made: list[Gang] = []

    def make(plan: gang.Plan, text: str = "", **env: str) -> Gang:
        made.append(Gang(tmp_path / f"run{len(made)}", plan, textwrap.dedent(text), **env))
        return made[-1]

    yield make
    for one in made:
        for pid in one.living():
            os.kill(pid, signal.SIGKILL)
        one.codes()


def test_two_nodes_meet_in_the_runs_folder(gangs: Callable[..., Gang]) -> None:
    one = gangs(gang.Plan("pytorch", 4, nodes=2), SUM + "print(total(float(rank)), flush=True)\n")
    one.start(1)
    one.start(0)
    assert one.codes() == [0, 0], one.stderr
    assert one.stdout == "6.0\n" and one.folder.ranks() == [1, 2, 3] and one.living() == set()


def test_two_nodes_meet_at_an_address(gangs: Callable[..., Gang], tmp_path: Path) -> None:
    from overdrive.runtime.rendezvous import free_ports

    address = f"127.0.0.1:{free_ports(1)[0]}"
    one = gangs(
        gang.Plan("tensorflow", 2, nodes=2),
        "import os; print(os.environ['TF_CONFIG'])",
        OVERDRIVE_GANG=address,
    )
    one.start(1)
    one.start(0)
    assert one.codes() == [0, 0], one.stderr
    workers = json.loads(one.stdout)["cluster"]["worker"]
    assert [re.sub(r":\d+$", "", worker) for worker in workers] == ["127.0.0.1", "127.0.0.1"]
    assert not os.path.exists(one.folder.gang)


WAITS = """
import os, sys, time
rank = int(os.environ["RANK"])
open("began.%d" % rank, "w").close()
while not os.path.exists("die.%d" % rank):
    time.sleep(0.01)
sys.exit(7)
"""


def test_a_failure_on_another_node_ends_all(gangs: Callable[..., Gang]) -> None:
    one = gangs(gang.Plan("pytorch", 2, nodes=2), WAITS)
    first, _ = one.start(0), one.start(1)
    one.wrote("began.0", "began.1")
    Path(one.folder.path, "die.1").touch()
    assert first.wait(60) == 7 and "rank 1 ended with exit code 7" in one.stderr
    assert one.codes() == [7, 0]
    assert one.living() == set()


@pytest.mark.parametrize("dead", [0, 1])
def test_a_node_that_is_gone_ends_all(gangs: Callable[..., Gang], dead: int) -> None:
    one = gangs(gang.Plan("pytorch", 2, nodes=2, grace=0.2), WAITS)
    nodes = [one.start(0), one.start(1)]
    one.wrote("began.0", "began.1")
    os.killpg(nodes[dead].pid, signal.SIGKILL)
    one.codes()
    assert one.living() == set()
    if dead == 1:
        assert nodes[0].returncode == -signal.SIGKILL and "node 1 of the run" in one.stderr


def test_a_term_to_node_0_alone_ends_all(gangs: Callable[..., Gang]) -> None:
    one = gangs(gang.Plan("pytorch", 4, nodes=2), WAITS)
    first, _ = one.start(0), one.start(1)
    one.wrote(*(f"began.{rank}" for rank in range(4)))
    subprocess.run(["kill", str(first.pid)], check=True)
    assert first.wait(60) == -signal.SIGTERM
    one.codes()
    assert one.living() == set()


def test_parameter_servers_end_when_the_workers_have(gangs: Callable[..., Gang]) -> None:
    text = """
        import json, os, time
        if json.loads(os.environ["TF_CONFIG"])["task"]["type"] == "ps":
            open("serving", "w").close()
            time.sleep(600)
        while not os.path.exists("serving"):
            time.sleep(0.01)
    """
    one = gangs(gang.Plan("tensorflow", 2, 1), text)
    one.start()
    assert one.codes() == [0] and one.living() == set()
    assert TensorflowConfiguration(2, 1).several and not MpiConfiguration().several


def test_a_program_that_is_not_there(gangs: Callable[..., Gang]) -> None:
    one = gangs(gang.Plan("pytorch", 3))
    one.start()
    assert one.codes() == [127] and "cannot start 'no-such-program': No such file" in one.stderr


MPIRUN = """\
#!{python}
import os, subprocess, sys
number, words = int(sys.argv[2]), sys.argv[3:]
ranks = [subprocess.Popen(words, env={{**os.environ, "OMPI_COMM_WORLD_RANK": str(n)}}) for n in range(number)]
print("mpirun", sys.argv[1], number, flush=True)
sys.exit(max(rank.wait() for rank in ranks))
"""


def test_mpirun_starts_an_mpi_run_where_it_is(gangs: Callable[..., Gang], tmp_path: Path) -> None:
    program = tmp_path / "bin" / "mpirun"
    program.parent.mkdir()
    program.write_text(MPIRUN.format(python=sys.executable))
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    text = "print('rank', os.environ['OMPI_COMM_WORLD_RANK'], total(1.0), flush=True)\n"
    path = f"{program.parent}{os.pathsep}{os.environ['PATH']}"
    one = gangs(gang.Plan("mpi", 3, nodes=3), SUM + text, PATH=path)
    one.start()
    assert one.codes() == [0], one.stderr
    assert sorted(one.stdout.splitlines()) == ["mpirun -n 3", "rank 0 3.0"]
    assert [Path(one.folder.rank(rank).stdout).read_text() for rank in (1, 2)] == [
        "rank 1 1.0\n",
        "rank 2 1.0\n",
    ]


@pytest.mark.parametrize("python", sorted(Path.home().glob(".pyenv/versions/3.8.*/bin/python")), ids=str)
def test_an_old_interpreter_will_do(gangs: Callable[..., Gang], python: Path) -> None:
    one = gangs(gang.Plan("pytorch", 2), SUM + "print(total(1.0), sys.version_info[:2])\n")
    one.words = [word if word != sys.executable else str(python) for word in one.words]
    one.start()
    assert one.codes() == [0], one.stderr
    assert one.stdout == "2.0 (3, 8)\n"


# the real thing -------------------------------------------------------------------------------------


def test_torch_trains_on_two_processes(lab: Any) -> None:
    pytest.importorskip("torch", reason="torch is not here")
    run = lab.ended(lab.submit(lab.script(TORCH, distributed_job_config=two()), max_total_runs=1))
    assert lab.values(run) == [[3.0]]
