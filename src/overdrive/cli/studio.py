"""`overdrive studio`: the sweeps of the workspace in a browser, until Ctrl-C."""

from __future__ import annotations

import importlib.util
import os
import secrets
import socket
import sys
import threading
import webbrowser
from pathlib import Path

from ..errors import ConfigError, NotFound, OverdriveError
from .answer import open_workspace, print_json

PORT = 8484
"""The port when none is named; when it is taken, one that is free."""


def serve(
    folder: Path | None,
    *,
    host: str,
    port: int | None,
    token: str | None,
    open_page: bool,
    read_only: bool,
    as_json: bool,
) -> int:
    """Print the address and serve until interrupted."""
    missing = [name for name in ("fastapi", "uvicorn", "plotly") if importlib.util.find_spec(name) is None]
    if missing:
        raise NotFound(
            f"the studio needs {', '.join(missing)}; `pip install 'overdrive[studio]'` brings them"
        )
    from ..studio.guard import LOOPBACK, is_loopback
    from ..studio.server import run

    if token is not None and not (token and all(letter.isalnum() or letter in "-_" for letter in token)):
        raise ConfigError("--token: must be letters, digits, '-' and '_', since it is part of a link")
    workspace = open_workspace(folder)
    if token is None and not is_loopback(host):
        token = secrets.token_urlsafe(24)
    door = _listen(host, port)
    address = _address(host, door.getsockname()[1])
    link = f"{address}?token={token}" if token else address
    names = {*LOOPBACK, host, *(() if is_loopback(host) else (socket.gethostname(), socket.getfqdn()))}
    if as_json:
        print_json({"url": link, "pid": os.getpid()})
    else:
        print(f"{link}\n", end="", flush=True)
        print(f"The studio of {workspace.root} is open; Ctrl-C closes it.", file=sys.stderr)
    if open_page:
        threading.Timer(0.3, webbrowser.open, [link]).start()
    run(workspace, door, names=names, token=token, read_only=read_only)
    return 0


def _listen(host: str, port: int | None) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    for wanted in (PORT, 0) if port is None else (port,):
        door = socket.socket(family)
        door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            door.bind((host, wanted))
        except (OSError, OverflowError) as error:
            door.close()
            if port is not None or wanted == 0:
                raise OverdriveError(f"cannot listen on {host!r}, port {wanted}: {error}") from error
        else:
            door.listen(128)
            return door
    raise AssertionError


def _address(host: str, port: int) -> str:
    shown = socket.gethostname() if host in ("0.0.0.0", "::") else host
    return f"http://[{shown}]:{port}/" if ":" in shown else f"http://{shown}:{port}/"
