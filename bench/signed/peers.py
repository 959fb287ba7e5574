"""The two resolvers under comparison, each as shipped but for hints, anchors and minimisation."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from bench.signed.catalogue import NEGATIVE_ANCHOR
from tests.simulation import netns

if TYPE_CHECKING:
    from bench.signed.signed_world import SignedWorld

OURS, PEER = "127.0.0.1", "127.0.0.2"
PROJECT = Path(__file__).resolve().parents[2]


def start_ours(
    it: SignedWorld, *, address: str = OURS, minimise: bool = True, validate: bool = True
) -> netns.Program:
    """Our daemon; SHA-1 counts, as it does for Unbound (RFC 9905 §2 lets a resolver choose)."""
    anchors = "validate = false"
    if validate:
        anchors = f'trust_anchors_file = "{it.anchors}"\nsha1 = true\n'
        anchors += f'negative_trust_anchors = ["{NEGATIVE_ANCHOR}"]'
    config = it.directory / f"resolver-{address}.toml"
    config.write_text(
        f'[server]\nlisten = ["{address}:53"]\n[root]\nhints_file = "{it.hints}"\n'
        f"[resolution]\nqname_minimisation = {str(minimise).lower()}\n"
        f'[cache]\nclock = "realtime"\n'  # some zones sign for tomorrow: this clock is right
        f"[dnssec]\nbuiltin_root_anchor = false\n{anchors}\n"
    )
    program = it.client.spawn(
        sys.executable, "-m", "resolver", "serve", "--config", str(config),
        log=config.with_suffix(".log"), cwd=PROJECT,
    )  # fmt: skip
    netns.wait_for([(it.client, address, 53)], programs=[program], patience_s=20.0)
    return program


def start_unbound(
    it: SignedWorld,
    *,
    address: str = PEER,
    minimise: bool = True,
    validate: bool = True,
) -> netns.Program:
    """Debian's Unbound with its defaults."""
    config = it.directory / f"unbound-{address}.conf"
    anchors = 'module-config: "iterator"'
    if validate:
        anchors = f'trust-anchor-file: "{it.anchors}"\n    domain-insecure: "{NEGATIVE_ANCHOR}"'
    config.write_text(
        f"""server:
    interface: {address}
    do-daemonize: no
    use-syslog: no
    username: ""
    chroot: ""
    pidfile: ""
    directory: "{it.directory}"
    root-hints: "{it.hints}"
    {anchors}
    qname-minimisation: {"yes" if minimise else "no"}
remote-control:
    control-enable: no
"""
    )
    program = it.client.spawn(
        netns.find("unbound") or "unbound",
        "-d",
        "-c",
        str(config),
        log=config.with_suffix(".log"),
    )
    netns.wait_for([(it.client, address, 53)], programs=[program], patience_s=20.0)
    return program


def start_bind(it: SignedWorld, address: str) -> netns.Program:
    """Debian's BIND with its defaults."""
    anchors = "".join(f"  {_static_ds(line)};\n" for line in it.anchors.read_text().splitlines())
    config = it.directory / f"bind-{address}.conf"
    config.write_text(
        f"""options {{
  directory "{it.directory}"; listen-on {{ {address}; }}; listen-on-v6 {{ none; }};
  pid-file none; recursion yes; dnssec-validation yes; empty-zones-enable no;
  session-keyfile none;
}};
controls {{ }};
trust-anchors {{
{anchors}}};
zone "." {{ type hint; file "{it.hints}"; }};
"""
    )
    it.client.ip(f"addr add {address}/32 dev lo")  # it listens on addresses of interfaces only
    return _start(it, address, "named", "-g", "-c", str(config), log=config.with_suffix(".log"))


def _static_ds(line: str) -> str:
    """A line of the anchors' file in BIND's words."""
    name, _, _, _, tag, algorithm, kind, *digest = line.split()
    return f'"{name}" static-ds {tag} {algorithm} {kind} "{"".join(digest)}"'


def start_knot(it: SignedWorld, address: str) -> netns.Program:
    """Debian's Knot Resolver with its defaults, but what it asks on its own."""
    folder = it.directory / f"knot-{address}"
    folder.mkdir()
    anchors = "".join(
        f"trust_anchors.add('{line}')\n" for line in it.anchors.read_text().splitlines()
    )
    config = folder / "kresd.conf"
    config.write_text(
        f"""net.listen('{address}', 53, {{ kind = 'dns' }})
net.ipv6 = false
trust_anchors.remove('.')
modules.unload('ta_update')
modules.unload('priming')
modules.unload('detect_time_skew')
modules.load('hints')
hints.root_file('{it.hints}')
cache.size = 50 * MB
{anchors}"""
    )
    log = folder / "log"
    return _start(it, address, "kresd", "-n", "-c", str(config), str(folder), log=log)


def start_powerdns(it: SignedWorld, address: str) -> netns.Program:
    """Debian's PowerDNS Recursor, validating (by default it only does for those who ask)."""
    folder = it.directory / f"powerdns-{address}"
    folder.mkdir()
    anchors = "clearTA('.')\n"
    for line in it.anchors.read_text().splitlines():
        name, _, _, _, *ds = line.split()
        anchors += f"addTA('{name}', '{' '.join(ds)}')\n"
    (folder / "anchors.lua").write_text(anchors)
    (folder / "recursor.conf").write_text(
        f"""local-address={address}
daemon=no
socket-dir={folder}
hint-file={it.hints}
dnssec=validate
extended-resolution-errors=yes
lua-config-file={folder}/anchors.lua
dont-query=
security-poll-suffix=
quiet=yes
"""
    )
    return _start(it, address, "pdns_recursor", f"--config-dir={folder}", log=folder / "log")


def _start(
    it: SignedWorld, address: str, program: str, *arguments: str, log: Path
) -> netns.Program:
    started = it.client.spawn(netns.find(program) or program, *arguments, log=log)
    netns.wait_for([(it.client, address, 53)], programs=[started], patience_s=20.0)
    return started
