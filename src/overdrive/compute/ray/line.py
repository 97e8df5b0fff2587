"""The bridge of one address as its controller sees it: a process, and messages by channel."""

from __future__ import annotations

import atexit
import json
import os
import select
import socket
import subprocess
import sys
import time
from collections import deque
from typing import Any

from ...errors import ComputeError
from .options import place

Message = dict[str, Any]

PATIENCE = 10.0  # seconds for somebody to listen at the address,
HANDSHAKE = 60.0  # and to greet, once somebody does

_lines: dict[str, Line] = {}


class Line:
    """A bridge process, shared by all who use this address within this process; from one thread.

    `failure`: why it cannot be used any more.
    """

    @staticmethod
    def to(address: str, log: str) -> Line:
        """The living line to this address. What a new bridge complains about goes to the file `log`."""
        line = _lines.get(address)
        if line is None or line.failure is not None:
            line = _lines[address] = Line(address, log)
        return line

    def __init__(self, address: str, log: str) -> None:
        self._address = address
        self._began = time.monotonic()
        self._ready = False
        self._inboxes: dict[int | None, deque[Message]] = {None: deque()}
        self._inbox, self._outbox = b"", bytearray()
        self._channels = 0
        self.failure: str | None = None
        self._process: subprocess.Popen[bytes] | None = None
        where = place(address)
        if where is not None:
            try:
                socket.create_connection(where, PATIENCE).close()
            except OSError as error:
                self.failure = f"ray: nothing answers at {address} ({error.strerror or error})"
                return
        with open(log, "ab") as file:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", "overdrive.compute.ray.bridge", address],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=file,
                cwd="/",
                env={**os.environ, "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0"},
                bufsize=0,
                start_new_session=True,
            )
        assert self._process.stdin is not None
        os.set_blocking(self._process.stdin.fileno(), False)
        atexit.register(self.hang_up)

    def channel(self) -> int:
        """A channel of one's own."""
        self._channels += 1
        self._inboxes[self._channels] = deque()
        return self._channels

    def send(self, message: Message) -> None:
        """Say something; what cannot be said is known by `failure`."""
        self._outbox += json.dumps(message).encode() + b"\n"
        self._flush()

    def _flush(self) -> None:
        """Hand over what the bridge takes; it takes nothing until it is connected."""
        if self._process is None or self._process.stdin is None or self.failure is not None:
            return
        try:
            while self._outbox:
                del self._outbox[: os.write(self._process.stdin.fileno(), self._outbox)]
        except BlockingIOError:
            pass
        except OSError:
            self._fail("the bridge has ended")

    def receive(self, channel: int | None, timeout: float) -> list[Message]:
        """What has come for this channel, at the latest after `timeout` seconds."""
        inbox = self._inboxes[channel]
        deadline = time.monotonic() + timeout
        while not inbox and self.failure is None:
            left = deadline - time.monotonic()
            if not self._read(max(0.0, left)) and left <= 0:
                break
        found = list(inbox)
        inbox.clear()
        return found

    def _read(self, timeout: float) -> bool:
        """Take in what comes within this time; False when nothing does."""
        assert self._process is not None and self._process.stdout is not None
        poller = select.poll()
        poller.register(self._process.stdout, select.POLLIN)
        if self._outbox and self._process.stdin is not None:
            poller.register(self._process.stdin, select.POLLOUT)
        ready = dict(poller.poll(timeout * 1000))
        self._flush()
        if self._process.stdout.fileno() not in ready:
            if not self._ready and time.monotonic() - self._began > HANDSHAKE:
                self._fail(f"no Ray cluster answers at {self._address} within {HANDSHAKE:g} s")
            return False
        data = os.read(self._process.stdout.fileno(), 1 << 18)
        if not data:
            self._fail("the bridge has ended")
            return False
        *lines, self._inbox = (self._inbox + data).split(b"\n")
        for line in lines:
            self._take(json.loads(line))
        return True

    def _take(self, message: Message) -> None:
        if "ready" in message:
            self._ready = True
        elif "error" in message:
            self._fail(message["error"])
        else:
            inbox = self._inboxes.get(message.get("ch"))
            if inbox is not None:
                inbox.append(message)

    def _fail(self, why: str) -> None:
        if self.failure is None:
            self.failure = f"ray: {why}"
            if self._process is not None:
                self.hang_up()

    def hang_up(self) -> None:
        """End the bridge."""
        if self._process is not None:
            process, self._process = self._process, None
            process.kill()
            with process:
                pass
            atexit.unregister(self.hang_up)

    def close(self, channel: int) -> None:
        """Nobody listens to this channel any more."""
        self._inboxes.pop(channel, None)


def living_nodes(address: str) -> list[tuple[str, dict[str, float], dict[str, float]]]:
    """The living nodes of the cluster: name, what each has, what is free. ComputeError when it does not answer."""
    line = Line(address, os.devnull)
    try:
        line.send({"op": "nodes"})
        answers = line.receive(None, HANDSHAKE)
        if line.failure is not None or not answers:
            raise ComputeError(line.failure or f"ray: {address} does not say which nodes there are")
        return [(name, total, free) for name, total, free in answers[0]["nodes"]]
    finally:
        line.hang_up()
