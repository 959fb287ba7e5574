"""Where the same is to be had encrypted (RFC 9462), and what this resolver does (RFC 9606)."""

from __future__ import annotations

import re
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING

import dns.rdata
import dns.rdtypes.svcbbase
import pytest

import resolver
from resolver.model import Query, Question
from resolver.policy.designation import EXTENDED_ERRORS, TTL, Designation, Offer, Offers, Place
from resolver.protocol import names
from resolver.protocol.codes import EdeCode, Flag, Rcode, RRClass, RRType
from resolver.protocol.message import Message
from resolver.protocol.transport import Client, Transport

if TYPE_CHECKING:
    from dns.rdtypes.svcbbase import SVCBBase

    from resolver.model import Answer

HERE, HERE6, ELSEWHERE = "198.51.100.1", "2001:db8::1", "198.51.100.2"
STRANGER, NEIGHBOUR = "203.0.113.9", "192.168.1.9"
NAME = "dns.example.net."
EVERY = "0.0.0.0"  # noqa: S104  # nothing is bound


def raw(host: str) -> bytes:
    return ip_address(host).packed


def place(host: str, port: int = 853, transport: Transport = Transport.TLS) -> Place:
    return Place(transport, raw(host), port)


def offer(*places: Place, proven: tuple[str, ...] = (HERE, HERE6), name: str = NAME) -> Offer:
    wire = names.from_text(name) if name else b""
    return Offer(wire, places, frozenset(map(raw, proven)))


def query(
    name: str = "_dns.resolver.arpa.",
    qtype: int = RRType.SVCB,
    *,
    source: str = STRANGER,
    local: str = HERE,
    asked_at: str = "",
    qclass: int = RRClass.IN,
) -> Query:
    message = Message.asking(Question(names.from_text(name), qtype, qclass), Flag.RD)
    client = Client(source, 7, Transport.UDP, local, raw(asked_at) if asked_at else b"")
    return Query(message, b"", client, raw(source) if source else b"")


def answered(offered: Offer, asked: Query, *, minimises: bool = True) -> Answer | None:
    offers = Offers()
    offers.now = lambda: offered
    return Designation(offers, minimises=minimises).before(asked)


def told(offered: Offer, asked: Query) -> list[SVCBBase]:
    """The records, as dnspython reads them; every one of this TTL, in an answer of ours."""
    answer = answered(offered, asked)
    assert answer is not None
    assert (answer.rcode, answer.is_authoritative) == (Rcode.NOERROR, True)
    assert answer.lifetime_s == 0.0, "depends on who asks: no packet may be kept of it"
    if not answer.answer:
        assert [one.rtype for one in answer.authority] == [RRType.SOA]
        return []
    (rrset,) = answer.answer
    assert (rrset.ttl, rrset.rtype) == (TTL, RRType.SVCB)
    return [dns.rdata.from_wire("IN", "SVCB", one, 0, len(one)) for one in rrset.rdatas]  # type: ignore[misc]


def shown(offered: Offer, asked: Query) -> list[str]:
    return [str(one) for one in told(offered, asked)]


@pytest.mark.rfc("RFC 9462 §4")
def test_an_encrypted_listener_is_designated() -> None:
    assert shown(offer(place(HERE), place(HERE6)), query()) == [
        f'1 {NAME} alpn="dot" ipv4hint="{HERE}" ipv6hint="{HERE6}"'
    ]


@pytest.mark.rfc("RFC 9461 §5")
def test_https_is_designated_with_its_path_behind_tls() -> None:
    """The best first; the port where it is not 443."""
    https = place(HERE, 443, Transport.HTTPS)
    offered = offer(https, place(HERE))._replace(path=b"/dns-query")
    path = 'dohpath="/dns-query{?dns}"'
    assert shown(offered, query()) == [
        f'1 {NAME} alpn="dot" ipv4hint="{HERE}"',
        f'2 {NAME} alpn="h2" ipv4hint="{HERE}" {path}',
    ]
    other = offered._replace(places=(place(HERE, 8443, Transport.HTTPS),), path=b"/x")
    (told,) = shown(other, query())
    assert told == f'1 {NAME} alpn="h2" port="8443" ipv4hint="{HERE}" dohpath="/x{{?dns}}"'


@pytest.mark.rfc("RFC 9462 §4")
def test_the_addresses_of_the_target_come_along() -> None:
    """The client is saved a question (SHOULD)."""
    answer = answered(offer(place(HERE), place(HERE6)), query())
    assert answer is not None
    assert [(one.owner, one.rtype, one.rdatas) for one in answer.additional] == [
        (names.from_text(NAME), RRType.A, (raw(HERE),)),
        (names.from_text(NAME), RRType.AAAA, (raw(HERE6),)),
    ]


def test_a_port_is_told_where_it_is_not_the_usual_one() -> None:
    assert shown(offer(place(HERE, 8853), place(HERE6)), query()) == [
        f'1 {NAME} alpn="dot" port="8853" ipv4hint="{HERE}"',
        f'2 {NAME} alpn="dot" ipv6hint="{HERE6}"',
    ]


@pytest.mark.rfc("RFC 9462 §4.2")
@pytest.mark.parametrize(
    ("source", "local", "is_told"),
    [
        (STRANGER, HERE, True),
        (STRANGER, ELSEWHERE, False),  # for which the certificate is not
        (NEIGHBOUR, ELSEWHERE, True),
        ("fd00::9", ELSEWHERE, True),
        ("127.0.0.1", ELSEWHERE, True),
        ("::ffff:192.168.1.9", ELSEWHERE, True),
        (STRANGER, "", False),
    ],
)
def test_only_what_a_client_would_believe(source: str, local: str, is_told: bool) -> None:  # noqa: FBT001
    """A certificate without the address that was asked fails verified discovery (§4.2); on a
    private network the address is enough (§4.3)."""
    assert bool(told(offer(place(HERE)), query(source=source, local=local))) is is_told


@pytest.mark.rfc("RFC 9462 §4")
def test_the_target_is_never_the_root() -> None:
    """No entity can prove to be resolver.arpa: without a name there is no record."""
    assert told(offer(place(HERE), name=""), query()) == []


def test_nothing_encrypted_is_nothing_to_tell() -> None:
    assert told(Offer(), query()) == []
    assert told(offer(place(HERE, transport=Transport.UDP)), query()) == []


@pytest.mark.rfc("RFC 9461 §5")
def test_http3_is_told_with_the_https_that_it_stands_beside() -> None:
    web, over_udp = place(HERE, 443, Transport.HTTPS), place(HERE, 443, Transport.HTTP3)
    path = "/dns-query"
    one = offer(web, over_udp)._replace(path=path.encode())
    assert shown(one, query()) == [
        f'1 {NAME} alpn="h2,h3" ipv4hint="{HERE}" dohpath="{path}{{?dns}}"'
    ]
    elsewhere = offer(web, place(ELSEWHERE, 443, Transport.HTTP3))._replace(path=path.encode())
    assert len(told(elsewhere, query())) == 2


@pytest.mark.rfc("RFC 9462 §4")
def test_quic_comes_before_tls() -> None:
    both = offer(place(HERE), place(HERE, transport=Transport.QUIC))
    assert shown(both, query()) == [
        f'1 {NAME} alpn="doq" ipv4hint="{HERE}"',
        f'2 {NAME} alpn="dot" ipv4hint="{HERE}"',
    ]
    other = offer(place(HERE, 8853, Transport.QUIC))
    assert shown(other, query()) == [f'1 {NAME} alpn="doq" port="8853" ipv4hint="{HERE}"']


def test_a_wildcard_is_told_as_the_address_that_was_asked() -> None:
    both = offer(place(EVERY), place("::"))
    asked = query(local=EVERY, asked_at=HERE)
    assert shown(both, asked) == [f'1 {NAME} alpn="dot" ipv4hint="{HERE}"']
    asked = query(local="::", asked_at=HERE6)
    assert shown(both, asked) == [f'1 {NAME} alpn="dot" ipv6hint="{HERE6}"']
    assert told(both, query(local=EVERY, asked_at=ELSEWHERE)) == []
    unknown = query(local=EVERY, source=NEIGHBOUR)
    assert shown(both, unknown) == [f'1 {NAME} alpn="dot"']


def test_a_loopback_listener_is_for_this_machine() -> None:
    near = offer(place("127.0.0.1"), place("::1"), proven=(HERE, "127.0.0.1"))
    assert told(near, query()) == []
    assert shown(near, query(source="127.0.0.1", local="127.0.0.1")) == [
        f'1 {NAME} alpn="dot" ipv4hint="127.0.0.1" ipv6hint="::1"'
    ]
    assert shown(offer(place("fe80::1"), place(HERE)), query()) == [
        f'1 {NAME} alpn="dot" ipv4hint="{HERE}"'
    ]


@pytest.mark.parametrize(
    "asked",
    [
        query(qtype=RRType.A),
        query("resolver.arpa."),
        query("x._dns.resolver.arpa."),
        query("_dns.example.net."),
        query(qclass=RRClass.CH),
        query(source="", local=""),  # a question of our own
        query(qtype=RRType.RESINFO),
        query("resolver.arpa.", RRType.RESINFO, qclass=RRClass.CH),
    ],
)
def test_everything_else_goes_on(asked: Query) -> None:
    assert answered(offer(place(HERE)), asked) is None


# --- RFC 9606 ------------------------------------------------------------------------------------


def strings(*, minimises: bool = True) -> list[bytes]:
    answer = answered(Offer(), query("resolver.arpa.", RRType.RESINFO), minimises=minimises)
    assert answer is not None
    assert answer.is_authoritative, "without AA the client must throw it away"
    (rdata,) = answer.answer[0].rdatas
    found = []
    while rdata:
        found.append(rdata[1 : 1 + rdata[0]])
        rdata = rdata[1 + rdata[0] :]
    return found


@pytest.mark.rfc("RFC 9606 §5")
def test_it_says_what_it_does() -> None:
    assert strings() == [b"qnamemin", b"exterr=" + EXTENDED_ERRORS.encode()]
    assert strings(minimises=False) == [b"exterr=" + EXTENDED_ERRORS.encode()]


@pytest.mark.rfc("RFC 9606 §5")
def test_its_errors_are_those_that_the_program_gives() -> None:
    listed: set[int] = set()
    for part in EXTENDED_ERRORS.split(","):
        first, _, last = part.partition("-")
        listed.update(range(int(first), int(last or first) + 1))
    folder = Path(resolver.__file__).parent
    given = {
        getattr(EdeCode, name)
        for path in folder.rglob("*.py")
        if path.name != "codes.py"
        for name in re.findall(r"\bEdeCode\.([A-Z0-9_]+)", path.read_text())
    }
    assert listed == given | {EdeCode.CENSORED, EdeCode.FILTERED}  # what forwarders may say
