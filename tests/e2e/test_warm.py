"""Scripts of every kind behave the same, started cold and forked from a warm process, byte for byte."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from overdrive.compute.base import Job, JobState, Warmth
from overdrive.compute.launcher import Names
from overdrive.compute.local import LocalCompute
from overdrive.runtime import processes
from overdrive.runtime.wire import RunFolder, read_json
from polling import PATIENCE, until

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="runs start warm on Linux only")

PROBE = "import sys; print('ctypes' in sys.modules)"

TORTURES = {
    "what it is told": """
        import os, sys
        print(sys.argv, sys.orig_argv, __file__, __name__, __package__, __spec__, __doc__, sys.path[0], sys.flags)
        print(os.getcwd(), os.environ["TOLD"], os.environ["OVERDRIVE_TOLD"], sorted(os.environ))
        print(os.getsid(0) == os.getpid() == os.getpgid(0), sorted(vars()), type(__loader__).__name__)
        """,
    "its parent and descriptors": """
        import os
        print(os.getppid(), sorted(map(int, os.listdir("/proc/self/fd")))[:-1])
        print(sorted(os.readlink(f"/proc/self/fd/{n}").rpartition("/")[2] for n in range(3)))
        """,
    "a thread at import": """
        import threading, time
        def work():
            time.sleep(0.1)
            print("the thread has worked", flush=True)
        threading.Thread(target=work).start()
        print("the main part is over")
        """,
    "exit hooks": """
        import atexit
        atexit.register(print, "first in")
        atexit.register(print, "last in")
        class Last:
            def __del__(self): print("collected")
        last = Last()
        unflushed = open("outputs/unflushed", "w")
        unflushed.write("and yet it is written")
        """,
    "an exit code": "import sys; print('out'); sys.exit(7)",
    "words as an exit code": "raise SystemExit('these words')",
    "an abrupt end": "import os; print('lost in the buffer'); os._exit(9)",
    "a traceback": """
        def outer(): inner()
        def inner():
            try: {}["x"]
            except KeyError as error: raise ValueError("a\\nb ü") from error
        print("before")
        outer()
        """,
    "a syntax error": "print('never')\nx = = 1",
    "an exception hook": "import sys; sys.excepthook = lambda *_: print('hooked'); 1 / 0",
    "an interrupt": "print('before'); raise KeyboardInterrupt",
    "a signal": "import os, signal; os.kill(os.getpid(), signal.SIGSEGV)",
    "its own handler": """
        import os, signal, sys
        print(signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGPIPE), signal.pthread_sigmask(0, []))
        print(signal.getsignal(signal.SIGINT) is signal.default_int_handler)
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(4))
        os.kill(os.getpid(), signal.SIGTERM)
        """,
    "a double fork": """
        import os, sys
        if os.fork() == 0:
            if os.fork() == 0:
                os.write(1, b"grandchild\\n")
            os._exit(0)
        os.wait()
        """,
    "much output": "import sys\nfor n in range(20000): print(n, 'x' * 100); sys.stderr.write(str(n))",
    "closed descriptors": "import os; os.closerange(3, 256); os.close(1); open('outputs/x', 'w').write('y')",
    "another folder": "import os; os.chdir('/'); print(os.getcwd(), __file__)",
    "its own modules": """
        import sys
        sys.path.insert(0, "lib")
        import helper, package.inner
        print(helper.__file__, package.inner.VALUE, package.inner.__file__)
        """,
    "a module of a known name": "import json; print(json.__file__, json.WHO)",
    "input": "print(input())",
    "odd bytes": "import sys; sys.stdout.buffer.write(b'\\xff\\xfe\\0'); print('\\udcff')",
    "an encoding": b"# coding: latin-1\nprint('\xe4' == '\\u00e4', ascii('\xe4'))",
    "a spawned process": """
        import multiprocessing
        def work(n): return n * n
        if __name__ == "__main__":
            with multiprocessing.get_context("spawn").Pool(1) as pool: print(pool.map(work, [1, 2, 3]))
        """,
    "forked processes": """
        import multiprocessing, pickle
        class Thing: pass
        def work(n): return n * n
        if __name__ == "__main__":
            with multiprocessing.get_context("fork").Pool(2) as pool: print(pool.map(work, [1, 2, 3]))
            print(type(pickle.loads(pickle.dumps(Thing()))), multiprocessing.current_process().name)
        """,
    "a subprocess": """
        import subprocess, sys
        print(subprocess.run([sys.executable, "-c", "import sys; print(sys.argv, sys.stdin.read())"]).returncode)
        print(subprocess.run("echo $OVERDRIVE_JOB_ID", shell=True, capture_output=True, text=True).stdout[:4])
        """,
    "seeds": "import random; random.seed(3); print(random.random(), hash(1.5))",
    "warnings": "import warnings; warnings.warn('careful'); warnings.warn('old', DeprecationWarning)",
    "no such script": None,
}


@pytest.fixture
def compute(tmp_path: Path) -> Iterator[LocalCompute]:
    made = LocalCompute(tmp_path / "sweep")
    yield made
    made.close()


def job(compute: LocalCompute, source: Path, *, warm: Warmth | None, name: str = "train.py") -> Job:
    number = uuid.uuid4().hex
    folder = Path(compute._folder) / number
    env = {"TOLD": "yes", "OVERDRIVE_TOLD": "ä"}
    return Job(
        f"job_{number}", [sys.executable, name, "--x", "1 2", "ü"], folder, env, source=source, warm=warm
    )


def end(compute: LocalCompute, one: Job) -> JobState:
    def ended() -> JobState | None:
        return next((s for s in compute.poll(1.0) if s.id == one.id and s.over), None)

    state: JobState = until(ended, f"{one.id} ends")
    return state


def run(compute: LocalCompute, one: Job) -> JobState:
    compute.start(one)
    return end(compute, one)


def warmed(compute: LocalCompute, folder: Path, modules: Sequence[str] = ()) -> None:
    """Start probes until one has been forked."""
    source = folder / "probe"
    source.mkdir()
    (source / "train.py").write_text(PROBE)

    def is_warm() -> bool:
        one = job(compute, source, warm=Warmth(modules))
        run(compute, one)
        return Path(RunFolder(one.folder).stdout).read_text() == "True\n"

    until(is_warm, "a probe starts warm")


def told(one: Job, state: JobState) -> tuple[Any, ...]:
    """All that a user can see of a run, with its own names taken out of it."""
    folder = RunFolder(one.folder)
    own = str(one.folder).encode()
    outputs = [Path(path).read_bytes().replace(own, b"<run>") for path in (folder.stdout, folder.stderr)]
    outputs = [text.replace(one.id.encode(), b"<id>") for text in outputs]
    files = {path.name: path.read_bytes() for path in Path(folder.outputs).iterdir()}
    return state.phase, state.exit_code, state.note, *outputs, files


def test_the_torture_folder(compute: LocalCompute, tmp_path: Path) -> None:
    warmed(compute, tmp_path)
    differing = {}
    for what, text in TORTURES.items():
        source = tmp_path / what
        (source / "lib" / "package").mkdir(parents=True)
        (source / "lib" / "helper.py").write_text("")
        (source / "lib" / "package" / "__init__.py").write_text("")
        (source / "lib" / "package" / "inner.py").write_text("from . import other\nVALUE = other.VALUE")
        (source / "lib" / "package" / "other.py").write_text("VALUE = 5")
        if what == "a module of a known name":
            (source / "json.py").write_text("WHO = 'mine'")
        if isinstance(text, bytes):
            (source / "train.py").write_bytes(text)
        elif text is not None:
            (source / "train.py").write_text(textwrap.dedent(text))
        cold, warm = (job(compute, source, warm=modules) for modules in (None, Warmth()))
        seen = [told(one, run(compute, one)) for one in (cold, warm)]
        if seen[0] != seen[1]:
            differing[what] = seen
    words = [f"{what}\n  cold {cold}\n  warm {warm}" for what, (cold, warm) in differing.items()]
    assert words == [], "\n".join(words)


def test_random_numbers_differ_from_run_to_run_and_seeded_ones_do_not(
    compute: LocalCompute, tmp_path: Path
) -> None:
    warmed(compute, tmp_path, ["numpy.random"])
    source = tmp_path / "source"
    source.mkdir()
    (source / "train.py").write_text(
        "import random, sys, numpy as np\nprint(random.random(), np.random.rand(), 'ctypes' in sys.modules)\n"
        "np.random.seed(1); random.seed(1)\nprint(random.random(), np.random.rand(), file=sys.stderr)"
    )
    jobs = [job(compute, source, warm=Warmth(["numpy.random"])) for _ in range(3)]
    for one in jobs:
        assert run(compute, one).exit_code == 0
    free = [Path(RunFolder(one.folder).stdout).read_text().split() for one in jobs]
    seeded = {Path(RunFolder(one.folder).stderr).read_text() for one in jobs}
    assert len({words[0] for words in free}) == len({words[1] for words in free}) == 3
    assert seeded == {
        "0.13436424411240122 0.417022004702574\n"
    }  # as random.seed(1), np.random.seed(1) give it


def test_what_a_run_imports_itself_is_imported_for_the_next(compute: LocalCompute, tmp_path: Path) -> None:
    warmed(compute, tmp_path)
    source = tmp_path / "source"
    source.mkdir()
    (source / "train.py").write_text("import sys\nprint('decimal' in sys.modules)\nimport decimal, own")
    (source / "own.py").write_text("")

    def is_known() -> bool:
        one = job(compute, source, warm=Warmth())
        assert run(compute, one).exit_code == 0
        return Path(RunFolder(one.folder).stdout).read_text() == "True\n"

    assert not is_known()
    until(is_known, "the module is imported ahead")


def test_data_is_prepared_once_for_all_runs(compute: LocalCompute, tmp_path: Path) -> None:
    source = tmp_path / "source"
    (source / "parts").mkdir(parents=True)
    (source / "numbers.csv").write_text("1,2,3")
    (source / "parts" / "reading.py").write_text(
        "import os\n"
        "def numbers(path):\n"
        f"    with open({str(tmp_path / 'calls')!r}, 'a') as file: file.write('x')\n"
        "    return [int(word) for word in open(path).read().split(',')]\n"
    )
    (source / "parts" / "prepare.py").write_text(
        "import overdrive, reading\n\n@overdrive.prepare\ndef data():\n    return reading.numbers('numbers.csv')\n"
    )
    (source / "parts" / "train.py").write_text(
        "import sys\nfrom prepare import data\nprint(data(), data() is data(), 'ctypes' in sys.modules)\n"
        "data().append(4)"
    )

    def next_run() -> str:
        one = job(compute, source, warm=Warmth([], "parts/prepare.py"), name="parts/train.py")
        assert run(compute, one).exit_code == 0
        return Path(RunFolder(one.folder).stdout).read_text()

    until(lambda: next_run() == "[1, 2, 3] True True\n", "a run starts warm")
    calls = (tmp_path / "calls").read_text()
    assert [next_run() for _ in range(3)] == ["[1, 2, 3] True True\n"] * 3
    assert (tmp_path / "calls").read_text() == calls


@pytest.mark.parametrize(
    "text",
    [
        "import threading, time; threading.Thread(target=time.sleep, args=(600,), daemon=True).start()",
        "import socket; kept = socket.socket()",
        "import os; os._exit(3)",
        "import os, signal; os.kill(os.getpid(), signal.SIGKILL)",
    ],
)
def test_a_module_that_cannot_be_forked_leaves_its_runs_cold(
    compute: LocalCompute, tmp_path: Path, text: str
) -> None:
    packages = tmp_path / "site-packages"
    packages.mkdir()
    (packages / "tricky.py").write_text(text)
    source = tmp_path / "source"
    source.mkdir()
    (source / "train.py").write_text(PROBE)
    log = Path(Names(compute._folder).log)

    def next_run() -> str:
        one = job(compute, source, warm=Warmth(["tricky"]))
        one = Job(
            one.id,
            one.argv,
            one.folder,
            {**one.env, "PYTHONPATH": str(packages)},
            source=source,
            warm=Warmth(["tricky"]),
        )
        assert run(compute, one).exit_code == 0
        return Path(RunFolder(one.folder).stdout).read_text()

    assert next_run() == "False\n"
    until(lambda: "is given up" in log.read_text(), "the warm process is given up")
    assert next_run() == "False\n"


def test_the_death_of_the_warm_process_costs_no_run(compute: LocalCompute, tmp_path: Path) -> None:
    warmed(compute, tmp_path)
    source = tmp_path / "source"
    source.mkdir()
    (source / "train.py").write_text("import os, time\nwhile not os.path.exists('go'): time.sleep(0.01)")
    one = job(compute, source, warm=Warmth())
    compute.start(one)
    pid = until(lambda: (read_json(RunFolder(one.folder).job) or {}).get("pid"), "it runs")
    launcher = read_json(Names(compute._folder).card)["pid"]
    others = {
        p.pid for p in processes.table().values() if p.parent == launcher and p.pid != pid and not p.dead
    }
    assert processes.table()[pid].parent == launcher and len(others) == 1
    os.kill(others.pop(), signal.SIGKILL)
    second = job(compute, source, warm=Warmth())
    compute.start(second)
    for other in (one, second):
        until(lambda other=other: other.folder.exists(), "its folder is made")
        (other.folder / "go").touch()
    assert end(compute, second).exit_code == 0
    assert compute.adopt([]) == []


def test_a_warm_run_is_known_by_its_command_and_its_mark(compute: LocalCompute, tmp_path: Path) -> None:
    warmed(compute, tmp_path)
    source = tmp_path / "source"
    source.mkdir()
    (source / "train.py").write_text("import time; time.sleep(600)")
    one = job(compute, source, warm=Warmth())
    compute.start(one)
    pid = until(lambda: (read_json(RunFolder(one.folder).job) or {}).get("pid"), "it runs")
    shown = Path(f"/proc/{pid}/cmdline").read_bytes()
    assert shown.rstrip(b"\0").decode() == f"{sys.executable} train.py --x 1 2 ü"
    assert processes.marks("OVERDRIVE_JOB_ID", processes.table())[one.id] == {pid}
    compute.cancel(one.id, 0.0)
    assert end(compute, one).exit_code == -signal.SIGKILL


def test_a_fork_that_hangs_is_freed_and_its_like_start_cold(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OVERDRIVE_WARM_STALL_SECONDS", "0.5")
    compute = LocalCompute(tmp_path / "sweep")
    warmed(compute, tmp_path)
    source = tmp_path / "source"
    source.mkdir()
    (source / "train.py").write_text(
        "import sys, threading\nif 'ctypes' in sys.modules: lock = threading.Lock(); lock.acquire(); lock.acquire()"
    )
    stuck = run(compute, job(compute, source, warm=Warmth()))
    assert (stuck.phase, stuck.exit_code) == ("lost", None) and "after a warm start" in stuck.note
    assert run(compute, job(compute, source, warm=Warmth())).exit_code == 0
    compute.close()


def test_a_doctor_says_what_is_saved_and_what_stands_in_the_way(tmp_path: Path) -> None:
    def doctor(text: str) -> dict[str, Any]:
        (tmp_path / "train.py").write_text(text)
        command = [sys.executable, "-m", "overdrive", "doctor", "--json", str(tmp_path / "train.py")]
        done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=True)
        answer: dict[str, Any] = json.loads(done.stdout)
        return answer

    good = doctor("import numpy, not_there")
    assert good["warm"] and good["ready"] > 0 and good["missing"] == ["not_there"]
    bad = doctor("import os\nos.environ['OMP_NUM_THREADS'] = '1'\nimport numpy")
    assert not bad["warm"] and bad["reasons"][0].startswith("train.py:2 ")


def test_a_run_may_be_cancelled_while_it_is_forked(compute: LocalCompute, tmp_path: Path) -> None:
    warmed(compute, tmp_path)
    source = tmp_path / "source"
    source.mkdir()
    (source / "train.py").write_text("open('outputs/ran', 'w'); import time; time.sleep(600)")
    launcher = read_json(Names(compute._folder).card)["pid"]
    (zygote,) = (p.pid for p in processes.table().values() if p.parent == launcher and not p.dead)
    os.kill(zygote, signal.SIGSTOP)  # it answers nobody
    jobs = [job(compute, source, warm=Warmth()) for _ in range(2)]
    for one in jobs:
        compute.start(one)
        until(lambda one=one: Path(RunFolder(one.folder).job).exists(), "it is on its way")
        compute.cancel(one.id, 0.0)
        assert end(compute, one).phase == "ended"
    os.kill(zygote, signal.SIGKILL)
    (source / "train.py").write_text("pass")
    assert run(compute, job(compute, source, warm=Warmth())).exit_code == 0
    assert not any((one.folder / "outputs" / "ran").exists() for one in jobs)
