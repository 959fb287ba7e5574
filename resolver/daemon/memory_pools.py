"""What each pool of memory holds now, and what it may hold: read from counters, nothing is walked.

Pools are those of `config.shares`, by the words that people are shown. What lies outside of them is
the program's: the interpreter, the code, buffers, what nobody reckons.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from resolver.config.shares import shares_of, workers_of
from resolver.daemon.memory_keeper import MemoryKeeper
from resolver.daemon.places import waiting_queries
from resolver.limits import (
    CONNECTION_OCTETS,
    MEMORY_SHORT_QUERIES,
    QUERY_IN_FLIGHT_OCTETS,
    SERVER_OCTETS,
    ZONE_KEYS_OCTETS,
)
from resolver.runtime.memory_signs import MemorySigns

if TYPE_CHECKING:
    from resolver.daemon.garbage import Collector
    from resolver.daemon.persistence import Persistence
    from resolver.daemon.sharing import Sharing
    from resolver.daemon.wiring import Parts
    from resolver.listen.admission import Admission
    from resolver.listen.quic_places import QuicPlaces
    from resolver.listen.tcp import TcpSlots
    from resolver.telemetry.metrics import Registry


class Pool(NamedTuple):
    """Octets that it holds, and may hold."""

    octets: int
    most: int


class Holding(Protocol):
    """The process, as far as it holds memory (`run.Daemon`)."""

    parts: Parts
    persistence: Persistence
    sharing: Sharing
    admission: Admission
    slots: TcpSlots
    quic: QuicPlaces
    collector: Collector
    memory_keeper: MemoryKeeper
    is_first: bool


def keeper_of(daemon: Holding) -> MemoryKeeper:
    """Who keeps it within its budget."""
    return MemoryKeeper(
        lambda: daemon.parts,
        lambda: sum(_outside(daemon.parts, daemon.persistence).values()),
        signs=MemorySigns(sharers=workers_of(daemon.parts.config)),
        on_last=daemon.collector.give_back,
        on_part=lambda part: _take_on(daemon, part),
        pace=daemon.collector,
        tells=daemon.is_first,
    )


def _take_on(daemon: Holding, part: float) -> None:
    """Have only *part* of the queries wait that usually may: what each takes nobody knows."""
    usual = waiting_queries(daemon.parts.config)
    daemon.admission.total = min(usual, max(int(usual * part), MEMORY_SHORT_QUERIES))


def _outside(parts: Parts, persistence: Persistence) -> dict[str, int]:
    """What caches give way to; what workers have in common is divided among them."""
    table, workers = parts.base.lists.table, workers_of(parts.config)
    zones = [live.table for live in parts.base.rpzs.zones if live.table is not None]
    store = persistence.store
    return {
        "lists": (0 if table is None else table.octets) // workers,
        "policy_zones": sum(zone.octets for zone in zones) // workers,
        "disk_index": (0 if store is None else store.filter.octets) // workers,
    }


def pools_of(daemon: Holding) -> dict[str, Pool]:
    """By name, the largest shares first."""
    parts = daemon.parts
    shares, known = shares_of(parts.config), parts.memory
    failures, bogus = known.failures.entries, known.bogus.entries
    pools = {
        "records": Pool(known.rrsets.octets, known.rrsets.entries.most),
        "packets": Pool(parts.packets.shards.octets, parts.packets.shards.most),
        "zone_cuts": Pool(parts.delegations.entries.octets, parts.delegations.entries.most),
        "denials": Pool(known.negatives.entries.octets, known.negatives.entries.most),
        "gaps": Pool(0, 0)
        if known.denial is None
        else Pool(known.denial.octets, known.denial.most),
        "failures": Pool(failures.octets + bogus.octets, failures.most + bogus.most),
        "servers": Pool(len(parts.infra) * SERVER_OCTETS, shares.servers),
        "zone_keys": Pool(len(parts.keystore) * ZONE_KEYS_OCTETS, shares.zone_keys),
        "queries": Pool(
            daemon.admission.in_flight * QUERY_IN_FLIGHT_OCTETS,
            daemon.admission.total * QUERY_IN_FLIGHT_OCTETS,
        ),
        "connections": Pool(
            len(daemon.slots) * CONNECTION_OCTETS + daemon.slots.backlog.octets,
            daemon.slots.total * CONNECTION_OCTETS + shares.unsent,
        ),
        "quic": Pool(daemon.quic.octets, daemon.quic.most_octets),
    }
    in_common = daemon.sharing.common_octets // workers_of(parts.config)
    pools["in_common"] = Pool(in_common, shares.in_common)
    outside = _outside(parts, daemon.persistence)
    pools |= {name: Pool(octets, octets) for name, octets in outside.items()}
    held = sum(pool.octets for pool in pools.values())
    resident = daemon.memory_keeper.signs.resident()
    pools["program"] = Pool(max(0, resident - held), shares.program)
    return pools


def memory_of_process(daemon: Holding) -> dict[str, Any]:
    """For `status`: octets; *caches_part*: what caches may have of their shares now, 1 at most."""
    keeper = daemon.memory_keeper
    return {
        "budget_octets": shares_of(daemon.parts.config).budget,
        "resident_octets": keeper.signs.resident(),
        "caches_part": round(keeper.part, 3),
        "shrinks": keeper.shrinks,
        "pools": {
            name: {"octets": pool.octets, "most_octets": pool.most}
            for name, pool in pools_of(daemon).items()
        },
    }


def count_memory(registry: Registry, daemon: Holding) -> None:
    """Into the registry: what there is, and the keeper's counts."""
    registry.count("memory", MemoryKeeper, lambda: [daemon.memory_keeper])
    registry.labelled(
        "memory_bytes",
        "Octets that each pool of memory holds, as they are reckoned; program: the rest of what "
        "the process takes.",
        lambda: {f'pool="{name}"': pool.octets for name, pool in pools_of(daemon).items()},
    )
    registry.labelled(
        "memory_share_bytes",
        "Octets that each pool of memory may hold now.",
        lambda: {f'pool="{name}"': pool.most for name, pool in pools_of(daemon).items()},
    )
    registry.gauge(
        "memory_budget_bytes",
        "Octets that this process may take (`memory`).",
        lambda: shares_of(daemon.parts.config).budget,
    )
    registry.gauge(
        "memory_resident_bytes",
        "Octets of the machine's memory that this process takes.",
        daemon.memory_keeper.signs.resident,
    )
    registry.gauge(
        "memory_caches_part",
        "What caches may have of their shares now: 1, and less while memory is short.",
        lambda: daemon.memory_keeper.part,
    )
