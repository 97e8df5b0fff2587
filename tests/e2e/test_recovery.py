"""Nothing is lost: kill -9 of everything, reboots, full and read-only disks, pauses, and who may take over."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from overdrive import Workspace
from overdrive.controller import clock, lease
from overdrive.controller.lease import Lease
from overdrive.errors import ConfigError, NotFound, StoreError, SweepHeld
from overdrive.model.records import SweepRecord
from overdrive.runtime import processes
from overdrive.runtime.wire import RunFolder
from overdrive.store.base import Holder, Message, Turn, open_store

sys.path.insert(0, str(Path(__file__).parents[2] / "bench"))
import faults

THREE_VALUES = """\
log("acc", 1); log("acc", 2)
tell(place + " is half way")
wait_for("go")
log("acc", 3)
"""


# ---------------------------------------------------------------- kills


@pytest.mark.parametrize("points", [False, True], ids=["at random instants", "at chosen points"])
@pytest.mark.parametrize("concurrent", [1, 4])
def test_kills_lose_nothing(tmp_path, concurrent, points):
    dice = faults.random.Random(seed := time.time_ns() % 1000)
    outcome = faults.harmed(tmp_path, "random", concurrent, 6 * concurrent, 5, dice, points)
    assert outcome.wrong == [], f"seed {seed}"
    assert outcome.kills


@pytest.mark.parametrize("victims", [("controller",), ("controller", "launcher")], ids=" and ".join)
def test_scripts_go_on_without_them_and_what_they_log_meanwhile_counts(lab, victims):
    run = lab.submit(THREE_VALUES, max_total_runs=1)
    lab.told("0 is half way")
    pids = {"controller": lab.controller(run), "launcher": lab.launcher(run)}
    script = lab.scripts(run)
    lab.kill(*(pids[name] for name in victims))
    assert run.view.controller is None and lab.scripts(run) == script
    run.resume()
    lab.controller(run)
    assert lab.scripts(run) == script
    lab.open("go")
    lab.ended(run)
    assert lab.values(run) == [[1, 2, 3]]
    # Whose parent has died ends with a code that nobody can see: it is run again.
    assert lab.causes(run) == [["lost"] if "launcher" in victims else []]


def test_the_end_of_a_run_while_nobody_looked_is_collected(lab):
    run = lab.submit(THREE_VALUES, max_total_runs=1)
    lab.told("0 is half way")
    lab.kill(lab.controller(run))
    lab.open("go")
    lab.until(lambda: not lab.scripts(run), "the script ends")
    run.resume()
    lab.ended(run)
    assert (lab.values(run), lab.causes(run)) == ([[1, 2, 3]], [[]])


def test_after_a_reboot_lost_runs_are_tried_again_and_the_rest_is_as_it_was(lab):
    text = """\
    log("acc", 1)
    if place == "0":
        sys.exit()
    tell(place + " is half way")
    wait_for("go")
    log("acc", 2)
    """
    run = lab.submit(text, max_total_runs=4, max_concurrent_runs=2)
    lab.told("1 is half way", "2 is half way")
    before = [child.params for child in lab.runs(run)]
    lab.kill(lab.controller(run), lab.launcher(run), *lab.scripts(run))
    lab.open("go")
    assert Workspace.find(lab.workspace.root).attend(run.id)
    lab.ended(run)
    assert run.get_status() == "Completed"
    assert lab.values(run) == [[1], [1, 2], [1, 2], [1, 2]]
    assert lab.causes(run) == [[], ["lost"], ["lost"], []]
    assert [child.params for child in run.view.runs][: len(before)] == before
    assert "run 1, attempt 1: its process disappeared" in lab.said(run)
    assert "it is tried again from the beginning" in lab.said(run)


def test_what_is_printed_as_well_as_logged_counts_once_after_a_takeover(lab):
    text = """\
    for value in (1, 2, 3):
        print("acc=%d" % value, flush=True)
        log("acc", value)
        if value == 2:
            tell(place + " is half way")
            wait_for("go")
    """
    run = lab.submit(text, max_total_runs=1)
    lab.told("0 is half way")
    lab.until(lambda: lab.values(run) == [[1, 2]], "both values are stored")
    lab.kill(lab.controller(run))
    run.resume()
    # A value that was only printed would count a second after the takeover.
    lab.controller(run)
    assert _stays(lambda: lab.values(run) == [[1, 2]], 1.5)
    lab.open("go")
    lab.ended(run)
    assert lab.values(run) == [[1, 2, 3]]


def test_a_sweep_that_is_being_cancelled_ends_so_whoever_ends_it(lab):
    run = lab.submit('signal.signal(signal.SIGTERM, lambda *_: tell("0 was told to stop"))\nwait_for("go")')
    lab.told("0 began")
    lab.until(lambda: lab.runs(run)[0].status == "Running", "it runs")
    run.cancel()
    lab.told("0 was told to stop")
    lab.kill(lab.controller(run))
    run.experiment.workspace.attend(run.id)
    lab.open("go")
    lab.ended(run)
    assert run.get_status() == "Canceled" and len(run.view.runs) == 1
    assert run.view.sweep.reason == "cancelled by the user"


def test_an_orphan_that_is_cancelled_gets_a_controller_that_ends_it(lab):
    run = lab.submit('wait_for("never")')
    lab.told("0 began")
    lab.kill(lab.controller(run))
    run.cancel()
    lab.ended(run)
    assert run.get_status() == "Canceled" and lab.scripts(run) == []


# ---------------------------------------------------------------- who holds a sweep


def test_a_living_holder_is_named_and_a_stopped_one_lives(lab):
    run = lab.submit('wait_for("go")')
    lab.told("0 began")
    pid = lab.controller(run)
    with pytest.raises(SweepHeld, match=rf"held by process {pid} on \S+: nothing to resume$"):
        run.resume()
    os.kill(pid, signal.SIGSTOP)
    try:
        with pytest.raises(SweepHeld, match=str(pid)):
            run.resume()
        assert not lab.workspace.attend(run.id)
    finally:
        os.kill(pid, signal.SIGCONT)
    lab.open("go")
    lab.ended(run)


def test_a_controller_that_has_lost_its_sweep_wakes_up_writes_nothing_and_leaves(lab):
    run = lab.submit(THREE_VALUES, max_total_runs=1)
    lab.told("0 is half way")
    lab.until(lambda: lab.values(run) == [[1, 2]], "both values are stored")
    store = lab.workspace.store
    pid = lab.controller(run)
    old = store.holder(run.id)
    os.kill(pid, signal.SIGSTOP)
    me = processes.look(os.getpid())
    thief = Holder(os.getpid(), me.birth, old.host, time.time())
    lab.until(lambda: store.hold(run.id, thief, store.holder(run.id)), "the sweep is taken")
    lab.open("go")
    before = store.revision(run.id)
    os.kill(pid, signal.SIGCONT)
    lab.until(lambda: not processes.alive(pid, old.born), "it leaves")
    assert store.revision(run.id) == before and lab.values(run) == [[1, 2]]
    assert store.holder(run.id).same(thief)
    store.release(run.id, thief)
    lab.workspace.attend(run.id)
    lab.ended(run)
    assert (lab.values(run), lab.causes(run)) == ([[1, 2, 3]], [[]])


def test_a_fenced_holder_writes_not_even_a_message(tmp_path):
    store = open_store(f"sqlite:///{tmp_path / 'overdrive.db'}")
    store.create_sweep(SweepRecord("s", "lab", "hyperdrive", {}))
    first, second = Lease(store, "s"), Lease(store, "s")
    first.take()
    other = Holder(os.getpid() + 1, "another", "elsewhere", time.time())
    assert store.hold("s", other, store.holder("s"))
    with pytest.raises(SweepHeld, match=f"now held by process {other.pid} on elsewhere"):
        store.commit("s", Turn(messages=[Message(0.0, "info", "still here")]), first.beat())
    assert store.changes("s").messages == [] and store.revision("s") == 0
    with pytest.raises(SweepHeld, match="s is held by process"):
        second.take()
    store.close()


def test_a_holder_elsewhere_is_believed_until_it_has_been_silent_for_long(tmp_path, monkeypatch):
    there = Holder(1, "x", "elsewhere", time.time())
    assert lease.holds(there)
    assert not lease.holds(there._replace(heartbeat=time.time() - lease.SILENCE_SECONDS))
    me = processes.look(os.getpid())
    here = Holder(os.getpid(), me.birth, lease.socket.gethostname(), 0.0)
    assert lease.holds(here), "of this machine's holders the process counts, not the heartbeat"
    assert not lease.holds(here._replace(born="another boot"))


def test_of_two_that_resume_at_once_one_wins(lab):
    run = lab.submit(THREE_VALUES, max_total_runs=3)
    lab.told("0 is half way")
    lab.kill(lab.controller(run))
    command = [sys.executable, "-m", "overdrive", "resume", run.id, "--workspace", str(lab.workspace.root)]
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) for _ in range(2)]
    answers = [process.communicate(timeout=60) for process in both]
    assert 0 in [process.returncode for process in both], answers
    lab.controller(run)
    lab.open("go")
    lab.ended(run)
    assert (lab.values(run), lab.causes(run)) == ([[1, 2, 3]] * 3, [[]] * 3)


def test_nothing_can_be_resumed_that_is_not_there(lab):
    lab.submit("pass")
    command = [sys.executable, "-m", "overdrive", "resume", "HD_no", "--workspace", str(lab.workspace.root)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1 and len(done.stderr.splitlines()) == 1 and "HD_no" in done.stderr
    with pytest.raises(NotFound, match="HD_no"):
        lab.workspace.get_run("HD_no")


# ---------------------------------------------------------------- pause, set, go on


def test_pause_set_and_go_on(lab):
    run = lab.submit('wait_for("go"); log("acc", 1)', max_total_runs=2)
    lab.told("0 began")
    run.pause()
    lab.until(lambda: run.get_status() == "Paused", "it is paused")
    run.set(max_total_runs=3, max_concurrent_runs=2)
    lab.open("go")
    lab.until(lambda: lab.runs(run)[0].status.terminal, "its run goes on and ends")
    lab.until(lambda: len(lab.runs(run)) == 1 and run.view.total == 3, "it has its new budget")
    assert run.get_status() == "Paused" and lab.scripts(run) == []
    run.resume()
    lab.ended(run)
    assert run.get_status() == "Completed" and lab.values(run) == [[1]] * 3
    assert run.view.concurrent == 2


def test_a_paused_sweep_that_loses_its_controller_stays_paused_until_it_is_resumed(lab):
    run = lab.submit('wait_for("go"); log("acc", 1)', max_total_runs=2)
    lab.told("0 began")
    run.pause()
    lab.until(lambda: run.get_status() == "Paused", "it is paused")
    lab.kill(lab.controller(run), *lab.scripts(run))
    lab.open("go")
    lab.workspace.attend(run.id)
    lab.until(lambda: lab.causes(run) == [["lost"]], "the loss is found")
    assert run.get_status() == "Paused" and lab.scripts(run) == []
    run.resume()
    lab.ended(run)
    assert lab.values(run) == [[1], [1]]


def test_a_completed_sweep_goes_on_at_once_with_a_larger_budget(lab):
    run = lab.ended(lab.submit('log("acc", 1)', max_total_runs=1))
    run.resume(max_total_runs=2)
    lab.until(lambda: len(lab.values(run)) == 2 and run.get_status() == "Completed", "the second run")
    run.cancel()  # comes too late, and is no news
    assert run.get_status() == "Completed"
    run.resume(max_total_runs=3)
    lab.until(lambda: len(lab.values(run)) == 3 and run.get_status() == "Completed", "the third run")
    undisturbed = lab.ended(lab.submit('log("acc", 1)', max_total_runs=3))
    assert [r.params for r in run.view.runs] == [r.params for r in undisturbed.view.runs]


def test_a_cancelled_sweep_goes_on(lab):
    run = lab.submit('tell("x"); wait_for("go"); log("acc", 1)')
    lab.told("0 began")
    run.cancel()
    lab.ended(run)
    lab.open("go")
    run.resume()
    lab.until(lambda: run.get_status() == "Completed", "it goes on and completes")
    assert [str(child.status) for child in run.view.runs] == ["Canceled", "Completed"]


@pytest.mark.parametrize(
    ("options", "limit"),
    [
        ({}, "max_total_runs"),
        ({"max_total_runs": 9, "max_duration_minutes": 0.001}, "max_duration_minutes"),
        ({"max_total_runs": 9, "max_cost": 1e-7, "price_per_hour": 1.0}, "max_cost"),
    ],
    ids=["runs", "time", "cost"],
)
def test_no_budget_left_is_one_line_that_says_what_to_give(lab, options, limit):
    run = lab.ended(lab.submit('log("acc", 1)', **{"max_total_runs": 1, **options}))
    with pytest.raises(ConfigError, match=rf"no budget left: .*; give {limit}=\S+, for example$") as raised:
        run.resume()
    assert "\n" not in str(raised.value) and run.id in str(raised.value)


def test_a_sweep_that_has_ended_cannot_be_paused_or_set(lab):
    run = lab.ended(lab.submit('log("acc", 1)', max_total_runs=1))
    for wish in (run.pause, lambda: run.set(max_total_runs=5)):
        with pytest.raises(ConfigError, match=f"{run.id} is Completed; `resume` goes on with it"):
            wish()


def test_limits_that_make_no_sense_are_refused_before_anything_is_asked(lab):
    run = lab.submit('wait_for("go")')
    for wish in (run.set, run.resume):
        with pytest.raises(ConfigError) as raised:
            wish(max_total_runs=0, max_concurrent=2, grace_seconds=-1)
        assert len(raised.value.problems) == 3 and "max_concurrent_runs?" in str(raised.value)
    with pytest.raises(ConfigError, match="price_per_hour"):
        run.set(max_cost=3)
    lab.open("go")


# ---------------------------------------------------------------- disks and clocks


@pytest.fixture
def small_disk(tmp_path):
    """A file system of a few megabytes, and a way to fill it."""
    folder = tmp_path / "small disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("a small disk can be mounted by root only")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def fill(folder):
    with open(folder / "ballast", "wb", buffering=0) as file:
        try:
            while file.write(b"x" * 4096):
                pass
        except OSError:
            pass


@pytest.fixture
def small_lab(laboratory, small_disk, tmp_path):
    made = laboratory(small_disk / "lab", gates=tmp_path / "gates")
    yield made
    made.tidy()
    made.workspace.store.close()


def test_a_full_disk_is_waited_for(small_lab, small_disk):
    lab = small_lab
    run = lab.submit(THREE_VALUES, max_total_runs=3)
    lab.told("0 is half way")
    lab.until(lambda: lab.values(run) == [[1, 2]], "both values are stored")
    pid = lab.controller(run)
    metrics = RunFolder(lab.workspace.sweep_folder(run.id) / "0").metrics
    fill(small_disk)
    with open(metrics, "ab", buffering=0) as file:
        file.write(b'{"name": "acc", "value": 2.5}\n')  # its last page has room, and the store has none
    assert _stays(lambda: processes.alive(pid, None) and lab.values(run) == [[1, 2]], 1.5)
    (small_disk / "ballast").unlink()
    lab.open("go")
    lab.ended(run)
    assert lab.values(run) == [[1, 2, 2.5, 3], [1, 2, 3], [1, 2, 3]]
    assert lab.causes(run) == [[], [], []]


def test_a_run_whose_working_copy_finds_no_room_waits_for_it(small_lab, small_disk):
    lab = small_lab
    (lab.source / "large").write_bytes(b"x" * 500_000)
    run = lab.submit(THREE_VALUES, max_total_runs=3)
    lab.told("0 is half way")
    lab.until(lambda: lab.values(run) == [[1, 2]], "both values are stored")
    fill(small_disk)
    os.truncate(small_disk / "ballast", os.path.getsize(small_disk / "ballast") - 300_000)
    lab.open("go")
    lab.until(lambda: len(lab.runs(run)) == 2, "the next run is to be started")
    assert _stays(lambda: not lab.runs(run)[1].status.terminal and not (lab.gates / "1 began").exists(), 1.5)
    (small_disk / "ballast").unlink()
    lab.ended(run)
    assert (lab.values(run), lab.causes(run)) == ([[1, 2, 3]] * 3, [[]] * 3)


def test_a_read_only_disk_refuses_a_resume_in_one_line_and_loses_nothing(small_lab, small_disk):
    lab = small_lab
    run = lab.submit(THREE_VALUES, max_total_runs=2)
    lab.told("0 is half way")
    lab.until(lambda: lab.values(run) == [[1, 2]], "both values are stored")
    lab.kill(lab.controller(run), lab.launcher(run), *lab.scripts(run))
    lab.workspace.store.close()

    def mounted(how: str) -> bool:
        return not subprocess.run(["mount", "-o", f"remount,{how}", str(small_disk)]).returncode

    lab.until(lambda: mounted("ro"), "read-only, when the last of them has let go of its files")
    try:
        with pytest.raises(StoreError, match=r"overdrive\.db: (unable|attempt)") as raised:
            run.resume()
        assert "\n" not in str(raised.value)
        lab.workspace.store.close()
    finally:
        lab.until(lambda: mounted("rw"), "writable")
    lab.open("go")
    run.resume()
    lab.ended(run)
    assert (lab.values(run), lab.causes(run)) == ([[1, 2, 3]] * 2, [["lost"], []])


def test_a_clock_only_goes_forwards_whatever_the_machines_does(monkeypatch):
    wall, steady = 1_000_000.0, 50.0
    monkeypatch.setattr(clock.time, "time", lambda: wall)
    monkeypatch.setattr(clock.time, "monotonic", lambda: steady)
    ours = clock.Clock()
    assert ours.now() == 1_000_000.0
    steady += 10.0
    wall -= 3600.0 - 10.0  # set back by an hour, ten seconds later
    assert ours.now() == 1_000_010.0
    # A script that began two seconds ago, by the machine's clock.
    assert ours.corrected(wall - 2.0) == 1_000_008.0
    wall += 7200.0
    assert ours.now() == 1_000_010.0 and ours.corrected(wall) == 1_000_010.0


# ---------------------------------------------------------------- scripts


def test_ten_thousand_torn_lines_hide_no_value(lab):
    text = """\
    with open(os.environ["OVERDRIVE_METRICS"], "ab", buffering=0) as file:
        for k in range(10_000):
            file.write(b'{"name": "acc", "val' + b"\\xff" * (k % 7) + b"\\n")
            if k % 1000 == 999:
                file.write(b'{"name": "acc", "value": %d}\\n' % (k + 1))
        tell("torn")
        wait_for("go")
        file.write(b'{"name": "acc", "value": 10001}\\n{"name": "acc", "value": 1')
    """
    run = lab.submit(text, max_total_runs=1)
    lab.told("torn")
    lab.kill(lab.controller(run))
    run.resume()
    lab.open("go")
    lab.ended(run)
    assert lab.values(run) == [[*range(1000, 10_001, 1000), 10_001]]
    assert re.search(r"run 0: .*lines? of its metric file cannot be read", lab.said(run))


def test_who_forks_away_and_ignores_term_is_found_and_ended(lab):
    text = """\
    for depth in range(2):
        if os.fork():
            break
        os.setsid()
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)
    tell("%s ready" % depth) if depth == 0 else tell("away %d" % os.getpid())
    time.sleep(600)
    """
    run = lab.submit(lab.script(text, grace_seconds=0.3), max_total_runs=1)
    lab.told("0 ready")
    lab.kill(lab.controller(run))
    lab.until(lambda: len(list(lab.gates.glob("away *"))) == 2, "they are away")
    away = [int(path.name.split()[1]) for path in lab.gates.glob("away *")]
    assert all(processes.alive(pid, None) for pid in away)
    run.cancel()
    lab.ended(run)
    assert not any(processes.alive(pid, None) for pid in away)
    assert str(run.view.runs[0].status) == "Canceled"


def _stays(condition, seconds):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if not condition():
            return False
        time.sleep(0.02)
    return True
