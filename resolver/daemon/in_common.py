"""Memory that the workers of one machine have in common: how much of it is for what."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from resolver.cache.common_memory import octets_for
from resolver.listen.rate_limit import RateLimit
from resolver.listen.steered_ports import SteeredPorts, shared_file
from resolver.listen.token_levels import COMMON_OCTETS, CommonTokens
from resolver.telemetry.shared_counters import SharedCounters

if TYPE_CHECKING:
    from resolver.daemon.wiring import Parts
    from resolver.listen.proofs import Proofs
    from resolver.telemetry.shared_counters import Slot


def counters_of(workers: int) -> SharedCounters:
    """What *workers* share, made before they are forked."""
    return SharedCounters(
        workers,
        learnt_octets=octets_for(workers),
        tokens_octets=2 * COMMON_OCTETS,
        ports_file=shared_file(),
    )


def steered_ports_of(slot: Slot | None) -> SteeredPorts | None:
    """How the worker of *slot* shares its ports; None: it has them to itself, or nobody can say."""
    if slot is None or slot.ports_file < 0:
        return None
    level = logging.INFO if slot.is_first else logging.DEBUG
    return SteeredPorts(slot.ports_file, slot.number, slot.workers, key=slot.key, level=level)


def rate_limit_of(rate: int, parts: Parts, proofs: Proofs, slot: Slot | None) -> RateLimit | None:
    """Of *rate* tokens a second, over all workers; None: of 0, which is none."""
    if not rate:
        return None
    now, common = parts.clock.now, None if slot is None else _tokens_of(slot)
    return RateLimit(rate, now, proofs, rng=parts.base.rng, common=common)


def _tokens_of(slot: Slot) -> tuple[CommonTokens, CommonTokens] | None:
    """Where they keep what clients have left: anybody, and those who are proven."""
    memory = slot.tokens
    if memory is None:
        return None
    salt = int.from_bytes(slot.key[:8], "big")
    return (
        CommonTokens(memory, 0, salt, slot.workers),
        CommonTokens(memory, COMMON_OCTETS, salt, slot.workers),
    )
