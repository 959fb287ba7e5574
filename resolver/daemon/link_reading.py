"""Which zones a network link brings with it, as who configures links has noted them: split DNS.

A VPN says "ask me about corp.example", and systemd-networkd, systemd-resolved or NetworkManager
keep that with the link. Read as far as it can be; nothing raises but `Unreadable`, for who was
named and is not there.

Not everybody who brings a link may say so. A network that somebody has walked into (the one with
the default route) could claim a bank's name: of its zones those alone count that the public tree
does not have. Nor is "." a zone: who wants all questions to go through a link writes it down.
"""

from __future__ import annotations

import ipaddress
import socket
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from resolver.errors import ResolverError, WireError
from resolver.limits import LINK_ZONE_SERVERS, LINK_ZONES, UPLINK_FILES, UPLINK_OCTETS
from resolver.protocol import names

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from resolver.model import Name

_NETWORKD: Final = "run/systemd/netif/links"
# Of this process: systemd's ProcSubset=pid hides proc/net, which is a link to it.
_ROUTES: Final = ("proc/self/net/route", "proc/self/net/ipv6_route")
_ANYWHERE_4: Final = "00000000"
_ANYWHERE_6: Final = "0" * 32
_LOOPBACK: Final = "lo"
_NO_HARDWARE: Final = "65534"  # ARPHRD_NONE
_HIGHEST_PORT: Final = 65_535
DNS_PORT: Final = 53
# RFC 8375; RFC 6762 appendix G; ICANN's name for private use.
_PRIVATE: Final = frozenset(
    map(names.from_text, ("home.arpa", "internal", "lan", "home", "corp", "private", "intranet"))
)


class Unreadable(ResolverError):
    """Who was named cannot be asked: one sentence, why."""


class LinkZone(NamedTuple):
    """*zone* is to be asked of *hosts* (text), as *link* says."""

    zone: str
    hosts: tuple[str, ...]
    link: str


class Said(NamedTuple):
    """What is noted with one *link*: servers, and domains with or without their tilde.

    *may_be_strange*: the network itself may have said so (DHCP), whoever has the default route.
    """

    link: str
    servers: tuple[str, ...]
    domains: tuple[str, ...]
    is_vpn: bool = False
    may_be_strange: bool = False


def zones_of(said: Iterable[Said], default_links: frozenset[str] | None) -> tuple[LinkZone, ...]:
    """Each zone once, the first link's; LINK_ZONES at most. Pure.

    *default_links*: None if nobody can tell; then each may be one.
    """
    found: dict[Name, LinkZone] = {}
    for link in said:
        hosts = tuple(dict.fromkeys(_hosts(link.servers, link.link)))[:LINK_ZONE_SERVERS]
        is_default = default_links is None or link.link in default_links
        is_strange = (is_default or link.may_be_strange) and not link.is_vpn
        for zone in map(_zone, link.domains):
            if not hosts or zone in (None, names.ROOT) or zone in found:
                continue
            assert zone is not None  # noqa: S101  # see above
            if is_strange and not any(each in _PRIVATE for each in names.ancestors(zone)):
                continue
            found[zone] = LinkZone(names.to_text(zone), hosts, link.link)
    return tuple(found.values())[:LINK_ZONES]


def _zone(text: str) -> Name | None:
    try:
        return names.from_text(text.removeprefix("~") or ".")
    except (ValueError, WireError):
        return None


def _hosts(words: Iterable[str], link: str) -> Iterator[str]:
    """Servers as a forward names them; none of this machine, which would ask itself.

    Forms: 192.0.2.1, 192.0.2.1:53, 2001:db8::1, [2001:db8::1]:53, each with #NAME behind or not.
    """
    for word in words:
        text, port = word.partition("#")[0], ""
        if text.startswith("["):
            text, _, port = text[1:].partition("]")
        elif text.count(":") == 1:
            text, _, port = text.partition(":")
        port = port.removeprefix(":")
        try:
            parsed = ipaddress.ip_address(text)
        except ValueError:
            continue
        if parsed.is_loopback or parsed.is_unspecified or parsed.is_multicast:
            continue
        host = str(parsed)
        if parsed.version == 6 and parsed.is_link_local and "%" not in host:  # noqa: PLR2004
            host = f"{host}%{link}"
        if port and not (port.isdecimal() and 0 < int(port) <= _HIGHEST_PORT):
            continue
        yield (f"[{host}]" if ":" in host else host) + f":{port or DNS_PORT}"


# --- systemd-networkd --------------------------------------------------------------------------


def networkd(root: Path = Path("/")) -> list[Said]:
    """What systemd-networkd has noted. Raises Unreadable where it does not run."""
    folder = root / _NETWORKD
    try:
        files = sorted(folder.iterdir())[:UPLINK_FILES]
    except OSError as error:
        raise Unreadable(f"systemd-networkd keeps nothing in {folder}: {error.strerror}") from None
    found = []
    for file in files:
        if file.name.isdecimal():
            link = link_name(int(file.name))
            found.append(networkd_said_untrusted(link, _text(file)))
    return found


def networkd_said_untrusted(link: str, text: str) -> Said:
    """Of the state file of one link."""
    servers: list[str] = []
    domains: list[str] = []
    for line in text.splitlines():
        key, _, value = line.partition("=")
        if key == "DNS":
            servers += value.split()
        elif key in ("DOMAINS", "ROUTE_DOMAINS"):
            domains += value.split()
    return Said(link, tuple(servers), tuple(domains))


def link_name(index: int) -> str:
    """As people know it."""
    try:
        return socket.if_indextoname(index)
    except OSError:
        return f"link {index}"


def is_tunnel(link: str, root: Path = Path("/")) -> bool:
    """True of WireGuard and tun: links that no network brings, somebody has configured them."""
    if "/" in link:
        return False
    return _text(root / "sys/class/net" / link / "type").strip() == _NO_HARDWARE


def _text(file: Path) -> str:
    try:
        with file.open("rb") as opened:
            return opened.read(UPLINK_OCTETS).decode("utf-8", "replace")
    except OSError:
        return ""


# --- who has the default route -----------------------------------------------------------------


def default_links(root: Path = Path("/")) -> frozenset[str] | None:
    """The links by which the rest of the world is reached (proc(5)); None if none can be told."""
    four, six = (_text(root / path) for path in _ROUTES)
    return frozenset(default_links_untrusted(four, six)) if four or six else None


def default_links_untrusted(four: str, six: str) -> Iterator[str]:
    """Of the kernel's two tables."""
    for line in four.splitlines():
        words = line.split()
        if len(words) > 7 and words[1] == words[7] == _ANYWHERE_4:  # noqa: PLR2004
            yield words[0]
    for line in six.splitlines():
        words = line.split()
        is_default = len(words) > 9 and words[0] == _ANYWHERE_6 and words[1] == "00"  # noqa: PLR2004
        if is_default and words[9] != _LOOPBACK:
            yield words[9]
