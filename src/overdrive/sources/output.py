"""What a program has written to its standard output or error, in pieces as a terminal shows them: a line, or one
state of a line that is drawn over by the next (progress bars). Any bytes, any length, linear time."""

from __future__ import annotations

import re
from typing import NamedTuple

from ..runtime.wire import Tail

LONGEST = 1 << 16
"""Bytes of a piece; longer ones are data, not a report, and passed over."""

_ENDS = re.compile(rb"[\n\r\b]+")
_CODES = re.compile(r"\x1b(?:\[[0-9;:?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\^_])")
"""What moves a cursor or changes colours: control sequences, titles, single escapes."""


class Piece(NamedTuple):
    """Text without control codes; `ended`: the line is complete, not drawn over."""

    text: str
    ended: bool


class Output(Tail):
    """Tails a file of output in pieces. Offsets are those of the last piece's end."""

    __slots__ = ()

    def pieces(self, final: bool = False) -> list[Piece]:
        """The new pieces; `final` takes an unfinished last one as a line."""
        found = []
        for line in super().read(final):
            text, ends = line[:-1], line[-1:]
            if len(text) <= LONGEST and text.strip():
                decoded = text.decode("utf-8", "replace")
                found.append(Piece(_CODES.sub("", decoded) if "\x1b" in decoded else decoded, ends == b"\n"))
            elif ends == b"\n":
                found.append(Piece("", True))
        return found

    def _lines(self, chunk: bytes, final: bool) -> list[bytes]:
        """Each piece with one byte more: a newline when a newline ended it, else a carriage return."""
        lines, start = [], 0
        for end in _ENDS.finditer(chunk):
            # A run of ends at the very end may go on in the next chunk: its newline belongs to this piece.
            if end.end() == len(chunk) and b"\n" not in end[0] and not final:
                break
            if not self._passing:
                lines.append(chunk[start : end.start()] + (b"\n" if b"\n" in end[0] else b"\r"))
            self._passing = False
            start = end.end()
        rest = len(chunk) - start
        if final and rest:
            if not self._passing:
                lines.append(chunk[start:] + b"\n")
            start = len(chunk)
        elif rest > LONGEST:
            if not self._passing:
                self.skipped += 1
            self._passing = chunk[-1:] not in b"\r\b"
            start = len(chunk)
        self.offset += start
        return lines
