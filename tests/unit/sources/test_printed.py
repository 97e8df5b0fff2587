# ruff: noqa: E501 (lines as programs print them)
"""Which printed lines hold a value of the metric, and which only look like it."""

import math
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from overdrive.sources.output import Output, Piece
from overdrive.sources.printed import Lines, PrintedMetric, values_in


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
        (b"The final loss: 0.5.", 0.5),
        (b"\xff\xfe loss=0.5", 0.5),  # bytes that are no text
        (b"Loss 1.0 (best loss 0.5)", 0.5),
        (b"loss -> .5", 0.5),
        (b"loss is 0.5", 0.5),
        (b"| loss | 0.5 |", 0.5),
        (b"{'loss': '0.5'}", 0.5),
        (b"loss: 50/100 (50%)", 0.5),
        (b"loss: 3/10", 3.0),
    ],
)
def test_a_value_is_found(line, value):
    assert PrintedMetric("loss").value(line.decode("utf-8", "replace")) == value


def test_nan_is_a_value():
    assert math.isnan(PrintedMetric("loss").value("loss=nan"))


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
    assert PrintedMetric("loss").value(line.decode()) is None


@pytest.mark.parametrize("name", ["val/acc@5", "top-1 (%)", "f1*", "größe", "a.b"])
def test_any_name_is_taken_literally(name):
    printed = PrintedMetric(name)
    assert printed.value(f"step 1 {name}=0.75") == 0.75
    assert printed.value("axb=0.75") is None


@settings(max_examples=100, deadline=None)
@given(st.floats(allow_nan=False))
def test_what_python_prints_is_read_back_exactly(value):
    assert PrintedMetric("loss").value(f"loss={value!r}") == value


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=80), st.booleans())
def test_no_line_is_fatal(text, ended):
    Lines("loss").feed(Piece(text, ended))


def readings(metric, *lines):
    """What is read from these lines: (values, step) of each."""
    reader = Lines(metric)
    found = [reading for line in lines for reading in reader.feed(Piece(line, True))]
    return [(reading.values, reading.step) for reading in found]


@pytest.mark.parametrize(
    ("line", "values", "step"),
    [
        ("epoch 3, train_loss=0.25, val_acc: 91.2%", {"train_loss": 0.25, "val_acc": 91.2}, 3),
        # Keras 3, verbose=2
        ("938/938 - 2s - 2ms/step - accuracy: 0.91 - loss: 0.3 - val_loss: 0.2", {"accuracy": 0.91, "loss": 0.3, "val_loss": 0.2}, None),
        # Hugging Face's Trainer; numbers are text in newer versions
        ("{'eval_loss': 0.31, 'eval_f1': 0.5, 'epoch': 2.0}", {"eval_loss": 0.31, "eval_f1": 0.5}, 2),
        ("{'loss': '0.3112', 'grad_norm': '2.5', 'learning_rate': '5e-05', 'epoch': '1'}", {"loss": 0.3112, "grad_norm": 2.5, "learning_rate": 5e-05}, 1),
        ("{'loss': np.float64(0.5), 'acc': tensor(0.25)}", {"loss": 0.5, "acc": 0.25}, None),
        # XGBoost 3: train, cv
        ("[12]\ttrain-rmse:0.45757\teval-auc:0.98412", {"train-rmse": 0.45757, "eval-auc": 0.98412}, 12),
        ("[0]\ttrain-logloss:0.46129+0.00252\ttest-logloss:0.48638+0.00761", {"train-logloss": 0.46129, "test-logloss": 0.48638}, 0),
        # LightGBM 4
        ("[1]\ttraining's auc: 0.986058\tvalid_1's binary_logloss: 0.5659", {"training-auc": 0.986058, "valid_1-binary_logloss": 0.5659}, 1),
        # CatBoost
        ("10:\tlearn: 0.62\ttest: 0.61\tbest: 0.60 (9)\ttotal: 50ms\tremaining: 5s", {"learn": 0.62, "test": 0.61, "best": 0.6}, 10),
        # scikit-learn 1.9
        ("[CV 1/2] END ...........C=1;, score=(train=0.926, test=0.874) total time=   0.0s", {"score": 0.874}, None),
        ("[CV 1/2] END ....C=1; accuracy: (test=0.874) f1: (test=0.908) total time=   0.0s", {"accuracy": 0.874, "f1": 0.908}, None),
        ("Iteration 3, loss = 12.64117108", {"loss": 12.64117108}, 3),
        ("Iteration 1, inertia 83268731.75203794.", {"inertia": 83268731.75203794}, 1),
        # PyTorch's examples: mnist, imagenet; nanoGPT
        ("Test set: Average loss: 0.0267, Accuracy: 9913/10000 (99%)", {"Average loss": 0.0267, "Accuracy": 0.9913}, None),
        (" * Acc@1 76.130 Acc@5 92.862", {"Acc@1": 76.13, "Acc@5": 92.862}, None),
        ("step 250: train loss 2.4100, val loss 2.5031", {"train loss": 2.41, "val loss": 2.5031}, 250),
        # Python's logging
        ("2024-05-01 12:30:45,123 INFO trainer: valid/acc=0.5", {"valid/acc": 0.5}, None),
        ("loss: 1,234.5 is no number that we know, nor is b=1,2", None, None),
        ("[LightGBM] [Info] Start training from score 0.271658", None, None),
        ("http://host:80 at 12:30, done in 3 s", None, None),
    ],
)  # fmt: skip
def test_what_libraries_print(line, values, step):
    assert readings("", line) == ([] if values is None else [(values, step)])


def test_names_with_blanks_are_found_when_they_are_the_metric():
    line = "train accuracy: 0.9 Validation score: 0.631579"
    assert readings("Validation score", line)[0][0]["Validation score"] == 0.631579
    assert readings("valid_0's auc", "[1]\tvalid_0's auc: 0.9")[0][0]["valid_0's auc"] == 0.9


def test_lightgbm_repeats_its_best_iteration_and_it_counts_once():
    lines = [
        "[1]\tvalid_0's l2: 0.5",
        "[2]\tvalid_0's l2: 0.4",
        "Did not meet early stopping. Best iteration is:",
    ]
    assert [values for values, _ in readings("valid_0-l2", *lines, lines[1])] == [
        {"valid_0-l2": 0.5},
        {"valid_0-l2": 0.4},
    ]


@pytest.mark.parametrize(
    ("head", "row", "values"),
    [
        # fastai; scikit-learn's gradient boosting; spaCy
        ("epoch     train_loss  valid_loss  accuracy  time    ", "0         1.234       0.9         0.8       00:10     ", {"train_loss": 1.234, "valid_loss": 0.9, "accuracy": 0.8}),
        ("      Iter       Train Loss   Remaining Time ", "         1           1.1461            0.02s", {"Train Loss": 1.1461}),
        ("E    #       LOSS NER  ENTS_F  SCORE ", "  0     200     48.39    71.00    0.71", {"E": 0, "LOSS NER": 48.39, "ENTS_F": 71.0, "SCORE": 0.71}),
        # PyTorch Lightning's tables of test metrics, plain and by rich
        ("       Test metric             DataLoader 0", "        test_acc            0.9123", {"test_acc": 0.9123}),
        ("┃        Test metric        ┃       DataLoader 0        ┃", "│         test_acc          │    0.9123000144958496     │", {"test_acc": 0.9123000144958496}),
    ],
)  # fmt: skip
def test_tables(head, row, values):
    assert [found for found, _ in readings("", head, "---  ------  ------", row)] == [values]


def pieces(tmp_path, *chunks):
    path = tmp_path / "out"
    path.touch()
    output, found = Output(path), []
    for chunk in chunks:
        with path.open("ab") as file:
            file.write(chunk)
        found.append(output.pieces())
    return [*found, output.pieces(final=True)]


def test_a_line_that_is_drawn_over_is_one_reading(tmp_path):
    # Keras 3, verbose=1, into a pipe: colours, backspaces, a carriage return, the line's end after the validation.
    bar = (
        b"\x1b[1m%d/2\x1b[0m \x1b[32m\xe2\x94\x81\x1b[0m \x1b[1m0s\x1b[0m 9ms/step - loss: %.1f"
        + b"\b" * 40
        + b"\r"
    )
    keras = b"Epoch 1/2\n" + bar % (1, 0.9) + bar % (2, 0.8) + b"2/2 1s - loss: 0.8 - val_loss: 0.5\n"
    lines = Lines("val_loss")
    found = [reading for batch in pieces(tmp_path, keras) for piece in batch for reading in lines.feed(piece)]
    assert [reading.values for reading in found] == [{"loss": 0.8, "val_loss": 0.5}]


def test_all_epochs_over_one_line_are_a_reading_each(tmp_path):
    # PyTorch Lightning's bar: one line for the whole training, the last value shown until the next comes.
    bar = [f"\rEpoch {e}: {p}%|##| 9/9 [00:01, val_loss={v}]".encode() for e, p, v in
           [(0, 50, 9.0), (0, 100, 0.5), (1, 10, 0.5), (1, 100, 0.4)]]  # fmt: skip
    lines = Lines("val_loss")
    batches = pieces(tmp_path, *bar, b"\n")
    found = [[r.values["val_loss"] for piece in batch for r in lines.feed(piece)] for batch in batches]
    assert [value for batch in found for value in batch] == [0.5]
    assert found[-3] or found[-4]  # the first is told while the second epoch runs
    assert [reading.values for reading in lines.finish()] == [{"val_loss": 0.4}]


@pytest.mark.parametrize(
    ("file", "metric", "values"),
    [
        ("lightning", "val_loss", [5.33, 4.89, 4.49, 4.12]),  # a bar for the validation is drawn below the epoch's
        ("lightning", "train_loss", [5.29, 4.86, 4.46, 4.10]),
        ("fastai", "valid_loss", [0.776536, 0.767563, 0.762648]),  # bars are drawn between the rows of the table
        ("stable-baselines", "rollout/ep_rew_mean", [20.2, 20.8]),
        ("stable-baselines", "ep_rew_mean", [20.2, 20.8]),
        ("keras", "accuracy", [0.5, 0.5885]),  # and not the `Test accuracy` after them
        ("keras", "Test accuracy", [0.63671875]),
        ("trainer", "eval_loss", [0.6929, 0.6925, 0.6924, 0.6923803687095642]),
        ("scikit-learn", "Validation score", [0.684211, 0.789474, 0.842105, 0.877193, 0.877193, 0.912281, 0.912281, 0.947368]),
        ("scikit-learn", "macro avg/f1-score", [0.94]),
        ("catboost", "test", [0.5997655, 0.1734173, 0.1110598, 0.095123]),
    ],
)  # fmt: skip
def test_what_real_programs_have_printed(file, metric, values):
    lines, path = Lines(metric), Path(__file__).parents[2] / "data" / "printed" / f"{file}.txt"
    found = [reading for piece in Output(path).pieces(final=True) for reading in lines.feed(piece)]
    found += lines.finish()
    assert [reading.values[metric] for reading in found if metric in reading.values] == values


def test_a_word_before_the_name_is_part_of_it_where_the_name_stands_alone_too():
    line = "Train loss: 0.5 | Val loss: 0.25"
    assert readings("", line) == [({"Train loss": 0.5, "Val loss": 0.25}, None)]
    assert readings("loss", line)[0][0]["loss"] == 0.25  # nothing else is called loss
    assert [values.get("loss") for values, _ in readings("loss", "loss=0.4", line)] == [0.4, None]


def test_half_a_line_waits_and_ends_are_not_torn(tmp_path):
    assert pieces(tmp_path, b"a=1", b"2\r", b"\nb=3\nc=4") == [
        [],
        [],
        [Piece("a=12", True), Piece("b=3", True)],
        [Piece("c=4", True)],
    ]


def test_long_hostile_lines_take_linear_time():
    import time

    lines = Lines("val loss")
    for text in [
        "a",
        "a ",
        "loss=",
        "'",
        "a=1,",
        "0",
        "a.",
        "x's ",
        "'a",
        "test=(",
        "1  ",
        "loss ",
        "| ",
        "-",
        "np.float(",
        "epoch ",
    ]:
        began = time.process_time()
        lines.feed(Piece(text * (60_000 // len(text)), True))
        assert time.process_time() - began < 3, text


def test_every_name_of_a_line():
    assert {"Accuracy", "val_loss"} <= dict(values_in("epoch 3 Accuracy: 0.91 val_loss=1e-3")).keys()
