"""Who says what comes after a run in its place."""

from pathlib import Path

from overdrive.compute.node import settle
from overdrive.runtime.wire import RunFolder, read_json


def test_the_first_who_says_what_comes_next_decides(tmp_path: Path) -> None:
    taken, left = (RunFolder(str(tmp_path / name)).make() for name in ("taken", "left"))
    assert settle(taken, "/runs/7") and not settle(taken, None) and not settle(taken, "/runs/8")
    assert read_json(taken.next) == "/runs/7"
    assert settle(left, None) and not settle(left, "/runs/7")
    assert sorted(path.name for path in Path(left.own).iterdir()) == ["next.json"]
