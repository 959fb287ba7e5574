"""What outlives the process: records come back as they were, and nothing else comes back."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolver.cache import record
from resolver.cache.fields import FieldsUntrusted, rrset_octets
from resolver.cache.negative import Denied, Negative
from resolver.cache.record import Kind, Sealed, Stamp
from resolver.cache.rrset import Entry
from resolver.delegation import Delegation, Server
from resolver.errors import Ede, WireError
from resolver.model import Rank, RRset, Status
from resolver.protocol.transport import Transport
from tests import support
from tests.making import name, rrset
from tests.properties.wire_strategies import NAMES, RDATAS, TTLS

if TYPE_CHECKING:
    from collections.abc import Callable

KEY = b"k" * 32
STAMP = Stamp(7, 1.8e9, 1000.5, 300.0)
WAY, TRUST = b"w" * 8, b"t" * 8
STATUSES = st.sampled_from([one for one in Status if one is not Status.BOGUS])
SIGNATURES = st.lists(RDATAS[46], max_size=2).map(tuple)
RRSETS = st.sampled_from(sorted(RDATAS)).flatmap(
    lambda rtype: st.builds(
        RRset,
        NAMES,
        st.just(rtype),
        TTLS,
        st.lists(RDATAS[rtype], min_size=1, max_size=3).map(tuple),
        SIGNATURES,
    )
)
PROOFS = st.lists(RRSETS, max_size=3).map(tuple)
ENTRIES = st.builds(
    lambda rrset, rank, status, zone, proof: Entry(
        rrset.owner, rrset.rtype, rrset.rdatas, rrset.signatures, rank, status, 9.5, zone, proof
    ),
    RRSETS, st.sampled_from(Rank), STATUSES, NAMES, PROOFS,
)  # fmt: skip
EDES = st.lists(st.builds(Ede, st.integers(0, 65535), st.text(max_size=40)), max_size=2).map(tuple)
NEGATIVES = st.builds(
    lambda rcode, authority, zone, status, ttl, ede, is_proof_only: Negative(
        rcode, authority, zone=zone, status=status, ttl=ttl, expires_at=9.5, ede=ede,
        is_proof_only=is_proof_only,
    ),
    st.integers(0, 4095), PROOFS, NAMES, STATUSES, TTLS, EDES, st.booleans(),
)  # fmt: skip
HOSTS = st.one_of(st.ip_addresses(v=4), st.ip_addresses(v=6)).map(str)
PARSERS: list[Callable[[bytes], object]] = [
    lambda body: record.rrset_untrusted(body, 9.5),
    lambda body: record.negative_untrusted(body, 9.5),
    lambda body: record.delegation_untrusted(body, 9.5, None),
    lambda body: record.denial_untrusted(body, 9),
    lambda body: record.note_untrusted(body, "servers"),
]


def fields_of(negative: Negative) -> list[object]:
    return [getattr(negative, name) for name in support.fields_of(Negative) if name[0] != "_"]


@given(ENTRIES)
def test_an_rrset_comes_back_as_it_was(entry: Entry) -> None:
    """With rank, status, signatures and the wildcard's proof."""
    assert record.rrset_untrusted(record.rrset_body(entry), 9.5) == entry


@given(NAMES, st.integers(-1, 65534), NEGATIVES)
def test_a_denial_comes_back_as_it_was(owner: bytes, rtype: int, negative: Negative) -> None:
    back = record.negative_untrusted(record.negative_body(Denied(owner, rtype, negative)), 9.5)
    assert (back.name, back.rtype) == (owner, rtype)
    assert fields_of(back.negative) == fields_of(negative)


@given(st.dictionaries(NAMES, st.lists(HOSTS, unique=True, max_size=3), min_size=1), NAMES)
def test_a_delegation_comes_back_as_it_was(hosts: dict[bytes, list[str]], zone: bytes) -> None:
    glue = {
        owner: tuple(Server(host, 53, owner) for host in found)
        for owner, found in hosts.items()
        if found
    }
    delegation = Delegation(zone, tuple(hosts), glue, expires_at=9.5, is_signed=True)
    assert record.is_plain(delegation)
    back = record.delegation_untrusted(record.delegation_body(delegation), 9.5, None)
    assert back == delegation
    assert back.servers() == delegation.servers()


@given(RRSETS, st.integers(0, 86400))
def test_a_proven_record_comes_back_with_the_ttl_that_is_left(rrset: RRset, ttl: int) -> None:
    assert record.denial_untrusted(record.denial_body(rrset), ttl) == rrset._replace(ttl=ttl)


@given(st.sampled_from(Kind), st.integers(0, 31), st.binary(max_size=60))
def test_what_was_sealed_is_opened_with_its_key_only(kind: Kind, worth: int, body: bytes) -> None:
    sealed = Sealed(kind, worth, STAMP, WAY, TRUST, body)
    octets = record.seal(sealed, KEY)
    assert record.open_untrusted(octets, KEY) == sealed
    with pytest.raises(WireError, match="checksum"):
        record.open_untrusted(octets, b"another key")


@given(ENTRIES, st.data())
def test_a_record_that_was_altered_or_cut_is_none(entry: Entry, data: st.DataObject) -> None:
    """At any octet, in any way: the checksum sees it."""
    octets = record.seal(
        Sealed(Kind.RRSET, 0, STAMP, WAY, TRUST, record.rrset_body(entry)), KEY
    )  # fmt: skip
    at = data.draw(st.integers(0, len(octets) - 1))
    flipped = octets[at] ^ data.draw(st.integers(1, 255))
    for bad in (octets[:at], octets[:at] + bytes((flipped,)) + octets[at + 1 :]):
        with pytest.raises(WireError):
            record.open_untrusted(bad, KEY)


@pytest.mark.parametrize("parse", PARSERS)
@given(st.binary(max_size=200))
def test_bodies_untrusted(parse: Callable[[bytes], object], body: bytes) -> None:
    """Any octets, as if somebody had the key: WireError, or something that is well-formed."""
    with suppress(WireError):
        parse(body)


@pytest.mark.parametrize("parse", PARSERS)
@given(st.data())
def test_damaged_bodies_untrusted(parse: Callable[[bytes], object], data: st.DataObject) -> None:
    """True bodies with some octets changed come farther than noise."""
    body = data.draw(
        st.one_of(
            ENTRIES.map(record.rrset_body),
            NEGATIVES.map(lambda one: record.negative_body(Denied(name("a."), 1, one))),
            RRSETS.map(record.denial_body),
        )
    )
    edits = st.tuples(st.integers(0, max(len(body) - 1, 0)), st.integers(0, 255))
    altered = bytearray(body)
    for at, octet in data.draw(st.lists(edits, max_size=4)):
        altered[at] = octet
    with suppress(WireError):
        parse(bytes(altered))


@given(st.binary(max_size=120))
def test_records_untrusted(octets: bytes) -> None:
    with pytest.raises(WireError):
        record.open_untrusted(octets, KEY)


@pytest.mark.parametrize(
    ("owner", "rtype", "rdata"),
    [
        (b"\3WWW\0", 1, bytes(4)),  # not lower-cased
        (b"\3www", 1, bytes(4)),  # not whole
        (b"\3www\0", 1, bytes(5)),  # an A of five octets
        (b"\3www\0", 5, b"\3www"),  # a name that is cut
        (b"\3www\0", 5, b"\xc0\x0c"),  # a pointer
        (b"\3www\0", 47, b"\0\0\0"),  # a bitmap of nothing
    ],
)
def test_rdata_that_no_message_could_bring_is_refused(
    owner: bytes, rtype: int, rdata: bytes
) -> None:
    """What reads rdata later trusts it (`rdata_fields`)."""
    with pytest.raises(WireError):
        FieldsUntrusted(rrset_octets(RRset(owner, rtype, 1, (rdata,)))).rrset()


def test_a_record_of_a_later_version_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as later:
        later.setattr(record, "VERSION", 2)
        octets = record.seal(Sealed(Kind.RRSET, 0, STAMP, WAY, TRUST, b""), KEY)
    with pytest.raises(WireError, match="version 2, not 1"):
        record.open_untrusted(octets, KEY)


def test_what_was_configured_is_no_plain_delegation() -> None:
    """Forwarders, other ports and transports come from the configuration of the day."""
    zone, host = name("example."), name("ns.example.")
    for server in (
        Server("192.0.2.1", 5353, host),
        Server("192.0.2.1", 53, host, Transport.TLS),
    ):
        assert not record.is_plain(Delegation(zone, (host,), {host: (server,)}))
    assert not record.is_plain(Delegation(zone, (host,), {}, is_forward=True))


@given(SIGNATURES, STATUSES, st.sampled_from(Rank))
def test_what_is_worth_more_stands_higher(
    signatures: tuple[bytes, ...], status: Status, rank: Rank
) -> None:
    """Rank first; then secure above insecure above what nobody knows."""
    del signatures
    worth = record.standing(rank, status)
    assert record.is_proven(worth) == (status in (Status.SECURE, Status.INSECURE))
    assert worth <= record.standing(rank, Status.SECURE)
    if rank < max(Rank):
        assert worth < record.standing(Rank(rank + 1), Status.UNCHECKED)


def test_a_note_is_found_under_its_name_only() -> None:
    body = record.note_body("servers", b"{}")
    assert record.note_untrusted(body, "servers") == b"{}"
    with pytest.raises(WireError):
        record.note_untrusted(body, "warm")


def test_an_rrset_of_nothing_is_none() -> None:
    a = rrset("www.example. 300 A 192.0.2.1")
    with pytest.raises(WireError, match="nothing"):
        FieldsUntrusted(rrset_octets(a._replace(rdatas=()))).rrset()
