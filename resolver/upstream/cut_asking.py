"""Whom a cut query asks: first, beside, next, and after a nameserver or a link was found.

Choosing is `select`'s, what is worth a packet that the answer does not need `speculate`'s. Pure,
like all of `cut_query`: what is to be done is added to the query's actions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from resolver.limits import (
    ASK_SENDS,
    ASK_SUSPECT_SECONDS,
    DYING_SERVERS,
    EARLY_COPIES,
    EARLY_SECONDS,
    OUTAGE_ASK_SECONDS,
    SENDS_PER_ADDRESS,
    SIBLING_PROBES,
)
from resolver.protocol.names import ROOT
from resolver.upstream import cut_actions as do
from resolver.upstream import cut_waiting as waiting
from resolver.upstream import speculate
from resolver.upstream.cut_actions import OVER, State
from resolver.upstream.select import (
    Situation,
    encrypted_first,
    first_hedge_s,
    next_candidate,
    next_hedge_s,
    opening,
    serial_s,
    weigh,
)
from resolver.upstream.transmission import Purpose

if TYPE_CHECKING:
    from resolver.model import Server
    from resolver.upstream.asker import Asker
    from resolver.upstream.select import Candidate
    from resolver.upstream.server_state import ServerState

_new = tuple.__new__  # for what is made for each question: half the constructor's cost


def move_on(query: Asker, now: float) -> None:
    """Begin, or ask one more server if one may be asked; else wait, look up, or fail."""
    if now >= query.give_up:
        waiting.fail(query, now)
    elif query.way.reach.is_out:
        wait_for_link(query, now)
    elif not query.attempts.total:
        ask_first(query, now)
    else:
        ask_on(query, now)


def ask_on(query: Asker, now: float) -> None:
    """Another server, or the first again if nothing went out yet."""
    total = query.attempts.total
    if not total:
        ask_first(query, now)
    elif total >= ASK_SENDS:
        waiting.wait(query, now)
    else:
        ask_another(query, now)


def on_begun(query: Asker, _: object, now: float) -> None:
    if now >= query.give_up or query.way.reach.is_out:
        move_on(query, now)
    else:
        ask_first(query, now)


def on_outage_began(query: Asker, _: object, now: float) -> None:
    move_on(query, now)


def on_woken(query: Asker, _: object, now: float) -> None:
    on_its_way = query.attempts.on_its_way
    young = [packet for packet in on_its_way if not packet.is_overdue(now)]
    if on_its_way and not young:
        query.actions.append(do.DoubtLink())
        return
    if query.way.is_untried:
        query.actions.append(do.DoubtLink(is_told=False))
    if young and query.may_speculate and now < query.give_up and not query.way.reach.is_out:
        early_until = query.started + EARLY_SECONDS  # one sum: a difference may round otherwise
        if len(young) >= EARLY_COPIES and now < early_until:
            query.wake_at(early_until)
            return
        if not query.shared.hedges.take():  # what is overdue costs no token
            query.wake_at(max(packet.overdue_at for packet in young))
            return
    move_on(query, now)


def wait_for_link(query: Asker, now: float) -> None:
    """During an outage packets go out one by one, and the others wait for the first answer."""
    query.give_up = min(query.give_up, query.started + OUTAGE_ASK_SECONDS)
    if now < query.give_up and query.way.reach.take_trickle(now):
        query.state = State.HELD
        query.actions.append(do.TRICKLE)
    else:
        waiting.park(query, now)


def on_trickled(query: Asker, _: object, now: float) -> None:
    ask_on(query, now)


def on_outage_ended(query: Asker, _: object, now: float) -> None:
    """What was held goes out at once, and what was lost counts for nothing."""
    query.attempts.reset()
    query.give_up = query.latest(now)
    query.hang_up()
    move_on(query, now)


def weighed(query: Asker, now: float) -> list[Candidate]:
    """Those that may be asked, cheapest first."""
    filters, delegation = query.shared.filters, query.request.delegation
    attempts, excluded = query.attempts, query.request.excluded
    if attempts.total or attempts.rejected or excluded:
        servers = filters.remaining(delegation, attempts, excluded)
    else:
        servers = filters.allowed(delegation)
    fields = query.zone, query.owner_domain, now, query.way.reach.broken_families
    situation = _new(Situation, fields)
    candidates = weigh(servers, situation, infra=query.shared.infra, rng=query.shared.dice)
    if delegation.is_opportunistic:
        return encrypted_first(candidates)
    return candidates


def ask_first(query: Asker, now: float) -> None:
    """Ask the cheapest server, or the first two of a set that nobody knows."""
    candidates = weighed(query, now)
    if not candidates:
        waiting.need_addresses(query, now)
        return
    is_speculative = query.is_speculative
    chosen = opening(candidates, width=query.shared.link.race_width if is_speculative else 1)
    first = chosen[0]
    if first.is_suspect or first.is_marked:
        distrust(query, first, now)
        if query.is_over:
            return
    query.shared.note_first_send()
    if len(chosen) > 1:
        query.is_race = True
        query.shared.counters.races += 1
    for candidate in chosen:
        query.hand_over(candidate, now)
    if query.state not in OVER:
        query.state = State.SENDING
        query.actions.append(_new(do.Opened, (chosen, candidates, is_speculative)))


def on_opened(query: Asker, event: do.Opened, now: float) -> None:
    """What goes beside the first packets, and when to ask on."""
    chosen, candidates, is_speculative = event
    primary = chosen[0].state
    query.state = State.ASKED
    is_sent = query.attempts.total > 0
    if is_sent and is_speculative and primary.n and len(chosen) == 1:
        ask_beside(query, candidates, primary, now)
    if is_speculative and query.zone == ROOT:
        probe_roots(query, now)
    if is_sent:
        typical_s = query.shared.infra.typical_rtt_s if query.is_race else 0.0
        query.gap = first_hedge_s(chosen, candidates, typical_s=typical_s)
        wait_gap(query, primary, now)


def distrust(query: Asker, first: Candidate, now: float) -> None:
    """Expect little where the best of all was silent, or of no use, a moment ago."""
    if not query.request.is_repeated:
        waiting.want_addresses(query)
    if first.is_suspect:
        if not query.request.delegation.is_last_word:
            query.give_up = min(query.give_up, now + ASK_SUSPECT_SECONDS)
        waiting.wait_in_crowd(query, now)


def ask_another(query: Asker, now: float) -> None:
    attempts = query.attempts
    choice = next_candidate(weighed(query, now), attempts, now)
    if choice is None:
        waiting.wait(query, now)
        return
    is_repeat = choice.state.key in attempts.sends
    if choice.is_suspect or is_repeat:
        waiting.want_addresses(query)
    total = attempts.total
    if query.hand_over(choice, now):
        if not is_repeat and total + 1 < ASK_SENDS and are_dying(query, now):
            beside = next_candidate(weighed(query, now), attempts, now)
            if beside is not None and beside.state.key not in attempts.sends:
                query.hand_over(beside, now)
        then(query, do.AskedMore(choice.state, is_repeat, total))


def are_dying(query: Asker, now: float) -> bool:
    """Several servers that used to answer are silent: the next are asked two at a time."""
    if not query.is_speculative:
        return False
    overdue = sum(each.state.n > 0 and each.is_overdue(now) for each in query.attempts.on_its_way)
    return overdue >= DYING_SERVERS


def on_asked_more(query: Asker, event: do.AskedMore, now: float) -> None:
    state, is_repeat, total = event
    query.state = State.ASKED
    if query.attempts.total == total:  # it could not be
        return
    if is_repeat:
        query.shared.counters.retries += 1
    else:
        query.shared.counters.hedges += 1
    gap = query.gap
    if is_repeat and state.n:  # it may have been measured since the first try
        gap = min(gap, state.overdue_s)
    query.gap = next_hedge_s(state, gap, is_second_round=is_repeat)
    wait_gap(query, state, now)


def then(query: Asker, event: do.Outcome) -> None:
    query.state = State.SENDING
    query.actions.append(event)


def ask_beside(query: Asker, candidates: list[Candidate], primary: ServerState, now: float) -> None:
    """With a question to a known server: a companion probe, or nameservers not known yet."""
    shared, request = query.shared, query.request
    if len(candidates) > 1 or query.way.reach.broken_families:
        probe(query, candidates, primary, now)
    book, depth = request.delegation.book, request.budget.depth
    if (
        book.unresolved
        and speculate.is_worth_names(primary, book, shared.infra, depth=depth)
        and shared.probes.take()
    ):
        waiting.want_addresses(query)


def probe(
    query: Asker,
    candidates: list[Candidate],
    primary: ServerState,
    now: float,
    *,
    reluctance: float = 1.0,
) -> None:
    """The same question to a server worth knowing better; not with what is needed itself."""
    reach = query.way.reach
    found = speculate.companion_of(candidates, primary, reach, now, reluctance=reluctance)
    if found is not None:
        _ask_to_learn(query, found, now)


def probe_siblings(query: Asker, moved: ServerState, now: float) -> None:
    """The nearest of the others, because *moved* is another instance now. They cost tokens."""
    for found in weighed(query, now)[:SIBLING_PROBES]:
        is_fit = found.state is not moved and not (found.is_suspect or found.is_marked)
        if is_fit and not found.state.waiting:
            _ask_to_learn(query, found, now)


def _ask_to_learn(query: Asker, found: Candidate, now: float) -> None:
    """The question to one more, as far as tokens and the client's budget go."""
    if query.uses_tcp or query.request.budget.whole.queries < ASK_SENDS:
        return
    if query.shared.probes.take():
        found.state.probed_at = now
        query.shared.counters.probes += query.hand_over(found, now, Purpose.PROBE)


def probe_roots(query: Asker, now: float) -> None:
    """Once in the life of a process, beside the priming query."""
    if speculate.is_priming(query.request) and query.shared.take_root_probe():
        for found in speculate.unknown_roots(weighed(query, now)):
            query.shared.counters.probes += query.hand_over(found, now, Purpose.PROBE)


def wait_gap(query: Asker, state: ServerState, now: float) -> None:
    """When to do more: soon if hedging is on, after a fair wait if it is not."""
    if query.uses_tcp or query.state in OVER:
        return
    attempts = query.attempts
    wait_s = query.gap if query.is_speculative else serial_s(state)
    if attempts.total >= SENDS_PER_ADDRESS and not attempts.may_repeat_any():
        wait_s = min(wait_s, state.overdue_s)  # the last resort is next
    query.wake_at(now + wait_s)


def reject(query: Asker, server: Server, reason: str, now: float) -> None:
    """This server is of no use here: ask another, at once if nobody is expected to answer."""
    if query.is_over or query.way.reach.is_out:  # it is us, not the server
        return
    attempts = query.attempts
    attempts.reject(server, reason)
    if not attempts.has_live(now) or attempts.are_overdue(now):
        move_on(query, now)


def on_lookup_begun(query: Asker, _: object, now: float) -> None:
    del now
    if query.lookups is not None:
        query.lookups.begin()


def on_looked_up(query: Asker, event: do.LookedUp, now: float) -> None:
    if query.lookups is not None:
        query.lookups.end(event.error, found_more=event.found_more)
    if not query.attempts.has_live(now):
        move_on(query, now)


def on_doubted(query: Asker, event: do.Doubted, now: float) -> None:
    if not event.is_last:
        move_on(query, now)
    elif event.is_open:
        query.wake_at(query.way.verdict_at)
    else:
        waiting.give_up(query, now)


def on_left(query: Asker, _: object, now: float) -> None:
    """The asker is gone, or has what it wanted."""
    del now
    query.end(State.LEFT)
