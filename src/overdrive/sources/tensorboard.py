"""Metrics in TensorBoard's event files: the scalars, and nothing else of them.

A file is a row of records: length (8 bytes), its checksum (4), the data, their checksum (4); the data are an `Event`
message (tensorboard/compat/proto: event, summary, tensor). A reader of a hundred lines, since TensorBoard's own
would cost the controller a second and an environment that few have.
"""

from __future__ import annotations

import math
import os
import struct
from collections.abc import Iterator
from typing import Any

from ..model.metrics import Point
from .base import MOST_NAMES, Place
from .files import Files

_CHUNK = 1 << 20
_LARGEST = 1 << 28
"""Bytes of a record; a length beyond it is damage."""

_PARTS = frozenset(("train", "training", "validation", "val", "valid", "test", "eval", "dev"))
"""Folders of one run's parts: Keras writes `epoch_loss` to `train/` and to `validation/`."""

_NUMBERS = {1: "<f", 2: "<d", 3: "<i", 9: "<q"}
"""Types of a tensor that we read: float, double, int32, int64."""

_FIELDS = {1: 5, 2: 6, 3: 7, 9: 10}
"""Where a tensor of this type keeps its numbers when it has no `tensor_content`."""


class TensorBoard:
    """A source: the event files of a run. A scalar is called by its tag, in a folder such as `validation` by
    `validation/<tag>`."""

    def __init__(self, place: Place) -> None:
        self._files = Files(place, lambda name: ".tfevents." in name)
        self._readers: dict[str, EventFile] = {}
        self._names = {place.metric}
        self.behind = False

    def read(self, final: bool = False) -> list[Point]:
        """The new points, in the order of their times where several files have some."""
        self.behind, found = False, []
        for path, begin in self._files.look(final).items():
            reader = self._readers.setdefault(path, EventFile(path, begin))
            found += reader.read()
            self.behind = self.behind or reader.behind
        if len(self._readers) > 1:
            found.sort(key=lambda point: point.time or 0.0)
        for point in found:
            if len(self._names) < MOST_NAMES:
                self._names.add(point.name)
        return [point for point in found if point.name in self._names]


class EventFile:
    """Tails one file; half a record at its end is left until it is whole."""

    def __init__(self, path: str, offset: int = 0) -> None:
        part = os.path.basename(os.path.dirname(path))
        self._prefix = f"{part}/" if part.lower() in _PARTS else ""
        self._path, self._offset = path, offset
        self._damaged = False
        self.behind = False

    def read(self) -> list[Point]:
        """The scalars of the new whole records; nothing more once a length is damaged."""
        found: list[Point] = []
        self.behind = False
        try:
            if self._damaged or os.stat(self._path).st_size <= self._offset:
                return found
            with open(self._path, "rb") as file:
                file.seek(self._offset)
                started = self._offset
                for data in self._records(file):
                    found += self._scalars(data)
                    if self._offset - started > _CHUNK:
                        self.behind = True
                        break
        except OSError:
            pass
        return found

    def _records(self, file: Any) -> Iterator[bytes]:
        while True:
            head = file.read(12)
            if len(head) < 12:
                return
            length, checksum = struct.unpack("<QI", head)
            if length > _LARGEST or checksum != _masked_crc(head[:8]):
                self._damaged = True
                return
            data = file.read(length + 4)
            if len(data) < length + 4:
                return
            self._offset += 12 + length + 4
            yield data[:-4]

    def _scalars(self, data: bytes) -> Iterator[Point]:
        try:
            event = dict(_fields(data))
            if 5 not in event:
                return
            step, when = _signed(event.get(2, 0)), _unpacked("<d", event.get(1))
            for number, value in _fields(event[5]):
                named = _scalar(value) if number == 1 else None
                if named is not None:
                    name = named[0] if named[0].startswith(self._prefix) else self._prefix + named[0]
                    yield Point(name, named[1], float(step), when)
        except (ValueError, IndexError, TypeError, struct.error):
            return


def _scalar(value: bytes) -> tuple[str, float] | None:
    """Tag and number of a `Summary.Value`, or None for a picture, a histogram, a text."""
    fields = dict(_fields(value))
    tag = fields.get(1, b"").decode("utf-8", "replace")
    if not tag:
        return None
    if 2 in fields:
        return tag, _single(fields[2])
    plugin = dict(_fields(dict(_fields(fields.get(9, b""))).get(1, b""))).get(1, b"scalars")
    number = _tensor(fields[8]) if 8 in fields and plugin == b"scalars" else None
    return None if number is None else (tag, number)


def _tensor(tensor: bytes) -> float | None:
    """The one number of a `TensorProto`, or None."""
    fields = dict(_fields(tensor))
    kind = fields.get(1, 0)
    if kind not in _NUMBERS:
        return None
    packed = fields.get(4) or fields.get(_FIELDS[kind])
    if isinstance(packed, int):
        return float(_signed(packed))
    size = struct.calcsize(_NUMBERS[kind])
    if packed is None or len(packed) != size:
        return None
    return _single(packed) if kind == 1 else float(struct.unpack(_NUMBERS[kind], packed)[0])


def _single(data: bytes) -> float:
    """A float of 4 bytes as the shortest decimal that means it: 0.7, not 0.699999988079071."""
    number = float(struct.unpack("<f", data)[0])
    if math.isfinite(number):
        for digits in range(6, 9):
            short = float(f"{number:.{digits}g}")
            if abs(short) < 3e38 and struct.pack("<f", short) == data:
                return short
    return number


def _fields(data: bytes) -> Iterator[tuple[int, Any]]:
    """The fields of a protocol buffer message: numbers of varints, bytes of everything else."""
    place = 0
    while place < len(data):
        key, place = _varint(data, place)
        kind = key & 7
        if kind == 0:
            value, place = _varint(data, place)
            yield key >> 3, value
            continue
        if kind == 2:
            size, place = _varint(data, place)
        elif kind in (1, 5):
            size = 8 if kind == 1 else 4
        else:
            raise ValueError(f"wire type {kind}")
        if place + size > len(data):
            raise ValueError("cut short")
        yield key >> 3, data[place : place + size]
        place += size


def _varint(data: bytes, place: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[place]
        place += 1
        value |= (byte & 0x7F) << shift
        if not byte & 0x80:
            return value, place
        shift += 7
        if shift > 63:
            raise ValueError("a varint of more than ten bytes")


def _signed(number: int) -> int:
    return number - (1 << 64) if number >= 1 << 63 else number


def _unpacked(form: str, data: bytes | None) -> float | None:
    return None if data is None else float(struct.unpack(form, data)[0])


def _table() -> list[int]:
    table = []
    for byte in range(256):
        for _ in range(8):
            byte = (byte >> 1) ^ (0x82F63B78 if byte & 1 else 0)
        table.append(byte)
    return table


_CRC32C = _table()


def _masked_crc(data: bytes) -> int:
    """CRC-32C (Castagnoli), rotated and shifted as TFRecord files have it."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc = (crc >> 8) ^ _CRC32C[(crc ^ byte) & 0xFF]
    crc ^= 0xFFFFFFFF
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF
