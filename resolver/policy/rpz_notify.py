"""3 may they: NOTIFY (RFC 1996), from the primaries of policy zones and nobody else.

It says that a zone may be newer. That is looked up with its primary, over the signed or encrypted
way that is configured for it, so that what a forged NOTIFY can do is one look too many. Anybody
else's is not for us (query_rules). Pure, but for *tell*.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from resolver.model import Answer, Source
from resolver.policy.path import Step
from resolver.protocol.codes import Rcode, RRClass, RRType

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from collections.abc import Set as AbstractSet

    from resolver.model import Name, Query

_OPCODE: Final = 0x7800
_NOTIFY: Final = 4 << 11
_SOURCES: Final = (Source.LOCAL,)


class Notified(Step):
    """*primaries*: raw addresses by zone. *tell* is called with a zone that may be newer."""

    name = "NOTIFY"

    def __init__(
        self, primaries: Mapping[Name, AbstractSet[bytes]], tell: Callable[[Name], None]
    ) -> None:
        self._primaries = primaries
        self._tell = tell

    def before(self, query: Query) -> Answer | None:
        message = query.message
        if message.flags & _OPCODE != _NOTIFY:
            return None
        if message.question_count != 1 or message.qtype != RRType.SOA:
            return None
        known = self._primaries.get(message.qname)
        if known is None or query.source not in known or message.qclass != RRClass.IN:
            return None
        self._tell(message.qname)
        return Answer(query.question, Rcode.NOERROR, is_authoritative=True, sources=_SOURCES)
