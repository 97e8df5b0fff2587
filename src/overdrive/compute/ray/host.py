"""What Ray starts on a node before anything of ours is there: it brings our code along.

This module is pickled by value, so it imports nothing but the standard library and Ray.
"""

from __future__ import annotations

import hashlib
import importlib
import io
import json
import os
import socket
import sys
import time
import zipfile
from typing import Any

COME_UP = 120.0  # seconds for the agent of a node to come up
ASK = 5.0  # seconds between two calls for it


def unpack(code: bytes) -> str:
    """The folder of this user's alone in which the code lies ready."""
    base = f"/tmp/overdrive-{os.getuid()}"
    os.makedirs(base, mode=0o700, exist_ok=True)
    if os.lstat(base).st_uid != os.getuid():
        raise PermissionError(f"{base} is not this user's alone")
    folder = os.path.join(base, "code-" + hashlib.sha256(code).hexdigest()[:16])
    if not os.path.isdir(folder):
        aside = f"{folder}.{os.getpid()}"
        zipfile.ZipFile(io.BytesIO(code)).extractall(aside)
        try:
            os.rename(aside, folder)
        except OSError:  # another process was quicker
            pass
    return folder


class Host:
    """An actor that is whatever `target` ("module:Class") names, in the code that it brings along."""

    def __init__(self, code: bytes, target: str, *args: Any) -> None:
        sys.path.insert(0, unpack(code))
        module, _, name = target.partition(":")
        self._guest = getattr(importlib.import_module(module), name)(*args)

    async def call(self, method: str, *args: Any) -> Any:
        """Call a method of it."""
        return await getattr(self._guest, method)(*args)


def door(name: str, node: str) -> str:
    """Where the agent of a node listens."""
    return f"/tmp/overdrive-{os.getuid()}/ray-{name}-{node[:16]}"


PASSED_ON = ("CUDA_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES", "TPU_VISIBLE_CHIPS")


def hold(keeper: Any, name: str, job_id: str) -> None:
    """Hold the place of a run as long as the agent of this node says so: it knows the run, Ray knows the place.

    Waits on a socket, since a task that waits for Ray gives its CPUs back.
    """
    import ray

    node = ray.get_runtime_context().get_node_id()
    deadline, ask_at = time.monotonic() + COME_UP, 0.0
    while True:
        agent = socket.socket(socket.AF_UNIX)
        try:
            agent.connect(door(name, node))
            break
        except OSError:
            agent.close()
        now = time.monotonic()
        if now >= deadline:
            raise TimeoutError(f"the agent of node {node} does not come up")
        if now >= ask_at:
            keeper.call.remote("need", node)
            ask_at = now + ASK
        time.sleep(0.01)
    with agent:
        places = {key: os.environ[key] for key in PASSED_ON if key in os.environ}
        agent.sendall(json.dumps({"job": job_id, "env": places}).encode() + b"\n")
        while agent.recv(4096):
            pass
