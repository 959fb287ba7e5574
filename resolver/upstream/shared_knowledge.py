"""What all cut queries of a process read and note: servers, tokens, counters, what is on its way.

The dispatcher makes it and hands it to each; nothing in it sends, waits or knows the time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from resolver.limits import (
    HEDGE_BURST,
    HEDGE_SHARE,
    PROBE_BURST,
    PROBE_SHARE,
)
from resolver.upstream.bucket import Bucket
from resolver.upstream.crowd import Crowds
from resolver.upstream.experiments import Experiments
from resolver.upstream.instance_news import InstanceNews
from resolver.upstream.server_events import UpstreamCounters

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

    from resolver.upstream.compose import Composer
    from resolver.upstream.filters import AddressFilter
    from resolver.upstream.infra import Infra
    from resolver.upstream.server_events import Tried
    from resolver.upstream.transmission import Slot, Transmission


class OnTheirWay(Protocol):
    """`outstanding.Outstanding`, as far as decisions look at it."""

    is_busy: bool
    """Overload: no room for anything speculative."""
    is_full: bool
    """No room, unless those that nobody waits for any more make some."""
    slots: dict[Slot, Transmission]
    """The questions on their way, overdue ones too."""

    @property
    def has_room(self) -> bool:
        """May one more packet be on its way?"""

    def find(self, slot: Slot, now: float) -> Transmission | None:
        """The same question on its way to the same server, and not overdue."""


class SharedKnowledge:
    """*dice* decide ties: nothing to be guessed. *hedges* and *probes* are earned by questions."""

    def __init__(
        self,
        *,
        infra: Infra,
        outstanding: OnTheirWay,
        compose: Composer,
        filters: AddressFilter,
        dice: Random,
        speculation: bool,
    ) -> None:
        self.infra = infra
        self.link = infra.link
        self.outstanding = outstanding
        self.compose = compose
        self.filters = filters
        self.dice = dice
        self.speculation = speculation
        self.counters = UpstreamCounters()
        self.instance_news = InstanceNews(self.counters)
        self.experiments = Experiments()
        self.crowds = Crowds()
        self.hedges = Bucket(share=HEDGE_SHARE, burst=HEDGE_BURST)
        self.probes = Bucket(share=PROBE_SHARE, burst=PROBE_BURST)
        self.listeners: list[Callable[[Tried], None]] = []
        self._are_roots_probed = False

    def note_first_send(self) -> None:
        """A question begins: a share of a hedge and of a probe is earned."""
        hedges, probes = self.hedges, self.probes
        if hedges.tokens < hedges.burst:
            hedges.fill()
        if probes.tokens < probes.burst:
            probes.fill()

    def take_root_probe(self) -> bool:
        """True once in the life of the process."""
        were_probed, self._are_roots_probed = self._are_roots_probed, True
        return not were_probed
