"""The command line and its manners. `sweeps` and `tools` have the commands' names and options; what they do lies in
modules of their own, imported when a command runs, so that `overdrive --help` answers at once.

Standard output carries the result and nothing else; progress, warnings and errors go to standard error.
Exit codes: 0 done, 1 failed, 2 wrongly called, 130 interrupted.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any, NoReturn

import typer

from ..errors import ConfigError, OverdriveError
from . import sweeps, tools
from .app import app

__all__ = ["app", "main", "sweeps", "tools"]


def main(arguments: list[str] | None = None) -> NoReturn:
    """Run the command of these arguments (those of the process by default) and exit."""
    argv = sys.argv[1:] if arguments is None else arguments
    own = argv[: argv.index("--")] if "--" in argv else argv
    as_json = "--json" in own
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")  # no name may crash a terminal of another charset
    try:
        code = app(args=argv or ["--help"], prog_name="overdrive", standalone_mode=False)
        sys.stdout.flush()
    except OverdriveError as error:
        code = _fail(error, as_json, 1)
    except (KeyboardInterrupt, typer.Abort):
        code = 130
    except BrokenPipeError:
        code = 1
    except Exception as error:
        if not hasattr(error, "format_message"):  # what typer's own complaints all have
            if as_json:
                _fail(error, as_json, 1)
            raise
        code = _fail(error, as_json, 2)
    if code == 1:
        _hush_broken_pipe()
    sys.exit(code if isinstance(code, int) else 0)


def _fail(error: Exception, as_json: bool, code: int) -> int:
    message = str(error)
    if code == 2 and hasattr(error, "format_message"):
        command = getattr(getattr(error, "ctx", None), "command_path", "overdrive")
        message = f"{' '.join(error.format_message().split())} See: {command} --help"
    if as_json:
        answer: dict[str, Any] = {"error": message}
        if isinstance(error, ConfigError):
            answer["problems"] = [{"where": p.where, "what": p.what} for p in error.problems]
        print(json.dumps(answer), flush=True)
    else:
        for line in message.splitlines() or [type(error).__name__]:
            print(f"overdrive: {line}", file=sys.stderr)
    return code


def _hush_broken_pipe() -> None:
    """Nobody reads any more: let the interpreter's last flush go nowhere instead of complaining."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
