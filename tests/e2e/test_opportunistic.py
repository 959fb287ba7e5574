"""Debian's authorities that speak TLS are asked so once they are used, and in clear text after."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from bench.common import peers
from bench.forwarding.upstreams import ADDRESS, Keys
from tests.e2e import daemon
from tests.simulation import netns

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

pytestmark = [pytest.mark.netns, pytest.mark.timeout(180)]

HOST, OURS = "127.0.0.2", "127.0.0.1"
SERVER = "ns.root-servers.example."
PATIENCE_S = 20.0
FEW = 4  # of twenty: who is late, on a busy machine, is asked in clear text as well


@pytest.fixture
def place(tmp_path: Path) -> Iterator[netns.Namespace]:
    daemon.require("dig")
    tmp_path.chmod(0o755)
    with netns.namespace("dot") as one:
        one.ip(f"addr add {HOST}/32 dev lo")
        yield one


def _zone(directory: Path) -> Path:
    """A root with all names in it."""
    file = directory / "root.zone"
    file.write_text(
        f"$ORIGIN .\n$TTL 300\n@ SOA {SERVER} hostmaster. 1 3600 600 86400 300\n@ NS {SERVER}\n"
        f"{SERVER} A {HOST}\n*.bench. A {ADDRESS}\n"
    )
    return file


def _nsd(directory: Path, keys: Keys | None) -> list[str]:
    lines = ["server:", f"ip-address: {HOST}@53", 'username: ""', f'zonesdir: "{directory}"',
             f'pidfile: "{directory}/nsd.pid"', f'xfrdfile: "{directory}/xfrd"', 'database: ""',
             f'xfrdir: "{directory}"', f'zonelistfile: "{directory}/zones"']  # fmt: skip
    if keys is not None:
        lines += [f"ip-address: {HOST}@853", "tls-port: 853", f'tls-service-key: "{keys.key}"',
                  f'tls-service-pem: "{keys.certificate}"']  # fmt: skip
    lines += ["remote-control:", "control-enable: no", "zone:", "name: .",
              f'zonefile: "{_zone(directory)}"']  # fmt: skip
    conf = directory / "nsd.conf"
    conf.write_text("\n".join(lines) + "\n")
    return [netns.find("nsd") or "nsd", "-d", "-c", str(conf)]


def _named(directory: Path, keys: Keys | None) -> list[str]:
    tls = keys and f'tls own {{ cert-file "{keys.certificate}"; key-file "{keys.key}"; }};\n'
    listen = keys and f"listen-on port 853 tls own {{ {HOST}; }};"
    conf = directory / "named.conf"
    conf.write_text(
        f'{tls or ""}options {{ directory "{directory}"; pid-file none; recursion no;\n'
        f'session-keyfile "{directory}/session.key"; listen-on-v6 {{ none; }};\n'
        f"listen-on port 53 {{ {HOST}; }}; {listen or ''} }};\n"
        f'controls {{ }};\nzone "." {{ type primary; file "{_zone(directory)}"; }};\n'
    )
    return [netns.find("named") or "named", "-f", "-c", str(conf)]


COMMANDS: dict[str, Callable[[Path, Keys | None], list[str]]] = {"nsd": _nsd, "named": _named}


def _start(name: str, place: netns.Namespace, directory: Path, keys: Keys | None) -> netns.Program:
    program = place.spawn(
        *COMMANDS[name](directory, keys), log=directory / f"{name}.log", cwd=directory
    )
    ports = (53, 853) if keys is not None else (53,)
    ready = [(place, HOST, port) for port in ports]
    netns.wait_for(ready, programs=[program], patience_s=PATIENCE_S)
    return program


def _ours(place: netns.Namespace, directory: Path, *, is_on: bool) -> netns.Program:
    hints = peers.write_hints(directory / "hints", [(SERVER, [HOST])])
    lines = ["resolution.local_zones = false", "root.local = false"]
    lines += ["outgoing.opportunistic = true"] if is_on else []
    setup = peers.Setup(directory=directory, hints=hints, extra="\n".join(lines))
    return peers.start("ours", setup, place)


def _clear_text(place: netns.Namespace, *names: str) -> int:
    """Datagrams that left while these were asked for; the client asks over TCP."""
    before = place.datagrams_sent()
    for name in names:
        told = place.run("dig", f"@{OURS}", "+tcp", "+tries=1", "+timeout=10", "+short", name)
        assert told.stdout == f"{ADDRESS}\n", told.stdout + told.stderr
    return place.datagrams_sent() - before


@pytest.mark.rfc("RFC 9539")
@pytest.mark.parametrize("name", COMMANDS)
def test_what_speaks_tls_is_asked_so_until_it_does_not(
    name: str, place: netns.Namespace, tmp_path: Path
) -> None:
    daemon.require(name)
    server = _start(name, place, tmp_path, Keys(tmp_path, "somebody.else.example"))
    _ours(place, tmp_path, is_on=True)
    assert _clear_text(place, "a.bench", "b.bench", "c.bench", "d.bench")
    until = time.monotonic() + PATIENCE_S
    rounds = (f"{at}.bench" for at in range(10**6))
    while _clear_text(place, next(rounds), next(rounds)) and time.monotonic() < until:
        time.sleep(0.2)
    assert _clear_text(place, *(next(rounds) for _ in range(10))) <= FEW
    server.stop()
    _start(name, place, tmp_path, None)
    assert _clear_text(place, *(next(rounds) for _ in range(10))) > FEW


def test_switched_off_nobody_is_tried(place: netns.Namespace, tmp_path: Path) -> None:
    daemon.require("nsd")
    _start("nsd", place, tmp_path, Keys(tmp_path, "somebody.else.example"))
    _ours(place, tmp_path, is_on=False)
    for at in range(10):
        assert _clear_text(place, f"{at}.bench")
