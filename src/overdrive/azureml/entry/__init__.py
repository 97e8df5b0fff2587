"""What a run finds on its PYTHONPATH as `azureml`: the package that asks Overdrive for every name below it.

Packages of other people below `azureml` are found where they are installed.
"""

from pkgutil import extend_path

import overdrive.azureml  # noqa: F401  (answers from here on)

__path__ = extend_path(__path__, __name__)
