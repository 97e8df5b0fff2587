"""The studio as a process: uvicorn on a socket that is already bound, until it is told to end."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterable
from types import FrameType

import uvicorn

from ..sdk.workspace import Workspace
from .app import create_app
from .live import Hub

GIVES_WAY = 5
"""By how much we are nicer than others."""


class _Server(uvicorn.Server):
    """Lets live streams go before it waits for connections to end."""

    hub: Hub

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self.hub.closing.set()
        super().handle_exit(sig, frame)


def run(
    workspace: Workspace,
    door: socket.socket,
    *,
    names: Iterable[str],
    token: str | None = None,
    read_only: bool = False,
) -> None:
    """Serve until SIGINT or SIGTERM; whatever runs beside us on this machine goes first."""
    os.nice(GIVES_WAY)
    hub = Hub(workspace)
    app = create_app(hub, names=names, token=token, read_only=read_only)
    config = uvicorn.Config(app, log_level="warning", access_log=False, timeout_graceful_shutdown=1)
    server = _Server(config)
    server.hub = hub
    try:
        server.run(sockets=[door])
    except KeyboardInterrupt:  # uvicorn raises it again when all is closed
        pass
