"""A run's own copy of the source, made in small steps, so that its maker can see to other things in between.

Files are copied inside the kernel where it can (and share their blocks on file systems that can); modes and
symbolic links are kept, times are not. Standard library only, and no pathlib, for the launcher's quick start.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Generator

from ..runtime import wire

STEP = 8 << 20


def made(folder: wire.RunFolder, source: str | None) -> Generator[None, None, None]:
    """Make a run's folder, in steps: the content of `source`, and over it what lies ready in `.run/files/`."""
    folder.make()
    if source is not None:
        yield from copying(source, folder.path, leave=wire.OWN)
    if os.path.isdir(folder.files):
        yield from copying(folder.files, folder.path)


def copying(source: str, target: str, leave: str = "") -> Generator[None, None, None]:
    """Copy the content of `source` into the folder `target`, a file or `STEP` bytes a step.

    `leave`: a name at the top of `source` that is not copied. Sockets, pipes and devices are passed over.
    OSError as it comes.
    """
    folders = [("", leave)]
    while folders:
        inside, leave = folders.pop()
        with os.scandir(os.path.join(source, inside)) as entries:
            for entry in entries:
                if entry.name == leave:
                    continue
                name = os.path.join(inside, entry.name)
                copy = os.path.join(target, name)
                if entry.is_symlink():
                    _link(os.readlink(entry.path), copy)
                elif entry.is_dir(follow_symlinks=False):
                    os.makedirs(copy, exist_ok=True)
                    folders.append((name, ""))
                elif entry.is_file(follow_symlinks=False):
                    yield from _file(entry.path, copy)
                yield


def _link(goal: str, copy: str) -> None:
    try:
        os.symlink(goal, copy)
    except FileExistsError:
        os.unlink(copy)
        os.symlink(goal, copy)


def _file(path: str, copy: str) -> Generator[None, None, None]:
    read = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        status = os.fstat(read)
        # The owner may always write to a copy: a snapshot is read-only, a working folder is not.
        mode = stat.S_IMODE(status.st_mode) | stat.S_IWUSR
        if os.path.islink(copy):  # an earlier layer's: what it points at is not ours to write
            os.unlink(copy)
        write = os.open(copy, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, mode)
        try:
            os.fchmod(write, mode)
            left = status.st_size
            while left > 0:
                done = _some(read, write, min(left, STEP))
                if not done:
                    break
                left -= done
                if left > 0:
                    yield
        finally:
            os.close(write)
    finally:
        os.close(read)


def _some(read: int, write: int, count: int) -> int:
    if hasattr(os, "copy_file_range"):
        try:
            done = os.copy_file_range(read, write, count)
            if done:
                return done
        except OSError as error:  # another file system, or one that cannot
            if error.errno not in (
                errno.EXDEV,
                errno.EINVAL,
                errno.ENOSYS,
                errno.EOPNOTSUPP,
                errno.EBADF,
                errno.EPERM,
            ):
                raise
    data = os.read(read, min(count, 1 << 20))
    view = memoryview(data)
    while view:
        view = view[os.write(write, view) :]
    return len(data)
