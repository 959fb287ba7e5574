"""The numbers of all workers on one page: each posts its own, and whoever is asked shows them all.

It is what workers share: a secret, their bells (`runtime.bells`) and lines (`runtime.worker_lines`)
are here too.

A mapping made before the fork is shared by parent and children; it has a slot for each worker. A
worker writes its slot every SHARED_COUNTERS_SECONDS; it alone does, and readers notice if they look
while it does. A slot outlives the worker: of one that died the last numbers are shown, until its
successor posts its own. Numbers only, by the names of `metrics`; labels tell the workers apart.
"""

from __future__ import annotations

import mmap
import os
import struct
from typing import TYPE_CHECKING, Protocol

import msgspec
import trio

from resolver.limits import (
    SHARED_COUNTERS_SECONDS,
    SLOT_LOOKS,
    SLOT_OCTETS,
    STATE_OCTETS,
    STORE_FILTER_OCTETS,
)
from resolver.runtime.bells import Bells
from resolver.runtime.worker_lines import WorkerLines
from resolver.telemetry.metrics import Family, exposition

if TYPE_CHECKING:
    from collections.abc import Mapping

    from resolver.telemetry.metrics import Registry

_HEAD = struct.Struct("=III")  # edition (odd while it is written), octets, starts
_KEY_OCTETS = 32
_BEGUN, _ENDING, _DRAINED, _HEALTH = 0, 1, 2, 3  # octets of what is said once for all
_STARTS = Family("resolver_worker_starts_total", "Processes that began to be this worker.")


class Page(Protocol):
    """What a scraper is shown."""

    def text(self) -> str: ...


class SharedCounters:
    """One slot for each of *workers*, in memory that children share.

    *learnt_octets*: how much is for what they learn (`cache.common_memory`); *tokens_octets*: for
    what their clients may have answered (`listen.token_levels`). *ports_file*: a descriptor of who
    has which place at the ports that they share (`listen.steered_ports`); -1 is none.
    """

    def __init__(
        self,
        workers: int,
        *,
        learnt_octets: int = 0,
        tokens_octets: int = 0,
        ports_file: int = -1,
    ) -> None:
        self.workers = workers
        self.key = os.urandom(_KEY_OCTETS)  # a secret of all workers, gone with them
        self.bells = Bells(workers)
        self.outage_bells = Bells(workers)
        self.lines = WorkerLines(workers)
        self._memory = mmap.mmap(-1, workers * SLOT_OCTETS)
        self.day_key = mmap.mmap(-1, mmap.PAGESIZE)
        self.said = mmap.mmap(-1, mmap.PAGESIZE)
        self.outages = mmap.mmap(-1, mmap.PAGESIZE)
        self.decided = mmap.mmap(-1, 2 * STATE_OCTETS)
        self.common = mmap.mmap(-1, STORE_FILTER_OCTETS)  # no pages until somebody fills them
        self.learnt = mmap.mmap(-1, learnt_octets) if learnt_octets else None
        self.tokens = mmap.mmap(-1, tokens_octets) if tokens_octets else None
        self.ports_file = ports_file

    def __repr__(self) -> str:
        return f"<SharedCounters of {self.workers}>"

    def note_ending(self) -> None:
        """All workers are about to end."""
        self.said[_ENDING] = 1

    def note_start(self, worker: int) -> None:
        """A process begins to be *worker*."""
        edition, octets, starts = self._head(worker)
        _HEAD.pack_into(self._memory, worker * SLOT_OCTETS, edition, octets, starts + 1)

    def post(self, worker: int, values: dict[str, float]) -> None:
        """Put *values* in place of what *worker* posted before."""
        at = worker * SLOT_OCTETS
        body = msgspec.json.encode(values)
        if _HEAD.size + len(body) > SLOT_OCTETS:
            raise ValueError("more numbers than a slot holds")
        edition, _, starts = self._head(worker)
        edition |= 1  # a writer that died half-way left it odd
        _HEAD.pack_into(self._memory, at, edition, len(body), starts)
        self._memory[at + _HEAD.size : at + _HEAD.size + len(body)] = body
        _HEAD.pack_into(self._memory, at, (edition + 1) & 0xFFFFFFFE, len(body), starts)

    def read(self, worker: int) -> dict[str, float]:
        """What *worker* posted last; empty if nothing, or if it writes at this very moment."""
        at = worker * SLOT_OCTETS
        for _ in range(SLOT_LOOKS):
            edition, octets, starts = self._head(worker)
            body = self._memory[at + _HEAD.size : at + _HEAD.size + octets]
            if octets and not edition & 1 and self._head(worker)[0] == edition:
                values = msgspec.json.decode(body, type=dict[str, float])
                return {_STARTS.name: starts, **values}
        return {}

    def text(self, families: Mapping[str, Family]) -> str:
        """The exposition of *families*, with a sample of each worker that posted."""
        found: dict[str, dict[str, float]] = {}
        for worker in range(self.workers):
            for name, value in self.read(worker).items():
                found.setdefault(name, {})[f'worker="{worker}"'] = value
        return exposition({_STARTS.name: _STARTS, **families}, found)

    def _head(self, worker: int) -> tuple[int, int, int]:
        edition, octets, starts = _HEAD.unpack_from(self._memory, worker * SLOT_OCTETS)
        return edition, octets, starts


class Slot:
    """One worker's place among the shared *counters*."""

    def __init__(self, counters: SharedCounters, worker: int) -> None:
        self._counters = counters
        self._worker = worker

    @property
    def is_first(self) -> bool:
        """True for one of the workers: what all of them could say, it says."""
        return self._worker == 0

    @property
    def number(self) -> int:
        """Which of the workers, from 0 on."""
        return self._worker

    @property
    def has_first_begun(self) -> bool:
        """True once the first worker, or one before it, has read what it reads for all."""
        return bool(self._counters.said[_BEGUN])

    def note_first_begun(self) -> None:
        """Say so."""
        self._counters.said[_BEGUN] = 1

    @property
    def is_ending(self) -> bool:
        """True if all workers end; else who is told to end leaves its clients to the others."""
        return bool(self._counters.said[_ENDING])

    @property
    def is_drained(self) -> bool:
        """True while no worker is to take questions, because somebody wanted so."""
        return bool(self._counters.said[_DRAINED])

    @is_drained.setter
    def is_drained(self, is_drained: bool) -> None:
        self._counters.said[_DRAINED] = is_drained

    @property
    def health(self) -> int:
        """What the first worker has said last of the machine's health, for who comes after it, as
        `daemon.health` writes it; 0: nothing."""
        return self._counters.said[_HEALTH]

    @health.setter
    def health(self, said: int) -> None:
        self._counters.said[_HEALTH] = said

    @property
    def common(self) -> mmap.mmap:
        """Memory of all workers, zeros at the start, for `cache.store_filter`."""
        return self._counters.common

    @property
    def learnt(self) -> mmap.mmap | None:
        """Memory of all workers, zeros at the start, for `cache.common_memory`."""
        return self._counters.learnt

    @property
    def tokens(self) -> mmap.mmap | None:
        """Memory of all workers, zeros at the start, for `listen.token_levels`."""
        return self._counters.tokens

    @property
    def ports_file(self) -> int:
        """A descriptor of what all workers write down in `listen.steered_ports`; -1: of nothing."""
        return self._counters.ports_file

    @property
    def workers(self) -> int:
        """How many there are."""
        return self._counters.workers

    @property
    def day_key(self) -> mmap.mmap:
        """Memory of all workers for the key of a day, zeros at the start (`client_forms`)."""
        return self._counters.day_key

    @property
    def key(self) -> bytes:
        """What all workers have, and nobody else: a client asks now one of them, now another."""
        return self._counters.key

    def ring(self) -> None:
        """Have the other workers look at what is new on disk."""
        self._counters.bells.ring(self._worker)

    async def is_rung(self) -> None:
        """Returns when another worker has something new."""
        await self._counters.bells.heard(self._worker)

    @property
    def outages(self) -> mmap.mmap:
        """Memory of all workers, zeros at the start, for `daemon.outage_news`."""
        return self._counters.outages

    @property
    def decided(self) -> mmap.mmap:
        """Memory of all workers, zeros at the start, for `daemon.overriding`."""
        return self._counters.decided

    @property
    def outage_bells(self) -> Bells:
        """Rung where it has changed."""
        return self._counters.outage_bells

    @property
    def lines(self) -> WorkerLines:
        """What leads from the first worker to the others."""
        return self._counters.lines

    def page(self, registry: Registry) -> Page:
        """All workers' numbers, this one's fresh."""
        return _Shared(self._counters, self._worker, registry)

    async def keep_posting(self, registry: Registry) -> None:
        """Post every SHARED_COUNTERS_SECONDS until cancelled."""
        self._counters.note_start(self._worker)
        while True:
            self._counters.post(self._worker, dict(registry.values()))
            await trio.sleep(SHARED_COUNTERS_SECONDS)


class _Shared:
    def __init__(self, counters: SharedCounters, worker: int, registry: Registry) -> None:
        self._counters = counters
        self._worker = worker
        self._registry = registry

    def text(self) -> str:
        self._counters.post(self._worker, dict(self._registry.values()))
        return self._counters.text(self._registry.families)
