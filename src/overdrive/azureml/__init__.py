"""HyperDrive's module names: `import overdrive.azureml`, and `azureml.core`, `azureml.train.hyperdrive` and the
rest can be imported with no Azure package installed.

    OVERDRIVE_AZUREML=replace   answer also where Microsoft's SDK is installed

Where Microsoft's SDK is installed we step aside and say so; inside a run we always answer, else its metrics
would go nowhere. Standard library only, Python 3.8: training scripts load it too.
"""

from __future__ import annotations

import os
import sys
import warnings

from ..runtime import wire
from ..runtime.aliases import Aliases, there
from ..runtime.context import ScriptRun
from .inside import OfflineRun, SubmittedRun
from .names import INSIDE, TABLE

VARIABLE = "OVERDRIVE_AZUREML"


def microsofts() -> str | None:
    """The folder of Microsoft's SDK, where it is installed and goes first."""
    if wire.RUN_ID in os.environ or os.environ.get(VARIABLE) == "replace":
        return None
    return there("azureml.core")


def install() -> bool:
    """Answer for the names from now on; False, with a warning, where Microsoft's SDK is installed."""
    if any(isinstance(finder, Aliases) and "azureml.core" in finder.table for finder in sys.meta_path):
        return True
    folder = microsofts()
    if folder is not None:
        warnings.warn(stepped_aside(folder), UserWarning, stacklevel=3)
        return False
    inside = wire.RUN_ID in os.environ
    table = {
        module: {name: INSIDE.get(name, target) if inside else target for name, target in names.items()}
        for module, names in TABLE.items()
    }
    Aliases(table).install()
    ScriptRun.kind = SubmittedRun if os.environ.get(wire.METRICS) else OfflineRun
    return True


def stepped_aside(folder: str) -> str:
    """What to say where Microsoft's SDK is installed."""
    return (
        f"Microsoft's azureml is installed in {folder!r}, so its names stay Microsoft's and work would go to "
        f"Azure; uninstall azureml-core here, or set {VARIABLE}=replace"
    )


install()
