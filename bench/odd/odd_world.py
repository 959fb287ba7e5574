"""The world of odd servers: a sane root, and for each oddity a plain zone and a signed one.

A zone has one server, which is odd: nobody else can answer for it. Addresses are public ones,
because some resolvers ask nobody in documentation ranges.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from bench.odd.making import Asked, Elsewhere, Oddity, Sent
from bench.odd.oddities import ODDITIES
from resolver.errors import WireError
from resolver.lab.world import World
from resolver.lab.zones import text
from resolver.protocol import names
from resolver.protocol.codes import RRType
from resolver.protocol.wire import parse_untrusted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from resolver.lab.authority import Authority

ROOT_HOST = "45.55.0.1"
ROOT_NAME = "ns.root-odd."
ELSEWHERE = "45.55.200.1"
TXT_OCTETS = {"mid": 800, "big": 3000}
QUESTIONS = ("", "2", "3")  # suffixes of names that are asked one after the other


class Place(NamedTuple):
    """One odd zone: its name, its server's address, whether it is signed."""

    oddity: Oddity
    zone: str
    host: str
    is_signed: bool

    def question(self, number: int) -> tuple[bytes, int]:
        """Name and type of the zone's question *number*; all have an answer."""
        name = names.from_text(f"{self.oddity.wants}{QUESTIONS[number]}.{self.zone}")
        return name, RRType.A if self.oddity.wants == "www" else RRType.TXT


@dataclass(slots=True)
class OddServer:
    """`resolver.lab.virtual_network.Answerer` with one oddity."""

    oddity: Oddity
    authority: Authority
    asked: int = 0

    def says(self, data: bytes, transport: str) -> Sequence[Sent]:
        """What goes out for *data*, also to elsewhere."""
        try:
            query = parse_untrusted(data)
        except WireError:
            return []
        if query.is_response or query.question_count != 1:
            return []
        self.asked += 1

        honest, unbounded = partial(self._honest, transport), partial(self._honest, "tcp")
        return self.oddity.says(Asked(data, query, transport, honest, unbounded))

    def _honest(self, transport: str, octets: bytes) -> bytes:
        replies = self.authority.answer(octets, transport, "")
        assert isinstance(replies, list)  # noqa: S101  the lab's servers are never silent
        assert isinstance(replies[0], bytes)  # noqa: S101
        return replies[0]

    def answer(self, data: bytes, transport: str, source: str) -> list[bytes]:
        """The same for virtual networks, where nothing comes from elsewhere."""
        del source
        said = self.says(data, transport)
        return [one for one in said if not isinstance(one, Elsewhere)]  # type: ignore[misc]


class OddWorld(NamedTuple):
    """*world* has the zones and the anchor; *servers* who answers at which address."""

    world: World
    places: list[Place]
    servers: dict[str, OddServer | Authority]


def build(wall: float, oddities: Sequence[Oddity] = ODDITIES) -> OddWorld:
    """All zones, signed at *wall*."""
    world = World()
    root = world.zone(".", ttl=86_400)
    world.serve(root, ROOT_NAME, ROOT_HOST)
    places, servers = [], {}
    for number, oddity in enumerate(oddities):
        for is_signed in (False, True):
            apex = f"{oddity.name.replace('.', '')}{'-signed' if is_signed else ''}."
            place = Place(oddity, apex, f"45.55.{2 if is_signed else 1}.{number + 1}", is_signed)
            _add_zone(world, place, wall)
            places.append(place)
            servers[place.host] = OddServer(oddity, world.servers[place.host])
    world.sign(root, wall=wall)
    return OddWorld(world, places, {ROOT_HOST: world.servers[ROOT_HOST], **servers})


def _add_zone(world: World, place: Place, wall: float) -> None:
    zone = world.zone(place.zone)
    world.serve(zone, "ns", place.host)
    for suffix in QUESTIONS:
        zone.add_address(f"www{suffix}", "192.0.2.80")
        for name, octets in TXT_OCTETS.items():
            strings = ["x" * 200] * (octets // 200)
            zone.add(f"{name}{suffix}", RRType.TXT, text(*strings))
    world.delegate(zone)
    if place.is_signed:
        world.sign(zone, wall=wall)
