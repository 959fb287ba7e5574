"""Who may have how much of the one budget of memory (`memory`). Pure: octets in, octets out.

    budget            what all workers may take, the program included
      a supervisor    only above several workers; what is left is divided among them, evenly
        program       the interpreter and the code; more with encrypted listeners
        in common     its part of what several workers have together, all of which each may see
        room          what is left
          queries, connections, QUIC, servers, zones' keys      a part of the room each, with the
                      least that they need and the most that their own limits let them have
          caches      all that is left: records, and beside them ready replies, zone cuts, denials,
                      proven gaps, failures, each a part of what the records have

`cache.size_octets` says what the records have; the other caches follow, and must fit. Lists, policy
zones and the filter of names on disk have what they need: the caches give way to them, as they are
(`daemon.memory_keeper`).
"""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING, NamedTuple

from resolver.config.fault import Fault
from resolver.config.holes import as_far_as_known
from resolver.config.listen_urls import listen_url
from resolver.limits import (
    ADDRESS_STATES,
    CACHES_LEAST_OCTETS,
    CLIENT_QUERIES,
    COMMON_INDEX_SLOTS,
    COMMON_RING_OCTETS,
    CONNECTION_OCTETS,
    CONNECTIONS_LEAST_OCTETS,
    CONNECTIONS_PART,
    DELEGATION_CACHE_PART,
    DENIAL_RANGE_OCTETS,
    FAILURE_CACHE_OCTETS,
    FAILURE_CACHE_PART,
    GAPS_CACHE_PART,
    MEMORY_ENCRYPTED_OCTETS,
    MEMORY_LEAST_OCTETS,
    MEMORY_MOST_PART,
    MEMORY_PART,
    MEMORY_PROGRAM_OCTETS,
    MEMORY_ROOM_OCTETS,
    MEMORY_SUPERVISOR_OCTETS,
    MEMORY_UNKNOWN_OCTETS,
    NEGATIVE_CACHE_PART,
    PACKET_CACHE_PART,
    QUERIES_LEAST_OCTETS,
    QUERIES_PART,
    QUERY_IN_FLIGHT_OCTETS,
    QUIC_LEAST_OCTETS,
    QUIC_MEMORY_OCTETS,
    QUIC_PART,
    RATE_COMMON_PLACES,
    RRSET_CACHE_OCTETS_RANGE,
    SERVER_OCTETS,
    SERVERS_LEAST_OCTETS,
    SERVERS_PART,
    STORE_FILTER_OCTETS,
    STORE_FILTER_PART,
    TCP_CONNECTIONS,
    TCP_UNSENT_TOTAL_OCTETS,
    TRUSTED_ZONES,
    ZONE_KEYS_LEAST_OCTETS,
    ZONE_KEYS_OCTETS,
    ZONE_KEYS_PART,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from resolver.config.schema import Config

_PLACES = TCP_CONNECTIONS * CONNECTION_OCTETS
_MOST_UNSENT = TCP_UNSENT_TOTAL_OCTETS
# Part of the room, least and most of it, in the order of `Shares`.
_ROWS = (
    (QUERIES_PART, QUERIES_LEAST_OCTETS, CLIENT_QUERIES * QUERY_IN_FLIGHT_OCTETS),
    (CONNECTIONS_PART, CONNECTIONS_LEAST_OCTETS, _PLACES + _MOST_UNSENT),
    (QUIC_PART, QUIC_LEAST_OCTETS, QUIC_MEMORY_OCTETS),
    (SERVERS_PART, SERVERS_LEAST_OCTETS, ADDRESS_STATES * SERVER_OCTETS),
    (ZONE_KEYS_PART, ZONE_KEYS_LEAST_OCTETS, TRUSTED_ZONES * ZONE_KEYS_OCTETS),
)
_BESIDE_RECORDS = (
    1 / PACKET_CACHE_PART + 1 / DELEGATION_CACHE_PART + 1 / NEGATIVE_CACHE_PART
    + 1 / GAPS_CACHE_PART + 2 / FAILURE_CACHE_PART
)  # fmt: skip
_COMMON_INDEX = 4096 + COMMON_INDEX_SLOTS * 8  # `cache.common_memory`, without its rings
_COMMON_TOKENS = 2 * RATE_COMMON_PLACES * 24  # `listen.token_levels`
_ROOM_OF_ALL = 4 * RRSET_CACHE_OCTETS_RANGE[1]  # more than anybody's records and all beside them


class Shares(NamedTuple):
    """Octets that each pool of one worker may have. *failures*: of each of two caches of them.

    *store_filter*: of all workers, who have one.
    """

    budget: int
    program: int
    in_common: int
    queries: int
    connections: int
    quic: int
    servers: int
    zone_keys: int
    records: int
    packets: int
    zone_cuts: int
    denials: int
    gaps: int
    failures: int
    store_filter: int

    @property
    def queries_in_flight(self) -> int:
        return self.queries // QUERY_IN_FLIGHT_OCTETS

    @property
    def unsent(self) -> int:
        """Octets of replies that clients over streams have not taken."""
        return min(self.connections - self.places * CONNECTION_OCTETS, _MOST_UNSENT)

    @property
    def places(self) -> int:
        """Connections of clients over streams."""
        return min(self.connections // 2 // CONNECTION_OCTETS, TCP_CONNECTIONS)

    @property
    def known_servers(self) -> int:
        return self.servers // SERVER_OCTETS

    @property
    def known_zones(self) -> int:
        return self.zone_keys // ZONE_KEYS_OCTETS

    @property
    def caches(self) -> int:
        beside = self.packets + self.zone_cuts + self.denials + self.gaps
        return self.records + beside + 2 * self.failures


def shares_of(config: Config) -> Shares:
    """Of one worker. `memory = "auto"` is what is had where nobody knows what there is."""
    budget = _worker_octets(config, budget_octets(config))
    program, in_common = program_octets(config), _common_each(config)
    room = max(budget - program - in_common, MEMORY_ROOM_OCTETS)
    queries, connections, quic, servers, zone_keys = (_clamped(room, *row) for row in _ROWS)
    wanted = config.cache.size_octets
    records = _records(room) if wanted == "auto" else wanted
    return Shares(
        budget=budget,
        program=program,
        in_common=in_common,
        queries=queries,
        connections=connections,
        quic=quic,
        servers=servers,
        zone_keys=zone_keys,
        records=records,
        packets=records // PACKET_CACHE_PART,
        zone_cuts=records // DELEGATION_CACHE_PART,
        denials=records // NEGATIVE_CACHE_PART,
        gaps=min(records // GAPS_CACHE_PART, DENIAL_RANGE_OCTETS),
        failures=min(records // FAILURE_CACHE_PART, FAILURE_CACHE_OCTETS),
        store_filter=min(budget_octets(config) // STORE_FILTER_PART, STORE_FILTER_OCTETS),
    )


def budget_octets(config: Config, available: int | None = None, *, lists: int = 0) -> int:
    """Of all workers together; *available*: what the machine or our cgroup has, if that is known.

    Less than `memory` says where there is not so much; "auto" is more than its part of it where the
    configuration wants more: workers, `cache.size_octets`, *lists* of so many octets.
    """
    wanted: int | str = config.memory
    if wanted == "auto":
        part = MEMORY_UNKNOWN_OCTETS if available is None else available // MEMORY_PART
        wanted = max(part, least_octets(config) + lists, _for_records(config))
    if available is None:
        return int(wanted)
    most = max(int(available * MEMORY_MOST_PART), least_each(config))
    return min(int(wanted), most)


def most_records(config: Config) -> int:
    """The most that `cache.size_octets` may be beside the rest of the budget."""
    taken = program_octets(config) + _common_each(config)
    room = _worker_octets(config, budget_octets(config)) - taken
    return _records(max(room, MEMORY_ROOM_OCTETS))


def program_octets(config: Config) -> int:
    """What a worker takes before it knows anything."""
    try:
        encrypts = any(listen_url(text).is_encrypted for text in config.server.listen)
    except ValueError:  # told elsewhere
        encrypts = False
    return MEMORY_PROGRAM_OCTETS + encrypts * MEMORY_ENCRYPTED_OCTETS


def common_octets(config: Config) -> int:
    """What several workers have in common, filled to the brim: what they have learnt, and what
    clients may still have answered where there is a rate. One worker has nothing of it."""
    workers = workers_of(config)
    if workers == 1:
        return 0
    tokens = _COMMON_TOKENS if config.server.rate_limit else 0
    return _COMMON_INDEX + workers * COMMON_RING_OCTETS + tokens


def least_octets(config: Config) -> int:
    """The least budget with which this can be done."""
    workers, each = workers_of(config), least_each(config)
    return each if workers == 1 else MEMORY_SUPERVISOR_OCTETS + workers * each


def least_each(config: Config) -> int:
    """The least of one worker."""
    program = program_octets(config) + _common_each(config)
    return MEMORY_LEAST_OCTETS - MEMORY_PROGRAM_OCTETS + program


def workers_of(config: Config) -> int:
    """How many processes share the ports; `cli.serve` has put a number in the place of "auto"."""
    workers = config.server.workers
    return workers if isinstance(workers, int) else 1


@as_far_as_known
def memory_faults(config: Config) -> Iterator[Fault]:
    """Shares that are larger than the budget, and a budget that is too small for the program."""
    if config.memory == "auto":
        return
    if config.memory < (least := least_octets(config)):
        count, encrypts = workers_of(config), program_octets(config) > MEMORY_PROGRAM_OCTETS
        whose = f"for {count} workers" if count > 1 else "with this"
        whose += ' and encrypted listeners, or "auto"' if encrypts else ', or "auto"'
        yield Fault("memory", config.memory, f"at least {least} {whose}")
        return
    wanted, most = config.cache.size_octets, most_records(config)
    if wanted != "auto" and wanted > most:
        beside = f"what memory ({config.memory}) leaves for records beside all else, {most} at most"
        yield Fault("cache.size_octets", wanted, f'"auto", or {beside}')


def _worker_octets(config: Config, octets: int) -> int:
    workers = workers_of(config)
    if workers == 1:
        return octets
    return (octets - MEMORY_SUPERVISOR_OCTETS) // workers


def _common_each(config: Config) -> int:
    return -(-common_octets(config) // workers_of(config))


def _clamped(room: int, part: int, least: int, most: int) -> int:
    return min(max(room // part, least), most)


def _records(room: int) -> int:
    caches = room - sum(_clamped(room, *row) for row in _ROWS)
    records = int(max(caches, CACHES_LEAST_OCTETS) / (1 + _BESIDE_RECORDS))
    return min(max(records, RRSET_CACHE_OCTETS_RANGE[0]), RRSET_CACHE_OCTETS_RANGE[1])


def _for_records(config: Config) -> int:
    """A budget in which `cache.size_octets`, where it is set, has its place."""
    wanted = config.cache.size_octets
    if wanted == "auto":
        return 0
    least = MEMORY_ROOM_OCTETS
    room = least + bisect_left(range(least, least + _ROOM_OF_ALL), wanted, key=_records)
    workers = workers_of(config)
    supervisor = MEMORY_SUPERVISOR_OCTETS if workers > 1 else 0
    return supervisor + workers * (room + program_octets(config) + _common_each(config))
