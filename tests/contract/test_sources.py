"""What every source of metrics keeps to, whatever a program has written."""

import json
import math
import random
import struct

import pytest

from overdrive.runtime.wire import RunFolder
from overdrive.sources.base import SOURCES, Place
from overdrive.sources.tensorboard import _masked_crc


def event(name, value, step):
    """A TFRecord of one scalar, as tensorboardX writes it."""

    def field(number, data):
        return bytes([number << 3 | 2, len(data)]) + data

    scalar = field(1, name.encode()) + b"\x15" + struct.pack("<f", value)
    data = b"\x09" + struct.pack("<d", 1.7e9 + step) + bytes([0x10, step]) + field(5, field(1, scalar))
    head = struct.pack("<Q", len(data))
    return head + struct.pack("<I", _masked_crc(head)) + data + struct.pack("<I", _masked_crc(data))


def as_json(name, value, step):
    return json.dumps({"step": step, name: value}).encode() + b"\n"


def as_text(name, value, step):
    return f"epoch {step}: {name}={value!r}\n".encode()


FORMS = {  # where a source looks, and how a value stands there
    "tensorboard": ("logs/events.out.tfevents.1", b"", event),
    "jsonfiles": ("outputs/metrics.jsonl", b"", as_json),
    "csvfiles": (
        "logs/metrics.csv",
        b"step,loss\n",
        lambda name, value, step: f"{step},{value!r}\n".encode(),
    ),
    "jsonlines": (".run/stdout.txt", b"", as_json),
    "stdout": (".run/stdout.txt", b"", as_text),
    "stderr": (".run/stderr.txt", b"", as_text),
}
VALUES = [0.5, 0.25, 1e-3, math.nan, -2.0, 0.5]


class Desk:
    """One source and the file that it reads."""

    def __init__(self, name, folder):
        self.name = name
        self.folder = RunFolder(folder / "run").make()
        where, self.head, self.line = FORMS[name]
        self.path = folder / "run" / where
        self.path.parent.mkdir(exist_ok=True)
        (folder / "run" / ".run" / "stdout.txt").touch()

    def source(self, snapshot=None):
        made = SOURCES.load(self.name)(Place(self.folder, snapshot, "loss"))
        if hasattr(made, "_files"):  # files are looked at now and then only; here always
            look = made._files.look
            made._files.look = lambda final: look(True)
        return made

    def write(self, data):
        with open(self.path, "ab") as file:
            file.write(data)

    def whole(self, values=VALUES):
        return self.head + b"".join(self.line("loss", value, step) for step, value in enumerate(values))


def read(source, final=False):
    points = source.read(final)
    while source.behind:
        points += source.read(final)
    return points


def losses(points):
    return [point.value for point in points if point.name == "loss"]


@pytest.fixture(params=SOURCES.names())
def desk(request, hostile_dir):
    return Desk(request.param, hostile_dir)


def same(found, expected):
    assert found == pytest.approx(expected, nan_ok=True)


def test_values_are_found_in_order_with_their_steps(desk):
    desk.write(desk.whole())
    points = read(desk.source(), final=True)
    same(losses(points), VALUES)
    assert [point.step for point in points if point.name == "loss"] == list(range(len(VALUES)))
    assert {point.name for point in points} == {"loss"}


def test_nothing_is_there_yet(desk):
    source = desk.source()
    assert read(source) == []
    desk.path.unlink(missing_ok=True)
    assert read(source, final=True) == []


def test_each_value_comes_once_however_the_bytes_arrive(desk):
    source, whole, found = desk.source(), desk.whole(), []
    numbers = random.Random(1)
    while whole:
        some = numbers.randint(1, 40)
        desk.write(whole[:some])
        whole = whole[some:]
        found += losses(read(source))
    same(found + losses(read(source, final=True)), VALUES)
    assert losses(read(source, final=True)) == []


def test_a_new_source_tells_the_same_again(desk):
    desk.write(desk.whole())
    first, again = read(desk.source(), final=True), read(desk.source(), final=True)
    assert [p.name for p in first] == [p.name for p in again]
    same(losses(first), losses(again))


def test_no_bytes_are_fatal_and_what_is_whole_is_found(desk):
    numbers = random.Random(2)
    desk.write(desk.whole([1.0]))
    source = desk.source()
    for size in (1, 10, 1000, 100_000):
        desk.write(numbers.randbytes(size) + b"\n{}\n[\n\x1b[31m\r\b\x00\xff\n" + b"{" * size + b"\n")
        read(source)
    assert losses(read(source, final=True))[:1] in ([], [1.0])


def test_a_long_line_without_end_is_passed_over(desk):
    if desk.name == "tensorboard":
        pytest.skip("has no lines")
    source = desk.source()
    desk.write(desk.whole([1.0]))
    for _ in range(12):
        desk.write(b"x" * 2**20)
        assert set(losses(read(source))) <= {1.0}
    desk.write(b"\n" + desk.line("loss", 2.0, 1))
    assert losses(read(source, final=True))[-1:] == [2.0]


def test_thousands_of_names_are_too_many(desk):
    if desk.name == "csvfiles":
        names = [f"n{number}" for number in range(5000)]
        desk.write((",".join(["loss", *names]) + "\n" + ",".join(["1"] * 5001) + "\n").encode())
    else:
        desk.write(b"".join(desk.line(f"n{number}", 1.0, 1) for number in range(5000)))
        desk.write(desk.line("loss", 1.0, 1))
    points = read(desk.source(), final=True)
    assert losses(points) == [1.0]
    assert len({point.name for point in points}) <= 1001


def test_what_came_with_the_source_is_no_value_of_the_run(desk, tmp_path):
    where = FORMS[desk.name][0]
    if where.startswith(".run"):
        pytest.skip("is the run's own from the beginning")
    snapshot = tmp_path / "snapshot"
    (snapshot / where).parent.mkdir(parents=True)
    (snapshot / where).write_bytes(desk.whole([7.0, 8.0]))
    desk.write(desk.whole([7.0, 8.0]))
    source = desk.source(str(snapshot))
    assert losses(read(source)) == []
    desk.write(desk.line("loss", 9.0, 2))
    assert losses(read(source)) == [9.0]
    desk.path.write_bytes(desk.whole([5.0]))  # opened anew by another run's program
    assert losses(read(desk.source(str(snapshot)))) == [5.0]
