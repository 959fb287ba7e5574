"""3 may they: NOTIFY (RFC 1996), from the primaries of policy zones and nobody else.

It says that a zone may be newer. That is looked up with its primary, over the signed or encrypted
way that is configured for it, so that what a forged NOTIFY can do is one look too many: it need not
be signed. One that is has to be with the zone's key, and is answered so. Anybody else's is not for
us (query_rules). Pure, but for *tell*.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from resolver.errors import WireError
from resolver.model import Answer, Source
from resolver.policy import tsig as tsig_rules
from resolver.policy.path import Step
from resolver.protocol.codes import Rcode, RRClass, RRType

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from collections.abc import Set as AbstractSet

    from resolver.model import Name, Query

_OPCODE: Final = 0x7800
_NOTIFY: Final = 4 << 11
_SOURCES: Final = (Source.LOCAL,)
_REFUSED: Final = (Source.REFUSED,)


class Notified(Step):
    """*primaries*: raw addresses by zone. *tell* is called with a zone that may be newer; *signed*
    with a zone and a signed message gives who signs the reply, and raises WireError."""

    name = "NOTIFY"

    def __init__(
        self,
        primaries: Mapping[Name, AbstractSet[bytes]],
        tell: Callable[[Name], None],
        signed: Callable[[Name, bytes], Callable[[bytes], bytes]],
    ) -> None:
        self._primaries = primaries
        self._tell = tell
        self._signed = signed

    def before(self, query: Query) -> Answer | None:
        message = query.message
        if message.flags & _OPCODE != _NOTIFY:
            return None
        if message.question_count != 1 or message.qtype != RRType.SOA:
            return None
        known = self._primaries.get(message.qname)
        if known is None or query.source not in known or message.qclass != RRClass.IN:
            return None
        try:
            tsig = self._signature(query)
        except tsig_rules.NotSigned as wrong:
            last = tsig_rules.bad_key(message.additional[-1], wrong.code)
            return Answer(query.question, Rcode.NOTAUTH, sources=_REFUSED, tsig=last)
        except WireError:
            return Answer(query.question, Rcode.FORMERR, sources=_REFUSED)
        self._tell(message.qname)
        return Answer(
            query.question, Rcode.NOERROR, is_authoritative=True, sources=_SOURCES, tsig=tsig
        )

    def _signature(self, query: Query) -> bytes | Callable[[bytes], bytes]:
        """What ends the reply. Raises WireError."""
        additional = query.message.additional
        if not additional or additional[-1].rtype != RRType.TSIG:
            return b""
        return self._signed(query.message.qname, query.octets)
