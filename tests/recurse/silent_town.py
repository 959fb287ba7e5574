"""A town whose servers fall silent: what the tests of stale answers ask, and how they break it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pytest

from resolver.config.schema import Config
from resolver.errors import ResolutionFailed
from resolver.lab.faults import Path
from resolver.protocol import names
from resolver.protocol.codes import RRType
from tests.making import name, question
from tests.recurse.household import village

if TYPE_CHECKING:
    from resolver.lab.world import World
    from resolver.lab.zones import Zone
    from resolver.model import Answer, Name, Question
    from tests.recurse.household import House

WWW, ALIAS = question("www.example.net. A"), question("alias.example.net. A")
FAR, TARGET = question("far.example.net. A"), question("www.other.net. A")
NONE, NODATA = question("none.example.net. A"), question("www.example.net. MX")
ADDRESS, OTHER = bytes([192, 0, 2, 80]), bytes([192, 0, 2, 70])
EXAMPLE = ("192.0.2.20", "192.0.2.21")
DAY = 86_400


def town(*, is_signed: bool = False) -> World:
    """The village, and an alias from example.net into other.net."""
    world = village()
    world.zones[name("example.net.")].add("far", RRType.CNAME, name("www.other.net."))
    other = world.zone("other.net.")
    world.serve(other, "ns.other.net.", "192.0.2.30")
    other.add_address("www", "192.0.2.70")
    world.delegate(other)
    return village(is_signed=True) if is_signed else world


def configured(**keys: object) -> Config:
    """The defaults but for *keys*: "section__key", or a list of tables."""
    config = Config()
    for where, value in keys.items():
        section, _, key = where.partition("__")
        if not key:
            config = msgspec.structs.replace(config, **{section: value})
            continue
        changed = msgspec.structs.replace(getattr(config, section), **{key: value})
        config = msgspec.structs.replace(config, **{section: changed})
    return config


def kill(world: World, *hosts: str) -> None:
    for host in hosts or EXAMPLE:
        world.faults.set(host, Path(dead=True))


def heal(world: World, *hosts: str) -> None:
    for host in hosts or EXAMPLE:
        world.faults.set(host, Path())


def remove(zone: Zone, top: Name) -> None:
    """*top* and all below it exist no more."""
    for owner in [one for one in zone._existing if names.is_subdomain(one, top)]:
        zone._existing.remove(owner)
        zone.data.pop(owner, None)


def codes(answer: Answer) -> list[int]:
    return [ede.code for ede in answer.ede]


async def fails(home: House, asked: Question = WWW) -> ResolutionFailed:
    with pytest.raises(ResolutionFailed) as caught:
        await home.ask(asked)
    return caught.value
