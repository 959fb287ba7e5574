"""Looks at this machine for `resolver doctor`: its files, its ports, the daemon that runs on it.

Each look stands alone and says nothing where it may not look. Nothing is changed; what is asked is
asked of our own daemon only.
"""

from __future__ import annotations

import argparse
import os
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

from resolver.cli import ask, servers, verify
from resolver.cli.control_session import NoDaemon, Refusal, Session, path_of
from resolver.cli.control_shown import link_in_words
from resolver.cli.doctor.evidence import Holder, Host, Plan, Told
from resolver.config import endpoints, forwarders
from resolver.config.listen_urls import listen_url
from resolver.daemon import clock_floor, service_unit, state
from resolver.errors import ConfigError
from resolver.limits import DOCTOR_REPLY_SECONDS, UPLINK_OCTETS
from resolver.model import Question
from resolver.protocol import names
from resolver.protocol.codes import RRType, rcode_text
from resolver.protocol.transport import Transport
from resolver.runtime import network_resolvers
from resolver.runtime.kernel_time import is_vouched_for
from resolver.runtime.port_holders import holder
from resolver.telemetry.presentation import ede_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from resolver.config.schema import Config

RESOLV_CONF: Final = Path("/etc/resolv.conf")
_RESOLVED: Final = Path("/run/systemd/resolve/resolv.conf")
_UNWRITABLE: Final = "cannot be written"
_NSSWITCH: Final = Path("/etc/nsswitch.conf")
_SOA: Final = Question(names.ROOT, RRType.SOA)


def look(path: str | None) -> tuple[Config, Host, Plan]:
    """All of it, with the configuration that the daemon goes by: *path*, or the usual one."""
    asked = argparse.Namespace(config=path, listen=None)
    found = verify.look(asked, service_unit.promises(), binds=False)
    config, unwritable = found.config, [one for one in found.notes if _UNWRITABLE in one]
    place, _ = servers.daemon(config.server.listen)
    door, is_cut = _door(path)
    host = Host(
        config_problems=tuple(map(str, found.problems)),
        config_notes=tuple(one for one in found.notes if one not in unwritable),
        unknown=tuple(f"{one.where} {one.value}" for one in found.unknown),
        place=endpoints.show(place) if place is not None else "",
        told=_asked(place) if place is not None else None,
        door=door,
        is_cut=is_cut,
        listens=tuple(dict.fromkeys(_listens(config))),
        holders=tuple(_holders(config)) if place is None else (),
        resolv_conf=_nameservers(),
        writer=_writer(),
        uplinks=network_resolvers.offered(),
        stub_asks=tuple(network_resolvers.nameservers_untrusted(_text(_RESOLVED) or "")),
        hosts=_hosts(),
        directory=config.working_directory,
        directory_trouble="; ".join(unwritable),
        is_root=os.geteuid() == 0,
        has_config=path is not None,
        wall=time.time(),
        floor=_floor(config),
        is_synchronised=is_vouched_for(time.time()),
    )
    return config, host, _plan(config)


def default_config() -> str | None:
    """The daemon's usual configuration file, if it is there."""
    return servers.DEFAULT_CONFIG if os.access(servers.DEFAULT_CONFIG, os.R_OK) else None


def _door(path: str | None) -> tuple[str, bool]:
    """What the running daemon says of its ways out, and whether one is cut off."""
    with suppress(NoDaemon, Refusal, ConfigError, LookupError, TypeError):
        with Session(path_of(None, path), DOCTOR_REPLY_SECONDS) as session:
            link = session.ask("status")["link"]
        return link_in_words(link), link["ways_cut_off"] > 0
    return "", False


def _plan(config: Config) -> Plan:
    roots = [entry for entry in config.forward if entry.zone == "."]
    with suppress(ValueError):
        named = [one for entry in roots for one in forwarders.forwarders_of(entry)]
        return Plan(
            config.outgoing.ipv4,
            config.outgoing.ipv6,
            config.dnssec.validate,
            config.outgoing.udp_payload_size,
            bool(named),
            bool(named) and all(one.is_encrypted for one in named),
        )
    return Plan()


def _asked(place: endpoints.Endpoint) -> Told:
    """What the daemon answers for the root, which takes the network unless it has it."""
    manner = ask.Manner(timeout_s=4 * DOCTOR_REPLY_SECONDS)
    try:
        reply = ask.ask([place], _SOA, manner)
    except ask.NoReply as error:
        return Told("no reply", (str(error),))
    reasons = ask.shown(reply.message, _SOA).ede
    said = tuple(ede_text(code, text) for code, text in reasons)
    return Told(rcode_text(reply.message.rcode), said, reply.elapsed_s)


def _listens(config: Config) -> Iterator[str]:
    """Where stubs of this machine can ask in plain DNS."""
    for text in config.server.listen:
        with suppress(ValueError):
            url = listen_url(text)
            if Transport.UDP in url.transports:
                yield endpoints.reachable(url.where[0])


def _holders(config: Config) -> Iterator[Holder]:
    """Who else has the ports that a daemon would want."""
    for text in config.server.listen:
        with suppress(ValueError):
            url = listen_url(text)
            for is_udp in sorted(url.sockets, reverse=True):
                found = holder(*url.where, is_udp=is_udp)
                if found is not None:
                    yield Holder(endpoints.show(url.where), "UDP" if is_udp else "TCP", str(found))


def _text(path: Path) -> str | None:
    try:
        with path.open("rb") as file:
            return file.read(UPLINK_OCTETS).decode("utf-8", "replace")
    except OSError:
        return None


def _nameservers() -> tuple[str, ...] | None:
    text = _text(RESOLV_CONF)
    return None if text is None else tuple(network_resolvers.nameservers_untrusted(text))


def _writer() -> str:
    """Who writes resolv.conf: where its link leads, or what its first line says."""
    with suppress(OSError):
        if RESOLV_CONF.is_symlink():
            return f"it is a link to {RESOLV_CONF.readlink()}"
    first = (_text(RESOLV_CONF) or "").partition("\n")[0]
    return f'it begins with "{first[:80]}"' if first.startswith("#") else ""


def _hosts() -> tuple[str, ...]:
    """The sources of hosts, in their order (nsswitch.conf(5))."""
    for line in (_text(_NSSWITCH) or "").splitlines():
        key, _, rest = line.partition("#")[0].partition(":")
        if key.strip() == "hosts":
            return tuple(word for word in rest.split() if not word.startswith("["))
    return ()


def _floor(config: Config) -> float:
    directory = state.StateDirectory(config.working_directory)
    try:
        directory.open()
    except ConfigError:
        return clock_floor.wall_floor(state.StateDirectory())
    try:
        return clock_floor.wall_floor(directory)
    finally:
        directory.close()
