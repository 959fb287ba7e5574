"""pops: which instances of servers answer, since when, how far away, and where that may be.

Of what NSID has told, without a packet. `probe` asks servers, too: by the names of RFC 4892 in
class CHAOS, one query every POPS_SECONDS, over UDP.
"""

from __future__ import annotations

import math
from ipaddress import ip_address
from typing import TYPE_CHECKING, Annotated, Final

import trio
from msgspec import Meta

from resolver.limits import POPS_ASKED, POPS_SECONDS, SHOWN_ROWS
from resolver.model import Question, Server
from resolver.operate.asked import LONGEST_NAME, name_of
from resolver.operate.chaos import ask_chaos
from resolver.operate.each_once import each_once, known_to_any, with_most
from resolver.operate.geography import Geography
from resolver.operate.server_rows import both, key_of, nearest_first, row_of
from resolver.operate.verb import WORD, Arguments, Right, Verb
from resolver.protocol import names
from resolver.protocol.codes import RRType

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from resolver.delegation import Key
    from resolver.operate.server_rows import Row
    from resolver.operate.verb import Reply
    from resolver.operate.view import Parts, Running
    from resolver.upstream.server_state import ServerState


class PopsArguments(Arguments, frozen=True, kw_only=True):
    """Of which servers."""

    of: Annotated[
        tuple[Annotated[str, Meta(max_length=LONGEST_NAME)], ...],
        Meta(description="zones, or addresses of servers; none: all that are known", max_length=32),
        WORD,
    ] = ()


async def pops(daemon: Running, given: PopsArguments) -> Reply:
    """The nearest first; SHOWN_ROWS at most, of those whose instance is known where none is named.

    `geography` says what all servers together tell, `notes` of which words nothing is known.
    """
    parts, now = daemon.parts, trio.current_time()
    geography = Geography(parts)
    meant, notes = _meant(parts, given.of, geography)
    rows = [
        _row(geography, key, nameserver, parts.infra.states.get(key), now)
        for key, nameserver in meant.items()
    ]
    rows.sort(key=nearest_first)
    told: Reply = {"geography": geography.summary(), "known": len(rows)}
    return told | {"servers": rows[:SHOWN_ROWS], "notes": notes}


def _row(
    geography: Geography, key: Key, nameserver: str, state: ServerState | None, now: float
) -> Row:
    row = row_of(key, state, now)
    if nameserver:
        row["nameserver"] = nameserver
    if state is None:
        return row
    row |= geography.about(state, now, nameserver)
    earlier = geography.earlier(key, state, now, nameserver)
    if earlier:
        row["earlier"] = earlier
    instances = state.watch.instances
    if instances is not None:
        row["least_with_ms"] = round(1000 * instances.current.least_s, 2)
    return row


def _meant(
    parts: Parts, words: tuple[str, ...], geography: Geography
) -> tuple[dict[Key, str], list[str]]:
    """Servers and the names that they were learnt by, as far as those are known; each once.

    And a sentence for each word that nothing is known of. Raises Refused for what is neither a
    name nor an address.
    """
    known = geography.nameservers
    found: dict[Key, str] = {}
    notes: list[str] = []
    states = parts.infra.states
    for word in words:
        host = _address(word)
        if host:
            keys = [key for key in states if key[0] == host]
            found |= {key: known.get(key[0], "") for key in keys}
            if not keys:
                notes.append(f"{host} was not asked yet")
        else:
            name = name_of(word)
            cut = parts.walker.closest(Question(name, RRType.NS))
            found |= {one.key: names.to_text(one.nameserver) for one in cut.servers()}
            if cut.zone != name:
                zone = names.to_text(name)
                notes.append(f"no servers of {zone} are known: those of {names.to_text(cut.zone)}")
    if not words:
        keys = [key for key, state in states.items() if state.watch.instances is not None]
        found = {key: known.get(key[0], "") for key in keys}
    return found, notes


def _address(word: str) -> str:
    """The one text of an address; "" for a name."""
    try:
        return str(ip_address(word))
    except ValueError:
        return ""


async def probe(daemon: Running, given: PopsArguments) -> AsyncIterator[Reply]:
    """A `server` each, as it is asked, POPS_ASKED at most; then the `geography`, and `notes`.

    An address that was never asked is asked as a server of zones would be.
    """
    parts = daemon.parts
    found, notes = _meant(parts, given.of, Geography(parts))
    strangers = {host for word in given.of if (host := _address(word))} - {key[0] for key in found}
    meant = [*found.items(), *((Server(host).key, "") for host in sorted(strangers))]
    meant.sort(key=lambda pair: _distance_s(parts, pair[0]))
    for number, (key, nameserver) in enumerate(meant[:POPS_ASKED]):
        if number:
            await trio.sleep(POPS_SECONDS)
        said = await ask_chaos(parts, key, nameserver)
        now = trio.current_time()
        row = _row(Geography(parts), key, nameserver, parts.infra.states.get(key), now)
        yield {"server": row | {"chaos": said}}
    told: Reply = {"geography": Geography(parts).summary(), "known": len(meant)}
    yield told | {"notes": [one for one in notes if one.partition(" ")[0] not in strangers]}


def _distance_s(parts: Parts, key: Key) -> float:
    state = parts.infra.states.get(key)
    return (state.expected_rtt_s if state is not None else 0.0) or math.inf


def _of_all(replies: list[Reply]) -> Reply:
    """Each server once."""
    rows = each_once(replies, "servers", key_of, both)
    rows.sort(key=nearest_first)
    known = known_to_any(replies, len(rows))
    return {"geography": with_most(replies), "known": known, "servers": rows[:SHOWN_ROWS]}


POPS: Final = Verb(
    "pops", Right.LOOK, "which instances of servers answer, how far away, and where", PopsArguments,
    pops, merge=_of_all,
)  # fmt: skip
PROBE: Final = Verb(
    "probe", Right.ACT, "ask servers which instances they are", PopsArguments, probe, streams=True
)
