"""Which encrypted resolvers a forwarder that is asked in clear text designates (RFC 9462).

It says so under `_dns.resolver.arpa`, and whoever is on the way may say it in its place. So none of
them counts before it has proven itself: by a certificate for the address that was asked (§4.2), or,
in a private network, by being that very address (§4.3), which nobody proves. Pure.
"""

from __future__ import annotations

from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING, Final, NamedTuple

from resolver.config.extras import extra_missing
from resolver.config.forwarders import Forwarder, is_path
from resolver.errors import WireError
from resolver.limits import (
    DESIGNATED,
    DESIGNATED_NOBODY_SECONDS,
    DESIGNATION_LONGEST_SECONDS,
    DESIGNATION_SHORTEST_SECONDS,
)
from resolver.model import Question, Verdict
from resolver.protocol import names
from resolver.protocol.codes import Rcode, RRClass, RRType
from resolver.protocol.ip_addresses import address_text
from resolver.protocol.svcb import service_untrusted
from resolver.protocol.transport import Transport
from resolver.upstream.request import Classified

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from resolver.model import Name, Server
    from resolver.protocol.message import Message
    from resolver.protocol.svcb import Service

RESOLVER_ARPA: Final = names.from_text("resolver.arpa.")
QUESTION: Final = Question(names.from_text("_dns.resolver.arpa."), RRType.SVCB)
_PRIVATE: Final = tuple(
    map(
        ip_network,
        (
            "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "127.0.0.0/8", "169.254.0.0/16",
            "::1", "fc00::/7", "fe80::/10",
        ),
    )
)  # fmt: skip


class Spoken(NamedTuple):
    """A protocol in SVCB's word: how we ask over it, and its port (RFC 9461 §4)."""

    transport: Transport
    port: int


# The best first: HTTPS costs more a query, and is not hidden any better.
SPOKEN: Final = {
    b"dot": Spoken(Transport.TLS, 853),
    b"doq": Spoken(Transport.QUIC, 853),
    b"h2": Spoken(Transport.HTTPS, 443),
}


class Designated(NamedTuple):
    """What *server* said: *services*, the best first, and *addresses* of their targets beside them.

    *ttl*: seconds after which it is asked again.
    """

    server: Server
    services: tuple[Service, ...] = ()
    addresses: tuple[tuple[Name, str], ...] = ()
    ttl: float = DESIGNATED_NOBODY_SECONDS

    def candidates(self) -> tuple[Forwarder, ...]:
        """Those that we can ask over, at their addresses, to be proven by the address asked."""
        asked = self.server.host
        found: dict[Forwarder, None] = {}
        for service in self.services:
            told = [host for name, host in self.addresses if name == service.target]
            bare = asked.partition("%")[0]  # records know no interfaces
            named = (asked if host == bare else host for host in (*service.hints, *told))
            hosts = dict.fromkeys(named) or {asked: None}
            fit = [host for host in hosts if _may_be(host, asked)]
            ordered = sorted(fit, key=lambda host: (host != asked, ":" in host))
            for alpn in SPOKEN:
                transport, port = SPOKEN[alpn]
                path = service.path.removesuffix("{?dns}")
                is_https = transport is Transport.HTTPS
                if alpn not in service.alpn or (is_https and not is_path(path)):
                    continue
                if extra_missing(transport.value):
                    continue
                for host in ordered:
                    where = host, service.port or port
                    name = _proof(host, asked)
                    found[Forwarder(where, transport, name, path if is_https else "")] = None
        return tuple(found)[:DESIGNATED]


def _may_be(host: str, asked: str) -> bool:
    """Nobody out there has us connect to machines of this network, nor to none."""
    address = ip_address(host)
    is_one = not (address.is_multicast or address.is_unspecified or address.is_reserved)
    return host == asked or (is_one and (not _is_private(host) or _is_private(asked)))


def _is_private(host: str) -> bool:
    address = ip_address(host.partition("%")[0])
    return any(address in network for network in _PRIVATE)


def _proof(host: str, asked: str) -> str:
    """What the certificate must be for, if not for the address of who shows it."""
    return "" if host == asked else asked.partition("%")[0]


def is_same_private(one: Forwarder, server: Server) -> bool:
    """True if the address is proof enough (RFC 9462 §4.3): private, and the one that was asked."""
    return one.where[0] == server.host and _is_private(server.host)


def read_untrusted(message: Message, server: Server) -> Designated:
    """What a reply to QUESTION says. Never raises: what is malformed says nothing."""
    services: list[Service] = []
    ttls: list[int] = []
    for record in message.answer:
        if (record.owner, record.rtype, record.rclass) == (*QUESTION[:2], RRClass.IN):
            try:
                services.append(service_untrusted(record.rdata))
            except WireError:
                continue
            ttls.append(record.ttl)
    if not services:
        return Designated(server)
    services.sort(key=lambda one: one.priority)
    ttl = min(max(min(ttls), DESIGNATION_SHORTEST_SECONDS), DESIGNATION_LONGEST_SECONDS)
    targets = {one.target for one in services}
    return Designated(server, tuple(services), tuple(_beside(message, targets)), ttl)


def _beside(message: Message, targets: Iterable[Name]) -> Iterator[tuple[Name, str]]:
    for record in (*message.answer, *message.additional):
        host = address_text(record.rtype, record.rdata)
        if host is not None and record.rclass == RRClass.IN and record.owner in targets:
            yield record.owner, host


def classify(message: Message, _: Server) -> Classified:
    """Whatever it designates, or that it designates nobody: both are answers."""
    is_said = message.rcode in (Rcode.NOERROR, Rcode.NXDOMAIN)
    return Classified(Verdict.ANSWER if is_said else Verdict.USELESS)
