"""One resolver through all cases: its servers and itself in namespaces, then the questions."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, NamedTuple

from bench.common import peers, signing
from bench.matrix import servers
from bench.signed import ask
from resolver.protocol.codes import Flag, Rcode, RRType
from resolver.protocol.edns import Edns
from resolver.protocol.message import group
from resolver.protocol.render import build_query
from resolver.protocol.wire import parse_untrusted
from tests.iterate import matrix_world
from tests.iterate.matrix_rules import Seen, told
from tests.iterate.matrix_world import Internet
from tests.simulation import netns

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tests.iterate.matrix_cases import Case
    from tests.iterate.matrix_world import Scene

RESOLVER = "127.0.0.1"


class Heard(NamedTuple):
    """What the client got of one scene; *is_secure*: AD was set."""

    seen: Seen
    is_secure: bool


class Draw(NamedTuple):
    """What is asked: the same of every resolver."""

    cases: Sequence[Case]
    kind: str
    seed: int


def hear(name: str, drawn: Draw, directory: Path) -> dict[Scene, Heard]:
    """Every case asked of resolver *name*, beside and alone."""
    directory.mkdir()
    net = Internet(drawn.cases, is_signed=drawn.kind == "signed")
    with netns.namespace("world") as world, netns.namespace("client") as client:
        netns.connect(client, world, names=("up", "down"))
        client.ip("addr add 172.31.0.2/24 dev up", "route add default via 172.31.0.1 dev up")
        world.ip(f"route add local {servers.RANGE} dev lo", "addr add 172.31.0.1/24 dev down")
        _start_servers(world, drawn, directory)
        _start_resolver(name, client, net, directory)
        scenes = list(net.scenes.values())
        replies = ask.ask_all(client, RESOLVER, [_query(at, one) for at, one in enumerate(scenes)])
    return {scene: _heard(data) for scene, data in zip(scenes, replies, strict=True)}


def _start_servers(world: netns.Namespace, drawn: Draw, directory: Path) -> None:
    log = directory / "servers.log"
    words = [str(len(drawn.cases)), str(drawn.seed), drawn.kind]
    program = world.spawn(
        sys.executable, "-m", "bench.matrix.servers", *words, log=log, cwd=peers.PROJECT
    )
    program.await_line("ready")


def _start_resolver(name: str, client: netns.Namespace, net: Internet, directory: Path) -> None:
    # A stranger that denies a name in mixed case is asked once more in lower case; here the
    # server beside it would be heard meanwhile, and not what is asked about.
    extra = "outgoing.query_case_randomization = false" if name == "ours" else ""
    setup = peers.Setup(
        directory=directory,
        hints=peers.write_hints(directory / "hints", [("ns.root.", [matrix_world.ROOT])]),
        anchors=(signing.anchor_text(".", net.key),) if net.key else (),
        extra=extra,
    )
    peers.start(name, setup, client)


def _query(number: int, scene: Scene) -> bytes:
    flags = Flag.RD | Flag.AD
    return build_query(
        id=number & 0xFFFF, qname=scene.qname, qtype=RRType.A, flags=flags, edns=Edns()
    )


def _heard(data: bytes | None) -> Heard:
    if data is None:
        return Heard(Seen.SERVFAIL, is_secure=False)  # to a client silence is no better
    message = parse_untrusted(data)
    if message.rcode == Rcode.SERVFAIL:
        return Heard(Seen.SERVFAIL, is_secure=False)
    seen = told(message.rcode, group(message.answer))
    return Heard(seen, is_secure=bool(message.flags & Flag.AD))
