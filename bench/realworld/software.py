"""The authorities: Knot, PowerDNS, NSD and BIND, each configured from the same zones.

Knot and PowerDNS answer on wildcard sockets for every address routed to their namespace. NSD would
answer from the wrong address there, so its addresses are listed (`ip-transparent`); BIND listens
on interface addresses only, so its own are put on `lo`.
"""

from __future__ import annotations

import contextlib
import sqlite3
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tests.simulation import netns

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

KNOT, POWERDNS, NSD, BIND = "knot", "powerdns", "nsd", "bind"
PROGRAMS = {KNOT: "knotd", POWERDNS: "pdns_server", NSD: "nsd", BIND: "named"}
WILDCARD = frozenset({KNOT, POWERDNS})


@dataclass(slots=True)
class Site:
    """One authority: a program, the addresses it answers on, the zones it holds."""

    tier: str
    software: str
    addresses: set[str] = field(default_factory=set)
    zones: dict[str, Path] = field(default_factory=dict)
    signed: set[str] = field(default_factory=set)
    hashed: dict[str, str] = field(default_factory=dict)

    @property
    def label(self) -> str:
        return f"{self.tier}{self.software}"


def start(site: Site, place: netns.Namespace, directory: Path) -> netns.Program:
    """Configure *site* in *directory* and start it in *place*, in the foreground."""
    directory.mkdir(parents=True, exist_ok=True)
    if site.software == BIND:
        place.batch(
            f"addr add {address}{'/128' if ':' in address else '/32'} dev lo"
            for address in sorted(site.addresses)
        )
    argv = _CONFIGURE[site.software](site, directory)
    program = netns.find(argv[0])
    if program is None:
        raise RuntimeError(f"{argv[0]} is not installed")
    return place.spawn(program, *argv[1:], log=directory / "log", cwd=directory)


def _knot(site: Site, directory: Path) -> list[str]:
    zones = "".join(
        f'  - domain: "{apex}"\n    file: "{path}"\n' for apex, path in site.zones.items()
    )
    config = directory / "knot.conf"
    config.write_text(
        f"""server:
    rundir: "{directory}"
    listen: [0.0.0.0@53, ::@53]
    udp-workers: 1
    tcp-workers: 1
    background-workers: 2
    tcp-max-clients: 500
database:
    storage: "{directory}"
log:
  - target: stderr
    any: warning
template:
  - id: default
    storage: "{directory}"
    zonefile-load: whole
    journal-content: none
    semantic-checks: off
zone:
{zones}"""
    )
    return ["knotd", "-c", str(config)]


def _named_zones(site: Site, extra: str = "") -> str:
    return "".join(
        f'zone "{apex}" {{ type master; file "{path}"; {extra}}};\n'
        for apex, path in site.zones.items()
    )


def _powerdns(site: Site, directory: Path) -> list[str]:
    (directory / "named.conf").write_text(_named_zones(site))
    database = directory / "dnssec.db"
    database.unlink(missing_ok=True)
    (directory / "pdns.conf").write_text(
        f"""launch=bind
bind-config={directory}/named.conf
bind-dnssec-db={database}
local-address=0.0.0.0, ::
socket-dir={directory}
daemon=no
guardian=no
receiver-threads=1
distributor-threads=1
retrieval-threads=1
security-poll-suffix=
disable-syslog=yes
loglevel=3
max-tcp-connections=500
"""
    )
    netns.run("pdnsutil", f"--config-dir={directory}", "create-bind-db", str(database))
    with contextlib.closing(sqlite3.connect(database)) as link, link:
        link.executemany(
            "INSERT INTO domainmetadata (domain, kind, content) VALUES (?, ?, ?)",
            [
                *((apex.rstrip(".") or ".", "PRESIGNED", "1") for apex in site.signed),
                *((apex.rstrip("."), "NSEC3PARAM", text) for apex, text in site.hashed.items()),
            ],
        )
    return ["pdns_server", f"--config-dir={directory}"]


def _nsd(site: Site, directory: Path) -> list[str]:
    addresses = "".join(f"    ip-address: {address}\n" for address in sorted(site.addresses))
    zones = "".join(
        f'zone:\n    name: "{apex}"\n    zonefile: "{path}"\n' for apex, path in site.zones.items()
    )
    config = directory / "nsd.conf"
    config.write_text(
        f"""server:
{addresses}    ip-transparent: yes
    server-count: 1
    username: ""
    chroot: ""
    database: ""
    pidfile: ""
    zonesdir: "{directory}"
    xfrdfile: "{directory}/xfrd.state"
    xfrdir: "{directory}"
    zonelistfile: "{directory}/zone.list"
    tcp-count: 500
    verbosity: 0
remote-control:
    control-enable: no
{zones}"""
    )
    return ["nsd", "-d", "-c", str(config)]


def _bind(site: Site, directory: Path) -> list[str]:
    old = "; ".join(sorted(a for a in site.addresses if ":" not in a))
    new = "; ".join(sorted(a for a in site.addresses if ":" in a))
    config = directory / "named.conf"
    config.write_text(
        f"""options {{
    directory "{directory}";
    listen-on {{ {old or "none"}; }};
    listen-on-v6 {{ {new or "none"}; }};
    pid-file none;
    session-keyfile none;
    recursion no;
    notify no;
    allow-transfer {{ none; }};
    dnssec-validation no;
    empty-zones-enable no;
    zone-statistics none;
    tcp-clients 500;
}};
controls {{ }};
{_named_zones(site, "check-names ignore; check-integrity no; ")}"""
    )
    return ["named", "-g", "-n", "1", "-c", str(config)]


_CONFIGURE: dict[str, Callable[[Site, Path], list[str]]] = {
    KNOT: _knot, POWERDNS: _powerdns, NSD: _nsd, BIND: _bind,
}  # fmt: skip
