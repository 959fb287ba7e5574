"""The resolvers that benches run, ours among them: how each is configured and started.

A bench says in a `Setup` what it wants of all of them, and in `extra` what only one of them has a
word for. There is one text of configuration for each software, as shipped but for that. Where the
command runs (a namespace, a core) and how it is measured is the bench's business.
"""

from __future__ import annotations

import json
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from resolver.daemon import certificates
from resolver.daemon.certificates import Subject
from resolver.protocol.transport import DOH_PATH
from tests.simulation import netns

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

PROJECT = Path(__file__).resolve().parents[2]
PROGRAMS = {
    "ours": "env", "unbound": "unbound", "named": "named", "kresd": "kresd",
    "pdns": "pdns_recursor",
}  # fmt: skip
READY_S = 20.0


@dataclass(frozen=True, slots=True)
class Upstream:
    """A port of 127.0.0.1 that is asked about all of *zone*; the root's is a forwarder."""

    zone: str
    port: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """What a resolver is to do, in the words of none; what is left out is as shipped.

    *anchors* are DS records in presentation form; without any, nothing is validated. *tls_port*:
    where DNS over TLS is served as well, with a P-256 certificate; 0 is nowhere; so for HTTPS and
    QUIC. *extra* are lines, and *arguments* words of the command line, of the one software.
    *checkout* is ours.
    """

    directory: Path
    hints: Path | None = None
    addresses: tuple[str, ...] = ("127.0.0.1",)
    port: int = 53
    tls_port: int = 0
    https_port: int = 0
    quic_port: int = 0
    anchors: tuple[str, ...] = ()
    negative_anchors: tuple[str, ...] = ()
    minimises: bool | None = None
    upstream: Upstream | None = None
    extra: str = ""
    arguments: tuple[str, ...] = ()
    checkout: Path = PROJECT

    def write(self, name: str, lines: Iterable[str]) -> str:
        """A file of the directory; its path."""
        path = self.directory / name
        path.write_text("\n".join(lines) + "\n", "utf-8")
        return str(path)


def present(names: Iterable[str]) -> list[str]:
    """Those of *names* that are installed."""
    return [name for name in names if netns.find(PROGRAMS[name]) is not None]


def command(name: str, setup: Setup) -> list[str]:
    """Write the configuration of resolver *name*; the command that runs it in the foreground."""
    program = netns.find(PROGRAMS[name])
    if program is None:
        raise RuntimeError(f"{PROGRAMS[name]} is not installed")
    return [program, *_CONFIGURE[name](setup)]


def start(
    name: str, setup: Setup, place: netns.Namespace, *, prefix: Sequence[str] = ()
) -> netns.Program:
    """Run it in *place*, by the words of *prefix* if any; returns when it accepts connections."""
    log = setup.directory / "log"
    argv = [*prefix, *command(name, setup)]
    program = place.spawn(*argv, log=log, cwd=setup.directory)
    ready = [(place, setup.addresses[0], setup.port)]
    netns.wait_for(ready, programs=[program], patience_s=READY_S)
    return program


def write_hints(path: Path, nameservers: Iterable[tuple[str, Sequence[str]]]) -> Path:
    """Root hints: absolute names, and the addresses of each."""
    lines = []
    for name, addresses in nameservers:
        lines.append(f". 3600000 NS {name}")
        lines += [f"{name} 3600000 {'AAAA' if ':' in one else 'A'} {one}" for one in addresses]
    path.write_text("\n".join(lines) + "\n", "utf-8")
    return path


def _ds(line: str) -> tuple[str, str]:
    """The owner of a DS record, and its rdata with the digest in one piece."""
    owner, *words = line.split()
    tag, algorithm, kind, *digest = words[words.index("DS") + 1 :]
    return owner, f"{tag} {algorithm} {kind} {''.join(digest)}"


def _certificate(setup: Setup) -> tuple[str, str]:
    """Files of a certificate for its addresses, and of the key."""
    made = certificates.make(Subject(("localhost",), setup.addresses), wall=time.time())
    return (
        setup.write("certificate.pem", [made.chain.decode()]),
        setup.write("key.pem", [made.key.decode()]),
    )


def _ours(setup: Setup) -> list[str]:
    """Dotted keys throughout, so that *extra* may add to any table."""
    listen = [f"[{one}]:{setup.port}" if ":" in one else f"{one}:{setup.port}"
              for one in setup.addresses]  # fmt: skip
    v4 = [one for one in setup.addresses if ":" not in one]
    if setup.tls_port:
        listen += [f"tls://{one}:{setup.tls_port}" for one in v4]
    if setup.https_port:
        listen += [f"https://{one}:{setup.https_port}{DOH_PATH}" for one in v4]
    if setup.quic_port:
        listen += [f"quic://{one}:{setup.quic_port}" for one in v4]
    lines = [
        f"server.listen = {json.dumps(listen)}",
        f"dnssec.validate = {json.dumps(bool(setup.anchors))}",
        "dnssec.builtin_root_anchor = false",
    ]
    if setup.anchors:
        path = setup.write("anchors.txt", setup.anchors)
        lines.append(f'dnssec.trust_anchors_file = "{path}"')
    if setup.negative_anchors:
        lines.append(f"dnssec.negative_trust_anchors = {json.dumps(setup.negative_anchors)}")
    if setup.hints is not None:
        lines.append(f'root.hints_file = "{setup.hints}"')
    if setup.minimises is not None:
        lines.append(f"resolution.qname_minimisation = {json.dumps(setup.minimises)}")
    lines.append(setup.extra)
    if (to := setup.upstream) is not None:
        kind = "forward" if to.zone == "." else "stub"
        lines += [f"[[{kind}]]", f'zone = "{to.zone}"', f'addresses = ["127.0.0.1:{to.port}"]']
    file = setup.write("resolver.toml", lines)
    daemon = [sys.executable, "-P", "-m", "resolver", "serve", "--config", file]
    return [f"PYTHONPATH={setup.checkout}", *daemon, *setup.arguments]


def _unbound(setup: Setup) -> list[str]:
    lines = [
        "server:", *(f"interface: {one}" for one in setup.addresses),
        f"port: {setup.port}", "do-daemonize: no", 'username: ""', 'chroot: ""',
        f'directory: "{setup.directory}"', 'pidfile: ""', "use-syslog: no", 'logfile: ""',
        *(f'trust-anchor: "{one}"' for one in setup.anchors),
        *(f'domain-insecure: "{one}"' for one in setup.negative_anchors),
    ]  # fmt: skip
    if setup.tls_port or setup.https_port:
        certificate, key = _certificate(setup)
        lines += [f'tls-service-pem: "{certificate}"', f'tls-service-key: "{key}"']
    for kind, port in (("tls", setup.tls_port), ("https", setup.https_port)):
        if port:
            lines += [f"interface: {one}@{port}" for one in setup.addresses]
            lines.append(f"{kind}-port: {port}")
    if setup.hints is not None:
        lines.append(f'root-hints: "{setup.hints}"')
    if setup.minimises is not None:
        lines.append(f"qname-minimisation: {'yes' if setup.minimises else 'no'}")
    lines += [setup.extra, "remote-control:", "control-enable: no"]
    if (to := setup.upstream) is not None:
        kind = "forward" if to.zone == "." else "stub"
        lines += [f"{kind}-zone:", f'name: "{to.zone}"', f"{kind}-addr: 127.0.0.1@{to.port}"]
    return ["-d", "-c", setup.write("unbound.conf", lines), *setup.arguments]


def _named(setup: Setup) -> list[str]:
    """A static-stub has no port, so whatever the zone, it forwards; the work is one exchange.

    It logs nothing, but with the argument `-g`.
    """
    v4, v6 = (
        "".join(f"{one}; " for one in setup.addresses if (":" in one) is wanted)
        for wanted in (False, True)
    )
    lines = [
        "options {", f'directory "{setup.directory}";', "pid-file none;",
        f'session-keyfile "{setup.directory}/session.key";',
        f"listen-on port {setup.port} {{ {v4 or 'none; '}}};",
        f"listen-on-v6 port {setup.port} {{ {v6 or 'none; '}}};",
        f"listen-on port {setup.tls_port} tls ephemeral {{ {v4} }};" if setup.tls_port else "",
        f"listen-on port {setup.https_port} tls ephemeral http default {{ {v4} }};"
        if setup.https_port else "",
        "recursion yes;", "allow-query { any; };", "empty-zones-enable no;",
        f"dnssec-validation {'yes' if setup.anchors else 'no'};",
    ]  # fmt: skip
    if setup.negative_anchors:
        zones = "".join(f'"{one}"; ' for one in setup.negative_anchors)
        lines.append(f"validate-except {{ {zones}}};")
    if setup.minimises is not None:
        lines.append(f"qname-minimization {'relaxed' if setup.minimises else 'off'};")
    lines += [setup.extra, "};", "controls { };"]
    lines.append("logging { channel none { null; }; category default { none; }; };")
    if setup.anchors:
        lines.append("trust-anchors {")
        for owner, ds in map(_ds, setup.anchors):
            *numbers, digest = ds.split()
            lines.append(f'"{owner}" static-ds {" ".join(numbers)} "{digest}";')
        lines.append("};")
    if setup.hints is not None:
        lines.append(f'zone "." {{ type hint; file "{setup.hints}"; }};')
    if (to := setup.upstream) is not None:
        where = f"forwarders {{ 127.0.0.1 port {to.port}; }}"
        lines.append(f'zone "{to.zone}" {{ type forward; forward only; {where}; }};')
    return ["-f", "-c", setup.write("named.conf", lines), *setup.arguments]


def _kresd(setup: Setup) -> list[str]:
    """Without what it asks and tells about the root's keys on its own (RFC 5011, RFC 8145)."""
    lines = [f"net.listen('{one}', {setup.port}, {{ kind = 'dns' }})" for one in setup.addresses]
    for kind, port in (("tls", setup.tls_port), ("doh2", setup.https_port)):
        if port:
            where = f"{port}, {{ kind = '{kind}' }}"
            lines += [f"net.listen('{one}', {where})" for one in setup.addresses]
    lines += ["trust_anchors.remove('.')", "cache.size = 64 * MB"]
    lines += [f"modules.unload('{one}')" for one in ("ta_update", "ta_signal_query")]
    if setup.hints is not None:
        lines += ["modules.load('hints')", f"hints.root_file('{setup.hints}')"]
    lines += [f"trust_anchors.add('{one}')" for one in setup.anchors]
    if setup.negative_anchors:
        zones = ", ".join(f"'{one}'" for one in setup.negative_anchors)
        lines.append(f"trust_anchors.set_insecure({{ {zones} }})")
    if setup.minimises is not None:
        lines.append(f"option('NO_MINIMIZE', {json.dumps(not setup.minimises)})")
    lines.append(setup.extra)
    if (to := setup.upstream) is not None:
        action = f"policy.STUB({{ '127.0.0.1@{to.port}' }})"
        names = f"{{ todname('{to.zone}') }}"
        rule = f"all({action})" if to.zone == "." else f"suffix({action}, {names})"
        lines.append(f"policy.add(policy.{rule})")
    file = setup.write("kresd.conf", lines)
    return ["-n", "-q", "-c", file, *setup.arguments, str(setup.directory)]


def _pdns(setup: Setup) -> list[str]:
    lines = [
        f"local-address={','.join(setup.addresses)}", f"local-port={setup.port}", "daemon=no",
        "disable-syslog=yes", "loglevel=3", f"socket-dir={setup.directory}",
        "query-local-address=0.0.0.0,::", "security-poll-suffix=",
        f"dnssec={'validate' if setup.anchors else 'process-no-validate'}",
    ]  # fmt: skip
    if setup.anchors:
        script = ["clearTA()"]
        script += [f"addTA('{owner}', '{ds}')" for owner, ds in map(_ds, setup.anchors)]
        script += [f"addNTA('{one}')" for one in setup.negative_anchors]
        lines.append(f"lua-config-file={setup.write('anchors.lua', script)}")
    if setup.hints is not None:
        lines.append(f"hint-file={setup.hints}")
    if setup.minimises is not None:
        lines.append(f"qname-minimization={'yes' if setup.minimises else 'no'}")
    if (to := setup.upstream) is not None:
        kind = "forward-zones-recurse" if to.zone == "." else "forward-zones"
        lines.append(f"{kind}={to.zone}=127.0.0.1:{to.port}")
    setup.write("recursor.conf", [*lines, setup.extra])
    return [f"--config-dir={setup.directory}", *setup.arguments]


_CONFIGURE: dict[str, Callable[[Setup], list[str]]] = {
    "ours": _ours, "unbound": _unbound, "named": _named, "kresd": _kresd, "pdns": _pdns,
}  # fmt: skip
