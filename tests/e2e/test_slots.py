"""GPUs and cores as slots of the machine: a fake nvidia-smi, real launchers, real runs."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from overdrive.compute import devices
from overdrive.compute.base import Claim, Job, JobState, Warmth
from overdrive.compute.launcher import Names
from overdrive.compute.local import LocalCompute
from overdrive.runtime import processes
from overdrive.runtime.wire import RunFolder, read_json
from polling import until

GPUS = """
GPU 0: NVIDIA A100-SXM4-40GB (UUID: GPU-5d5ba0d6-0000-0000-0000-000000000000)
GPU 1: NVIDIA A100-SXM4-40GB (UUID: GPU-9b1c63f4-0000-0000-0000-000000000001)
"""
DIVIDED = """
GPU 0: NVIDIA A100-SXM4-40GB (UUID: GPU-5d5ba0d6-0000-0000-0000-000000000000)
  MIG 3g.20gb     Device  0: (UUID: MIG-1111)
  MIG 3g.20gb     Device  1: (UUID: MIG-2222)
GPU 1: NVIDIA T4 (UUID: GPU-9b1c63f4-0000-0000-0000-000000000001)
"""
UNTIL_GO = """
import os, sys, time
affinity = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
said = [os.environ.get("CUDA_VISIBLE_DEVICES", "none"), os.environ.get("CUDA_DEVICE_ORDER", "none"), affinity]
with open("began.part", "w") as file:
    file.write(repr([*said, "json.tool" in sys.modules]))
os.rename("began.part", "began")
while not os.path.exists("go"):
    time.sleep(0.01)
"""


@pytest.fixture(autouse=True)
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """A machine with two GPUs and slots of its own; called with another answer of nvidia-smi, another one."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("OVERDRIVE_SLOTS", str(tmp_path / "slots"))
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.delenv("CUDA_DEVICE_ORDER", raising=False)

    def answers(text: str) -> None:
        program = folder / "nvidia-smi"
        program.write_text(f"#!/bin/sh\ncat <<'END'\n{text.lstrip()}END\n")
        program.chmod(0o755)

    answers(GPUS)
    return answers


class Sweep:
    """A sweep folder with its launcher."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.compute = LocalCompute(folder)
        self.jobs: list[Job] = []
        self.phases: dict[str, JobState] = {}

    def start(self, **needs: object) -> Job:
        path = self.folder / "wait.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(UNTIL_GO)
        argv = [sys.executable, str(path)]
        job = Job(f"job_{uuid.uuid4().hex}", argv, self.folder / str(len(self.jobs)), **needs)  # type: ignore[arg-type]
        self.jobs.append(job)
        self.compute.start(job)
        return job

    def look(self) -> None:
        self.phases.update((state.id, state) for state in self.compute.poll(0.01))

    def ended(self, job: Job) -> JobState:
        def over() -> bool:
            self.look()
            return job.id in self.phases and self.phases[job.id].over

        until(over, "the job ends")
        return self.phases[job.id]

    @property
    def launcher(self) -> int:
        return int(read_json(Names(str(self.folder)).card)["pid"])


@pytest.fixture
def sweeps(tmp_path: Path) -> Iterator[Callable[[], Sweep]]:
    made: list[Sweep] = []

    def make() -> Sweep:
        made.append(Sweep(tmp_path / f"sweep{len(made)}"))
        return made[-1]

    yield make
    for sweep in made:
        sweep.compute.close()
        last = LocalCompute(sweep.folder)
        left = {s.id for s in last.adopt([Claim(job.id, job.folder) for job in sweep.jobs]) if not s.over}
        for job_id in left:
            last.cancel(job_id, 0.0)

        def look(left: set[str] = left, last: LocalCompute = last) -> bool:
            left -= {state.id for state in last.poll(0.05) if state.over}
            return not left

        until(look, "all runs are gone")
        last.close()


def began(*jobs: Job) -> list[list[object]]:
    """What the scripts saw as they began."""
    found = []
    for job in jobs:
        path = job.folder / "began"
        until(path.exists, "the run begins")
        found.append(eval(path.read_text()))
    return found


def go(job: Job) -> None:
    (job.folder / "go").touch()


def waiting(tmp_path: Path, count: int = 1) -> None:
    """Until so many launchers stand in the line."""
    place = tmp_path / "slots" / "waiting"
    until(lambda: place.is_dir() and len(list(place.iterdir())) == count, "a launcher waits")


# what there is --------------------------------------------------------------------------------------


def test_gpus_are_numbered_as_nvidia_smi_does():
    assert [device.name for device in devices.gpus(os.environ)] == ["0", "1"]


def test_a_divided_gpu_is_its_parts(machine):
    machine(DIVIDED)
    assert [device.name for device in devices.gpus(os.environ)] == ["MIG-1111", "MIG-2222", "1"]


@pytest.mark.parametrize(
    ("visible", "names", "ids"),
    [
        ("1", ["1"], ["GPU-9b1c63f4-0000-0000-0000-000000000001"]),
        ("1, 0", ["1", "0"], ["GPU-9b1c63f4-0000-0000-0000-000000000001"]),
        ("GPU-9b1", ["GPU-9b1"], ["GPU-9b1c63f4-0000-0000-0000-000000000001"]),
        ("MIG-7/1/0", ["MIG-7/1/0"], ["MIG-7/1/0"]),
        ("1,GPU-9b1", ["1"], ["GPU-9b1c63f4-0000-0000-0000-000000000001"]),
        ("0,-1,1", ["0"], ["GPU-5d5ba0d6-0000-0000-0000-000000000000"]),
        ("7", ["7"], ["7"]),
        ("", [], []),
        ("NoDevFiles", [], []),
    ],
)
def test_what_the_user_has_left_visible(visible, names, ids):
    found = devices.gpus({**os.environ, "CUDA_VISIBLE_DEVICES": visible})
    assert [device.name for device in found] == names
    assert [device.id for device in found][: len(ids)] == ids


def test_a_machine_without_nvidia_smi_or_with_a_broken_one(machine, tmp_path):
    machine("NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver.\n")
    assert devices.gpus(os.environ) == []
    assert devices.gpus({"PATH": str(tmp_path)}) == []


# one sweep ------------------------------------------------------------------------------------------


def test_each_run_has_a_gpu_of_its_own_and_the_next_waits(sweeps, tmp_path):
    sweep = sweeps()
    first, second, third = (sweep.start(gpus=1.0) for _ in range(3))
    assert [seen[:2] for seen in began(first, second)] == [["0", "PCI_BUS_ID"], ["1", "PCI_BUS_ID"]]
    waiting(tmp_path)
    assert not (third.folder / "began").exists()
    go(second)
    assert began(third)[0][0] == "1"


def test_several_gpus_for_a_run(sweeps):
    assert began(sweeps().start(gpus=2.0))[0][0] == "0,1"


def test_two_runs_share_a_gpu(sweeps, tmp_path):
    sweep = sweeps()
    jobs = [sweep.start(gpus=0.5) for _ in range(5)]
    assert [seen[0] for seen in began(*jobs[:4])] == ["0", "1", "0", "1"]
    waiting(tmp_path)
    go(jobs[2])
    assert began(jobs[4])[0][0] == "0"


def test_who_asks_for_nothing_sees_what_there_is(sweeps, monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1")
    assert began(sweeps().start())[0][:2] == ["1", "none"]


def test_a_list_of_visible_gpus_is_kept_to(sweeps, tmp_path, monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "GPU-9b1")
    sweep = sweeps()
    first, second = sweep.start(gpus=1.0), sweep.start(gpus=1.0)
    assert began(first)[0][:2] == ["GPU-9b1", "none"]
    waiting(tmp_path)
    go(first)
    began(second)


def test_what_cannot_be_had_here_is_an_end(sweeps):
    sweep = sweeps()
    state = sweep.ended(sweep.start(gpus=3.0))
    assert state.exit_code == 126 and "3 GPUs are asked for, there are 2" in state.note


def test_a_run_that_waits_and_is_cancelled_never_starts(sweeps, tmp_path):
    sweep = sweeps()
    first, second, third = sweep.start(gpus=2.0), sweep.start(gpus=2.0), sweep.start(gpus=1.0)
    began(first)
    waiting(tmp_path)
    sweep.compute.cancel(second.id, 30.0)
    assert sweep.ended(second).note == "cancelled before it started"
    go(first)
    began(third)
    assert not (second.folder / "began").exists()
    waiting(tmp_path, 0)


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="no affinity on this system")
def test_cores_are_pinned(sweeps, tmp_path):
    cores = devices.cores()
    sweep = sweeps()
    jobs = [sweep.start(cores=1, pin_cores=True) for _ in range(len(cores) + 1)]
    assert sorted(core for seen in began(*jobs[:-1]) for core in seen[2]) == cores
    waiting(tmp_path)
    go(jobs[0])
    assert began(jobs[-1])[0][2] == began(jobs[0])[0][2]


def test_cores_that_are_not_pinned_are_only_counted(sweeps):
    assert began(sweeps().start(cores=1))[0][2] == devices.cores()


# several --------------------------------------------------------------------------------------------


def test_two_sweeps_share_the_machine_in_turn(sweeps, tmp_path):
    one, other = sweeps(), sweeps()
    mine = [one.start(gpus=1.0) for _ in range(2)]
    began(*mine)
    others = [other.start(gpus=1.0) for _ in range(2)]
    waiting(tmp_path, 1)
    mine += [one.start(gpus=1.0) for _ in range(2)]
    waiting(tmp_path, 2)
    go(mine[0])
    began(others[0])  # who has waited longest
    waiting(tmp_path, 2)
    go(mine[1])
    began(mine[2])  # then the one that has had nothing since
    assert not (mine[3].folder / "began").exists() and not (others[1].folder / "began").exists()


def test_one_that_needs_much_is_not_passed_by_for_ever(sweeps, tmp_path):
    small, large = sweeps(), sweeps()
    first = small.start(gpus=1.0)
    began(first)
    both = large.start(gpus=2.0)
    waiting(tmp_path, 1)
    second = small.start(gpus=1.0)  # one GPU is free, and spoken for
    waiting(tmp_path, 2)
    assert not (second.folder / "began").exists()
    go(first)
    began(both)
    go(both)
    began(second)


def test_a_launcher_that_dies_waiting_is_in_nobodys_way(sweeps, tmp_path):
    one, other, third = sweeps(), sweeps(), sweeps()
    first = one.start(gpus=2.0)
    began(first)
    other.start(gpus=2.0)
    waiting(tmp_path, 1)
    os.kill(other.launcher, signal.SIGKILL)
    last = third.start(gpus=2.0)
    go(first)
    began(last)


def warm(sweep: Sweep) -> Job:
    """A run that holds both GPUs and came from a warm process."""
    for _ in range(50):
        job = sweep.start(gpus=2.0, warm=Warmth(("json.tool",)))
        (seen,) = began(job)
        if seen[3]:
            assert seen[:2] == ["0,1", "PCI_BUS_ID"]
            return job
        go(job)
        sweep.ended(job)
    raise AssertionError("no run starts warm")


@pytest.mark.parametrize(
    "kind", ["cold", pytest.param("warm", marks=pytest.mark.skipif(sys.platform != "linux", reason="Linux"))]
)
def test_a_killed_launcher_frees_nothing_that_is_in_use(sweeps, tmp_path, kind):
    one, other = sweeps(), sweeps()
    orphan = warm(one) if kind == "warm" else one.start(gpus=2.0)
    began(orphan)
    pid = read_json(RunFolder(orphan.folder).job)["pid"]
    one.compute.close()
    os.kill(one.launcher, signal.SIGKILL)
    until(lambda: not processes.alive(one.launcher, None), "the launcher is dead")
    heir = other.start(gpus=1.0)
    waiting(tmp_path, 1)
    assert processes.alive(pid, None) and not (heir.folder / "began").exists()
    os.kill(pid, signal.SIGKILL)
    began(heir)


def test_a_process_that_flees_from_its_run_keeps_no_slot(sweeps, tmp_path):
    sweep = sweeps()
    text = "import os, time\nif os.fork() == 0:\n    os.setsid()\n    time.sleep(600)"
    job = Job("flees", [sys.executable, "-c", text], sweep.folder / "flees", gpus=2.0)
    sweep.compute.start(job)
    sweep.ended(job)
    began(sweep.start(gpus=2.0))
    for pid in processes.marks("OVERDRIVE_JOB_ID", processes.table())["flees"]:
        os.kill(pid, signal.SIGKILL)


# asked for by a user ---------------------------------------------------------------------------------


def overdrive(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "overdrive", *words]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120)


SHOWS = """
import os, sys
with open(sys.argv[1], "a") as file:
    file.write(f"{os.environ['CUDA_VISIBLE_DEVICES']} {os.environ['OMP_NUM_THREADS']}\\n")
print("loss=1")
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "train.py").write_text(SHOWS)
    return folder


def test_a_sweep_runs_as_many_at_once_as_there_is_room_for(project, tmp_path, monkeypatch):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    seen = tmp_path / "seen"
    command = ["--metric", "loss", "--runs", "4", "--gpus", "1", "--cores", "1", "--concurrency", "9"]
    words = ["--", "python", "train.py", str(seen), "--x", "uniform(0, 1)"]
    done = overdrive(project, "sweep", *command, "--json", *words)
    assert done.returncode == 0, done.stderr
    fit = min(2, len(devices.cores()))
    assert (
        f"max_concurrent_runs: 9 are asked for, {fit} fit (1 GPU a run, 2 here, 1 core a run" in done.stderr
    )
    lines = seen.read_text().split("\n")[:-1]
    assert len(lines) == 4 and set(lines) <= {"0 1", "1 1"}


def test_a_dry_run_says_what_fits(project, tmp_path):
    words = ["--gpus", "0.25", "--", "python", "train.py", str(tmp_path / "seen"), "--x", "uniform(0, 1)"]
    done = overdrive(project, "sweep", "--dry-run", "--metric", "loss", *words)
    fit = min(8, len(devices.cores()))
    assert f"{fit} at once: 0.25 GPU a run, 2 here" in done.stdout


@pytest.mark.parametrize(
    ("options", "visible", "what"),
    [
        (["--gpus", "3"], None, "--gpus: 3 asked for, there are 2"),
        (["--gpus", "0.5"], "", "--gpus: 0.5 asked for, CUDA_VISIBLE_DEVICES= leaves 0"),
        (["--cores", "10000"], None, "--cores: 10000 asked for, this process may use "),
        (["--gpus", "1.5"], None, "--gpus: must be a whole number of GPUs or a share of one below 1"),
        (["--pin-cores"], None, "--pin-cores: needs cores_per_run"),
    ],
)
def test_what_cannot_be_met_is_said_at_once(project, monkeypatch, options, visible, what):
    if visible is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    words = ["--metric", "loss", *options, "--", "python", "train.py", "x", "--x", "uniform(0, 1)"]
    done = overdrive(project, "sweep", *words)
    assert done.returncode != 0 and what in done.stderr
