# ruff: noqa: E501 (lines as programs print them)
"""Objects of numbers, as programs write them line by line."""

import math

import pytest

from overdrive.sources.jsonlines import points_in


@pytest.mark.parametrize(
    ("line", "found", "step"),
    [
        (b'{"step": 3, "loss": 0.3, "eval": {"acc": 0.9}}', {"loss": 0.3, "eval/acc": 0.9}, 3),
        (b'{"name": "loss", "value": 0.3, "step": 7}', {"loss": 0.3}, 7),
        # fairseq: behind a prefix, numbers as text
        (b'2024-05-01 | INFO | train | {"epoch": 1, "train_loss": "2.3", "train_wall": "9"}', {"train_loss": 2.3, "train_wall": 9}, 1),
        # DETR's log.txt
        (b'{"train_lr": 1e-4, "train_loss": 12.5, "test_coco_eval_bbox": [0.1, 0.2], "epoch": 0}', {"train_lr": 1e-4, "train_loss": 12.5}, 0),
        (b'{"loss": -Infinity, "ok": true, "who": "me", "none": null, "big": "1_000"}', {"loss": -math.inf}, None),
        (b'{"timestamp": 1700000000, "acc": 1}', {"acc": 1}, None),
        (b'[1, 2]', {}, None),
        (b'{"loss": 0.3', {}, None),
        (b'{' * 9000 + b'}', {}, None),
        (b'\xff{"loss": 0.3}', {"loss": 0.3}, None),
        (b'{"loss": 1' + b'0' * 400 + b'}', {}, None),
    ],
)  # fmt: skip
def test_lines(line, found, step):
    points = points_in(line, 5.0)
    assert {point.name: point.value for point in points} == found
    assert {point.step for point in points} <= {step}
