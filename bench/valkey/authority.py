"""`python -m bench.valkey.authority`: the one server of a zone, so many milliseconds away.

It answers A below the zone with the address that `address_of` makes of the name, however it is
spelled; nothing else is asked for.
"""

from __future__ import annotations

import hashlib
import heapq
import select
import socket
import sys
import time

ZONE = "bench.test."
TTL_S = 300
_FIXED = b"\xc0\x0c\0\1\0\1" + TTL_S.to_bytes(4, "big") + b"\0\4"


def address_of(name: bytes) -> bytes:
    """Of a name in wire form, lower-cased."""
    return b"\x0a" + hashlib.blake2b(name, digest_size=3).digest()


def reply_to(query: bytes) -> bytes | None:
    """None for what is no question of ours."""
    end = query.find(b"\0", 12) + 1
    if len(query) < end + 4 or not end:
        return None
    question = query[12 : end + 4]
    if question[-4:] != b"\0\1\0\1":
        return query[:2] + b"\x84\0\0\1\0\0\0\0\0\0" + question
    answer = _FIXED + address_of(question[:-4].lower())
    return query[:2] + b"\x84\0\0\1\0\1\0\0\0\0" + question + answer


def serve(host: str, port: int, delay_s: float) -> None:
    """Until it is ended."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind((host, port))
    sock.settimeout(0)
    print("ready", flush=True)
    waiting: list[tuple[float, bytes, tuple[str, int]]] = []
    while True:
        now = time.monotonic()
        while waiting and waiting[0][0] <= now:
            _, reply, client = heapq.heappop(waiting)
            sock.sendto(reply, client)
        pause = max(waiting[0][0] - now, 0.0) if waiting else None
        if select.select([sock], [], [], pause)[0]:
            query, client = sock.recvfrom(2048)
            said = reply_to(query)
            if said is not None:
                heapq.heappush(waiting, (time.monotonic() + delay_s, said, client))


if __name__ == "__main__":
    serve(sys.argv[1], int(sys.argv[2]), float(sys.argv[3]) / 1000)
