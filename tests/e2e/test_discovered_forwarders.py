"""Ours finds out that a forwarder in clear text, Debian's Unbound, is to be had over TLS."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from bench.common import peers
from bench.forwarding.upstreams import ADDRESS, NAME, Keys
from tests.e2e import daemon
from tests.simulation import netns

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [pytest.mark.netns, pytest.mark.timeout(180)]

HOST, OURS = "198.51.100.1", "127.0.0.1"  # no private address: it has to be proven
PATIENCE_S = 20.0
FEW = 4  # of twenty: who is late, on a busy machine, is asked in clear text as well


@pytest.fixture
def place(tmp_path: Path) -> Iterator[netns.Namespace]:
    daemon.require("dig", "unbound")
    tmp_path.chmod(0o755)
    with netns.namespace("ddr") as one:
        one.ip(f"addr add {HOST}/32 dev lo")
        yield one


def _unbound(place: netns.Namespace, directory: Path, keys: Keys) -> netns.Program:
    file = directory / "unbound.conf"
    lines = [
        "server:", f"interface: {HOST}@53", f"interface: {HOST}@853", "tls-port: 853",
        f'tls-service-key: "{keys.key}"', f'tls-service-pem: "{keys.certificate}"',
        "access-control: 0.0.0.0/0 allow", "do-daemonize: no", 'username: ""', 'chroot: ""',
        f'directory: "{directory}"', f'pidfile: "{directory}/pid"', "use-syslog: no",
        'module-config: "iterator"', "local-zone: bench. redirect",
        f'local-data: "bench. 300 A {ADDRESS}"', "local-zone: resolver.arpa. static",
        f"local-data: '_dns.resolver.arpa. 300 SVCB 1 {NAME}. alpn=\"dot\" ipv4hint={HOST}'",
        "remote-control:", "control-enable: no",
    ]  # fmt: skip
    file.write_text("\n".join(lines) + "\n")
    words = [netns.find("unbound") or "unbound", "-d", "-c", str(file)]
    program = place.spawn(*words, log=directory / "unbound.log", cwd=directory)
    ready = [(place, HOST, 853), (place, HOST, 53)]
    netns.wait_for(ready, programs=[program], patience_s=PATIENCE_S)
    return program


def _ours(place: netns.Namespace, directory: Path, keys: Keys) -> Path:
    """Its log."""
    table = [
        "resolution.local_zones = false", "[[forward]]", 'zone = "."', f'addresses = ["{HOST}"]',
        "discover = true", f'ca_file = "{keys.ca_file}"',
    ]  # fmt: skip
    (directory / "ours").mkdir()
    setup = peers.Setup(directory=directory / "ours", extra="\n".join(table))
    peers.start("ours", setup, place)
    return directory / "ours" / "log"


def _clear_text(place: netns.Namespace, *names: str) -> int:
    before = place.datagrams_sent()
    for name in names:
        told = place.run("dig", f"@{OURS}", "+tcp", "+tries=1", "+timeout=10", "+short", name)
        assert told.stdout == f"{ADDRESS}\n", told.stdout + told.stderr
    return place.datagrams_sent() - before


def _await(log: Path, text: str) -> None:
    until = time.monotonic() + PATIENCE_S
    while text not in log.read_text():
        assert time.monotonic() < until, log.read_text()
        time.sleep(0.1)


@pytest.mark.rfc("RFC 9462 §4.2")
def test_it_is_asked_over_tls_once_it_has_proven_its_address(
    place: netns.Namespace, tmp_path: Path
) -> None:
    keys = Keys(tmp_path, HOST)
    _unbound(place, tmp_path, keys)
    log = _ours(place, tmp_path, keys)
    _await(log, f"is asked over tls://{HOST}:853 (its certificate proves it)")
    assert _clear_text(place, *(f"{at}.bench" for at in range(10))) <= FEW


@pytest.mark.rfc("RFC 9462 §4.2")
def test_a_name_is_no_proof(place: netns.Namespace, tmp_path: Path) -> None:
    keys = Keys(tmp_path, NAME)
    _unbound(place, tmp_path, keys)
    log = _ours(place, tmp_path, keys)
    _await(log, f"is asked in clear text: tls://{HOST}:853 was not proven")
    assert _clear_text(place, "a.bench")
