"""The second level of the cache while the daemon runs: opened, filled, mended, closed.

Nothing here can end or stall the daemon: whatever is wrong with the directory, the file or the disk
is told once, and it goes on without, or tries again later. What is learnt is written each
STORE_COMMIT_SECONDS; what is kept beside the records is `keepsakes`'.
"""

from __future__ import annotations

import logging
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import trio

from resolver.cache.rrset import Entry
from resolver.cache.second_level import SecondLevel
from resolver.cache.store import Store
from resolver.cache.store_filter import Filter
from resolver.cache.store_forget import TABLES, forget_places, forget_some
from resolver.cache.store_writer import Writer, batches
from resolver.cache.write_ledger import WriteLedger
from resolver.config.shares import shares_of
from resolver.daemon import store_files
from resolver.daemon.keepsakes import Keepsakes
from resolver.daemon.store_files import StoreFiles
from resolver.daemon.store_filling import keep_filter
from resolver.daemon.store_terms import basis_of, believes, boot_of, cpu_of, sure_of
from resolver.errors import StoreDamaged, StoreFailed
from resolver.limits import STORE_BATCH, STORE_COMMIT_SECONDS, STORE_RETRY_SECONDS
from resolver.recurse.from_disk import FromDisk
from resolver.runtime import disk_use
from resolver.runtime.clock import SystemClock
from resolver.runtime.private_files import shared_account

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection

    from resolver.cache.basis import Basis
    from resolver.cache.gaps import Proven
    from resolver.cache.negative import Denied
    from resolver.cache.store import Row
    from resolver.cache.store_forget import Meant
    from resolver.daemon.wiring import Parts
    from resolver.model import Delegation, Name
    from resolver.telemetry.shared_counters import Slot

    Hop = Callable[..., Awaitable[Any]]

_log = logging.getLogger(__name__)
_FIRST: Final = -(1 << 63)
T = TypeVar("T")


class Persistence:
    """What the daemon keeps of its caches in *directory*; "" keeps nothing."""

    def __init__(self, directory: str, *, slot: Slot | None) -> None:
        self._directory = Path(directory).absolute() / store_files.DIRECTORY
        self.is_wanted = bool(directory)
        self._owner = slot.key if slot is not None else os.urandom(16)
        self._worker = 0 if slot is None else slot.number
        self._filter = Filter(None if slot is None else slot.common)
        self._files: StoreFiles | None = None
        self._writer: Writer | None = None
        self._level: SecondLevel | None = None
        self._parts: Parts | None = None
        self._trouble = ""
        self._retry_at = float("-inf")
        self._keepsakes: Keepsakes | None = None
        self.ledger = WriteLedger()
        self._one_at_a_time = trio.Lock()
        self.are_notes_read = trio.Event()
        """Set once what an earlier process knew is taken back, or there is nothing of it."""
        self.store: Store | None = None

    def __repr__(self) -> str:
        return f"<Persistence {self._directory if self.is_wanted else 'off'}>"

    # --- the start ----------------------------------------------------------------------------

    def open(self, parts: Parts) -> None:
        """Open the store as who we are now, and have *parts* use it. Never raises."""
        self._open(parts)
        if self.store is None:
            self.are_notes_read.set()

    def _open(self, parts: Parts) -> None:
        if not self.is_wanted:
            return
        if not parts.config.cache.persist:
            if self._worker == 0 and store_files.forget(self._directory):
                _log.warning("cache.persist is false: %s is deleted", self._directory)
            return
        if reason := shared_account():
            self._tell(reason)
            return
        self._filter.bound(shares_of(parts.config).store_filter)
        self._files = files = StoreFiles(self._directory, owner=self._owner, worker=self._worker)
        try:
            file = files.open()
        except StoreFailed as error:
            self._tell(str(error))
            files.close()
            return
        if files.was_damaged:
            self._tell_anew(files.was_damaged)
        clock = parts.clock
        self.store = Store(
            file, files.key, clock, boot=boot_of(clock), is_sure=sure_of(clock),
            stopwatch=time.perf_counter, disk_reads=disk_use.disk_reads,
            stale_s=parts.config.cache.stale_max, filter=self._filter,
        )  # fmt: skip
        self._writer = Writer(
            self.store, octets=parts.config.cache.disk_octets, believes=self._believes,
            cpu=cpu_of(clock),
        )  # fmt: skip
        self._keepsakes = Keepsakes(parts.base, self._writer, self.ledger, worker=self._worker)
        self.serve(parts)

    def _tell(self, why: str) -> None:
        """One line for each trouble, by one of the workers."""
        if self._worker == 0 and why != self._trouble:
            _log.warning("no cache is kept in %s: %s", self._directory, why)
        self._trouble = why

    def _tell_anew(self, why: str) -> None:
        if self._worker == 0:
            _log.warning(
                "the cache in %s was damaged (%s): it is set aside as %s.bad and begun anew",
                self._directory, why, store_files.FILE,
            )  # fmt: skip

    def serve(self, parts: Parts, meant: Meant | None = None) -> None:
        """Have *parts* use the store, and those that were in use before no more.

        What these had learnt is written still, unless it rests on something else, or is *meant* to
        be forgotten.
        """
        store, writer, before = self.store, self._writer, self._parts
        if store is None or writer is None:
            return
        memory = parts.memory
        level = SecondLevel(
            store, basis_of(parts), rrsets=memory.rrsets, negatives=memory.negatives,
            delegations=parts.delegations,
        )  # fmt: skip
        if before is not None and before is not parts:
            _connect(before, None)
        _connect(parts, level, FromDisk(level, parts.clock, in_thread=self._is_real))
        writer.octets = parts.config.cache.disk_octets
        last, self._level, self._parts = self._level, level, parts
        if last is not None and last.basis == level.basis:
            level.learnt.extend(last.learnt)
            if meant is not None:
                level.drop(meant)

    def _believes(self) -> bool:
        return believes(self._parts)

    # --- the run ------------------------------------------------------------------------------

    async def run(self) -> None:
        """Take back what lies on disk as a whole; then write what is learnt, until cancelled."""
        if self.store is None or self._parts is None or self._keepsakes is None:
            return
        hop = self._hop()
        await self._guarded(self._keepsakes.take_back, hop)
        self.are_notes_read.set()
        await self._guarded(self._take_back, hop)
        async with trio.open_nursery() as nursery:
            if self._worker == 0:
                nursery.start_soon(keep_filter, self.store, hop)
            while True:
                await trio.sleep(STORE_COMMIT_SECONDS)
                await self._guarded(self._turn, hop)

    @property
    def _is_real(self) -> bool:
        return self.store is not None and isinstance(self.store.clock, SystemClock)

    def _hop(self) -> Hop:
        return _in_thread if self._is_real else _at_once

    async def _guarded(self, work: Callable[[Hop], Awaitable[None]], hop: Hop) -> None:
        """Do *work* now, unless the disk failed a moment ago."""
        if trio.current_time() < self._retry_at:
            return
        async with self._one_at_a_time:
            try:
                await work(hop)
            except StoreDamaged as error:
                await hop(self._begin_anew, error)
            except StoreFailed as error:
                self._give_up(error)
            else:
                self._trouble = ""

    def _give_up(self, error: StoreFailed) -> None:
        self._retry_at = trio.current_time() + STORE_RETRY_SECONDS
        self._tell(str(error))

    async def _turn(self, hop: Hop) -> None:
        store, writer, level, keepsakes = self.store, self._writer, self._level, self._keepsakes
        assert store is not None and writer is not None  # noqa: S101, PT018
        assert level is not None and keepsakes is not None  # noqa: S101, PT018
        trouble, store.trouble = store.trouble, None
        if trouble is not None:
            raise trouble
        if store.file is not None:
            store.file.let_go()
            if store.file.is_replaced:
                raise StoreDamaged("another worker has found it damaged")
        now = store.clock.now()
        rows: list[tuple[bool, Row]] = []
        for batch in batches(writer.take(level, now), STORE_BATCH):
            rows += await hop(writer.rows, batch, now)
        if rows:
            await hop(self._metered, writer.commit, rows, now)
        await keepsakes.keep(hop)

    def _metered(self, write: Callable[..., T], *arguments: object) -> T:
        """Have *write* done in this thread, and note how much of it goes to disk."""
        before = disk_use.octets_written()
        try:
            return write(*arguments)
        finally:
            self._note_written(disk_use.octets_written() - before)

    def _note_written(self, octets: int) -> None:
        if self.store is not None:
            self.store.octets_written += octets
            self.ledger.note(octets, self.store.clock.now())

    def _begin_anew(self, why: StoreDamaged) -> None:
        """Set the file aside. From a thread; never raises."""
        store, files = self.store, self._files
        if store is None or files is None or store.file is None:
            return
        file, store.file = store.file, None
        try:
            store.file = files.again(file)
        except StoreFailed as error:
            self._tell(str(error))
        else:
            self._tell_anew(str(why))

    async def forget(self, meant: Meant) -> int:
        """Delete what is *meant*, what waits to be written too. How many records. Raises
        StoreFailed."""
        store, level, keepsakes, hop = self.store, self._level, self._keepsakes, self._hop()
        if store is None or level is None or keepsakes is None:
            return 0
        forgotten = 0
        async with self._one_at_a_time:
            level.drop(meant)
            for table in TABLES:
                at: int | None = meant.first(table)
                while at is not None:
                    at, gone = await hop(self._metered, forget_some, store, meant, table, at)
                    forgotten += gone
                    if store.file is not None:
                        store.file.let_go()
            await keepsakes.keep(hop, is_due=True)
        return forgotten

    async def forget_places(self, places: Collection[tuple[Name, int]]) -> int:
        """Delete what is kept of these names and types. How many records. Raises StoreFailed."""
        store = self.store
        if store is None:
            return 0
        forgotten = 0
        async with self._one_at_a_time:
            for some in batches(list(places), STORE_BATCH):
                forgotten += await self._hop()(self._metered, forget_places, store, some)
            if store.file is not None:
                store.file.let_go()
        return forgotten

    async def on_disk(self, name: Name) -> list[Entry | Denied | Delegation]:
        """All that is kept of *name*, as it counts today; nothing if the disk fails."""
        level, store = self._level, self.store
        if level is None or store is None:
            return []
        async with self._one_at_a_time:
            return await self._hop()(level.whole, name, store.clock.now())  # type: ignore[no-any-return]

    def read_by(self) -> tuple[Path, Store, Basis] | None:
        """For who reads the file in another process: where it is, and what is believed of it."""
        files, store, level = self._files, self.store, self._level
        if files is None or store is None or store.file is None or level is None:
            return None
        return files.file, store, level.basis

    async def keep_notes(self) -> None:
        """Write what is known of servers, and what is warm, now. Raises StoreFailed."""
        if self._keepsakes is not None:
            async with self._one_at_a_time:
                await self._keepsakes.keep(self._hop(), is_due=True)

    # --- what is taken back as a whole --------------------------------------------------------

    async def _take_back(self, hop: Hop) -> None:
        last: int | None = _FIRST
        while last is not None:
            last, found = await hop(self._residents, last)
            self._have_again(found)
            await trio.lowlevel.checkpoint()

    def _residents(self, after: int) -> tuple[int | None, list[Entry | Proven]]:
        """Some of what lies there behind number *after*, and the number of the last; None: no more.

        Raises StoreFailed.
        """
        store, level = self.store, self._level
        if store is None or store.file is None or level is None:
            return None, []
        rows = store.file.slice(after, STORE_BATCH, table="resident", values=True)
        found = list(level.residents((row.value for row in rows), store.clock.now()))
        return rows[-1].number if rows else None, found

    def _have_again(self, found: list[Entry | Proven]) -> None:
        parts = self._parts
        assert parts is not None  # noqa: S101
        memory, now = parts.memory, parts.clock.now()
        for one in found:
            if isinstance(one, Entry):
                memory.take_back(one, now)
            elif memory.denial is not None:
                memory.denial.take_back(one)

    # --- the end ------------------------------------------------------------------------------

    def close(self) -> None:
        """Write what is left and let go. Never raises; idempotent."""
        store, writer, level = self.store, self._writer, self._level
        if self._parts is not None:
            _connect(self._parts, None)
        if store is not None and writer is not None and level is not None and store.file:
            now = store.clock.now()
            try:
                for batch in batches(writer.take(level, now), STORE_BATCH):
                    writer.write(batch, now)
                if self._keepsakes is not None:
                    self._keepsakes.keep_all()
            except StoreFailed as error:
                self._tell(str(error))
            store.file.close()
            store.file = None
        if self._files is not None:
            self._files.close()


def _connect(parts: Parts, level: SecondLevel | None, disk: FromDisk | None = None) -> None:
    """Have *parts* ask *level* and tell it what they learn; None: nobody."""
    memory, learnt = parts.memory, None if level is None else level.learnt
    memory.second, memory.disk = level, None if disk is None else disk.fetch
    memory.rrsets.learnt = memory.negatives.learnt = parts.delegations.learnt = learnt
    if memory.denial is not None:
        memory.denial.learnt = learnt


async def _in_thread(function: Callable[..., T], *arguments: object) -> T:
    return await trio.to_thread.run_sync(function, *arguments)


async def _at_once(function: Callable[..., T], *arguments: object) -> T:
    """Where time is virtual a thread's would not be."""
    return function(*arguments)
