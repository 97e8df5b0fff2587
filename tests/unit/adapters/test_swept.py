"""Which words of a command vary, under which names, and what stays as it is."""

import pytest

from overdrive.adapters.swept import goal_of, swept
from overdrive.errors import ConfigError
from overdrive.model.expressions import choice, loguniform, uniform
from overdrive.model.metrics import PrimaryMetricGoal


def test_flags_keys_and_places_give_the_names():
    words = ["python", "train.py", "--lr", "loguniform(-9, -2)", "--wd=uniform(0, 1)", "-l", "choice(1, 2)"]
    found = swept([*words, "+opt.lr=uniform(0, 1)", "data", "choice(a, b)", "--end"])
    assert found.words == [
        "python", "train.py", "--lr", "${{search_space.lr}}", "--wd=${{search_space.wd}}",
        "-l", "${{search_space.l}}", "+opt.lr=${{search_space.opt.lr}}", "data", "${{search_space.arg9}}", "--end",
    ]  # fmt: skip
    assert list(found.space) == ["lr", "wd", "l", "opt.lr", "arg9"]
    assert found.space["lr"] == loguniform(-9, -2)


def test_a_name_that_is_taken_gets_a_number():
    found = swept(["x", "--betas", "uniform(0, 1)", "choice(1, 2)", "--betas=choice(3, 4)"])
    assert found.words[2:] == [
        "${{search_space.betas}}",
        "${{search_space.betas_2}}",
        "--betas=${{search_space.betas_3}}",
    ]
    assert found.space["betas_2"] == choice(1, 2)


def test_other_words_stay_as_they_are():
    words = [
        "./run",
        "a=b=c",
        "--x=1",
        "print(1)",
        "",
        "--",
        "${{inputs.x}}",
        "loss=uniform",
        "größe",
        "a\nb",
    ]
    assert swept([*words, "lr=uniform(0,1)"]).words[:-1] == words


def test_values_that_no_word_asks_for():
    assert swept(["./run"], ["lr=uniform(0, 1)"]).space == {"lr": uniform(0, 1)}


@pytest.mark.parametrize(
    ("words", "extra", "says"),
    [
        (["python", "train.py", "--lr", "0.1"], [], "nothing varies"),
        (
            ["x", "--lr", "unifrom(0,1)", "--b=choice(1"],
            [],
            "--lr: .*did you mean uniform.*\n--b: .*no closing bracket",
        ),
        (["uniform(0, 1)"], [], "must begin with a program"),
        (["x", "--o", "choice({'a': 1}, 2)"], [], "use a sweep file for branches"),
        (["x"], ["lr"], "must be NAME=LAW"),
        (["x"], ["lr=3"], "must be NAME=LAW"),
        (["x"], ["lr=uniform(1)"], "--param lr: .*uniform takes"),
    ],
)
def test_mistakes_are_told(words, extra, says):
    with pytest.raises(ConfigError, match=f"(?s){says}"):
        swept(words, extra)


@pytest.mark.parametrize(
    ("metric", "goal"),
    [
        ("val_loss", "MINIMIZE"), ("eval/rmse", "MINIMIZE"), ("test-error", "MINIMIZE"), ("perplexity", "MINIMIZE"),
        ("accuracy", "MAXIMIZE"), ("val_acc", "MAXIMIZE"), ("f1", "MAXIMIZE"), ("valid_0-auc", "MAXIMIZE"),
        ("Acc@1", "MAXIMIZE"), ("metric", None), ("accuracy_loss", None), ("acceleration", None), ("", None),
    ],
)  # fmt: skip
def test_what_a_metric_is_called_says_where_it_goes(metric, goal):
    assert goal_of(metric) == (goal and PrimaryMetricGoal(goal))
