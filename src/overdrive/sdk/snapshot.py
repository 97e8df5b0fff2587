"""The source folder as it stood at submit, kept once for each content under `snapshots/<hash>/`."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from ..errors import ConfigError, Problem

ALWAYS_IGNORED = {
    ".git",
    ".hg",
    ".svn",
    ".overdrive",
    "__pycache__",
    ".ipynb_checkpoints",
    ".venv",
    ".mypy_cache",
}

LIMIT_MEGABYTES = 300
"""HyperDrive's limit of a snapshot; OVERDRIVE_SNAPSHOT_LIMIT_MB moves it."""


class _Member(NamedTuple):
    name: str
    path: str
    size: int


def take(source: Path, snapshots: Path) -> Path:
    """Keep a copy of `source` without what `.amlignore` (else `.gitignore`) names; the folder of the copy.

    ConfigError where the folder is missing or too large to be copied for each run.
    """
    if not source.is_dir():
        raise ConfigError(Problem("source_directory", f"there is no folder {str(source)!r}"))
    members = list(_members(source))
    _refuse_too_much(members)
    digest = hashlib.blake2b(digest_size=12)
    for member in members:
        digest.update(_identity(member))
    kept = snapshots / digest.hexdigest()
    if kept.is_dir():
        return kept
    aside = snapshots / f".{kept.name}.{os.getpid()}"
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir(parents=True)
    for member in members:
        copy = aside / member.name
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(member.path, copy, follow_symlinks=False)
    try:
        aside.rename(kept)
    except OSError:  # somebody else has just kept the same
        shutil.rmtree(aside, ignore_errors=True)
    return kept


def _members(source: Path) -> Iterator[_Member]:
    """Files and links to be kept, in the order of their names."""
    aml = source / ".amlignore"
    yield from _walk(
        str(source), "", _Ignored(aml) if aml.is_file() else None, nested=not aml.is_file(), above=[]
    )


def _walk(
    root: str, inside: str, whole: _Ignored | None, *, nested: bool, above: list[tuple[str, _Ignored]]
) -> Iterator[_Member]:
    folder = os.path.join(root, inside)
    rules = above
    git = Path(folder, ".gitignore")
    if nested and git.is_file():
        rules = [*above, (inside, _Ignored(git))]
    with os.scandir(folder) as found:
        entries = sorted(found, key=lambda entry: entry.name)
    for entry in entries:
        name = f"{inside}/{entry.name}" if inside else entry.name
        is_folder = entry.is_dir(follow_symlinks=False)
        if entry.name in ALWAYS_IGNORED or (whole is not None and whole.says(name, is_folder) is True):
            continue
        if _ignored_by_nearest(rules, name, is_folder):
            continue
        if is_folder:
            yield from _walk(root, name, whole, nested=nested, above=rules)
        elif entry.is_symlink() or entry.is_file():
            yield _Member(name, entry.path, entry.stat(follow_symlinks=False).st_size)


def _ignored_by_nearest(rules: list[tuple[str, _Ignored]], name: str, is_folder: bool) -> bool:
    for inside, ignored in reversed(rules):
        said = ignored.says(name[len(inside) + 1 :] if inside else name, is_folder)
        if said is not None:
            return said
    return False


class _Ignored:
    """The patterns of one ignore file."""

    def __init__(self, path: Path) -> None:
        from pathspec import GitIgnoreSpec  # 30 ms: only where there is such a file

        self._spec: Any = GitIgnoreSpec.from_lines(path.read_text(errors="replace").splitlines())

    def says(self, name: str, is_folder: bool) -> bool | None:
        """True: ignored; False: kept by an exception (`!`); None: no pattern matches."""
        included: bool | None = self._spec.check_file(name + "/" if is_folder else name).include
        return included


def _identity(member: _Member) -> bytes:
    name = os.fsencode(member.name)
    if os.path.islink(member.path):
        content, mode = os.fsencode(os.readlink(member.path)), b"l"
    else:
        with open(member.path, "rb") as file:
            content = hashlib.file_digest(file, "blake2b").digest()
        mode = b"x" if os.access(member.path, os.X_OK) else b"-"
    return b"%d:%s%s%d:%s" % (len(name), name, mode, len(content), content)


def _refuse_too_much(members: list[_Member]) -> None:
    limit = float(os.environ.get("OVERDRIVE_SNAPSHOT_LIMIT_MB", LIMIT_MEGABYTES))
    size = sum(member.size for member in members) / 1e6
    if size <= limit:
        return
    shares: dict[str, float] = {}
    for member in members:
        top = member.name.split("/")[0]
        shares[top] = shares.get(top, 0.0) + member.size / 1e6
    largest = sorted(shares.items(), key=lambda share: -share[1])[:3]
    named = ", ".join(f"{name} {megabytes:.0f} MB" for name, megabytes in largest)
    raise ConfigError(
        Problem(
            "source_directory",
            f"holds {size:.0f} MB in {len(members)} files, and each run gets its own copy "
            f"(limit {limit:.0f} MB); name what the script does not need in .amlignore "
            f"(largest: {named}), or raise "
            "OVERDRIVE_SNAPSHOT_LIMIT_MB",
        )
    )
