"""6 is it true: what a chain of trust will rest on, known before the first link of it is there.

Who walks from the root meets each zone cut, and has a child's keys fetched beside the question. A
forwarder shows no cuts: link by link a chain takes a round trip for the DS of the zone that signed,
one for that of the zone above, and so on up to what is trusted, and for the keys of each on the way
down. Their names are known at once, for each is a part of the signer's, so all can be asked for
side by side. A name that turns out to be no zone costs two questions. RFC 4035 §5. Pure.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from resolver.dnssec.steps import Need
from resolver.limits import AHEAD_ZONES
from resolver.model import Status
from resolver.protocol import names, rdata_fields
from resolver.protocol.codes import RRType

if TYPE_CHECKING:
    from resolver.dnssec.context import Context
    from resolver.model import Link, Name


def chain_ahead(link: Link, context: Context) -> list[Need]:
    """What validating *link* will need, as far as names tell; nothing if that is one thing only.

    Of unsigned data only what is needed for sure: its zone may end anywhere above its name.
    """
    signer = _signer(link)
    apex = signer or _apex(link)
    name = apex or link.question.qname
    anchor = context.anchors.closest(name)
    if anchor is None or context.anchors.waived(name, context.wall) is not None:
        return []
    known = context.keystore.closest(name, anchor.name, context.now)
    if known is not None and known.status is not Status.SECURE:
        return []
    top = anchor.name if known is None else known.zone
    below = [up for up in names.ancestors(name) if len(up) > len(top)][::-1]
    if apex is None:
        below = below[: _SURE if top == names.ROOT else 1]
    elif len(below) > AHEAD_ZONES:
        below = [*below[: AHEAD_ZONES - 1], name]
    needs = [Need(up, rtype) for up in below for rtype in (RRType.DS, RRType.DNSKEY)]
    if signer is None:
        needs = needs[:-1]
    if known is None:
        needs.insert(0, Need(anchor.name, RRType.DNSKEY))
    asked = link.question[:2]
    needs = [need for need in needs if need[:2] != asked]
    return needs if len(needs) > 1 else []


_SURE = 2  # labels below the root: a TLD, and what is registered there


def _signer(link: Link) -> Name | None:
    """The zone that says to have signed it, if that may be."""
    for rrset in (*link.answer, *link.authority):
        for rdata in rrset.signatures[:1]:
            signer = rdata_fields.rrsig(rdata).signer
            if names.is_subdomain(rrset.owner, signer):
                return signer
    return None


def _apex(link: Link) -> Name | None:
    """The zone that a denial says to come from, if that may be."""
    for rrset in link.authority:
        is_above = names.is_subdomain(link.question.qname, rrset.owner)
        if rrset.rtype == RRType.SOA and is_above:
            return rrset.owner
    return None
