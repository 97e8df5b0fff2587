"""The run folder: its names, its metric lines, its tail and its exit file."""

from __future__ import annotations

import ast
import json
import math
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from overdrive.runtime import wire
from overdrive.runtime.wire import Exit, Record, RunFolder, Tail, encode, parse_line, read_exit, write_json

RUNTIME = Path(wire.__file__).parent


def one(line: bytes) -> Record:
    records = parse_line(line)
    assert records is not None and len(records) == 1
    return records[0]


# names ----------------------------------------------------------------------------------------------


def test_the_folder_is_made_with_outputs_and_logs_and_may_be_made_again(hostile_dir: Path) -> None:
    folder = RunFolder(hostile_dir / "runs" / "7").make()
    folder.make()
    assert sorted(os.listdir(folder.path)) == [".run", "logs", "outputs"]
    assert folder.metrics == str(hostile_dir / "runs" / "7" / ".run" / "metrics.jsonl")


def test_json_files_appear_whole_and_leave_nothing_beside_them(tmp_path: Path) -> None:
    path = tmp_path / "exit.json"
    write_json(str(path), {"code": 1})
    write_json(str(path), {"code": 0})
    assert json.loads(path.read_text()) == {"code": 0}
    assert os.listdir(tmp_path) == ["exit.json"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"code": 3, "started": 1.5, "ended": 2.5, "note": ""}', Exit(3, 1.5, 2.5)),
        ('{"code": -9}', Exit(-9, None, None)),
        ('{"code": 127, "note": "no such program"}', Exit(127, None, None, "no such program")),
        ('{"code": "0"}', None),
        ('{"code": true}', None),
        ('{"code": 0', None),
        ("[]", None),
        ("", None),
    ],
)
def test_exit_file(tmp_path: Path, text: str, expected: Exit | None) -> None:
    path = tmp_path / "exit.json"
    path.write_text(text)
    assert read_exit(str(path)) == expected


def test_no_exit_file_is_no_exit(tmp_path: Path) -> None:
    assert read_exit(str(tmp_path / "exit.json")) is None


# lines ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "record"),
    [
        (b'{"name": "loss", "value": 0.3, "step": 7}', Record("scalar", "loss", 0.3, 7.0)),
        (b'{"name":"loss","value":3}', Record("scalar", "loss", 3.0)),
        (b'{"value":1e-3,"name":"a b","time":12.5,"more":[1]}', Record("scalar", "a b", 0.001, None, 12.5)),
        (b'{"name":"loss","value":"0.25"}\r', Record("scalar", "loss", 0.25)),
        (b'{"name":"loss","value":" 1e3 ","step":"2"}', Record("scalar", "loss", 1000.0, 2.0)),
        (b'{"name":"hit","value":true}', Record("scalar", "hit", 1.0)),
        (b'{"name":"x","value":Infinity}', Record("scalar", "x", math.inf)),
        (b'{"name":"x","value":"-inf"}', Record("scalar", "x", -math.inf)),
        (b'{"name":"x","value":"Infinity"}', Record("scalar", "x", math.inf)),
        (b'{"name":"x","value":1' + b"0" * 400 + b"}", Record("scalar", "x", math.inf)),
        (b'{"name":"x","value":1,"step":"seven"}', Record("scalar", "x", 1.0)),
        (b'\xef\xbb\xbf{"name":"x","value":1}', Record("scalar", "x", 1.0)),
        ('{"name":"größe","value":1}'.encode(), Record("scalar", "größe", 1.0)),
        (b'{"name":"kernel","value":"rbf"}', Record("text", "kernel", "rbf")),
        (b'{"name":"tag","value":"1_000"}', Record("text", "tag", "1_000")),
        (b'{"name":"roc","row":{"fpr":0.1}}', Record("row", "roc", {"fpr": 0.1})),
        (b'{"name":"roc","table":{"fpr":[0,1]}}', Record("table", "roc", {"fpr": [0, 1]})),
        (b'{"name":"p","image":"outputs/images/p.png"}', Record("image", "p", "outputs/images/p.png")),
    ],
)
def test_a_line_from_any_language(line: bytes, record: Record) -> None:
    assert one(line) == record


@pytest.mark.parametrize("value", [b"NaN", b'"nan"', b'"NaN"', b"null"])
def test_not_a_number_in_every_spelling(value: bytes) -> None:
    record = one(b'{"name":"x","value":' + value + b"}")
    assert record.kind == "scalar" and math.isnan(record.value)


def test_several_values_in_one_line_keep_their_order() -> None:
    assert parse_line(b'{"name":"a","values":[3,"1",2.5],"time":9}') == [
        Record("scalar", "a", 3.0, None, 9.0),
        Record("scalar", "a", 1.0, None, 9.0),
        Record("scalar", "a", 2.5, None, 9.0),
    ]


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"loss=0.3",
        b'{"name":"loss","val',
        b'{"name":"loss","value":0.3}{"name":"loss","value":0.4}',
        b'{"name":"loss","value":\xff}',
        '{"name":"loss","value":1}'.encode("utf-16"),
        b"[1]",
        b"7",
        b"null",
        b'{"name":"loss"}',
        b'{"name":"","value":1}',
        b'{"name":7,"value":1}',
        b'{"value":1}',
        b'{"name":"x","value":[1]}',
        b'{"name":"x","value":{}}',
        b'{"name":"x","values":3}',
        b'{"name":"x","values":[1,[2]]}',
        b'{"name":"x","row":[1]}',
        b'{"name":"x","table":{"a":1}}',
        b'{"name":"x","image":7}',
        b'{"name":"x","value":' + b"[" * 100_000,
        b"\0" * 100,
    ],
)
def test_torn_and_foreign_lines_are_none(line: bytes) -> None:
    assert parse_line(line) is None


@settings(max_examples=200)
@given(st.binary(max_size=60) | st.text(max_size=40).map(lambda text: text.encode("utf-8", "surrogatepass")))
def test_no_line_raises(line: bytes) -> None:
    parse_line(line)
    parse_line(b'{"name":"x","value":' + line + b"}")


@settings(max_examples=100)
@given(st.text(min_size=1), st.floats(allow_nan=False), st.none() | st.integers(0, 10**9))
def test_what_is_encoded_is_one_line_and_parsed_back(name: str, value: float, step: int | None) -> None:
    line = encode({"name": name, "value": value, "step": step})
    assert line.endswith(b"\n") and line.count(b"\n") == 1
    assert one(line) == Record("scalar", name, value, step)


# tail -----------------------------------------------------------------------------------------------


def append(path: Path, data: bytes) -> None:
    with path.open("ab") as file:
        file.write(data)


def test_only_new_whole_lines_are_read(tmp_path: Path) -> None:
    path = tmp_path / "m"
    tail = Tail(path)
    assert tail.read() == [] and tail.offset == 0
    append(path, b"a\nb\nc")
    assert tail.read() == [b"a", b"b"] and tail.offset == 4
    assert tail.read() == [] and tail.offset == 4
    append(path, b"c\n\n")
    assert tail.read() == [b"cc", b""]
    assert tail.offset == 8 == path.stat().st_size


def test_an_unfinished_last_line_counts_when_nothing_more_can_come(tmp_path: Path) -> None:
    path = tmp_path / "m"
    append(path, b"a\nb")
    tail = Tail(path)
    assert tail.read() == [b"a"]
    assert tail.read(final=True) == [b"b"]
    assert tail.read(final=True) == [] and tail.offset == 3


def test_a_later_tail_goes_on_from_the_offset(tmp_path: Path) -> None:
    path = tmp_path / "m"
    append(path, b"a\nb\nc\n")
    assert Tail(path, 2).read() == [b"b", b"c"]
    assert Tail(path, 6).read() == []


def test_a_file_cut_short_is_read_from_its_start(tmp_path: Path) -> None:
    path = tmp_path / "m"
    append(path, b"first\nsecond\n")
    tail = Tail(path)
    tail.read()
    path.write_bytes(b"new\n")
    assert tail.read() == [b"new"]
    path.unlink()
    assert tail.read() == []


def test_a_large_file_comes_in_bounded_chunks(tmp_path: Path) -> None:
    path = tmp_path / "m"
    line = b"x" * 99 + b"\n"
    append(path, line * 30_000)
    tail, lines, calls = Tail(path), 0, 0
    while True:
        found = tail.read()
        assert sum(map(len, found)) <= wire.CHUNK
        lines, calls = lines + len(found), calls + 1
        if not tail.behind:
            break
    assert lines == 30_000 and calls == 3 and tail.offset == 3_000_000


def test_an_endless_line_is_passed_over_and_counted(tmp_path: Path) -> None:
    path = tmp_path / "m"
    append(path, b"a\n" + b"y" * (3 * wire.CHUNK) + b"\nb\n")
    tail = Tail(path)
    found = tail.read()
    while tail.behind:
        found += tail.read()
    assert found == [b"a", b"b"] and tail.skipped == 1
    assert tail.offset == path.stat().st_size


@settings(max_examples=50)
@given(st.lists(st.binary(max_size=8), max_size=8))
def test_however_it_grows_each_line_comes_once(
    tmp_path_factory: pytest.TempPathFactory, pieces: list[bytes]
) -> None:
    path = tmp_path_factory.mktemp("tail") / "m"
    tail, found = Tail(path), []
    for piece in pieces:
        append(path, piece)
        found += tail.read()
    whole = b"".join(pieces)
    assert found == whole.split(b"\n")[:-1]
    assert tail.offset == whole.rfind(b"\n") + 1


# the promise to strangers' interpreters ---------------------------------------------------------------


@pytest.mark.parametrize("path", sorted(RUNTIME.rglob("*.py")), ids=lambda path: path.name)
def test_the_runtime_is_python_3_8_and_standard_library(path: Path) -> None:
    tree = ast.parse(path.read_text(), feature_version=(3, 8))
    for node in ast.walk(tree):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            names = [node.module or ""]
        for name in names:
            assert name.partition(".")[0] in sys.stdlib_module_names, f"{path.name} imports {name}"


def test_the_runtime_imports_nothing_heavy() -> None:
    code = "import sys, overdrive.runtime.context; print(*sys.modules)"
    out = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()
    bare = subprocess.run(
        [sys.executable, "-c", "import sys; print(*sys.modules)"], capture_output=True, text=True
    )
    ours = {name for name in out if name.startswith("overdrive")}
    runtime = {"overdrive.runtime", "overdrive.runtime.wire", "overdrive.runtime.context"}
    assert ours == {"overdrive", "overdrive.errors", *runtime}
    heavy = {"asyncio", "subprocess", "socket", "tempfile", "logging", "pathlib", "shutil", "uuid", "inspect"}
    assert not (heavy & set(out)) - set(bare.stdout.split())
