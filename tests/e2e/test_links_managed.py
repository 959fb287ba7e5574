"""Zones that links bring, and a portal, where NetworkManager and systemd-resolved look after links.

A booted Debian: a network that somebody walked into, which claims a bank's name, and a company's
behind a real VPN (OpenVPN by NetworkManager's plugin), both in a namespace inside. The packaged
unit's sandbox is part of what is tried.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.e2e import debian
from tests.e2e.daemon import require

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.e2e.debian import Machine

pytestmark = [pytest.mark.long, pytest.mark.timeout(900)]
MANAGERS = ("network-manager", "systemd-resolved", "iproute2", "openvpn", "network-manager-openvpn")
# Answers every A with the address that it is given; all else with nothing.
SERVER = """
import socket, sys
sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
sock.bind((sys.argv[1], 53))
while True:
    query, peer = sock.recvfrom(4096)
    at = 12
    while query[at]:
        at += query[at] + 1
    question, answer = query[12:at + 5], b""
    if question[-4:-2] == bytes([0, 1]):
        answer = bytes([0xC0, 12, 0, 1, 0, 1, 0, 0, 3, 0, 0, 4]) + socket.inet_aton(sys.argv[2])
    counts = query[4:6] + bytes([0, bool(answer), 0, 0, 0, 0])
    sock.sendto(query[:2] + bytes([0x81, 0x80]) + counts + question + answer, peer)
"""
VPN = """
[connection]
id=corp
type=vpn
[vpn]
connection-type=static-key
remote=198.51.100.1
local-ip=10.8.0.2
remote-ip=10.8.0.1
static-key=/root/key
cipher=AES-256-CBC
service-type=org.freedesktop.NetworkManager.openvpn
[ipv4]
method=auto
never-default=true
dns=10.8.0.53;
dns-search=corp.example;
route1=10.8.0.53/32
[ipv6]
method=disabled
"""
BEGIN = f"""
dpkg -i /packages/*.deb >/dev/null
printf '[main]\\ndns=none\\n[keyfile]\\nunmanaged-devices=none\\n' \\
  >/etc/NetworkManager/conf.d/x.conf
systemctl restart NetworkManager
ip netns add far
ip link add v0 type veth peer name v1 netns far
far() {{ ip netns exec far "$@"; }}
far ip link set v1 up; far ip link set lo up
far ip addr add 198.51.100.1/24 dev v1; far ip addr add 10.8.0.53/32 dev lo
cat >/root/dns.py <<'TEXT'{SERVER}TEXT
far python3 /root/dns.py 198.51.100.1 192.0.2.66 &
far python3 /root/dns.py 10.8.0.53 10.8.0.7 &
nmcli con add type ethernet ifname v0 con-name home ipv4.method manual \\
  ipv4.addresses 198.51.100.2/24 ipv4.gateway 198.51.100.1 ipv4.dns 198.51.100.1 \\
  ipv4.dns-search bank.example ipv6.method disabled >/dev/null
nmcli con up home >/dev/null
far openvpn --genkey secret /root/key; chmod 600 /root/key
far openvpn --daemon --dev tun8 --ifconfig 10.8.0.1 10.8.0.2 --secret /root/key \\
  --local 198.51.100.1 --cipher AES-256-CBC
install -m600 /dev/stdin /etc/NetworkManager/system-connections/corp.nmconnection <<'TEXT'{VPN}TEXT
nmcli con reload
printf '\\n[network]\\nforward_zones = "networkmanager"\\n' >>/etc/resolver/resolver.toml
systemctl start resolver
asked() {{ timeout 12 resolver query @127.0.0.1 --short "$1" 2>/dev/null || true; }}
# Until that is what is told of a name.
until_told() {{
  for _ in $(seq 40); do [ "$(asked "$1")" != "$2" ] || return 0; sleep 0.5; done
  echo "in vain: $1 is not $2 but $(asked "$1")"; journalctl -u resolver -o cat; exit 1
}}
vpn_up() {{ nmcli con up corp >/dev/null; until_told host.corp.example 10.8.0.7; }}
"""
ZONES = """
echo == managed; vpn_up
resolver control status | grep '^link tun0'
resolver why host.corp.example --json | grep -o '"link_zone":.*tun0"'
asked host.bank.example
nmcli con down corp >/dev/null; until_told host.corp.example ''
resolver control cache show host.corp.example
echo == resolved; sed -i 's/"networkmanager"/"resolved"/' /etc/resolver/resolver.toml
systemctl reload resolver; vpn_up
resolver control status | grep '^link '
asked host.bank.example
for one in /proc/[0-9]*; do
  ! tr '\\0' ' ' <$one/cmdline 2>/dev/null | grep -q 'openvpn.*--remote 198' ||
    kill -9 ${one#/proc/}
done
until_told host.corp.example ''
echo == gone; vpn_up; systemctl stop systemd-resolved
for _ in $(seq 80); do [ -n "$(asked host.corp.example)" ] || break; sleep 0.5; done
asked host.corp.example
journalctl -u resolver -o cat | grep 'does not tell'
"""
PORTAL = """
echo == lies; resolver control captive 5m
asked www.example.com
vpn_up; asked www.example.org
resolver control captive off
asked www.example.com; asked host.corp.example
resolver control cache show www.example.com
echo == elsewhere; nmcli con down corp >/dev/null; resolver control captive 5m
asked www.example.net; nmcli con modify home ipv4.dns 198.51.100.9
nmcli con up home >/dev/null
for _ in $(seq 40); do resolver control captive | grep -q 'for' || break; sleep 0.5; done
resolver control captive; asked www.example.net
"""


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    included = (*debian.MACHINE, *MANAGERS)
    with debian.bare(tmp_path_factory.mktemp("debian"), *included) as top:
        yield top


@pytest.fixture
def machine(bare: Path, tmp_path: Path, packages: Path) -> Iterator[Machine]:
    require("systemd-nspawn", "script")
    with debian.machine(bare, tmp_path, packages) as made:
        yield made


def parts(said: str) -> dict[str, list[str]]:
    """The lines behind each "== word"."""
    told = (part.splitlines() for part in said.split("== ")[1:])
    return {lines[0]: lines[1:] for lines in told}


def test_a_company_s_zone_comes_and_goes_with_its_vpn(machine: Machine) -> None:
    """By the word of either, also when the VPN is killed; a bank's name is not the network's."""
    told = parts(machine.booted(BEGIN + ZONES))
    assert told["managed"][0] == "link tun0 brings corp.example.: 10.8.0.53:53"
    assert '"link":"tun0"' in told["managed"][1].replace(" ", "")
    assert told["managed"][2:] == ["nothing is kept of host.corp.example."]
    assert told["resolved"] == ["link tun0 brings corp.example.: 10.8.0.53:53"]
    assert len(told["gone"]) == 1


def test_nothing_learnt_behind_a_portal_outlives_it(machine: Machine) -> None:
    """A VPN that begins behind it counts meanwhile; another network ends it."""
    told = parts(machine.booted(BEGIN + PORTAL))
    assert "198.51.100.1" in told["lies"][0]
    assert told["lies"][1:3] == ["192.0.2.66", "192.0.2.66"]
    assert told["lies"][-2:] == ["10.8.0.7", "nothing is kept of www.example.com."]
    assert told["elsewhere"][1] == "192.0.2.66"
    assert "192.0.2.66" not in told["elsewhere"][2:]
