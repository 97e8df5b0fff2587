"""The launcher's side of its Unix socket: a greeting, every news, and an answer to what is asked.

JSON lines both ways. Nothing that comes in, however malformed, does more than an error answer or a hang-up.
Standard library only, and no pathlib, for the launcher's quick start.
"""

from __future__ import annotations

import json
import os
import selectors
import socket
import sys
from collections.abc import Callable
from typing import Any

from .private import private_folder

Message = dict[str, Any]

LONGEST_LINE = 64 << 20
LONGEST_PATH = 100  # bytes; the kernels' limits for a socket's path are 108 and 104, its final zero included


class Door:
    """The listening socket and the connected controllers.

    `greet()` makes the first message to each of them; `obey(message)` acts on one of theirs and returns the
    answer, or None for none. What it raises is answered as {"error": ...}.
    """

    def __init__(
        self,
        listener: socket.socket,
        selector: selectors.BaseSelector,
        greet: Callable[[], Message],
        obey: Callable[[Any], Message | None],
    ) -> None:
        self._selector = selector
        self._greet = greet
        self._obey = obey
        self._visitors: set[_Visitor] = set()
        self.open(listener)

    def open(self, listener: socket.socket) -> None:
        """Take visitors from this socket on."""
        self._listener = listener
        self._selector.register(listener, selectors.EVENT_READ, self._accept)

    def reopen(self, listener: socket.socket) -> None:
        """Take visitors from this socket instead; who is connected stays so."""
        self._selector.unregister(self._listener)
        self._listener.close()
        self.open(listener)

    @property
    def address(self) -> str:
        """The path at which to knock."""
        return str(self._listener.getsockname())

    @property
    def visited(self) -> bool:
        """Whether any controller is connected."""
        return bool(self._visitors)

    def announce(self, message: Message) -> None:
        """Tell every connected controller."""
        for visitor in list(self._visitors):
            self._send(visitor, message)

    def _accept(self) -> None:
        try:
            connection, _ = self._listener.accept()
        except OSError:
            return
        connection.setblocking(False)
        visitor = _Visitor(connection)
        self._visitors.add(visitor)
        self._selector.register(connection, selectors.EVENT_READ, lambda: self._receive(visitor))
        self._send(visitor, self._greet())

    def _receive(self, visitor: _Visitor) -> None:
        if visitor.outbox:
            self._flush(visitor)
        try:
            data = visitor.connection.recv(1 << 18)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        visitor.inbox += data
        if not data or len(visitor.inbox) > LONGEST_LINE:
            self._drop(visitor)
        elif b"\n" in data:
            *lines, rest = bytes(visitor.inbox).split(b"\n")
            visitor.inbox = bytearray(rest)
            for line in lines:
                self._answer(visitor, line)

    def _answer(self, visitor: _Visitor, line: bytes) -> None:
        try:
            answer = self._obey(json.loads(line))
        except Exception as error:  # whatever it was, the runs must not lose their parent
            print(f"refused {line[:200]!r}: {error!r}", file=sys.stderr, flush=True)
            answer = {"error": f"{type(error).__name__}: {error}"}
        if answer is not None:
            self._send(visitor, answer)

    def _send(self, visitor: _Visitor, message: Message) -> None:
        visitor.outbox += json.dumps(message).encode() + b"\n"
        self._flush(visitor)

    def _flush(self, visitor: _Visitor) -> None:
        if visitor not in self._visitors:
            return
        try:
            while visitor.outbox:
                del visitor.outbox[: visitor.connection.send(visitor.outbox)]
        except BlockingIOError:
            pass
        except OSError:
            self._drop(visitor)
            return
        if len(visitor.outbox) > LONGEST_LINE:  # it does not read; a greeting tells it all when it comes back
            self._drop(visitor)
            return
        events = selectors.EVENT_READ | (selectors.EVENT_WRITE if visitor.outbox else 0)
        key = self._selector.get_key(visitor.connection)
        if key.events != events:
            self._selector.modify(visitor.connection, events, key.data)

    def _drop(self, visitor: _Visitor) -> None:
        if visitor in self._visitors:
            self._visitors.remove(visitor)
            self._selector.unregister(visitor.connection)
            visitor.connection.close()


class _Visitor:
    """One connected controller, with what it has sent and what it is still to get."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        self.inbox = bytearray()
        self.outbox = bytearray()


def listen(folder: str) -> socket.socket:
    """A listening socket for this sweep folder, under a path that is short and private however long the
    folder's own path is. OSError when there is no place for one."""
    status = os.stat(folder)
    name = f"{status.st_dev:x}-{status.st_ino:x}"
    listener = socket.socket(socket.AF_UNIX)
    for base in (os.environ.get("TMPDIR", "/tmp"), "/tmp"):
        try:
            path = f"{private_folder(base)}/{name}"
            if len(os.fsencode(path)) > LONGEST_PATH:
                continue
            if os.path.lexists(path):  # a dead launcher's: the caller holds the sweep's lock
                os.unlink(path)
            listener.bind(path)
        except OSError:
            continue
        listener.listen(64)
        listener.setblocking(False)
        return listener
    listener.close()
    raise OSError(
        f"no private place for a socket: /tmp/overdrive-{os.getuid()} cannot be made, or is not ours alone"
    )
