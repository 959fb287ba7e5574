"""systemd-resolved as the resolver of a machine that asks us over TLS, strictly.

It runs with an /etc and a /run of its own, in its own mounts. Where it is not installed, for its
package wants a booted systemd, it is unpacked beside. Root.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from bench.clients.cases import ANSWER, DENIAL, LARGEST, TRUNCATED, Told
from bench.clients.programs import Client, NotHad, await_port, kdig, run
from bench.clients.served import HOST, NAME, PATIENCE_S
from resolver.protocol.transport import Transport

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bench.clients.cases import Case
    from bench.clients.served import Served

PACKAGE = "systemd-resolved"
INSTALLED = Path("/lib/systemd/systemd-resolved")
ACCOUNT = "systemd-resolve:x:990:990::/:/usr/sbin/nologin\n"
GROUP = "systemd-resolve:x:990:\n"
_SCRIPT = """
set -e
for each in passwd group systemd ssl/certs; do mount --bind "$0/$each" "/etc/$each"; done
mount -t tmpfs tmpfs /run
mkdir -p /run/systemd/resolve /run/systemd/netif
chown systemd-resolve: /run/systemd/resolve
exec "$1"
"""


def _program(directory: Path) -> Path:
    if INSTALLED.exists():
        return INSTALLED
    unpacked = directory / "resolved"
    if not unpacked.exists():
        unpacked.mkdir()
        with contextlib.chdir(unpacked):
            run("apt-get", "download", "-q", PACKAGE)
        for package in unpacked.glob("*.deb"):
            run("dpkg-deb", "-x", str(package), str(unpacked))
    program = unpacked / "lib" / "systemd" / PACKAGE
    if not program.exists():
        raise NotHad("its package cannot be had")
    return program


def _etc(directory: Path, it: Served, port: int) -> Path:
    """A machine's /etc, as far as it is another."""
    etc = directory / "etc"
    shutil.rmtree(etc, ignore_errors=True)
    shutil.copytree("/etc/ssl/certs", etc / "ssl" / "certs")
    shutil.copytree("/etc/systemd", etc / "systemd", symlinks=True)
    for name, line in (("passwd", ACCOUNT), ("group", GROUP)):
        before = Path("/etc", name).read_text()
        (etc / name).write_text(before if "systemd-resolve:" in before else before + line)
    shown = it.authority.read_text()
    name = run("openssl", "x509", "-hash", "-noout", "-in", str(it.authority)).stdout.decode()
    (etc / "ssl" / "certs" / f"{name.strip()}.0").write_text(shown)
    (etc / "systemd" / "resolved.conf").write_text(
        f"[Resolve]\nDNS={HOST}:{it.ports[Transport.TLS]}#{NAME}\nDNSOverTLS=yes\nDNSSEC=no\n"
        f"Cache=no\nDNSStubListener=no\nDNSStubListenerExtra={HOST}:{port}\n"
    )
    return etc


@contextlib.contextmanager
def _running(it: Served) -> Iterator[int]:
    if os.geteuid() != 0:
        raise NotHad("needs root")
    program = _program(it.directory)
    with socket.socket() as sock:
        sock.bind((HOST, 0))
        port: int = sock.getsockname()[1]
    etc = _etc(it.directory, it, port)
    words = ["unshare", "-m", "sh", "-c", _SCRIPT, str(etc), str(program)]
    with subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            await_port(port)
            yield port
        finally:
            process.terminate()
            process.wait(PATIENCE_S)


def _resolved(it: Served, case: Case) -> Told:
    with _running(it) as port:
        return kdig(port, "+tcp", case=case)


def clients() -> Sequence[Client]:
    """Signatures it asks for only where it validates itself."""
    cases = (ANSWER, DENIAL, TRUNCATED, LARGEST)
    return (Client(PACKAGE, Transport.TLS, _resolved, "unshare", cases),)
