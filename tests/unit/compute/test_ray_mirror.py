"""Files of a run on their way home: whatever a script does to them, home has the same in the end."""

import os
from pathlib import Path

import pytest

from overdrive.compute.ray import mirror
from overdrive.compute.ray.mirror import Mirror, keep
from overdrive.runtime.wire import RunFolder, write_json


@pytest.fixture
def pair(tmp_path, monkeypatch):
    """A run on its node and at home."""
    monkeypatch.setattr(mirror, "SEARCH", 0.0)
    monkeypatch.setattr(mirror, "SHARE", 0)
    return Pair(tmp_path)


class Pair:
    def __init__(self, folder: Path) -> None:
        self.node, self.home = folder / "node", folder / "home"
        self.own = RunFolder(self.node).make()
        self.mirror = Mirror({"run": str(self.node)}, {"train.py": 5, "data.csv": 2, "link": -1})
        (self.node / "train.py").write_text("pass\n")
        (self.node / "data.csv").write_text("1\n")
        (self.node / "link").symlink_to("data.csv")
        write_json(self.own.job, {"pid": 1, "started": os.stat(self.node / "data.csv").st_ctime + 1})

    def send(self, over=False, budget=mirror.BATCH):
        """What travels at this look, by path."""
        pieces = self.mirror.pieces(over, budget)
        for piece in pieces:
            keep(piece, {"run": str(self.home)})
        return [piece.path for piece in pieces]

    def end(self):
        write_json(self.own.exit, {"code": 0})
        while not self.mirror.finished:
            self.send(over=True)

    def same(self):
        """Whether home has all files of the node but those of the source."""
        left_out = {"train.py", "data.csv", "link"}
        files = [p.relative_to(self.node) for p in self.node.rglob("*") if p.is_file() or p.is_symlink()]
        kept = {p.relative_to(self.home) for p in self.home.rglob("*") if p.is_file() or p.is_symlink()}
        sent = {path for path in files if str(path) not in left_out}
        return sent == kept and all(
            (self.node / p).read_bytes() == (self.home / p).read_bytes() for p in sent
        )


def test_what_grows_travels_as_it_grows_and_nothing_travels_twice(pair):
    metrics = Path(pair.own.metrics)
    metrics.write_text("1\n")
    assert sorted(pair.send()) == [".run/job.json", ".run/metrics.jsonl"]
    assert pair.send() == []
    with metrics.open("a") as file:
        file.write("2\n")
    (piece,) = pair.mirror.pieces(False)
    assert (piece.data, piece.offset, piece.kind) == (b"2\n", 2, "grown")
    keep(piece, {"run": str(pair.home)})
    pair.end()
    assert pair.same() and (pair.home / ".run" / "exit.json").exists()


def test_files_that_are_replaced_shrink_vanish_or_are_links(pair):
    out = pair.node / "outputs"
    (out / "a").write_bytes(b"x" * 100)
    (out / "gone").write_text("gone")
    (out / "latest").symlink_to("a")
    pair.send()
    assert os.readlink(pair.home / "outputs" / "latest") == "a"
    (out / "a").write_bytes(b"y" * 10)
    (out / "gone").unlink()
    (out / "latest").unlink()
    (out / "latest").symlink_to("b")
    (out / "b.new").write_text("b")
    (out / "b.new").rename(out / "b")
    pair.send()
    assert pair.same()
    pair.end()
    assert pair.same()


def test_a_file_that_was_rewritten_while_it_grew_is_right_in_the_end(pair):
    path = pair.node / "outputs" / "table"
    path.write_bytes(b"0" * 10)
    pair.send()
    with path.open("r+b") as file:  # the same file, longer, and another beginning
        file.write(b"1" * 20)
    pair.send()
    pair.end()
    assert path.read_bytes() == b"1" * 20 and pair.same()


def test_a_large_file_arrives_whole_or_not_at_all(pair, monkeypatch):
    monkeypatch.setattr(mirror, "PIECE", 1000)
    (pair.node / "outputs" / "model").write_bytes(bytes(range(250)) * 20)
    target = pair.home / "outputs" / "model"
    while not target.exists():
        assert pair.send(budget=1)
    assert target.read_bytes() == bytes(range(250)) * 20
    pair.end()
    assert pair.same()


def test_the_source_stays_where_it_came_from_unless_it_is_changed(pair):
    assert pair.send() == [".run/job.json"]
    (pair.node / "data.csv").write_text("1\n2\n")
    assert pair.send() == ["data.csv"]


def test_a_script_that_clears_its_metrics_starts_anew(pair):
    Path(pair.own.metrics).write_text("1\n2\n")
    pair.send()
    Path(pair.own.metrics).write_text("3\n")
    pair.send()
    assert (pair.home / ".run" / "metrics.jsonl").read_text() == "3\n"
