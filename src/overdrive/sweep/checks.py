"""What the fields of a configuration are checked with."""

from __future__ import annotations

import math
import re
from typing import Any

from ..errors import Problem

_ID = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_-]{0,127}")


def broken(config: object, *rules: tuple[str, object, str]) -> list[Problem]:
    """The rules (field, whether it holds, what it says) that the configuration breaks."""
    return [
        Problem(name, f"{says}, got {getattr(config, name)!r}") for name, holds, says in rules if not holds
    ]


def can(value: object, method: str) -> bool:
    return callable(getattr(value, method, None))


def is_id(value: object) -> bool:
    return value is None or (isinstance(value, str) and _ID.fullmatch(value) is not None)


def is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1


def is_number(value: Any, *, above: float = -math.inf, least: float = -math.inf) -> bool:
    if not isinstance(value, int | float) or isinstance(value, bool):
        return False
    return math.isfinite(value) and value > above and value >= least
