"""Private addresses in answers for public names are left out: DNS rebinding.

A page of evil.example asks for its own name again, which is now that of a router at home, and the
browser takes both for one site. So what counts is the name that was *asked for*, not the owner of
the record: an alias of evil.example to a name that may have such addresses is no way around.

Names that may: those at and below the operator's forward and stub zones (but for the root, which is
the public tree through somebody else), those allowed by name, those that no public zone holds (RFC
6762 appendix G). A forwarder that blocks a name on purpose says so with nobody's address: that
stays. A name of four numbers or more in front is one asked of a list in DNS (RFC 5782), which says
yes with an address of 127/8: that one range stays there. Local zones are answered before.

SVCB and HTTPS records with such a hint are left out whole: what they lead to is no better. What was
changed is no longer what was signed: no AD. Where nothing is left it is NODATA, with EDE 15 and
without an SOA, for no zone says so: nobody is to remember it for us.
Cost: none of an answer without addresses, and a set look-up for each address, once a miss.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from resolver.model import Ede, RRset, Source, Status
from resolver.policy.path import Step
from resolver.protocol import names
from resolver.protocol.address_hints import hints_of
from resolver.protocol.codes import EdeCode, RRType
from resolver.protocol.private_addresses import PRIVATE_HALVES, is_loopback_ipv4, is_private

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from resolver.model import Answer, Name, Query

_A: Final = int(RRType.A)  # a plain int: an enum's costs a look-up at every use
_ALIASES: Final = (RRType.CNAME, RRType.DNAME)
_ADDRESS_LABELS: Final = 4  # of an IPv4 address, back to front (RFC 5782 §2.1)
_LONGEST_NUMBER: Final = 3  # digits
_NIBBLES: Final = 32  # labels of an IPv6 address (RFC 5782 §2.4)
_TOLD: Final = Ede(EdeCode.BLOCKED, "private address of a public name")
_NOT_PUBLIC: Final = frozenset(
    names.from_text(top)
    for top in ("intranet.", "internal.", "private.", "corp.", "home.", "lan.", "home.arpa.")
)


class Rebinding(Step):
    """*allowed* names and *zones* of the operator may have private addresses, with all below."""

    name = "rebinding"

    def __init__(self, allowed: Iterable[Name] = (), zones: Iterable[Name] = ()) -> None:
        self._exempt = (_NOT_PUBLIC | {*allowed, *zones}) - {names.ROOT}

    def after(self, query: Query, answer: Answer) -> Answer:
        for rrset in answer.answer:  # written out: a call costs more than what it looks at
            rtype = rrset.rtype
            if rtype == _A:
                for rdata in rrset.rdatas:
                    if rdata[:2] in PRIVATE_HALVES:
                        return self._judge(query, answer)
            elif rtype in _REFUSED and any(map(_REFUSED[rtype], rrset.rdatas)):
                return self._judge(query, answer)
        return answer

    def _judge(self, query: Query, answer: Answer) -> Answer:
        """*answer* holds a private address: without it, unless that is as it should be."""
        qname = query.message.qname
        if Source.BLOCKED in answer.sources or not self._exempt.isdisjoint(names.ancestors(qname)):
            return answer
        return _without(answer, stays=is_loopback_ipv4 if _asks_list(qname) else _never)


def has_private_hint(rdata: bytes) -> bool:
    """True if rdata of SVCB or HTTPS has a private address among its hints (RFC 9460 §7.3).

    Never raises: parameters that end too soon are looked at as far as they go.
    """
    return any(map(is_private, hints_of(rdata)))


_REFUSED: Final[dict[int, Callable[[bytes], bool]]] = {
    RRType.A: is_private,
    RRType.AAAA: is_private,
    RRType.SVCB: has_private_hint,
    RRType.HTTPS: has_private_hint,
}
"""Type → which of its rdata are refused."""


def _asks_list(qname: Name) -> bool:
    """Do four numbers, or the digits of an IPv6 address, stand in front of a list's name?"""
    labels = names.labels(qname)
    if len(labels) > _NIBBLES and all(len(label) == 1 for label in labels[:_NIBBLES]):
        return all(label in b"0123456789abcdef" for label in labels[:_NIBBLES])
    return len(labels) > _ADDRESS_LABELS and all(
        label.isdigit() and len(label) <= _LONGEST_NUMBER for label in labels[:_ADDRESS_LABELS]
    )


def _never(_: bytes) -> bool:
    return False


def _without(answer: Answer, *, stays: Callable[[bytes], bool]) -> Answer:
    kept: list[RRset] = []
    is_changed = False
    for rrset in answer.answer:
        found = _REFUSED.get(rrset.rtype)
        if found is None or not any(map(found, rrset.rdatas)):
            kept.append(rrset)
            continue
        rdatas = tuple(one for one in rrset.rdatas if not found(one) or stays(one))
        if len(rdatas) == len(rrset.rdatas):
            kept.append(rrset)
            continue
        is_changed = True
        if rdatas:
            kept.append(RRset(rrset.owner, rrset.rtype, rrset.ttl, rdatas))
    if not is_changed:
        return answer
    is_nothing = all(rrset.rtype in _ALIASES for rrset in kept)
    return replace(
        answer,
        answer=tuple(kept),
        authority=() if is_nothing else answer.authority,
        status=Status.INSECURE,
        ede=(*answer.ede, _TOLD),
    )
