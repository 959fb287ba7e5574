"""`python -m bench.valkey.authority`: the one server of a zone, so many milliseconds away.

It answers A below the zone as `truth` has it, however the name is spelled; nothing else is asked
for.
"""

from __future__ import annotations

import heapq
import select
import socket
import sys
import time

from bench.valkey.truth import TTL_S, ZONE, address_of, is_gone, target_of
from resolver.protocol import names

_TTL = TTL_S.to_bytes(4, "big")
_APEX = names.from_text(ZONE)
_SOA_RDATA = b"\0\0" + (1).to_bytes(4, "big") + 4 * _TTL
_SOA = _APEX + b"\0\6\0\1" + _TTL + len(_SOA_RDATA).to_bytes(2, "big") + _SOA_RDATA


def reply_to(query: bytes) -> bytes | None:
    """None for what is no question of ours."""
    end = query.find(b"\0", 12) + 1
    if len(query) < end + 4 or not end:
        return None
    question = query[12 : end + 4]
    name = question[:-4].lower()
    if question[-4:] != b"\0\1\0\1":
        return _message(query, question, 0x00, b"", 0)
    if is_gone(name):
        return _message(query, question, 0x03, _SOA, 0, 1)
    target = target_of(name)
    if target is None:
        return _message(query, question, 0x00, _address(b"\xc0\x0c", name), 1)
    alias = b"\xc0\x0c\0\5\0\1" + _TTL + len(target).to_bytes(2, "big") + target
    return _message(query, question, 0x00, alias + _address(target, target), 2)


def _address(owner: bytes, name: bytes) -> bytes:
    return owner + b"\0\1\0\1" + _TTL + b"\0\4" + address_of(name)


def _message(
    query: bytes, question: bytes, rcode: int, rest: bytes, answers: int, authority: int = 0
) -> bytes:
    head = bytes((0x84, rcode, 0, 1, 0, answers, 0, authority, 0, 0))
    return query[:2] + head + question + rest


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
