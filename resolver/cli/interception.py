"""Does somebody on the way answer in place of the public resolvers? Then their figures are his.

Routers, providers and portals redirect port 53, whatever the address. Signs, the first two of which
are proof: a reply from an address where no server is (RFC 5737); one identity, or one address that
asks for them, behind several operators (RFC 4892, RFC 5001). A round trip too short for anybody
outside the house is a hint. All questions go out at once, one packet each.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import trio

from resolver.limits import BENCH_NEAR_SECONDS
from resolver.model import Question, Server
from resolver.protocol import edns, names
from resolver.protocol.codes import RRClass, RRType
from resolver.telemetry.presentation import rdata_text
from resolver.upstream.instance import text_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from resolver.cli.compare import Asker, Contestant

NO_RESOLVER = Server("192.0.2.53")  # TEST-NET-1: nobody has it
# Authorities that answer with the address of the resolver that asks them.
_WHO_ASKS = Question(names.from_text("whoami.akamai.net."), RRType.A)
_WHO_ARE_YOU = (
    Question(names.from_text("id.server."), RRType.TXT, RRClass.CH),
    Question(names.from_text("hostname.bind."), RRType.TXT, RRClass.CH),
)
ROOT = Question(names.ROOT, RRType.NS)


class Evidence(NamedTuple):
    """What was found: sentences, and who of the contestants is somebody else."""

    sentences: tuple[str, ...] = ()
    replaced: tuple[Contestant, ...] = ()


@dataclass(slots=True)
class _Signs:
    """Of one contestant: what it says of itself, who asks for it, how near it is."""

    identities: frozenset[str] = frozenset()
    asks_from: str = ""
    rtt_s: float | None = None


async def look(asker: Asker, public: Sequence[Contestant]) -> Evidence:
    """Ask all at once. Takes as long as a reply is waited for where all is well: nobody has it."""
    signs = {each.name: _Signs() for each in public}
    is_everywhere = False

    async def nobody() -> None:
        nonlocal is_everywhere
        is_everywhere = (await asker.fetch(NO_RESOLVER, ROOT)).message is not None

    async with trio.open_nursery() as nursery:
        nursery.start_soon(nobody)
        for each in public:
            nursery.start_soon(_examine, asker, each.server, signs[each.name])
    return _decide(public, signs, is_everywhere=is_everywhere)


async def _examine(asker: Asker, server: Server, signs: _Signs) -> None:
    found: set[str] = set()

    async def identity(question: Question) -> None:
        reply = await asker.fetch(server, question)
        for record in reply.message.answer if reply.message is not None else ():
            found.add(rdata_text(RRType.TXT, record.rdata, rclass=RRClass.CH))

    async def nsid() -> None:
        reply = await asker.fetch(server, ROOT, sent=edns.Edns(options=(edns.nsid_option(),)))
        signs.rtt_s = reply.elapsed_s
        if reply.message is not None and reply.message.edns is not None:
            data = reply.message.edns.option(edns.OPT_NSID)
            if data:
                found.add(text_of(data))

    async def who_asks() -> None:
        reply = await asker.fetch(server, _WHO_ASKS)
        addresses = (
            [one for one in reply.message.answer if one.rtype == RRType.A] if reply.message else []
        )
        if addresses:
            signs.asks_from = rdata_text(RRType.A, addresses[0].rdata)

    async with trio.open_nursery() as nursery:
        for question in _WHO_ARE_YOU:
            nursery.start_soon(identity, question)
        nursery.start_soon(nsid)
        nursery.start_soon(who_asks)
    signs.identities = frozenset(found)


def _decide(
    public: Sequence[Contestant], signs: dict[str, _Signs], *, is_everywhere: bool
) -> Evidence:
    sentences, replaced = [], set()
    if is_everywhere:
        sentences.append(f"{NO_RESOLVER.host}, where no server is, answers too")
        replaced |= {each.name for each in public}
    for names_, what in (*_shared_identities(signs), *_shared_addresses(signs)):
        sentences.append(f"{_list(names_)} {what}")
        replaced |= set(names_)
    near = [name for name, one in signs.items() if _is_near(one.rtt_s)]
    if near:
        times = ", ".join(f"{name} {1000 * (signs[name].rtt_s or 0):.2f} ms" for name in near)
        sentences.append(f"nobody outside the house is so near: {times}")
    return Evidence(tuple(sentences), tuple(each for each in public if each.name in replaced))


def _shared_identities(signs: dict[str, _Signs]) -> Iterator[tuple[list[str], str]]:
    owners = defaultdict(list)
    for name, one in signs.items():
        for identity in one.identities:
            owners[identity].append(name)
    for identity, group in owners.items():
        if len(group) > 1:
            yield group, f"have one identity: {identity}"


def _shared_addresses(signs: dict[str, _Signs]) -> Iterator[tuple[list[str], str]]:
    owners = defaultdict(list)
    for name, one in signs.items():
        if one.asks_from:
            owners[one.asks_from].append(name)
    for address, group in owners.items():
        if len(group) > 1:
            yield group, f"have one address that asks for them: {address}"


def _is_near(rtt_s: float | None) -> bool:
    return rtt_s is not None and rtt_s < BENCH_NEAR_SECONDS


def _list(found: Iterable[str]) -> str:
    *all_but_last, last = found
    return f"{', '.join(all_but_last)} and {last}" if all_but_last else last
