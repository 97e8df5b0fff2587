"""The launcher among deaths: of its controller, of itself, of both; and what may come over its socket."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import overdrive
from overdrive.compute.base import Claim, Job, JobState
from overdrive.compute.launcher import PROTOCOL, Names
from overdrive.compute.local import LocalCompute
from overdrive.errors import ComputeError
from overdrive.runtime import processes
from overdrive.runtime.wire import RunFolder, read_exit, read_json
from polling import PATIENCE, until

UNTIL_GO = "import os, time\nopen('starts', 'a').write('x')\nwhile not os.path.exists('go'): time.sleep(0.01)"
CLIENT = """
import json, sys, time
from pathlib import Path
from overdrive.compute.base import Job
from overdrive.compute.local import LocalCompute

compute = LocalCompute(Path(sys.argv[1]))
running = set()
jobs = json.loads(sys.argv[2])
for job_id, argv, folder in jobs:
    compute.start(Job(job_id, argv, Path(folder)))
while len(running) < len(jobs):
    running |= {state.id for state in compute.poll(5)}
print("all run", flush=True)
time.sleep(600)
"""


@pytest.fixture
def sweep(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "sweep"
    folder.mkdir()
    yield folder
    pid = launcher_pid(folder)
    if pid is not None:
        os.kill(pid, signal.SIGTERM)
        until(lambda: not processes.alive(pid, None), "the launcher ends")


def launcher_pid(folder: Path) -> int | None:
    card = read_json(Names(str(folder)).card)
    if card is None or not processes.alive(card["pid"], card["birth"]):
        return None
    return int(card["pid"])


def kill_launcher(folder: Path) -> int:
    pid = launcher_pid(folder)
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    until(lambda: not processes.alive(pid, None), "the launcher is dead")
    return pid


def job(folder: Path, name: str, text: str = UNTIL_GO) -> Job:
    return Job(f"{name}_{uuid.uuid4().hex}", [sys.executable, "-c", text], folder / name, grace=0.5)


def claims(*jobs: Job) -> list[Claim]:
    return [Claim(one.id, one.folder) for one in jobs]


def go(*jobs: Job) -> None:
    for one in jobs:
        (one.folder / "go").touch()


def running(compute: LocalCompute, *jobs: Job) -> dict[str, JobState]:
    found: dict[str, JobState] = {}
    deadline = time.monotonic() + PATIENCE
    while len(found) < len(jobs):
        assert time.monotonic() < deadline
        for state in compute.poll(1.0):
            assert state.phase == "running", state
            found[state.id] = state
    written(*jobs)
    return found


def written(*jobs: Job) -> None:
    """A job runs before its script does: wait until each script has said that it is there."""
    for one in jobs:
        starts = one.folder / "starts"
        until(lambda path=starts: path.exists() and path.stat().st_size, "the script is there")


def ends(compute: LocalCompute, *jobs: Job) -> list[JobState]:
    found: dict[str, JobState] = {}
    deadline = time.monotonic() + PATIENCE
    while any(one.id not in found for one in jobs):
        assert time.monotonic() < deadline
        for state in compute.poll(1.0):
            assert state.id not in found
            if state.over:
                found[state.id] = state
    return [found[one.id] for one in jobs]


def start_and_kill_client(folder: Path, *jobs: Job) -> None:
    environment = {**os.environ, "PYTHONPATH": str(Path(overdrive.__file__).parents[1])}
    order = json.dumps([[one.id, list(one.argv), str(one.folder)] for one in jobs])
    command = [sys.executable, "-c", CLIENT, str(folder), order]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as client:
        assert client.stdout is not None
        assert client.stdout.readline() == "all run\n"
        client.kill()
    written(*jobs)


# deaths ---------------------------------------------------------------------------------------------


def test_jobs_survive_kill_9_of_their_controller(sweep: Path) -> None:
    jobs = [job(sweep, str(number)) for number in range(3)]
    start_and_kill_client(sweep, *jobs)
    go(jobs[0])
    until(lambda: read_exit(RunFolder(jobs[0].folder).exit), "it ends unwatched")
    compute = LocalCompute(sweep)
    found = {state.id: state for state in compute.adopt(claims(*jobs))}
    assert [found[one.id].phase for one in jobs] == ["ended", "running", "running"]
    go(jobs[1])
    assert ends(compute, jobs[1])[0].exit_code == 0
    compute.cancel(jobs[2].id, 5.0)
    assert ends(compute, jobs[2])[0].exit_code == -signal.SIGTERM
    assert [(one.folder / "starts").read_text() for one in jobs] == ["x"] * 3
    compute.close()


def test_jobs_survive_kill_9_of_the_launcher(sweep: Path) -> None:
    jobs = [job(sweep, str(number)) for number in range(3)]
    compute = LocalCompute(sweep)
    for one in jobs:
        compute.start(one)
    pids = {id: state.pid for id, state in running(compute, *jobs).items()}
    first = kill_launcher(sweep)
    later = job(sweep, "later", "pass")
    compute.start(later)
    assert ends(compute, later)[0].exit_code == 0
    assert launcher_pid(sweep) not in (None, first)
    assert all(processes.alive(pid, None) for pid in pids.values() if pid)
    go(*jobs[:2])
    # Nobody could see its exit code, and none is made up.
    assert {(state.phase, state.exit_code) for state in ends(compute, *jobs[:2])} == {("lost", None)}
    compute.cancel(jobs[2].id, 5.0)
    assert ends(compute, jobs[2])[0].phase == "lost"
    assert not any(processes.alive(pid, None) for pid in pids.values() if pid)
    assert [(one.folder / "starts").read_text() for one in jobs] == ["x"] * 3
    compute.close()


def test_what_happened_while_all_were_dead_is_found_out(sweep: Path) -> None:
    ended, unseen, alive = (
        job(sweep, "ended", "raise SystemExit(3)"),
        job(sweep, "unseen"),
        job(sweep, "alive"),
    )
    compute = LocalCompute(sweep)
    compute.start(ended)
    assert ends(compute, ended)[0].exit_code == 3
    compute.close()
    start_and_kill_client(sweep, unseen, alive)
    pid = read_json(RunFolder(unseen.folder).job)["pid"]
    kill_launcher(sweep)
    go(unseen)
    until(lambda: not processes.alive(pid, None), "it ends unseen")
    never = job(sweep, "never")
    second = LocalCompute(sweep)
    found = {state.id: state for state in second.adopt(claims(ended, unseen, alive, never))}
    assert never.id not in found
    assert [(found[one.id].phase, found[one.id].exit_code) for one in (ended, unseen, alive)] == [
        ("ended", 3),
        ("lost", None),
        ("running", None),
    ]
    second.cancel(alive.id, 5.0)
    assert ends(second, alive)[0].phase == "lost"
    second.close()


@pytest.mark.skipif(not processes.PROC, reason="needs /proc")
def test_a_job_whose_launcher_died_before_saying_so_is_found_by_its_mark(sweep: Path) -> None:
    one = job(sweep, "0")
    compute = LocalCompute(sweep)
    compute.start(one)
    running(compute, one)
    kill_launcher(sweep)
    compute.close()
    os.unlink(RunFolder(one.folder).job)
    second = LocalCompute(sweep)
    (state,) = second.adopt(claims(one))
    assert state.phase == "running" and state.pid and processes.alive(state.pid, None)
    second.cancel(one.id, 0.0)
    assert ends(second, one)[0].phase == "lost"
    assert not processes.alive(state.pid, None)
    second.close()


@pytest.mark.skipif(not processes.PROC, reason="needs /proc")
def test_a_pid_that_is_a_strangers_by_now_is_never_taken_for_the_run(sweep: Path) -> None:
    one = job(sweep, "0")
    folder = RunFolder(one.folder).make()
    with subprocess.Popen(
        [sys.executable, "-c", "input()"], stdin=subprocess.PIPE, start_new_session=True
    ) as other:
        Path(folder.job).write_text(
            json.dumps({"id": one.id, "pid": other.pid, "birth": "1@gone", "started": 1.0})
        )
        compute = LocalCompute(sweep)
        (state,) = compute.adopt(claims(one))
        assert state.phase == "lost"
        compute.cancel(one.id, 0.0)
        compute.close()
        assert other.poll() is None
        other.communicate(b"\n")


def test_launchers_that_keep_dying_are_an_error_and_not_a_loop(sweep: Path) -> None:
    one = job(sweep, "0")
    compute = LocalCompute(sweep)
    compute.start(one)
    running(compute, one)
    with pytest.raises(ComputeError, match="times within a minute"):
        for _ in range(20):
            kill_launcher(sweep)
            compute.poll(0.2)
    compute = LocalCompute(sweep)
    compute.adopt(claims(one))
    compute.cancel(one.id, 0.0)
    ends(compute, one)
    compute.close()


# signals and leaving --------------------------------------------------------------------------------


def test_hangup_and_interrupt_are_nothing_to_it_and_term_ends_its_runs(sweep: Path) -> None:
    one = job(sweep, "0")
    compute = LocalCompute(sweep)
    compute.start(one)
    running(compute, one)
    pid = launcher_pid(sweep)
    assert pid is not None
    os.kill(pid, signal.SIGHUP)
    os.kill(pid, signal.SIGINT)
    go(one)
    assert ends(compute, one)[0].exit_code == 0
    two = job(sweep, "1")
    compute.start(two)
    running(compute, two)
    assert launcher_pid(sweep) == pid
    os.kill(pid, signal.SIGTERM)
    assert ends(compute, two)[0].exit_code == -signal.SIGTERM
    until(lambda: not processes.alive(pid, None), "it leaves")
    compute.close()


def test_it_leaves_when_it_has_no_more_to_do(sweep: Path) -> None:
    compute = LocalCompute(sweep)
    one = job(sweep, "0")
    compute.start(one)
    running(compute, one)
    pid = launcher_pid(sweep)
    assert pid is not None
    address = read_json(Names(str(sweep)).card)["socket"]
    assert os.stat(os.path.dirname(address)).st_mode & 0o777 == 0o700
    compute.close()
    assert processes.alive(pid, None)
    go(one)
    until(lambda: not processes.alive(pid, None), "it leaves")
    assert not os.path.exists(address) and not os.path.exists(Names(str(sweep)).card)
    assert read_exit(RunFolder(one.folder).exit) is not None


def test_it_is_reached_again_when_its_socket_was_swept_away(sweep: Path) -> None:
    compute = LocalCompute(sweep)
    one = job(sweep, "0")
    compute.start(one)
    running(compute, one)
    pid = launcher_pid(sweep)
    os.unlink(read_json(Names(str(sweep)).card)["socket"])
    second = LocalCompute(sweep)
    assert [state.phase for state in second.adopt(claims(one))] == ["running"]
    assert launcher_pid(sweep) == pid
    go(one)
    assert ends(second, one)[0].exit_code == ends(compute, one)[0].exit_code == 0
    compute.close()
    second.close()


def test_an_end_right_behind_the_answer_to_an_adoption_is_heard(sweep: Path) -> None:
    server = socket.socket(socket.AF_UNIX)
    server.bind(str(sweep / "s"))
    server.listen()
    server.settimeout(PATIENCE)

    def serve() -> None:
        controller, _ = server.accept()
        with controller, controller.makefile("r", encoding="utf-8") as asked:
            hello = {"hello": PROTOCOL, "pid": os.getpid(), "states": []}
            controller.sendall(json.dumps(hello).encode() + b"\n")
            answer = {"ref": json.loads(asked.readline())["ref"], "states": [JobState("0", "running", "")]}
            news = {"states": [JobState("0", "ended", "", exit_code=0)]}
            controller.sendall(b"".join(json.dumps(message).encode() + b"\n" for message in (answer, news)))
            asked.readline()

    me = processes.look(os.getpid())
    card = {"pid": os.getpid(), "birth": me and me.birth, "started": None, "socket": str(sweep / "s")}
    Path(Names(str(sweep)).card).write_text(json.dumps(card))
    with ThreadPoolExecutor() as pool, server:
        served = pool.submit(serve)
        compute = LocalCompute(sweep)
        adopted, news = compute.adopt([Claim("0", sweep / "0")]), compute.poll(1)
        compute.close()
        served.result()
    os.unlink(Names(str(sweep)).card)
    assert [state.phase for state in adopted] == ["running"]
    assert [(state.phase, state.exit_code) for state in news] == [("ended", 0)]


def test_a_sweep_never_has_two_launchers(sweep: Path) -> None:
    clients = [LocalCompute(sweep) for _ in range(4)]
    jobs = [job(sweep, str(number), "import os; print(os.getppid())") for number in range(4)]
    for compute, one in zip(clients, jobs, strict=True):
        compute.start(one)
    for compute, one in zip(clients, jobs, strict=True):
        ends(compute, one)
    assert len({Path(RunFolder(one.folder).stdout).read_text() for one in jobs}) == 1
    for compute in clients:
        compute.close()


def test_a_deep_and_hostile_folder(hostile_dir: Path) -> None:
    deep = hostile_dir / ("x" * 200) / hostile_dir.name / ("y" * 200)
    compute = LocalCompute(deep)
    one = job(deep, "0", "pass")
    compute.start(one)
    assert ends(compute, one)[0].exit_code == 0
    compute.close()


# the socket -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "words",
    [
        b"\n\n\n",
        b"not json\n",
        b"\xff\xfe\0\n",
        b"[]\n",
        b"null\n",
        b'{"op": "nonsense"}\n',
        b'{"op": "start"}\n',
        b'{"op": "start", "job": {"id": 1, "argv": [3], "folder": "/", "env": [], "grace": "x"}}\n',
        b'{"op": "cancel", "id": [], "grace": 1}\n',
        b'{"op": "cancel", "id": "x", "grace": "soon"}\n',
        b'{"op": "adopt", "ref": 1, "claims": [["a"], 3]}\n',
        b'{"op": "start", "job": ' + b"[" * 100_000 + b"\n",
        b"half a line",
    ],
    ids=lambda words: words[:30].decode("ascii", "replace"),
)
def test_nothing_that_comes_in_ends_it(sweep: Path, words: bytes) -> None:
    compute = LocalCompute(sweep)
    one = job(sweep, "0")
    compute.start(one)
    running(compute, one)
    pid = launcher_pid(sweep)
    with socket.socket(socket.AF_UNIX) as stranger:
        stranger.settimeout(PATIENCE)
        stranger.connect(read_json(Names(str(sweep)).card)["socket"])
        assert b"hello" in stranger.recv(1 << 16)
        stranger.sendall(words)
        if words.strip() and words.endswith(b"\n") and b'"x"' not in words[:40]:
            assert b"error" in stranger.recv(1 << 16)
    go(one)
    assert ends(compute, one)[0].exit_code == 0
    assert launcher_pid(sweep) == pid
    compute.close()


def test_it_starts_fast_and_loads_little() -> None:
    root = str(Path(overdrive.__file__).parents[1])
    code = f"import sys; sys.path.append({root!r}); import overdrive.compute.launcher; print(*sys.modules)"
    command = [sys.executable, "-I", "-S", "-c", code]
    loaded = set(subprocess.run(command, capture_output=True, text=True, check=True).stdout.split())
    ours = {name for name in loaded if name.startswith("overdrive")}
    assert ours == {"overdrive", "overdrive.compute", "overdrive.runtime"} | {
        *(f"overdrive.runtime.{name}" for name in ("processes", "wire")),
        *(
            f"overdrive.compute.{name}"
            for name in ["door", "launcher", "localrun", "workcopy", "zygotes", "devices", "private", "slots"]
        ),
    }
    assert not loaded & {"pathlib", "tempfile", "asyncio", "logging", "numpy", "ctypes", "hashlib"}
