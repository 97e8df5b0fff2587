"""Data at a web address, fetched once and kept: `data/<hash of the address>/<file name>`."""

from __future__ import annotations

import hashlib
import os
import shutil
import urllib.request
from pathlib import Path
from urllib.parse import unquote, urlsplit

from ..errors import ConfigError

PATIENCE_SECONDS = 60
"""So long a server may be silent."""


def place(address: str, folder: Path) -> Path:
    """Where the data of this address are, or will be."""
    name = unquote(urlsplit(address).path).rpartition("/")[2]
    safe = name if name not in ("", ".", "..") and "\0" not in name else "data"
    return folder / hashlib.blake2b(address.encode(), digest_size=8).hexdigest() / safe[-200:]


def fetch(address: str, target: Path) -> bool:
    """Fetch the data, unless they are there; whether it was done. ConfigError when they cannot be had."""
    if target.exists():
        return False
    target.parent.mkdir(parents=True, exist_ok=True)
    aside = target.parent / f".{os.getpid()}.part"
    try:
        with urllib.request.urlopen(address, timeout=PATIENCE_SECONDS) as answer, open(aside, "wb") as file:
            shutil.copyfileobj(answer, file)
            expected = answer.headers.get("Content-Length")
            if expected is not None and file.tell() != int(expected):
                raise OSError(f"the connection broke after {file.tell()} of {expected} bytes")
        aside.replace(target)
    except (OSError, ValueError) as error:
        raise ConfigError(f"{address}: cannot be fetched: {error}") from None
    finally:
        aside.unlink(missing_ok=True)
    return True
