"""`overdrive exec`: a driver script as it is, with Overdrive behind its imports of azureml and azure.ai.ml."""

from __future__ import annotations

import os
import sys
import traceback
import types
from pathlib import Path

from .. import azure_ai_ml, azureml
from ..errors import ConfigError, NotFound, OverdriveError


def execute(driver: Path, arguments: list[str]) -> int:
    """Run the script as `python DRIVER.py ARGUMENTS` would, and answer with its exit code.

    NotFound when there is no such file; ConfigError where Microsoft's SDK is installed, since the work would
    go to Azure.
    """
    if not driver.is_file():
        raise NotFound(f"exec: there is no file {str(driver)!r}")
    source = driver.read_bytes()
    both = {b"azureml": azureml, b"azure.ai.ml": azure_ai_ml}
    for names in [names for word, names in both.items() if word in source] or both.values():
        folder = names.microsofts()
        if folder is not None:
            raise ConfigError(f"exec: {names.stepped_aside(folder)}")
    if driver.suffix == ".ipynb":
        raise ConfigError(
            f"exec: {str(driver)!r} is a notebook; open it in Jupyter with `import overdrive.azureml` as its first line"
        )
    main = types.ModuleType("__main__")
    main.__file__ = os.fspath(driver)
    sys.modules["__main__"] = main
    sys.argv = [os.fspath(driver), *arguments]
    sys.path.insert(0, os.fspath(driver.absolute().parent))
    try:
        exec(compile(source, os.fspath(driver), "exec"), main.__dict__)
    except SystemExit:
        raise
    except KeyboardInterrupt:
        return 130
    except BaseException as error:
        _tell(error, os.fspath(driver))
        return 1
    return 0


def _tell(error: BaseException, driver: str) -> None:
    """The traceback as the script's author expects it: without our frame; an error of ours that nobody caught
    only with the script's own lines."""
    frames = error.__traceback__.tb_next if error.__traceback__ else None
    if isinstance(error, OverdriveError) and frames is not None:
        own = [frame for frame in traceback.extract_tb(frames) if frame.filename == driver]
        sys.stderr.write("".join(traceback.format_list(own)))
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        return
    traceback.print_exception(type(error), error, frames)
