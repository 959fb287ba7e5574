"""What systemd-resolved and NetworkManager say over D-Bus, from a bus with stand-ins for them."""

from __future__ import annotations

import contextlib
import shutil
import socket
import subprocess
import threading
from typing import TYPE_CHECKING, Any

import pytest

pytest.importorskip("jeepney")

from jeepney import HeaderFields, MessageType, new_error, new_method_return
from jeepney.bus_messages import message_bus
from jeepney.io.blocking import open_dbus_connection

from resolver.daemon import link_bus, link_zones
from resolver.daemon.link_reading import Said, Unreadable, zones_of
from tests.support import set_limit

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

DAEMON = shutil.which("dbus-daemon")
BUS = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig><type>system</type><listen>unix:path={path}</listen><auth>EXTERNAL</auth>
<policy context="default"><allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/>
<allow own="*"/><allow user="*"/></policy>
</busconfig>"""
RESOLVED = "org.freedesktop.resolve1"
MANAGER = "org.freedesktop.NetworkManager"
LO = socket.if_nametoindex("lo")


@pytest.fixture
def bus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A bus of our own in the place of the system's."""
    if DAEMON is None:
        pytest.fail("dbus-daemon is not installed: tools/packages install containers")
    path, config = tmp_path / "bus", tmp_path / "bus.conf"
    config.write_text(BUS.format(path=path))
    command = [DAEMON, "--nofork", "--print-address", f"--config-file={config}"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", f"unix:path={path}")
        yield
        process.terminate()


@contextlib.contextmanager
def service(name: str, properties: dict[str, tuple[str, Any]]) -> Iterator[None]:
    """Somebody who has *properties*; a signature of "" is silence, "!" an error."""
    connection = open_dbus_connection(bus="SYSTEM")
    connection.send_and_get_reply(message_bus.RequestName(name))

    def serve() -> None:
        with contextlib.suppress(Exception):
            while True:
                asked = connection.receive()
                if asked.header.message_type is not MessageType.method_call:
                    continue
                assert asked.header.fields[HeaderFields.member] == "Get"
                signature, value = properties[asked.body[1]]
                if signature == "!":
                    connection.send_message(new_error(asked, "org.example.No", "s", (value,)))
                elif signature:
                    reply = new_method_return(asked, "v", ((signature, value),))
                    connection.send_message(reply)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield
    finally:
        connection.sock.shutdown(socket.SHUT_RDWR)
        thread.join(5)
        connection.close()


@pytest.mark.usefixtures("bus")
def test_resolved_has_servers_and_domains_by_interface() -> None:
    servers = [(0, 2, b"\x01\x01\x01\x01"), (LO, 2, b"\x0a\x08\0\x01"), (LO, 10, bytes(15) + b"\2"),
               (99_999, 2, b"\x0a\x09\0\x01"), (LO, 2, b"short")]  # fmt: skip
    domains = [(0, "global.example", False), (LO, "corp.example", False), (99_999, "x", True)]
    with service(RESOLVED, {"DNS": ("a(iiay)", servers), "Domains": ("a(isb)", domains)}):
        assert link_zones.SOURCES["resolved"]() == [
            Said("lo", ("10.8.0.1", "::2"), ("corp.example",)),
            Said("link 99999", ("10.9.0.1",), ("x",)),
        ]


@pytest.mark.usefixtures("bus")
def test_of_what_network_manager_says_a_vpns_word_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    """WireGuard is a device of its own to NetworkManager, no VPN; what all others say may have come
    from a network that was walked into."""
    monkeypatch.setattr(link_bus, "is_tunnel", lambda link: link == "wg0")
    domains = ("corp.example", "~8.10.in-addr.arpa")
    wifi = {
        "interface": ("s", "wlan0"), "priority": ("i", 100), "vpn": ("b", False),
        "nameservers": ("as", ["192.168.1.1"]), "domains": ("as", ["bank.example", "lan"]),
    }  # fmt: skip
    vpn = {
        "interface": ("s", "tun0"), "priority": ("i", 50), "vpn": ("b", True),
        "nameservers": ("as", ["10.8.0.1"]), "domains": ("as", list(domains)),
    }  # fmt: skip
    wireguard = {**wifi, "interface": ("s", "wg0"), "domains": ("as", ["office.example"])}
    entries = [wifi, vpn, wireguard, {"vpn": ("b", True)}]
    with service(MANAGER, {"Configuration": ("aa{sv}", entries)}):
        strange, *said = link_zones.SOURCES["networkmanager"]()
    assert said == [
        Said("tun0", ("10.8.0.1",), domains, is_vpn=True),
        Said("wg0", ("192.168.1.1",), ("office.example",), is_vpn=True),
        Said("", (), (), is_vpn=True),
    ]
    found = zones_of([strange, *said], frozenset())
    assert [one.zone for one in found] == [
        "lan.", "corp.example.", "8.10.in-addr.arpa.", "office.example.",
    ]  # fmt: skip


@pytest.mark.usefixtures("bus")
def test_who_is_not_there_or_says_no_is_unreadable() -> None:
    with pytest.raises(Unreadable, match="systemd-resolved does not tell"):
        link_zones.SOURCES["resolved"]()
    with (
        service(MANAGER, {"Configuration": ("!", "go away")}),
        pytest.raises(Unreadable, match="NetworkManager does not tell: go away"),
    ):
        link_zones.SOURCES["networkmanager"]()


@pytest.mark.reaches("LINK_BUS_SECONDS")
@pytest.mark.usefixtures("bus")
def test_who_is_silent_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    set_limit(monkeypatch, link_bus, "LINK_BUS_SECONDS", 0.2)
    with (
        service(MANAGER, {"Configuration": ("", None)}),
        pytest.raises(Unreadable, match="cannot be asked over D-Bus"),
    ):
        link_zones.SOURCES["networkmanager"]()


def test_without_a_bus_it_is_unreadable(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", f"unix:path={tmp_path}/nobody")
    with pytest.raises(Unreadable, match="cannot be asked over D-Bus"):
        link_zones.SOURCES["resolved"]()
