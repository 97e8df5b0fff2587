"""Who may talk to the studio, and what a browser may do with its answers.

A page of another site must neither read nor steer: its requests carry a foreign Host (DNS rebinding), a foreign
Origin, or lack the header that no cross-site form can send. With a token, every request must show it.
"""

from __future__ import annotations

import hmac
import ipaddress
import json
from collections.abc import Iterable
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qs, urlsplit

from starlette.types import ASGIApp, Message, Receive, Scope, Send

LOOPBACK = ("localhost", "127.0.0.1", "::1")

HEADER = b"x-overdrive"
"""Every request that changes something has it; a browser asks before it sends it across sites, and we never agree."""

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; connect-src 'self'; font-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)
"""No script but our own files."""

HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-cache",
}


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach the address."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


class Guard:
    """ASGI middleware. `names` are the host names that the studio answers to; with a token also any IP address."""

    def __init__(
        self, app: ASGIApp, names: Iterable[str], token: str | None = None, read_only: bool = False
    ) -> None:
        self._app = app
        self._names = {name.lower() for name in names}
        self._token = token
        self._read_only = read_only

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self._app(scope, receive, send)
            return  # no other protocol is spoken here
        headers = {name: value.decode("latin-1") for name, value in scope["headers"]}
        refusal = self._refusal(scope, headers)
        if refusal is not None:
            await _answer(send, *refusal)
            return
        given = parse_qs(scope["query_string"].decode("latin-1")).get("token", [""])[0]
        if self._token and scope["path"] == "/" and given:
            await _welcome(send, self._cookie(headers), given if self._same(given) else "")
            return
        if self._token and not self._known(headers):
            await _answer(
                send, 401, "Open the link that `overdrive studio` has printed: it carries the token."
            )
            return

        async def sealed(message: Message) -> None:
            if message["type"] == "http.response.start":
                own = {name for name, _ in message.get("headers", [])}
                extra = [(n.encode(), v.encode()) for n, v in HEADERS.items() if n.encode() not in own]
                message["headers"] = [*message.get("headers", []), *extra]
            await send(message)

        await self._app(scope, receive, sealed)

    def _refusal(self, scope: Scope, headers: dict[bytes, str]) -> tuple[int, str] | None:
        host = headers.get(b"host", "")
        if not self._expected(host):
            return 421, (
                f"The studio does not answer to the name {host!r}. Open it by the address that it has "
                "printed, or start it with --host and that name."
            )
        site = headers.get(b"sec-fetch-site", "none")
        moving = headers.get(b"sec-fetch-mode") == "navigate" and scope["path"] == "/"
        if site not in ("none", "same-origin") and not moving:
            return 403, "A page of another site may not read the studio."
        if scope["method"] in ("GET", "HEAD"):
            return None
        origin = headers.get(b"origin")
        if (origin is not None and urlsplit(origin).netloc.lower() != host.lower()) or HEADER not in headers:
            return (
                403,
                "Only the studio's own page, or a program that sends the header X-Overdrive, may steer.",
            )
        if self._read_only:
            return 403, "This studio is read-only; start it without --read-only to steer."
        return None

    def _expected(self, host: str) -> bool:
        try:
            name = urlsplit(f"//{host}").hostname or ""
        except ValueError:
            return False
        if name in self._names:
            return True
        try:  # whoever rebinds a name needs a name
            ipaddress.ip_address(name)
        except ValueError:
            return False
        return self._token is not None

    def _known(self, headers: dict[bytes, str]) -> bool:
        scheme, _, given = headers.get(b"authorization", "").partition(" ")
        if scheme.lower() == "bearer" and self._same(given.strip()):
            return True
        try:
            cookies = SimpleCookie(headers.get(b"cookie", ""))
        except CookieError:
            return False
        held = cookies.get(self._cookie(headers))
        return held is not None and self._same(held.value)

    def _same(self, given: str) -> bool:
        return hmac.compare_digest(given.encode(), (self._token or "").encode())

    @staticmethod
    def _cookie(headers: dict[bytes, str]) -> str:
        """Cookies do not know ports, and two studios may run on one machine."""
        return f"overdrive-{headers.get(b'host', '').rpartition(':')[2]}".replace("]", "")


async def _welcome(send: Send, cookie: str, token: str) -> None:
    if not token:
        await _answer(send, 401, "This is not the token of this studio. It prints a new link when it starts.")
        return
    value = f"{cookie}={token}; HttpOnly; SameSite=Lax; Path=/"
    await _answer(send, 303, "", [(b"location", b"/"), (b"set-cookie", value.encode())])


async def _answer(send: Send, status: int, text: str, more: Iterable[tuple[bytes, bytes]] = ()) -> None:
    body = json.dumps({"error": text}).encode() if text else b""
    headers = [(name.encode(), value.encode()) for name, value in HEADERS.items()]
    headers += [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode()), *more]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
