"""What systemd-resolved and NetworkManager say of links, over the system's D-Bus; blocking.

Their files are not for us: resolved's state is its own account's alone, NetworkManager keeps none
of it. The properties read here may be read by everybody, and nobody is started by asking.
org.freedesktop.resolve1(5), NetworkManager's D-Bus reference (DnsManager).
"""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, Any, Final

from jeepney import DBusAddress, MessageFlag, MessageType, Properties
from jeepney.io.blocking import open_dbus_connection

from resolver.daemon.link_reading import Said, Unreadable, is_tunnel, link_name
from resolver.limits import LINK_BUS_SECONDS, UPLINK_FILES

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_RESOLVED: Final = DBusAddress(
    "/org/freedesktop/resolve1",
    bus_name="org.freedesktop.resolve1",
    interface="org.freedesktop.resolve1.Manager",
)
_MANAGER: Final = DBusAddress(
    "/org/freedesktop/NetworkManager/DnsManager",
    bus_name="org.freedesktop.NetworkManager",
    interface="org.freedesktop.NetworkManager.DnsManager",
)


def resolved() -> list[Said]:
    """Raises Unreadable."""
    servers, domains = _properties("systemd-resolved", _RESOLVED, "DNS", "Domains")
    return resolved_said_untrusted(servers, domains)


def network_manager() -> list[Said]:
    """Raises Unreadable."""
    (configuration,) = _properties("NetworkManager", _MANAGER, "Configuration")
    return manager_said_untrusted(configuration)


def _properties(who: str, address: DBusAddress, *names: str) -> list[Any]:
    """Raises Unreadable."""
    try:
        with open_dbus_connection(bus="SYSTEM", auth_timeout=LINK_BUS_SECONDS) as bus:
            return [_property(bus, who, address, name) for name in names]
    except (OSError, EOFError, TimeoutError, ValueError, KeyError) as error:
        raise Unreadable(f"{who} cannot be asked over D-Bus: {error}") from None


def _property(bus: Any, who: str, address: DBusAddress, name: str) -> Any:
    asked = Properties(address).get(name)
    asked.header.flags |= MessageFlag.no_auto_start
    reply = bus.send_and_get_reply(asked, timeout=LINK_BUS_SECONDS)
    if reply.header.message_type is MessageType.error:
        said = reply.body[0] if reply.body else "it says no"
        raise Unreadable(f"{who} does not tell: {said}")
    _, value = reply.body[0]
    return value


def resolved_said_untrusted(
    servers: Iterable[tuple[int, int, bytes]], domains: Iterable[tuple[int, str, bool]]
) -> list[Said]:
    """Of the properties DNS and Domains, by interface; 0 is none of a link's."""
    found: dict[int, tuple[list[str], list[str]]] = {}
    for index, _, octets in servers:
        try:
            host = str(ipaddress.ip_address(bytes(octets)))
        except ValueError:
            continue
        found.setdefault(index, ([], []))[0].append(host)
    for index, domain, _ in domains:
        found.setdefault(index, ([], []))[1].append(domain)
    return [
        Said(link_name(index), tuple(hosts), tuple(zones))
        for index, (hosts, zones) in list(found.items())[:UPLINK_FILES]
        if index > 0
    ]


def manager_said_untrusted(configuration: Iterable[Mapping[str, tuple[str, Any]]]) -> list[Said]:
    """Of the property Configuration. A VPN's say counts, one of NetworkManager's plugins or a
    tunnel; what came by DHCP from a network that was walked into is not told apart here, and so
    such links count as strange."""
    found = []
    for entry in configuration:
        _, is_vpn = entry.get("vpn", ("b", False))
        said = [entry.get(key, ("as", ()))[1] for key in ("nameservers", "domains")]
        servers, domains = (tuple(map(str, words)) for words in said)
        link = str(entry.get("interface", ("s", ""))[1])
        is_vpn = is_vpn is True or is_tunnel(link)
        found.append(Said(link, servers, domains, is_vpn=is_vpn, may_be_strange=not is_vpn))
    return found[:UPLINK_FILES]
