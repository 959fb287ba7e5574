"""Who may ask at all, and what every answer says to the browser: round the whole application.

A name that somebody else's page has had resolved to this machine (DNS rebinding) is refused by its
Host: loopback's names, literal addresses and the configured names are ours. A request that changes
something comes from our own page, by what the browser says of its origin; without a browser there
is nobody to be misled, and the token decides. No cookie is ever set: nothing that another page can
have the browser send opens anything.
"""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, Final

from resolver.limits import WEB_BODY_OCTETS, WEB_HEAD_OCTETS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

_LOOPBACK: Final = ("localhost", "ip6-localhost", "ip6-loopback")
_POLICY: Final = (
    b"default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; "
    b"object-src 'none'"
)
HEADERS: Final = (
    (b"content-security-policy", _POLICY),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"same-origin"),
    (b"x-frame-options", b"DENY"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=()"),
)  # fmt: skip
_METHODS: Final = ("GET", "HEAD", "POST")
_NOT_ALLOWED: Final = 405


class Guard:
    """*names*: what this machine is called besides."""

    def __init__(self, app: ASGIApp, names: Iterable[str]) -> None:
        self._app = app
        self._names = frozenset(name.rstrip(".").lower() for name in (*_LOOPBACK, *names))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
        if scope["type"] != "http":  # nobody speaks WebSocket here
            if scope["type"] == "websocket":
                await send({"type": "websocket.close", "code": 1008})
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), *HEADERS]
            await send(message)

        status, said = self._objection(scope)
        if status:
            await _refuse(send_with_headers, status, said)
            return
        await self._app(scope, receive, send_with_headers)

    def _objection(self, scope: Scope) -> tuple[int, str]:
        heads: dict[bytes, list[bytes]] = {}
        for key, value in scope["headers"]:
            heads.setdefault(key.lower(), []).append(value)
        hosts = heads.get(b"host", [])
        if len(hosts) != 1 or not self.is_ours(hosts[0].decode("latin-1")):
            return 421, "this is no name of ours: ask by address, as localhost, or add tls.names"
        if _octets_of_head(scope) > WEB_HEAD_OCTETS:
            return 431, f"at most {WEB_HEAD_OCTETS} octets of head"
        if scope["method"] not in _METHODS:
            return _NOT_ALLOWED, "GET, or POST from the page"
        length = heads.get(b"content-length", [b"0"])[-1]
        if (
            not length.isdigit()
            or int(length[:9]) > WEB_BODY_OCTETS
            or len(length) > len("999999999")
        ):
            return 413, f"at most {WEB_BODY_OCTETS} octets"
        if scope["method"] == "POST" and not _is_from_here(heads, scope["scheme"], hosts[0]):
            return 403, "only the page itself may do that"
        return 0, ""

    def is_ours(self, host: str) -> bool:
        """Is *host*, the value of Host, a name or an address of this machine?"""
        name, is_bracketed, rest = host.lower(), host.startswith("["), ""
        if is_bracketed:
            name, end, rest = name[1:].partition("]")
            rest = rest if end else "?"
        else:
            name, colon, port = name.partition(":")
            rest = f"{colon}{port}"
        if rest and not (rest.startswith(":") and rest[1:].isdigit()):
            return False
        if is_bracketed or name.replace(".", "").isdigit():
            try:
                ipaddress.ip_address(name)
            except ValueError:
                return False
            return True
        return name.rstrip(".") in self._names


def _octets_of_head(scope: Scope) -> int:
    """As it came, or nearly: the server bounds only a head that is not whole yet."""
    target = len(scope["raw_path"]) + len(scope["query_string"])
    return target + sum(len(key) + len(value) + 4 for key, value in scope["headers"])


def _is_from_here(heads: dict[bytes, list[bytes]], scheme: str, host: bytes) -> bool:
    """Does what the browser says of the page that sent it name ours?"""
    site = heads.get(b"sec-fetch-site", [b"same-origin"])
    if site not in ([b"same-origin"], [b"none"]):
        return False
    origins = heads.get(b"origin", [])
    return all(one == scheme.encode() + b"://" + host for one in origins) and len(origins) <= 1


async def _refuse(send: Send, status: int, said: str) -> None:
    body = said.encode() + b"\n"
    headers = [
        (b"content-type", b"text/plain; charset=utf-8"),
        (b"content-length", str(len(body)).encode()),
        (b"cache-control", b"no-store"),
        *([(b"allow", ", ".join(_METHODS).encode())] if status == _NOT_ALLOWED else []),
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
