"""Ours forwards to Debian's resolvers, encrypted: answers, failures, restarts, no clear text."""

from __future__ import annotations

import contextlib
import datetime as dt
import re
import socket
import time
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple, Self

import pytest
import trustme

from bench.common import peers
from bench.forwarding import upstreams
from bench.forwarding.upstreams import ADDRESS, BIG_RECORDS, NAME, Keys
from tests.e2e import daemon
from tests.simulation import netns

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

pytestmark = [pytest.mark.netns, pytest.mark.timeout(180)]

HOST, OURS = "127.0.0.2", "127.0.0.1"
_ETH_IP = 0x0800


@pytest.fixture
def place(tmp_path: Path) -> Iterator[netns.Namespace]:
    daemon.require("dig")
    tmp_path.chmod(0o755)
    with netns.namespace("dot") as one:
        one.ip(f"addr add {HOST}/32 dev lo")  # BIND listens on what an interface has
        yield one


def forward(place: netns.Namespace, directory: Path, address: str, *lines: str) -> netns.Program:
    """Ours, which sends everything to *address*; *lines* are more of the table."""
    table = ["[[forward]]", 'zone = "."', f'addresses = ["{address}"]', *lines]
    extra = "\n".join(["resolution.local_zones = false", *table])
    (directory / "ours").mkdir(exist_ok=True)
    return peers.start("ours", peers.Setup(directory=directory / "ours", extra=extra), place)


def dig(place: netns.Namespace, *words: str) -> str:
    """Over TCP: what leaves over UDP is not the client's."""
    return place.run("dig", f"@{OURS}", "+tcp", "+tries=1", "+timeout=10", *words).stdout


_ALL = [(name, over) for name in upstreams.PROGRAMS for over in ("tls", "https")]


@pytest.mark.parametrize(("name", "transport"), [*_ALL, (upstreams.DOQ, "quic")])
def test_every_answer_comes_encrypted(
    name: str, transport: str, place: netns.Namespace, tmp_path: Path
) -> None:
    """A name, no name, no data, more than a datagram holds; after a restart as before."""
    if name in upstreams.PROGRAMS:
        daemon.require(upstreams.PROGRAMS[name])
    keys = Keys(tmp_path, NAME)
    started = upstreams.start(name, place, HOST, keys)
    address = upstreams.address(transport, HOST)
    forward(place, tmp_path, address, f'ca_file = "{keys.ca_file}"')
    before = place.datagrams_sent()
    assert dig(place, "+short", "a.bench") == f"{ADDRESS}\n"
    assert "status: NXDOMAIN" in dig(place, "a.no.bench")
    assert re.search(r"NOERROR.*\n.*ANSWER: 0", dig(place, "a.bench", "AAAA"))
    assert len(dig(place, "+short", "big.bench", "TXT").splitlines()) == BIG_RECORDS
    if transport != "quic" and name != "dnsdist":  # which speaks UDP to whoever is behind it
        assert place.datagrams_sent() == before, "nothing in clear text left"
    for program in started:
        program.stop()
    upstreams.start(name, place, HOST, keys)
    time.sleep(1.1)  # nobody connects for a second after a failure
    assert dig(place, "+short", "b.bench") == f"{ADDRESS}\n"


class Clear:
    """What goes to port 53 of anybody but ours over the namespace's loopback, UDP and TCP alike."""

    def __init__(self, place: netns.Namespace) -> None:
        self._socket = place.socket(socket.AF_PACKET, socket.SOCK_DGRAM)
        self._socket.bind(("lo", _ETH_IP))
        self._socket.setblocking(False)  # noqa: FBT003

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def count(self) -> int:
        """Since the last time."""
        found = 0
        with contextlib.suppress(BlockingIOError):
            while packet := self._socket.recv(65_536):
                ports_at = 4 * (packet[0] & 15)
                is_there = packet[16:20] != socket.inet_aton(OURS)
                found += is_there and packet[ports_at + 2 : ports_at + 4] == b"\0\x35"
        return found


class Bad(NamedTuple):
    """*terms*: trustme's; *is_known*: its authority is believed; *line*: one more of the table."""

    names: tuple[str, ...] = (NAME,)
    terms: Mapping[str, Any] = MappingProxyType({})
    said: str = ""
    is_known: bool = True
    line: str = ""


_NOW = dt.datetime.now(dt.UTC)
_DAY = dt.timedelta(days=1)
_BAD = {
    "expired": Bad(
        terms={"not_before": _NOW - 9 * _DAY, "not_after": _NOW - _DAY},
        said="certificate has expired",
    ),
    "not yet valid": Bad(
        terms={"not_before": _NOW + _DAY, "not_after": _NOW + 9 * _DAY},
        said="certificate is not yet valid",
    ),
    "another name": Bad(("dns.other.example",), said=f"is for dns.other.example, not for {NAME}"),
    "no SAN": Bad((), {"common_name": NAME}, f"is for no name (no subjectAltName), not {NAME}"),
    "another authority": Bad(said="unable to get local issuer certificate", is_known=False),
    "another key": Bad(said="which is not pinned", line=f'pins = ["sha256/{"A" * 43}="]'),
}


@pytest.mark.parametrize("transport", ["tls", "https", "quic"])
@pytest.mark.parametrize("case", _BAD)
def test_a_bad_certificate_is_told_and_nothing_leaves_in_clear_text(
    case: str, transport: str, place: netns.Namespace, tmp_path: Path
) -> None:
    """Though the same server would answer on port 53 (RFC 8310 §8.1)."""
    bad = _BAD[case]
    daemon.require("unbound")
    keys = Keys(tmp_path, *bad.names, **bad.terms)
    upstreams.start("doq" if transport == "quic" else "unbound", place, HOST, keys)
    trusted = keys.ca_file
    if not bad.is_known:
        trusted = tmp_path / "other.pem"
        trustme.CA().cert_pem.write_to_path(trusted)
    address = upstreams.address(transport, HOST)
    with Clear(place) as clear:
        forward(place, tmp_path, address, bad.line or f'ca_file = "{trusted}"')
        clear.count()  # whether all have started was asked there
        for at in range(3):
            told = dig(place, f"n{at}.bench")
            assert "status: SERVFAIL" in told
            assert "EDE: 22 (No Reachable Authority): (at delegation .: " in told
            assert bad.said in told
            assert HOST in told
        assert clear.count() == 0
        place.run("dig", f"@{HOST}", "+tries=1", "+timeout=1", "a.bench")
        assert clear.count() > 0, "the count counts"


def test_opportunistic_encryption_falls_back_to_clear_text(
    place: netns.Namespace, tmp_path: Path
) -> None:
    """Where nobody answers over TLS; any certificate will do where somebody does."""
    daemon.require("unbound")
    upstreams.start("unbound", place, HOST, Keys(tmp_path, "dns.other.example"))
    ours = forward(place, tmp_path, f"tls://{HOST}#{NAME}", 'profile = "opportunistic"')
    before = place.datagrams_sent()
    assert dig(place, "+short", "a.bench") == f"{ADDRESS}\n"
    assert place.datagrams_sent() == before
    ours.stop()
    forward(place, tmp_path, f"tls://{HOST}:8853#{NAME}", 'profile = "opportunistic"')
    assert dig(place, "+short", "b.bench") == f"{ADDRESS}\n"
    assert place.datagrams_sent() > before
