"""Special names are answered here, and nothing else is."""

from __future__ import annotations

import pytest

from resolver.model import Answer, Question
from resolver.policy.local import LocalZones
from resolver.protocol import names
from resolver.protocol.codes import Rcode, RRClass, RRType


def ask(name: str, qtype: int = RRType.A) -> Answer | None:
    return LocalZones().answer(Question(names.from_text(name), qtype))


def answered(name: str, qtype: int = RRType.A) -> Answer:
    answer = ask(name, qtype)
    assert answer is not None
    return answer


@pytest.mark.rfc("6761 §6.3")
@pytest.mark.parametrize("name", ["localhost.", "www.localhost.", "LocalHost."])
def test_localhost_and_all_below_is_this_machine(name: str) -> None:
    assert answered(name).answer[0].rdatas == (bytes([127, 0, 0, 1]),)
    assert answered(name, RRType.AAAA).answer[0].rdatas == (bytes(15) + b"\x01",)
    negative = answered(name, RRType.MX)
    assert (negative.rcode, negative.answer) == (Rcode.NOERROR, ())
    assert negative.authority[0].rtype == RRType.SOA


@pytest.mark.rfc("6761")
@pytest.mark.rfc("6762 §22.1")
@pytest.mark.rfc("7686 §2")
@pytest.mark.parametrize("name", ["a.test.", "x.y.invalid.", "abc.onion.", "printer.local."])
def test_names_that_are_not_in_the_dns_do_not_exist(name: str) -> None:
    answer = answered(name)
    assert (answer.rcode, answer.answer) == (Rcode.NXDOMAIN, ())
    assert answer.authority[0].owner == names.suffix(names.from_text(name), 1)


@pytest.mark.rfc("6303 §4")
@pytest.mark.rfc("7793")
@pytest.mark.parametrize(
    "reverse",
    [
        "1.0.0.10.in-addr.arpa.",
        "1.1.31.172.in-addr.arpa.",
        "7.1.168.192.in-addr.arpa.",
        "1.0.64.100.in-addr.arpa.",
        "9.9.254.169.in-addr.arpa.",
        "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.d.f.ip6.arpa.",
        "1.8.b.d.0.1.0.0.2.ip6.arpa.",
    ],
)
def test_private_reverse_space_is_empty(reverse: str) -> None:
    assert answered(reverse, RRType.PTR).rcode == Rcode.NXDOMAIN


@pytest.mark.rfc("RFC 6761 §6.5")
@pytest.mark.parametrize(
    "name",
    [
        "1.1.15.172.in-addr.arpa.",
        "1.0.63.100.in-addr.arpa.",
        "1.0.128.100.in-addr.arpa.",
        "10.in-addr.arpa.example.",
        "in-addr.arpa.",
        "example.",
        "www.example.com.",
        "mylocalhost.",
        "arpa.",
        ".",
    ],
)
def test_the_neighbours_of_special_names_are_resolved(name: str) -> None:
    """RFC 6761 §6.5: `example` is no exception for a resolver."""
    assert ask(name) is None


def test_a_label_that_holds_the_bytes_of_another_is_not_it() -> None:
    """Comparison is at label boundaries: one label of the octets x\\009localhost."""
    tricky = bytes([12]) + b"x\x00\x09localhost"[:12] + b"\0"
    assert LocalZones().answer(Question(tricky, RRType.A)) is None


def test_loopback_addresses_have_their_name() -> None:
    for reverse in ("1.0.0.127.in-addr.arpa.", "1." + "0." * 31 + "ip6.arpa."):
        assert answered(reverse, RRType.PTR).answer[0].rdatas == (names.from_text("localhost."),)
    assert answered("2.0.0.127.in-addr.arpa.", RRType.PTR).rcode == Rcode.NXDOMAIN


@pytest.mark.rfc("6303 §3")
def test_an_empty_zone_has_an_apex() -> None:
    soa = answered("10.in-addr.arpa.", RRType.SOA)
    assert (soa.rcode, len(soa.answer), soa.is_authoritative) == (Rcode.NOERROR, 1, True)
    assert answered("10.in-addr.arpa.", RRType.NS).answer[0].rtype == RRType.NS
    nodata = answered("10.in-addr.arpa.", RRType.A)
    assert (nodata.rcode, nodata.answer) == (Rcode.NOERROR, ())


@pytest.mark.rfc("9462 §6.4")
@pytest.mark.parametrize("name", ["_dns.resolver.arpa.", "resolver.arpa."])
def test_nobody_is_designated(name: str) -> None:
    answer = answered(name, RRType.SVCB)
    assert (answer.rcode, answer.answer) == (Rcode.NOERROR, ())


@pytest.mark.rfc("8375 §4")
def test_home_arpa_is_empty_but_its_ds_is_the_parents() -> None:
    assert answered("tv.home.arpa.").rcode == Rcode.NXDOMAIN
    assert ask("home.arpa.", RRType.DS) is None
    assert answered("tv.home.arpa.", RRType.DS).rcode == Rcode.NXDOMAIN


def test_a_zone_that_is_configured_elsewhere_goes_there() -> None:
    zones = LocalZones([names.from_text("1.168.192.in-addr.arpa."), names.ROOT])
    there = Question(names.from_text("7.1.168.192.in-addr.arpa."), RRType.PTR)
    beside = Question(names.from_text("7.2.168.192.in-addr.arpa."), RRType.PTR)
    assert zones.answer(there) is None
    assert zones.answer(beside) is not None


def test_other_classes_are_not_answered_here() -> None:
    asked = Question(names.from_text("localhost."), RRType.A, RRClass.CH)
    assert LocalZones().answer(asked) is None
