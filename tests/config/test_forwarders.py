"""Whom a forward names: URLs as people write them, and what is said of those that are wrong."""

from __future__ import annotations

import tomllib

import pytest

from resolver.config import check_forwards, forwarders, load
from resolver.config.check import advice, faults
from resolver.config.forwarders import Forwarder
from resolver.config.schema import Config, Forward
from resolver.protocol.transport import Transport

UDP, TLS, HTTPS, QUIC = Transport.UDP, Transport.TLS, Transport.HTTPS, Transport.QUIC


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("192.0.2.1", [Forwarder(("192.0.2.1", 53))]),
        ("udp://192.0.2.1:5353", [Forwarder(("192.0.2.1", 5353))]),
        ("udp://[2001:db8::1]:53", [Forwarder(("2001:db8::1", 53))]),
        ("tls://9.9.9.9", [Forwarder(("9.9.9.9", 853), TLS)]),
        ("tls://9.9.9.9:8853#DNS.quad9.net.", [Forwarder(("9.9.9.9", 8853), TLS, "dns.quad9.net")]),
        (
            "tls://2620:fe::fe#dns.quad9.net",
            [Forwarder(("2620:fe::fe", 853), TLS, "dns.quad9.net")],
        ),
        ("tls://fe80::1%eth0#router", [Forwarder(("fe80::1%eth0", 853), TLS, "router")]),
        ("quic://192.0.2.1#a.example", [Forwarder(("192.0.2.1", 853), QUIC, "a.example")]),
        (
            "https://dns.google/dns-query@8.8.8.8,2001:4860:4860::8888",
            [
                Forwarder(("8.8.8.8", 443), HTTPS, "dns.google", "/dns-query"),
                Forwarder(("2001:4860:4860::8888", 443), HTTPS, "dns.google", "/dns-query"),
            ],
        ),
        (
            "https://a.example:8443/q@192.0.2.1",
            [Forwarder(("192.0.2.1", 8443), HTTPS, "a.example", "/q")],
        ),
        ("https://192.0.2.1/q", [Forwarder(("192.0.2.1", 443), HTTPS, "", "/q")]),
        ("https://[2001:db8::1]:8443/", [Forwarder(("2001:db8::1", 8443), HTTPS, "", "/")]),
    ],
)
def test_an_url_names_transport_address_and_what_is_to_be_proven(
    text: str, named: list[Forwarder]
) -> None:
    found = forwarders.forwarders(text)
    assert list(found) == named
    assert forwarders.forwarders(str(found[0])) == (found[0],), "it can be written as it is shown"


_WRONG = [
    ("tls://dns.quad9.net", '"tls://192.0.2.1#dns.quad9.net"'),
    ("dns.quad9.net", "the name behind a #"),
    ("tls://9.9.9.9#", "the name that its certificate proves"),
    ("tls://9.9.9.9#9.9.9.9", "the name of a host"),
    ("tls://9.9.9.9#a..b", "the name of a host"),
    ("tls://9.9.9.9#-a.b", "the name of a host"),
    ("tls://9.9.9.9#" + "a." * 130 + "b", "the name of a host"),
    ("tls://9.9.9.9:0", "a port from 1 to 65535"),
    ("tls://", "an address such as"),
    ("tls://224.0.0.1", "the address of one server"),
    ("9.9.9.9#dns.quad9.net", "tls:// before an address"),
    ("9.9.9.9@853#dns.quad9.net", "tls:// before an address"),
    ("ftp://9.9.9.9", '"tls://9.9.9.9#dns.quad9.net"'),
    ("tcp://9.9.9.9", '"tls://9.9.9.9#dns.quad9.net"'),
    ("https://dns.google/dns-query", "host, path, @, its addresses"),
    ("https://dns.google@8.8.8.8", "host, path, @, its addresses"),
    ("https://dns.google:x/dns-query@8.8.8.8", "host, path, @, its addresses"),
    ("https://dns.google/dns query@8.8.8.8", "host, path, @, its addresses"),
    ("https://dns.google/dns-query{?dns}@8.8.8.8", "host, path, @, its addresses"),
    ("https://8.8.8.8", "host, path, @, its addresses"),
    ("https://dns.google/dns-query@8.8.8.8,", "an address such as"),
    ("https://8.8.8.8/dns-query@8.8.8.8", "the name of a host"),
]


@pytest.mark.parametrize(("text", "said"), _WRONG)
def test_what_is_wrong_with_one_is_said(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=r".") as error:
        forwarders.forwarders(text)
    assert said in str(error.value)
    (fault,) = faults(Config(forward=(Forward(zone=".", addresses=(text,)),)))
    assert (fault.key, fault.value) == ("forward[0].addresses", text)


def _said(text: str) -> list[str]:
    _, problems = load.interpret(tomllib.loads(text), "x.toml")
    return [str(problem) for problem in problems]


PIN = "sha256/" + "A" * 43 + "="


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ("addresses = []", "at least one address, or a provider"),
        ("addresses = ['tls://192.0.2.1', '192.0.2.2']", "encrypted servers only"),
        (
            "addresses = ['192.0.2.1']\nprofile = 'opportunistic'",
            "none of its servers is encrypted",
        ),
        ("addresses = ['192.0.2.1']\nprofile = 'open'", '"strict" or "opportunistic"'),
        ("addresses = ['192.0.2.1']\nfallback = 'root'", '"" or "recurse"'),
        ("provider = 'quad8'", '"quad9" or "cloudflare"'),
        ("provider = 'udp://quad9'", 'over HTTPS or QUIC as "https://quad9"'),
        ("provider = 'https3://quad9'", 'over HTTPS or QUIC as "https://quad9"'),
        ("provider = 'https://'", '"quad9" or "cloudflare"'),
        ("provider = 'quic://google'", '"tls://google" or "https://google", which it speaks'),
        ("addresses = ['tls://192.0.2.1']\npins = ['sha256/x']", '"sha256/" and the Base64'),
        ("addresses = ['tls://192.0.2.1']\npins = ['sha1/x']", '"sha256/" and the Base64'),
        (f"addresses = ['tls://192.0.2.1']\npins = ['{PIN[7:]}']", '"sha256/" and the Base64'),
        (f"addresses = ['192.0.2.1']\npins = ['{PIN}']", "none of its servers is encrypted"),
        (
            "addresses = ['tls://192.0.2.1']\nca_file = '/no/where'",
            "the path of a file that exists",
        ),
        (
            f"addresses = ['tls://192.0.2.1']\npins = ['{PIN}']\nprofile = 'opportunistic'",
            "it is not proven",
        ),
        (
            f"addresses = ['tls://192.0.2.1']\npins = ['{PIN}']\nca_file = '/dev/null'",
            "nothing beside pins",
        ),
        ("addresses = ['tls://192.0.2.1']\ndiscover = true", "false: all of its servers are"),
    ],
)
def test_a_table_that_contradicts_itself_is_a_fault(table: str, said: str) -> None:
    found = _said(f"[[forward]]\nzone = 'a.b'\n{table}")
    assert found
    assert said in found[0]


def test_one_server_proves_itself_in_one_way() -> None:
    """What was proven for one table would be taken as proven for the other."""
    one = "[[forward]]\nzone = 'a.b'\naddresses = ['tls://192.0.2.1']"
    assert not _said(f"{one}\n{one.replace('a.b', 'c.d')}")
    (said,) = _said(f"{one}\n{one.replace('a.b', 'c.d')}\nprofile = 'opportunistic'")
    assert "profile, ca_file, pins and path" in said
    one = "[[forward]]\nzone = 'a.b'\naddresses = ['https://a.b/q@192.0.2.1']"
    assert not _said(f"{one}\n{one.replace(_ZONE, _OTHER)}")
    (said,) = _said(f"{one}\n{one.replace('/q@', '/r@').replace(_ZONE, _OTHER)}")
    assert "profile, ca_file, pins and path" in said


_ZONE, _OTHER = "zone = 'a.b'", "zone = 'c.d'"


def test_what_is_not_installed_is_said_with_what_to_type(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("resolver.config.extras._is_there", lambda _: False)
    (said,) = _said("[[forward]]\nzone = 'a.b'\naddresses = ['https://a.b/q@192.0.2.1']")
    assert 'h2, which is not installed: pip install "resolver[https]"' in said


def test_what_is_to_be_discovered_may_have_to_prove_itself() -> None:
    table = "[[forward]]\nzone = 'a.b'\naddresses = ['192.0.2.1']\ndiscover = true"
    assert not _said(table)
    assert not _said(f"{table}\npins = ['{PIN}']")


def test_clear_text_is_beside_encryption_where_that_is_wanted() -> None:
    entry = Forward(zone=".", addresses=("tls://192.0.2.1#a.b",))
    encrypted = Forwarder(("192.0.2.1", 853), TLS, "a.b")
    assert forwarders.forwarders_of(entry) == (encrypted,)
    entry = Forward(zone=".", addresses=("tls://192.0.2.1#a.b",), profile="opportunistic")
    assert forwarders.forwarders_of(entry) == (encrypted, Forwarder(("192.0.2.1", 53)))


def test_a_provider_is_asked_over_tls_by_its_name() -> None:
    found = forwarders.forwarders_of(Forward(zone=".", provider="quad9"))
    assert Forwarder(("9.9.9.9", 853), TLS, "dns.quad9.net") in found
    assert {one.transport for one in found} == {TLS}


def test_or_over_another_transport_that_it_speaks() -> None:
    found = forwarders.forwarders_of(Forward(zone=".", provider="https://quad9"))
    assert str(found[0]) == "https://dns.quad9.net/dns-query@9.9.9.9"
    found = forwarders.forwarders_of(Forward(zone=".", provider="quic://adguard"))
    assert str(found[0]) == "quic://94.140.14.14:853#dns.adguard-dns.com"
    one, other = Forward(zone=".", provider="tls://quad9"), Forward(zone=".", provider="quad9")
    assert forwarders.forwarders_of(one) == forwarders.forwarders_of(other)


def test_what_a_providers_transport_needs_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(check_forwards, "extra_missing", lambda scheme: f"{scheme} is missing")
    (said,) = _said("[[forward]]\nzone = '.'\nprovider = 'https://quad9'")
    assert "forward[0].provider" in said
    assert "https is missing" in said


@pytest.mark.parametrize(
    ("entry", "is_filtering"),
    [
        (Forward(zone=".", provider="quad9"), True),
        (Forward(zone=".", provider="https://quad9"), True),
        (Forward(zone=".", provider="google"), False),
        (Forward(zone=".", provider="google", filters=True), True),
        (Forward(zone=".", addresses=("192.0.2.1",)), False),
    ],
)
def test_who_filters_is_known(entry: Forward, is_filtering: bool) -> None:  # noqa: FBT001
    assert forwarders.filters(entry) is is_filtering


@pytest.mark.parametrize("more", [{"first": True}, {"fallback": "recurse"}])
def test_clear_text_after_encryption_is_advised_of(more: dict[str, object]) -> None:
    entry = Forward(zone=".", addresses=("tls://192.0.2.1",), **more)  # type: ignore[arg-type]
    assert any("in clear text" in sentence for sentence in advice(Config(forward=(entry,))))
    plain = Forward(zone=".", addresses=("192.0.2.1",), **more)  # type: ignore[arg-type]
    assert not any("in clear text" in sentence for sentence in advice(Config(forward=(plain,))))
