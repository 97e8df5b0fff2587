"""Event files that real writers wrote: tensorboardX 2.6, and TensorBoard 2.20 as Keras's callback uses it."""

import math
from pathlib import Path

from overdrive.sources.tensorboard import EventFile

DATA = Path(__file__).parents[2] / "data" / "tensorboard"


def test_scalars_of_tensorboardx():
    points = EventFile(str(DATA / "events.out.tfevents.1.tensorboardX")).read()
    assert [(p.step, p.value) for p in points if p.name == "val/acc"] == [(0, 0.5), (1, 0.6), (2, 0.7)]
    losses = [p.value for p in points if p.name == "loss"]
    assert losses[:2] == [1.0, 0.5]
    assert abs(losses[2] - 1 / 3) < 1e-7
    assert math.isnan(losses[3])
    assert {p.name for p in points} == {"val/acc", "loss"}  # no histogram, no text


def test_keras_writes_tensors_and_one_tag_in_two_folders():
    train, validation = (next((DATA / "keras" / part).iterdir()) for part in ("train", "validation"))
    points = EventFile(str(train)).read() + EventFile(str(validation)).read()
    assert [(p.name, p.step, round(p.value, 6)) for p in points] == [
        ("train/epoch_loss", 0, 1.0), ("train/epoch_loss", 1, 0.5), ("train/epoch_loss", 2, 0.333333),
        ("validation/epoch_loss", 0, 2.0), ("validation/epoch_loss", 1, 1.0), ("validation/epoch_loss", 2, 0.666667),
    ]  # fmt: skip
    assert [p.time for p in points[:3]] == [1.7e9, 1.7e9 + 1, 1.7e9 + 2]


def test_damage_ends_the_reading_and_nothing_else(tmp_path):
    whole = (DATA / "events.out.tfevents.1.tensorboardX").read_bytes()
    for cut in range(0, len(whole), 7):
        for data in (whole[:cut], whole[:cut] + b"\xff" + whole[cut + 1 :]):
            path = tmp_path / f"events.out.tfevents.{cut}"
            path.write_bytes(data)
            reader = EventFile(str(path))
            assert len(reader.read()) <= 8
            reader.read()
