"""Resolvers to forward to: Debian's, on port 53, over TLS on 853 and HTTPS on 443, with own names.

They know `bench.`, in which every name exists with the address 192.0.2.1, but for those below
`no.bench.`, and `big.bench.` has a TXT set that no datagram holds.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import trustme

from resolver.protocol.transport import DOH_PATH
from tests.simulation import netns

if TYPE_CHECKING:
    from collections.abc import Callable

NAME = "dns.example.net"
ADDRESS = "192.0.2.1"
BIG_RECORDS = 20
PROGRAMS = {"unbound": "unbound", "named": "named", "dnsdist": "dnsdist"}
DOQ = "doq"  # our own, over QUIC alone
READY_S = 60.0
BIG = [f"{number:03}" + "x" * 240 for number in range(BIG_RECORDS)]


class Keys:
    """A certificate for *names* as files, and its authority's; *terms* are trustme's."""

    def __init__(
        self, directory: Path, *names: str, authority: trustme.CA | None = None, **terms: Any
    ) -> None:
        self.authority = authority or trustme.CA()
        leaf = self.authority.issue_cert(*names, **terms)
        self.ca_file = directory / "ca.pem"
        self.certificate, self.key = directory / "cert.pem", directory / "key.pem"
        self.authority.cert_pem.write_to_path(self.ca_file)
        leaf.private_key_pem.write_to_path(self.key)
        self.certificate.write_bytes(b"".join(one.bytes() for one in leaf.cert_chain_pems))


def address(transport: str, host: str) -> str:
    """As a configuration has it."""
    return {
        "udp": host,
        "tls": f"tls://{host}#{NAME}",
        "https": f"https://{NAME}{DOH_PATH}@{host}",
        "quic": f"quic://{host}#{NAME}",
    }[transport]


def start(name: str, place: netns.Namespace, host: str, keys: Keys) -> list[netns.Program]:
    """Run it in *place* at *host*; returns when it accepts connections over TLS."""
    directory = keys.key.parent
    started = []
    for argv in _COMMANDS[name](directory, host, keys):
        log = directory / f"{Path(argv[0]).name}.log"
        started.append(place.spawn(*argv, log=log, cwd=None if name == DOQ else directory))
    ports = (853,) if name == DOQ else (853, 443, 53)
    ready = [(place, host, port) for port in ports]
    netns.wait_for(ready, programs=started, patience_s=READY_S)
    return started


def _unbound(directory: Path, host: str, keys: Keys, *, port: int = 53) -> list[list[str]]:
    """*port* other than 53: in clear text only, behind another."""
    lines = [
        "server:", f"interface: {host}@{port}", "access-control: 0.0.0.0/0 allow",
        "do-daemonize: no", 'username: ""', 'chroot: ""', f'directory: "{directory}"',
        f'pidfile: "{directory}/unbound.pid"', "use-syslog: no", 'module-config: "iterator"',
        "local-zone: bench. redirect", f'local-data: "bench. 300 A {ADDRESS}"',
        "local-zone: no.bench. always_nxdomain", "local-zone: big.bench. static",
        *(f"local-data: 'big.bench. 300 TXT \"{text}\"'" for text in BIG),
    ]  # fmt: skip
    if port == 53:
        lines += [
            f"interface: {host}@853", "tls-port: 853",
            f"interface: {host}@443", "https-port: 443", f'http-endpoint: "{DOH_PATH}"',
            f'tls-service-key: "{keys.key}"', f'tls-service-pem: "{keys.certificate}"',
        ]  # fmt: skip
    lines += ["remote-control:", "control-enable: no"]
    file = directory / f"unbound-{port}.conf"
    file.write_text("\n".join(lines) + "\n")
    return [[netns.find("unbound") or "unbound", "-d", "-c", str(file)]]


def _named(directory: Path, host: str, keys: Keys) -> list[list[str]]:
    zone = directory / "bench.zone"
    big = "\n".join(f'big TXT "{text}"' for text in BIG)
    zone.write_text(
        f"$TTL 300\n@ SOA ns.no hostmaster 1 3600 600 86400 300\n@ NS ns.no\n* A {ADDRESS}\n"
        f"ns.no A {ADDRESS}\n{big}\n"
    )
    conf = directory / "named.conf"
    conf.write_text(
        f'tls own {{ cert-file "{keys.certificate}"; key-file "{keys.key}"; }};\n'
        f'options {{ directory "{directory}"; pid-file none; recursion yes;\n'
        f'session-keyfile "{directory}/session.key"; dnssec-validation no;\n'
        f"allow-query {{ any; }}; allow-recursion {{ any; }}; listen-on-v6 {{ none; }};\n"
        f"listen-on port 53 {{ {host}; }}; listen-on port 853 tls own {{ {host}; }};\n"
        f"listen-on port 443 tls own http default {{ {host}; }}; }};\n"
        f'controls {{ }};\nzone "bench" {{ type primary; file "{zone}"; }};\n'
    )
    return [[netns.find("named") or "named", "-f", "-c", str(conf)]]


def _dnsdist(directory: Path, host: str, keys: Keys) -> list[list[str]]:
    """In front of an Unbound on another port."""
    conf = directory / "dnsdist.conf"
    conf.write_text(
        f"setLocal('{host}:53')\n"
        f"addTLSLocal('{host}:853', '{keys.certificate}', '{keys.key}')\n"
        f"addDOHLocal('{host}:443', '{keys.certificate}', '{keys.key}', '{DOH_PATH}')\n"
        f"newServer('{host}:5353')\ngetServer(0):setUp()\nsetACL('0.0.0.0/0')\n"
    )
    program = netns.find("dnsdist") or "dnsdist"
    dnsdist = [program, "--supervised", "--disable-syslog", "-C", str(conf)]
    return [*_unbound(directory, host, keys, port=5353), dnsdist]


def _doq(_: Path, host: str, keys: Keys) -> list[list[str]]:
    module = "bench.forwarding.doq_server"
    return [[sys.executable, "-m", module, host, str(keys.certificate), str(keys.key)]]


_COMMANDS: dict[str, Callable[[Path, str, Keys], list[list[str]]]] = {
    "unbound": _unbound,
    "named": _named,
    "dnsdist": _dnsdist,
    DOQ: _doq,
}
