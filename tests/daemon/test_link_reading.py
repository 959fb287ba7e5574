"""Zones that links bring: whose word is taken, for which names, and what files look like."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolver.daemon import link_reading
from resolver.daemon.link_reading import LinkZone, Said, Unreadable, zones_of
from resolver.limits import LINK_ZONE_SERVERS, LINK_ZONES

if TYPE_CHECKING:
    from pathlib import Path

# As systemd 252 writes it for a WireGuard link with Domains=corp.example ~internal.example.
NETWORKD = """\
# This is private data. Do not parse.
ADMIN_STATE=configured
OPER_STATE=routable
CARRIER_STATE=carrier
ADDRESS_STATE=routable
IPV4_ADDRESS_STATE=routable
IPV6_ADDRESS_STATE=off
ONLINE_STATE=online
REQUIRED_FOR_ONLINE=yes
NETWORK_FILE=/run/systemd/network/50-wg0.network
DNS=10.8.0.1 10.8.0.2:5353#dns.corp.example
NTP=
SIP=
DOMAINS=corp.example
ROUTE_DOMAINS=internal.example 8.10.in-addr.arpa
LLMNR=yes
MDNS=no
"""
ROUTES = """\
Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT
wlan0\t00000000\t0102A8C0\t0003\t0\t0\t600\t00000000\t0\t0\t0
wg0\t0000080A\t00000000\t0001\t0\t0\t0\t0000FFFF\t0\t0\t0
"""
ROUTES6 = (
    "00000000000000000000000000000000 00 00000000000000000000000000000000 00 "
    "fe800000000000000000000000000001 00000400 00000003 00000000 00000003     eth1\n"
    "00000000000000000000000000000000 00 00000000000000000000000000000000 00 "
    "00000000000000000000000000000000 ffffffff 00000001 00000000 00200200       lo\n"
)
NOBODY: frozenset[str] = frozenset()


def test_networkd_has_a_file_for_each_link() -> None:
    said = link_reading.networkd_said_untrusted("wg0", NETWORKD)
    zones = zones_of([said], NOBODY)
    hosts = ("10.8.0.1:53", "10.8.0.2:5353")
    assert zones == tuple(
        LinkZone(zone, hosts, "wg0")
        for zone in ("corp.example.", "internal.example.", "8.10.in-addr.arpa.")
    )


def test_files_are_read_where_they_lie(tmp_path: Path) -> None:
    with pytest.raises(Unreadable, match="systemd-networkd keeps nothing"):
        link_reading.networkd(tmp_path)
    folder = tmp_path / "run/systemd/netif/links"
    folder.mkdir(parents=True)
    (folder / "99999").write_text(NETWORKD)
    (folder / ".#half").write_text("DNS=1.1.1.1\nDOMAINS=evil.example\n")
    (said,) = link_reading.networkd(tmp_path)
    assert (said.link, said.domains[0]) == ("link 99999", "corp.example")


def test_who_has_the_default_route_is_read_from_the_kernel() -> None:
    assert set(link_reading.default_links_untrusted(ROUTES, ROUTES6)) == {"wlan0", "eth1"}


def test_it_is_read_where_a_sandbox_shows_processes_alone(tmp_path: Path) -> None:
    """Under the service file there is no /proc/net. A network that was walked into could claim a
    bank's name where nobody knew which link leads to it."""
    (tmp_path / "proc/self/net").mkdir(parents=True)
    (tmp_path / "proc/self/net/route").write_text(ROUTES)
    assert link_reading.default_links(tmp_path) == frozenset({"wlan0"})
    assert link_reading.default_links(tmp_path / "nothing") is None
    said = [Said("wlan0", ("192.0.2.1",), ("bank.example", "lan"))]
    assert [each.zone for each in zones_of(said, None)] == ["lan."]


@pytest.mark.parametrize(
    ("domain", "counts"),
    [
        ("bank.example", False), ("com", False), ("home.arpa", True), ("lan", True),
        ("~office.internal", True), ("internal.example", False),
    ],
)  # fmt: skip
def test_a_network_that_was_walked_into_may_not_claim_public_names(
    domain: str,
    counts: bool,  # noqa: FBT001
) -> None:
    """DHCP of a café says what it likes; only names that nobody else can have are its own."""
    said = Said("wlan0", ("192.168.1.1",), (domain,))
    assert bool(zones_of([said], frozenset({"wlan0"}))) == counts
    assert len(zones_of([said], NOBODY)) == 1
    assert len(zones_of([said._replace(is_vpn=True)], frozenset({"wlan0"}))) == 1


def test_a_link_without_hardware_is_a_tunnel(tmp_path: Path) -> None:
    for link, kind in (("wg0", "65534\n"), ("eth0", "1\n")):
        (tmp_path / "sys/class/net" / link).mkdir(parents=True)
        (tmp_path / "sys/class/net" / link / "type").write_text(kind)
    said = {link: link_reading.is_tunnel(link, tmp_path) for link in ("wg0", "eth0", "gone", "")}
    assert said == {"wg0": True, "eth0": False, "gone": False, "": False}
    assert not link_reading.is_tunnel("../net/wg0", tmp_path)


def test_everything_is_no_zone_and_the_first_link_counts() -> None:
    said = [
        Said("wg0", ("10.8.0.1",), ("~.", ".", "", "~corp.example.", "bad..name", "ümlaut")),
        Said("wg1", ("10.9.0.1",), ("CORP.example", "other.example")),
        Said("wg2", (), ("nowhere.example",)),
    ]
    assert [(each.zone, each.link) for each in zones_of(said, NOBODY)] == [
        ("corp.example.", "wg0"), ("other.example.", "wg1"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("192.0.2.1", "192.0.2.1:53"), ("192.0.2.1:5353", "192.0.2.1:5353"),
        ("192.0.2.1#dns.example", "192.0.2.1:53"), ("2001:db8::1", "[2001:db8::1]:53"),
        ("[2001:db8::1]:853#x", "[2001:db8::1]:853"), ("fe80::1", "[fe80::1%wg0]:53"),
        ("fe80::1%eth3", "[fe80::1%eth3]:53"), ("127.0.0.53", ""), ("::1", ""), ("0.0.0.0", ""),  # noqa: S104
        ("224.0.0.1", ""), ("192.0.2.1:0", ""), ("192.0.2.1:99999", ""), ("dns.example", ""),
        ("", ""), ("[", ""),
    ],
)  # fmt: skip
def test_servers_are_named_as_a_forward_names_them(word: str, expected: str) -> None:
    zones = zones_of([Said("wg0", (word,), ("corp.example",))], NOBODY)
    assert [host for zone in zones for host in zone.hosts] == ([expected] if expected else [])


@pytest.mark.reaches("LINK_ZONES", "LINK_ZONE_SERVERS")
def test_there_are_not_more_than_that() -> None:
    servers = tuple(f"10.0.0.{at}" for at in range(1, 2 * LINK_ZONE_SERVERS))
    domains = tuple(f"d{at}.example" for at in range(2 * LINK_ZONES))
    zones = zones_of([Said("wg0", servers, domains)], NOBODY)
    assert len(zones) == LINK_ZONES
    assert len(zones[0].hosts) == LINK_ZONE_SERVERS


@given(st.text(), st.text(), st.lists(st.text()))
def test_whatever_is_noted_is_read_as_far_as_it_can_be_untrusted(
    text: str, routes: str, words: list[str]
) -> None:
    said = link_reading.networkd_said_untrusted("x", text)
    links = frozenset(link_reading.default_links_untrusted(routes, routes))
    zones_of([said, Said("y", tuple(words), tuple(words))], links)
