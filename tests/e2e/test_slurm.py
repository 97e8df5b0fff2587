"""Sweeps on a real Slurm of two nodes: the same as on one machine, whatever is killed meanwhile."""

from __future__ import annotations

import importlib.util
import os
import signal
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from overdrive import MpiConfiguration, OverdriveError, PyTorchConfiguration
from overdrive.runtime import processes
from overdrive.runtime.wire import JOB_ID, RunFolder, read_json
from polling import until
from slurm import Slurm
from training import SUM, TORCH

pytestmark = pytest.mark.engine("slurmctld")

NODE = "node = os.environ['SLURMD_NODENAME']\n"


@pytest.fixture
def cluster(slurm: Slurm, lab: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Slurm]:
    """The cluster, whole again after the test and without a process of its runs."""
    yield slurm
    lab.tidy()
    slurm.mend()
    jobs = {child.job for run in lab.submitted for child in lab.runs(run)}
    until(lambda: not jobs & processes.marks(JOB_ID, processes.table()).keys(), "no process is left")
    until(lambda: not slurm.jobs(), "an empty queue")


def script(lab: Any, text: str, **options: Any) -> Any:
    return lab.script(textwrap.dedent(text), compute_target="slurm", **options)


def folder(lab: Any, run: Any, place: str = "0") -> RunFolder:
    return RunFolder(str(Path(lab.workspace.sweep_folder(run.id)) / place))


# the same as on one machine -------------------------------------------------------------------------


def test_the_best_run_is_the_one_that_this_machine_finds(cluster: Slurm, lab: Any) -> None:
    text = """
        x = json.load(open(os.environ["OVERDRIVE_PARAMS"]))["x"]
        for step in range(3):
            log("acc", step - (x - 0.3) ** 2)
        open("outputs/model", "w").write(repr(x))
    """
    options = {"max_total_runs": 8, "max_concurrent_runs": 4}
    here = lab.ended(lab.submit(lab.script(textwrap.dedent(text), reads_parameters=True), **options))
    there = lab.ended(lab.submit(script(lab, text, reads_parameters=True), **options))
    assert there.get_status() == "Completed" and lab.values(there) == lab.values(here)
    best, same = (run.get_best_run_by_primary_metric() for run in (there, here))
    assert (best.number, best.get_metrics()) == (same.number, same.get_metrics())
    model = Path(best.folder) / "outputs" / "model"
    assert float(model.read_text()) == lab.runs(there)[best.number].params["x"]
    assert lab.causes(there) == [[]] * 8


def test_short_runs_follow_one_another_in_one_job(cluster: Slurm, lab: Any) -> None:
    text = """
        with open(os.path.join(gates, "jobs"), "a") as file:
            file.write(os.environ["SLURM_JOB_ID"] + "\\n")
        log("acc", 1)
    """
    run = lab.ended(lab.submit(script(lab, text), max_total_runs=12, max_concurrent_runs=2))
    jobs = (lab.gates / "jobs").read_text().split()
    assert lab.values(run) == [[1]] * 12 and lab.causes(run) == [[]] * 12
    assert len(jobs) == 12 > len(set(jobs)) >= 2


def test_a_run_that_is_cancelled_leaves_its_place(cluster: Slurm, lab: Any) -> None:
    text = """
        with open(os.path.join(gates, "jobs"), "a") as file:
            file.write(os.environ["SLURM_JOB_ID"] + "\\n")
        tell(place + " is here")
        if place == "0":
            time.sleep(600)
        log("acc", 1)
    """
    run = lab.submit(script(lab, text), max_total_runs=2)
    lab.told("0 is here")
    next(child for child in run.get_children() if child.number == 0).cancel()
    lab.ended(run)
    assert lab.values(run) == [[], [1]] and lab.causes(run) == [["user"], []]
    assert len(set((lab.gates / "jobs").read_text().split())) == 2


# what is killed -------------------------------------------------------------------------------------


def test_the_controller_dies_and_another_goes_on(cluster: Slurm, lab: Any) -> None:
    text = """
        log("acc", 1)
        tell(place + " is half way")
        wait_for("go")
        log("acc", 2)
    """
    run = lab.submit(script(lab, text), max_total_runs=3, max_concurrent_runs=2)
    lab.told("0 is half way", "1 is half way")
    lab.kill(lab.controller(run))
    lab.open("go")
    until(lambda: os.path.exists(folder(lab, run).exit), "a run ends without a controller")
    run.resume()
    lab.ended(run)
    assert lab.values(run) == [[1, 2]] * 3 and lab.causes(run) == [[]] * 3


def test_a_node_that_is_lost(cluster: Slurm, lab: Any) -> None:
    """Its run is tried again elsewhere, and ends where it still lives."""
    text = """
        with open(os.path.join(gates, place + " pid"), "w") as file:
            file.write(str(os.getpid()))
        log("acc", 1)
        tell(place + " on " + node)
        wait_for("go")
        log("acc", 2)
    """
    run = lab.submit(
        script(lab, NODE + textwrap.dedent(text), cores_per_run=16), max_total_runs=2, max_concurrent_runs=2
    )
    lab.told("0 began", "1 began")
    lost = until(lambda: [n for n in "01" if (lab.gates / f"{n} on n2").exists()], "a run on n2")[0]
    pid = int((lab.gates / f"{lost} pid").read_text())
    cluster.lose("n2")
    until(lambda: not processes.alive(pid, None), "the first attempt ends")
    lab.open("go")
    until(lambda: (lab.gates / f"{lost}.1 on n1").exists(), "it is tried again on the other node")
    lab.ended(run)
    assert sorted(lab.causes(run)) == [[], ["lost"]]
    assert [values[-2:] for values in lab.values(run)] == [[1, 2]] * 2


def test_slurmctld_is_away_for_a_while(cluster: Slurm, lab: Any) -> None:
    text = """
        tell(place + " is here")
        wait_for(place)
        log("acc", 1)
    """
    run = lab.submit(script(lab, text), max_total_runs=3)
    lab.told("0 is here")
    cluster.kill(
        "slurmctld", signal.SIGTERM
    )  # a kill -9 may forget jobs of the last seconds, and give ids twice
    lab.open("0")
    until(lambda: len([child for child in lab.runs(run) if child.status.terminal]) == 1, "the first run ends")
    assert run.get_status() == "Running"
    cluster.control()
    lab.open("1", "2")
    lab.ended(run)
    assert lab.values(run) == [[1]] * 3 and lab.causes(run) == [[]] * 3


def test_a_job_that_must_make_room_has_its_grace_and_is_tried_again(cluster: Slurm, lab: Any) -> None:
    text = """
        def stop(*_):
            time.sleep(0.2)
            open("outputs/saved", "w").close()
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            os.kill(os.getpid(), signal.SIGTERM)
        signal.signal(signal.SIGTERM, stop)
        tell(place + " is here")
        if place == "0":
            time.sleep(600)
        log("acc", 1)
    """
    run = lab.submit(script(lab, text), max_total_runs=1)
    lab.told("0 is here")
    cluster.says(
        "scancel", "--batch", "--signal=TERM", f"--user={os.getuid()}"
    )  # as Slurm does before it kills
    lab.ended(run)
    assert lab.causes(run) == [["lost"]] and lab.values(run) == [[1]]
    assert os.path.exists(os.path.join(folder(lab, run).outputs, "saved"))


# cancelling -----------------------------------------------------------------------------------------


def test_one_run_is_cancelled_and_then_all(cluster: Slurm, lab: Any) -> None:
    text = """
        tell(place + " is here")
        time.sleep(600)
    """
    run = lab.submit(script(lab, text), max_total_runs=5, max_concurrent_runs=2)
    lab.told("0 is here", "1 is here")
    first = next(child for child in run.get_children() if child.number == 0)
    first.cancel()
    lab.told("2 is here")
    assert first.get_status() == "Canceled" and run.get_status() == "Running"
    run.cancel()
    lab.ended(run)
    assert {str(child.status) for child in lab.runs(run)} == {"Canceled"} and len(lab.runs(run)) == 3


# what cannot be -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("target", "options", "words"),
    [
        ('type = "slurm"\npartition = "gpu"', {}, "invalid partition.*There is main: 2 nodes"),
        ('type = "slurm"', {"cores_per_run": 64}, "There is main: 2 nodes, .* of 32 cores free"),
        ('type = "slurm"', {"gpus_per_run": 1}, "There is main"),
        ('type = "slurm"', {"distributed_job_config": MpiConfiguration(1, 3)}, "There is main: 2 nodes"),
        ('type = "slurm"\npartitoin = "main"', {}, "partitoin: is no option here; did you mean partition"),
    ],
)
def test_what_no_node_has_is_said_at_once(
    cluster: Slurm, lab: Any, target: str, options: dict[str, Any], words: str
) -> None:
    (lab.workspace.home / "settings.toml").write_text(f"[compute.cluster]\n{target}\n")
    with pytest.raises(OverdriveError, match=f"(?is){words}"):
        lab.submit(lab.script("pass", compute_target="cluster", **options))
    assert lab.submitted == []


# several nodes --------------------------------------------------------------------------------------


def test_a_run_of_two_nodes(cluster: Slurm, lab: Any) -> None:
    text = """
        open("outputs/%d.%s" % (rank, node), "w").close()
        log("acc", total(1.0 + rank))
    """
    spread = PyTorchConfiguration("gloo", 4, 2)
    run = lab.submit(script(lab, SUM + NODE + textwrap.dedent(text), distributed_job_config=spread))
    lab.ended(run)
    assert lab.values(run) == [[10.0]] * 2, Path(folder(lab, run).stderr).read_text()
    assert lab.causes(run) == [[]] * 2
    seen = [name.partition(".") for name in sorted(os.listdir(folder(lab, run).outputs))]
    nodes = [node for _, _, node in seen]
    assert [rank for rank, _, _ in seen] == ["0", "1", "2", "3"]
    assert nodes[0] == nodes[1] != nodes[2] == nodes[3]


STAYS = """
def stop(*_):
    tell("rank %s stopped" % os.environ["RANK"])
    sys.exit(3)
signal.signal(signal.SIGTERM, stop)
tell("rank %s is here" % os.environ["RANK"])
if os.environ["RANK"] == "1":
    wait_for("fail")
    sys.exit(7)
while True:
    time.sleep(1)
"""


@pytest.mark.parametrize("how", ["a rank fails", "cancel", "the other node is gone"])
def test_a_run_of_two_nodes_ends_on_both(cluster: Slurm, lab: Any, how: str) -> None:
    spread = PyTorchConfiguration("gloo", node_count=2)
    run = lab.submit(
        script(lab, STAYS, distributed_job_config=spread), max_total_runs=1, max_retries={"lost": 0}
    )
    lab.told("rank 0 is here", "rank 1 is here")
    if how == "cancel":
        run.cancel()
        lab.told("rank 0 stopped", "rank 1 stopped")
    elif how == "a rank fails":
        lab.open("fail")
        lab.told("rank 0 stopped")
    else:
        job = lab.runs(run)[0].job
        table = processes.table()
        first = read_json(folder(lab, run).job)["pid"]
        gangs = processes.marks(JOB_ID, table)[job] - processes.group(first, table)
        for pid in gangs:
            processes.send(table[pid], signal.SIGKILL)
        lab.told("rank 0 stopped")
    lab.ended(run)
    (child,) = lab.runs(run)
    if how == "a rank fails":
        assert child.exit_code == 7 and "rank 1 ended with exit code 7" in (child.reason or "")
    elif how == "cancel":
        assert str(child.status) == "Canceled"
    else:
        assert str(child.status) == "Failed" and lab.causes(run) == [["lost"]]


@pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="torch is not here")
def test_torch_trains_on_two_nodes(cluster: Slurm, lab: Any) -> None:
    spread = PyTorchConfiguration("gloo", 2, 2)
    run = lab.ended(lab.submit(script(lab, TORCH, distributed_job_config=spread), max_total_runs=1))
    assert lab.values(run) == [[3.0]], Path(folder(lab, run).stderr).read_text()
