"""Where stores are, from what users write: a URL, a file, a folder."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote

FOLDER = ".overdrive"


def in_workspace(url: str, name: str) -> str:
    """The URL of a server's store with a workspace in it: the one that it names, else this one."""
    if "workspace=" in url.partition("?")[2]:
        return url
    return f"{url}{'&' if '?' in url else '?'}workspace={quote(name, errors='surrogateescape')}"


def store_url(place: str, name: str) -> str:
    """The URL of what a user calls a store: a URL, an SQLite file, or the folder of a project or its `.overdrive`.
    `name`: the workspace of a server's URL that names none."""
    if place.startswith("sqlite:///"):
        return f"sqlite:///{Path(place.removeprefix('sqlite:///')).absolute()}"
    if "://" in place:
        return in_workspace(place, name)
    path = Path(place).absolute()
    if path.is_dir():
        path = (path if path.name == FOLDER else path / FOLDER) / "overdrive.db"
    return f"sqlite:///{path}"
