"""The authoritative side of the bed: a root, and zones kind or hostile at an address each.

`python -m bench.attack.authority`, a process of its own. UDP is served in one loop, TCP by a thread
a connection. What a zone is like:

    good.world    answers at once               slow.world    answers after 0.4 s
    big.world     60 kB of TXT, over TCP        silent.world  never answers
    wrong.world   a dozen wrong ids before each right reply, TCP refused
    bomb.world    answers after 1.4 s, 1,100 octets
    babble.world  nothing over UDP but "ask over TCP", and there whatever comes to its mind
    flush.world   each name a delegation to 1,500 nameservers of its own
"""

from __future__ import annotations

import contextlib
import heapq
import selectors
import socket
import struct
import threading
import time
from typing import Final

SO_RCVBUFFORCE: Final = 33
QTYPE_TXT: Final = 16
QTYPE_NS: Final = 2
QTYPE_A: Final = 1
WRONG_IDS: Final = 12
AT_ONCE: Final = 4
BIG_STRINGS: Final = 235
FLUSH_SERVERS: Final = 1500
ROOT: Final = "203.0.113.53"
SERVERS: Final = {
    zone: f"203.0.113.{60 + at}"
    for at, zone in enumerate(
        (b"good", b"big", b"wrong", b"bomb", b"babble", b"flush", b"slow", b"silent")
    )
}
ADDRESSES: Final = (ROOT, *SERVERS.values())
DELAYS_S: Final = {b"slow": 0.4, b"bomb": 1.4}
_SOA = b"\0\0" + struct.pack("!IIIII", 1, 3600, 600, 86400, 300)


def _labels(query: bytes) -> tuple[list[bytes], int]:
    """Labels of the question's name in lower case, and the offset behind the name."""
    labels, at = [], 12
    while query[at]:
        labels.append(query[at + 1 : at + 1 + query[at]].lower())
        at += 1 + query[at]
    return labels, at + 1


def zone_of(query: bytes) -> bytes:
    """The label before `world`; b"" above it."""
    labels, _ = _labels(query)
    return labels[-2] if len(labels) > 1 else b""


def _record(owner: bytes, rtype: int, ttl: int, rdata: bytes) -> bytes:
    return owner + struct.pack("!HHIH", rtype, 1, ttl, len(rdata)) + rdata


def _name(*labels: bytes) -> bytes:
    return b"".join(bytes([len(label)]) + label for label in (*labels, b""))


def refer(query: bytes) -> bytes:
    """The root's reply: to the servers of a zone, or what `answer` says of names above them."""
    zone = zone_of(query)
    if zone not in SERVERS:
        return answer(query, is_stream=True)
    nameserver = _name(b"ns", zone, b"world")
    referral = _record(_name(zone, b"world"), QTYPE_NS, 3600, nameserver)
    glue = _record(nameserver, QTYPE_A, 3600, socket.inet_aton(SERVERS[zone]))
    question = query[12 : _labels(query)[1] + 4]
    return query[:2] + struct.pack("!HHHHH", 0x8000, 1, 0, 1, 1) + question + referral + glue


_BIG = _record(
    b"\xc0\x0c",
    QTYPE_TXT,
    3600,
    b"".join(b"\xff" + bytes([at]) * 255 for at in range(BIG_STRINGS)),
)
_FLUSH = b"".join(
    _record(b"\xc0\x0c", QTYPE_NS, 3600, b"\x06ns%04d\xc0\x0c" % at) for at in range(FLUSH_SERVERS)
)


def answer(query: bytes, *, is_stream: bool) -> bytes:
    """The reply to *query* of whichever zone it is."""
    labels, end = _labels(query)
    zone = labels[-2] if len(labels) > 1 else b""
    qtype = int.from_bytes(query[end : end + 2], "big")
    question = query[12 : end + 4]
    records, authority, flags, counts = b"", b"", 0x8400, (0, 0)
    if zone == b"babble" and len(labels) > 2:
        return query[:2] + struct.pack("!HHHHH", 0x8600, 1, 0, 0, 0) + question
    if zone == b"big" and qtype == QTYPE_TXT:
        if not is_stream:
            return query[:2] + struct.pack("!HHHHH", 0x8600, 1, 0, 0, 0) + question
        records, counts = _BIG, (1, 0)
    elif zone == b"bomb" and qtype == QTYPE_TXT:
        text = b"".join(b"\xff" + bytes([at]) * 255 for at in range(4))
        records, counts = _record(b"\xc0\x0c", QTYPE_TXT, 60, text), (1, 0)
    elif zone == b"flush" and len(labels) > 2 and is_stream:
        authority, flags, counts = _FLUSH, 0x8000, (0, FLUSH_SERVERS)
    elif zone == b"flush" and len(labels) > 2:
        return query[:2] + struct.pack("!HHHHH", 0x8600, 1, 0, 0, 0) + question
    elif not labels and qtype == QTYPE_NS:
        records, counts = _record(b"\0", QTYPE_NS, 3600000, b"\2ns\5world\0"), (1, 0)
    elif qtype == QTYPE_A and labels == [b"ns", b"world"]:
        records, counts = _record(b"\xc0\x0c", 1, 3600000, b"\xcb\0\x71\x35"), (1, 0)
    elif qtype == QTYPE_A and len(labels) > 2:
        records, counts = _record(b"\xc0\x0c", 1, 3600, b"\xcb\0\x71\7"), (1, 0)
    else:
        apex = _name(zone, b"world") if zone in SERVERS else b"\0"
        authority, counts = _record(apex, 6, 300, _SOA), (0, 1)
    return query[:2] + struct.pack("!HHHHH", flags, 1, *counts, 0) + question + records + authority


class Server:
    """One address, port 53: the root or a zone."""

    def __init__(self, address: str) -> None:
        self._is_root = address == ROOT
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.udp.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 1 << 24)
        self.udp.bind((address, 53))
        self.udp.settimeout(0.0)
        self.late: list[tuple[float, bytes, tuple[str, int]]] = []
        if address not in {SERVERS[b"wrong"], SERVERS[b"silent"]}:
            tcp = socket.create_server((address, 53), backlog=512)
            threading.Thread(target=self._accept, args=(tcp,), daemon=True).start()

    def drain(self) -> None:
        """Answer what has come, a few at a time: the others are other machines' elsewhere."""
        for _ in range(AT_ONCE):
            try:
                query, peer = self.udp.recvfrom(4096)
            except OSError:
                return
            if self._is_root:
                self.send(refer(query), peer)
            else:
                self._on_query(query, peer)

    def catch_up(self) -> None:
        """Send what was held back long enough."""
        for _ in range(AT_ONCE):
            if not self.late or self.late[0][0] > time.monotonic():
                return
            _, reply, peer = heapq.heappop(self.late)
            self.send(reply, peer)

    def _on_query(self, query: bytes, peer: tuple[str, int]) -> None:
        zone = zone_of(query)
        if zone == b"silent":
            return
        reply = answer(query, is_stream=False)
        if zone == b"wrong":
            number = int.from_bytes(query[:2], "big")
            for at in range(1, WRONG_IDS + 1):
                self.send(((number + at) & 0xFFFF).to_bytes(2, "big") + reply[2:], peer)
        delay_s = DELAYS_S.get(zone, 0.0)
        if delay_s:
            heapq.heappush(self.late, (time.monotonic() + delay_s, reply, peer))
        else:
            self.send(reply, peer)

    def send(self, reply: bytes, peer: tuple[str, int]) -> None:
        with contextlib.suppress(OSError):
            self.udp.sendto(reply, peer)

    def _accept(self, tcp: socket.socket) -> None:
        while True:
            stream, _ = tcp.accept()
            threading.Thread(target=self._serve, args=(stream,), daemon=True).start()

    def _serve(self, stream: socket.socket) -> None:
        with stream, stream.makefile("rb") as octets:
            while head := octets.read(2):
                query = octets.read(int.from_bytes(head, "big"))
                if zone_of(query) == b"babble" and not self._is_root:
                    _babble(stream)
                    return
                reply = refer(query) if self._is_root else answer(query, is_stream=True)
                stream.sendall(len(reply).to_bytes(2, "big") + reply)


def run() -> None:
    """All of them, until killed."""
    selector = selectors.DefaultSelector()
    servers = [Server(address) for address in ADDRESSES]
    for server in servers:
        selector.register(server.udp, selectors.EVENT_READ, server)
    while True:
        due = min((server.late[0][0] for server in servers if server.late), default=None)
        wait_s = None if due is None else max(0.0, due - time.monotonic())
        for key, _ in selector.select(wait_s):
            key.data.drain()
        for server in servers:
            server.catch_up()


def _babble(stream: socket.socket) -> None:
    """Empty messages as fast as they are taken, until the other side has had enough."""
    with contextlib.suppress(OSError):
        for _ in range(100_000):
            stream.sendall(bytes(65_536))


if __name__ == "__main__":
    run()
