"""A PostgreSQL server of the tests' own: on a socket in a folder, with nothing that makes it safe and slow."""

from __future__ import annotations

import glob
import os
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path

from polling import until


def binaries() -> Path | None:
    """The folder of the newest `postgres` on this machine; Debian keeps it off the PATH."""
    found = shutil.which("postgres")
    folders = sorted(glob.glob("/usr/lib/postgresql/*/bin/postgres"), key=lambda p: int(Path(p).parts[4]))
    place = folders[-1] if folders else found
    return Path(os.path.realpath(place)).parent if place else None


class Server:
    """One server, which may be stopped and started again at the same place."""

    def __init__(self, programs: Path) -> None:
        self._programs = programs
        self.folder = Path(tempfile.mkdtemp(prefix="overdrive-pg-"))
        self._user: list[str] = []
        if os.getuid() == 0:  # it refuses to run as root
            shutil.chown(self.folder, "nobody")
            self._user = ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups"]
        words = ["-U", "postgres", "-A", "trust", "--no-sync", "-E", "UTF8", "--locale=C"]
        self._run("initdb", "-D", str(self.folder / "data"), *words)
        self.start()

    @property
    def url(self) -> str:
        return f"postgresql://postgres@/postgres?host={self.folder}"

    def start(self) -> None:
        """Until it answers."""
        quick = ["listen_addresses=", f"unix_socket_directories={self.folder}", "max_connections=200"]
        quick += ["fsync=off", "full_page_writes=off", "max_wal_size=64MB"]
        with open(self.folder / "log", "ab") as log:
            self._process = subprocess.Popen(
                [
                    *self._user,
                    self._programs / "postgres",
                    *("-D", self.folder / "data"),
                    *(word for setting in quick for word in ("-c", setting)),
                ],
                stdout=log,
                stderr=log,
                cwd="/",
            )
        until(self._answers, "a PostgreSQL server that answers")

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """SIGINT ends all sessions; SIGQUIT is a crash."""
        self._process.send_signal(how)
        self._process.wait(60)

    def remove(self) -> None:
        self.stop(signal.SIGQUIT)
        shutil.rmtree(self.folder)

    def _answers(self) -> bool:
        assert self._process.poll() is None, (self.folder / "log").read_text()
        return not subprocess.run(
            [self._programs / "pg_isready", "-q", "-h", self.folder], check=False
        ).returncode

    def _run(self, program: str, *words: str) -> None:
        command = [*self._user, str(self._programs / program), *words]
        done = subprocess.run(command, capture_output=True, text=True, cwd="/", check=False)
        assert done.returncode == 0, done.stderr
