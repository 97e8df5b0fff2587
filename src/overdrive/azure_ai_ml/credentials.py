"""`azure.identity`: credentials, which nobody asks for here."""

from __future__ import annotations

from typing import Any, NamedTuple


class Token(NamedTuple):
    """A token that opens nothing."""

    token: str = ""
    expires_on: int = 0


class Credential:
    """Accepted wherever Azure wants one."""

    def __init__(self, *_: Any, **__: Any) -> None:
        pass

    def get_token(self, *_: Any, **__: Any) -> Token:
        """Nothing is asked of any server."""
        return Token()
