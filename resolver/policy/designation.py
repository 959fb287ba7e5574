"""3 may they: what this resolver says of itself to those who know no more of it than its address.

`_dns.resolver.arpa` SVCB: where the same answers are to be had encrypted (RFC 9462 §4);
`resolver.arpa` RESINFO: what kind of resolver this is (RFC 9606). Everything else at and below
resolver.arpa is left to the local zones.

Designated is only what a client would believe: the certificate is for the address that was asked
(§4.2), or the client is on a private network, where the same address is proof enough (§4.3). What
is said depends on who asks, and where, and on what is listened at now, so no packet is kept of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from resolver.model import Answer, RRset, Status
from resolver.policy.local import authority_of
from resolver.policy.networks import Networks
from resolver.policy.path import Step
from resolver.protocol import names
from resolver.protocol.codes import Rcode, RRClass, RRType
from resolver.protocol.ip_addresses import address_octets
from resolver.protocol.transport import Transport

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from resolver.model import Name, Query, Question

TTL: Final = 300  # short: listeners and certificates come and go
ZONE: Final = names.from_text("resolver.arpa.")
_DESIGNATED: Final = names.from_text("_dns.resolver.arpa.")
_ALPN, _PORT, _IPV4_HINT, _IPV6_HINT, _DOHPATH = 1, 3, 4, 6, 7  # RFC 9460 §14.3.2, RFC 9461 §5
_FAMILIES: Final = ((4, RRType.A, _IPV4_HINT), (16, RRType.AAAA, _IPV6_HINT))
EXTENDED_ERRORS: Final = "0-13,15-25,27,29-30,33"
"""What failures are told with (RFC 8914), those that forwarders say and we pass on among them."""


class Spoken(NamedTuple):
    """How SVCB calls a protocol, the port that need not be said (RFC 9461 §4), and if clients
    need a path (§5)."""

    alpn: tuple[bytes, ...]
    port: int
    has_path: bool = False


# The best first. What is not here is offered to nobody.
PROTOCOLS: Final = {
    Transport.QUIC: Spoken((b"doq",), 853),  # RFC 9250 §8.1
    Transport.TLS: Spoken((b"dot",), 853),
    Transport.HTTPS: Spoken((b"h2",), 443, has_path=True),
    Transport.HTTP3: Spoken((b"h3",), 443, has_path=True),
}


class Place(NamedTuple):
    """One listener: *host* is a raw address, all zeros for every one of its family."""

    transport: Transport
    host: bytes
    port: int


class Offer(NamedTuple):
    """What there is to offer. *name*: TargetName; *proven*: the raw addresses that whatever is
    shown to clients there is a certificate for; *path*: where HTTPS is served."""

    name: Name = b""
    places: tuple[Place, ...] = ()
    proven: frozenset[bytes] = frozenset()
    path: bytes = b""


class Offers:
    """What is offered *now*: put in place by who listens, and asked anew for each client."""

    __slots__ = ("now",)

    def __init__(self) -> None:
        self.now: Callable[[], Offer] = Offer


def _networks(**groups: tuple[str, ...]) -> Networks[str]:
    found: Networks[str] = Networks()
    for group, networks in groups.items():
        for network in networks:
            found.put(network, group)
    return found


# Whose addresses mean something there only.
_NEAR: Final = _networks(host=("127.0.0.0/8", "::1"), link=("169.254.0.0/16", "fe80::/10"))
_PRIVATE: Final = _networks(
    private=(
        "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "127.0.0.0/8", "169.254.0.0/16",
        "::1", "fc00::/7", "fe80::/10",
    )
)  # fmt: skip


class Designation(Step):
    """*minimises*: names are told to servers piece by piece (RFC 9156)."""

    name = "designated resolver"

    def __init__(self, offers: Offers, *, minimises: bool = True) -> None:
        self._offers = offers
        told = [b"qnamemin"] if minimises else []
        told.append(b"exterr=" + EXTENDED_ERRORS.encode())
        rdata = b"".join(bytes([len(each)]) + each for each in told)
        self._about = RRset(ZONE, RRType.RESINFO, TTL, (rdata,))

    def before(self, query: Query) -> Answer | None:
        qtype = query.message.qtype
        if qtype not in (RRType.SVCB, RRType.RESINFO):
            return None
        question = query.question
        if question.qclass != RRClass.IN:
            return None
        if qtype == RRType.RESINFO and question.qname == ZONE:
            return _answer(question, (self._about,))
        if qtype == RRType.SVCB and question.qname == _DESIGNATED and query.source:
            return self._designated(query)
        return None

    def _designated(self, query: Query) -> Answer:
        offer, asked = self._offers.now(), asked_at(query)
        records: list[bytes] = []
        hints: dict[bytes, None] = {}
        # The target is never the root: nobody can prove to be resolver.arpa (RFC 9462 §4).
        if offer.name and (asked in offer.proven or _PRIVATE.closest(query.source)):
            for spoken, port, hosts in _merged(dict(_by_service(offer.places, asked))):
                parameters = _parameters(spoken, port, hosts, offer.path)
                records.append((len(records) + 1).to_bytes(2, "big") + offer.name + parameters)
                hints.update(dict.fromkeys(hosts))
        if not records:
            answer = _answer(query.question, (), authority=(authority_of(ZONE, TTL),))
        else:
            found = RRset(_DESIGNATED, RRType.SVCB, TTL, tuple(records))
            additional = tuple(
                RRset(offer.name, rtype, TTL, alike)
                for width, rtype, _ in _FAMILIES
                if (alike := tuple(host for host in hints if len(host) == width))
            )
            answer = _answer(query.question, (found,), additional=additional)
        answer.lifetime_s = 0.0
        return answer


def asked_at(query: Query) -> bytes:
    """The raw address that *query* came to; nothing where nobody can say."""
    client = query.client
    if client.asked_at or not client.local:
        return client.asked_at
    return address_octets(client.local.partition("%")[0])


def _by_service(
    places: Iterable[Place], asked: bytes
) -> Iterator[tuple[tuple[Transport, int], tuple[bytes, ...]]]:
    """Each protocol and port that a client can reach, the best first, with the addresses there."""
    found: dict[tuple[Transport, int], dict[bytes, None]] = {}
    for transport, host, port in places:
        if transport not in PROTOCOLS:
            continue
        if not any(host):
            hosts = found.setdefault((transport, port), {})
            if len(asked) == len(host) and any(asked):
                hosts[asked] = None
        elif _NEAR.closest(host) in (None, _NEAR.closest(asked)):
            found.setdefault((transport, port), {})[host] = None
    ranks = list(PROTOCOLS)
    for service in sorted(found, key=lambda one: ranks.index(one[0])):
        yield service, tuple(found[service])


def _merged(
    services: Mapping[tuple[Transport, int], tuple[bytes, ...]],
) -> Iterator[tuple[Spoken, int, tuple[bytes, ...]]]:
    """HTTP/3 is told with the HTTPS that it stands beside (RFC 9461 §5)."""
    for (transport, port), hosts in services.items():
        spoken = PROTOCOLS[transport]
        if transport is Transport.HTTPS and services.get((Transport.HTTP3, port)) == hosts:
            spoken = spoken._replace(alpn=(*spoken.alpn, *PROTOCOLS[Transport.HTTP3].alpn))
        elif transport is Transport.HTTP3 and services.get((Transport.HTTPS, port)) == hosts:
            continue
        yield spoken, port, hosts


def _parameters(spoken: Spoken, port: int, hosts: tuple[bytes, ...], path: bytes) -> bytes:
    """SvcParams in the order of their keys (RFC 9460 §2.2)."""
    said = [(_ALPN, b"".join(bytes([len(each)]) + each for each in spoken.alpn))]
    if port != spoken.port:
        said.append((_PORT, port.to_bytes(2, "big")))
    for width, _, key in _FAMILIES:
        if hints := b"".join(host for host in hosts if len(host) == width):
            said.append((key, hints))
    if spoken.has_path:
        said.append((_DOHPATH, path + b"{?dns}"))
    return b"".join(
        key.to_bytes(2, "big") + len(value).to_bytes(2, "big") + value for key, value in said
    )


def _answer(
    question: Question,
    answer: tuple[RRset, ...],
    *,
    authority: tuple[RRset, ...] = (),
    additional: tuple[RRset, ...] = (),
) -> Answer:
    return Answer(
        question, Rcode.NOERROR, answer=answer, authority=authority, additional=additional,
        status=Status.INSECURE, is_authoritative=True,
    )  # fmt: skip
