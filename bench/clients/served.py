"""Ours, with the lab and the zone of `cases` for its Internet, listening over all that it speaks.

python -m bench.clients.served FILE      that daemon alone, by this configuration
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import socket
import subprocess
import sys
import time
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import dns.message
import dns.query
import trustme
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from bench.clients.cases import APEX, zone_text
from resolver.cli import main, serve
from resolver.config import check
from resolver.config.schema import Config, Server
from resolver.library import settings
from resolver.protocol.transport import DOH_PATH, Transport

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

HOST = "127.0.0.1"
NAME = "localhost"
PATIENCE_S = 30.0
_FORMS = {
    Transport.UDP: "{host}:{port}",
    Transport.TLS: "tls://{host}:{port}",
    Transport.HTTPS: "https://{host}:{port}" + DOH_PATH,
    Transport.QUIC: "quic://{host}:{port}",
}


class Served(NamedTuple):
    """A running daemon: its *ports* by transport, and files of its own."""

    process: subprocess.Popen[bytes]
    directory: Path
    ports: Mapping[Transport, int]

    @property
    def authority(self) -> Path:
        """Whom clients are to believe: browsers believe no certificate that is signed by itself."""
        return self.directory / "authority.pem"

    @property
    def pin(self) -> str:
        """Of its key, in Base64 (RFC 7858 appendix A)."""
        chain = (self.directory / "certificate.pem").read_bytes()
        key = x509.load_pem_x509_certificate(chain).public_key()
        form = serialization.PublicFormat.SubjectPublicKeyInfo
        octets = key.public_bytes(serialization.Encoding.DER, form)
        return base64.b64encode(hashlib.sha256(octets).digest()).decode()

    @property
    def url(self) -> str:
        """Of DNS over HTTPS."""
        return f"https://{NAME}:{self.ports[Transport.HTTPS]}{DOH_PATH}"


@contextlib.contextmanager
def serving(directory: Path, host: str = HOST) -> Iterator[Served]:
    """As long as the block. Raises RuntimeError if it does not come up."""
    ports = {one: _free_port() for one in _FORMS if _is_served(one)}
    listen = [_FORMS[one].format(host=host, port=port) for one, port in ports.items()]
    _certify(directory, NAME, host)
    file = directory / "resolver.toml"
    file.write_text(
        f'tls.certificate = "{directory}/certificate.pem"\ntls.key = "{directory}/key.pem"\n'
        f'working_directory = "{directory}"\ncache.persist = false\n'
        f'server.listen = {listen}\nserver.user = ""\nserver.allow_from = ["127.0.0.0/8"]\n'
    )
    log = directory / "log"
    with log.open("wb") as out:
        command = [sys.executable, "-m", "bench.clients.served", str(file)]
        process = subprocess.Popen(command, stderr=out)
    it = Served(process, directory, ports)
    try:
        until = time.monotonic() + PATIENCE_S
        while not _answers(ports[Transport.UDP]):
            if process.poll() is not None or time.monotonic() > until:
                raise RuntimeError(log.read_text("utf-8", "replace"))
            time.sleep(0.1)
        yield it
    finally:
        process.terminate()
        process.wait(PATIENCE_S)


def _certify(directory: Path, *names: str) -> None:
    authority = trustme.CA()
    leaf = authority.issue_cert(*names)
    authority.cert_pem.write_to_path(directory / "authority.pem")
    leaf.private_key_pem.write_to_path(directory / "key.pem")
    chain = b"".join(one.bytes() for one in leaf.cert_chain_pems)
    (directory / "certificate.pem").write_bytes(chain)


def _is_served(transport: Transport) -> bool:
    """Has this version such a listener, and what it needs?"""
    url = _FORMS[transport].format(host=HOST, port=1)
    return not any(check.faults(Config(server=Server(listen=(url,)))))


def is_spoken_over_http3() -> bool:
    """Has this version HTTP/3?"""
    return bool(getattr(getattr(Config(), "https", None), "http3", False))


def _free_port() -> int:
    """For UDP and TCP."""
    while True:
        with socket.socket() as tcp, socket.socket(type=socket.SOCK_DGRAM) as udp:
            tcp.bind((HOST, 0))
            port: int = tcp.getsockname()[1]
            with contextlib.suppress(OSError):
                udp.bind((HOST, port))
                return port


def _answers(port: int) -> bool:
    try:
        dns.query.udp(dns.message.make_query(APEX, "SOA"), HOST, port=port, timeout=1)
    except (OSError, dns.exception.DNSException):
        return False
    return True


def run(file: str) -> int:
    """`resolver serve --lab --config FILE`, with one zone more."""
    options = main.read(["serve", "--lab", "--config", file])
    zones = {APEX: zone_text()}
    vars(serve)["internet"] = partial(settings.internet, zones=zones)
    return serve.run(options)


if __name__ == "__main__":
    sys.exit(run(sys.argv[1]))
