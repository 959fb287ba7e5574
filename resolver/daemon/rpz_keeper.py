"""Keeps policy zones in force: read when their file changes, transferred when they are newer.

At the start what was kept in `working_directory` is in force at once, whatever has become of its
source since. Only a file that was never read is waited for, RPZ_START_SECONDS at most; a primary is
never. Files have one task, each zone with primaries has one, and the work is done in processes of
their own (`rpz_work`); what fails leaves everything as it was, and is told once. The first worker
does it, the others map what it made. A swap is one assignment, and the packets that were made
before are forgotten.
"""

from __future__ import annotations

import logging
import os
from contextlib import suppress
from typing import TYPE_CHECKING, ClassVar, NamedTuple

import trio

from resolver.daemon.rpz_asking import done, together
from resolver.daemon.rpz_keeping import Keeping
from resolver.daemon.rpz_terms import RPZ_DIRECTORY, key_octets, name_of, put, tsig_of
from resolver.errors import ConfigError
from resolver.limits import RPZ_LOOK_SECONDS, RPZ_START_SECONDS
from resolver.policy.tsig import BADKEY, NotSigned, signed_untrusted
from resolver.protocol import names

if TYPE_CHECKING:
    from collections.abc import Callable

    from resolver.daemon.rpz_job import Job, Outcome
    from resolver.daemon.state import StateDirectory
    from resolver.daemon.wiring import Parts
    from resolver.model import Name
    from resolver.policy.rpz import Row
    from resolver.policy.rpz_table import Table

_log = logging.getLogger(__name__)


class Serving(NamedTuple):
    """The process, as far as policy zones need it. *shares*: it is one of several workers; *leads*:
    of these the first."""

    state: StateDirectory
    leads: bool = True
    shares: bool = False


class RpzKeeper:
    """One for the life of a process; *parts* tells those of the configuration in use."""

    COUNTS: ClassVar = {
        "loads": "Times that a response policy zone was read or transferred, and came into force.",
        "load_failed": "Times that it could not be: the one before stayed.",
        "incremental": "Transfers of differences (IXFR) among them.",
        "notified": "NOTIFY messages of primaries.",
        "transferred_octets": "Octets of transfers, those of no use included.",
        "cpu_seconds": "CPU seconds of the processes that read and transferred.",
    }

    def __init__(self, serving: Serving, parts: Callable[[], Parts]) -> None:
        self._serving = serving
        self._parts = parts
        self.zones: dict[str, Keeping] = {}
        self._has_read = trio.Event()
        self.loads = self.load_failed = self.incremental = self.notified = 0
        self.transferred_octets = 0
        self.cpu_seconds = 0.0

    def __repr__(self) -> str:
        return f"<RpzKeeper of {len(self.zones)} zones>"

    @property
    def state(self) -> StateDirectory:
        return self._serving.state

    @property
    def works(self) -> bool:
        """Is it for us to read and transfer? Without a directory nobody does it for others."""
        return self._serving.leads or self.state.descriptor < 0

    @property
    def leads(self) -> bool:
        """Is it for us to tell people of it?"""
        return self._serving.leads

    @property
    def shares(self) -> bool:
        """Does it map what others map, too?"""
        return self._serving.shares

    @property
    def parts(self) -> Parts:
        """Those of the configuration in use."""
        return self._parts()

    def rows(self) -> list[Row]:
        """How each zone is."""
        return [one.row for one in self.zones.values()]

    async def take_kept(self) -> None:
        """Have in force what there is."""
        for keeping in self.zones.values():
            await keeping.take_kept()

    async def has_begun(self) -> None:
        """Returns when files that were never read before are, for a while (`keep` reads them)."""
        if self.parts.config.rpz:
            with trio.move_on_after(RPZ_START_SECONDS):
                await self._has_read.wait()

    async def keep(self) -> None:
        """Until cancelled: each zone of `follow`."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._keep_files)
            for keeping in self.zones.values():
                if not (keeping.entry.file and self.works):
                    nursery.start_soon(keeping.keep)

    async def _keep_files(self) -> None:
        while True:
            await self.read_files()
            self._has_read.set()
            await trio.sleep(RPZ_LOOK_SECONDS)

    async def read_files(self) -> None:
        """Those that are others than what is in force."""
        due = {job.out: (one, job) for one in self.zones.values() if (job := one.due_file())}
        try:
            for jobs in together([job for _, job in due.values()]):
                outcomes = await done(self.parts.clock, jobs)
                for job, outcome in zip(jobs, outcomes, strict=True):
                    keeping, _ = due.pop(job.out)
                    await keeping.adopt_file(job, outcome)
        finally:
            for out in due:
                os.close(out)

    def follow(self) -> None:
        """Go by the configuration that is in use now."""
        config = self.parts.config
        if config.rpz and self.state.descriptor >= 0:
            with suppress(OSError):
                os.mkdir(RPZ_DIRECTORY, 0o755, dir_fd=self.state.descriptor)
        wanted = {name_of(entry): entry for entry in config.rpz}
        for name in [one for one in self.zones if one not in wanted]:
            del self.zones[name]
            put(self.parts.base.rpzs, name, None)
        for name, entry in wanted.items():
            known = self.zones.get(name)
            if known is None:
                self.zones[name] = Keeping(self, entry)
            else:
                known.go_by(entry)

    def use(self, name: str, table: Table | None) -> None:
        """Have *table* in force, and nothing that was made without it be told any more."""
        parts = self.parts
        put(parts.base.rpzs, name, table)
        parts.packets.flush()

    def note(self, outcome: Outcome, job: Job) -> None:
        """Count what a process did."""
        self.cpu_seconds += outcome.cpu_s
        if not job.file:
            self.transferred_octets += outcome.octets
        if not outcome.way:
            self.load_failed += 1
        elif outcome.way != "same":
            self.loads += 1
            self.incremental += outcome.way == "ixfr"

    def signed(self, zone: Name, octets: bytes) -> Callable[[bytes], bytes]:
        """As `policy.rpz.Rpzs.signs`; a key in a file is read, which is small."""
        config, name = self.parts.config, names.to_text(zone).removesuffix(".")
        entry = next((one for one in config.rpz if name_of(one) == name), None)
        try:
            found = tsig_of(config, entry) if entry is not None else []
        except ConfigError:
            found = []
        if not found:
            raise NotSigned(BADKEY)
        return signed_untrusted(octets, key_octets(*found), self.parts.clock.wall())

    def notify(self, zone: Name) -> None:
        """A primary says that *zone* may be newer."""
        self.notified += 1
        keeping = self.zones.get(names.to_text(zone).removesuffix(".") or ".")
        if keeping is not None:
            keeping.notify()
