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
    """Whether the value has this method."""
    return callable(getattr(value, method, None))


def is_id(value: object) -> bool:
    """Whether it is None or may be the id of a sweep: `last` and `latest` mean the newest one."""
    if value is None:
        return True
    return isinstance(value, str) and value not in ("last", "latest") and bool(_ID.fullmatch(value))


def is_count(value: Any) -> bool:
    """Whether it is a whole number from 1 up."""
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1


def is_number(value: Any, *, above: float = -math.inf, least: float = -math.inf) -> bool:
    """Whether it is a finite number, above one bound and not below the other."""
    if not isinstance(value, int | float) or isinstance(value, bool):
        return False
    return math.isfinite(value) and value > above and value >= least
