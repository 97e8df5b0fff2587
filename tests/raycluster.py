"""A Ray cluster of two nodes on this machine, of a test's own: its folder, its ports, its processes."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path

from overdrive.runtime import processes
from polling import until

ATTEMPTS = 5  # a node that is not up within 30 s on a busy machine gives itself up
CPUS = 4


class RayCluster:
    """A head and another node, each with 4 CPUs; the other has the resource `second`, too. `up` starts it and points
    RAY_ADDRESS of this process at it."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="ray-", dir="/tmp"))
        self.address = ""
        self._nodes: dict[str, subprocess.Popen[bytes]] = {}

    def up(self) -> None:
        os.environ["RAY_AUTH_MODE"] = "disabled"  # whatever token this machine may have
        log = self.start(
            "head", "--head", "--port=0", "--include-dashboard=false", f"--temp-dir={self.folder}"
        )
        found = re.search(r"--address='([^']+)'", log)
        assert found, log
        self.address = found[1]
        self.start_second()
        os.environ["RAY_ADDRESS"] = self.address

    def start_second(self) -> None:
        self.start("second", f"--address={self.address}", '--resources={"second": 4}')

    def start(self, name: str, *words: str) -> str:
        """Start a node, and wait until its raylet serves; what it said."""
        log = self.folder / f"{name}.out"
        common = (f"--num-cpus={CPUS}", "--object-store-memory=80000000", "--disable-usage-stats", "--block")
        for _ in range(ATTEMPTS):
            with log.open("wb") as file:
                node = self._nodes[name] = subprocess.Popen(
                    [str(Path(sys.executable).with_name("ray")), "start", *words, *common],
                    stdin=subprocess.DEVNULL,
                    stdout=file,
                    stderr=subprocess.STDOUT,
                    env={**os.environ, "RAY_worker_niceness": "0"},  # 15 starves beside other tests
                    start_new_session=True,
                )
            if until(partial(self._outcome, log, node), f"the Ray node {name}", 300) == "up":
                until(lambda: b"To terminate" in log.read_bytes(), "the last of its words")
                return log.read_text()
        raise AssertionError(f"no Ray node: {log.read_text()[-2000:]}")

    @staticmethod
    def _outcome(log: Path, node: subprocess.Popen[bytes]) -> str:
        if b"Ray runtime started" in log.read_bytes():
            return "up"
        return "down" if node.poll() is not None else ""

    def members(self, name: str) -> set[int]:
        """All processes of a node."""
        return processes.descendants({self._nodes[name].pid}, processes.table())

    def kill(self, name: str) -> None:
        """The node vanishes, with all of its own processes."""
        for pid in self.members(name):
            os.kill(pid, signal.SIGKILL)
        self._nodes.pop(name).wait()

    def down(self) -> None:
        for name in reversed(list(self._nodes)):
            left = self.members(name)
            node = self._nodes.pop(name)
            node.terminate()
            try:
                node.wait(30)
            except subprocess.TimeoutExpired:
                node.kill()
                node.wait()
            for pid in left:
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
        for name in ("RAY_ADDRESS", "RAY_AUTH_MODE"):
            os.environ.pop(name, None)
        shutil.rmtree(self.folder, ignore_errors=True)
