"""Where the second level lies, for all configurations of one process: file, key, clocks, counts.

A record lies under a number made of its name and type. What is in the file is `record`'s; which
file it is, `store_sqlite`'s; what is read back and when, `second_level`'s; what goes there,
`store_writer`'s.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, ClassVar, NamedTuple, Protocol
from zlib import crc32

from resolver.cache import record
from resolver.cache.basis import Times
from resolver.cache.store_filter import CUT_SEED, Filter
from resolver.limits import STORE_COLD_LOOKUPS, STORE_COMMIT_SECONDS, STORE_EXPIRED_SECONDS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from resolver.cache.record import Sealed
    from resolver.errors import StoreFailed
    from resolver.model import Name

_log = logging.getLogger(__name__)
TOGETHER = 1 << 40  # numbers of what is below one domain
_DOMAIN = 0xFFFFFF
_SPREAD = 0xD0
CUT = 0xFFFE  # in the place of a type: a delegation; types from here on are not kept


def base_of(name: Name, kind: int = 0) -> int:
    """Below which number all that is kept of *name* lies, and nothing else for 256 numbers.

    What is below one domain of two labels lies together: fewer pages.
    """
    at, last, before = 0, 0, 0
    while size := name[at]:
        last, before = at, last
        at += size + 1
    domain = name[before:] if before else name
    return ((crc32(domain) & _DOMAIN) * TOGETHER | crc32(name, kind) << 8) - (1 << 63)


def code_of(rtype: int) -> int:
    """The place of a type above its name's base; common types have one each."""
    return (rtype ^ (rtype >> 8 & 0xFF) * _SPREAD) & 0xFF


def number_of(name: Name, rtype: int, kind: int = 0) -> int:
    """Where a record lies. A delegation lies apart from what else is kept of its zone's name.

    Two records of one number are no harm: each says what it is of, and the later one stays.
    """
    if rtype == CUT:
        return base_of(name, CUT_SEED)
    return base_of(name, kind) + code_of(rtype)


def key_of(number: int) -> int:
    """What `store_filter` knows a number by: `data_key` or `cut_key` of its name."""
    return number >> 8 & 0xFFFFFFFF


class Clock(Protocol):
    """As `runtime.clock.Clock`."""

    def now(self) -> float: ...

    def wall(self) -> float: ...


class Row(NamedTuple):
    """A record as it lies: when it was last of use and until when it is, in Unix seconds."""

    number: int
    used: int
    until: int
    value: bytes


class File(Protocol):
    """As `store_sqlite.SqliteStore`. Raises StoreFailed and its kinds."""

    def at(self, base: int) -> list[tuple[int, int, bytes]]: ...

    def read(self, numbers: Sequence[int]) -> list[tuple[int, int, bytes]]: ...

    def let_go(self) -> None: ...

    def cold(
        self, base: int | None, numbers: Sequence[int]
    ) -> tuple[list[tuple[int, int, bytes]], list[tuple[int, int, bytes]]]: ...

    def old(self, number: int, *, table: str = "record") -> bytes | None: ...

    def olds(self, numbers: Sequence[int], *, table: str = "record") -> dict[int, bytes]: ...

    def write(
        self,
        rows: Iterable[Row] = (),
        *,
        residents: Iterable[Row] = (),
        used: Iterable[tuple[int, int]] = (),
        gone: Iterable[tuple[str, int]] = (),
    ) -> None: ...

    def slice(
        self, after: int, count: int, *, table: str = "record", values: bool = False
    ) -> list[Row]: ...

    def keys(self, after: int, count: int) -> tuple[int | None, list[int]]: ...

    def octets(self) -> int: ...

    @property
    def size_octets(self) -> int: ...

    def read_in(self, start: int) -> int | None: ...

    def shrink(self) -> None: ...

    @property
    def is_replaced(self) -> bool: ...

    def close(self) -> None: ...


class Store:
    """What all configurations of a process share. *file* is None while there is none to use.

    *boot*: see `record.Stamp`. *is_sure*: may the wall clock be believed? *stopwatch*: seconds.
    *disk_reads*: how often this thread has waited for a disk; a busy machine is no slow disk.
    *is_cold*: look-ups are done in a thread, for the disk might be needed for them.
    *filter*: which names *file* may know of; shared by all workers that write there.
    """

    COUNTS: ClassVar = {
        "found": "Questions of which the disk had a record.",
        "missing": "Questions of which the disk had none.",
        "written": "Records written to disk.",
        "octets_written": "Octets that went to disk for it, its journal's among them.",
        "left_out": "Records not written, for there were more than may be written.",
        "damaged": "Records on disk that were damaged, and dropped.",
        "slow": "Look-ups that waited for the disk.",
    }

    def __init__(
        self,
        file: File | None,
        key: bytes,
        clock: Clock,
        *,
        boot: int,
        is_sure: Callable[[], bool],
        stopwatch: Callable[[], float],
        disk_reads: Callable[[], int],
        stale_s: float = STORE_EXPIRED_SECONDS,
        filter: Filter | None = None,  # noqa: A002  # it is one
        is_cold: bool = True,
    ) -> None:
        self.file = file
        self.filter = filter or Filter()
        self.key = key
        self.clock = clock
        self.boot = boot
        self.stale_s = stale_s
        self.stopwatch = stopwatch
        self.disk_reads = disk_reads
        self.used: dict[int, int] = {}  # of what was of use now and was not for a day
        self.trouble: StoreFailed | None = None  # why nothing is read; the writer sees to it
        self.found = self.missing = self.written = self.left_out = self.damaged = self.slow = 0
        self.octets_written = 0
        self._is_sure = is_sure
        self._last_times = Times(boot, float("-inf"), 0.0, is_sure=False, stale_s=stale_s)
        self._reads = disk_reads()
        self._cold = STORE_COLD_LOOKUPS if is_cold else 0

    def __repr__(self) -> str:
        return f"<Store {self.file}>"

    @property
    def is_cold(self) -> bool:
        return self._cold > 0

    def note_cold(self, *, has_waited: bool) -> None:
        """A look-up in a thread is done. It takes STORE_COLD_LOOKUPS running that found all in
        memory, and the file read in, for the next to be done without one."""
        if has_waited:
            self.slow += 1
            self._cold = STORE_COLD_LOOKUPS
        elif self._cold and self.filter.is_whole:
            self._cold -= 1

    def note_if_it_waited(self) -> None:
        """A look-up took long: if that was for the disk, the next are done in a thread."""
        reads, self._reads = self._reads, self.disk_reads()
        if self._reads > reads:
            self.note_cold(has_waited=True)

    def times(self, now: float) -> Times:
        """*now*, with what the other clocks say."""
        return Times(self.boot, now, self.clock.wall(), self._is_sure(), self.stale_s)

    def times_of_late(self, now: float) -> Times:
        """As `times`; what the wall clock and its vouchers said up to a second ago counts on."""
        last = self._last_times
        passed_s = now - last.now
        if not 0.0 <= passed_s < STORE_COMMIT_SECONDS:
            self._last_times = last = self.times(now)
            return last
        return Times(self.boot, now, last.wall + passed_s, last.is_sure, self.stale_s)

    def open_untrusted(self, octets: object, key: bytes | None = None) -> Sealed | None:
        """What was sealed here, or with *key*; None, counted, if that is not it."""
        return record.opened_untrusted(octets, self.key if key is None else key, self.note_damage)

    def note_damage(self, why: object) -> None:
        """A record is dropped for *why*; told once in a run."""
        self.damaged += 1
        if self.damaged == 1:
            _log.warning("the cache on disk has a damaged record, which is dropped: %s", why)
