"""3 do we know: was what is kept of a name contradicted since, by what was learnt of other types?

Where a name has an alias it has nothing else (RFC 1034 §3.6.2), and where it has anything it
exists. So an alias is over, whoever asks for what, when data of the name or a denial of one type
were learnt later; NXDOMAIN is, when any data were; a DNAME, when its owner was denied. Looked at
only before something is told though its time is over (`Known.kept`). There is no index by name: the
types that are asked for are tried.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from resolver.cache.rrset import Entry
from resolver.model import NOT_JUDGED, Rank
from resolver.protocol.codes import Rcode, RRType

if TYPE_CHECKING:
    from resolver.cache.negative import Negative, NegativeCache
    from resolver.cache.rrset import RRsetCache
    from resolver.model import Name

_OFTEN: Final = (
    RRType.A, RRType.AAAA, RRType.HTTPS, RRType.TXT, RRType.MX, RRType.NS, RRType.SOA, RRType.SRV,
    RRType.PTR,
)  # fmt: skip


def is_contradicted(
    kept: Entry | Negative, name: Name, rrsets: RRsetCache, negatives: NegativeCache
) -> bool:
    """Is *kept*, which is of *name* or a DNAME above it, one that was gone later?"""
    since = kept.learnt_at
    if isinstance(kept, Entry):
        if kept.rtype == RRType.DNAME:
            return _is_later(negatives.peek(kept.owner, RRType.DNAME), since)
        if kept.rtype != RRType.CNAME:
            return False
        return _has_data(name, _OFTEN, since, rrsets) or any(
            _is_later(negatives.peek(name, rtype), since) for rtype in _OFTEN
        )
    return kept.rcode == Rcode.NXDOMAIN and _has_data(name, (*_OFTEN, RRType.CNAME), since, rrsets)


def _has_data(name: Name, rtypes: tuple[int, ...], since: float, rrsets: RRsetCache) -> bool:
    found = (rrsets.peek(name, rtype) for rtype in rtypes)
    return any(_is_later(entry, since) and entry.rank >= Rank.AUTHORITY for entry in found if entry)


def _is_later(other: Entry | Negative | None, since: float) -> bool:
    return other is not None and other.learnt_at > since and other.status not in NOT_JUDGED
