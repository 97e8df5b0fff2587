"""`overdrive schema`: what job files may hold, for editors."""

from __future__ import annotations

from ..adapters.json_schema import KINDS, json_schema
from ..errors import ConfigError
from .answer import print_json


def print_schema(kind: str) -> int:
    """Print the schema of this kind of file; ConfigError when there is no such kind."""
    if kind not in KINDS:
        raise ConfigError(f"schema: must be one of {', '.join(KINDS)}, got {kind!r}")
    print_json(json_schema(kind))
    return 0
