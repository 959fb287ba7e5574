"""When a cut query waits, and how it ends: nobody to ask, nobody who answers, too many who wait.

Pure, like all of `cut_query`: what is to be done is added to the query's actions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from resolver.errors import WorkExceeded
from resolver.limits import ASK_SENDS
from resolver.model import Ede
from resolver.protocol.codes import EdeCode
from resolver.upstream import cut_actions as do
from resolver.upstream import resort
from resolver.upstream.attempts import SILENT
from resolver.upstream.crowd import crowded
from resolver.upstream.cut_actions import State
from resolver.upstream.failure_reasons import no_usable_reply
from resolver.upstream.lookups import Lookups
from resolver.upstream.query_form import BARE

if TYPE_CHECKING:
    from resolver.errors import ResolverError
    from resolver.upstream.asker import Asker


def park(query: Asker, now: float) -> None:
    """Until the outage is over, or it is this one's turn to try."""
    query.state = State.HELD
    query.actions.append(do.PARK)
    query.wake_at(max(now, query.way.reach.next_trickle_at))


def wait(query: Asker, now: float) -> None:
    """Nobody may be asked right now: until somebody may, or nobody can answer any more."""
    attempts = query.attempts
    if query.way.reach.is_out:
        park(query, now)
        return
    if not attempts.has_live(now):
        need_addresses(query, now)
        return
    query.state = State.ASKED
    want_addresses(query)
    if attempts.are_overdue(now) and resort_to_tcp(query, now):
        return
    moments = [packet.expires_at for packet in attempts.on_its_way]
    if attempts.total < ASK_SENDS:
        for packet in attempts.on_its_way:
            moments += [packet.late_at, packet.overdue_at]
    query.wake_at(min((at for at in moments if at > now), default=query.give_up))


def wait_in_crowd(query: Asker, now: float) -> None:
    """Be counted among those who wait for servers that do not answer; not for too many."""
    crowds = query.shared.crowds
    if query.way.reach.is_out:
        return
    if not query.is_stuck:
        query.is_stuck = True
        crowds.enter(query.zone, now)
    if not crowds.may_stay(query.zone, now):
        query.shared.counters.turned_away += 1
        query.end(State.FAILED, do.Fail(crowded(query.zone)))


def want_addresses(query: Asker) -> None:
    """Look up more nameservers beside what is on its way: all that is known is doubtful."""
    lookups = query.lookups
    if lookups is None:
        lookups = query.lookups = Lookups()
    if not lookups.is_exhausted and not lookups.is_wanted and query.attempts.total < ASK_SENDS:
        lookups.is_wanted = True
        query.actions.append(do.LOOK_UP)


def need_addresses(query: Asker, now: float) -> None:
    """Nobody is left to ask and nothing is on its way."""
    total = query.attempts.total
    if query.way.reach.has_no_route(now) or (query.request.is_probe and total):
        fail(query, now)  # after a probe comes the full question, and comes now
        return
    want_addresses(query)
    lookups = query.lookups
    if lookups is not None and lookups.are_open:
        query.state = State.STARVED
        query.wake_at(query.give_up)
        return
    error = lookups.take_error() if lookups is not None and not total else None
    if error is not None:
        query.end(State.FAILED, do.Fail(error))
    elif not resort_to_tcp(query, now):
        fail(query, now)


def resort_to_tcp(query: Asker, now: float) -> bool:
    """Once, before it fails. True if something is on its way now; is it our own link?"""
    if query.has_resorted or query.uses_tcp or query.attempts.total >= ASK_SENDS:
        return False
    if query.request.is_probe:  # the full question is the better next try (RFC 9156 §2.3)
        return False
    query.has_resorted = True
    servers = resort.worth_tcp(
        query.request.delegation.servers(), query.attempts, query.shared.infra, now
    )
    began = [query.go_tcp(server, state, now, BARE) for server, state in servers]
    if any(began):
        query.actions.append(do.DoubtLink(is_told=False))
    return any(began)


def fail(query: Asker, now: float) -> None:
    """Unless it is open whether they are at fault, or we."""
    if query.attempts.reasons and now < query.give_up:
        query.state = State.UNDECIDED
        query.actions.append(do.DoubtLink(is_last=True))
    else:
        give_up(query, now)


def give_up(query: Asker, now: float) -> None:
    attempts, way = query.attempts, query.way
    if now < query.give_up and attempts.on_its_way and query.request.delegation.is_last_word:
        query.state = State.PATIENT  # who asks others may take as long as the client waits
        query.wake_at(query.give_up)
        return
    for packet in attempts.on_its_way:
        attempts.reasons.setdefault(packet.server, SILENT)
    query.shared.counters.failed += 1
    error: ResolverError
    if query.lacks_room and not attempts.reasons:
        error = WorkExceeded("IN_FLIGHT", ede=(Ede(EdeCode.OTHER, "no socket is free"),))
    else:
        failed = no_usable_reply(query.zone, attempts.reasons, now - query.started)
        error = way.blame(failed, now)
    query.end(State.FAILED, do.Fail(error))
