"""From a configuration's values to the argv list and the environment of one run.

A command is never joined and split again: a value with a space, a quote or a newline arrives whole.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from typing import NamedTuple

from ..model.records import Params
from ..model.values import token
from .script import PLACEHOLDER, ScriptRunConfig, variable_name

_SHELL = re.compile(
    r"[;&|<>()$`*?\[\]~#\n\\]|^\s*\w+=|^\s*(?:[.!{:]|cd|command|eval|exec|export|if|for|set|source|time|ulimit"
    r"|umask|until|while)\s"
)
"""What only a shell understands; a command without any of it is split into words by us."""

_COMMENT = re.compile(r"(?<![^\s;&|(])#")
"""Where a comment begins: at the beginning of a word."""

_VARIABLE = re.compile(r"[^\s$`]*(\$\{?((?:AZUREML_SWEEP|OVERDRIVE_PARAM)_\w+)\}?)[^\s$`]*")
"""A word of a command's list that names a value's variable; Azure has a shell read such lists."""

_PYTHON = re.compile(r"python(3(\.\d+)?)?")
"""Bare names of the interpreter; a path is left as the user wrote it."""

THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "BLIS_NUM_THREADS",
)


class Command(NamedTuple):
    """What is started: the argv list, and what is added to the inherited environment."""

    argv: list[str]
    env: dict[str, str]


def render(
    config: ScriptRunConfig,
    params: Params,
    interpreter: str,
    search_path: str,
    resume_from: str | None = None,
) -> Command:
    """The command of one run.

    `interpreter` stands for a bare `python`; its folder goes in front of `search_path`, so that a
    shell finds it too. `resume_from` is the folder that an earlier run left, for one that resumes it.
    """
    env = {**(config.environment_variables or {}), **variables(params)}
    if config.command is None:
        argv = [interpreter, str(config.script)]
        argv += [_filled(word, params) for word in config.arguments or ()]
        placed = {name for word in config.arguments or () for name in PLACEHOLDER.findall(word)}
        argv += pairs({name: value for name, value in params.items() if name not in placed})
        argv += ["--resume-from", resume_from] if resume_from else []
    elif isinstance(config.command, str):
        argv = _from_text(config.command, params)
    else:
        argv = [_word(word, params) for word in config.command]
    if argv and _PYTHON.fullmatch(argv[0]):
        argv[0] = interpreter
    if resume_from:
        env |= {"AZUREML_DATAREFERENCE_MODEL_LOCATION": resume_from, "OVERDRIVE_RESUME_FROM": resume_from}
    folder = interpreter.rpartition("/")[0]
    if folder and "PATH" not in env:
        env["PATH"] = f"{folder}:{search_path}" if search_path else folder
    return Command(argv, env)


def pairs(params: Params) -> list[str]:
    """`--name value` tokens in the order of the space; a name written with dashes is kept as it is."""
    words = []
    for name, value in params.items():
        words += [name if name.startswith("-") else f"--{name}", token(value)]
    return words


def variables(params: Params) -> dict[str, str]:
    """AZUREML_SWEEP_<name> and OVERDRIVE_PARAM_<name> of each value; dashes inside a name become `_`."""
    named = {}
    for name, value in params.items():
        bare = variable_name(name)
        named[f"AZUREML_SWEEP_{bare}"] = named[f"OVERDRIVE_PARAM_{bare}"] = token(value)
    return named


def threads(cores: int, concurrent: int, inherited: Mapping[str, str]) -> dict[str, str]:
    """Thread counts of the numeric libraries: an equal share of the cores, unless the user set them.

    Waiting threads yield instead of spinning: two runs that spin against each other look like a hang.
    """
    share = str(max(1, cores // max(1, concurrent)))
    chosen = {name: share for name in THREAD_VARIABLES if name not in inherited}
    if "OMP_WAIT_POLICY" not in inherited:
        chosen["OMP_WAIT_POLICY"] = "PASSIVE"
    return chosen


def _filled(word: str, params: Params) -> str:
    return PLACEHOLDER.sub(lambda match: token(params[match[1]]) if match[1] in params else "", word)


def _word(word: str, params: Params) -> str:
    match = _VARIABLE.fullmatch(word)
    if match is None:
        return _filled(word, params)
    return word.replace(match[1], variables(params).get(match[2], match[1]))


def _from_text(text: str, params: Params) -> list[str]:
    names = PLACEHOLDER.findall(text)
    masked = PLACEHOLDER.sub("\x00", text)
    if not _SHELL.search(masked):
        slots = iter(names)
        words = shlex.split(masked)
        return [
            re.sub("\x00", lambda _: _filled(f"${{{{search_space.{next(slots)}}}}}", params), word)
            for word in words
        ]
    return ["/bin/sh", "-c", _quoted(text)]


def _quoted(text: str) -> str:
    """The shell text with each placeholder as a variable that is expanded once, inside double quotes."""
    out: list[str] = []
    inside, place = [""], 0  # what we stand in, innermost last: nothing, quotes, a bracket, a backtick
    while place < len(text):
        here, letter = inside[-1], text[place]
        bare = here not in ("'", '"')
        match = PLACEHOLDER.match(text, place)
        if match:
            variable = f"${{OVERDRIVE_PARAM_{variable_name(match[1])}}}"
            out.append({'"': variable, "'": f"'\"{variable}\"'"}.get(here, f'"{variable}"'))
            place = match.end()
            continue
        end = place + 1
        if letter == "\\" and here != "'":
            end = place + 2
        elif letter == "#" and bare and _COMMENT.match(text, place):
            end = text.find("\n", place) if "\n" in text[place:] else len(text)
        elif letter == here or (letter, here) == (")", "("):
            inside.pop()
        elif (letter in "'\"" and bare) or (letter == "`" and here != "'"):
            inside.append(letter)
        elif letter == "(" and (bare or (here == '"' and text[place - 1] == "$")):
            inside.append(letter)  # "$(...)" begins anew: its quotes are its own
        out.append(text[place:end])
        place = end
    return "".join(out)
