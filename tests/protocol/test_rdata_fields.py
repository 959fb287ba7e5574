"""Readers of rdata, held to dnspython's."""

from __future__ import annotations

import dns.dnssec
import dns.rdata
import dns.rdataclass
import dns.rdatatype
from hypothesis import given
from hypothesis import strategies as st

from resolver.protocol import rdata_fields
from resolver.protocol.names import from_text


def octets(rtype: str, text: str) -> bytes:
    made = dns.rdata.from_text(dns.rdataclass.IN, dns.rdatatype.from_text(rtype), text)
    wire = made.to_wire()
    assert wire is not None
    return wire


def test_soa() -> None:
    rdata = octets(
        "SOA", "NS1.Example.com. Host\\.master.example.com. 2026073102 1800 900 604800 86400"
    )
    assert rdata_fields.soa(rdata) == rdata_fields.Soa(
        from_text("ns1.example.com"), from_text("host\\.master.example.com"),
        2026073102, 1800, 900, 604800, 86400,
    )  # fmt: skip
    assert rdata_fields.soa_minimum(rdata) == 86400


def test_names_are_folded() -> None:
    assert rdata_fields.mx(octets("MX", "10 Mail.Example.")) == rdata_fields.Mx(
        10, from_text("mail.example")
    )


def test_rrsig() -> None:
    rdata = octets("RRSIG", "A 13 2 3600 20260813200000 20260731190000 57780 Example.com. AAEC")
    assert rdata_fields.rrsig(rdata) == rdata_fields.Rrsig(
        1, 13, 2, 3600, 1786651200, 1785524400, 57780, from_text("example.com"), b"\0\1\2"
    )


def test_dnskey_flags() -> None:
    key = rdata_fields.dnskey(octets("DNSKEY", "257 3 13 AAEC"))
    assert key == (257, 3, 13, b"\0\1\2")
    assert (key.is_zone_key, key.is_sep, key.is_revoked) == (True, True, False)
    assert rdata_fields.dnskey(octets("DNSKEY", "385 3 13 AAEC")).is_revoked


def test_ds() -> None:
    digest = "00" * 32
    assert rdata_fields.ds(octets("DS", f"20326 8 2 {digest}")) == (20326, 8, 2, bytes(32))


def test_nsec3() -> None:
    record = rdata_fields.nsec3(
        octets("NSEC3", "1 1 12 AABBCCDD 2vptu5timamqttgl4luu9kg21e0aor3s A RRSIG")
    )
    assert (record.algorithm, record.flags, record.iterations) == (1, 1, 12)
    assert record.salt == bytes.fromhex("aabbccdd")
    assert len(record.next_hash) == 20
    assert record.types == {1, 46}
    assert record.is_opt_out


@given(st.frozensets(st.integers(1, 0xFFFF), min_size=1, max_size=20))
def test_type_bitmaps_come_back_and_are_canonical(types: frozenset[int]) -> None:
    """RFC 4034 §4.1.2, by dnspython's text and octets."""
    text = " ".join(dns.rdatatype.to_text(dns.rdatatype.RdataType.make(t)) for t in sorted(types))
    rdata = octets("NSEC", f"next.example. {text}")
    assert rdata_fields.nsec(rdata) == (from_text("next.example"), types)
    assert rdata.endswith(rdata_fields.bitmap_of(types))


@given(st.binary(min_size=5, max_size=300), st.sampled_from([5, 8, 13, 15, 253]))
def test_key_tags_are_those_of_dnspython(key: bytes, algorithm: int) -> None:
    """RFC 4034 App. B; an odd number of octets counts as padded."""
    rdata = b"\1\1\3" + bytes((algorithm,)) + key
    parsed = dns.rdata.from_wire(dns.rdataclass.IN, dns.rdatatype.DNSKEY, rdata, 0, len(rdata))
    assert rdata_fields.key_tag(rdata) == dns.dnssec.key_id(parsed)  # type: ignore[arg-type]


def test_the_root_as_a_name() -> None:
    assert rdata_fields.name_end(b"\0", 0) == 1
    assert rdata_fields.name_end(b"\1a\0rest", 0) == 3
