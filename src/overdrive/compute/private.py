"""A folder of this user's alone below a shared temporary one. Standard library only, and no pathlib, for the
launcher's quick start."""

from __future__ import annotations

import os
import stat


def private_folder(base: str) -> str:
    """`<base>/overdrive-<user id>`, made where it is missing; OSError when it cannot be made or is not ours alone."""
    home = f"{base}/overdrive-{os.getuid()}"
    os.makedirs(home, mode=0o700, exist_ok=True)
    owner = os.lstat(home)
    if owner.st_uid != os.getuid() or not stat.S_ISDIR(owner.st_mode) or owner.st_mode & 0o077:
        raise PermissionError(
            f"{home} is not this user's alone: somebody else may have made it, to listen in"
        )
    return home
