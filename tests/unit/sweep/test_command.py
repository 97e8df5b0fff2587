"""The command line and the environment of a run: whole values, names, placeholders, interpreters."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from overdrive.sweep.command import THREAD_VARIABLES, pairs, render, threads, variable_name, variables
from overdrive.sweep.script import ScriptRunConfig

PYTHON = "/opt/py 3/bin/python3.12"
HOSTILE = [
    "two words",
    "it's",
    'say "hi"',
    "line\nbreak",
    "$HOME `id` $(id)",
    "🎛 größe",
    "",
    "*",
    "-x",
    "a\\b",
    "\t",
]
values = st.one_of(
    st.sampled_from(HOSTILE),
    st.text(st.characters(blacklist_categories=("Cs",), blacklist_characters="\0"), max_size=12),
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.booleans(),
)


def argv(params, **config):
    return render(ScriptRunConfig(**config), params, PYTHON, "/usr/bin:/bin").argv


def env(params, **config):
    return render(ScriptRunConfig(**{"script": "t.py", **config}), params, PYTHON, "/usr/bin:/bin").env


# ---------------------------------------------------------------- the script form


def test_the_pairs_come_after_the_users_own_arguments_as_separate_words():
    # Facts 2.1, as observed: ['--learning_rate','0.1','--max_depth','1','--n_estimators','500'].
    params = {"learning_rate": 0.1, "max_depth": 1, "n_estimators": 500}
    assert argv(params, script="train.py", arguments=["--data", "a b"]) == [
        PYTHON, "train.py", "--data", "a b",
        "--learning_rate", "0.1", "--max_depth", "1", "--n_estimators", "500",
    ]  # fmt: skip


def test_a_name_with_dashes_is_kept_as_it_is():
    assert pairs({"lr": 1, "-b": 2, "--batch-size": 3}) == ["--lr", "1", "-b", "2", "--batch-size", "3"]


def test_the_sampled_value_comes_last_when_the_user_gave_one_too():
    assert argv({"--kernel": "rbf"}, script="t.py", arguments=["--kernel", "linear"])[2:] == [
        "--kernel", "linear", "--kernel", "rbf",
    ]  # fmt: skip


def test_arguments_as_text_are_split_as_a_shell_would():
    assert argv({}, script="t.py", arguments="--data 'a b' --n 3")[2:] == ["--data", "a b", "--n", "3"]


def test_arguments_may_be_numbers():
    assert argv({}, script="t.py", arguments=["--epochs", 15, "--lr", 1e-05])[2:] == [
        "--epochs", "15", "--lr", "1e-05",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1e-07, "1e-07"),
        (0.1, "0.1"),
        (4, "4"),
        (4.0, "4.0"),
        (True, "True"),
        (None, "None"),
        ("", ""),
        ([1, "a b", 0.5], '[1, "a b", 0.5]'),
    ],
)
def test_the_text_of_a_value(value, text):
    assert pairs({"x": value}) == ["--x", text]


@settings(max_examples=100, deadline=None)
@given(st.dictionaries(st.sampled_from(["a", "--b", "c_d", "e-f"]), values))
def test_any_value_is_one_word_and_reads_back(params):
    words = argv(params, script="t.py")[2:]
    assert len(words) == 2 * len(params)
    for text, value in zip(words[1::2], params.values(), strict=True):
        assert type(value)(text) == value if not isinstance(value, bool) else text == str(value)


def test_a_placeholder_in_the_arguments_takes_its_value_there_and_not_again():
    assert argv({"lr": 0.1, "n": 3}, script="t.py", arguments=["--rate=${{search_space.lr}}"])[2:] == [
        "--rate=0.1", "--n", "3",
    ]  # fmt: skip


def test_a_value_that_looks_like_a_placeholder_is_not_filled_again():
    params = {"a": "${{search_space.b}}", "b": "$(id)"}
    given = "${{search_space.a}}"
    assert argv(params, command=["run", given])[1:] == ["${{search_space.b}}"]
    assert argv(params, command=f"run {given}")[1:] == ["${{search_space.b}}"]


# ---------------------------------------------------------------- the command form


@pytest.mark.parametrize("value", HOSTILE)
def test_in_a_list_each_word_stays_a_word(value):
    command = ["./train.sh", "--name", "${{search_space.x}}", "--path=a/${{ search_space.x }}/b"]
    assert argv({"x": value}, command=command) == ["./train.sh", "--name", value, f"--path=a/{value}/b"]


@pytest.mark.parametrize("value", HOSTILE)
def test_in_a_plain_text_each_placeholder_is_one_word(value):
    command = "./train.sh --name ${{search_space.x}} --path=a/${{search_space.x}}/b 'two words'"
    assert argv({"x": value}, command=command) == [
        "./train.sh", "--name", value, f"--path=a/{value}/b", "two words",
    ]  # fmt: skip


def test_placeholders_in_a_text_are_filled_in_their_order():
    command = "t ${{search_space.b}} ${{search_space.a}}${{search_space.b}}"
    assert argv({"a": 1, "b": 2}, command=command) == ["t", "2", "12"]


@pytest.mark.parametrize(
    "text", ["a | b", "a && b", "a; b", "echo $HOME", "a > f", "X=1 a", "ls *.py", "a\nb"]
)
def test_what_only_a_shell_understands_goes_to_one(text):
    assert argv({}, command=text) == ["/bin/sh", "-c", text]


def test_in_a_shell_text_a_value_is_a_variable_and_never_text_to_be_read():
    words = argv({"x": "$(rm -rf /)"}, command="cd . && t ${{search_space.x}}")
    assert words[:2] == ["/bin/sh", "-c"]
    assert "rm -rf" not in words[2] and '"${OVERDRIVE_PARAM_x}"' in words[2]


@pytest.mark.parametrize(
    ("text", "shell"),
    [
        ("a | b X", 'a | b "$V"'),
        ('a | b "X"', 'a | b "$V"'),
        ("a | b 'X'", "a | b ''\"$V\"''"),
        ('a | b "$(c X)"', 'a | b "$(c "$V")"'),  # quotes inside $(...) are its own
        ('a | b "`c X`"', 'a | b "`c "$V"`"'),
        ("a | b '$(c X)'", "a | b '$(c '\"$V\"')'"),
        ("(a 'b') | c X", "(a 'b') | c \"$V\""),
        ("# it's\na X", '# it\'s\na "$V"'),  # an apostrophe in a comment opens nothing
        ("a $# X", 'a $# "$V"'),
        ("a\\' | b X", 'a\\\' | b "$V"'),
    ],
)
def test_a_placeholder_is_quoted_for_where_it_stands(text, shell):
    command = text.replace("X", "${{search_space.x}}")
    assert argv({"x": 1}, command=command)[2] == shell.replace("$V", "${OVERDRIVE_PARAM_x}")


def test_nothing_is_appended_to_a_command():
    assert argv({"lr": 0.1}, command=["./train.sh"]) == ["./train.sh"]
    assert argv({"lr": 0.1}, command="./train.sh --fast") == ["./train.sh", "--fast"]


def test_a_conditional_parameter_that_is_not_there_is_nothing():
    command = ["t", "--a=${{search_space.a}}", "${{search_space.b}}"]
    assert argv({"b": 1}, command=command) == ["t", "--a=", "1"]
    assert argv({"b": 1}, command="t --a=${{search_space.a}} ${{search_space.b}}") == ["t", "--a=", "1"]


# ---------------------------------------------------------------- interpreters


@pytest.mark.parametrize("word", ["python", "python3", "python3.9"])
def test_a_bare_python_is_the_interpreter(word):
    assert argv({}, command=[word, "t.py"]) == argv({}, command=f"{word} t.py") == [PYTHON, "t.py"]


@pytest.mark.parametrize("word", ["/usr/bin/python3", "./python", "pypy3", "python3-config", "ipython"])
def test_any_other_program_is_left_alone(word):
    assert argv({}, command=[word, "t.py"])[0] == word


def test_a_shell_finds_the_interpreter_on_its_path():
    assert env({})["PATH"] == "/opt/py 3/bin:/usr/bin:/bin"
    assert env({}, environment_variables={"PATH": "/mine"})["PATH"] == "/mine"


def test_an_empty_search_path_stays_empty():
    # A trailing colon would put the working directory on the path.
    assert render(ScriptRunConfig(script="t.py"), {}, PYTHON, "").env["PATH"] == "/opt/py 3/bin"


# ---------------------------------------------------------------- variables


def test_each_value_is_in_two_variables():
    assert variables({"--learning-rate": 0.1, "n": "a b\n"}) == {
        "AZUREML_SWEEP_learning_rate": "0.1",
        "OVERDRIVE_PARAM_learning_rate": "0.1",
        "AZUREML_SWEEP_n": "a b\n",
        "OVERDRIVE_PARAM_n": "a b\n",
    }


@pytest.mark.parametrize("name", ["lr", "--learning-rate", "a.b", "größe", "a/b", "1st", "x:y"])
def test_a_variables_name_can_be_written_in_a_shell(name):
    assert all(letter.isascii() and (letter.isalnum() or letter == "_") for letter in variable_name(name))


def test_the_users_variables_are_kept_and_the_runs_own_win():
    found = env({"lr": 1}, environment_variables={"DATA": "/d", "OVERDRIVE_PARAM_lr": "no"})
    assert (found["DATA"], found["OVERDRIVE_PARAM_lr"]) == ("/d", "1")


@pytest.mark.parametrize(
    ("cores", "concurrent", "share"), [(8, 4, "2"), (8, 3, "2"), (2, 4, "1"), (1, 1, "1")]
)
def test_threads_are_shared_out(cores, concurrent, share):
    found = threads(cores, concurrent, {})
    assert {found[name] for name in THREAD_VARIABLES} == {share}
    assert {"OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"} <= set(found)


def test_threads_that_the_user_has_set_are_left_alone():
    assert "OMP_NUM_THREADS" not in threads(8, 4, {"OMP_NUM_THREADS": "7"})


def test_a_variable_as_a_word_of_a_list_is_the_value():
    """Azure joins a list and has a shell read it, so notebooks write `$AZUREML_SWEEP_lr` there."""
    words = [
        "Rscript",
        "t.R",
        "--lr",
        "$AZUREML_SWEEP_lr",
        "--out=${OVERDRIVE_PARAM_name}.txt",
        "$HOME",
        "a $OVERDRIVE_PARAM_lr",
    ]
    done = render(ScriptRunConfig(command=words), {"lr": 0.1, "name": "a b"}, "/py", "")
    assert done.argv[2:] == ["--lr", "0.1", "--out=a b.txt", "$HOME", "a $OVERDRIVE_PARAM_lr"]
