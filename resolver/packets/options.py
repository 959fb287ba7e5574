"""The options of a reply that only one client gets: its cookie, how long its stream may idle, and
padding, which hides how long the rest is.

They are no part of a packet: the full path leaves room for them and adds them last (`reply`), a hit
adds them to a copy (`packets.fast_path`). RFC 7873 (cookies), 7828 (edns-tcp-keepalive), 7830 and
8467 (padding).
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final, Protocol

from resolver.protocol.edns import OPT_COOKIE, OPT_KEEPALIVE, OPT_PADDING
from resolver.protocol.transport import ENCRYPTED, Transport

if TYPE_CHECKING:
    from resolver.protocol.edns import Option

CLIENT_COOKIE: Final = 8  # octets
_COOKIE_OCTETS: Final = 28
_KEEPALIVE_OCTETS: Final = 6
_PADDING_HEAD: Final = 4
KEEPS_ALIVE: Final = frozenset({Transport.TCP, Transport.TLS})  # RFC 7828 §3, RFC 9250 §5.5.2
_LONGEST: Final = 0xFFFF


class Cookies(Protocol):
    """Server cookies (`policy.cookies.ServerCookies`)."""

    def option(self, client_cookie: bytes, source: bytes) -> bytes:
        """The whole COOKIE option for a client cookie and a raw source address."""

    def tick(self, wall: float) -> None:
        """Called once a second, with Unix time."""


class ClientOptions:
    """*cookies* is None where cookies are off; *keepalive_s* is told to who asks on a stream.

    *padding*: encrypted replies have a multiple of so many octets, for who pads; 0: as they are.
    """

    __slots__ = ("cookies", "keepalive", "padding")

    def __init__(
        self, cookies: Cookies | None = None, *, keepalive_s: float = 0.0, padding: int = 0
    ) -> None:
        self.cookies = cookies
        self.padding = padding
        units = min(_LONGEST, int(keepalive_s * 10))
        self.keepalive = struct.pack("!HHH", OPT_KEEPALIVE, 2, units)

    def __repr__(self) -> str:
        return f"<ClientOptions{'' if self.cookies is None else ' with cookies'}>"

    def reserve(self, asked: tuple[Option, ...], transport: Transport) -> int:
        """Octets to leave free in the reply for what `of` will bring."""
        codes = {code for code, _ in asked}
        octets = _COOKIE_OCTETS if OPT_COOKIE in codes and self.cookies is not None else 0
        if OPT_KEEPALIVE in codes and transport in KEEPS_ALIVE:
            octets += _KEEPALIVE_OCTETS
        return octets

    def of(self, asked: tuple[Option, ...], source: bytes, transport: Transport) -> bytes:
        """The options, as octets, for a client at raw *source* whose query has those *asked*."""
        added = b""
        for code, value in asked:
            if code == OPT_COOKIE and self.cookies is not None:
                if len(value) >= CLIENT_COOKIE:  # less is FORMERR, and no cookie to give back
                    added = self.cookies.option(value[:CLIENT_COOKIE], source)
                break
        is_keepalive = any(code == OPT_KEEPALIVE for code, _ in asked)
        if is_keepalive and transport in KEEPS_ALIVE:
            added += self.keepalive
        return added

    def pad(self, octets: int, most: int) -> bytes:
        """The padding behind a reply of so many *octets*, which may have *most* (RFC 8467 §4.1).

        b"" where no option fits any more.
        """
        if not self.padding or octets + _PADDING_HEAD > most:
            return b""
        padded = min(octets + _PADDING_HEAD + -(octets + _PADDING_HEAD) % self.padding, most)
        size = padded - octets - _PADDING_HEAD
        return struct.pack("!HH", OPT_PADDING, size) + bytes(size)

    def pads(self, asked: tuple[Option, ...], transport: Transport) -> bool:
        """True if the reply is to be padded: the query was, and nobody can see how much of it."""
        return (
            self.padding > 0
            and transport in ENCRYPTED
            and any(code == OPT_PADDING for code, _ in asked)
        )
