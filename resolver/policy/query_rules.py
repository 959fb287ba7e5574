"""Is this a query we take at all? RFC 8906: every odd one gets the answer that fits, none silence.

Says nothing about access (acl) or names (local): only opcode, EDNS version, question count, class
and the types that are no data. Class CHAOS is `chaos`' matter.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from resolver.errors import WireError
from resolver.model import Answer, Ede, Source
from resolver.policy import tsig
from resolver.policy.cookies import is_malformed
from resolver.policy.path import Step
from resolver.protocol.codes import EdeCode, Rcode, RRClass, RRType
from resolver.protocol.edns import OPT_COOKIE

if TYPE_CHECKING:
    from resolver.model import Query
    from resolver.protocol.message import Message

_OPCODE = 0x7800  # of the header's flags; zero is QUERY
_CLASS_ANY = 255
_CLASSES = (RRClass.IN, RRClass.CH)
_REFUSED: Final = (Source.REFUSED,)
_TRANSFERS = frozenset({RRType.AXFR, RRType.IXFR})
_NO_DATA = frozenset(
    {RRType.OPT, RRType.NXNAME, RRType.TKEY, RRType.TSIG, RRType.MAILA, RRType.MAILB}
)


class Refusal(NamedTuple):
    """*last* is a record, in octets, that ends the reply."""

    rcode: int
    ede: int | None = None
    last: bytes = b""


class QueryRules(Step):
    """Answers what is no ordinary query."""

    name = "query rules"

    def before(self, query: Query) -> Answer | None:
        refusal = check(query.message)
        if refusal is None:
            return None
        ede = () if refusal.ede is None else (Ede(refusal.ede),)
        return Answer(query.question, refusal.rcode, ede=ede, sources=_REFUSED, tsig=refusal.last)


def check(query: Message) -> Refusal | None:  # noqa: C901, PLR0911  # a list of rules, in order
    """What to answer instead of resolving; None if *query* is an ordinary one."""
    edns = query.edns
    if edns is not None:
        if edns.version != 0:
            return Refusal(Rcode.BADVERS)  # RFC 6891 §6.1.3
        cookie = edns.option(OPT_COOKIE) if edns.options else None
        if cookie is not None and is_malformed(cookie):
            return Refusal(Rcode.FORMERR)  # RFC 7873 §5.2.2
    if query.flags & _OPCODE:
        return Refusal(Rcode.NOTIMP)
    if query.question_count != 1:
        return _odd_count(query)
    if query.answer or query.authority:
        return Refusal(Rcode.FORMERR)
    if query.additional and any(record.rtype == RRType.TSIG for record in query.additional):
        return _signed(query)
    if query.qtype in _TRANSFERS:
        return Refusal(Rcode.REFUSED, EdeCode.NOT_SUPPORTED)
    if query.qtype in _NO_DATA:
        return Refusal(Rcode.FORMERR, EdeCode.INVALID_QUERY_TYPE)
    if query.qclass not in _CLASSES:
        return Refusal(Rcode.REFUSED, EdeCode.NOT_SUPPORTED)
    return None


def _signed(query: Message) -> Refusal:
    """RFC 8945 §4.2, §5.1: one TSIG record, of class ANY, the last; and we share no key with
    anybody."""
    *others, last = query.additional
    if last.rtype != RRType.TSIG or any(record.rtype == RRType.TSIG for record in others):
        return Refusal(Rcode.FORMERR)
    if last.rclass != _CLASS_ANY:
        return Refusal(Rcode.FORMERR)
    try:
        return Refusal(Rcode.NOTAUTH, last=tsig.bad_key(last))
    except WireError:
        return Refusal(Rcode.FORMERR)


def _odd_count(query: Message) -> Refusal:
    """RFC 9619: one question; none only to fetch a server cookie (RFC 7873 §5.4)."""
    has_cookie = query.edns is not None and query.edns.option(OPT_COOKIE) is not None
    if query.question_count == 0 and has_cookie:
        return Refusal(Rcode.NOERROR)
    return Refusal(Rcode.FORMERR)
