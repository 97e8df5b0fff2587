"""`${{inputs.x}}` and `${{outputs.x}}` of an Azure command, replaced by their text.

A value arrives whole, whatever it holds: it is quoted for the place where it stands in the command.
`${{search_space.x}}` stays, since each run fills it with its own value.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Mapping
from typing import Any

from ..model.values import token
from .sweep_schema import ABSENT, Output

_PLACE = re.compile(r"\$\{\{\s*(.*?)\s*\}\}", re.DOTALL)
_OPTIONAL = re.compile(r"\$\[\[(.*?)\]\]", re.DOTALL)
_OLD = re.compile(r"(?<![${])\{((?:inputs|outputs|search_space)\.\w+)\}(?!\})")
_NAME = re.compile(r"(inputs|outputs|search_space)\.([^\s{}]+)")


def fill(
    command: str, inputs: Mapping[str, Any], outputs: Mapping[str, Output], swept: Iterable[str]
) -> tuple[str, list[str]]:
    """The command with inputs and outputs in it, and what is wrong with its placeholders.

    An input whose name is swept is the swept value, as in Azure. An output is the folder
    `outputs/<name>` of the run, which is made before the command starts; a file where its type says so.
    A part in `$[[...]]` is left out when an optional input in it is absent.
    """
    swept, faults, folders = list(swept), [], []
    known = {"inputs": [*swept, *inputs], "outputs": list(outputs), "search_space": swept}

    def text(inside: str) -> str | None:
        """What stands for the placeholder; None leaves it as it is."""
        match = _NAME.fullmatch(inside)
        if not match:
            faults.append(f"${{{{{inside}}}}} is not known; there are inputs.x, outputs.x and search_space.x")
            return None
        kind, name = match.groups()
        if name not in known[kind]:
            there = f"it has {', '.join(known[kind])}" if known[kind] else "it is empty"
            faults.append(f"${{{{{kind}.{name}}}}} is not in {kind}; {there}")
            return None
        if kind == "outputs":
            if outputs[name].type != "uri_file":
                folders.append(f"outputs/{name}")
            return f"outputs/{name}"
        if name in swept:
            return None
        if inputs[name] is ABSENT:
            faults.append(
                f"${{{{{inside}}}}} is optional and not given; put its part of the command into $[[ ]]"
            )
        return token(inputs[name])

    absent = {name for name, value in inputs.items() if value is ABSENT and name not in swept}
    command = _OPTIONAL.sub(lambda part: "" if names_used(part[1]) & absent else part[1], command)
    filled = _filled(command, text)
    filled = re.sub(r"\$\{\{\s*inputs\.(\S+?)\s*\}\}", r"${{search_space.\1}}", filled)
    if folders:
        made = " ".join(shlex.quote(folder) for folder in dict.fromkeys(folders))
        filled = f"mkdir -p {made}\n{filled}"
    return filled, list(dict.fromkeys(faults))


def modern(command: str) -> str:
    """The command with `${{inputs.x}}` for `{inputs.x}`, the form of Azure's first previews."""
    return _OLD.sub(r"${{\1}}", command)


def names_used(command: str) -> set[str]:
    """The names of inputs and swept values that the command's placeholders mention."""
    matches = (_NAME.fullmatch(inside) for inside in _PLACE.findall(command))
    return {match[2] for match in matches if match and match[1] != "outputs"}


def _filled(command: str, text: Any) -> str:
    """Each placeholder replaced by its text, quoted for where it stands."""
    out, quote, place = [], "", 0
    while place < len(command):
        match = _PLACE.match(command, place)
        if match:
            value = text(match[1])
            out.append(match[0] if value is None else _quoted(value, quote))
            place = match.end()
            continue
        letter = command[place]
        if letter == "\\" and quote != "'":
            out.append(command[place : place + 2])
            place += 2
            continue
        if letter in "'\"" and quote in ("", letter):
            quote = "" if quote else letter
        out.append(letter)
        place += 1
    return "".join(out)


def _quoted(value: str, quote: str) -> str:
    if quote == '"':
        return re.sub(r'([\\"$`])', r"\\\1", value)
    if quote == "'":
        return value.replace("'", "'\"'\"'")
    return shlex.quote(value)
