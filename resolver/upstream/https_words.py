"""How a question is put to a server over HTTPS, and what is no reply to it. RFC 8484. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from resolver.limits import STREAM_OCTETS
from resolver.upstream.tls_terms import HTTPS_PORT

if TYPE_CHECKING:
    from collections.abc import Mapping

Header = tuple[bytes, bytes]

MESSAGE: Final = b"application/dns-message"
_OK: Final = b"200"
_REDIRECTS: Final = b"3"


class Place(NamedTuple):
    """Where queries go on the server: *authority* as HTTP has it, and *path*."""

    authority: str
    path: str

    def headers(self) -> list[Header]:
        """Of every question, but for its length (RFC 8484 §4.1)."""
        return [
            (b":method", b"POST"),
            (b":scheme", b"https"),
            (b":authority", self.authority.encode()),
            (b":path", self.path.encode()),
            (b"accept", MESSAGE),
            (b"content-type", MESSAGE),
        ]


def place_of(name: str, port: int, path: str) -> Place:
    """*name*: the host's, or its address."""
    host = f"[{name}]" if ":" in name else name
    return Place(host if port == HTTPS_PORT else f"{host}:{port}", path)


def length_of(message: bytes) -> Header:
    """The header that tells how long *message* is."""
    return b"content-length", b"%d" % len(message)


def objection(headers: Mapping[bytes, bytes]) -> str:
    """Why what follows is no reply; "" if it may be one."""
    status = headers.get(b":status", b"")
    if status != _OK:
        told = status.decode("ascii", "replace") if status.isdigit() else "none"
        where = " (redirects are refused)" if status.startswith(_REDIRECTS) else ""
        return f"HTTP status {told}{where}"
    kind = headers.get(b"content-type", b"").partition(b";")[0].strip().lower()
    if kind != MESSAGE:
        return "HTTP: no application/dns-message"
    length = headers.get(b"content-length", b"")
    if length.isdigit() and int(length) > STREAM_OCTETS:
        return "HTTP: more than a message can hold"
    return ""
