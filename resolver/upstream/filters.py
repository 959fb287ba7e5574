"""Which addresses may be asked at all: family switches, loopback, private ranges.

A public zone that delegates to 127.0.0.1 or 10.0.0.1 makes a resolver knock at its own doors; what
stands in a `[[forward]]` or `[[stub]]` table or in the root hints was meant by the operator (RFC
8806 runs a root on the loopback). It counts for that zone and all below it, whoever repeats it
there, and for no other zone and no other port. RFC 6890's registry.
"""

from __future__ import annotations

from functools import lru_cache
from ipaddress import IPv6Address, ip_address
from typing import TYPE_CHECKING, Final

from resolver.limits import FILTERED_ADDRESSES
from resolver.model import Verdict
from resolver.protocol.names import is_subdomain
from resolver.protocol.transport import Transport

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from collections.abc import Set as AbstractSet

    from resolver.delegation import Key
    from resolver.model import Delegation, Name, Server
    from resolver.upstream.attempts import Attempts
    from resolver.upstream.settings import OutgoingSettings


DNS_PORT, TLS_PORT = 53, 853
ANSWERED: Final = frozenset(verdict.value for verdict in Verdict)
"""What is said of a server that gave an answer, of use or not."""


def over_tls(server: Server) -> Server:
    """The same server, as it is asked encrypted (RFC 7858), whoever it is."""
    return server._replace(port=TLS_PORT, transport=Transport.TLS, auth_name="")


def in_clear(server: Server) -> Server:
    """The way back."""
    return server._replace(port=DNS_PORT, transport=Transport.UDP)


@lru_cache(maxsize=FILTERED_ADDRESSES)
def _kind(host: str) -> str:
    """ "never", "loopback", "private" or "public"."""
    try:
        address = ip_address(host.partition("%")[0])
    except ValueError:
        return "never"
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return "never"  # RFC 4038 §4.2: IPv4 in disguise, past all filters
    if address.is_multicast or address.is_unspecified or host == "255.255.255.255":
        return "never"
    if address.is_loopback:
        return "loopback"
    if address.is_link_local:
        return "private"
    return "private" if address.is_private else "public"


class AddressFilter:
    """The configured switches, applied to an address.

    *named*: zone cuts as the operator wrote them, whose addresses may be asked wherever they lie;
    *configured*: the hosts of those with a way out of their own, forwards and stubs.
    """

    def __init__(self, settings: OutgoingSettings, named: Iterable[Delegation] = ()) -> None:
        self._settings = settings
        self._cuts = tuple(named)
        self._ipv4 = settings.ipv4
        self._ipv6 = settings.ipv6
        self._loopback = not settings.do_not_query_localhost
        self._private = not settings.deny_private_addresses
        self._named: dict[Key, list[Name]] = {}
        self._over_tls: AbstractSet[str] = frozenset()
        self.configured: set[str] = set()
        self.is_plain = lru_cache(maxsize=FILTERED_ADDRESSES)(self._is_plain)
        """Is a host public, and of a family that is asked? Then it may be asked about any zone."""
        for delegation in self._cuts:
            for server in delegation.servers():
                self._named.setdefault(server.key, []).append(delegation.zone)
                if delegation.way is not None:
                    self.configured.add(server.host)

    def asking_over_tls(self, hosts: AbstractSet[str]) -> AddressFilter:
        """The same, but that these hosts are asked over TLS where a zone leads to them."""
        other = AddressFilter(self._settings, self._cuts)
        other._over_tls = hosts  # its own
        return other

    def allowed(self, delegation: Delegation) -> tuple[Server, ...]:
        """Those servers of *delegation* that may be asked; worked out when they change."""
        book, zone = delegation.book, delegation.zone
        by, among, allowed = book.allowed
        if by is not self or among is not book.servers:
            allowed = tuple(
                server
                for server in book.servers
                if self.is_plain(server.host)
                or self.allows(server, zone, is_forward=delegation.is_forward)
            )
            if self._over_tls and delegation.way is None:
                allowed = tuple(over_tls(one) if self._is_over_tls(one) else one for one in allowed)
            book.allowed = self, book.servers, allowed
        return allowed

    def _is_over_tls(self, server: Server) -> bool:
        return server.host in self._over_tls and server.port == DNS_PORT

    def remaining(
        self, delegation: Delegation, attempts: Attempts, excluded: AbstractSet[str]
    ) -> Sequence[Server]:
        """Of those that are `allowed` the ones that are still of use after some *attempts*.

        Beside one that was asked over TLS for no need but ours, and has not answered, stands the
        same in clear text.
        """
        servers: Sequence[Server] = self.allowed(delegation)
        rejected, reasons = attempts.rejected, attempts.reasons
        if self._over_tls and delegation.way is None:
            tried = rejected.union(attempts.sends)  # `|` of these two is a set, whatever mypy says
            asked = [
                one
                for one in servers
                if one.key in tried
                and one.host in self._over_tls
                and reasons.get(one) not in ANSWERED
            ]
            servers = [*servers, *map(in_clear, asked)]
        if not (rejected or excluded):
            return servers
        return [one for one in servers if one.key not in rejected and one.host not in excluded]

    def _is_plain(self, host: str) -> bool:
        return (self._ipv6 if ":" in host else self._ipv4) and _kind(host) == "public"

    def allows(self, server: Server, zone: Name, *, is_forward: bool) -> bool:
        """May this address be asked about *zone*? *is_forward*: the operator named it."""
        host = server.host
        if not (self._ipv6 if ":" in host else self._ipv4):
            return False
        kind = _kind(host)
        if kind == "never":
            return False
        if is_forward or kind == "public":
            return True
        if self._loopback if kind == "loopback" else self._private:
            return True
        return any(is_subdomain(zone, above) for above in self._named.get(server.key, ()))
