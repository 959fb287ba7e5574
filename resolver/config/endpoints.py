"""Addresses and networks as people write them in a configuration: text → canonical values.

All raise ValueError with what was expected; `check` says which key it was.
"""

from __future__ import annotations

import ipaddress
import re
from typing import TypeAlias

Endpoint: TypeAlias = tuple[str, int]
Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network

DNS_PORT = 53
_PORTS = range(1, 0x10000)
_LOOPBACK_FOR = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104  # nothing is bound
_BRACKETED = re.compile(r"\[(?P<host>[^\]]+)\](?::(?P<port>\d+))?", re.ASCII)
_PLAIN = re.compile(r"(?P<host>[0-9.]+):(?P<port>\d+)", re.ASCII)


def endpoint(text: str, *, port: int = DNS_PORT) -> Endpoint:
    """Host and port of "192.0.2.1", "192.0.2.1:53", "2001:db8::1" or "[2001:db8::1]:53"."""
    match = _BRACKETED.fullmatch(text) or _PLAIN.fullmatch(text)
    host = match["host"] if match else text
    number = int(match["port"]) if match and match["port"] else port
    if number not in _PORTS:
        raise ValueError("a port from 1 to 65535")
    return address(host), number


def address(text: str) -> str:
    """Canonical form of an IPv4 or IPv6 address (a scope such as %eth0 is kept).

    An IPv4 address in IPv6's clothes (::ffff:192.0.2.1) becomes the IPv4 address that it is.
    """
    try:
        parsed = ipaddress.ip_address(text)
    except ValueError:
        raise ValueError(
            'an address such as "192.0.2.1", "192.0.2.1:53" or "[2001:db8::1]:53"'
        ) from None
    if isinstance(parsed, ipaddress.IPv6Address) and parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(parsed)


def askable(text: str, *, port: int = DNS_PORT) -> Endpoint:
    """As `endpoint`, of one server: not a group, not "any", and link-local with its interface."""
    where = endpoint(text, port=port)
    host, _, scope = where[0].partition("%")
    parsed = ipaddress.ip_address(host)
    if parsed.is_multicast or parsed.is_unspecified or host == "255.255.255.255":
        raise ValueError("the address of one server")
    _wants_scope(parsed, scope)
    return where


def reachable(host: str) -> str:
    """Where this machine asks what listens at *host*: loopback, where that is every address."""
    return _LOOPBACK_FOR.get(host, host)


def listenable(text: str, *, port: int = DNS_PORT) -> Endpoint:
    """As `endpoint`, to listen on: link-local with its interface, without which nothing binds."""
    where = endpoint(text, port=port)
    host, _, scope = where[0].partition("%")
    _wants_scope(ipaddress.ip_address(host), scope)
    return where


def source(text: str) -> str:
    """As `address`, of this machine: link-local with its interface."""
    found = address(text)
    host, _, scope = found.partition("%")
    _wants_scope(ipaddress.ip_address(host), scope)
    return found


def _wants_scope(parsed: ipaddress.IPv4Address | ipaddress.IPv6Address, scope: str) -> None:
    if parsed.version == 6 and parsed.is_link_local and not scope:  # noqa: PLR2004
        raise ValueError(f'the interface of a link-local address too: "{parsed}%eth0"')


def network(text: str) -> Network:
    """The network "192.0.2.0/24"; an address alone is a network of one."""
    try:
        return ipaddress.ip_network(text)
    except ValueError:
        pass
    try:
        wider = ipaddress.ip_network(text, strict=False)
    except ValueError:
        raise ValueError('a network such as "192.0.2.0/24" or "2001:db8::/32"') from None
    raise ValueError(f'the network\'s first address: "{wider}"')


def show(where: Endpoint) -> str:
    """The way back: "192.0.2.1:53" or "[2001:db8::1]:53"."""
    host, port = where
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
