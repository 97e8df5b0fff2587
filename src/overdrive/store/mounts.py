"""On which kind of file system a path lies, from what Linux says of its mounts (`man proc`, /proc/PID/mountinfo)."""

from __future__ import annotations

import re
from pathlib import Path

NETWORK = (
    *("9p", "afs", "beegfs", "ceph", "cifs", "gfs", "glusterfs", "gpfs", "lustre", "ncpfs", "nfs", "ocfs2"),
    *("orangefs", "panfs", "pvfs2", "smb", "virtiofs", "wekafs"),
    "fuse.",
)
"""How the types of file systems begin that several machines may write at once."""

LOCAL = (
    "fuse.ntfs",
    "fuse.exfat",
    "fuse.ext",
    "fuse.fuse-overlayfs",
    "fuse.encfs",
    "fuse.gocryptfs",
    "fuse.apfs",
)
"""And those of the programs below `fuse.`, most of which reach over a network, that do not."""

_ESCAPE = re.compile(r"\\([0-7]{3})")


def network_file_system(path: Path) -> str | None:
    """The type of the network file system that a path lies on; None on a local disk, or where nothing is known."""
    try:
        text = Path("/proc/self/mountinfo").read_text(encoding="utf-8", errors="surrogateescape")
        folder = path.parent.resolve()
    except OSError:
        return None
    kind = file_system(str(folder), text)
    return kind if kind is not None and is_network(kind) else None


def is_network(kind: str) -> bool:
    """Whether several machines may write at once to a file system of this type."""
    return kind.startswith(NETWORK) and not kind.startswith(LOCAL)


def file_system(folder: str, mountinfo: str) -> str | None:
    """The type of the file system that an absolute folder lies on: of the deepest mount above it, the last one
    where several lie on each other. Lines that are no mounts are passed over."""
    depth, found = -1, None
    for line in mountinfo.splitlines():
        before, _, after = line.partition(" - ")
        fields, kind = before.split(" "), after.split(" ")[0]
        if len(fields) < 5 or not kind:
            continue
        place = _ESCAPE.sub(lambda code: chr(int(code[1], 8)), fields[4]).rstrip("/")
        if len(place) >= depth and f"{folder}/".startswith(f"{place}/"):
            depth, found = len(place), kind
    return found
