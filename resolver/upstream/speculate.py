"""Packets that the answer at hand does not need: probes, roots measured, names looked up ahead.

They ride on questions that are asked anyway, never on their critical path, and go only to servers
of the same zone cut, which see the (minimised) name in any case. None is sent under overload, deep
in sub-queries, or with `outgoing.speculation` off; each is paid for from the client's budget.
Pure: here is decided what is worth it, and `cut_asking` hands it over.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from resolver.limits import POPULAR_ANSWERS, ROOT_PROBES
from resolver.protocol.codes import RRType
from resolver.protocol.names import ROOT
from resolver.upstream.select import companion, is_worth_a_stranger

if TYPE_CHECKING:
    from resolver.delegation import AddressBook
    from resolver.upstream.infra import Infra
    from resolver.upstream.reachability import Reachability
    from resolver.upstream.request import Request
    from resolver.upstream.select import Candidate
    from resolver.upstream.server_state import ServerState


def companion_of(
    candidates: list[Candidate],
    primary: ServerState,
    reach: Reachability,
    now: float,
    *,
    reluctance: float,
) -> Candidate | None:
    """A server worth knowing better, to be asked the same beside *primary*.

    The cheapest address of a broken family, if it is time to try that family again, before others.
    """
    if reach.broken_families:
        for candidate in candidates:
            if reach.may_probe_family(candidate.state, now) and not candidate.is_marked:
                reach.note_family_probe(candidate.state, now)
                return candidate
    return companion(candidates, primary, now=now, reluctance=reluctance)


def is_worth_names(primary: ServerState, book: AddressBook, infra: Infra, *, depth: int) -> bool:
    """Should nameservers be looked up that nobody needed yet, now that their zone proves popular?

    Two names are enough to answer; the nearest server may go by the third.
    """
    if primary.n < POPULAR_ANSWERS or not book.unresolved or depth > 1:
        return False
    return is_worth_a_stranger(primary, infra)


def is_priming(request: Request) -> bool:
    """The query beside which some root addresses more are asked, once in the life of a process.

    That measures the way to the root and the health of both families before any client asks, and
    gives the prior for everything else.
    """
    question, delegation = request.question, request.delegation
    return delegation.zone == ROOT and question.qtype == RRType.NS and not delegation.is_forward


def unknown_roots(candidates: list[Candidate]) -> list[Candidate]:
    """Some of each family that nobody measured, nor asks just now."""
    strangers = [one for one in candidates if not (one.state.n or one.state.waiting)]
    chosen = []
    for is_ipv6 in (False, True):
        family = [one for one in strangers if one.state.is_ipv6 == is_ipv6]
        chosen += family[: ROOT_PROBES // 2]
    return chosen
