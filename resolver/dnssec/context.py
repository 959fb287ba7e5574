"""6 is it true: what one validation stands on: anchors, what is established, and the time.

Reads the time of signatures as evidence too: those of the topmost anchors' zones say what time it
is at least, and that a clock is wrong. What is made of that is the driver's (`Watch`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from resolver.dnssec.algorithms import Sha1Policy
from resolver.dnssec.flaws import Flaw, Reason

if TYPE_CHECKING:
    from collections.abc import Callable

    from resolver.dnssec.anchors import Anchors
    from resolver.dnssec.keystore import KeyStore
    from resolver.dnssec.steps import Watch
    from resolver.model import Name
    from resolver.protocol.rdata_fields import Rrsig


@dataclass(slots=True)
class Context:
    """What a validation stands on.

    *cuts*: zone cuts that the resolver met on its way, in any order; they only save queries.
    *tell* is told of each link, see `events`; *watch* of what anchors' signatures say of the time.
    """

    anchors: Anchors
    keystore: KeyStore
    wall: float
    now: float
    sha1: Sha1Policy = Sha1Policy.VALIDATE
    cuts: tuple[Name, ...] = ()
    tell: Callable[[object], None] | None = None
    watch: Watch | None = None

    def witness(self, rrsig: Rrsig | None) -> None:
        """*rrsig* was verified: if a topmost anchor's zone made it, it tells what time it is."""
        watch = self.watch
        if watch is not None and rrsig is not None and self.anchors.is_topmost(rrsig.signer):
            self.wall = watch.witness(rrsig)

    def suspect(self, apex: Name, flaw: Flaw) -> None:
        """Keys of an anchor that are not in force now say more of the clock than of the keys."""
        is_of_time = flaw.reason in (Reason.EXPIRED, Reason.NOT_YET_VALID)
        if self.watch is not None and is_of_time and self.anchors.is_topmost(apex):
            self.watch.suspect(flaw.sentence)
