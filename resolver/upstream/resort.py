"""When UDP brought nothing of use: one try over TCP before a question fails.

Servers that are mute, rude or garbled over UDP alone exist (a box in front of them, replies from
another address or port, fragments that are dropped). Two of them are asked at most, few questions
at a time, and none whose connection came to nothing a moment ago: most are just dead. RFC 7766 §5.
Pure: `cut_waiting` asks them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from resolver.limits import RACE_WIDTH, TCP_LAST_TRIES
from resolver.model import Verdict
from resolver.upstream.attempts import SILENT
from resolver.upstream.failure_reasons import MALFORMED

if TYPE_CHECKING:
    from collections.abc import Iterable

    from resolver.model import Server
    from resolver.upstream.attempts import Attempts
    from resolver.upstream.infra import Infra
    from resolver.upstream.server_state import ServerState

_WORTH_IT = frozenset({SILENT, MALFORMED, Verdict.REFUSED.value, Verdict.FORMERR.value})


def worth_tcp(
    servers: Iterable[Server], attempts: Attempts, infra: Infra, now: float
) -> list[tuple[Server, ServerState]]:
    """Those of *servers* that were asked over UDP for nothing, and may do better over TCP.

    The nearest first, and those that never answered last.
    """
    states = {}
    for server in servers:
        key = server.key
        if key in attempts.sends and attempts.reasons.get(server, SILENT) in _WORTH_IT:
            state = infra.state(server)
            is_free = state.streams < TCP_LAST_TRIES and key not in attempts.streams
            if is_free and state.may_bear_tcp(now):
                states[server] = state
    return sorted(states.items(), key=lambda pair: (not pair[1].n, pair[1].srtt))[:RACE_WIDTH]
