"""A sweep that does not move: best first, cut at a length, and never markup."""

from overdrive.widget.still import html, text


def state(rows, **changes):
    sweep = {
        "id": "HD_1", "experiment": "digits", "status": "Running", "reason": None, "metric": "loss",
        "goal": "minimize", "done": 1, "running": 1, "total": 3, "params": ["lr", "units"],
        "best": {"number": 1, "value": 0.25}, **changes,
    }  # fmt: skip
    return {"sweep": sweep, "rows": rows}


def row(number, best=None, **params):
    return {"number": number, "status": "Running", "best": best, "params": params}


def test_the_best_runs_come_first_and_those_without_a_value_last():
    found = text(state([row(0, lr=0.1), row(1, 0.25, lr=0.001, units=64), row(2, 0.5, units=8)]))
    assert found.splitlines() == [
        "digits: Running, 1 of 3 runs, 1 under way (HD_1)",
        "best loss 0.25 by run 1",
        "",
        "run  status   loss  lr     units",
        "1    Running  0.25  0.001  64",
        "2    Running  0.5          8",
        "0    Running        0.1",
    ]


def test_for_a_metric_to_be_maximized_the_largest_is_first():
    found = text(state([row(0, 0.25), row(1, 0.5)], goal="maximize", params=[]))
    assert [line.split()[0] for line in found.splitlines()[-2:]] == ["1", "0"]


def test_a_sweep_that_has_not_begun_is_a_heading():
    found = text(state([], best=None, done=0, running=0, status="NotStarted"))
    assert found.splitlines() == [
        "digits: NotStarted, 0 of 3 runs (HD_1)",
        "",
        "run  status  loss  lr  units",
    ]


def test_long_sweeps_are_cut_and_say_so():
    rows = [row(number, float(number)) for number in range(150)]
    assert text(state(rows)).splitlines()[-1] == "and 138 more runs"
    found = html(state(rows))
    assert found.count("<tr>") == 101
    assert "<p>and 50 more runs</p>" in found


def test_whatever_a_script_has_named_is_text():
    hostile = "<script>alert(1)</script>\x1b[2J\n"
    rows = [row(0, 0.5, **{hostile: hostile})]
    changes = {"params": [hostile], "metric": hostile, "experiment": hostile, "reason": hostile}
    found = html(state(rows, **changes), note="a < b")
    assert "<script" not in found
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in found
    assert "<p>a &lt; b</p>" in found
    assert "\x1b" not in found + text(state(rows, **changes))
