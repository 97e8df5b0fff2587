"""A Slurm cluster of two nodes on this machine, of a test's own: its folder, its keys, its ports."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
from pathlib import Path

from overdrive.runtime import processes
from polling import until

CONF = """\
ClusterName=test
SlurmctldHost=localhost(127.0.0.1)
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
CryptoType=crypto/munge
SlurmctldPort={ctld}
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool-%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd-%n.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd-%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
SwitchType=switch/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
JobCompType=jobcomp/none
SchedulerType=sched/backfill
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
ReturnToService=2
SlurmdParameters=config_overrides
KillWait=30
MinJobAge=300
SlurmdTimeout=5
SchedulerParameters=sched_interval=1,bf_interval=1,batch_sched_delay=0
NodeName=n1 NodeHostname={host} NodeAddr=127.0.0.1 Port={n1} CPUs=16 RealMemory=2000 State=UNKNOWN
NodeName=n2 NodeHostname={host} NodeAddr=127.0.0.1 Port={n2} CPUs=16 RealMemory=2000 State=UNKNOWN
PartitionName=main Nodes=n1,n2 Default=YES MaxTime=INFINITE State=UP
"""

NODES = ("n1", "n2")


class Slurm:
    """The cluster; needs root. `up` starts it and points SLURM_CONF of this process at it."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="slurm-"))

    def up(self) -> None:
        for name in ("munge", "state"):
            (self.folder / name).mkdir(mode=0o700)
        key = self.folder / "munge" / "munge.key"
        key.write_bytes(os.urandom(1024))
        key.chmod(0o600)
        ports = dict(zip(("ctld", "n1", "n2"), _free_ports(3), strict=True))
        conf = self.folder / "slurm.conf"
        conf.write_text(CONF.format(folder=self.folder, host=socket.gethostname(), **ports))
        os.environ["SLURM_CONF"] = str(conf)
        files = {"key": "munge/munge.key", "pid": "munge.pid", "log": "munge.log", "seed": "munge.seed"}
        words = [f"--{name}-file={self.folder / file}" for name, file in files.items()]
        _run("munged", "--force", f"--socket={self.folder}/munge.socket", *words)
        _run("slurmctld", "-i")
        for node in NODES:
            self.start(node)
        self._idle()

    def _idle(self) -> None:
        until(lambda: self.says("sinfo", "-h", "-o", "%t").split() == ["idle"], "two idle nodes")

    def lose(self, node: str) -> None:
        """Kill a node's daemon, and have slurmctld notice it now and not within a minute."""
        self.kill(f"slurmd-{node}")
        self.says("scontrol", "update", f"nodename={node}", "state=down", "reason=lost")

    def control(self) -> None:
        """Start slurmctld again, with what it has kept."""
        _run("slurmctld")
        until(lambda: self.pid("slurmctld"), "slurmctld")

    def mend(self) -> None:
        """Start again what a test has killed, and have two idle nodes."""
        if not self.pid("slurmctld"):
            self.control()
        for node in NODES:
            if not self.pid(f"slurmd-{node}"):
                self.start(node)
        if "drain" in self.says("sinfo", "-h", "-o", "%t"):
            self.says("scontrol", "update", f"nodename={','.join(NODES)}", "state=resume")
        self._idle()

    def start(self, node: str) -> None:
        """Start the daemon of a node."""
        (self.folder / f"spool-{node}").mkdir(exist_ok=True)
        _run("slurmd", "-N", node)
        until(lambda: self.pid(f"slurmd-{node}"), f"slurmd of {node}")

    def pid(self, daemon: str) -> int | None:
        """The pid of a living daemon."""
        try:
            pid = int((self.folder / f"{daemon}.pid").read_text())
        except (OSError, ValueError):
            return None
        return pid if processes.alive(pid, None) else None

    def kill(self, daemon: str, number: int = signal.SIGKILL) -> None:
        """End a daemon and wait until it has gone."""
        pid = self.pid(daemon)
        if pid is not None:
            os.kill(pid, number)
            until(lambda: not processes.alive(pid, None), f"the end of {daemon}")

    def says(self, *words: str) -> str:
        """The answer of one of Slurm's commands."""
        return subprocess.run(words, capture_output=True, text=True, timeout=30).stdout

    def jobs(self) -> list[str]:
        """The names of all jobs that wait or run."""
        return self.says("squeue", "-h", "-r", "-o", "%j").split()

    def down(self) -> None:
        self.says("scancel", "--full", f"--user={os.getuid()}")
        until(lambda: not self.jobs(), "an empty queue")
        for node in NODES:
            self.kill(f"slurmd-{node}", signal.SIGTERM)
        self.kill("slurmctld", signal.SIGTERM)
        self.kill("munge", signal.SIGTERM)
        os.environ.pop("SLURM_CONF", None)
        shutil.rmtree(self.folder, ignore_errors=True)


def _free_ports(number: int) -> list[int]:
    doors = [socket.socket() for _ in range(number)]
    for door in doors:
        door.bind(("127.0.0.1", 0))
    ports = [door.getsockname()[1] for door in doors]
    for door in doors:
        door.close()
    return ports


def _run(*words: str) -> None:
    subprocess.run(words, check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, timeout=30)
