"""What outlives the process beside records: what servers are like, what is kept warm, and how much
was written to disk in the last day.

Each is a note in the store, taken back as a whole at the start, before anything is renewed, and
kept again every STORE_NOTE_SECONDS and at the end, more often in the first minutes: no sooner than
the process is old, so that a kill loses half of its life at most. A large one is kept more seldom,
one with nothing new not at all. What it knows of servers the first worker keeps, for all; what is
warm and what was written, each its own. TLS tickets are not kept, nor is who asked: of a name only
how it is used.

What is read back is untrusted, whatever its checksum: WireError if it is none, told once.
"""

from __future__ import annotations

import logging
import math
from typing import TYPE_CHECKING, Any, Final, Protocol

import msgspec
import trio

from resolver.errors import WireError
from resolver.geo.distance import PartialOutage
from resolver.limits import (
    MAX_TTL_SECONDS_RANGE,
    OUTAGE_PREFIXES,
    PARTIAL_OUTAGE_HOSTS,
    PARTIAL_OUTAGES,
    STORE_COMMIT_SECONDS,
    STORE_EXPIRED_SECONDS,
    STORE_NOTE_RATE,
    STORE_NOTE_SECONDS,
    STORE_SERVERS,
    WARM_QUESTIONS,
)
from resolver.protocol.ip_addresses import address_octets
from resolver.protocol.shapes import plain_name_end
from resolver.recurse.prefetch import Snapshot
from resolver.upstream.infra import Kept as Server
from resolver.upstream.neighbours import KeptWitness
from resolver.upstream.opportunity import KeptOpportunity

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from resolver.cache.store_writer import Writer
    from resolver.cache.write_ledger import WriteLedger, Written
    from resolver.daemon.wiring import Base
    from resolver.recurse.prefetch import Prefetch
    from resolver.runtime.clock import Clock
    from resolver.upstream.encrypted import Encrypted
    from resolver.upstream.experiments import Experiments
    from resolver.upstream.infra import Infra
    from resolver.upstream.ways import Ways

    Hop = Callable[..., Awaitable[Any]]

_log = logging.getLogger(__name__)
_NUMBERS: Final = range(1, 1 << 16)  # types, ports
_DAY_HOURS: Final = 24
_NEVER: Final = float("-inf")
_SAME_S: Final = 1.0  # ages are rounded
_MOST: Final = 1 << 40  # of anything that is counted


class Keepsake(Protocol):
    """One of them. *name* is the note's."""

    name: str

    def octets(self) -> tuple[bytes, float]:
        """The note, and a time that moves on with what is new; -inf: there is nothing."""

    def take_back_untrusted(self, octets: bytes, age_s: float | None, /) -> None:
        """Go by a note of *age_s* seconds ago, None if nobody knows. Raises WireError."""


class Servers:
    """Round-trip times and habits of the servers that answered last, STORE_SERVERS of them."""

    def __init__(
        self, infra: Infra, name: str, *, now: Callable[[], float] = trio.current_time
    ) -> None:
        self.name = name
        self._infra = infra
        self._now = now

    def octets(self) -> tuple[bytes, float]:
        now = self._now()
        kept = sorted(self._infra.snapshot(now), key=lambda one: one.age_s)[:STORE_SERVERS]
        newest = now - kept[0].age_s if kept else _NEVER
        return msgspec.json.encode(kept), newest

    def take_back_untrusted(self, octets: bytes, age_s: float | None) -> None:
        kept = servers_untrusted(octets)
        away_s = STORE_EXPIRED_SECONDS if age_s is None else age_s
        try:
            self._infra.restore(kept, away_s=away_s, now=self._now())
        except (ValueError, OverflowError) as error:
            raise WireError(str(error)) from None


class Opportunism:
    """Which servers speak TLS, and which do not (RFC 9539); nothing where nobody asks."""

    def __init__(
        self, encrypted: Encrypted, name: str, *, now: Callable[[], float] = trio.current_time
    ) -> None:
        self.name = name
        self._encrypted = encrypted
        self._now = now

    def octets(self) -> tuple[bytes, float]:
        opportunist, now = self._encrypted.opportunist, self._now()
        kept = opportunist.snapshot(now)[:STORE_SERVERS] if opportunist is not None else []
        newest = now - kept[0].age_s if kept else _NEVER
        return msgspec.json.encode(kept), newest

    def take_back_untrusted(self, octets: bytes, age_s: float | None) -> None:
        kept = opportunism_untrusted(octets)
        if self._encrypted.opportunist is not None and age_s is not None:
            self._encrypted.opportunist.restore(kept, away_s=age_s, now=self._now())


class Near:
    """The nearest servers that answered: witnesses of a start into a cut."""

    def __init__(self, ways: Ways, name: str) -> None:
        self.name = name
        self._ways = ways

    def octets(self) -> tuple[bytes, float]:
        public = self._ways.public
        return msgspec.json.encode(public.neighbours.snapshot()), public.reach.last_answer

    def take_back_untrusted(self, octets: bytes, _: float | None) -> None:
        kept = near_untrusted(octets)
        try:
            self._ways.remember(kept)
        except ValueError as error:
            raise WireError(str(error)) from None


class Warm:
    """What is kept warm, and the budget for it."""

    def __init__(self, prefetch: Prefetch, clock: Clock, name: str) -> None:
        self.name = name
        self._prefetch = prefetch
        self._clock = clock

    def octets(self) -> tuple[bytes, float]:
        now, snapshot = self._clock.now(), self._prefetch.snapshot()
        newest = now - min((one.age_s for one in snapshot[0]), default=-_NEVER)
        return msgspec.json.encode(snapshot), newest

    def take_back_untrusted(self, octets: bytes, age_s: float | None) -> None:
        self._prefetch.restore(warm_untrusted(octets), away_s=age_s or 0.0)


class PartialOutages:
    """Who answered in partial outages, and who did not."""

    def __init__(self, experiments: Experiments, clock: Clock, name: str) -> None:
        self.name = name
        self._experiments = experiments
        self._clock = clock

    def octets(self) -> tuple[bytes, float]:
        """They are no older for being kept: their times are the wall clock's."""
        kept = self._experiments.kept
        newest = kept[-1].ended if kept else _NEVER
        return msgspec.json.encode(kept), newest

    def take_back_untrusted(self, octets: bytes, _: float | None) -> None:
        self._experiments.kept = partial_outages_untrusted(octets)
        self._experiments.forget_old(self._clock.wall())


class OctetsWritten:
    """How much was written to disk in the last day."""

    def __init__(self, ledger: WriteLedger, clock: Clock, name: str) -> None:
        self.name = name
        self._ledger = ledger
        self._clock = clock

    def octets(self) -> tuple[bytes, float]:
        """It is no news of its own: it is kept where something else is."""
        return msgspec.json.encode(self._ledger.snapshot(self._clock.now())), _NEVER

    def take_back_untrusted(self, octets: bytes, age_s: float | None) -> None:
        hours = written_untrusted(octets)
        self._ledger.restore(hours, self._clock.now(), away_s=age_s or 0.0)


class Keepsakes:
    """All of them, of one worker of a daemon."""

    def __init__(self, base: Base, writer: Writer, ledger: WriteLedger, *, worker: int = 0) -> None:
        clock = base.clock
        self._writer = writer
        self._clock = clock
        self._servers = Servers(base.infra, "servers")
        self._opportunism = Opportunism(base.dispatcher.encrypted, "opportunism")
        self._near = Near(base.dispatcher.ways, "neighbours")
        experiments = base.dispatcher.shared.experiments
        self._outages = PartialOutages(experiments, clock, "partial-outages")
        self._warm = Warm(base.prefetch, clock, _of("warm", worker))
        self._written = OctetsWritten(ledger, clock, _of("written", worker))
        self._is_first = worker == 0
        self._born = 0.0
        self._due: dict[str, float] = {}
        self._newest: dict[str, float] = {}

    def __repr__(self) -> str:
        return f"<Keepsakes {self._newest}>"

    async def take_back(self, hop: Hop) -> None:
        """Have what an earlier process knew. Raises StoreFailed."""
        self._born = trio.current_time()
        servers = self._servers, self._near, self._opportunism  # RTTs tell who is near
        for one in (*servers, self._outages, self._warm, self._written):
            note = await hop(self._writer.note, one.name, self._clock.now())
            if note is not None:
                try:
                    one.take_back_untrusted(note.octets, note.age_s)
                    self._newest[one.name] = one.octets()[1]
                except WireError as error:
                    _log.warning("what was kept of %s cannot be read: %s", one.name, error)

    async def keep(self, hop: Hop, *, is_due: bool = False) -> None:
        """Write what is due, or all, though nothing be new in it. Raises StoreFailed."""
        for name, octets in self._new(trio.current_time(), is_due=is_due):
            await hop(self._writer.keep_note, name, octets, self._clock.now())

    def keep_all(self) -> None:
        """Write what is new, for the last time. Raises StoreFailed."""
        for name, octets in self._new(float("inf")):
            self._writer.keep_note(name, octets, self._clock.now())

    def _new(self, now: float, *, is_due: bool = False) -> list[tuple[str, bytes]]:
        """Name and octets of what is due by *now* and has changed; the octets written beside it."""
        found = []
        servers: Sequence[Keepsake] = (self._servers, self._near, self._opportunism, self._outages)
        servers = servers if self._is_first else ()
        for one in (*servers, self._warm):
            if now < self._due.get(one.name, 0.0) and not is_due:
                continue
            octets, newest = one.octets()
            wait_s = min(max(now - self._born, STORE_COMMIT_SECONDS), STORE_NOTE_SECONDS)
            self._due[one.name] = now + max(wait_s, len(octets) / STORE_NOTE_RATE)
            if is_due or newest > self._newest.get(one.name, _NEVER) + _SAME_S:
                self._newest[one.name] = newest
                found.append((one.name, octets))
        if found:
            found.append((self._written.name, self._written.octets()[0]))
        return found


def _of(name: str, worker: int) -> str:
    return f"{name}-{worker}" if worker else name


# --- what is read back --------------------------------------------------------------------------


def servers_untrusted(octets: bytes) -> list[Server]:
    """What a note says of servers. Raises WireError only."""
    return list(_decoded(octets, list[Server]))


def opportunism_untrusted(octets: bytes) -> list[KeptOpportunity]:
    """What a note says of those that speak TLS. Raises WireError only."""
    kept = list(_decoded(octets, list[KeptOpportunity]))[:STORE_SERVERS]
    for one in kept:
        try:
            address_octets(one.host)
        except ValueError as error:
            raise WireError(str(error)) from None
        if not math.isfinite(one.age_s):
            raise WireError("an age is none")
    return kept


def near_untrusted(octets: bytes) -> list[KeptWitness]:
    """What a note says of the nearest of them. Raises WireError only."""
    kept = list(_decoded(octets, list[KeptWitness]))[:OUTAGE_PREFIXES]
    for one in kept:
        if one.port not in _NUMBERS or one.qtype not in _NUMBERS or one.transport != "udp":
            raise WireError("a port, a type or a transport is none")
        try:
            address_octets(one.host)
        except ValueError as error:
            raise WireError(str(error)) from None
    return kept


def partial_outages_untrusted(octets: bytes) -> list[PartialOutage]:
    """What a note says of partial outages. Raises WireError only."""
    kept = list(_decoded(octets, list[PartialOutage]))[-PARTIAL_OUTAGES:]
    for one in kept:
        hosts = [*one.answered, *one.silent]
        if not math.isfinite(one.began) or not math.isfinite(one.ended) or one.began > one.ended:
            raise WireError("a time is none")
        if len(hosts) > 2 * PARTIAL_OUTAGE_HOSTS:
            raise WireError("too many hosts")
        try:
            for host in hosts:
                address_octets(host)
        except ValueError as error:
            raise WireError(str(error)) from None
    return kept


def warm_untrusted(octets: bytes) -> Snapshot:
    """What a note says is kept warm, and of the budget. Raises WireError only."""
    questions, hours = _decoded(octets, Snapshot)
    for one in questions:
        qname = one.qname
        if plain_name_end(qname, 0, len(qname)) != len(qname) or qname.lower() != qname:
            raise WireError("a name is none")
        if one.qtype not in _NUMBERS or not 0 <= one.ttl <= MAX_TTL_SECONDS_RANGE[1]:
            raise WireError("a type or a TTL is none")
    for _, *counts in hours:
        if any(abs(count) > _MOST for count in counts):
            raise WireError("an hour is none")
    last_day = [hour for hour in hours if 0 <= hour[0] <= _DAY_HOURS]
    return questions[:WARM_QUESTIONS], last_day[: _DAY_HOURS + 1]


def written_untrusted(octets: bytes) -> list[Written]:
    """What a note says of octets written. Raises WireError only."""
    return list(_decoded(octets, list[tuple[int, int]]))


def _decoded(octets: bytes, kind: Any) -> Any:  # what *kind* says
    try:
        return msgspec.json.decode(octets, type=kind)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise WireError(f"a note is none: {error}") from None
