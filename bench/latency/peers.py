"""How each resolver is started: one configuration directory, one command, in the foreground.

Every peer twice: as shipped, and with the settings its manual offers against slow and dead
servers. All share the hints, the trust anchor (or none), both address families and port 53 of
their own loopback.
"""

import dataclasses
import pathlib
import sys
from collections.abc import Callable

from bench.latency.latency_world import World
from bench.latency.signing import Key

ROOT_DIR = pathlib.Path(__file__).resolve().parents[2]


@dataclasses.dataclass(frozen=True, slots=True)
class Site:
    """Where a resolver finds things; *key* is the root's, in a signed world."""

    directory: pathlib.Path
    hints: pathlib.Path
    key: Key | None

    def write(self, name: str, text: str) -> str:
        """Write a file of the directory; its path."""
        path = self.directory / name
        path.write_text(text)
        return str(path)


Starter = Callable[[Site], list[str]]


def write_hints(world: World, path: pathlib.Path) -> None:
    """Root hints in master file form."""
    lines: list[str] = []
    for nameserver in world.set_of("").nameservers:
        lines.append(f".  3600000 NS {nameserver.name}.")
        lines.append(f"{nameserver.name}. 3600000 A {nameserver.v4}")
        lines.append(f"{nameserver.name}. 3600000 AAAA {nameserver.v6}")
    path.write_text("\n".join(lines) + "\n")


def _unbound(site: Site, extra: str = "") -> list[str]:
    anchor = f'trust-anchor: "{site.key.anchor_text("")}"' if site.key else ""
    config = f"""
server:
  interface: 127.0.0.1
  do-daemonize: no
  username: ""
  chroot: ""
  directory: "{site.directory}"
  pidfile: ""
  use-syslog: no
  logfile: ""
  root-hints: "{site.hints}"
  {anchor}
  {extra}
remote-control:
  control-enable: no
"""
    return ["/usr/sbin/unbound", "-d", "-c", site.write("unbound.conf", config)]


def _unbound_tuned(site: Site) -> list[str]:
    # Tried and left out: unknown-server-time-limit 150 gives up on servers that are merely far.
    tuned = "discard-timeout: 0\n  fast-server-permil: 900\n  fast-server-num: 2\n"
    return _unbound(site, tuned + "  outgoing-num-tcp: 200")


def _kresd(site: Site, extra: str = "") -> list[str]:
    anchor = f"trust_anchors.add('{site.key.anchor_text('')}')" if site.key else ""
    config = f"""
net.listen('127.0.0.1', 53, {{ kind = 'dns' }})
modules.load('hints')
trust_anchors.remove('.')
modules.unload('ta_update')
modules.unload('ta_signal_query')
hints.root_file('{site.hints}')
cache.size = 64 * MB
{anchor}
{extra}
"""
    command = ["/usr/sbin/kresd", "-n", "-q", "-c", site.write("kresd.conf", config)]
    return [*command, str(site.directory)]


def _kresd_tuned(site: Site) -> list[str]:
    return _kresd(site, "option('NO_MINIMIZE', true)\nmodules.load('predict')")


def _named(site: Site, extra: str = "") -> list[str]:
    anchors = f"trust-anchors {{ . static-key {site.key.static_key_text()}; }};" if site.key else ""
    config = f"""
options {{
  directory "{site.directory}";
  pid-file none;
  session-keyfile "{site.directory}/session.key";
  listen-on {{ 127.0.0.1; }};
  listen-on-v6 {{ none; }};
  recursion yes;
  allow-query {{ any; }};
  dnssec-validation {"yes" if site.key else "no"};
  empty-zones-enable no;
  {extra}
}};
controls {{ }};
zone "." {{ type hint; file "{site.hints}"; }};
{anchors}
"""
    return ["/usr/sbin/named", "-f", "-c", site.write("named.conf", config)]


def _named_tuned(site: Site) -> list[str]:
    return _named(site, "resolver-retry-interval 250; resolver-nonbackoff-tries 6;")


def _pdns(site: Site, extra: str = "") -> list[str]:
    lua = ""
    if site.key:
        anchor = site.key.anchor_text("").partition(" DS ")[2]
        site.write("anchors.lua", f"clearTA()\naddTA('.', '{anchor}')\n")
        lua = f"lua-config-file={site.directory}/anchors.lua"
    config = f"""
local-address=127.0.0.1
query-local-address=0.0.0.0,::
hint-file={site.hints}
socket-dir={site.directory}
daemon=no
disable-syslog=yes
loglevel=3
security-poll-suffix=
dnssec={"validate" if site.key else "process-no-validate"}
{lua}
{extra}
"""
    site.write("recursor.conf", config)
    return ["/usr/sbin/pdns_recursor", f"--config-dir={site.directory}"]


def _pdns_tuned(site: Site) -> list[str]:
    return _pdns(site, "network-timeout=400\nserver-down-max-fails=4\nserver-down-throttle-time=20")


def ours(site: Site, *, root: pathlib.Path = ROOT_DIR) -> list[str]:
    """Ourselves, from the checkout at *root*."""
    anchors = ""
    if site.key:
        path = site.write("anchors.txt", site.key.anchor_text("") + "\n")
        anchors = f'trust_anchors_file = "{path}"'
    config = f"""
working_directory = "{site.directory}"
[server]
listen = ["127.0.0.1:53"]
[root]
hints_file = "{site.hints}"
[dnssec]
validate = {"true" if site.key else "false"}
builtin_root_anchor = false
{anchors}
"""
    file = site.write("resolver.toml", config)
    return [
        "env",
        f"PYTHONPATH={root}",
        sys.executable,
        "-m",
        "resolver",
        "serve",
        "--config",
        file,
    ]


STARTERS: dict[str, Starter] = {
    "ours": ours,
    "unbound": _unbound,
    "unbound-tuned": _unbound_tuned,
    "kresd": _kresd,
    "kresd-tuned": _kresd_tuned,
    "named": _named,
    "named-tuned": _named_tuned,
    "pdns": _pdns,
    "pdns-tuned": _pdns_tuned,
}
