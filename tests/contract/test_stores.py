"""The contract of a store, sentence by sentence, over every registered store."""

from __future__ import annotations

import json
import math
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
import time

import pytest

from overdrive.errors import NotFound, StoreError, SweepHeld
from overdrive.model.metrics import Point, PrimaryMetricGoal, Series
from overdrive.model.records import RunRecord, Status, SweepRecord
from overdrive.store.base import STORES, Cursor, Entry, Holder, Message, Turn, open_store

HOSTILE = [
    "two words",
    'it\'s "quoted"; DROP TABLE runs; --',
    "line\nbreak\r\ttab",
    "back\\slash %s %(x)s ? :name {x}",
    "größe 数 🎛 \u202e rtl",
    "\x01\x1b[31m\x7f",
    "x" * 100_000,
    "",
]


@pytest.fixture(params=STORES.names())
def url(request, tmp_path):
    """The URL of a store that holds nothing yet."""
    if request.param == "postgresql":
        return request.getfixturevalue("postgres")
    return f"sqlite:///{tmp_path / 'overdrive.db'}"


@pytest.fixture
def opened(url):
    """Opens the same store again and again, as other processes would; closes them all."""
    stores = []

    def open_again():
        stores.append(open_store(url))
        return stores[-1]

    yield open_again
    for store in stores:
        store.close()


@pytest.fixture
def store(opened):
    return opened()


def a_sweep(store, sweep_id="HD_1", **fields):
    record = SweepRecord(sweep_id, "digits", "hyperdrive", {"primary_metric_goal": "MINIMIZE"}, created=1.5)
    for name, value in fields.items():
        setattr(record, name, value)
    store.create_sweep(record)
    return record


def a_run(number=0, sweep_id="HD_1", **fields):
    return RunRecord(
        f"{sweep_id}_{number}", number, fields.pop("params", {}), Series(PrimaryMetricGoal.MINIMIZE), **fields
    )


def commit(store, sweep_id="HD_1", **turn):
    store.commit(sweep_id, Turn(**turn))


# ---------------------------------------------------------------- sweeps


def test_a_sweep_comes_back_as_it_was(store):
    config = {"a": [1, 2.5, None, True, "x"], "b": {"c": "größe"}}
    given = a_sweep(store, config=config, tags={"who": "Ada"}, started=2.0, reason="why")
    found = store.sweep("HD_1")
    for name in SweepRecord.__dataclass_fields__:
        assert getattr(found, name) == getattr(given, name), name
    assert isinstance(found.status, Status)


def test_a_sweeps_id_must_be_new(store):
    a_sweep(store)
    with pytest.raises(StoreError):
        a_sweep(store)
    assert len(store.sweeps()) == 1


def test_sweeps_come_newest_first(store):
    for number in range(3):
        a_sweep(store, f"HD_{number}", experiment="even" if number % 2 == 0 else "odd")
    assert [sweep.id for sweep in store.sweeps()] == ["HD_2", "HD_1", "HD_0"]
    assert [sweep.id for sweep in store.sweeps("even")] == ["HD_2", "HD_0"]
    assert store.sweeps("none") == []


def test_what_is_not_there_is_not_found(store):
    questions = [
        lambda: store.sweep("x"),
        lambda: store.sweep("a\0b"),
        lambda: store.find("half \udcff"),
        lambda: store.revision("x"),
        lambda: store.changes("x"),
        lambda: store.logged("x"),
        lambda: store.briefs("x"),
        lambda: store.owner("x"),
        lambda: store.offsets("x"),
        lambda: store.requests("x"),
        lambda: store.holder("x"),
        lambda: store.ask("x", "cancel"),
        lambda: store.commit("x", Turn()),
        lambda: store.find("x"),
        lambda: store.find(""),
        lambda: store.find("last"),
    ]
    for ask in questions:
        with pytest.raises(NotFound):
            ask()
    assert store.entries("x") == [] and store.models("x") == []


def test_find(store):
    for sweep_id in ("HD_abc", "HD_abd", "HD_x", "HD_xy", "hd_z"):
        a_sweep(store, sweep_id)
    commit(store, "HD_abc", new_runs=[a_run(0, "HD_abc"), a_run(11, "HD_abc")])
    assert store.find("HD_abc") == "HD_abc"
    assert store.find("HD_abc_11") == "HD_abc_11"
    assert store.find("HD_abd") == "HD_abd"
    assert store.find("HD_x") == "HD_x"  # the whole id of one, though another begins so
    assert store.find("h") == "hd_z"
    assert store.find("last") == store.find("latest") == "hd_z"
    with pytest.raises(NotFound, match="HD_abc, HD_abd"):
        store.find("HD_ab")
    for nothing in ("", "HD", "%", "HD_ab_", "H_", "hd_x", "HD_abc_1"):
        with pytest.raises(NotFound):
            store.find(nothing)


def test_the_owner_of_a_run(store):
    a_sweep(store)
    a_sweep(store, "HD_1_0x")
    commit(store, new_runs=[a_run(0)])
    assert store.owner("HD_1_0") == "HD_1"


# ---------------------------------------------------------------- commits


def test_a_run_comes_back_as_it_was(store):
    a_sweep(store)
    params = {"lr": 1e-300, "n": 2**53, "k": "a b", "flag": True, "none": None, "list": [1, "x"], "--z": 0.1}
    given = a_run(
        3, params=params, status=Status.RUNNING, handle="/a b\n/c", created=1.25, started=2.5,
    )  # fmt: skip
    commit(store, new_runs=[given])
    given.status, given.reason, given.exit_code, given.ended = Status.FAILED, "exit code 3: oh", -9, 99.5
    commit(store, runs={given.id: given})
    (found,) = store.changes("HD_1").runs
    for name in set(RunRecord.__dataclass_fields__) - {"series"}:
        assert getattr(found, name) == getattr(given, name), name
    assert list(found.params) == list(params)
    assert isinstance(found.params["flag"], bool) and isinstance(found.params["n"], int)
    assert found.series.goal is PrimaryMetricGoal.MINIMIZE and not len(found.series)


def test_runs_come_in_the_order_of_their_numbers(store):
    a_sweep(store)
    commit(store, new_runs=[a_run(10), a_run(2), a_run(0)])
    assert [run.number for run in store.changes("HD_1").runs] == [0, 2, 10]


def test_each_commit_raises_the_revision_by_one(store):
    a_sweep(store)
    a_sweep(store, "HD_2")
    assert store.revision("HD_1") == 0
    for expected in (1, 2, 3):
        commit(store)
        assert store.revision("HD_1") == expected
    store.ask("HD_1", "cancel")
    assert (store.revision("HD_1"), store.revision("HD_2")) == (3, 0)


def test_a_reader_gets_what_came_later_and_nothing_twice(store):
    a_sweep(store)
    commit(store, new_runs=[a_run(0), a_run(1)], points=[("HD_1_0", Point("loss", 1.0))])
    first = store.changes("HD_1")
    assert [run.number for run in first.runs] == [0, 1] and len(first.points) == 1
    assert store.changes("HD_1", first.cursor)[1:4] == ([], [], [])
    commit(
        store,
        runs={"HD_1_1": a_run(1, status=Status.RUNNING)},
        points=[("HD_1_1", Point("loss", 0.5, 2, 3.0))],
        messages=[Message(4.0, "warning", "look")],
    )
    second = store.changes("HD_1", first.cursor)
    assert [(run.number, run.status) for run in second.runs] == [(1, Status.RUNNING)]
    assert second.points == [("HD_1_1", Point("loss", 0.5, 2, 3.0))]
    assert second.messages == [Message(4.0, "warning", "look")]
    assert second.sweep.revision == second.cursor.revision == 2
    whole = store.changes("HD_1", Cursor())
    assert (len(whole.runs), len(whole.points), len(whole.messages)) == (2, 2, 1)


def test_points_keep_their_order_and_belong_to_one_sweep(store):
    a_sweep(store)
    a_sweep(store, "HD_2")
    for number in range(3):
        commit(store, points=[("HD_1_0", Point("loss", float(number), -number)), ("HD_1_1", Point("a", 7.0))])
        commit(store, "HD_2", points=[("HD_2_0", Point("loss", 9.0))])
    found = [point.value for run, point in store.changes("HD_1").points if run == "HD_1_0"]
    assert found == [0.0, 1.0, 2.0]
    assert len(store.changes("HD_2").points) == 3


def test_columns_of_all_points_in_the_order_logged(store):
    a_sweep(store)
    a_sweep(store, "HD_2")
    commit(store, "HD_2", points=[("HD_2_0", Point("loss", 9.0))])
    first = [
        ("b", Point("loss", 3.0, 10.0, 0.5)),
        ("a", Point("loss", math.nan)),
        ("b", Point("acc", -math.inf)),
        ("b", Point("loss", 2.0, None, 0.25)),
        ("b", Point("loss", 7.0, attempt=1)),
        *(("a", Point("loss", float(k))) for k in range(12)),  # many come by another way
    ]
    commit(store, points=first)
    values, last = store.logged("HD_1")
    assert list(values) == [("b", "loss", 0), ("a", "loss", 0), ("b", "acc", 0), ("b", "loss", 1)]
    assert values["b", "loss", 0].tolist() == [3.0, 2.0] and values["b", "acc", 0].tolist() == [-math.inf]
    assert math.isnan(values["a", "loss", 0][0]) and values["a", "loss", 0][1:].tolist() == list(range(12))
    commit(store, points=[("b", Point("loss", 1.0, 30.0))])
    steps, until = store.logged("HD_1", "step", last)
    assert until == last and str(steps["b", "loss", 0].tolist()) == "[10.0, nan]"
    assert store.logged("HD_1", "time", last)[0]["b", "loss", 0].tolist() == [0.5, 0.25]
    assert store.changes("HD_1", Cursor(point=last)).points == [("b", Point("loss", 1.0, 30.0))]
    a_sweep(store, "HD_3")
    assert store.logged("HD_3") == ({}, 0)


def test_runs_in_brief(store):
    a_sweep(store)
    a_sweep(store, "HD_2")
    done = a_run(1, status=Status.COMPLETED, cause="plateau")
    done.series.extend([3.0, math.nan, 2.0, 5.0])
    older = a_run(7, inherited=True)
    commit(store, new_runs=[a_run(1), a_run(0), older], points=[("HD_1_0", Point("loss", 1.0))])
    commit(store, runs={"HD_1_1": done})
    assert store.briefs("HD_1") == [
        (0, Status.NOT_STARTED, None, None, 0),
        (1, Status.COMPLETED, "plateau", 2.0, 4),
    ]
    assert store.briefs("HD_2") == []
    assert list(store.revisions().items()) == [("HD_2", 0), ("HD_1", 2)]


@pytest.mark.parametrize("value", [math.inf, -math.inf, 0.0, 5e-324, 1.7976931348623157e308, 0.1, 2.0**60])
def test_a_value_survives_to_the_last_bit(store, value):
    a_sweep(store)
    commit(store, points=[("r", Point("loss", value, value, 0.1))])
    ((_, point),) = store.changes("HD_1").points
    assert (point.value, point.step, point.time) == (value, value, 0.1)


def test_nan_survives(store):
    a_sweep(store)
    commit(store, points=[("r", Point("loss", math.nan)), ("r", Point("loss", 1.0))])
    first, second = [point.value for _, point in store.changes("HD_1").points]
    assert math.isnan(first) and second == 1.0


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_a_text_may_hold_anything(store, text):
    a_sweep(store, tags={text: text})
    commit(
        store,
        new_runs=[a_run(0, params={"x": text}, reason=text)],
        points=[("HD_1_0", Point(text, 1.0))],
        entries=[("HD_1_0", Entry(text, "text", text))],
        messages=[Message(1.0, "error", text)],
    )
    change = store.changes("HD_1")
    assert change.sweep.tags == {text: text}
    assert (change.runs[0].params, change.runs[0].reason) == ({"x": text}, text)
    assert change.points[0][1].name == text and change.messages[0].text == text
    assert store.entries("HD_1_0") == [Entry(text, "text", text)]


@pytest.mark.parametrize("text", ["a\0b", "half \ud83c", "\udcff\udcfe"], ids=["nul", "surrogate", "bytes"])
def test_what_no_database_can_hold_is_replaced_and_not_fatal(store, text):
    # A torn surrogate comes by JSON ("\ud83c"), bytes that are no text by file names and output.
    a_sweep(store, reason=text)
    commit(
        store,
        sweep=SweepRecord("HD_1", "digits", "hyperdrive", {}, reason=text),
        new_runs=[a_run(0, reason=text)],
        points=[("HD_1_0", Point(text, 1.0))],
        entries=[("HD_1_0", Entry(text, "text", {text: text}))],
        messages=[Message(1.0, "error", text)],
    )
    (run, point), *_ = store.changes("HD_1").points
    assert run == "HD_1_0" and point.name
    assert store.sweep("HD_1").reason and store.entries("HD_1_0")[0].payload == {text: text}


def test_a_handle_comes_back_byte_for_byte(store):
    a_sweep(store)
    commit(store, new_runs=[a_run(0, handle="/home/\udcff/run\n")])
    assert store.changes("HD_1").runs[0].handle == "/home/\udcff/run\n"


def test_entries_keep_their_order_and_their_values(store):
    a_sweep(store)
    rows = [Entry("roc", "row", {"fpr": 0.5, "who": "x", "n": None}), Entry("roc", "table", {"fpr": [0, 1]})]
    commit(store, entries=[("HD_1_0", rows[0]), ("HD_1_1", rows[1]), ("HD_1_0", rows[1])])
    assert store.entries("HD_1_0") == rows


def test_offsets_are_kept_for_whoever_takes_over(store, opened):
    a_sweep(store)
    commit(store, new_runs=[a_run(0), a_run(1)], offsets={"HD_1_0": 2**40})
    commit(store, offsets={"HD_1_1": 3})
    assert opened().offsets("HD_1") == {"HD_1_0": 2**40, "HD_1_1": 3}


def test_a_turn_is_there_whole_or_not_at_all(store):
    a_sweep(store)
    commit(store, new_runs=[a_run(0)])
    with pytest.raises(StoreError):
        commit(
            store,
            new_runs=[a_run(0)],  # its id is taken
            points=[("HD_1_0", Point("loss", 1.0))],
            sweep=SweepRecord("HD_1", "digits", "hyperdrive", {}, status=Status.FAILED),
            messages=[Message(1.0, "info", "no")],
        )
    assert (store.revision("HD_1"), store.sweep("HD_1").status) == (1, Status.NOT_STARTED)
    assert store.changes("HD_1")[2:4] == ([], [])
    commit(store, new_runs=[a_run(1)])  # and the store works on
    assert store.revision("HD_1") == 2


def test_a_turn_that_is_committed_again_is_written_once(store):
    a_sweep(store)
    turn = Turn(
        new_runs=[a_run(0)], points=[("HD_1_0", Point("loss", 1.0))], messages=[Message(1.0, "info", "x")]
    )
    for _ in range(2):
        store.commit("HD_1", turn)
    change = store.changes("HD_1")
    assert (change.sweep.revision, len(change.points), len(change.messages)) == (1, 1, 1)
    commit(store, points=[("HD_1_0", Point("loss", 1.0))])  # another turn, though it says the same
    assert len(store.changes("HD_1").points) == 2


def test_a_large_turn(store):
    a_sweep(store)
    points = [(f"HD_1_{n % 50}", Point("loss", float(n))) for n in range(20_000)]
    commit(store, new_runs=[a_run(n) for n in range(1_000)], points=points, handled=list(range(1_000)))
    change = store.changes("HD_1")
    assert len(change.runs) == 1_000
    assert [point.value for _, point in change.points] == [float(n) for n in range(20_000)]


# ---------------------------------------------------------------- wishes, holders, models


def test_wishes_wait_until_they_are_handled(store):
    a_sweep(store)
    a_sweep(store, "HD_2")
    store.ask("HD_1", "cancel", "HD_1_0")
    store.ask("HD_1", "set", max_total_runs=7, why="größe")
    store.ask("HD_2", "cancel")
    first, second = store.requests("HD_1")
    assert (first.wish, first.run_id, first.payload) == ("cancel", "HD_1_0", {})
    assert (second.wish, second.run_id, second.payload) == (
        "set",
        None,
        {"max_total_runs": 7, "why": "größe"},
    )
    commit(store, handled=[first.key])
    assert [request.key for request in store.requests("HD_1")] == [second.key]
    assert len(store.requests("HD_2")) == 1


ONE, TWO = Holder(10, "b1", "here"), Holder(20, "b2", "there")


def test_a_sweep_has_at_most_one_holder(store, opened):
    a_sweep(store)
    other = opened()
    assert store.holder("HD_1") is None
    assert store.hold("HD_1", ONE, None)
    assert not other.hold("HD_1", TWO, None)  # it has not seen that there is one
    assert ONE.same(other.holder("HD_1"))
    assert other.hold("HD_1", TWO, ONE)
    assert not store.hold("HD_1", ONE, ONE)
    assert TWO.same(store.holder("HD_1"))


def test_a_heartbeat_is_stamped_by_the_store_and_read_by_our_clock(store):
    a_sweep(store)
    before = time.time()
    store.hold("HD_1", ONE._replace(heartbeat=5.0), None)  # what it says of itself does not count
    first = store.holder("HD_1").heartbeat
    assert before - 0.1 <= first <= time.time() + 0.1
    time.sleep(0.05)
    store.commit("HD_1", Turn(), ONE)
    assert store.holder("HD_1").heartbeat >= first + 0.04
    assert store.hold("HD_1", TWO, ONE)  # the same process, at whichever beat it was seen


@pytest.mark.parametrize("released", [False, True])
def test_who_has_lost_the_sweep_changes_nothing(store, released):
    a_sweep(store)
    store.hold("HD_1", ONE, None)
    if released:
        store.release("HD_1", ONE)
    else:
        store.hold("HD_1", TWO, ONE)
    with pytest.raises(SweepHeld):
        store.commit("HD_1", Turn(new_runs=[a_run(0)], points=[("HD_1_0", Point("loss", 1.0))]), ONE)
    assert store.revision("HD_1") == 0 and store.changes("HD_1")[1:3] == ([], [])


def test_only_the_holder_releases(store):
    a_sweep(store)
    store.hold("HD_1", ONE, None)
    store.release("HD_1", TWO)
    assert ONE.same(store.holder("HD_1"))
    store.release("HD_1", ONE._replace(heartbeat=9.0))
    assert store.holder("HD_1") is None
    assert store.hold("HD_1", TWO, None)


def test_models_are_numbered_by_name(store):
    about = {"run_id": "HD_1_0", "tags": {"a": "b"}}
    assert [store.add_model(name, about) for name in ("net", "net", "tree", "net")] == [1, 2, 1, 3]
    assert [(model["name"], model["version"]) for model in store.models()] == [
        ("net", 3), ("net", 2), ("net", 1), ("tree", 1),
    ]  # fmt: skip
    assert store.models("tree") == [{"name": "tree", "version": 1, **about}]


# ---------------------------------------------------------------- many processes

WRITER = """
import sys
from overdrive.model.metrics import Point
from overdrive.store.base import Turn, open_store
url, run, turns = sys.argv[1], sys.argv[2], int(sys.argv[3])
store = open_store(url)
print("ready", flush=True)
sys.stdin.readline()
number = 0
while number < turns or turns < 0:
    # Two points a turn, so that half a turn would show.
    store.commit("HD_1", Turn(points=[(run, Point("a", float(number))), (run, Point("b", float(number)))],
                              offsets={"HD_1_0": number}))
    number += 1
    print(number, flush=True)
"""


def writer(url, run, turns):
    process = subprocess.Popen(
        [sys.executable, "-c", WRITER, url, run, str(turns)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout.readline() == "ready\n"
    return process


def go(process):
    process.stdin.write("\n")
    process.stdin.flush()


def test_two_processes_write_while_a_third_reads(store, url):
    a_sweep(store)
    writers = [writer(url, run, 40) for run in ("HD_1_0", "HD_1_1")]
    for process in writers:
        go(process)
    cursor, seen, revision = Cursor(), [], 0
    while any(process.poll() is None for process in writers) or store.revision("HD_1") > cursor.revision:
        change = store.changes("HD_1", cursor)
        assert change.cursor.revision >= revision
        revision, cursor = change.cursor.revision, change.cursor
        seen += change.points
        assert len(seen) == 2 * revision  # only whole turns are ever seen
    for process in writers:
        process.communicate()
        assert process.returncode == 0
    assert store.revision("HD_1") == 80
    for run in ("HD_1_0", "HD_1_1"):
        assert [point.value for at, point in seen if at == run and point.name == "a"] == list(range(40))


def test_killed_in_the_middle_of_commits_leaves_whole_turns(store, url, opened):
    a_sweep(store)
    commit(store, new_runs=[a_run(0)])
    for delay in (3, 7, 12):
        process = writer(url, "HD_1_0", -1)
        go(process)
        for _ in range(delay):
            told = process.stdout.readline()
        process.send_signal(signal.SIGKILL)
        rest = process.communicate()[0].split()
        told = int(rest[-1] if rest else told)
        change = opened().changes("HD_1")
        assert len(change.points) == 2 * (change.cursor.revision - 1)
        last = change.points[-1][1].value
        assert last + 1 >= told  # what was told to be written is written
        assert store.offsets("HD_1")["HD_1_0"] == last


def test_a_store_may_be_used_from_another_thread(store):
    a_sweep(store)
    found = []
    thread = threading.Thread(target=lambda: found.append((commit(store), store.revision("HD_1"))))
    thread.start()
    thread.join()
    assert found == [(None, 1)] and store.revision("HD_1") == 1


def test_many_processes_may_make_the_store_at_once(url):
    code = "import sys; from overdrive.store.base import open_store; open_store(sys.argv[1]).sweeps(); print('ok')"
    makers = [
        subprocess.Popen(
            [sys.executable, "-c", code, url], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        for _ in range(4)
    ]
    for maker in makers:
        out, err = maker.communicate()
        assert out == "ok\n", err


TAKER = """
import sys
from overdrive.store.base import Holder, Turn, open_store
url, pid = sys.argv[1], int(sys.argv[2])
store, me = open_store(url), Holder(pid, "b", "here")
print("ready", flush=True)
sys.stdin.readline()
print(store.hold("HD_1", me, None), flush=True)
"""


def test_of_processes_that_take_a_sweep_at_once_one_gets_it(store, url):
    a_sweep(store)
    takers = {
        pid: subprocess.Popen(
            [sys.executable, "-c", TAKER, url, str(pid)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for pid in (101, 102, 103)
    }
    for taker in takers.values():
        assert taker.stdout.readline() == "ready\n"
    for taker in takers.values():
        go(taker)
    got = [pid for pid, taker in takers.items() if taker.communicate()[0] == "True\n"]
    assert got == [store.holder("HD_1").pid]


# ---------------------------------------------------------------- stores that cannot


def test_an_unknown_scheme_names_those_there_are():
    with pytest.raises(StoreError, match="sqlite"):
        open_store("mongodb://here")


@pytest.fixture
def database(tmp_path):
    """The path of an SQLite database that holds one sweep."""
    path = tmp_path / "overdrive.db"
    store = open_store(f"sqlite:///{path}")
    a_sweep(store)
    store.close()
    return path


def test_a_newer_schema_is_refused(database):
    with sqlite3.connect(database) as connection:
        connection.execute("UPDATE overdrive SET version = version + 1")
    connection.close()
    with pytest.raises(StoreError, match="newer Overdrive") as caught:
        open_store(f"sqlite:///{database}")
    assert str(database) in str(caught.value)


def test_an_older_schema_is_brought_up_to_date(database):
    with sqlite3.connect(database) as connection:
        connection.execute("ALTER TABLE runs ADD COLUMN output_offset BIGINT NOT NULL DEFAULT 0")
        connection.execute("ALTER TABLE sweeps DROP COLUMN turn")
        for column in ("best", "intervals"):
            connection.execute(f"ALTER TABLE runs DROP COLUMN {column}")
        connection.execute("UPDATE overdrive SET version = 1")
    connection.close()
    for _ in range(2):
        store = open_store(f"sqlite:///{database}")
        with sqlite3.connect(database) as connection:
            assert connection.execute("SELECT version FROM overdrive").fetchall() == [(4,)]
            columns = [row[1] for row in connection.execute("PRAGMA table_info(runs)")]
        connection.close()
        assert {"metric_offset", "best", "intervals"} <= {*columns} and "output_offset" not in columns
        store.close()


def test_a_file_that_is_no_database(tmp_path):
    path = tmp_path / "notes.txt"
    path.write_text("not a database, only words " * 100)
    with pytest.raises(StoreError) as caught:
        open_store(f"sqlite:///{path}")
    assert str(path) in str(caught.value)


def test_a_folder_that_is_not_there(tmp_path):
    with pytest.raises(StoreError) as caught:
        open_store(f"sqlite:///{tmp_path / 'no' / 'x.db'}")
    assert str(tmp_path / "no" / "x.db") in str(caught.value)


@pytest.mark.parametrize("name", ["what?.db", "100%25.db", "a#b.db", "two words.db", "ünï.db", "a@b:c.db"])
def test_any_file_name_will_do(tmp_path, name):
    path = tmp_path / name
    store = open_store(f"sqlite:///{path}")
    a_sweep(store)
    store.close()
    assert path.is_file()


READ_ONLY = """
import sys
from overdrive.errors import StoreError
from overdrive.store.base import open_store
try:
    open_store(sys.argv[1]).ask("HD_1", "cancel")
except StoreError as error:
    print("refused", error)
"""


def test_a_database_that_may_only_be_read(database, tmp_path):
    bound = []
    if os.getuid() == 0:  # whom no mode stops, unless it gives up that right
        if shutil.which("setpriv") is None:
            pytest.skip("root may write anything")
        bound = ["setpriv", "--bounding-set=-dac_override"]
    database.chmod(0o444)
    tmp_path.chmod(0o555)
    done = subprocess.run(
        [*bound, sys.executable, "-c", READ_ONLY, f"sqlite:///{database}"], capture_output=True, text=True
    )
    tmp_path.chmod(0o755)
    assert done.stdout.startswith("refused") and str(database) in done.stdout, done.stderr


FULL = """
import json, resource, sys
from overdrive.errors import StoreError
from overdrive.model.metrics import Point
from overdrive.store.base import Turn, open_store
url, limit = sys.argv[1], int(sys.argv[2])
store = open_store(url)
import signal
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
written = 0
try:
    for _ in range(10_000):
        store.commit("HD_1", Turn(points=[("r", Point("loss", 1.0))] * 500))
        written += 1
except StoreError as error:
    said = str(error)
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
store.commit("HD_1", Turn(points=[("r", Point("loss", 2.0))]))
print(json.dumps([written, said]))
"""


def test_a_full_disk_costs_a_turn_and_never_the_file(database):
    limit = database.stat().st_size + 300_000
    done = subprocess.run(
        [sys.executable, "-c", FULL, f"sqlite:///{database}", str(limit)], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    written, said = json.loads(done.stdout)
    assert str(database) in said
    store = open_store(f"sqlite:///{database}")
    points = store.changes("HD_1").points
    assert written > 0 and len(points) == 500 * written + 1
    store.close()
    with sqlite3.connect(database) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    connection.close()


def test_sqlite_runs_in_wal_mode_and_writes_through(database):
    with sqlite3.connect(database) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    connection.close()


def test_a_writer_waits_for_another(database):
    store = open_store(f"sqlite:///{database}")
    blocker = sqlite3.connect(database, isolation_level=None, check_same_thread=False)
    blocker.execute("BEGIN IMMEDIATE")
    timer = threading.Timer(0.3, lambda: blocker.execute("COMMIT"))
    timer.start()
    began = time.monotonic()
    commit(store)
    assert time.monotonic() - began >= 0.25 and store.revision("HD_1") == 1
    timer.join()
    blocker.close()
    store.close()
