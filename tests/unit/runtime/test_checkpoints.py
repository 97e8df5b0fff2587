"""The checkpoint folder: what `latest` says, whatever happens around it, and what had been logged by then."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from overdrive.runtime.checkpoints import Kept, keep, kept_values, latest


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "checkpoints"
    made.mkdir()
    return made


def log(metrics: Path, *lines: str) -> None:
    with open(metrics, "a") as file:
        file.writelines(lines)


def acc(value: float) -> str:
    return f'{{"name": "acc", "value": {value}}}\n'


def test_nothing_was_kept(folder: Path, tmp_path: Path) -> None:
    assert latest(str(folder)) is None
    (folder / "epoch-1").write_text("half of it")
    assert latest(str(folder)) is None
    assert kept_values(str(folder), "s_0", str(tmp_path / "m")) == {}


def test_the_values_logged_before_it_was_kept_are_counted_by_name(folder: Path, tmp_path: Path) -> None:
    metrics = tmp_path / "m"
    log(metrics, acc(1), '{"name": "loss", "values": [3, 2]}\n', "torn\n", '{"name": "t", "row": {"a": 1}}\n')
    keep(str(folder), str(folder / "epoch-1"), "s_0", str(metrics))
    log(metrics, acc(2), '{"name": "late", "value": 1}\n', '{"name": "acc", "value": 3}')
    expected = {"acc": Kept(1, 3), "loss": Kept(2, 2), "late": Kept(0, 1)}
    assert kept_values(str(folder), "s_0", str(metrics)) == expected


def test_what_an_earlier_attempt_kept_contains_nothing_of_a_later_one(folder: Path, tmp_path: Path) -> None:
    metrics = tmp_path / "m"
    log(metrics, acc(1), acc(2))
    keep(str(folder), str(folder / "epoch-1"), "s_0", str(metrics))
    assert kept_values(str(folder), "s_0.1", str(metrics)) == {"acc": Kept(0, 2)}


def test_the_newest_counts_and_leaves_no_other_trace(folder: Path, tmp_path: Path) -> None:
    metrics = tmp_path / "m"
    for epoch in range(3):
        log(metrics, acc(epoch))
        (folder / f"epoch-{epoch}").touch()
        keep(str(folder), str(folder / f"epoch-{epoch}"), "s_0", str(metrics))
    assert latest(str(folder)) == str(folder.resolve() / "epoch-2")
    assert kept_values(str(folder), "s_0", str(metrics)) == {"acc": Kept(3, 3)}
    assert sorted(os.listdir(folder)) == [".kept.epoch-2", "epoch-0", "epoch-1", "epoch-2", "latest"]


def test_one_name_again_and_again(folder: Path, tmp_path: Path) -> None:
    metrics = tmp_path / "m"
    for _ in range(2):
        log(metrics, acc(1))
        (folder / "last").touch()
        keep(str(folder), str(folder / "last"), "s_0", str(metrics))
    assert kept_values(str(folder), "s_0", str(metrics)) == {"acc": Kept(2, 2)}


def test_a_folder_outside_and_names_that_break_paths(hostile_dir: Path, tmp_path: Path) -> None:
    folder, model = hostile_dir / "checkpoints", hostile_dir / "a model" / hostile_dir.name
    folder.mkdir()
    model.mkdir(parents=True)
    metrics = tmp_path / "m"
    log(metrics, acc(1))
    keep(str(folder), str(model), "s_0", str(metrics))
    assert latest(str(folder)) == str(model.resolve())
    assert kept_values(str(folder), "s_0", str(metrics)) == {"acc": Kept(1, 1)}


@pytest.mark.parametrize("mark", ["", "[]", "{}", '{"bytes": "x"}', "\xff"])
def test_a_link_of_which_nothing_is_known_counts_everything(folder: Path, tmp_path: Path, mark: str) -> None:
    metrics = tmp_path / "m"
    log(metrics, acc(1))
    (folder / "mine").touch()
    (folder / "latest").symlink_to("mine")
    (folder / ".kept.mine").write_text(mark)
    assert latest(str(folder)) == str(folder.resolve() / "mine")
    assert kept_values(str(folder), "s_0", str(metrics)) == {}


def test_killed_before_the_link_was_switched_the_old_one_counts(folder: Path, tmp_path: Path) -> None:
    metrics = tmp_path / "m"
    log(metrics, acc(1))
    (folder / "epoch-1").touch()
    keep(str(folder), str(folder / "epoch-1"), "s_0", str(metrics))
    log(metrics, acc(2))
    (folder / ".kept.epoch-2").write_text('{"job": "s_0", "bytes": 9999}')
    (folder / ".latest.77").symlink_to("epoch-2")
    assert latest(str(folder)) == str(folder.resolve() / "epoch-1")
    assert kept_values(str(folder), "s_0", str(metrics)) == {"acc": Kept(1, 2)}


def test_outside_a_sweep_only_the_link_is_made(folder: Path) -> None:
    (folder / "mine").touch()
    keep(str(folder), str(folder / "mine"), None, None)
    assert sorted(os.listdir(folder)) == ["latest", "mine"]
