"""The contract of `compute.base`, over every registered back end, with real processes."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from overdrive.compute.base import COMPUTES, Claim, Compute, Job, JobState, Warmth
from overdrive.runtime import processes
from overdrive.runtime.wire import RunFolder, read_exit
from polling import PATIENCE, until

PYTHON = sys.executable


class Bench:
    """A sweep folder, jobs in it, and the back ends that serve it; ends what a test leaves running."""

    def __init__(self, name: str, folder: Path) -> None:
        self.kind = COMPUTES.load(name.partition(",")[0])
        self.options = {"folder": str(folder.parent / "scratch")} if name.endswith(", apart") else {}
        self.gates = folder.parent
        self.warm: set[str] | None = set() if name.endswith(", warm") else None
        self.folder = folder
        self.jobs: list[Job] = []
        self.compute = self.connect()

    def connect(self) -> Compute:
        compute: Compute = self.kind(self.folder, self.options)
        return compute

    def job(self, argv: Sequence[str], **more: Any) -> Job:
        number = len(self.jobs)
        job = Job(f"job_{uuid.uuid4().hex}_{number}", argv, self.folder / str(number), **more)
        self.jobs.append(job)
        return job

    def script(self, text: str, *arguments: str, **more: Any) -> Job:
        if self.warm is None:
            return self.job([PYTHON, "-c", text, *arguments], **more)
        self.warm_up(more.get("env", {}))
        return self.job([PYTHON, self.file(text), *arguments], warm=Warmth(), **more)

    def waiting(self, text: str = "") -> Job:
        """A job that ends once its gate is open: a file outside of its folder, which may be elsewhere."""
        gate = str(self.gates / f"gate {len(self.jobs)}")
        text = f"import os, sys, time\n{text}\nwhile not os.path.exists(sys.argv[1]): time.sleep(0.01)"
        return self.script(text, gate)

    @staticmethod
    def let_go(job: Job) -> None:
        """Open the gate of such a job."""
        Path(job.argv[-1]).touch()

    def file(self, text: str) -> str:
        path = self.folder / "scripts" / f"s{uuid.uuid4().hex}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return str(path)

    def warm_up(self, env: dict[str, str]) -> None:
        """Start jobs of this environment until one comes from a warm process."""
        assert self.warm is not None
        probe = self.file("import sys; print('ctypes' in sys.modules)")
        while repr(env) not in self.warm:
            job = self.job([PYTHON, probe], warm=Warmth(), env=env)
            self.run(job)
            if Path(RunFolder(job.folder).stdout).read_text() == "True\n":
                self.warm.add(repr(env))

    def start(self, job: Job, compute: Compute | None = None) -> Job:
        handle = (compute or self.compute).start(job)
        assert isinstance(handle, str) and handle
        return job

    def ends(self, *jobs: Job, compute: Compute | None = None) -> list[JobState]:
        """The ends of these jobs, each of which must be reported once and be the last word about it."""
        ends: dict[str, JobState] = {}
        deadline = time.monotonic() + PATIENCE
        while any(job.id not in ends for job in jobs):
            assert time.monotonic() < deadline, "a job does not end"
            for state in (compute or self.compute).poll(1.0):
                assert state.id not in ends, "news of a job after its end"
                if state.over:
                    ends[state.id] = state
        return [ends[job.id] for job in jobs]

    def runs(self, job: Job, compute: Compute | None = None) -> JobState:
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            for state in (compute or self.compute).poll(1.0):
                if state.id == job.id:
                    assert state.phase == "running", state
                    return state
        raise AssertionError("the job does not start")

    def run(self, job: Job) -> JobState:
        return self.ends(self.start(job))[0]

    def claims(self) -> list[Claim]:
        return [Claim(job.id, job.folder) for job in self.jobs]

    def close(self) -> None:
        last = self.connect()
        open_ones = {state.id for state in last.adopt(self.claims()) if not state.over}
        for job_id in open_ones:
            last.cancel(job_id, 0.0)
        deadline = time.monotonic() + PATIENCE
        while open_ones and time.monotonic() < deadline:
            open_ones -= {state.id for state in last.poll(1.0) if state.over}
        self.compute.close()
        last.close()
        assert not open_ones


ENGINES = {"slurm": "slurmctld", "ray": "ray"}
"""What must be there for a back end, which the fixture of its name then starts."""

VARIANTS = ["ray, apart", *(["local, warm"] if sys.platform == "linux" else [])]
"""Apart: the nodes do not see the folder of the sweep."""

KINDS = [
    pytest.param(name, marks=pytest.mark.engine(ENGINES[kind])) if kind in ENGINES else name
    for name in [*COMPUTES.names(), *VARIANTS]
    for kind in [name.partition(",")[0]]
]


@pytest.fixture(params=KINDS)
def bench(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Bench]:
    kind = request.param.partition(",")[0]
    if kind in ENGINES:
        request.getfixturevalue(kind)
    bench = Bench(request.param, tmp_path / "sweep")
    yield bench
    bench.close()


def pid_in(path: Path) -> int:
    return int(until(lambda: path.exists() and path.read_text().strip(), f"{path.name} is written"))


def gone(pid: int) -> bool:
    return not processes.alive(pid, None)


# ends -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("pass", 0),
        ("import sys; sys.exit(3)", 3),
        ("raise SystemExit('words')", 1),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", -9),
        ("import os, signal; os.kill(os.getpid(), signal.SIGTERM)", -15),
    ],
)
def test_exit_codes_and_signals(bench: Bench, text: str, code: int) -> None:
    job = bench.script(text)
    before = time.time()
    state = bench.run(job)
    assert (state.phase, state.exit_code, state.note) == ("ended", code, "")
    assert state.pid and state.started and state.ended
    assert before - 0.1 <= state.started <= state.ended <= time.time() + 0.1
    left = read_exit(RunFolder(job.folder).exit)
    assert left is not None and (left.code, left.ended) == (code, state.ended)


def test_the_exit_file_is_there_when_the_end_is_reported(bench: Bench) -> None:
    jobs = [bench.start(bench.script("pass")) for _ in range(8)]
    seen = 0
    while seen < len(jobs):
        for state in bench.compute.poll(PATIENCE):
            if state.over:
                seen += 1
                assert read_exit(RunFolder(state.handle).exit) is not None


def test_poll_returns_at_its_timeout_and_says_running_before_the_end(bench: Bench) -> None:
    assert bench.compute.poll(0) == []
    job = bench.start(bench.script("input() if False else __import__('time').sleep(600)"))
    state = bench.runs(job)
    assert state.pid and state.exit_code is None and state.ended is None
    began = time.monotonic()
    assert bench.compute.poll(0.05) == []
    assert 0.04 <= time.monotonic() - began < PATIENCE


def test_fifty_at_once(bench: Bench) -> None:
    jobs = [bench.start(bench.script("import sys; sys.exit(int(sys.argv[1]))", str(n))) for n in range(50)]
    assert [state.exit_code for state in bench.ends(*jobs)] == list(range(50))


# what a program gets --------------------------------------------------------------------------------

HOSTILE = [
    "",
    " ",
    "a b",
    "'",
    '"',
    "$HOME `x` \\",
    "new\nline",
    "tab\t",
    "🚀",
    "\udcff",
    "--x=1",
    "*",
    "%s",
    "#",
]


def test_arguments_and_environment_arrive_whole(bench: Bench) -> None:
    text = (
        "import json, os, sys\n"
        "seen = [[os.fsencode(word).hex() for word in sys.argv[1:]],\n"
        "        os.environb[b'HOSTILE'].hex(), os.environ['OVERDRIVE_JOB_ID']]\n"
        "json.dump(seen, open('seen.json', 'w'))\n"
    )
    joined = "|".join(HOSTILE)
    job = bench.script(text, *HOSTILE, env={"HOSTILE": joined})
    assert bench.run(job).exit_code == 0
    argv, environment, run_id = json.loads((job.folder / "seen.json").read_text())
    assert argv == [os.fsencode(word).hex() for word in HOSTILE]
    assert environment == os.fsencode(joined).hex()
    assert run_id == job.id


def test_the_environment_is_inherited_and_added_to(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEPT", "kept")
    monkeypatch.setenv("CHANGED", "before")
    job = bench.script(
        "import os; print(os.environ['KEPT'], os.environ['CHANGED'])", env={"CHANGED": "after"}
    )
    bench.run(job)
    assert Path(RunFolder(job.folder).stdout).read_text() == "kept after\n"


def test_the_folder_is_made_and_is_the_working_directory(bench: Bench, hostile_dir: Path) -> None:
    bench.folder = hostile_dir
    bench.compute = bench.connect()
    job = bench.script("import os; print(os.getcwd(), sorted(os.listdir()), sep='|', end='')")
    assert bench.run(job).exit_code == 0
    place = (
        bench.options.get("folder") and next(Path(bench.options["folder"]).glob("*/runs")) / job.folder.name
    )
    expected = f"{os.path.realpath(place or job.folder)}|['.run', 'logs', 'outputs']"
    assert Path(RunFolder(job.folder).stdout).read_text() == expected


def test_a_program_starts_with_nothing_of_ours(bench: Bench) -> None:
    text = (
        "import json, os, signal, sys\n"
        "print(json.dumps({'stdin': sys.stdin.read(),\n"
        "  'fds': sorted(map(int, os.listdir('/dev/fd')))[:4],\n"
        "  'hup': signal.getsignal(signal.SIGHUP) is signal.SIG_DFL,\n"
        "  'int': signal.getsignal(signal.SIGINT) is signal.default_int_handler,\n"
        "  'mask': len(signal.pthread_sigmask(signal.SIG_BLOCK, [])),\n"
        "  'leader': os.getpgid(0) == os.getpid() == os.getsid(0)}))"
    )
    job = bench.script(text)
    bench.run(job)
    seen = json.loads(Path(RunFolder(job.folder).stdout).read_text())
    # The fourth descriptor is the listing's own.
    assert seen == {"fds": [0, 1, 2, 3], "stdin": "", "hup": True, "int": True, "mask": 0, "leader": True}


def test_output_is_kept_byte_for_byte(bench: Bench) -> None:
    text = "import os; os.write(1, bytes(range(256))); os.write(2, b'\\xff\\0\\n')"
    job = bench.script(text)
    bench.run(job)
    folder = RunFolder(job.folder)
    assert Path(folder.stdout).read_bytes() == bytes(range(256))
    assert Path(folder.stderr).read_bytes() == b"\xff\0\n"


def test_much_output_stalls_nobody(bench: Bench) -> None:
    loud = "import sys\nfor _ in range(50): sys.stdout.write('x' * 2**20)"
    jobs = [bench.start(bench.script(loud)), bench.start(bench.script("pass"))]
    assert [state.exit_code for state in bench.ends(*jobs)] == [0, 0]
    assert Path(RunFolder(jobs[0].folder).stdout).stat().st_size == 50 * 2**20


def test_the_source_is_copied_into_the_folder(bench: Bench, tmp_path: Path) -> None:
    source = tmp_path / "source"
    (source / "deep" / "two words\n").mkdir(parents=True)
    (source / "empty").mkdir()
    (source / ".run").mkdir()
    (source / ".run" / "exit.json").write_text('{"code": 99}')
    (source / "deep" / "two words\n" / "größe").write_bytes(b"data" * 100_000)
    (source / "train.sh").write_text('#!/bin/sh\necho "$1" > outputs/said\n')
    (source / "train.sh").chmod(0o555)
    (source / "link").symlink_to("deep")
    (source / "dangling").symlink_to("/no/such/place")
    job = bench.job(["./train.sh", "hello"], source=source)
    assert bench.run(job).exit_code == 0
    folder = job.folder
    assert (folder / "outputs" / "said").read_text() == "hello\n"
    if bench.options:  # what did not change has stayed where it was
        assert sorted(os.listdir(folder)) == [".run", "outputs"]
        return
    assert (folder / "deep" / "two words\n" / "größe").read_bytes() == b"data" * 100_000
    assert (folder / "empty").is_dir()
    assert os.readlink(folder / "link") == "deep" and os.readlink(folder / "dangling") == "/no/such/place"
    assert (folder / "train.sh").stat().st_mode & 0o777 == 0o755
    (folder / "train.sh").write_text("changed")
    assert (source / "train.sh").read_text().startswith("#!")


# programs that cannot start ---------------------------------------------------------------------------


def files(folder: Path) -> Path:
    source = folder / "files"
    source.mkdir()
    for name, text, mode in [
        ("plain.sh", "#!/bin/sh\n", 0o644),
        ("lost.sh", "#!/no/such/interpreter\n", 0o755),
        ("garbage", "\0\1\2", 0o755),
    ]:
        (source / name).write_text(text)
        (source / name).chmod(mode)
    return source


@pytest.mark.parametrize(
    ("argv", "code", "words"),
    [
        (["no-such-program-here"], 127, "no such program on PATH"),
        (["./no-such-file"], 127, "no such file"),
        ([""], 127, "empty"),
        ([], 127, "empty"),
        (["./plain.sh"], 126, "Permission denied"),
        (["./lost.sh"], 126, "interpreter named in its first line does not exist"),
        (["./garbage"], 126, "format"),
        (["./outputs"], 126, "Permission denied"),
        (["echo", "nul\0byte"], 126, "null byte"),
        (["echo", "x" * 3_000_000], 126, "too long"),
    ],
)
def test_a_program_that_cannot_start_has_ended(
    bench: Bench, tmp_path: Path, argv: list[str], code: int, words: str
) -> None:
    job = bench.job(argv, source=files(tmp_path))
    state = bench.run(job)
    assert (state.phase, state.exit_code) == ("ended", code)
    assert words in state.note
    assert state.note in Path(RunFolder(job.folder).stderr).read_text()
    assert bench.run(bench.script("pass")).exit_code == 0


def test_a_source_that_is_not_there(bench: Bench, tmp_path: Path) -> None:
    state = bench.run(bench.script("pass", source=tmp_path / "missing"))
    assert state.exit_code == 126 and "cannot make the working copy" in state.note


# cancelling -------------------------------------------------------------------------------------------


def test_term_comes_first_and_a_script_may_clean_up(bench: Bench) -> None:
    text = (
        "import signal, subprocess, sys, time\n"
        "def stop(*_):\n"
        "    subprocess.run(['sh', '-c', 'sleep 0.2; echo saved > saved'], check=True)\n"
        "    sys.exit(4)\n"
        "signal.signal(signal.SIGTERM, stop)\n"
        "open('ready', 'w').close()\n"
        "time.sleep(600)\n"
    )
    job = bench.start(bench.script(text))
    until((job.folder / "ready").exists, "ready")
    bench.compute.cancel(job.id, 30.0)
    (state,) = bench.ends(job)
    assert state.exit_code == 4 and (job.folder / "saved").read_text() == "saved\n"


def test_kill_comes_after_the_grace(bench: Bench) -> None:
    text = (
        "import signal, time; signal.signal(15, signal.SIG_IGN); open('ready', 'w').close(); time.sleep(600)"
    )
    job = bench.start(bench.script(text))
    until((job.folder / "ready").exists, "ready")
    began = time.monotonic()
    bench.compute.cancel(job.id, 600.0)
    bench.compute.cancel(job.id, 0.3)
    (state,) = bench.ends(job)
    assert state.exit_code == -signal.SIGKILL and time.monotonic() - began >= 0.3


def test_a_stopped_run_ends_on_term(bench: Bench) -> None:
    job = bench.start(bench.script("import os, signal; os.kill(os.getpid(), signal.SIGSTOP)"))
    state = bench.runs(job)
    assert state.pid
    stat = Path(f"/proc/{state.pid}/stat")
    if stat.exists():
        until(lambda: ") T " in stat.read_text(), "the run has stopped")
    bench.compute.cancel(job.id, 600.0)
    assert bench.ends(job)[0].exit_code == -signal.SIGTERM


TREE = """
import os, signal, subprocess, sys, time

def note(name):
    with open(name + '.new', 'w') as file:
        file.write(str(os.getpid()))
    os.rename(name + '.new', name)

def forever():
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    while True:
        time.sleep(1)

if os.fork() == 0:
    note('child')
    forever()
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        note('daemon')
        forever()
    os._exit(0)
again = (
    "import os, signal, time; signal.signal(15, signal.SIG_IGN); "
    "open('nameless', 'w').write(str(os.getpid())); time.sleep(600)"
)
subprocess.Popen([sys.executable, '-c', again], env={}, start_new_session=True)
while True:
    time.sleep(1)
"""


@pytest.mark.skipif(not processes.PROC, reason="only the group can be seen without /proc")
def test_no_grandchild_survives_a_cancel(bench: Bench) -> None:
    job = bench.start(bench.script(TREE))
    pids = [pid_in(job.folder / name) for name in ("child", "daemon", "nameless")]
    assert not any(map(gone, pids))
    bench.compute.cancel(job.id, 0.2)
    (state,) = bench.ends(job)
    assert state.exit_code == -signal.SIGTERM
    assert all(map(gone, pids))


def test_a_run_ends_when_its_group_is_gone(bench: Bench) -> None:
    text = (
        "import os, signal, sys, time\n"
        "if os.fork() == 0:\n"
        "    signal.signal(15, signal.SIG_IGN)\n"
        "    open('child', 'w').write(str(os.getpid()))\n"
        "    time.sleep(600)\n"
        "while not (os.path.exists('child') and open('child').read()): time.sleep(0.01)\n"
        "sys.exit(5)\n"
    )
    job = bench.start(bench.script(text, grace=0.2))
    (state,) = bench.ends(job)
    assert state.exit_code == 5
    assert gone(pid_in(job.folder / "child"))


def test_a_cancel_may_come_at_any_time(bench: Bench, tmp_path: Path) -> None:
    bench.compute.cancel("never heard of", 1.0)
    source = tmp_path / "large"
    source.mkdir()
    for number in range(300):
        (source / str(number)).write_bytes(b"x" * 10_000)
    job = bench.start(bench.script("import time; time.sleep(600)", source=source))
    bench.compute.cancel(job.id, 0.0)
    (state,) = bench.ends(job)
    assert state.exit_code in (-signal.SIGTERM, -signal.SIGKILL)
    bench.compute.cancel(job.id, 1.0)
    assert bench.compute.poll(0.05) == []
    left = read_exit(RunFolder(job.folder).exit)
    assert left is not None and left.code == state.exit_code


# adopting -----------------------------------------------------------------------------------------------


def test_a_second_poller_finds_what_the_first_started(bench: Bench) -> None:
    ended = bench.script("import sys; sys.exit(7)")
    bench.run(ended)
    running = bench.start(bench.waiting())
    first = bench.runs(running)
    never = bench.script("open('ran', 'w')")
    second = bench.connect()
    claims = [Claim(job.id, job.folder) for job in (ended, running, never)]
    found = {state.id: state for state in second.adopt(claims)}
    assert found.keys() == {ended.id, running.id}
    assert (found[ended.id].phase, found[ended.id].exit_code) == ("ended", 7)
    assert (found[running.id].phase, found[running.id].pid) == ("running", first.pid)
    bench.let_go(running)
    assert bench.ends(running, compute=second)[0].exit_code == 0
    assert second.poll(0.05) == []
    assert bench.ends(running)[0].exit_code == 0  # each poller hears of it
    assert bench.ends(bench.start(never, second), compute=second)[0].exit_code == 0
    assert second.adopt([]) == []
    second.close()


def test_a_job_never_runs_twice(bench: Bench) -> None:
    job = bench.start(bench.waiting("with open('starts', 'a') as file: file.write('x')"))
    bench.start(job)
    bench.runs(job)
    second = bench.connect()
    bench.start(job, second)
    bench.let_go(job)
    bench.ends(job)
    bench.ends(job, compute=second)
    third = bench.connect()
    bench.start(job, third)
    assert bench.ends(job, compute=third)[0].exit_code == 0
    assert (job.folder / "starts").read_text() == "x"
    second.close()
    third.close()


def test_jobs_go_on_when_the_back_end_is_closed(bench: Bench) -> None:
    job = bench.start(bench.waiting())
    bench.runs(job)
    bench.compute.close()
    bench.let_go(job)
    if not bench.options:  # else somebody must come for it
        until(lambda: read_exit(RunFolder(job.folder).exit), "the exit file")
    bench.compute = bench.connect()
    states = bench.compute.adopt([Claim(job.id, job.folder)])
    (state,) = states if states[0].over else bench.ends(job)
    assert (state.phase, state.exit_code) == ("ended", 0)
