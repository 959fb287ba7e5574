"""What a client is told in the place of what is blocked. Pure.

    null       0.0.0.0 and ::, NODATA for every other type       refused
    nxdomain   nodata   addresses of the operator's own          or what the rule says

AA and AD are clear, and nothing is signed. EDE 15 (blocked), 16 (censored), 17 (filtered: for the
client's own tag) name the list; 4 (forged) follows where an address is made up. Who asks for
structured errors over a transport that nobody can change gets the same as JSON, and no 4
(draft-ietf-dnsop-structured-dns-error).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec

from resolver.model import Answer, Ede, Question, RRset, Source, Status
from resolver.policy.list_judge import Rank
from resolver.policy.local import authority_of
from resolver.protocol.codes import EdeCode, Rcode, RRType
from resolver.protocol.edns import OPT_EDE
from resolver.protocol.ip_addresses import address_octets
from resolver.protocol.transport import ENCRYPTED

if TYPE_CHECKING:
    from resolver.model import Query
    from resolver.policy.list_judge import Ruling
    from resolver.policy.list_rules import Rewrite

OPT_STRUCTURED: Final = 26  # IANA: STRUCTURED-DNS-ERROR
_SOURCES: Final = (Source.BLOCKED,)
_NULL: Final[dict[int, tuple[bytes, ...]]] = {RRType.A: (bytes(4),), RRType.AAAA: (bytes(16),)}
_WANTS: Final = bytes(2)  # EDE 0 without text
_LOOPBACK_V4: Final = 127
_LOOPBACK_V6: Final = bytes(15) + b"\1"
_CODES: Final = {"nxdomain": Rcode.NXDOMAIN, "refused": Rcode.REFUSED}


class Manner(NamedTuple):
    """How this configuration tells it. *action*: one of the words above, or addresses; *contact*:
    URIs, for who wonders."""

    action: str | tuple[str, ...] = "null"
    ttl: int = 10
    contact: tuple[str, ...] = ()


def blocked(query: Query, ruling: Ruling, manner: Manner) -> Answer:
    """What *query* is told by *ruling*, which is not to let it through."""
    question = query.message.question
    action = ruling.use.action if ruling.use.action is not None else manner.action
    rcode, told = Rcode.NOERROR, tuple[RRset, ...]()
    if ruling.rewrites:
        rcode, told = _rewritten(question, ruling.rewrites, manner.ttl)
    elif action in _CODES:
        rcode = _CODES[action]
    else:
        told = _addresses(question, _by_type(action), manner.ttl)
    is_forged = any(one.rtype in (RRType.A, RRType.AAAA) for one in told)
    return Answer(
        question,
        rcode,
        answer=told,
        authority=() if told else (authority_of(question.qname, manner.ttl),),
        status=Status.INSECURE,
        ede=_told(query, ruling, manner, is_forged=is_forged),
        sources=_SOURCES,
        onward=_onward(question, told),
    )


def _onward(question: Question, told: tuple[RRset, ...]) -> Question | None:
    """What an alias leads to is found out, unless the alias itself was asked for."""
    if len(told) != 1 or told[0].rtype != RRType.CNAME or question.qtype == RRType.CNAME:
        return None
    return Question(told[0].rdatas[0], question.qtype)


def canary(question: Question, ttl: int) -> Answer:
    """A name that devices ask for to learn whether they may go elsewhere does not exist."""
    return Answer(
        question, Rcode.NXDOMAIN, authority=(authority_of(question.qname, ttl),),
        status=Status.INSECURE, sources=_SOURCES, lasts=True,
        ede=(Ede(EdeCode.BLOCKED, "policy: devices are to ask here"),),
    )  # fmt: skip


def _by_type(action: str | tuple[str, ...]) -> dict[int, tuple[bytes, ...]]:
    if action == "null":
        return _NULL
    if isinstance(action, str):
        return {}
    octets = [address_octets(text) for text in action]
    return {
        rtype: found
        for rtype, width in ((RRType.A, 4), (RRType.AAAA, 16))
        if (found := tuple(one for one in octets if len(one) == width))
    }


def _addresses(
    question: Question, by_type: dict[int, tuple[bytes, ...]], ttl: int
) -> tuple[RRset, ...]:
    name, qtype = question.qname, question.qtype
    if qtype == RRType.ANY:
        return tuple(RRset(name, rtype, ttl, found) for rtype, found in by_type.items())
    found = by_type.get(qtype)
    return (RRset(name, qtype, ttl, found),) if found else ()


def _rewritten(
    question: Question, rewrites: tuple[Rewrite, ...], ttl: int
) -> tuple[int, tuple[RRset, ...]]:
    first = rewrites[0]
    if first.rtype == RRType.CNAME:
        return Rcode.NOERROR, (RRset(question.qname, RRType.CNAME, ttl, (first.rdata,)),)
    if first.rcode:
        return first.rcode, ()
    by_type: dict[int, tuple[bytes, ...]] = {}
    for one in rewrites:
        if one.rtype:
            by_type[one.rtype] = (*by_type.get(one.rtype, ()), one.rdata)
    by_type = {rtype: tuple(dict.fromkeys(found)) for rtype, found in by_type.items()}
    return Rcode.NOERROR, _addresses(question, by_type, ttl)


def _told(query: Query, ruling: Ruling, manner: Manner, *, is_forged: bool) -> tuple[Ede, ...]:
    use = ruling.use
    code = EdeCode.BLOCKED
    if use.reason == "censored":
        code = EdeCode.CENSORED
    elif ruling.rank is Rank.OF_TAG or use.tags:
        code = EdeCode.FILTERED
    text = f"list {use.name}"
    if wants_structure(query):
        said: dict[str, object] = {"c": list(manner.contact)} if manner.contact else {}
        return (Ede(code, msgspec.json.encode(said | {"j": text}).decode()),)
    told = (Ede(code, text),)
    return (*told, Ede(EdeCode.FORGED_ANSWER)) if is_forged else told


def wants_structure(query: Query) -> bool:
    """Does the client ask for structured errors, where nobody in between can write them?"""
    edns = query.message.edns
    if edns is None or not edns.options:
        return False
    if edns.option(OPT_EDE) != _WANTS and edns.option(OPT_STRUCTURED) is None:
        return False
    source = query.source
    is_here = source == _LOOPBACK_V6 or (len(source) == 4 and source[0] == _LOOPBACK_V4)  # noqa: PLR2004
    return is_here or query.client.transport in ENCRYPTED
