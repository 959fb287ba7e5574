"""What the workers of one machine share of what they learn, as one of them holds it."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from resolver.cache.common_level import Common, CommonLevel
from resolver.cache.common_memory import CommonMemory
from resolver.daemon.store_terms import basis_of, believes

if TYPE_CHECKING:
    from resolver.daemon.wiring import Parts
    from resolver.telemetry.metrics import Registry
    from resolver.telemetry.shared_counters import Slot


class CommonCache:
    """That of the worker in *slot*; without others it does nothing."""

    def __init__(self, slot: Slot | None) -> None:
        self._slot = slot
        self._parts: Parts | None = None
        self.common: Common | None = None

    def __repr__(self) -> str:
        return f"<CommonCache {self.common}>"

    def open(self, parts: Parts) -> None:
        """Have *parts* share what they learn. After who keeps it on disk or elsewhere."""
        slot = self._slot
        if slot is None or slot.learnt is None:
            return
        memory, stale_s = CommonMemory(slot.learnt, slot.number), parts.config.cache.stale_max
        self.common = Common(memory, slot.key, parts.clock, stale_s=stale_s)
        self.serve(parts)

    def serve(self, parts: Parts, *, forgets: bool = False) -> None:
        """Have *parts* do so from now on, and those before no more. *forgets*: nobody finds what
        was there up to now."""
        common, memory, before = self.common, parts.memory, self._parts
        if common is None:
            return
        if before is not None and before is not parts:
            before.memory.common = before.memory.rrsets.learnt = None
            before.memory.negatives.learnt = before.delegations.learnt = None
        if forgets:
            common.memory.forget()
        self._parts = parts
        memory.common = level = CommonLevel(
            common, basis_of(parts), rrsets=memory.rrsets, negatives=memory.negatives,
            delegations=parts.delegations, beside=memory.rrsets.learnt,
            believes=partial(believes, parts),
        )  # fmt: skip
        memory.rrsets.learnt = memory.negatives.learnt = parts.delegations.learnt = level

    @property
    def octets(self) -> int:
        """Of what all workers have learnt, as far as it is filled."""
        return 0 if self.common is None else self.common.memory.octets

    def forget(self) -> None:
        """Nobody finds what was there up to now."""
        if self.common is not None:
            self.common.memory.forget()

    def count(self, registry: Registry) -> None:
        """Have its numbers found."""
        registry.count("common", Common, lambda: [] if self.common is None else [self.common])
