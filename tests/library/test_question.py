"""What programs write for a name and a type is understood, or told to be wrong at once."""

from __future__ import annotations

from ipaddress import ip_address

import dns.name
import dns.rdatatype
import pytest

from resolver.library.failures import BadQuestion
from resolver.library.question import question, reverse
from resolver.model import Question
from resolver.protocol import names
from resolver.protocol.codes import RRType

WWW = Question(names.from_text("www.example.com."), RRType.MX)


@pytest.mark.parametrize(
    "name",
    [
        "www.example.com",
        "www.example.com.",
        "WWW.Example.COM",
        dns.name.from_text("www.example.com"),
    ],
)
@pytest.mark.parametrize("rdtype", ["MX", "mx", "TYPE15", 15, dns.rdatatype.MX])
def test_one_question_has_many_spellings(name: str | dns.name.Name, rdtype: str | int) -> None:
    assert question(name, rdtype) == WWW


def test_a_relative_name_of_dnspython_is_absolute_too() -> None:
    relative = dns.name.from_text("www.example.com", origin=None)
    assert question(relative, "MX") == WWW


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("bücher.example", "xn--bcher-kva.example."),
        ("straße.example", "xn--strae-oqa.example."),  # IDNA 2003 would make it "strasse"
        ("BÜCHER。example", "xn--bcher-kva.example."),
        (".", "."),
        ("_25._tcp.mail.example", "_25._tcp.mail.example."),
    ],
)
def test_names_in_other_scripts_become_a_labels(text: str, name: str) -> None:
    """IDNA 2008 with the mappings of UTS 46, as browsers do it."""
    assert names.to_text(question(text).qname) == name


def test_an_address_is_asked_for_by_its_reverse_name() -> None:
    expected = Question(names.from_text("1.2.0.192.in-addr.arpa."), RRType.PTR)
    assert reverse("192.0.2.1") == expected
    assert reverse(ip_address("192.0.2.1")) == expected
    assert names.to_text(reverse("2001:db8::1").qname).endswith("8.b.d.0.1.0.0.2.ip6.arpa.")


@pytest.mark.parametrize("name", ["", "a..b", "a" * 64, "x." * 200, "\udcff.example"])
def test_what_is_no_name_is_said_to_be_none(name: str) -> None:
    with pytest.raises(BadQuestion):
        question(name)


@pytest.mark.parametrize("rdtype", ["NOTYPE", -1, 70_000, "OPT", "AXFR", "IXFR", "TSIG", 0])
def test_what_is_no_type_is_said_to_be_none(rdtype: str | int) -> None:
    with pytest.raises(BadQuestion, match="type"):
        question("example.com", rdtype)


def test_what_is_no_address_is_said_to_be_none() -> None:
    with pytest.raises(BadQuestion, match="not an IP address"):
        reverse("example.com")
    with pytest.raises(ValueError, match="not an IP address"):  # as ipaddress's own is
        reverse("192.0.2.256")
