"""A metric that a script merely prints: `loss=0.5`, `loss: 0.5` or `loss = 0.5` somewhere in a line."""

from __future__ import annotations

import re

_NUMBER = r"[-+]?(?:\d+(?:\.\d*)?(?:e[-+]?\d+)?|\.\d+(?:e[-+]?\d+)?|nan|inf(?:inity)?)"

_COLOUR = re.compile(rb"\x1b\[[\d;]*m")


_ANY = re.compile(rf"(?<![\w./-])([a-z_][\w/-]*)\s*[=:]\s*{_NUMBER}(?!\w|\.\w)", re.IGNORECASE)


def printed_names(text: str) -> frozenset[str]:
    """Every name that a text gives a number to, as a metric or otherwise."""
    return frozenset(match[1] for match in _ANY.finditer(text))


class PrintedMetric:
    """Finds one metric's values in lines of standard output."""

    def __init__(self, name: str) -> None:
        self._pattern = re.compile(
            rf"(?<![\w./-]){re.escape(name)}\s*[=:]\s*({_NUMBER})(?!\w|\.\w)".encode(), re.IGNORECASE
        )
        self._name = name.encode()

    def value(self, line: bytes) -> float | None:
        """The last value in the line (a progress bar redraws itself in one), or None."""
        if b"\x1b" in line:
            line = _COLOUR.sub(b"", line)
        found = [match for match in self._pattern.finditer(line) if match[0].startswith(self._name)]
        return float(found[-1][1]) if found else None
