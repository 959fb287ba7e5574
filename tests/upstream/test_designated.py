"""Whom a reply to `_dns.resolver.arpa` designates, as candidates to be proven."""

from __future__ import annotations

import dns.message
import dns.rcode
import dns.rrset
import pytest

from resolver.config.forwarders import Forwarder
from resolver.limits import (
    DESIGNATED,
    DESIGNATED_NOBODY_SECONDS,
    DESIGNATION_LONGEST_SECONDS,
    DESIGNATION_SHORTEST_SECONDS,
)
from resolver.model import Server, Verdict
from resolver.protocol.transport import Transport
from resolver.protocol.wire import Message, parse_untrusted
from resolver.upstream import designated
from resolver.upstream.designated import Designated, is_same_private, read_untrusted

ASKED = Server("192.0.2.1")
NAME = "_dns.resolver.arpa."
TLS = Transport.TLS


def reply(*svcb: str, ttl: int = 300, beside: tuple[str, ...] = (), rcode: int = 0) -> Message:
    message = dns.message.make_response(dns.message.make_query(NAME, "SVCB"))
    message.set_rcode(dns.rcode.from_text(str(rcode)))
    if svcb:
        message.answer.append(dns.rrset.from_text(NAME, ttl, "IN", "SVCB", *svcb))
    for host in beside:
        rtype = "AAAA" if ":" in host else "A"
        message.additional.append(dns.rrset.from_text("dns.example.net.", 60, "IN", rtype, host))
    return parse_untrusted(message.to_wire())


def read(*svcb: str, ttl: int = 300, beside: tuple[str, ...] = ()) -> Designated:
    return read_untrusted(reply(*svcb, ttl=ttl, beside=beside), ASKED)


@pytest.mark.rfc("RFC 9462 §4.2")
def test_who_is_elsewhere_must_prove_the_address_that_was_asked() -> None:
    said = read("1 dns.example.net. alpn=dot port=8853 ipv4hint=192.0.2.9,192.0.2.1")
    assert said.candidates() == (
        Forwarder(("192.0.2.1", 8853), TLS),
        Forwarder(("192.0.2.9", 8853), TLS, "192.0.2.1"),
    )


@pytest.mark.parametrize(
    ("beside", "where"),
    [(("192.0.2.7",), "192.0.2.7"), (("2001:db8::7",), "2001:db8::7"), ((), "192.0.2.1")],
)
def test_addresses_stand_beside_or_are_the_one_asked(beside: tuple[str, ...], where: str) -> None:
    said = read("1 dns.example.net. alpn=dot", beside=beside)
    assert [one.where for one in said.candidates()] == [(where, 853)]


def test_nobody_out_there_leads_into_this_network() -> None:
    """The record may be anybody's, and a handshake is begun with whom it names."""
    record = "1 dns.example.net. alpn=dot ipv4hint={}"
    inside = "127.0.0.1,10.0.0.1,192.168.1.1,0.0.0.0,224.0.0.1,255.255.255.255"
    assert read(record.format(inside)).candidates() == ()
    at_home = read_untrusted(reply(record.format("192.168.1.2")), Server("192.168.1.1"))
    assert [one.auth_name for one in at_home.candidates()] == ["192.168.1.1"]


def test_a_link_local_address_keeps_its_interface() -> None:
    router = Server("fe80::1%eth0")
    said = read_untrusted(reply("1 dns.example.net. alpn=dot ipv6hint=fe80::1"), router)
    assert [one.where[0] for one in said.candidates()] == ["fe80::1%eth0"]


def test_what_is_not_asked_over_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    records = (
        "1 dns.example.net. alpn=h3 dohpath=/q{?dns}",
        "2 dns.example.net. alpn=h2",  # where, it does not say
        "3 dns.example.net. alpn=h2 dohpath=/q{?dns}",
        "4 dns.example.net. alpn=doq",
        "5 dns.example.net. alpn=dot",
    )
    monkeypatch.setattr(designated, "extra_missing", lambda scheme: "" if scheme == "tls" else "x")
    assert [one.transport for one in read(*records).candidates()] == [TLS]
    monkeypatch.undo()
    found = read(*records).candidates()
    assert [one.transport for one in found] == [Transport.HTTPS, Transport.QUIC, TLS]
    assert found[0].path == "/q"


@pytest.mark.parametrize(
    "path", [b"/q\r\nERROR all is lost", b"/q\x1b[31m", b"/a b", b"q", b"/q?a=b", b"/q{?dns,x}"]
)
def test_what_is_no_path_is_asked_nowhere_and_shown_to_nobody(path: bytes) -> None:
    """Whoever is on the way may have written it, and the log names who was not proven."""
    told = path + (b"" if path.endswith(b"}") else b"{?dns}")
    rdata = b"\0\1\3dns\7example\3net\0" + _parameter(1, b"\2h2") + _parameter(7, told)
    svcb = f"\\# {len(rdata)} {rdata.hex()}"
    assert read(svcb).candidates() == ()


def _parameter(key: int, value: bytes) -> bytes:
    return key.to_bytes(2, "big") + len(value).to_bytes(2, "big") + value


def test_the_best_come_first_and_what_is_malformed_says_nothing() -> None:
    said = read("9 a.example. alpn=dot ipv4hint=192.0.2.9", "1 b.example. alpn=dot", "2 . alpn=dot")
    assert [one.priority for one in said.services] == [1, 9]


@pytest.mark.reaches("DESIGNATED")
def test_no_more_than_a_few() -> None:
    hints = ",".join(f"192.0.2.{at}" for at in range(1, 100))
    assert len(read(f"1 dns.example.net. alpn=dot ipv4hint={hints}").candidates()) == DESIGNATED


@pytest.mark.reaches("DESIGNATION_SHORTEST_SECONDS", "DESIGNATION_LONGEST_SECONDS")
def test_how_long_it_counts() -> None:
    record = "1 dns.example.net. alpn=dot"
    assert read(record, ttl=300).ttl == 300
    assert read(record, ttl=0).ttl == DESIGNATION_SHORTEST_SECONDS
    assert read(record, ttl=10**9).ttl == DESIGNATION_LONGEST_SECONDS
    assert read() == Designated(ASKED, ttl=DESIGNATED_NOBODY_SECONDS)


@pytest.mark.rfc("RFC 9462 §4.3")
@pytest.mark.parametrize("host", ["192.168.1.1", "fd00::1", "fe80::1%eth0"])
def test_in_a_private_network_the_same_address_is_proof(host: str) -> None:
    assert is_same_private(Forwarder((host, 853), TLS), Server(host))


@pytest.mark.rfc("RFC 9462 §4.3")
@pytest.mark.parametrize(
    ("host", "at"),
    [
        ("192.168.1.1", "192.168.1.2"),
        ("192.0.2.1", "192.0.2.1"),
        ("100.64.0.1", "100.64.0.1"),
    ],
)
def test_elsewhere_it_is_none(host: str, at: str) -> None:
    assert not is_same_private(Forwarder((at, 853), TLS), Server(host))


_VERDICTS = {0: Verdict.ANSWER, 3: Verdict.ANSWER, 2: Verdict.USELESS, 5: Verdict.USELESS}


@pytest.mark.parametrize("rcode", _VERDICTS)
def test_nobody_is_an_answer_and_a_failure_is_none(rcode: int) -> None:
    assert designated.classify(reply(rcode=rcode), ASKED).verdict is _VERDICTS[rcode]
