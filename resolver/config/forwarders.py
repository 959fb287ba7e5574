"""Whom a `[[forward]]` table names, as one writes it: URL → transport, address, name to prove.

"192.0.2.1" alone is `udp://192.0.2.1` (TCP where that is needed included). Behind a # stands the
name that the server's certificate must prove; without one it must prove the address itself, never
nothing (RFC 8310 §8). Behind an @ stand the addresses of a host that is given by name: they are
never looked up, for who would be asked? RFC 7858, RFC 8484 and RFC 9250 give the ports.
"""

from __future__ import annotations

import ipaddress
import re
from typing import TYPE_CHECKING, Final, NamedTuple

from resolver.config.endpoints import DNS_PORT, askable, show
from resolver.config.providers import provider
from resolver.protocol import names
from resolver.protocol.transport import Transport

if TYPE_CHECKING:
    from collections.abc import Iterator

    from resolver.config.endpoints import Endpoint
    from resolver.config.providers import Provider
    from resolver.config.schema import Forward

_PORTS: Final = {
    Transport.UDP: DNS_PORT,
    Transport.TLS: 853,
    Transport.HTTPS: 443,
    Transport.QUIC: 853,
}
_EXAMPLES: Final = (
    '"192.0.2.1", "udp://192.0.2.1:53", "tls://9.9.9.9#dns.quad9.net", "tls://[2001:db8::1]:853" '
    'or "https://dns.quad9.net/dns-query@9.9.9.9"'
)
_PATH = re.compile(r"[A-Za-z0-9._~!$&'()*+,;=:/%-]*", re.ASCII)  # RFC 3986 §3.3
_HOST = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)(\.(?!-)[a-z0-9_-]{1,63}(?<!-))*\.?", re.ASCII)


class Forwarder(NamedTuple):
    """One address to forward to. *auth_name* is "" where the certificate must prove the address;

    *path* is that of HTTPS, with its slash.
    """

    where: Endpoint
    transport: Transport = Transport.UDP
    auth_name: str = ""
    path: str = ""

    @property
    def is_encrypted(self) -> bool:
        return self.transport is not Transport.UDP

    def __str__(self) -> str:
        """As it is written in a configuration."""
        if not self.is_encrypted:
            return show(self.where)
        if self.path:
            host, port = self.where
            said = "" if port == _PORTS[Transport.HTTPS] else f":{port}"
            if not self.auth_name:
                return f"https://{show(self.where)}{self.path}"
            return f"https://{self.auth_name}{said}{self.path}@{host}"
        name = f"#{self.auth_name}" if self.auth_name else ""
        return f"{self.transport.value}://{show(self.where)}{name}"


def forwarders(text: str) -> tuple[Forwarder, ...]:
    """What one entry of `addresses` names. Raises ValueError with what was expected."""
    scheme, mark, rest = text.partition("://")
    if not mark:
        scheme, rest = Transport.UDP.value, text
    if scheme not in {transport.value for transport in _PORTS}:
        raise ValueError(_EXAMPLES)
    transport = Transport(scheme)
    if transport is Transport.HTTPS:
        return tuple(_over_https(rest))
    address, mark, name = rest.partition("#")
    if transport is Transport.UDP and mark:
        raise ValueError(f"tls:// before an address whose name is to be proven: {_EXAMPLES}")
    if mark and not name:
        raise ValueError('the name that its certificate proves: "tls://9.9.9.9#dns.quad9.net"')
    return (Forwarder(_address(address, transport), transport, _host(name) if name else ""),)


def forwarders_of(entry: Forward) -> tuple[Forwarder, ...]:
    """All addresses of one table, each once: those written, the provider's, and, where clear text
    is allowed, the same hosts' port 53. Raises ValueError."""
    found = [one for text in entry.addresses for one in forwarders(text)]
    if entry.provider:
        found += _of_provider(*provider(entry.provider))
    if entry.profile == "opportunistic":
        found += [Forwarder((one.where[0], DNS_PORT)) for one in found if one.is_encrypted]
    return tuple(dict.fromkeys(found))


def is_path(text: str) -> bool:
    """True if HTTPS can be asked at *text*, whoever wrote it (RFC 3986 §3.3)."""
    return text.startswith("/") and bool(_PATH.fullmatch(text))


def filters(entry: Forward) -> bool:
    """True if these servers block names on purpose."""
    return entry.filters or bool(entry.provider and provider(entry.provider)[0].filters)


def block_pages(entry: Forward) -> frozenset[bytes]:
    """The addresses, as rdata, that these servers answer with in place of what they block."""
    networks = provider(entry.provider)[0].block_pages if entry.provider else ()
    return frozenset(one.packed for text in networks for one in ipaddress.ip_network(text))


def goes_on(entry: Forward) -> bool:
    """True if names are resolved from the root where these servers fail."""
    return entry.first or entry.fallback == "recurse"


def _of_provider(one: Provider, transport: Transport) -> Iterator[Forwarder]:
    path = one.path if transport is Transport.HTTPS else ""
    for host in one.addresses:
        yield Forwarder((host, _PORTS[transport]), transport, one.auth_name, path)


def _over_https(rest: str) -> Iterator[Forwarder]:
    """HOST[:PORT]/PATH@ADDRESS,ADDRESS, or ADDRESS[:PORT]/PATH, which its certificate proves."""
    expected = '"https://dns.example/dns-query@192.0.2.1,192.0.2.2": host, path, @, its addresses'
    head, mark, tail = rest.partition("@")
    authority, slash, path = head.partition("/")
    host, _, said = authority.partition(":")
    if not slash or not _PATH.fullmatch(path):
        raise ValueError(expected)
    if not mark:
        try:
            where = askable(authority, port=_PORTS[Transport.HTTPS])
        except ValueError:
            raise ValueError(expected) from None
        yield Forwarder(where, Transport.HTTPS, "", slash + path)
        return
    if said and not said.isdecimal():
        raise ValueError(expected)
    port = int(said) if said else _PORTS[Transport.HTTPS]
    for address in tail.split(","):
        where = _address(address, Transport.HTTPS)[0], port
        yield Forwarder(where, Transport.HTTPS, _host(host), slash + path)


def _address(text: str, transport: Transport) -> Endpoint:
    """An address with its port; a host's name says what is missing."""
    try:
        return askable(text, port=_PORTS[transport])
    except ValueError as error:
        if _HOST.fullmatch(text.lower()) and not text.replace(".", "").isdecimal():
            name = text if transport is not Transport.UDP else "NAME"
            expected = f'an address, and the name behind a #: "tls://192.0.2.1#{name}"'
            raise ValueError(expected) from None
        raise ValueError(str(error)) from None


def _host(text: str) -> str:
    """A host's name as certificates have it: lower case, no dot at its end."""
    name = text.lower().rstrip(".")
    expected = 'the name of a host, as its certificate proves it: "dns.quad9.net"'
    try:
        names.from_text(name)
        is_address = bool(ipaddress.ip_address(name))
    except ValueError:
        is_address = False
    if not _HOST.fullmatch(name) or is_address or len(name) > _LONGEST_NAME:
        raise ValueError(expected)
    return name


_LONGEST_NAME: Final = 253
