"""A process of its own, at the lowest priority: works a drill out by what it is handed, and by the
cache on disk, which it only reads.

    python -m resolver.daemon.drill_work < job > outcome

It has no socket, and sends nothing. Where the disk cannot be read, it goes by what it was handed.
"""

from __future__ import annotations

import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from resolver.cache.basis import Basis, Times
from resolver.cache.negative import ANY_TYPE, Denied
from resolver.cache.read_back import ReadBack
from resolver.cache.rrset import Entry
from resolver.cache.store import Store
from resolver.cache.store_reading import StoreReader
from resolver.daemon import child_life
from resolver.drill.closure import Closure
from resolver.drill.facts import Asked, Facts, Index
from resolver.drill.job import Done, Job
from resolver.drill.outlook import Features, Terms
from resolver.drill.report import Outcome, drill
from resolver.errors import StoreFailed
from resolver.model import NOT_JUDGED, Question
from resolver.operate.drill_facts import cut_of, fact_of
from resolver.policy.networks import Networks
from resolver.protocol.ip_addresses import address_octets

if TYPE_CHECKING:
    from resolver.cache.negative import Negative
    from resolver.drill.facts import Cut, Fact, Trust
    from resolver.drill.job import StoreAt
    from resolver.model import Name


def work(job: Job) -> Outcome:
    """Do it."""
    index, terms = prepared(job)
    return drill(index, job.used, terms, job.after_s, frozenset(job.measured))


def prepared(job: Job) -> tuple[Index, Terms]:
    """All that is known, with what the disk has of it, and who goes on answering."""
    index = Index(job.facts)
    if job.store is not None:
        with suppress(StoreFailed):  # damaged, or in the way: memory has what is used most
            index.add(_on_disk(job, index, job.store))
    return index, _terms(job, index)


def _terms(job: Job, index: Index) -> Terms:
    kept = set(job.kept)
    if job.keep_only:
        networks = Networks[bool]()
        for prefix in job.keep_only:
            networks.put(prefix, value=True)
        kept.update(host for host in _hosts(index) if networks.closest(address_octets(host)))
    return Terms(
        frozenset(kept), Features(job.local_root, job.keeps_warm, job.stale_s),
        frozenset(job.anchors), frozenset(job.waived), frozenset(job.never_stale),
        past_signatures=job.past_signatures, is_cold=job.is_cold,
    )  # fmt: skip


def _hosts(index: Index) -> set[str]:
    found = {host for cut in index.cuts.values() for host in cut.hosts()}
    return found.union(*(fact.hosts for fact in index.facts.values()))


class _Frozen(NamedTuple):
    """A clock that stands still."""

    at: float
    at_wall: float

    def now(self) -> float:
        return self.at

    def wall(self) -> float:
        return self.at_wall


def _on_disk(job: Job, index: Index, at: StoreAt) -> Facts:
    """What the disk has of the names and of all behind them, beside what is in *index*. Raises
    StoreFailed."""
    clock = _Frozen(at.now, at.wall)
    store = Store(
        None, at.key, clock, boot=at.boot, is_sure=lambda: at.is_sure, stopwatch=lambda: 0.0,
        disk_reads=lambda: 0, stale_s=at.stale_s,
    )  # fmt: skip
    basis = Basis(at.public, at.trust, dict(at.ways), at.validates)
    back = ReadBack(store, basis, max_ttl=at.max_ttl, negative_ttl=at.negative_ttl)
    times = Times(at.boot, at.now, at.wall, at.is_sure, at.stale_s)
    reader = StoreReader(Path(at.path), back, times)
    try:
        closure = Closure(_Both(index, reader, clock), job.most)
        for one in job.used:
            closure.follow(one.asked)
    finally:
        reader.close()
    return closure.facts


class _Both:
    """`drill.closure.View` of what was handed over, and of the disk where that has nothing that
    still counts."""

    def __init__(self, index: Index, reader: StoreReader, clock: _Frozen) -> None:
        self._index = index
        self._reader = reader
        self._clock = clock

    def __repr__(self) -> str:
        return f"<_Both {self._index} and {self._reader}>"

    def fact(self, asked: Asked) -> Fact | None:
        known = self._index.facts.get(asked)
        if known is not None and known.left_s > 0:
            return known
        question = Question(asked.name, asked.rtype)
        found = [kept for one in self._reader.data(question) if (kept := _kept(one, asked.rtype))]
        best = max(
            found, key=lambda one: (one.status not in NOT_JUDGED, one.learnt_at), default=None
        )
        if best is None or not best.ttl:
            return known
        clock = self._clock
        fact = fact_of(question, best, now=clock.at, wall=clock.at_wall)
        return known if known is not None and known.left_s >= fact.left_s else fact

    def cut(self, zone: Name) -> Cut | None:
        known = self._index.cuts.get(zone)
        if known is not None and (known.is_fixed or known.left_s > 0):
            return known
        for delegation in self._reader.cuts(zone):
            return cut_of(delegation, now=self._clock.at)
        return known

    def trust(self, zone: Name) -> Trust | None:
        return self._index.trusts.get(zone)


def _kept(one: Entry | Denied, rtype: int) -> Entry | Negative | None:
    """What is of use of *one* to a question of *rtype*."""
    if isinstance(one, Entry):
        return one
    is_meant = one.rtype in (ANY_TYPE, rtype) and not one.negative.is_proof_only
    return one.negative if is_meant else None


def main() -> None:
    """The process: at the lowest priority, the first to go where memory is short."""
    head, *pieces = sys.stdin.buffer.read().split(b"\n")
    job = msgspec.json.decode(head, type=Job)
    child_life.begin(job.parent)
    job.facts = [msgspec.json.decode(piece, type=Facts) for piece in pieces]
    try:
        outcome = work(job)
    except MemoryError:
        outcome = Outcome(trouble="there is not enough memory for a drill")
    outcome.cpu_s, outcome.peak_octets = child_life.spent()
    failing = [msgspec.Raw(msgspec.json.encode(one)) for one in outcome.failing]
    outcome.failing = []
    sys.stdout.buffer.write(msgspec.json.encode(Done(outcome, failing)))


if __name__ == "__main__":
    main()
