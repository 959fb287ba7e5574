"""Packets that the answer at hand does not need: probes, soundings, addresses looked up ahead.

They ride on questions that are asked anyway, never on their critical path, and go only to servers
of the same zone cut, which see the (minimised) name in any case. None is sent under overload, deep
in sub-queries, or with `outgoing.speculation` off; each is paid for from the client's budget.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from resolver.limits import ASK_SENDS, ROOT_SOUNDINGS
from resolver.protocol.codes import RRType
from resolver.protocol.names import ROOT
from resolver.upstream.select import companion, is_worth_a_stranger

if TYPE_CHECKING:
    from resolver.upstream.cut_query import CutQuery
    from resolver.upstream.reachability import Reachability
    from resolver.upstream.select import Candidate
    from resolver.upstream.server_state import ServerState

_POPULAR = 3  # answers of a server after which its zone's other nameservers are looked up
_AFTER_RACE = 1.4  # times the usual gain: most zones are never asked again


def beside(
    cut_query: CutQuery, candidates: list[Candidate], primary: ServerState, now: float
) -> None:
    """With a question to a known server: a companion probe, or nameservers not looked up yet."""
    if not primary.n:
        return
    if len(candidates) > 1 or cut_query.way.reach.broken_families:
        _probe(cut_query, candidates, primary, now, reluctance=1.0)
    delegation = cut_query.request.delegation
    if primary.n >= _POPULAR and delegation.book.unresolved:
        _learn_names(cut_query, primary)


def after_race(cut_query: CutQuery, winner: ServerState, now: float) -> None:
    """Now it is known what there is to beat: perhaps a third server is worth a packet."""
    if winner.n:
        _probe(cut_query, cut_query.candidates(now), winner, now, reluctance=_AFTER_RACE)


def _probe(
    cut_query: CutQuery,
    candidates: list[Candidate],
    primary: ServerState,
    now: float,
    *,
    reluctance: float,
) -> None:
    """The same question to a server worth knowing better."""
    dispatcher = cut_query.dispatcher
    found = _of_broken_family(cut_query.way.reach, candidates, now) or companion(
        candidates, primary, now=now, reluctance=reluctance
    )
    if found is None or cut_query.uses_tcp or cut_query.request.budget.whole.queries < ASK_SENDS:
        return
    if dispatcher.probes.take():
        found.state.probed_at = now
        dispatcher.counters.probes += cut_query.send(found, now)


def _of_broken_family(
    reach: Reachability, candidates: list[Candidate], now: float
) -> Candidate | None:
    """The cheapest address of a broken family, if it is time to try that family again."""
    if not reach.broken_families:
        return None
    for candidate in candidates:
        if reach.may_probe_family(candidate.state, now) and not candidate.is_marked:
            reach.note_family_probe(candidate.state, now)
            return candidate
    return None


def _learn_names(cut_query: CutQuery, primary: ServerState) -> None:
    """Look up nameservers that nobody needed yet, once their zone proves popular.

    Two names are enough to answer; the nearest server may go by the third.
    """
    dispatcher = cut_query.dispatcher
    if cut_query.request.budget.depth > 1:
        return
    if is_worth_a_stranger(primary, dispatcher.infra) and dispatcher.probes.take():
        cut_query.want_addresses()


def probe_roots(cut_query: CutQuery, now: float) -> None:
    """The priming query goes to some root addresses more, once in the life of a process.

    That measures the way to the root and the health of both families before any client asks, and
    gives the prior for everything else.
    """
    is_priming = cut_query.zone == ROOT and cut_query.request.question.qtype == RRType.NS
    if (
        not is_priming
        or cut_query.request.delegation.is_forward
        or not cut_query.dispatcher.may_sound()
    ):
        return
    strangers = [c for c in cut_query.candidates(now) if not (c.state.n or c.state.waiting)]
    for is_ipv6 in (False, True):
        family = [c for c in strangers if c.state.is_ipv6 == is_ipv6]
        for candidate in family[: ROOT_SOUNDINGS // 2]:
            cut_query.dispatcher.counters.probes += cut_query.send(candidate, now)
