"""What comes back to a cut query, whether it is believed, and what it leads to.

A usable reply is the end; a truncated one, one that may be forged and one that shows an odd server
lead to the same server again, all others to another one. Pure, like all of `cut_query`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from resolver.limits import AFTER_RACE_FACTOR, ASK_SENDS, LAST_RESORT_MISMATCHES, SPOOF_MISMATCHES
from resolver.model import USABLE, Verdict
from resolver.protocol.codes import Rcode
from resolver.protocol.edns import blocks
from resolver.protocol.transport import Transport
from resolver.upstream import cut_actions as do
from resolver.upstream import cut_asking as asking
from resolver.upstream import cut_waiting as waiting
from resolver.upstream.attempts import SILENT
from resolver.upstream.cut_actions import State
from resolver.upstream.doubt import Doubts, patience_s
from resolver.upstream.edns_fallback import Again
from resolver.upstream.failure_reasons import MALFORMED
from resolver.upstream.instance_news import learnt
from resolver.upstream.query_form import FULL, LOWER, PLAIN
from resolver.upstream.request import Reply
from resolver.upstream.transmission import Purpose

if TYPE_CHECKING:
    from resolver.upstream.asker import Asker
    from resolver.upstream.doubt import Doubt
    from resolver.upstream.edns_fallback import Arrived
    from resolver.upstream.query_form import Form
    from resolver.upstream.transmission import Transmission

_new = tuple.__new__  # for what is made for each reply: half the constructor's cost


def on_arrived(query: Asker, arrived: Arrived, now: float) -> None:
    """A reply to this very query."""
    message = arrived.message
    if query.doubts is not None:
        query.doubts.note_reply(arrived, now)
    if arrived.sent.asks_instance:
        learn_instance(query, arrived, now)
    is_odd = message.rcode or message.edns is None
    if (
        is_odd and not query.request.takes_any and not blocks(message.edns)
    ):  # that is meant so, and would be said again
        again = query.fallback.asks_again(arrived)
        if again is not Again.NO and ask_again(query, arrived, again, now):
            return
    classify(query, arrived, now)


def classify(query: Asker, arrived: Arrived, now: float) -> None:
    """The end, if it is of use; also where the budget has just ended it: it is at hand."""
    server, state, message, transport, rtt_s, _ = arrived
    shared = query.shared
    query.fallback.learn(arrived, now)
    classified = query.request.classify(message, server)
    verdict = classified.verdict
    if shared.listeners:
        query.tell(server, transport, rtt_s, verdict.value)
    if verdict not in USABLE:
        if transport is Transport.TCP:
            state.tcp_failed_at = now  # it says no more than UDP did
        shared.infra.mark(state, query.zone, verdict, now)
        asking.reject(query, server, verdict.value, now)
        return
    if state.marks:
        shared.infra.unmark(state, query.zone, now)
    if query.is_race and state.n and query.is_speculative:
        candidates = asking.weighed(query, now)
        asking.probe(query, candidates, state, now, reluctance=AFTER_RACE_FACTOR)
    reply = _new(Reply, (server, message, classified, rtt_s, transport))
    query.end(State.ANSWERED, reply)


def learn_instance(query: Asker, arrived: Arrived, now: float) -> None:
    """Is it another instance than before? Routes have moved then, its siblings' perhaps, too."""
    server, state, message, _, rtt_s, _ = arrived
    change = learnt(server, state, query.zone, message, rtt_s, now)
    if change is None:
        return
    query.actions.append(change)
    if query.is_speculative:
        asking.probe_siblings(query, state, now)


def ask_again(query: Asker, arrived: Arrived, again: Again, now: float) -> bool:
    """The same server with less, or with its cookie. True if that is handed over."""
    server, state, rcode = arrived.server, arrived.state, arrived.message.rcode
    attempts, counters = query.attempts, query.shared.counters
    query.tell(server, arrived.transport, arrived.rtt_s, f"rcode {rcode}")
    if rcode == Rcode.BADCOOKIE:
        counters.bad_cookies += 1
    else:
        counters.edns_fallbacks += 1
    total = attempts.total
    if total >= ASK_SENDS or not attempts.may_repeat(state.key):
        return False
    if again is Again.TCP:  # a mix of case protects nothing there
        return query.go_tcp(server, state, now, LOWER)
    if not query.go_first(server, state, now):
        return False
    asking.then(query, do.AskedAgain(arrived, total))
    return True


def on_asked_again(query: Asker, event: do.AskedAgain, now: float) -> None:
    query.state = State.ASKED
    if query.attempts.total == event.total:  # it could not be
        classify(query, event.arrived, now)


def on_truncated(query: Asker, event: do.Truncated, now: float) -> None:
    """The same server again, over TCP (RFC 7766 §5); one connection will do for a race."""
    packet, rtt_s = event
    query.tell(packet.server, Transport.UDP, rtt_s, "truncated")
    if not query.attempts.streams:
        query.go_tcp(packet.server, packet.state, now)


def on_malformed(query: Asker, event: do.Malformed, now: float) -> None:
    server, state, transport, error = event
    query.shared.counters.useless += 1
    query.tell(server, transport, None, f"malformed: {error}")
    query.shared.infra.mark(state, query.zone, Verdict.USELESS, now)
    asking.reject(query, server, MALFORMED, now)


def on_unreachable(query: Asker, event: do.Unreachable, now: float) -> None:
    packet, reason = event
    query.tell(packet.server, packet.server.transport, now - packet.sent_at, reason)
    asking.reject(query, packet.server, reason, now)


def on_refused(query: Asker, event: do.Refused, now: float) -> None:
    """The kernel would not send, so another server takes the place."""
    packet, reason = event
    query.tell(packet.server, packet.server.transport, None, reason)
    if query.take_back(packet):
        query.attempts.reject(packet.server, reason)
        query.wake_at(now)


def on_no_room(query: Asker, event: do.NoRoom, now: float) -> None:
    if query.take_back(event.transmission):
        query.wait_for_room(now)


def on_silent(query: Asker, event: do.Silent, now: float) -> None:
    server = event.transmission.server
    query.attempts.reasons.setdefault(server, SILENT)
    query.tell(server, server.transport, None, "timeout")
    waiting.wait_in_crowd(query, now)


def on_mismatched(query: Asker, event: do.Mismatched, now: float) -> None:
    """Somebody guesses: after ten misses the question goes where guessing is of no use.

    After many more at the last resort nobody is listened to. A near miss leads to TCP beside
    the query, which may still be answered.
    """
    packet, is_near = event
    query.mismatches += 1
    if query.mismatches == SPOOF_MISMATCHES:
        query.uses_tcp = True
        query.leave()
        doubt(query, packet, FULL, now)
    elif query.mismatches == SPOOF_MISMATCHES + LAST_RESORT_MISMATCHES:
        query.leave()
        asking.move_on(query, now)
    attempts, state = query.attempts, packet.state
    may_ask = not attempts.streams and attempts.may_repeat(state.key)
    if is_near and may_ask and state.may_bear_tcp(now):
        query.go_tcp(packet.server, state, now)


def on_doubtful(query: Asker, event: do.Doubtful, now: float) -> None:
    doubt(query, event.transmission, event.form, now)


def doubt(query: Asker, packet: Transmission, form: Form, now: float) -> None:
    """TCP; over UDP in *form* as soon as that fails, or takes too long."""
    if query.doubts is None:
        query.doubts = Doubts()
    if packet.sent.edns is None:
        form = PLAIN.without(form)  # what it replied to: with more it may be silent
    server, state = packet.server, packet.state
    doubt = query.doubts.add(server, state, form)
    if doubt is None:
        return
    if state.may_bear_tcp(now):
        query.go_tcp(server, state, now, None if form.edns else form)
    if state.key in query.attempts.streams:
        doubt.is_timed = True
        query.actions.append(do.ResortAt(now + patience_s(now - packet.sent_at), state.key))
    else:
        resort(query, doubt, now)


def on_resort_due(query: Asker, event: do.ResortDue, now: float) -> None:
    doubt = query.doubts.of(event.key) if query.doubts is not None else None
    if doubt is not None:
        doubt.is_timed = False
        resort(query, doubt, now)


def resort(query: Asker, doubt: Doubt, now: float) -> None:
    """Once: the query over UDP. Who waits for the same joins it (RFC 5452 §5)."""
    server, state = doubt.server, doubt.state
    if doubt.is_timed:
        doubt.is_timed = False
        query.actions.append(do.NoResort(state.key))
    if doubt.is_settled or query.is_over:
        return
    doubt.is_settled = True
    if not query.join(state, now):
        if not query.spend(state.key, now):
            return
        query.wake_at(now + state.expiry_s)
        query.transmit(server, state, doubt.form, now, Purpose.RESORT)
    query.shared.counters.last_resorts += 1


def on_stream_failed(query: Asker, event: do.StreamFailed, now: float) -> None:
    """No connection, or nothing came over it: UDP takes the place, if that is due."""
    server, reason = event
    key = server.key
    query.tell(server, Transport.TCP, None, reason)
    doubt = query.doubts.of(key) if query.doubts is not None else None
    if doubt is not None:
        resort(query, doubt, now)
        if any(packet.state.key == key for packet in query.attempts.on_its_way):
            return
    asking.reject(query, server, reason, now)
