"""A workspace on a network file system: how it is recognized, and what SQLite does there and does not."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import sqlite3

import pytest

from overdrive.errors import StoreError
from overdrive.model.metrics import Point
from overdrive.model.records import SweepRecord
from overdrive.store import sqlite
from overdrive.store.base import Turn, open_store
from overdrive.store.mounts import file_system, is_network

MOUNTS = r"""
22 1 254:1 / / rw,relatime shared:1 - ext4 /dev/vda1 rw
40 22 0:35 / /home rw,relatime shared:20 - nfs4 server:/export/home rw,vers=4.2
41 40 254:3 / /home/ada/local\040disk rw - xfs /dev/vdb1 rw
42 22 0:36 / /scratch rw - lustre 10.0.0.1@tcp:/scratch rw,flock
43 22 0:37 / /data rw - fuse.sshfs ada@host: rw
44 22 254:5 / /mnt rw - ext4 /dev/vdc1 rw
45 44 0:38 / /mnt rw - cifs //server/share rw
no mount at all
"""


@pytest.mark.parametrize(
    ("folder", "kind"),
    [
        ("/", "ext4"),
        ("/homework", "ext4"),
        ("/home", "nfs4"),
        ("/home/ada/project/.overdrive", "nfs4"),
        ("/home/ada/local disk/project", "xfs"),
        ("/scratch/x", "lustre"),
        ("/data/x", "fuse.sshfs"),
        ("/mnt/x", "cifs"),  # which lies over the other one
    ],
)
def test_the_file_system_of_a_folder_is_that_of_its_deepest_mount(folder, kind):
    assert file_system(folder, MOUNTS) == kind


def test_which_file_systems_reach_over_a_network():
    assert all(
        map(is_network, ["nfs", "nfs4", "cifs", "smb3", "lustre", "gpfs", "beegfs", "ceph", "fuse.sshfs"])
    )
    assert not any(
        map(is_network, ["ext4", "xfs", "btrfs", "zfs", "tmpfs", "overlay", "fuseblk", "fuse.ntfs-3g"])
    )


@pytest.fixture
def path(tmp_path):
    return tmp_path / "overdrive.db"


@pytest.fixture
def over_nfs(path, monkeypatch):
    """Opens the store as a machine does for which its folder is one of NFS."""

    def opened():
        with monkeypatch.context() as patch:
            patch.setattr(sqlite, "network_file_system", lambda _: "nfs4")
            return contextlib.closing(open_store(f"sqlite:///{path}"))

    return opened


def mode(path):
    with contextlib.closing(sqlite3.connect(path)) as connection:
        return connection.execute("PRAGMA journal_mode").fetchone()[0]


def written(store, value):
    store.commit("HD_1", Turn(points=[("HD_1_0", Point("loss", value))]))
    return [point.value for _, point in store.changes("HD_1").points]


def test_no_shared_memory_over_a_network(path, over_nfs):
    with over_nfs() as one, over_nfs() as two:
        assert "nfs4" in one.remark and "PostgreSQL" in one.remark
        one.create_sweep(SweepRecord("HD_1", "digits", "hyperdrive", {}))
        assert (written(one, 1.0), written(two, 2.0)) == ([1.0], [1.0, 2.0])
        assert not path.with_name("overdrive.db-shm").exists()
    assert mode(path) == "delete"


def test_who_has_the_disk_leaves_the_file_as_it_is(path, over_nfs):
    with over_nfs() as there:
        there.create_sweep(SweepRecord("HD_1", "digits", "hyperdrive", {}))
        with contextlib.closing(open_store(f"sqlite:///{path}")) as here:
            assert here.remark is None
            assert (written(here, 1.0), written(there, 2.0)) == ([1.0], [1.0, 2.0])
    assert mode(path) == "delete"


def test_a_file_that_was_a_local_one_is_taken_out_of_wal_when_nobody_has_it_open(path, over_nfs, monkeypatch):
    monkeypatch.setattr(sqlite, "BUSY_SECONDS", 0)
    with contextlib.closing(open_store(f"sqlite:///{path}")) as here:
        here.create_sweep(SweepRecord("HD_1", "digits", "hyperdrive", {}))
        written(here, 1.0)
        assert mode(path) == "wal"
        with pytest.raises(StoreError, match="in use by a process for which its disk is a local one"):
            over_nfs()
    with over_nfs() as there:
        assert written(there, 2.0) == [1.0, 2.0]
    assert mode(path) == "delete"


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP])
def test_a_file_system_without_locks_is_refused(over_nfs, monkeypatch, number):
    def refuse(*_):
        raise OSError(number, "No locks available")

    monkeypatch.setattr(fcntl, "lockf", refuse)
    with pytest.raises(StoreError, match="cannot lock files"):
        over_nfs()
