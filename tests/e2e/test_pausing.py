"""Paused runs on real processes: a place is freed, a checkpoint kept, the run taken up again, and no kill loses any."""

from __future__ import annotations

from overdrive import PlateauPolicy, SuccessiveHalvingPolicy

KEEPING = """\
from overdrive import Run
run = Run.get_context()
start = int(open(run.latest_checkpoint).read()) if run.latest_checkpoint else 0
if run.number == 2:
    wait_for("third")
for epoch in range(start, 3):
    run.log("acc", 4 - run.number + epoch / 8)
    path = os.path.join(run.checkpoint_dir, "epoch-%d" % epoch)
    with open(path, "w") as file:
        file.write(str(epoch + 1))
    run.keep_checkpoint(path)
    if epoch == 0 and run.number:
        tell(place + " waits")
        signal.pause()
    if run.number == 1:
        tell("1 goes on")
        wait_for("go")
"""
HALVING = SuccessiveHalvingPolicy(eta=2, max_interval=2, promotion=True)
"""Of four runs at the first value the best two go on: run 1 rests until the fourth has come."""


def statuses(lab, run):
    return [str(one.status) for one in lab.runs(run)]


def test_a_paused_run_is_promoted_and_goes_on_from_its_checkpoint(lab):
    lab.open("third", "go")
    run = lab.ended(lab.submit(KEEPING, max_total_runs=4, policy=HALVING))
    assert run.get_status() == "Completed"
    assert statuses(lab, run) == ["Completed", "Completed", "Canceled", "Canceled"]
    assert lab.causes(run) == [[], ["pause"], ["policy"], ["policy"]]
    assert lab.values(run) == [[4, 4.125, 4.25], [3, 3.125, 3.25], [2], [1]]
    anew = lab.workspace.get_run(run.id)
    assert lab.values(anew) == lab.values(run)


def test_no_kill_of_the_controller_loses_a_paused_run(lab):
    run = lab.submit(KEEPING, max_total_runs=4, policy=HALVING)
    lab.until(lambda: statuses(lab, run)[1:2] == ["Paused"], "run 1 rests")
    lab.kill(lab.controller(run))
    assert statuses(lab, run)[1] == "Paused" and lab.values(run)[1] == [3]
    run.resume()
    lab.open("third")
    lab.told("1 goes on")
    lab.kill(lab.controller(run))
    lab.open("go")
    run.resume()
    lab.ended(run)
    assert statuses(lab, run) == ["Completed", "Completed", "Canceled", "Canceled"]
    assert lab.values(run) == [[4, 4.125, 4.25], [3, 3.125, 3.25], [2], [1]]
    assert run.get_details()["runs"][1]["earlier_attempts"] == ["pause"]


def test_a_paused_run_can_be_cancelled(lab):
    run = lab.submit(KEEPING, max_total_runs=3, policy=HALVING)
    lab.until(lambda: statuses(lab, run)[1:2] == ["Paused"], "run 1 rests")
    lab.workspace.store.ask(run.id, "cancel", f"{run.id}_1")
    lab.until(lambda: lab.causes(run)[1] == ["user"], "it is cancelled")
    lab.open("third")
    lab.ended(run)
    assert statuses(lab, run)[1] == "Canceled"


def test_without_checkpoints_a_pause_is_a_stop(lab):
    text = """\
    number = int(place.split(".")[0])
    log("acc", 1 - number / 10)
    if number:
        tell(place + " waits")
        signal.pause()
    """
    run = lab.ended(lab.submit(text, max_total_runs=3, policy=HALVING))
    assert statuses(lab, run) == ["Completed", "Canceled", "Canceled"]
    assert lab.causes(run) == [[], ["policy"], ["policy"]]


def test_a_plateau_completes_a_run_and_its_rest_is_saved(lab):
    text = """\
    number = int(place.split(".")[0])
    for epoch in range(1, 9):
        log("acc", epoch if number == 0 else min(epoch, 3))
        if number and epoch == 5:
            signal.pause()
    """
    run = lab.ended(lab.submit(text, max_total_runs=2, policy=PlateauPolicy(patience=2)))
    assert statuses(lab, run) == ["Completed", "Completed"] and lab.causes(run) == [[], ["plateau"]]
    assert lab.values(run)[1] == [1, 2, 3, 3, 3]
    assert run.get_details()["savings"]["intervals"] == run.get_savings().intervals == 3
