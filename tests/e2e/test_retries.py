"""Retries by cause on real processes: what is tried again, where, with what it had kept, and what counts."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import pytest

from overdrive import BanditPolicy
from overdrive.runtime import processes
from overdrive.runtime.wire import RunFolder

FIRST = 'first = "." not in place\n'
"""Whether this is the first attempt: later ones work in a folder of their own, `0.1`, `0.2`."""


def folder(lab, run, place):
    return RunFolder(lab.workspace.sweep_folder(run.id) / place)


def test_two_losses_are_made_good_and_the_third_is_final(lab):
    run = lab.ended(lab.submit('log("acc", 1); os.kill(os.getpid(), 9)', max_total_runs=1))
    assert lab.causes(run) == [["lost", "lost", "lost"]]
    assert str(run.view.runs[0].status) == "Failed" and run.view.runs[0].exit_code == -9
    assert all(Path(folder(lab, run, place).stdout).exists() for place in ("0", "0.1", "0.2"))
    assert not Path(folder(lab, run, "0.3").path).exists()


def test_a_retried_run_has_its_own_folder_the_same_values_and_counts_once(lab):
    text = """\
    first = "." not in place
    print(*sys.argv[1:], os.environ["OVERDRIVE_RUN_ID"], os.environ["OVERDRIVE_RUN_DIR"] == os.getcwd())
    assert not os.path.exists("mark")
    open("mark", "w").close()
    log("acc", 1); log("acc", 9 if first else 2)
    if first:
        os.kill(os.getpid(), 9)
    """
    run = lab.ended(lab.submit(text, max_total_runs=2, policy=BanditPolicy(slack_factor=100.0)))
    assert run.get_status() == "Completed"
    assert (lab.values(run), lab.causes(run)) == ([[1, 2]] * 2, [["lost"]] * 2)
    assert run.get_best_run_by_primary_metric().get_metrics("acc") == {"acc": [1, 2]}
    before, after = (Path(folder(lab, run, place).stdout).read_text() for place in ("0", "0.1"))
    assert before == after and before.endswith(f"{run.id}_0 True\n")
    child = lab.workspace.get_run(f"{run.id}_0")
    assert child.folder.endswith("/0.1") and child.record.spent > 0


def test_checkpoints_survive_and_the_values_before_them_count(lab):
    text = """\
    from overdrive import Run
    run = Run.get_context()
    assert run.number == 0
    start = int(open(run.latest_checkpoint).read()) if run.latest_checkpoint else 0
    for epoch in range(start, 6):
        run.log("acc", epoch)
        run.log("loss", -epoch)
        if epoch == 3 and "." not in place:  # after the values, before the checkpoint
            os.kill(os.getpid(), 9)
        path = os.path.join(run.checkpoint_dir, "epoch-%d" % epoch)
        with open(path, "w") as file:
            file.write(str(epoch + 1))
        run.keep_checkpoint(path)
        if epoch == 4 and place == "0.1":  # after the checkpoint
            run.log("loss", 100)
            os.kill(os.getpid(), 9)
    """
    run = lab.ended(lab.submit(text, max_total_runs=1))
    assert run.get_status() == "Completed"
    assert (lab.values(run), lab.causes(run)) == ([[0, 1, 2, 3, 4, 5]], [["lost", "lost"]])
    once = {"acc": [0, 1, 2, 3, 4, 5], "loss": [0, -1, -2, -3, -4, -5]}
    assert run.view.metrics(f"{run.id}_0") == once
    anew = lab.workspace.get_run(run.id)
    assert anew.view.metrics(f"{run.id}_0") == once and lab.values(anew) == [once["acc"]]
    assert "it is tried again from its checkpoint" in lab.said(run)
    kept = folder(lab, run, "0").checkpoints
    assert os.readlink(os.path.join(kept, "latest")) == "epoch-5"
    assert not os.path.exists(folder(lab, run, "0.1").checkpoints)


def test_half_a_checkpoint_is_none(lab):
    text = """\
    from overdrive import Run
    run = Run.get_context()
    assert run.latest_checkpoint is None
    run.log("acc", 1)
    if "." not in place:
        open(os.path.join(run.checkpoint_dir, "epoch-1"), "w").write("ha")
        os.kill(os.getpid(), 9)
    run.log("acc", 2)
    """
    run = lab.ended(lab.submit(text, max_total_runs=1))
    assert lab.values(run) == [[1, 2]]


@pytest.mark.parametrize(
    ("cause", "text", "options"),
    [
        ("exit", "sys.exit(3)", {}),
        ("exit", "os.abort()", {}),
        ("lost", "os.kill(os.getpid(), signal.SIGTERM)", {}),
        ("memory", 'raise MemoryError("no room for 8 GB")', {}),
        ("memory", "x = bytearray(400_000_000); time.sleep(600)", {"memory_limit_mb": 200}),
        ("time", "time.sleep(600)", {"max_run_duration_seconds": 0.4}),
        ("silence", "time.sleep(600)", {}),
    ],
    ids=["exit", "abort", "TERM", "MemoryError", "memory limit", "time limit", "silence"],
)
def test_each_cause_is_recorded_and_tried_again_when_it_may_be(lab, cause, text, options):
    script = lab.script(FIRST + 'log("acc", 1)\nif first:\n    ' + text, grace_seconds=1, **options)
    silence = 0.01 if cause == "silence" else None
    final = lab.submit(script, max_total_runs=1, max_retries={"lost": 0}, no_metric_minutes=silence)
    again = lab.submit(script, max_total_runs=1, max_retries={"lost": 0, cause: 1}, no_metric_minutes=silence)
    lab.ended(final), lab.ended(again)
    (run,) = final.view.runs
    assert run.cause == cause and run.reason
    assert str(run.status) == ("Canceled" if cause in ("time", "silence") else "Failed")
    assert final.get_details()["runs"][0]["cause"] == cause
    assert (lab.values(again), lab.causes(again)) == ([[1]], [[cause]])
    assert again.get_status() == "Completed" and str(again.view.runs[0].status) == "Completed"


def test_what_the_kernel_killed_for_its_memory_is_memory(lab, monkeypatch):
    # The kernel's own count of such kills goes up between the start and the end of the run.
    from overdrive.compute.localrun import LocalRun

    count = 3
    monkeypatch.setattr(processes, "oom_kills", lambda: count)
    run = LocalRun("j", str(lab.gates))
    run.folder.make()
    null = os.open(os.devnull, os.O_RDONLY)
    assert run.spawn([sys.executable.encode(), b"-c", b"input()"], dict(os.environ), null)
    os.close(null)
    os.kill(run.pid, signal.SIGKILL)
    os.waitpid(run.pid, 0)
    count = 4
    assert run.program_ended(-signal.SIGKILL)
    assert run.note.startswith("out of memory")


def test_a_run_gets_its_grace_to_write_a_checkpoint_when_time_is_up(lab):
    text = """\
    from overdrive import Run
    run = Run.get_context()
    def save(*_):
        path = os.path.join(run.checkpoint_dir, "last")
        open(path, "w").write("5")
        run.keep_checkpoint(path)
        run.log("acc", 5)
        os._exit(0)
    signal.signal(signal.SIGTERM, save)
    tell(place + " ready")
    time.sleep(600)
    """
    run = lab.submit(text, max_total_runs=5, max_concurrent_runs=1, max_duration_minutes=10)
    lab.told("0 ready")
    run.set(max_duration_minutes=0.001)
    lab.ended(run)
    assert run.get_status() == "Completed" and "time of 0.001 min is used up" in run.view.sweep.reason
    assert (lab.values(run), lab.causes(run)) == ([[5]], [["budget"]])
    assert os.path.exists(os.path.join(folder(lab, run, "0").checkpoints, "latest"))


def test_losses_spend_nobodys_budget_of_runs_and_are_charged(lab):
    text = FIRST + 'log("acc", 1)\nif first: os.kill(os.getpid(), 9)'
    run = lab.ended(lab.submit(text, max_total_runs=3, max_concurrent_runs=3))
    assert run.get_status() == "Completed" and len(run.view.runs) == 3
    for record in run.view.runs:
        assert record.spent > 0 and record.seconds >= record.spent


def test_max_cost_ends_a_sweep(lab):
    # At 3600 for an hour a second costs 1.
    run = lab.submit('log("acc", 1); time.sleep(600)', max_total_runs=9, max_cost=0.5, price_per_hour=3600.0)
    lab.ended(run)
    assert run.get_status() == "Completed" and "budget of 0.5 is used up" in run.view.sweep.reason
    assert len(run.view.runs) == 1 and run.view.runs[0].seconds >= 0.5
