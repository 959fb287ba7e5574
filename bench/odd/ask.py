"""The client: every zone's questions one after the other, some zones at a time."""

from __future__ import annotations

import random
import socket
import time
from typing import TYPE_CHECKING, TypeAlias

import trio

from resolver.protocol.codes import Flag
from resolver.protocol.edns import Edns
from resolver.protocol.render import build_query
from resolver.protocol.wire import parse_untrusted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bench.odd.odd_world import Place
    from tests.simulation import netns

WINDOW = 6
PATIENCE_S = 8.0
ASKED = 2

Results: TypeAlias = "dict[str, list[float | None]]"
"""By zone: seconds to the right answer of each question, None where none came."""


def all_places(home: netns.Namespace, places: Sequence[Place]) -> Results:
    """Ask the resolver on this namespace's loopback."""
    return trio.run(_ask_all, home, places)


async def _ask_all(home: netns.Namespace, places: Sequence[Place]) -> Results:
    results: Results = {}
    limiter = trio.CapacityLimiter(WINDOW)
    async with trio.open_nursery() as nursery:
        for place in places:
            nursery.start_soon(_ask_place, home, place, limiter, results)
    return results


async def _ask_place(
    home: netns.Namespace, place: Place, limiter: trio.CapacityLimiter, results: Results
) -> None:
    async with limiter:
        results[place.zone] = [await _ask(home, place, number) for number in range(ASKED)]


async def _ask(home: netns.Namespace, place: Place, number: int) -> float | None:
    """One question as a stub asks it, over UDP with 4096 octets; once more over TCP if cut."""
    qname, qtype = place.question(number)
    query = build_query(
        id=random.getrandbits(16), qname=qname, qtype=qtype, flags=Flag.RD,
        edns=Edns(4096, do=place.is_signed),
    )  # fmt: skip
    started = time.monotonic()
    with trio.socket.from_stdlib_socket(home.socket(socket.AF_INET, socket.SOCK_DGRAM)) as sock:
        await sock.connect(("127.0.0.1", 53))
        await sock.send(query)
        with trio.move_on_after(PATIENCE_S):
            data = await sock.recv(65_535)
            took_s = time.monotonic() - started
            reply = parse_untrusted(data)
            has_answer = any(record.rtype == qtype for record in reply.answer)
            is_right = not reply.rcode and (has_answer or bool(reply.flags & Flag.TC))
            if place.is_signed and not reply.flags & Flag.AD and has_answer:
                return None  # not validated: no answer to who wants one
            return round(took_s, 3) if is_right else None
    return None
