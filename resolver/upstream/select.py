"""Which server of a zone cut to ask, which beside it, and when to ask the next.

Pure: state, *now* and *rng* come in, a decision goes out. The cost of an address is the time until
it answers, as far as anybody can tell; doubt is added as seconds. Unlike Unbound's band of 400 ms,
the cheapest address is always taken, so that nearly every warm query goes to the nearest server;
what is unmeasured is learnt by *companion probes*, off the critical path. RFC 8305's idea, RFC
9520's caps.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

from resolver.limits import (
    FAMILY_COST,
    GLOBAL_SPREAD,
    HEARSAY_COST,
    HEDGE_CEILING_SECONDS,
    HEDGE_GROWTH,
    HEDGE_STRANGER_SECONDS,
    HEDGE_STRANGER_SHARE,
    MARKED_COST,
    PREFIX_SPREAD,
    PROBE_GAIN_SECONDS,
    PROBE_GAIN_SHARE,
    PROBE_USES,
    RESTAMP_SECONDS,
    SERIAL_UNKNOWN_SECONDS,
    SIBLING_SHIFT,
    SIBLING_SPREAD,
    STRANGER_FACTOR,
    SUSPECT_COST,
    UNSTABLE_COST_PART,
    UNSTABLE_COST_SECONDS,
)
from resolver.protocol.transport import Transport

if TYPE_CHECKING:
    from collections.abc import Sequence
    from random import Random

    from resolver.model import Name, Server
    from resolver.upstream.attempts import Attempts
    from resolver.upstream.infra import Infra
    from resolver.upstream.server_state import ServerState

_new = tuple.__new__
_SQRT2 = math.sqrt(2)


class Candidate(NamedTuple):
    """One address of the set and what speaks for it. *spread* is 0 for a measured one.

    *is_worth_a_probe*: nothing is on its way to it, nor to its nameserver's other address. *twin*:
    that other address, if it is measured and this one is not: mostly they are one machine,
    so this one may be asked alone, and is measured at no cost.
    """

    cost: float
    tie: float
    server: Server
    state: ServerState
    spread: float
    is_suspect: bool = False
    is_marked: bool = False
    is_worth_a_probe: bool = True
    twin: ServerState | None = None

    @property
    def is_known(self) -> bool:
        """Measured, or as good as measured, and nothing speaks against it."""
        is_measured = self.state.n > 0 or self.twin is not None
        return is_measured and not self.is_suspect and not self.is_marked


class Situation(NamedTuple):
    """What a choice depends on besides the addresses."""

    zone: Name
    owner_domain: Name
    now: float
    broken_families: frozenset[bool] = frozenset()  # holds is_ipv6 of those


def weigh(
    servers: Sequence[Server], situation: Situation, *, infra: Infra, rng: Random
) -> list[Candidate]:
    """The servers as candidates, cheapest first; ties in random order. O(n log n)."""
    states = infra.states
    _, owner_domain, now, broken_families = situation
    candidates: list[Candidate] = []
    siblings: dict[Name, ServerState] = {}
    for server in servers:
        state = states.get(server.key)
        if state is None:
            state = infra.state_of(server.key)
        state.was_used = True
        tie = rng.random()
        if (
            state.n
            and not (state.fails or state.marks or broken_families)
            and not (state.waiting and state.is_overdue(owner_domain, now))
        ):
            fields = state.srtt, tie, server, state, 0.0, False, False, True, None
            candidates.append(_new(Candidate, fields))  # half the cost of its own constructor
            continue
        siblings = siblings or _siblings(servers, infra)
        sibling = siblings[server.nameserver]
        candidates.append(_weigh_one(server, state, sibling, situation, infra, tie))
    candidates.sort()
    return candidates


def _siblings(servers: Sequence[Server], infra: Infra) -> dict[Name, ServerState]:
    """For each nameserver the state of that address which says most about it."""
    siblings: dict[Name, ServerState] = {}
    for server in servers:
        state = infra.states.get(server.key) or infra.state_of(server.key)
        known = siblings.get(server.nameserver)
        if known is None or (not known.n and _tells(state) > _tells(known)):
            siblings[server.nameserver] = state
    return siblings


def _tells(state: ServerState) -> tuple[bool, int, bool]:
    """Sort key: how much an address says about its nameserver."""
    return state.n > 0, state.fails, bool(state.waiting)


def _weigh_one(
    server: Server,
    state: ServerState,
    sibling: ServerState,
    situation: Situation,
    infra: Infra,
    tie: float,
) -> Candidate:
    zone, owner_domain, now, broken_families = situation
    spread = 0.0
    if state.n:
        cost = state.srtt
    else:
        cost, spread = _guess(state, sibling, infra)
        is_shadowed = bool(sibling.fails) and not sibling.n
        is_shadowed = is_shadowed and sibling.is_ipv6 not in broken_families
        if state.fails or is_shadowed:
            cost += HEARSAY_COST
    is_suspect = state.is_silent(owner_domain, losses=infra.link.losses)
    is_suspect = is_suspect or state.is_overdue(owner_domain, now)
    if is_suspect:
        cost += SUSPECT_COST
    if state.is_ipv6 in broken_families:
        cost += FAMILY_COST
        is_suspect = True
    is_marked = infra.marked(state, zone, now) is not None
    if is_marked:
        cost += MARKED_COST
    if state.marks and infra.is_unstable(state, now):
        cost += UNSTABLE_COST_SECONDS + UNSTABLE_COST_PART * cost
    is_worth_a_probe = not state.waiting and (
        sibling is state
        or sibling.n > 0
        or sibling.is_ipv6 in broken_families
        or not (sibling.waiting or sibling.fails)
    )
    is_twin = sibling.n > 0 and not (sibling.fails or state.n or state.fails or state.waiting)
    return Candidate(
        cost, tie, server, state, spread, is_suspect, is_marked, is_worth_a_probe,
        sibling if is_twin else None,
    )  # fmt: skip


def _guess(state: ServerState, sibling: ServerState, infra: Infra) -> tuple[float, float]:
    """Expected RTT and spread of an address nobody measured in this run."""
    if state.hint is not None and state.hint.spread < GLOBAL_SPREAD:
        return math.exp(state.hint.log_rtt), state.hint.spread
    neighbour = infra.prefix_log_rtt(state.prefix)
    if neighbour is not None:
        return math.exp(neighbour), PREFIX_SPREAD
    if sibling.n:
        shift = SIBLING_SHIFT if state.is_ipv6 else -SIBLING_SHIFT
        return sibling.srtt * math.exp(shift), SIBLING_SPREAD
    shift = SIBLING_SHIFT if state.is_ipv6 else 0.0
    return math.exp(infra.global_log_rtt + shift), GLOBAL_SPREAD


def encrypted_first(candidates: list[Candidate]) -> list[Candidate]:
    """Without those asked in clear text, while anybody encrypted may answer (RFC 8310 §5.1)."""
    encrypted = [one for one in candidates if one.server.transport is not Transport.UDP]
    if any(not (one.is_suspect or one.is_marked) for one in encrypted):
        return encrypted
    return [one for one in candidates if one not in encrypted] or encrypted


def opening(candidates: list[Candidate], *, width: int) -> list[Candidate]:
    """Whom to ask at once: the cheapest known server alone, or *width* of a set nobody knows.

    The race takes another nameserver, family and prefix first: what kills one seldom kills both,
    and two addresses of one machine teach no more than one.
    """
    first = candidates[0]
    best: Candidate | None = first
    if not first.is_known:
        best = next((candidate for candidate in candidates if candidate.is_known), None)
        first = best or first
    if width < 2 or (best is not None and not best.state.fails):  # noqa: PLR2004
        return [first]
    chosen = [first]
    while len(chosen) < width:
        rest = [c for c in candidates if c not in chosen and (not c.is_marked or first.is_marked)]
        if not rest:
            break
        chosen.append(min(rest, key=lambda c: _alike(c, chosen)))
    return chosen


def _alike(candidate: Candidate, chosen: list[Candidate]) -> tuple[bool, bool, bool, bool, float]:
    """Sort key: little in common with those chosen, then cheap."""
    return (
        candidate.is_suspect,
        any(candidate.server.nameserver == other.server.nameserver for other in chosen),
        any(candidate.state.is_ipv6 == other.state.is_ipv6 for other in chosen),
        any(candidate.state.prefix == other.state.prefix for other in chosen),
        candidate.cost,
    )


def next_candidate(candidates: list[Candidate], attempts: Attempts, now: float) -> Candidate | None:
    """Whom to ask next: the cheapest address not asked yet; then one whose copies are overdue.

    Not the latter while somebody's reply is not even late, nor a server that was of no use to
    this zone a moment ago while anybody may still answer.
    """
    repeat = None
    on_its_way, sends = attempts.on_its_way, attempts.sends
    can_wait = any(packet.late_at > now for packet in on_its_way)
    busy = {packet.state.key for packet in on_its_way if not packet.is_overdue(now)}
    for candidate in candidates:
        key = candidate.state.key
        if candidate.is_marked and attempts.has_live(now):
            continue
        if key not in sends:
            return candidate
        if can_wait or key in busy or key in attempts.streams or not attempts.may_repeat(key):
            continue
        if repeat is None or sends[key] < sends[repeat.state.key]:
            repeat = candidate
    return repeat


def companion(
    candidates: list[Candidate], primary: ServerState, *, now: float, reluctance: float = 1.0
) -> Candidate | None:
    """One more server to send the same question to, for what it teaches; None if none is worth it.

    By expected improvement over the primary's RTT, of which less is enough the more the primary is
    used (what is learnt once serves every later question), times *reluctance*; else a silent server
    that is due for a sign of life; else a runner-up that was not measured for long.
    """
    best = primary.srtt
    found, most = None, reluctance * _worthwhile_gain(primary)
    for candidate in candidates:
        state = candidate.state
        if state is primary or candidate.is_marked:
            continue
        if candidate.is_suspect:
            if state.fails and state.may_revive(now) and found is None:
                found = candidate
        elif state.n:
            is_stale = now - max(state.t_ok, state.probed_at) > RESTAMP_SECONDS
            if is_stale and state.srtt < 3 * best and found is None:
                found = candidate
        else:
            gain = expected_gain(best, math.log(max(candidate.cost, 1e-4)), candidate.spread)
            if gain > most and candidate.is_worth_a_probe:
                found, most = candidate, gain
    return found


def _worthwhile_gain(primary: ServerState) -> float:
    """Seconds of expected improvement for which a probe is worth its packet."""
    return max(PROBE_GAIN_SECONDS, PROBE_GAIN_SHARE * primary.srtt) / (1 + primary.n / PROBE_USES)


def is_worth_a_stranger(primary: ServerState, infra: Infra) -> bool:
    """Is it worth while to look for a server of which nothing is known, not even its address?"""
    gain = expected_gain(primary.srtt, infra.global_log_rtt, GLOBAL_SPREAD)
    return gain > STRANGER_FACTOR * _worthwhile_gain(primary)


def expected_gain(best_s: float, mean_log: float, spread: float) -> float:
    """Expected seconds by which a log-normal RTT undercuts *best_s* (zero where it does not)."""
    if best_s <= 0.0:
        return 0.0
    z = (math.log(best_s) - mean_log) / spread
    mean = math.exp(mean_log + spread * spread / 2)
    return best_s * _phi(z) - mean * _phi(z - spread)


def _phi(z: float) -> float:
    return 0.5 * (1.0 + math.erf(z / _SQRT2))


def first_hedge_s(
    chosen: list[Candidate], candidates: list[Candidate], *, typical_s: float
) -> float:
    """Seconds after which somebody is asked beside those *chosen*.

    In a race of strangers less than a typical RTT, if there is a nameserver left that does not
    share its machine with one of them: it has as good a chance as they had.
    """
    wait = (chosen[0].twin or chosen[0].state).hedge_s
    if len(chosen) < 2 or any(candidate.state.n for candidate in chosen):  # noqa: PLR2004
        return wait
    asked = {candidate.server.nameserver for candidate in chosen}
    for candidate in candidates:
        is_fresh = not (candidate.is_suspect or candidate.is_marked or candidate.state.fails)
        if is_fresh and candidate.server.nameserver not in asked:
            return min(wait, max(HEDGE_STRANGER_SECONDS, HEDGE_STRANGER_SHARE * typical_s))
    return wait


def next_hedge_s(state: ServerState, previous_s: float, *, is_second_round: bool) -> float:
    """The wait after a later copy: growing, and doubled once every address was asked."""
    wait = max(state.hedge_s, HEDGE_GROWTH * previous_s)
    return min(HEDGE_CEILING_SECONDS, 2 * wait if is_second_round else wait)


def serial_s(state: ServerState) -> float:
    """Seconds to wait for one server before the next is asked, where nothing is speculative."""
    return state.expiry_s if state.n else SERIAL_UNKNOWN_SECONDS
