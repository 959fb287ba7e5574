"""Name servers that the network offers, from the files of those who speak DHCP."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolver.runtime import network_resolvers as found_in

if TYPE_CHECKING:
    from pathlib import Path

LEASES = """lease { option domain-name-servers 10.0.0.1; }
lease { option domain-name-servers 192.168.1.1,2001:db8::1; }
"""


def _write(root: Path, path: str, text: str) -> None:
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    (root / path).write_text(text)


def test_who_offers_what_is_read(tmp_path: Path) -> None:
    _write(tmp_path, "run/systemd/resolve/resolv.conf", "nameserver 192.168.1.1\nsearch lan\n")
    _write(tmp_path, "run/systemd/netif/leases/3", "ADDRESS=10.0.0.9\nDNS=10.0.0.53 fe80::1%eth0\n")
    _write(tmp_path, "var/lib/dhcp/dhclient.eth0.leases", LEASES)
    _write(tmp_path, "run/resolvconf/interface/lo", "nameserver 127.0.0.1\n")
    hosts = found_in.offered(tmp_path)
    assert hosts == ("192.168.1.1", "10.0.0.53", "fe80::1%eth0", "2001:db8::1")


def test_of_dhclient_the_last_lease_counts() -> None:
    assert list(found_in.dhclient_untrusted(LEASES)) == ["192.168.1.1", "2001:db8::1"]


def test_nothing_there_is_nobody(tmp_path: Path) -> None:
    assert found_in.offered(tmp_path) == ()


@pytest.mark.reaches("UPLINK_SERVERS", "UPLINK_FILES", "UPLINK_OCTETS")
def test_no_more_is_read_than_that(tmp_path: Path) -> None:
    text = "".join(f"nameserver 10.0.0.{number}\n" for number in range(1, 20))
    _write(tmp_path, "run/systemd/resolve/resolv.conf", text)
    assert len(found_in.offered(tmp_path)) == 8
    other = tmp_path / "other"
    for number in range(40):
        line = f"DNS=10.1.0.{number + 1}\n" if number == 39 else "\n"
        _write(other, f"run/systemd/netif/links/{number:02}", line)
    assert found_in.offered(other) == ()
    third = tmp_path / "third"
    _write(third, "run/systemd/netif/links/1", "#" * 65_536 + "\nDNS=10.2.0.1\n")
    assert found_in.offered(third) == ()


@given(st.text(max_size=200))
def test_nameservers_untrusted(text: str) -> None:
    assert all(found_in.nameservers_untrusted("nameserver " + text))


@given(st.text(max_size=200))
def test_networkd_untrusted(text: str) -> None:
    assert all(found_in.networkd_untrusted("DNS=" + text))


@given(st.text(max_size=200))
def test_dhclient_untrusted(text: str) -> None:
    assert all(found_in.dhclient_untrusted("option domain-name-servers " + text))
