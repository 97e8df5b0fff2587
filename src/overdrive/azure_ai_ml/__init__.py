"""Azure ML v2's module names: `import overdrive.azure_ai_ml`, and `azure.ai.ml` and what its notebooks import beside
it answer from here, with no Azure package installed.

Where Microsoft's SDK is installed we step aside and say so; OVERDRIVE_AZUREML=replace answers all the same. Names of
`azure.identity` and `azure.core` stay Microsoft's where these are installed.
"""

from __future__ import annotations

import os
import sys
import warnings

from ..runtime.aliases import Aliases, there
from .names import TABLE

VARIABLE = "OVERDRIVE_AZUREML"


def install() -> bool:
    """Answer for the names from now on; False, with a warning, where Microsoft's SDK is installed."""
    if any(isinstance(finder, Aliases) and "azure.ai.ml" in finder.table for finder in sys.meta_path):
        return True
    folder = microsofts()
    if folder is not None:
        warnings.warn(stepped_aside(folder), UserWarning, stacklevel=3)
        return False
    ours = ("azure.ai.ml",)
    Aliases(
        {module: names for module, names in TABLE.items() if module.startswith(ours) or there(module) is None}
    ).install()
    return True


def microsofts() -> str | None:
    """The folder of Microsoft's SDK, where it is installed and goes first."""
    return None if os.environ.get(VARIABLE) == "replace" else there("azure.ai.ml")


def stepped_aside(folder: str) -> str:
    """What to say where Microsoft's SDK is installed."""
    return (
        f"Microsoft's azure-ai-ml is installed in {folder!r}, so its names stay Microsoft's and work would go to "
        f"Azure; uninstall it here, or set {VARIABLE}=replace"
    )


install()
