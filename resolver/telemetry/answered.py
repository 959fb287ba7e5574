"""A query's end as an event, made only where somebody wants to hear of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from resolver.errors import Ede, WireError
from resolver.model import EVERYBODY, Source
from resolver.protocol.edns import OPT_EDE, ede_of
from resolver.protocol.ip_addresses import octets_text
from resolver.protocol.message import Question
from resolver.protocol.transport import Client
from resolver.protocol.wire import head_untrusted, parse_untrusted
from resolver.telemetry.events import Answered

if TYPE_CHECKING:
    from resolver.budget import QueryBudget
    from resolver.model import Answer, Query
    from resolver.telemetry.events import Recalled

_RCODE: Final = 0x0F


def of_answer(
    query: Query, answer: Answer, reply: bytes, elapsed_s: float, spent: QueryBudget | None
) -> Answered:
    """*answer* went to the client as *reply*; *spent* knows whom that took."""
    servers = spent.asked or () if spent is not None else ()
    return Answered(
        query.client,
        query.view.name,
        query.question,
        answer.rcode,
        answer.source,
        elapsed_s,
        answer.ede,
        tuple(servers),
        spent.answered_by if spent is not None else "",
        spent.instance if spent is not None else None,
        query.octets,
        reply,
    )


def of_hit(hit: Recalled) -> Answered:
    """The same of a hit, for who wants to read it: some 20 µs."""
    query, reply, source, transport, listener, view = hit
    client = Client(octets_text(source) or "", 0, transport, listener)
    edns = parse_untrusted(reply).edns
    found = [ede_of(data) for code, data in edns.options if code == OPT_EDE] if edns else []
    ede = tuple(Ede(*one) for one in found if one is not None)
    rcode = reply[3] & _RCODE
    return Answered(
        client, view, _question(query), rcode, Source.CACHE, 0.0, ede, query=query, reply=reply
    )


def of_octets(query: bytes, reply: bytes | None, client: Client) -> Answered:
    """What came was no message, or no query."""
    rcode = reply[3] & _RCODE if reply else None
    return Answered(
        client, EVERYBODY.name, _question(query), rcode, Source.LOCAL, 0.0, query=query, reply=reply
    )


def _question(query: bytes) -> Question | None:
    try:
        head = head_untrusted(query)
    except WireError:
        return None
    return Question(head.qname, head.qtype, head.qclass) if head.question_count else None
