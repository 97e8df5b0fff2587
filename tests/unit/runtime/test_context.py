"""The script's view of its run: what lands in the metric file, what is printed, what is refused."""

from __future__ import annotations

import json
import math
import os
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from overdrive.runtime import wire
from overdrive.runtime.context import RunContextError, ScriptRun
from overdrive.runtime.wire import Record, RunFolder, parse_line


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch) -> ScriptRun:
    for name in (wire.METRICS, wire.RUN_ID, wire.RUN_DIR, wire.PARAMS):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(ScriptRun, "_current", None)
    return ScriptRun.get_context()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RunFolder:
    folder = RunFolder(tmp_path / "runs" / "12").make()
    monkeypatch.setenv(wire.METRICS, folder.metrics)
    monkeypatch.setenv(wire.RUN_ID, "HD_1_12")
    monkeypatch.setenv(wire.RUN_DIR, folder.path)
    monkeypatch.setenv(wire.PARAMS, folder.params)
    monkeypatch.setattr(ScriptRun, "_current", None)
    return folder


def records(folder: RunFolder) -> list[Record]:
    found: list[Record] = []
    for line in Path(folder.metrics).read_bytes().splitlines():
        parsed = parse_line(line)
        assert parsed is not None, line
        found += parsed
    return found


def values(folder: RunFolder) -> list[tuple[str, Any, Any]]:
    return [(record.name, record.value, record.step) for record in records(folder)]


# outside a sweep ------------------------------------------------------------------------------------


def test_outside_a_sweep_values_are_printed(offline: ScriptRun, capsys: pytest.CaptureFixture[str]) -> None:
    offline.log("accuracy", 0.91, step=3)
    offline.log("kernel", "rbf")
    offline.log_list("loss", [1, 0.5])
    offline.log_row("roc", fpr=0.1, tpr=1)
    offline.log_table("t", {"a": [1, 2]})
    offline.log_image("p", plot=Figure())
    assert capsys.readouterr().out.splitlines() == [
        "accuracy: 0.91 (step 3)",
        "kernel: rbf",
        "loss: 1, 0.5",
        "roc: fpr=0.1, tpr=1",
        "t: a=[1, 2]",
        "p: a plot",
    ]
    assert offline.offline and offline.number is None and offline.parameters == {}
    assert offline.id.startswith("OfflineRun_") and offline.id == offline.id


def test_a_script_may_insist_on_a_sweep(offline: ScriptRun) -> None:
    with pytest.raises(RunContextError, match="OVERDRIVE_METRICS is not set"):
        ScriptRun.get_context(allow_offline=False)


# inside one -----------------------------------------------------------------------------------------


def test_a_run_knows_itself(folder: RunFolder) -> None:
    wire.write_json(folder.params, {"lr": 0.1, "layers": [1, 2]})
    run = ScriptRun.get_context(allow_offline=False)
    assert run is ScriptRun.get_context()
    assert (run.id, run.number, run.offline) == ("HD_1_12", 12, False)
    assert run.parameters == {"lr": 0.1, "layers": [1, 2]}
    run.flush()
    run.complete()
    run.fail("nothing")


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (0.1, 0.1),
        (1e300, 1e300),
        (3, 3.0),
        (True, 1.0),
        ("0.5", 0.5),
        ("rbf", "rbf"),
        (np.float64(0.1), 0.1),
        (np.float32(0.5), 0.5),
        (np.int64(7), 7.0),
        (np.bool_(True), 1.0),
        (np.array(2.5), 2.5),
        (np.array([2.5]), 2.5),
        (np.str_("rbf"), "rbf"),
        (math.inf, math.inf),
        (-math.inf, -math.inf),
        (1 + 2j, "(1+2j)"),
    ],
    ids=repr,
)
def test_a_value_arrives_as_a_number_where_it_is_one(folder: RunFolder, given: Any, expected: Any) -> None:
    ScriptRun.get_context().log("m", given)
    ScriptRun.get_context().log("m", given, step=np.int64(3), description="with words")
    assert values(folder) == [("m", expected, None), ("m", expected, 3.0)]


@pytest.mark.parametrize("given", [math.nan, np.float32("nan"), None], ids=repr)
def test_nan_arrives_as_nan(folder: RunFolder, given: Any) -> None:
    ScriptRun.get_context().log("m", given)
    ((_, value, _),) = values(folder)
    assert math.isnan(value)


def test_each_line_carries_its_time_and_hostile_names_survive(folder: RunFolder) -> None:
    run = ScriptRun.get_context()
    run.log('a "b"\n\\ größe', 1.0)
    run.log('a "b"\n\\ größe', 2)
    assert [record.name for record in records(folder)] == ['a "b"\n\\ größe'] * 2
    assert all(
        record.time and abs(record.time - os.stat(folder.metrics).st_mtime) < 60 for record in records(folder)
    )


def test_lists_rows_and_tables(folder: RunFolder) -> None:
    run = ScriptRun.get_context()
    run.log_list("l", (1, 2.5))
    run.log_list("l", np.array([3.0]))
    run.log_row("r", fpr=0.5, label="a", n=np.int64(2))
    run.log_table("t", {"x": [1, 2], "y": np.array([0.5, 1.5])})
    run.log_table("t", {"x": 1, "y": "b"})
    assert [(record.kind, record.value) for record in records(folder)] == [
        ("scalar", 1.0),
        ("scalar", 2.5),
        ("scalar", 3.0),
        ("row", {"fpr": 0.5, "label": "a", "n": 2}),
        ("table", {"x": [1, 2], "y": [0.5, 1.5]}),
        ("table", {"x": [1], "y": ["b"]}),
    ]


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda run: run.log("m", [1, 2]), "use log_list"),
        (lambda run: run.log("m", range(3)), "use log_list"),
        (lambda run: run.log("m", (x for x in "ab")), "use log_list"),
        (lambda run: run.log("m", np.array([1, 2])), "use log_list"),
        (lambda run: run.log("", 1), "name"),
        (lambda run: run.log(7, 1.0), "name"),
        (lambda run: run.log("m", 1.0, step="x"), "step"),
        (lambda run: run.log_list("m", 3), "expects a list"),
        (lambda run: run.log_list("m", "abc"), "expects a list"),
        (lambda run: run.log_row("m"), "keyword"),
        (lambda run: run.log_row("m", a=[1]), "use log_table"),
        (lambda run: run.log_table("m", [1]), "dict of columns"),
        (lambda run: run.log_table("m", {"a": [1], "b": [1, 2]}), "of one length, got a=1, b=2"),
        (lambda run: run.log_image("m"), "either path= or plot="),
        (lambda run: run.log_image("m", path="a", plot="b"), "either path= or plot="),
        (lambda run: run.log_image("m", path="/no/such.png"), "no file at '/no/such.png'"),
        (lambda run: run.log_image("m", plot=3), "matplotlib"),
    ],
)
def test_what_cannot_be_recorded_is_refused_with_advice(folder: RunFolder, call: Any, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        call(ScriptRun.get_context())
    assert not os.path.exists(folder.metrics)


class Figure:
    def savefig(self, path: str) -> None:
        Path(path).write_bytes(b"drawn")


def test_pictures_are_kept_under_names_of_their_own(folder: RunFolder, tmp_path: Path) -> None:
    source = tmp_path / "p.jpg"
    source.write_bytes(b"picture")
    run = ScriptRun.get_context()
    run.log_image("a/b", path=str(source))
    run.log_image("a/b", path=source)
    run.log_image("a/b", plot=Figure())
    paths = [record.value for record in records(folder)]
    assert len(set(paths)) == 3 and all(
        path.startswith(os.path.join("outputs", "images", "a_b")) for path in paths
    )
    assert [Path(folder.path, path).read_bytes() for path in paths] == [b"picture", b"picture", b"drawn"]


def test_a_file_that_cannot_be_written_is_said_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(wire.METRICS, str(tmp_path / "gone" / "metrics.jsonl"))
    monkeypatch.setattr(ScriptRun, "_current", None)
    run = ScriptRun.get_context()
    for _ in range(3):
        run.log("m", 1.0)
        run.log_list("m", [1])
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 1 and "metrics cannot be written" in said[0]


def test_after_a_torn_write_the_next_line_starts_afresh(
    folder: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = ScriptRun.get_context()
    run.log("m", 1.0)
    real = os.write
    with monkeypatch.context() as full:
        full.setattr(os, "write", lambda fd, data: real(fd, data[:5]))
        run.log("m", 2.0)
    run.log("m", 3.0)
    lines = Path(folder.metrics).read_bytes().splitlines()
    assert [parse_line(line) is None for line in lines] == [False, True, False]


def test_threads_and_forks_never_mix_their_lines(folder: RunFolder) -> None:
    run = ScriptRun.get_context()
    run.log("m", -1.0)

    def work(base: int) -> None:
        for i in range(200):
            run.log("m", float(base + i))

    children = []
    for base in (10_000, 20_000):
        pid = os.fork()
        if not pid:
            work(base)
            os._exit(0)
        children.append(pid)
    threads = [threading.Thread(target=work, args=(base,)) for base in (30_000, 40_000)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for pid in children:
        assert os.waitpid(pid, 0)[1] == 0
    assert len(values(folder)) == 801 == len({value for _, value, _ in values(folder)})
    json.loads(Path(folder.metrics).read_bytes().splitlines()[0])
