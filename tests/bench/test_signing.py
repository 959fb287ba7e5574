"""What the benches sign with agrees with dnspython, for every kind of key and owner."""

from __future__ import annotations

import time

import dns.dnssec
import dns.exception
import dns.name
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.rrset
import pytest

from bench.common import signing
from bench.common.signing import DAY_S, Key, name_wire

KEYS = {
    "RSA": signing.rsa_key(),
    "P-256": signing.p256_key(6605),
    "Ed25519": signing.ed25519_key(bytes(range(32))),
}
ZONE = dns.name.from_text("example.")
NOW = int(time.time())
each_key = pytest.mark.parametrize("key", KEYS.values(), ids=KEYS)


def _rrset(owner: dns.name.Name, rtype: str, rdatas: list[bytes], ttl_s: int) -> dns.rrset.RRset:
    rrset = dns.rrset.RRset(owner, dns.rdataclass.IN, dns.rdatatype.from_text(rtype))
    for data in rdatas:
        rrset.add(dns.rdata.from_wire(rrset.rdclass, rrset.rdtype, data, 0, len(data)), ttl_s)
    return rrset


def _validate(key: Key, owner: str, signed_owner: str) -> None:
    rdatas = [bytes((192, 0, 2, 9)), bytes((192, 0, 2, 1))]  # out of canonical order
    name = dns.name.from_text(owner)
    rrsig = key.rrsig(
        name_wire(signed_owner), 1, 300, rdatas,
        signer=name_wire("example."), window=(NOW - DAY_S, NOW + DAY_S),
    )  # fmt: skip
    keys = _rrset(ZONE, "DNSKEY", [key.dnskey], 300)
    covered = _rrset(name, "A", rdatas, 300)
    dns.dnssec.validate(covered, _rrset(name, "RRSIG", [rrsig], 300), {ZONE: keys})


@each_key
def test_a_signature_holds_for_dnspython(key: Key) -> None:
    """RFC 4034 §3.1.8.1: rdata in canonical order, whatever order it came in."""
    _validate(key, "www.example.", "www.example.")


@each_key
def test_a_wildcards_asterisk_is_no_label(key: Key) -> None:
    """RFC 4034 §3.1.3: what the wildcard made is validated as the wildcard."""
    _validate(key, "made.up.example.", "*.example.")


@each_key
def test_a_signature_by_another_key_does_not_hold(key: Key) -> None:
    other = signing.p256_key(1)
    forged = Key(other.private, other.algorithm, key.dnskey, key.tag)
    with pytest.raises(dns.exception.DNSException):
        _validate(forged, "www.example.", "www.example.")


@each_key
def test_ds_and_dnskey_are_dnspythons(key: Key) -> None:
    """RFC 4034 §5.1.4 and appendix B."""
    dnskey = dns.rdata.from_text("IN", "DNSKEY", key.dnskey_text())
    ds = dns.dnssec.make_ds(ZONE, dnskey, "SHA256")
    assert dnskey.to_wire() == key.dnskey
    assert ds.to_wire() == key.ds(name_wire("example."))
    line = signing.anchor_text("example.", key).partition(" IN DS ")[2]
    assert dns.rdata.from_text("IN", "DS", line) == ds


@pytest.mark.parametrize("types", [[], [1], [46, 47, 2], [255]])
def test_a_bitmap_is_dnspythons(types: list[int]) -> None:
    """RFC 4034 §4.1.2."""
    words = " ".join(dns.rdatatype.to_text(dns.rdatatype.RdataType.make(one)) for one in types)
    nsec = dns.rdata.from_text("IN", "NSEC", f"example. {words}")
    assert nsec.to_wire() == name_wire("example.") + signing.type_bitmap(types)
