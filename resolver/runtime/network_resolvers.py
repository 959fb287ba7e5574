"""Which name servers the network itself offers (DHCP, router advertisements), as others noted them.

We speak no DHCP: systemd-networkd and -resolved, NetworkManager, resolvconf and dhclient leave what
they were told in files that anybody may read. Each is read as far as it can be; nothing raises.
Those of this machine are left out: what asks us would be asked by us.
"""

from __future__ import annotations

import ipaddress
import re
from pathlib import Path
from typing import TYPE_CHECKING, Final

from resolver.limits import UPLINK_FILES, UPLINK_OCTETS, UPLINK_SERVERS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_RESOLV_CONFS: Final = (
    "run/systemd/resolve/resolv.conf",
    "run/NetworkManager/no-stub-resolv.conf",
    "run/NetworkManager/resolv.conf",
    "run/resolvconf/interface/*",
    "run/resolvconf/interfaces/*",
)
_NETWORKD: Final = ("run/systemd/netif/links/*", "run/systemd/netif/leases/*")
_DHCLIENT: Final = ("var/lib/dhcp/dhclient*.leases", "var/lib/NetworkManager/dhclient*.lease")
_LEASE: Final = re.compile(r"option domain-name-servers ([^;\n]*);")


def offered(root: Path = Path("/")) -> tuple[str, ...]:
    """Their addresses, each once, the best noted first; UPLINK_SERVERS at most."""
    found: dict[str, None] = {}
    for texts, read in (
        (_texts(root, _RESOLV_CONFS), nameservers_untrusted),
        (_texts(root, _NETWORKD), networkd_untrusted),
        (_texts(root, _DHCLIENT), dhclient_untrusted),
    ):
        for text in texts:
            found.update(dict.fromkeys(read(text)))
    return tuple(host for host in found if not _is_ours(host))[:UPLINK_SERVERS]


def nameservers_untrusted(text: str) -> Iterator[str]:
    """Of a resolv.conf(5)."""
    for line in text.splitlines():
        words = line.split()
        if len(words) > 1 and words[0] == "nameserver":
            yield from _addresses(words[1:2])


def networkd_untrusted(text: str) -> Iterator[str]:
    """Of systemd-networkd's state of a link, or of its lease."""
    for line in text.splitlines():
        key, _, value = line.partition("=")
        if key == "DNS":
            yield from _addresses(value.split())


def dhclient_untrusted(text: str) -> Iterator[str]:
    """Of dhclient's leases: the last one counts (dhclient.leases(5))."""
    leases = _LEASE.findall(text)
    if leases:
        yield from _addresses(leases[-1].replace(",", " ").split())


def _addresses(words: Iterable[str]) -> Iterator[str]:
    for word in words:
        try:
            yield str(ipaddress.ip_address(word))
        except ValueError:
            continue


def _is_ours(host: str) -> bool:
    parsed = ipaddress.ip_address(host)
    return parsed.is_loopback or parsed.is_unspecified or parsed.is_multicast


def _texts(root: Path, patterns: Iterable[str]) -> Iterator[str]:
    """What stands in the files, the beginning of each; UPLINK_FILES of each kind."""
    for pattern in patterns:
        try:
            paths = sorted(root.glob(pattern))[:UPLINK_FILES]
        except OSError:
            continue
        for path in paths:
            try:
                with path.open("rb") as file:
                    yield file.read(UPLINK_OCTETS).decode("utf-8", "replace")
            except OSError:
                continue
