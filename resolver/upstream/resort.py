"""When UDP brought nothing of use: one try over TCP before a question fails.

Servers that are mute, rude or garbled over UDP alone exist (a box in front of them, replies from
another address or port, fragments that are dropped). Two of them are asked at most, few questions
at a time, and none whose connection came to nothing a moment ago: most are just dead. RFC 7766 §5.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from resolver.limits import ASK_SENDS, RACE_WIDTH, TCP_LAST_TRIES
from resolver.model import Verdict
from resolver.upstream.failure_reasons import MALFORMED
from resolver.upstream.query_form import BARE

if TYPE_CHECKING:
    from resolver.upstream.cut_query import CutQuery

SILENT = "no reply"
_WORTH_IT = frozenset({SILENT, MALFORMED, Verdict.REFUSED.value, Verdict.FORMERR.value})


def over_tcp(cut_query: CutQuery, now: float) -> bool:
    """True if something is on its way now. Once for each cut_query.

    Never for a probe: the full question is the better next try (RFC 9156 §2.3).
    Whether it is our own link that is silent is asked beside it.
    """
    if cut_query.has_resorted or cut_query.uses_tcp or cut_query.total >= ASK_SENDS:
        return False
    if cut_query.request.is_probe:
        return False
    cut_query.has_resorted = True
    infra, request = cut_query.dispatcher.infra, cut_query.request
    states = {}
    for server in request.delegation.servers():
        key = server.key
        if key in cut_query.sends and cut_query.reasons.get(server, SILENT) in _WORTH_IT:
            state = infra.state(server)
            is_free = state.streams < TCP_LAST_TRIES and key not in cut_query.streams
            if is_free and state.may_bear_tcp(now):
                states[server] = state
    chosen = sorted(states.items(), key=lambda pair: (not pair[1].n, pair[1].srtt))[:RACE_WIDTH]
    began = [cut_query.go_tcp(server, state, now, BARE) for server, state in chosen]
    if any(began):
        cut_query.dispatcher.ways.doubt(cut_query.way, cut_query.started, now)
    return any(began)
