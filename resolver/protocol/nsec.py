"""What NSEC records say of names, in the zone's canonical order.

Pure arithmetic; the validator asks it of records whose signatures it checked, the denial cache of
those it was given. An NSEC of a delegation or a DNAME
says nothing about names below its owner (RFC 6840 §4.1, RFC 6672 §5.3.4.1).
RFC 4034 §4, RFC 4035 §5.4, RFC 4592, RFC 9824 (NXNAME).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from resolver.protocol import names
from resolver.protocol.codes import RRType

if TYPE_CHECKING:
    from collections.abc import Sequence

    from resolver.protocol.names import Name

_BESIDE_ALIASES = frozenset({RRType.RRSIG, RRType.NSEC})  # RFC 4035 §2.5: no CNAME hides them
_COMPACT_FILLER = frozenset({RRType.RRSIG, RRType.NSEC, RRType.NSEC3, RRType.NXNAME})


class Span(NamedTuple):
    """One NSEC of *zone*: nothing lives between *owner* and *after* but what is below *after*."""

    zone: Name
    owner: Name
    after: Name
    types: frozenset[int]

    def covers(self, name: Name) -> bool:
        """True if *name* lies strictly inside, and the owner may speak about it."""
        low, key = names.canonical_key(self.owner), names.canonical_key(name)
        if key <= low or not names.is_subdomain(name, self.zone):
            return False
        # the zone's last NSEC points back to the apex
        if self.after != self.zone and key >= names.canonical_key(self.after):
            return False
        return not (names.is_subdomain(name, self.owner) and cuts_off(self.types))

    def empties(self, name: Name) -> bool:
        """True if *name* is an empty non-terminal: it lies inside and *after* is below it."""
        return self.covers(name) and names.is_subdomain(self.after, name)

    def encloser(self, name: Name) -> Name:
        """The closest encloser of a *name* that this covers."""
        ends = (names.common_ancestor(name, self.owner), names.common_ancestor(name, self.after))
        return max(ends, key=len)


def cuts_off(types: frozenset[int]) -> bool:
    """True if the owner of such a bitmap knows nothing of the names below it."""
    if RRType.DNAME in types:
        return True
    return RRType.NS in types and RRType.SOA not in types


def lacks(types: frozenset[int], qtype: int, *, is_root: bool) -> bool:
    """True if a name with this bitmap has no *qtype*, and this is the side of the cut to say so."""
    if qtype == RRType.DS:
        if RRType.SOA in types and not is_root:
            return False  # the child's apex: the DS lives with the parent
    elif RRType.NS in types and RRType.SOA not in types:
        return False  # the parent's view of a cut
    if qtype == RRType.ANY:
        return types <= _COMPACT_FILLER
    if qtype in types:
        return False
    return RRType.CNAME not in types or qtype in _BESIDE_ALIASES


def has_nodata(spans: Sequence[Span], name: Name, qtype: int) -> bool:
    """*name* exists without *qtype*, as itself, as an empty non-terminal, or through a wildcard."""
    if _is_empty_at(spans, name, qtype):
        return True
    for span in spans:
        if span.covers(name) and not names.is_subdomain(span.after, name):
            return _is_empty_at(spans, b"\x01*" + span.encloser(name), qtype)
    return False


def _is_empty_at(spans: Sequence[Span], name: Name, qtype: int) -> bool:
    is_root = name == names.ROOT
    for span in spans:
        if span.owner == name:
            if lacks(span.types, qtype, is_root=is_root):
                return True
        elif span.empties(name):
            return True
    return False


def has_no_name(spans: Sequence[Span], name: Name) -> bool:
    """*name* does not exist, and no wildcard could have stood in for it."""
    for span in spans:
        if span.owner == name and RRType.NXNAME in span.types:
            return True
        if span.covers(name) and not names.is_subdomain(span.after, name):
            wildcard = b"\x01*" + span.encloser(name)
            return any(
                other.covers(wildcard) and not names.is_subdomain(other.after, wildcard)
                for other in spans
            )
    return False


def has_no_closer(spans: Sequence[Span], name: Name, encloser: Name) -> bool:
    """Nothing closer to *name* than the wildcard below *encloser* could have answered."""
    deepest = names.count(encloser)
    return any(span.covers(name) and names.count(span.encloser(name)) <= deepest for span in spans)
