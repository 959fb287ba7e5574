"""Canonical forms against dnspython's, on every record of the real root and on made-up rdata."""

from __future__ import annotations

from typing import Any

import dns.dnssec
import dns.name
import dns.rdata
import dns.rdatatype
import dns.rrset
import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolver.dnssec.canonical import (
    canonical_rdata,
    canonical_rdatas,
    label_count,
    signed_data,
    signed_owner,
)
from resolver.model import RRset
from resolver.protocol import names, rdata_fields
from resolver.protocol.codes import RRType
from tests.dnssec.data import parsed, wire
from tests.dnssec.signed_worlds import usual_zone

LABEL = st.text("aBcXyZ09-_*", min_size=1, max_size=8)
NAME = st.lists(LABEL, min_size=1, max_size=4).map(lambda parts: ".".join(parts) + ".")
TEXTS = {
    "NS": "{0}",
    "CNAME": "{0}",
    "DNAME": "{0}",
    "PTR": "{0}",
    "MX": "10 {0}",
    "SRV": "1 2 3 {0}",
    "SOA": "{0} {1} 1 2 3 4 5",
    "RP": "{0} {1}",
    "AFSDB": "1 {0}",
    "RT": "1 {0}",
    "KX": "1 {0}",
    "PX": "1 {0} {1}",
    "NAPTR": '1 2 "A" "B" "Cd" {0}',
    "NSEC": "{0} A RRSIG",
    "HTTPS": "1 {0} alpn=h2",
    "TXT": '"{0}" "Abc"',
    "A": "192.0.2.1",
}
DIFFERENCES = {"NSEC"}  # dnspython lower-cases NSEC's next name; RFC 6840 §5.1 says not to


@given(rtype=st.sampled_from(sorted(TEXTS)), one=NAME, two=NAME)
def test_rdata_is_as_dnspython_has_it(rtype: str, one: str, two: str) -> None:
    text = TEXTS[rtype].format(one, two)
    made = dns.rdata.from_text("IN", rtype, text, dns.name.root, relativize=False)
    ours = canonical_rdata(int(dns.rdatatype.from_text(rtype)), wire(made))
    if rtype in DIFFERENCES:
        assert ours == wire(made)
    else:
        assert ours == made.to_digestable(dns.name.root)


@pytest.mark.rfc("RFC 4035 §5.3.2")
@given(
    rtype=st.sampled_from(["MX", "NS", "SOA", "TXT", "HTTPS"]),
    pairs=st.sets(st.tuples(NAME, NAME), min_size=1, max_size=4),
)
def test_signed_octets_are_as_dnspython_has_them(rtype: str, pairs: set[tuple[str, str]]) -> None:
    """Order, owner, TTL and all: dnspython signs, and its digestable form is ours."""
    zone = usual_zone("example.").sign(15)
    number = int(dns.rdatatype.from_text(rtype))
    made = dns.rrset.from_text_list(
        "*.Sub.example.", 60, "IN", rtype, [TEXTS[rtype].format(*pair) for pair in sorted(pairs)]
    )
    rdatas = tuple(wire(rdata) for rdata in made)
    signed = zone.signed_rrset(names.from_text("*.sub.example."), number, list(rdatas))
    octets = signed.signatures[0]
    rrset = RRset(names.from_text("a.b.sub.example."), number, 60, rdatas, signed.signatures)
    expanded: Any = dns.rrset.from_rdata_list("a.b.sub.example.", 60, list(made))
    expected = dns.dnssec._make_rrsig_signature_data(expanded, parsed(RRType.RRSIG, octets))
    ours = signed_data(rrset, canonical_rdatas(number, rdatas), rdata_fields.rrsig(octets), octets)
    assert ours == expected


@pytest.mark.rfc("RFC 4035 §5.3.2")
@pytest.mark.parametrize(
    ("owner", "labels", "signed"),
    [
        ("www.example.", 2, "www.example."),
        ("www.example.", 1, "*.example."),
        ("a.b.c.example.", 2, "*.c.example."),
        ("*.example.", 1, "*.example."),
        ("www.", 0, "*."),
        (".", 0, "."),
    ],
)
def test_the_wildcard_is_put_back(owner: str, labels: int, signed: str) -> None:
    """RFC 4035 §5.3.2."""
    assert signed_owner(names.from_text(owner), labels) == names.from_text(signed)


def test_a_leading_asterisk_is_not_counted() -> None:
    assert label_count(names.from_text("*.example.")) == 1
    assert label_count(names.from_text("a.*.example.")) == 3
