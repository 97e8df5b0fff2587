"""Which printed lines hold a value of the metric, and which only look like it."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from overdrive.sources.stdout import PrintedMetric, printed_names


@pytest.mark.parametrize(
    ("line", "value"),
    [
        (b"loss=0.5", 0.5),
        (b"loss: 0.5", 0.5),
        (b"loss = 0.5", 0.5),
        (b"epoch 3, loss=0.25, accuracy=0.9", 0.25),
        (b"loss=1e-05", 1e-05),
        (b"loss=-1.5E+3", -1500.0),
        (b"loss=+.5", 0.5),
        (b"loss=3.", 3.0),
        (b"loss=7", 7.0),
        (b"loss=inf", math.inf),
        (b"loss=-inf", -math.inf),
        (b"loss=Infinity", math.inf),
        (b"[loss=0.5]", 0.5),
        (b"(loss=0.5)", 0.5),
        (b"loss=0.5;", 0.5),
        (b"\x1b[32mloss=0.5\x1b[0m", 0.5),
        (b"\x1b[1mloss\x1b[0m = \x1b[36m0.5\x1b[0m", 0.5),
        (b"The final loss: 0.5.", 0.5),
        (b"\xff\xfe loss=0.5", 0.5),  # bytes that are no text
        (b"10%|#| loss=0.9\r50%|#| loss=0.7\r100%|#| loss=0.6", 0.6),  # a progress bar redraws itself
    ],
)
def test_a_value_is_found(line, value):
    assert PrintedMetric("loss").value(line) == value


def test_nan_is_a_value():
    assert math.isnan(PrintedMetric("loss").value(b"loss=nan"))


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"loss",
        b"loss=",
        b"loss=abc",
        b"val_loss=0.5",
        b"--loss=0.5",
        b"train/loss=0.5",
        b"my.loss=0.5",
        b"losses=0.5",
        b"Loss=0.5",  # names are told apart by case
        b"LOSS=0.5",
        b"loss=0.5.6",
        b"loss=1.2abc",
        b"loss=0x10",
        b"loss=nano",
        b"loss==0.5",
    ],
)
def test_what_only_looks_like_it_is_not(line):
    assert PrintedMetric("loss").value(line) is None


@pytest.mark.parametrize("name", ["val/acc@5", "top-1 (%)", "f1*", "größe", "a.b"])
def test_any_name_is_taken_literally(name):
    printed = PrintedMetric(name)
    assert printed.value(f"step 1 {name}=0.75".encode()) == 0.75
    assert printed.value(b"axb=0.75") is None


@settings(max_examples=100, deadline=None)
@given(st.floats(allow_nan=False))
def test_what_python_prints_is_read_back_exactly(value):
    assert PrintedMetric("loss").value(f"loss={value!r}".encode()) == value


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=80))
def test_no_line_is_fatal(line):
    PrintedMetric("loss").value(line)


def test_names_that_a_text_gives_a_number_to():
    text = "epoch 3 Accuracy: 0.91 val_loss=1e-3\nhttp://host:80 at 12:30, done in 3 s"
    assert {"Accuracy", "val_loss"} <= printed_names(text)
    assert "epoch" not in printed_names(text)
