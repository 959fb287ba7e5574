"""6 is it true: what the validator tells those who watch: the links of a chain, as they are proven.

They come in the chain's own order, from the anchor down, for a zone above is established first.
Where nobody watches (`Context.tell` is None) none is made.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from resolver.dnssec.anchors import Anchor
    from resolver.dnssec.findings import CutFinding, Proven
    from resolver.dnssec.keystore import ZoneTrust
    from resolver.dnssec.steps import Validated
    from resolver.model import Link, Name
    from resolver.protocol.rdata_fields import Rrsig


class CutValidated(NamedTuple):
    """What the zone above says of *name* as a zone cut."""

    name: Name
    link: CutFinding


class ZoneJudged(NamedTuple):
    """A zone's status by its keys: *anchor* (a real one, or its DS) vouched for the one of *rrsig*.

    *rrsig* is None if no key of it was proven.
    """

    trust: ZoneTrust
    anchor: Anchor
    is_anchor: bool
    rrsig: Rrsig | None


class LinkValidated(NamedTuple):
    """The end of a chain: the status of what was asked, and the sets that prove it."""

    outcome: Link
    validated: Validated
    proven: tuple[Proven, ...]


KINDS: Final = (CutValidated, ZoneJudged, LinkValidated)
