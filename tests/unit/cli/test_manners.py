"""How the command line answers when it is called wrongly, or when something is not there."""

import json

import pytest

from overdrive import ConfigError
from overdrive.cli import main
from overdrive.errors import NotFound, Problem


def called(capsys, *arguments):
    with pytest.raises(SystemExit) as ended:
        main(list(arguments))
    out, err = capsys.readouterr()
    return ended.value.code, out, err


@pytest.fixture
def raising(monkeypatch):
    """Makes `overdrive list` raise."""

    def arrange(error):
        def fail(*_, **__):
            raise error

        monkeypatch.setattr("overdrive.cli.report.list_sweeps", fail)

    return arrange


def test_no_arguments_are_a_question(capsys):
    code, out, err = called(capsys)
    assert (code, err) == (0, "")
    for command in ("submit", "list", "show", "logs", "best", "cancel"):
        assert f"\n  {command} " in out


def test_every_command_has_json_workspace_and_help(capsys):
    for command in ("submit", "list", "show", "logs", "best", "cancel"):
        code, out, _ = called(capsys, command, "--help")
        assert code == 0
        assert "--json" in out
        assert "--workspace" in out


@pytest.mark.parametrize(
    "arguments", [["lits"], ["list", "--jso"], ["submit"], ["list", "--number", "many"], ["show", "a", "b"]]
)
def test_wrong_usage_is_one_line_and_two(capsys, arguments):
    code, out, err = called(capsys, *arguments)
    assert (code, out) == (2, "")
    assert err.startswith("overdrive: ")
    assert err.count("\n") == 1
    code, out, err = called(capsys, *arguments, "--json")
    assert (code, err) == (2, "")
    assert list(json.loads(out)) == ["error"]


def test_a_problem_a_line(capsys, raising):
    raising(ConfigError([Problem("limits.timeout", "must be above 0"), Problem("x", "is missing")]))
    assert called(capsys, "list") == (
        1,
        "",
        "overdrive: limits.timeout: must be above 0\noverdrive: x: is missing\n",
    )
    code, out, err = called(capsys, "list", "--json")
    assert (code, err) == (1, "")
    assert json.loads(out) == {
        "error": "limits.timeout: must be above 0\nx: is missing",
        "problems": [
            {"where": "limits.timeout", "what": "must be above 0"},
            {"where": "x", "what": "is missing"},
        ],
    }


def test_not_found(capsys, raising):
    raising(NotFound("no sweep 'x'"))
    assert called(capsys, "list") == (1, "", "overdrive: no sweep 'x'\n")
    code, out, _ = called(capsys, "list", "--json")
    assert (code, json.loads(out)) == (1, {"error": "no sweep 'x'"})


def test_ctrl_c_and_a_closed_pipe_are_silent(capsys, raising):
    raising(KeyboardInterrupt())
    assert called(capsys, "list") == (130, "", "")
    raising(BrokenPipeError(32, "Broken pipe"))
    code, out, err = called(capsys, "list")
    assert (code, out, err) == (1, "", "")


def test_the_version(capsys):
    code, out, _ = called(capsys, "--version")
    assert code == 0
    assert out.startswith("overdrive 0.")
