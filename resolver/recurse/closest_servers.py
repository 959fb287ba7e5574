"""Without recursion, where memory has no answer: the closest zone cut known. Pure.

RFC 1034 §4.3.2.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from resolver.limits import MAX_TTL_SECONDS
from resolver.model import Answer, Ede, RRset, Status
from resolver.protocol import names
from resolver.protocol.codes import EdeCode, Rcode, RRType
from resolver.protocol.ip_addresses import address_octets

if TYPE_CHECKING:
    from collections.abc import Iterator

    from resolver.model import Delegation, Question


def closest_servers(
    question: Question, cut: Delegation, now: float, *, is_configured: bool
) -> Answer:
    """A referral to *cut*. Where nothing below the root is known, all that is left to say is that
    we are not the ones to ask (RFC 8914 §4.21); of a configured cut no names are known."""
    if cut.zone == names.ROOT and not is_configured:
        ede = (Ede(EdeCode.NOT_AUTHORITATIVE),)
        return Answer(question, Rcode.REFUSED, status=Status.INDETERMINATE, ede=ede)
    left = max(int(min(cut.expires_at - now, MAX_TTL_SECONDS)), 0)
    if is_configured or not cut.nameservers:
        return Answer(question, Rcode.NOERROR, status=Status.INSECURE)
    ns = RRset(cut.zone, RRType.NS, left, cut.nameservers)
    return Answer(
        question,
        Rcode.NOERROR,
        authority=(ns,),
        additional=tuple(_glue_rrsets(cut, left)),
        status=Status.INSECURE,
    )


def _glue_rrsets(cut: Delegation, ttl: int) -> Iterator[RRset]:
    """The addresses that came with a referral (RFC 1034 §4.3.2 step 3b)."""
    for nameserver, servers in cut.glue.items():
        for rtype in (RRType.A, RRType.AAAA):
            rdatas = tuple(address_octets(one.host) for one in servers if one.rtype == rtype)
            if rdatas:
                yield RRset(nameserver, rtype, ttl, rdatas)
