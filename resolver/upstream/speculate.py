"""Packets that the answer at hand does not need: probes, soundings, addresses looked up ahead.

They ride on questions that are asked anyway, never on their critical path, and go only to servers
of the same zone cut, which see the (minimised) name in any case. None is sent under overload, deep
in sub-queries, or with `outgoing.speculation` off; each is paid for from the client's budget.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from resolver import limits
from resolver.protocol.codes import RRType
from resolver.protocol.names import ROOT
from resolver.upstream.select import companion, is_worth_a_stranger

if TYPE_CHECKING:
    from resolver.upstream.cut_query import Pursuit
    from resolver.upstream.reachability import Reach
    from resolver.upstream.select import Candidate
    from resolver.upstream.server_state import AddressState

_RESERVE = int(limits.ASK_SENDS)  # what a question may need itself
_SOUNDINGS = int(limits.ROOT_SOUNDINGS)
_POPULAR = 3  # answers of a server after which its zone's other nameservers are looked up
_AFTER_RACE = 1.4  # times the usual gain: most zones are never asked again


def beside(
    pursuit: Pursuit, candidates: list[Candidate], primary: AddressState, now: float
) -> None:
    """With a question to a known server: a companion probe, or nameservers not looked up yet."""
    if not primary.n:
        return
    if len(candidates) > 1 or pursuit.way.reach.broken_families:
        _probe(pursuit, candidates, primary, now, reluctance=1.0)
    delegation = pursuit.inquiry.delegation
    if primary.n >= _POPULAR and delegation.book.unresolved:
        _learn_names(pursuit, primary)


def after_race(pursuit: Pursuit, winner: AddressState, now: float) -> None:
    """Now it is known what there is to beat: perhaps a third server is worth a packet."""
    if winner.n:
        _probe(pursuit, pursuit.candidates(now), winner, now, reluctance=_AFTER_RACE)


def _probe(
    pursuit: Pursuit,
    candidates: list[Candidate],
    primary: AddressState,
    now: float,
    *,
    reluctance: float,
) -> None:
    """The same question to a server worth knowing better."""
    desk = pursuit.desk
    found = _of_broken_family(pursuit.way.reach, candidates, now) or companion(
        candidates, primary, now=now, reluctance=reluctance
    )
    if found is None or pursuit.uses_tcp or pursuit.inquiry.budget.whole.queries < _RESERVE:
        return
    if desk.probes.take():
        found.state.probed_at = now
        desk.counters.probes += pursuit.send(found, now)


def _of_broken_family(reach: Reach, candidates: list[Candidate], now: float) -> Candidate | None:
    """The cheapest address of a broken family, if it is time to try that family again."""
    if not reach.broken_families:
        return None
    for candidate in candidates:
        if reach.may_probe_family(candidate.state, now) and not candidate.is_marked:
            reach.note_family_probe(candidate.state, now)
            return candidate
    return None


def _learn_names(pursuit: Pursuit, primary: AddressState) -> None:
    """Look up nameservers that nobody needed yet, once their zone proves popular.

    Two names are enough to answer; the nearest server may go by the third.
    """
    desk = pursuit.desk
    if pursuit.inquiry.budget.depth > 1:
        return
    if is_worth_a_stranger(primary, desk.infra) and desk.probes.take():
        pursuit.want_addresses()


def sound_the_root(pursuit: Pursuit, now: float) -> None:
    """The priming query goes to some root addresses more, once in the life of a process.

    That measures the way to the root and the health of both families before any client asks, and
    gives the prior for everything else.
    """
    is_priming = pursuit.zone == ROOT and pursuit.inquiry.question.qtype == RRType.NS
    if not is_priming or pursuit.inquiry.delegation.is_forward or not pursuit.desk.may_sound():
        return
    strangers = [c for c in pursuit.candidates(now) if not (c.state.n or c.state.waiting)]
    for is_ipv6 in (False, True):
        family = [c for c in strangers if c.state.is_ipv6 == is_ipv6]
        for candidate in family[: _SOUNDINGS // 2]:
            pursuit.desk.counters.probes += pursuit.send(candidate, now)
