"""Names that nothing learnt above them may deny: the operator's zones and negative trust anchors.

A forward or stub zone is asked whatever the public tree says of its name, for the operator knows
where it is: a signed parent that proves it away (`lan`, `corp`, a split horizon) proves it of the
public tree only. Below a negative trust anchor nothing is proven (RFC 7646 §2), so no proof made
above it reaches below it. What was learnt *in* such a zone counts in it as anywhere.
A DS belongs to the zone above its name, and is asked and believed there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from resolver.protocol import names
from resolver.protocol.codes import RRType

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from resolver.dnssec.anchors import Anchors
    from resolver.model import Name, Question


class Exempt:
    """*zones* are forwarded or stub zones; of those in *yielding* the public tree may answer too.

    Lengths of zones stand for the zones: all that are compared lie above one name.
    """

    def __init__(
        self,
        zones: Iterable[Name],
        *,
        yielding: Iterable[Name] = (),
        anchors: Anchors | None = None,
        wall: Callable[[], float],
    ) -> None:
        self._zones = frozenset(zones) - {names.ROOT}  # nothing is above the root
        self._yielding = frozenset(yielding)
        self._anchors = anchors
        self._wall = wall

    def __bool__(self) -> bool:
        return bool(self._zones) or (self._anchors is not None and bool(self._anchors.negative))

    def _configured(self, question: Question) -> Name | None:
        """The deepest configured zone that the answer to *question* lies in."""
        zones, name = self._zones, _scope(question)
        while zones and name != names.ROOT:
            if name in zones:
                return name
            name = names.parent(name)
        return None

    def _waived(self, question: Question) -> Name | None:
        if self._anchors is None:
            return None
        return self._anchors.waived(_scope(question), self._wall())

    def least_zone(self, question: Question) -> int:
        """Octets that a zone's name has at least if what it says of *question* itself counts."""
        zone = self._configured(question)
        if zone is None or (zone in self._yielding and zone != question.qname):
            return 0
        return len(zone)

    def least_denier(self, question: Question) -> int:
        """Octets that a zone's name has at least if proofs of others' absence count."""
        zone, waived = self._configured(question), self._waived(question)
        return max(len(zone or b""), len(waived or b""))

    def is_waived(self, question: Question) -> bool:
        """True if *question* is below a negative trust anchor: nothing about it can be secure."""
        return self._waived(question) is not None

    def inside(self, ancestors: list[Name], question: Question) -> list[Name]:
        """Those of *ancestors* of the name asked for that lie in its configured zone."""
        zone = self._configured(question)
        if zone is None:
            return ancestors
        return [ancestor for ancestor in ancestors if len(ancestor) >= len(zone)]


def _scope(question: Question) -> Name:
    return names.parent(question.qname) if question.qtype == RRType.DS else question.qname
