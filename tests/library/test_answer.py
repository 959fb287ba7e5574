"""An answer says what a program wants to know, and nothing that it has to interpret."""

from __future__ import annotations

import pickle
from typing import TYPE_CHECKING

import dns.rdatatype
import pytest

from resolver import model
from resolver.errors import ResolverError
from resolver.lab.zones import soa
from resolver.library.answer import Answer
from resolver.library.failures import Bogus, NameNotFound, NoData, ResolveError, ServFail, checked
from resolver.library.question import question
from resolver.model import Ede, RRset, Status
from resolver.protocol import names
from resolver.protocol.codes import EdeCode, Rcode, RRType

if TYPE_CHECKING:
    from resolver.library.answer import Source

WWW = names.from_text("www.example.com.")
HOST = names.from_text("host.example.net.")
APEX = names.from_text("example.com.")


def found(  # what stands in the answer, and how it was found
    *answer: RRset,
    rdtype: str = "A",
    rcode: int = Rcode.NOERROR,
    status: Status = Status.SECURE,
    ede: tuple[Ede, ...] = (),
    authority: tuple[RRset, ...] = (),
    source: Source = "network",
) -> Answer:
    asked = question("www.example.com", rdtype)
    return Answer(
        model.Answer(asked, rcode, answer=answer, authority=authority, status=status, ede=ede),
        source,
    )


def test_addresses_are_text_in_the_shortest_form() -> None:
    rdata = bytes.fromhex("20010db8000000000000000000000080")
    answer = found(RRset(WWW, RRType.AAAA, 300, (rdata,)), rdtype="AAAA")
    assert answer.addresses == ("2001:db8::80",)
    assert [record.to_text() for record in answer.records] == ["2001:db8::80"]


def test_aliases_lead_to_the_records_and_bound_the_ttl() -> None:
    alias = RRset(WWW, RRType.CNAME, 20, (HOST,))
    address = RRset(HOST, RRType.A, 300, (b"\xc0\0\2\1", b"\xc0\0\2\2"))
    answer = found(alias, address)
    assert answer.addresses == ("192.0.2.1", "192.0.2.2")
    assert answer.canonical_name == "host.example.net."
    assert answer.ttl == 20
    assert [rrset.rdtype for rrset in answer.rrsets] == [dns.rdatatype.CNAME, dns.rdatatype.A]
    assert len(answer) == 2
    assert [record.to_text() for record in answer] == ["192.0.2.1", "192.0.2.2"]


def test_an_alias_that_was_asked_for_is_a_record() -> None:
    answer = found(RRset(WWW, RRType.CNAME, 20, (HOST,)), rdtype="CNAME")
    assert answer.canonical_name == "www.example.com."
    assert [record.to_text() for record in answer] == ["host.example.net."]


def test_octets_that_are_not_what_the_type_says_are_a_generic_record() -> None:
    """RFC 3597: one bad record must not hide the others."""
    answer = found(RRset(WWW, RRType.MX, 20, (b"\0",)), rdtype="MX")
    assert [record.to_text() for record in answer] == ["\\# 1 00"]


def test_a_denial_holds_as_long_as_its_soa_says() -> None:
    """RFC 2308 §5: the lesser of the SOA's TTL and its last field."""
    proof = RRset(APEX, RRType.SOA, 300, (soa(APEX, minimum=60),))
    answer = found(rcode=Rcode.NXDOMAIN, authority=(proof,))
    assert answer.ttl == 60
    assert not answer
    assert answer.rcode.name == "NXDOMAIN"
    assert answer.why == "the name does not exist; secure, from the zone's servers"


def test_what_came_unvalidated_is_indeterminate() -> None:
    assert found(status=Status.UNCHECKED).security == "indeterminate"


def test_a_bogus_answer_is_known_by_its_extended_error() -> None:
    ede = (Ede(EdeCode.DNSSEC_BOGUS, "the signature is wrong"), Ede(EdeCode.SIGNATURE_EXPIRED))
    answer = found(rcode=Rcode.SERVFAIL, status=Status.INDETERMINATE, ede=ede)
    assert answer.security == "bogus"
    assert answer.errors == ((6, "DNSSEC bogus: the signature is wrong"), (7, "signature expired"))
    assert answer.why == "DNSSEC bogus: the signature is wrong; signature expired"


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (found(rcode=Rcode.NXDOMAIN), NameNotFound),
        (found(), NoData),
        (found(RRset(WWW, RRType.CNAME, 20, (HOST,))), NoData),
        (found(rcode=Rcode.SERVFAIL), ServFail),
        (found(rcode=Rcode.SERVFAIL, ede=(Ede(EdeCode.SIGNATURE_EXPIRED),)), Bogus),
        (found(rcode=Rcode.REFUSED), ResolveError),
    ],
)
def test_without_records_an_error_says_what_there_is(
    answer: Answer, kind: type[ResolveError]
) -> None:
    with pytest.raises(ResolverError) as caught:
        checked(answer)
    assert type(caught.value) is kind
    assert caught.value.answer is answer
    assert answer.why in str(caught.value)
    assert str(caught.value).startswith("www.example.com. A: ")


def test_an_error_can_be_pickled() -> None:
    """Process pools carry exceptions that way."""
    with pytest.raises(NameNotFound) as caught:
        checked(found(rcode=Rcode.NXDOMAIN))
    copy = pickle.loads(pickle.dumps(caught.value))  # noqa: S301  # our own octets
    assert str(copy) == str(caught.value)
    assert copy.answer.rcode == Rcode.NXDOMAIN
