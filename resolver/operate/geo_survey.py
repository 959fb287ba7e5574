"""geo survey: how near the servers of top-level domains are, after Gibbard's tables.

Without `yes` it tells what is known and how much there is to be asked. With it, each address that
was not measured is asked once for the SOA of its zone, SURVEY_SECONDS apart, by the dispatcher, as
any server is. Who hangs up ends it.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

import trio
from msgspec import Meta

from resolver.budget import Share
from resolver.delegation import Delegation, Server
from resolver.drill.facts import Cut, Index
from resolver.drill.zones import ZoneRow, zone_row
from resolver.errors import ResolverError, WireError
from resolver.iterate.scrub import nameservers_of
from resolver.limits import SURVEY_REPLY_SECONDS, SURVEY_SECONDS
from resolver.model import Question, Verdict
from resolver.operate.drill_facts import Remembered
from resolver.operate.drill_names import used_names
from resolver.operate.geo_servers import Distant
from resolver.operate.geo_zones import in_pieces
from resolver.operate.in_use import of_others
from resolver.operate.verb import Arguments, Refused, Right, Verb
from resolver.protocol import names
from resolver.protocol.codes import RRType
from resolver.protocol.ip_addresses import address_text
from resolver.runtime.rests import Rests
from resolver.upstream.request import Classified, Request

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Sequence

    from resolver.iterate.root_form import RootForm
    from resolver.model import Name
    from resolver.operate.in_use import InUse
    from resolver.operate.verb import Reply
    from resolver.operate.view import Parts, Running
    from resolver.protocol.wire import Message

_COUNTRY_LABEL: Final = 2  # letters of a country's code (ISO 3166-1)
_AT_A_TIME: Final = 32


class SurveyArguments(Arguments, frozen=True, kw_only=True):
    """Which of them, and whether to ask."""

    tlds: Annotated[
        Literal["used", "cc", "all"],
        Meta(description="those of the names in use, all of two letters, or all"),
    ] = "used"
    yes: Annotated[bool, Meta(description="ask servers that were not measured yet")] = False


async def geo_survey(daemon: Running, given: SurveyArguments) -> AsyncIterator[Reply]:
    """`progress` while servers are asked; what all servers tell; then `zones`, some at a time."""
    parts, others = daemon.parts, await of_others(daemon)
    uses, cuts = await _meant(parts, given.tlds, others)
    targets = _targets(cuts, Distant(parts, others.measured).measured)
    if given.yes and targets:
        sender, receiver = trio.open_memory_channel[int](1)
        daemon.start(lambda: _measure(parts, targets, sender))
        async with receiver:
            async for done in receiver:
                yield {"progress": "asking servers", "done": done, "of": len(targets)}
    known, index, rests = Distant(parts, others.measured), Index([]), Rests()
    for reply in others.failed:
        yield reply
    rows = []
    for cut in cuts:
        row = zone_row(cut, index, known)
        row.uses = round(uses.get(cut.zone, 0.0), 4)
        rows.append(row)
        await rests.turn()
    rows.sort(key=lambda row: (-row.uses, row.zone))
    left = len(_targets(cuts, known.measured))
    yield {"tlds": given.tlds, "known": len(rows), "to_be_asked": left,
           "seconds": round(left * SURVEY_SECONDS), **_summary(rows), **known.about}  # fmt: skip
    for item in in_pieces(rows, known.link_ms):
        yield item
        await rests.turn()


def _summary(rows: Sequence[ZoneRow]) -> dict[str, Any]:
    """How many are served near, of those that were measured."""
    standings = [row.standing for row in rows]
    return {kind.replace(" ", "_"): standings.count(kind)
            for kind in ("near", "one near", "far", "not measured")}  # fmt: skip


# --- which ---------------------------------------------------------------------------------------


async def _meant(parts: Parts, which: str, others: InUse) -> tuple[dict[Name, float], list[Cut]]:
    """What of all use each TLD has, and the cuts of those that are meant. Raises Refused."""
    used = others.with_ours(await used_names(parts))
    whole = sum(one.weight for one in used)
    uses: dict[Name, float] = {}
    for one in used:
        if one.name != names.ROOT:
            tld = names.suffix(one.name, 1)
            uses[tld] = uses.get(tld, 0.0) + one.weight / whole
    view, cuts, rests = Remembered(parts), list[Cut](), Rests()
    told = Index(others.facts).cuts
    for tld in _tlds(parts, which, uses):
        cut = view.cut(tld) or told.get(tld) or _in_copy(parts.base.root_copy.form, tld)
        if cut is not None:
            cuts.append(cut)
        await rests.turn()
    return uses, cuts


def _tlds(parts: Parts, which: str, uses: dict[Name, float]) -> Iterable[Name]:
    if which == "used":
        return uses
    form = parts.base.root_copy.form
    if form is None:
        raise Refused(
            "only a copy of the root zone knows all of them (root.local), and none is here"
        )
    try:
        found = list(form.zones())
    except WireError as error:
        raise Refused(f"the copy of the root zone cannot be read: {error}") from None
    return found if which == "all" else [one for one in found if one[0] == _COUNTRY_LABEL]


def _in_copy(form: RootForm | None, tld: Name) -> Cut | None:
    try:
        found = None if form is None else form.cut(tld[1:-1])
        if form is None or found is None or RRType.NS not in found.by_type:
            return None
        nameservers = tuple(nameservers_of(found.by_type[RRType.NS]))
        glue = tuple(
            tuple(
                host
                for rrset in form.glue(name)
                for rdata in rrset.rdatas
                if (host := address_text(rrset.rtype, rdata)) is not None
            )
            for name in nameservers
        )
    except WireError:
        return None
    return Cut(tld, nameservers, glue)


def _targets(cuts: Iterable[Cut], measured: Iterable[str]) -> list[tuple[Name, Server]]:
    """Addresses that were not measured, each once, with a zone that it serves."""
    known, found = set(measured), dict[str, tuple["Name", Server]]()
    for cut in cuts:
        for nameserver, given in zip(cut.nameservers, cut.glue, strict=True):
            for host in given:
                if host not in known:
                    found.setdefault(host, (cut.zone, Server(host, nameserver=nameserver)))
    return list(found.values())


# --- asking --------------------------------------------------------------------------------------


async def _measure(
    parts: Parts, targets: Sequence[tuple[Name, Server]], sender: trio.MemorySendChannel[int]
) -> None:
    """Ask each once; tell how many were, until nobody wants to know."""
    with sender:
        async with trio.open_nursery() as nursery:
            for number, (zone, server) in enumerate(targets, 1):
                nursery.start_soon(_ask, parts, zone, server)
                await trio.sleep(SURVEY_SECONDS)
                if not sender.statistics().open_receive_channels:
                    nursery.cancel_scope.cancel()
                elif not number % _AT_A_TIME or number == len(targets):
                    with suppress(trio.WouldBlock, trio.BrokenResourceError):
                        sender.send_nowait(number)


async def _ask(parts: Parts, zone: Name, server: Server) -> None:
    """What the dispatcher learns of its distance is all that is wanted."""
    cut = Delegation(zone, (server.nameserver,), {server.nameserver: (server,)}, is_last_word=True)
    deadline = trio.current_time() + SURVEY_REPLY_SECONDS
    budget = Share.for_client(deadline)
    request = Request(Question(zone, RRType.SOA), cut, _whatever, _no_more, budget, is_probe=True)
    with trio.move_on_at(deadline):
        try:
            await parts.dispatcher.ask(request)
        except ResolverError:
            return


def _whatever(message: Message, server: Server) -> Classified:
    """Any answer is one: it says how far the server is."""
    del message, server
    return Classified(Verdict.ANSWER)


async def _no_more() -> bool:
    return False


SURVEY: Final = Verb(
    "geo survey", Right.ACT, "how near top-level domains are served", SurveyArguments, geo_survey,
    streams=True,
)  # fmt: skip
