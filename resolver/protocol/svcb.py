"""What an SVCB record offers: a protocol, a host, a port, addresses (RFC 9460, RFC 9461).

The structure was checked where the message was read; what the parameters hold is looked at here.
Pure.
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address
from typing import TYPE_CHECKING, Final, NamedTuple

from resolver.errors import WireError
from resolver.protocol.names import ROOT
from resolver.protocol.shapes import plain_name_end

if TYPE_CHECKING:
    from collections.abc import Iterator

    from resolver.protocol.names import Name

_MANDATORY, _ALPN, _NO_DEFAULT, _PORT, _IPV4, _ECH, _IPV6, _PATH = range(8)  # RFC 9460 §14.3.2
_UNDERSTOOD: Final = frozenset({_MANDATORY, _ALPN, _NO_DEFAULT, _PORT, _IPV4, _IPV6, _PATH})
_V4_OCTETS, _V6_OCTETS = 4, 16


class Service(NamedTuple):
    """One record in service form. *port* 0: that of the protocol. *path*: a URI template.

    *hints*: addresses of *target* in presentation form. RFC 9461 §5 has the template.
    """

    priority: int
    target: Name
    alpn: tuple[bytes, ...]
    port: int = 0
    path: str = ""
    hints: tuple[str, ...] = ()


def service_untrusted(rdata: bytes) -> Service:
    """Raises WireError for what is malformed, an alias, or wants more than is understood here."""
    priority = int.from_bytes(rdata[:2], "big")
    end = plain_name_end(rdata, 2, len(rdata))
    target = rdata[2:end].lower()
    found = dict(_parameters(rdata, end))
    wanted = {int.from_bytes(pair, "big") for pair in _parts(found.get(_MANDATORY, b""), 2)}
    if not priority or target == ROOT or not (wanted <= _UNDERSTOOD & found.keys()):
        raise WireError("an SVCB record of no use here")
    port = found.get(_PORT, b"\0\0")
    if len(port) != 2 or (_PORT in found and not any(port)):
        raise WireError("an SVCB port is none")
    v4 = [str(IPv4Address(one)) for one in _parts(found.get(_IPV4, b""), _V4_OCTETS)]
    v6 = [str(IPv6Address(one)) for one in _parts(found.get(_IPV6, b""), _V6_OCTETS)]
    try:
        path = found.get(_PATH, b"").decode("ascii")
    except UnicodeDecodeError:
        raise WireError("an SVCB path is none") from None
    alpn = tuple(_strings(found.get(_ALPN, b"")))
    return Service(priority, target, alpn, int.from_bytes(port, "big"), path, (*v4, *v6))


def _parameters(rdata: bytes, at: int) -> Iterator[tuple[int, bytes]]:
    while at < len(rdata):
        key, length = int.from_bytes(rdata[at : at + 2], "big"), rdata[at + 2 : at + 4]
        begin = at + 4
        at = begin + int.from_bytes(length, "big")
        if at > len(rdata) or begin > len(rdata):
            raise WireError("SVCB ends inside a parameter")
        yield key, rdata[begin:at]


def _parts(octets: bytes, width: int) -> Iterator[bytes]:
    if len(octets) % width:
        raise WireError("an SVCB parameter has another length")
    for at in range(0, len(octets), width):
        yield octets[at : at + width]


def _strings(octets: bytes) -> Iterator[bytes]:
    at = 0
    while at < len(octets):
        begin, at = at + 1, at + 1 + octets[at]
        if at > len(octets) or at == begin:
            raise WireError("an SVCB ALPN is none")
        yield octets[begin:at]
