"""Sweeps on a real Ray cluster of two nodes: with and without a shared folder, through the loss of nodes and
controllers."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from overdrive.errors import ComputeError
from overdrive.runtime import processes, wire

pytestmark = pytest.mark.engine("ray")

ROOT = Path(__file__).parents[2]

APART = """\
[compute.apart]
type = "ray"
folder = "{scratch}"
artifacts = "{artifacts}"
lease = 3

[compute.second]
type = "ray"
resources = {{second = 1}}
lease = 3

[compute.nowhere]
type = "ray"
address = "127.0.0.1:9"

[compute.too-much]
type = "ray"
num_gpus = 0.5
"""


@pytest.fixture
def cluster(ray, lab, tmp_path):
    """A lab whose settings know the cluster; `apart`: its nodes do not see the sweep's folder."""
    text = APART.format(scratch=tmp_path / "scratch", artifacts=tmp_path / "artifacts")
    (lab.workspace.home / "settings.toml").write_text(text)
    yield lab
    lab.tidy()
    assert not [pid for run in lab.submitted for pid in lab.scripts(run)]


STEPS = """\
begun = os.path.join(gates, place + " starts")
with open(begun, "a") as file:
    file.write("x")
log("acc", 1)
os.makedirs("outputs", exist_ok=True)
with open("outputs/weights", "wb") as file:
    file.write(b"w" * 3_000_000)
print("half way", flush=True)
tell(place + " is half way")
wait_for("go")
log("acc", 2)
with open("outputs/weights", "ab") as file:
    file.write(b"z")
"""


@pytest.mark.parametrize("target", ["ray", "apart"])
def test_values_output_and_files_come_home_while_it_runs(cluster, target, tmp_path):
    run = cluster.submit(cluster.script(STEPS, compute_target=target), max_total_runs=1)
    cluster.told("0 is half way")
    cluster.until(lambda: cluster.values(run) == [[1]], "the first value")
    folder = wire.RunFolder(cluster.workspace.run_folder(run.id, 0))
    stdout = Path(folder.stdout)
    cluster.until(lambda: stdout.exists() and stdout.read_text() == "half way\n", "its output")
    weights = Path(folder.outputs, "weights")
    cluster.until(lambda: weights.exists() and weights.stat().st_size == 3_000_000, "its outputs")
    cluster.open("go")
    cluster.ended(run)
    assert cluster.values(run) == [[1, 2]] and cluster.causes(run) == [[]]
    assert weights.read_bytes() == b"w" * 3_000_000 + b"z"
    if target == "apart":
        assert not Path(folder.path, "train.py").exists()  # it was elsewhere
        kept = tmp_path / "artifacts" / run.id / "0" / "weights"
        cluster.until(lambda: kept.exists() and kept.stat().st_size == 3_000_001, "the artifacts")


@pytest.mark.parametrize("target", ["ray", "apart"])
def test_a_killed_controller_finds_its_runs_on_the_cluster(cluster, target):
    run = cluster.submit(
        cluster.script(STEPS, compute_target=target), max_total_runs=2, max_concurrent_runs=2
    )
    cluster.told("0 is half way", "1 is half way")
    cluster.kill(cluster.controller(run))
    cluster.open("go")
    time.sleep(0.2)
    run.resume()
    cluster.ended(run)
    assert cluster.values(run) == [[1, 2], [1, 2]] and cluster.causes(run) == [[], []]
    assert [(cluster.gates / f"{n} starts").read_text() for n in (0, 1)] == ["x", "x"]


def test_the_best_run_is_the_same_as_on_one_machine(cluster):
    text = "x = float(sys.argv[sys.argv.index('--x') + 1]); log('acc', 1 - (x - 0.3) ** 2)"
    found = []
    for target in ("local", "apart"):
        run = cluster.submit(
            cluster.script(text, compute_target=target), max_total_runs=6, max_concurrent_runs=3
        )
        cluster.ended(run)
        best = run.get_best_run_by_primary_metric()
        found.append((best.number, [child.params for child in cluster.runs(run)], cluster.values(run)))
    assert found[0] == found[1]


def test_one_run_is_cancelled_and_then_all(cluster):
    text = "log('acc', 1); tell(place + ' is there'); wait_for('never')"
    run = cluster.submit(cluster.script(text, compute_target="ray"), max_total_runs=3, max_concurrent_runs=2)
    cluster.told("0 is there", "1 is there")
    pids = cluster.scripts(run)
    first = next(child for child in run.get_children() if child.number == 0)
    first.cancel()
    cluster.told("2 is there")
    run.cancel()
    cluster.ended(run)
    assert run.get_status() == "Canceled"
    cluster.until(lambda: not any(processes.alive(pid, None) for pid in pids), "the end of all processes")


def test_what_can_never_be_is_said_at_submit(cluster):
    with pytest.raises(ComputeError, match=r"nothing answers at 127\.0\.0\.1:9 "):
        cluster.submit(cluster.script("pass", compute_target="nowhere"))
    with pytest.raises(ComputeError, match=r"no node has what a run asks for .*0\.5 GPU.*There is .*4 CPU"):
        cluster.submit(cluster.script("pass", compute_target="too-much"))


def test_a_lost_node_costs_an_attempt_and_nothing_else(cluster, ray):
    if ray is None:
        pytest.skip("a cluster that is not ours loses no node")
    run = cluster.submit(cluster.script(STEPS, compute_target="second"), max_total_runs=1)
    cluster.told("0 is half way")
    (script,) = cluster.scripts(run)
    ray.kill("second")
    cluster.until(lambda: not processes.alive(script, None), "the end of what was cut off")
    cluster.open("go")
    ray.start_second()
    cluster.ended(run)
    assert run.get_status() == "Completed"
    assert cluster.values(run) == [[1, 2]] and cluster.causes(run) == [["lost"]]
    assert (cluster.gates / "0 starts").read_text() == "x"
    assert (cluster.gates / "0.1 starts").read_text() == "x"
