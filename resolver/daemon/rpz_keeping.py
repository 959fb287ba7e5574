"""One policy zone: what is in force, when it is due, what is wrong with it, what becomes of it.

A zone with primaries is asked for when its SOA says so (refresh; retry after a failure), at once
after NOTIFY, never more often than RPZ_REFRESH_LEAST_SECONDS else; while nothing is in force, soon
after a failure. When nobody has confirmed it for
as long as its SOA allows (expire) it goes on, and that is told, or it is dropped (`on_expiry`).
"""

from __future__ import annotations

import logging
import os
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol

import trio

from resolver.daemon.rpz_asking import done
from resolver.daemon.rpz_job import Job, Outcome
from resolver.daemon.rpz_mapping import fresh_file, mapped_untrusted, own_kept, shared_kept
from resolver.daemon.rpz_terms import (
    authorities_of,
    file_text,
    kept_as,
    name_of,
    primaries_of,
    tsig_of,
)
from resolver.daemon.troubles import Trouble
from resolver.errors import ConfigError, WireError
from resolver.limits import (
    RPZ_FIRST_SECONDS,
    RPZ_LOOK_SECONDS,
    RPZ_NOTIFY_SECONDS,
    RPZ_REFRESH_LEAST_SECONDS,
    RPZ_REFRESH_MOST_SECONDS,
)
from resolver.policy.rpz import Row
from resolver.protocol import names
from resolver.runtime.file_stamp import stamp_of
from resolver.runtime.hop import hop

if TYPE_CHECKING:
    from collections.abc import Callable

    from resolver.config.schema_rpz import Rpz
    from resolver.daemon.state import StateDirectory
    from resolver.daemon.wiring import Parts
    from resolver.policy.rpz_table import Table

_log = logging.getLogger(__name__)
_NEVER: Final = float("inf")
Stamp = tuple[int, int, int]


class Keeper(Protocol):
    """Who keeps all of them, as far as one needs it (`rpz_keeper.RpzKeeper`)."""

    @property
    def state(self) -> StateDirectory: ...
    @property
    def works(self) -> bool: ...
    @property
    def leads(self) -> bool: ...
    @property
    def shares(self) -> bool: ...
    @property
    def parts(self) -> Parts: ...
    def use(self, name: str, table: Table | None) -> None: ...
    def note(self, outcome: Outcome, job: Job) -> None: ...


class Keeping:
    """One of `RpzKeeper.zones`."""

    def __init__(self, keeper: Keeper, entry: Rpz) -> None:
        self._keeper = keeper
        self.entry = entry
        self.name = name_of(entry)
        self.table: Table | None = None
        self.confirmed_at = 0.0
        """Unix time when its source was last found to say the same."""
        self._trouble = Trouble(_log, tells=keeper.leads)
        self.is_expired = False
        self._descriptor = -1
        self._seen: Stamp | None = None  # of the file it is kept in
        self._failed: Stamp | None = None  # of the text that was no good
        self._tried: Stamp | None = None  # of the text that is being read
        self._due_at = 0.0
        self._first_s = RPZ_FIRST_SECONDS  # to the next try, while nothing is in force
        self._wake = trio.Event()
        self._noticed = keeper.state.look(self._notified_as)  # of an earlier run

    def __repr__(self) -> str:
        return f"<Keeping {self.name}: {self.table!r}>"

    def go_by(self, entry: Rpz) -> None:
        """Another configuration of the same zone. What is in force stays until there is better."""
        if entry != self.entry:
            self.entry = entry
            self._due_at, self._failed = 0.0, None

    @property
    def trouble(self) -> str:
        """What is wrong with it; "" for nothing."""
        return self._trouble.why

    @property
    def serial(self) -> int | None:
        """Of what is in force."""
        table = self.table
        return table.soa.serial if table is not None and table.soa is not None else None

    @property
    def age_s(self) -> float | None:
        """Seconds since it was confirmed; None where nothing is in force."""
        if self.table is None:
            return None
        return max(0.0, self._keeper.parts.clock.wall() - self.confirmed_at)

    @property
    def row(self) -> Row:
        """How it is."""
        table = self.table
        triggers = sum(table.info.counts.values()) if table is not None else 0
        return Row(self.name, triggers, self.serial, self.age_s, self.is_expired, self.trouble)

    # --- the task --------------------------------------------------------------------------------

    async def keep(self) -> None:
        """Until cancelled."""
        while True:
            if not self._keeper.works:
                await self.take_kept()
            else:
                self._look_for_notice()
                if trio.current_time() >= self._due_at:
                    await self._renew()
            self._expire()
            await self._pause()

    async def _pause(self) -> None:
        self._wake = trio.Event()
        until = trio.current_time() + RPZ_LOOK_SECONDS
        if self._keeper.works and self.entry.primaries:
            until = min(self._due_at, until)
        with trio.move_on_at(until):
            await self._wake.wait()

    def notify(self) -> None:
        """It may be newer."""
        if not self._keeper.works:
            self._keeper.state.write(self._notified_as, b"")
            return
        self._due_at = min(self._due_at, trio.current_time() + RPZ_NOTIFY_SECONDS)
        self._wake.set()

    def _look_for_notice(self) -> None:
        """Has another worker been notified?"""
        found = self._keeper.state.look(self._notified_as)
        if found is not None and found != self._noticed:
            self._noticed = found
            self.notify()

    @property
    def _notified_as(self) -> str:
        return kept_as(self.entry).replace(".table", ".notified")

    # --- from a file -----------------------------------------------------------------------------

    def due_file(self) -> Job | None:
        """What is to be done to read it; None while it is what is in force, or cannot be read."""
        if not (self.entry.file and self._keeper.works):
            return None
        path = file_text(self._keeper.parts.config, self.entry)
        stamp = _stamp_of(path)
        if isinstance(stamp, str):
            self._tell(f"{path}: {stamp}")
            return None
        table = self.table
        if table is not None and (table.info.source, tuple(table.info.stamp)) == (path, stamp):
            self.confirmed_at = self._keeper.parts.clock.wall()
            self._tell("")
            return None
        if stamp == self._failed or trio.current_time() < self._due_at:
            return None
        self._tried = stamp
        return Job(file=path, size=stamp[1], **self._common())

    async def adopt_file(self, job: Job, outcome: Outcome) -> None:
        """Have in force what came of a job of `due_file`, or tell why it is not."""
        outcome = await self._adopted(job, outcome)
        if not outcome.way:
            if outcome.is_ours:
                self._due_at = trio.current_time() + RPZ_REFRESH_LEAST_SECONDS
            else:
                self._failed = self._tried
            self._tell(f"{job.file} is not used: {'; '.join(outcome.troubles)}")

    # --- from primaries --------------------------------------------------------------------------

    async def _renew(self) -> None:
        keeper = self._keeper
        config = keeper.parts.config
        try:
            tsig, authorities = tsig_of(config, self.entry), authorities_of(config, self.entry)
        except ConfigError as error:
            self._tell(str(error))
            self._due_at = trio.current_time() + RPZ_REFRESH_LEAST_SECONDS
            return
        job = Job(
            file="",
            primaries=primaries_of(self.entry),
            tsig=tsig,
            authorities=authorities,
            pins=list(self.entry.pins),
            held=self._descriptor,
            leave_from=list(config.outgoing.source_addresses),
            **self._common(),
        )
        self._due_at = _NEVER  # what NOTIFY says meanwhile counts
        try:
            outcome = (await done(keeper.parts.clock, [job]))[0]
        except BaseException:
            os.close(job.out)
            raise
        outcome = await self._adopted(job, outcome)
        if outcome.way == "same":
            self.confirmed_at = keeper.parts.clock.wall()
            keeper.state.date(kept_as(self.entry), self.confirmed_at)
        if outcome.way:
            self._tell("")
        else:
            self._tell(f"no transfer: {'; '.join(outcome.troubles)}")
        self._wait(has_failed=not outcome.way)

    def _wait(self, *, has_failed: bool) -> None:
        refresh, retry = RPZ_REFRESH_MOST_SECONDS, RPZ_REFRESH_LEAST_SECONDS
        table = self.table
        if table is not None and table.soa is not None:
            refresh, retry, *_ = table.soa.times
        wanted = min(refresh, retry) if has_failed else refresh
        seconds = min(RPZ_REFRESH_MOST_SECONDS, max(RPZ_REFRESH_LEAST_SECONDS, wanted))
        if table is None:
            seconds, self._first_s = self._first_s, min(2 * self._first_s, seconds)
        self._due_at = min(self._due_at, trio.current_time() + seconds)

    def _expire(self) -> None:
        """Nobody has confirmed it for too long?"""
        table, age_s = self.table, self.age_s
        if not self.entry.primaries or table is None or table.soa is None or age_s is None:
            self.is_expired = False
            return
        was_expired, self.is_expired = self.is_expired, age_s > table.soa.times[2]
        if not self.is_expired:
            return
        if self.entry.on_expiry == "drop":
            self._say(f"has expired (serial {self.serial}): nothing of it counts any more")
            self._use(None)
        elif not was_expired:
            self._say(f"has expired (serial {self.serial}): it goes on as it was")

    # --- what is kept ----------------------------------------------------------------------------

    async def take_kept(self) -> None:
        """Have in force what is on disk, if it is another than before."""
        state, name = self._keeper.state, kept_as(self.entry)
        found = state.look(name)
        if found is None:
            return
        stamp = found.inode, found.size, 0
        self.confirmed_at = found.wall
        if stamp == self._seen:
            return
        self._seen = stamp
        out = -1
        try:
            out = await self._hop(shared_kept if self._keeper.shares else own_kept, state, name)
            table = await self._hop(mapped_untrusted, out)
        except FileNotFoundError:
            return
        except (WireError, OSError) as error:
            if out >= 0:
                os.close(out)
            if self._keeper.works:
                aside = state.set_aside(name)
                self._say(f"its copy is damaged ({error}): now {aside}, and fetched anew")
            return
        if table.info.zone == names.from_text(self.entry.zone):
            self._use(table, out)
        else:
            os.close(out)

    async def _adopted(self, job: Job, outcome: Outcome) -> Outcome:
        """Have in force what was made; what came of that."""
        out, table = job.out, None
        try:
            self._keeper.note(outcome, job)
            if outcome.way in ("", "same"):
                return outcome
            if self._keeper.shares and await self._has_taken_another():
                self._tell_report(outcome)
                return outcome
            table = await self._hop(mapped_untrusted, out)
        except (WireError, OSError) as error:
            return Outcome(troubles=[str(error)])
        finally:
            if table is None:
                os.close(out)
        self.confirmed_at = self._keeper.parts.clock.wall()
        found = self._keeper.state.look(job.kept_as)
        self._seen = None if found is None else (found.inode, found.size, 0)
        self._use(table, out)
        self._tell_report(outcome)
        return outcome

    async def _has_taken_another(self) -> bool:
        """Is what was made in force from the file that all workers map?"""
        before = self._seen
        await self.take_kept()
        return self._seen != before and self.table is not None

    def _common(self) -> dict[str, Any]:
        parts = self._keeper.parts
        return {
            "zone": self.entry.zone,
            "most": self.entry.max_entries,
            "out": fresh_file(),
            "parent": os.getpid(),
            "directory": self._keeper.state.descriptor,
            "kept_as": kept_as(self.entry),
            "wall": parts.clock.wall(),
        }

    def _use(self, table: Table | None, descriptor: int = -1) -> None:
        self._keeper.use(self.name, table)
        before, self._descriptor = self._descriptor, descriptor
        self.table, self._failed = table, None
        if before >= 0:
            with suppress(OSError):
                os.close(before)

    async def _hop(self, work: Callable[..., Any], *args: object) -> Any:
        return await hop(self._keeper.parts.clock, work, *args)

    # --- for people ------------------------------------------------------------------------------

    def _tell_report(self, outcome: Outcome) -> None:
        table = self.table
        if table is None or not self._keeper.leads:
            return
        report, many = table.info.report, sum(table.info.counts.values())
        where = outcome.primary or table.info.source
        _log.info(
            "policy zone %s: serial %s, %d triggers (%s of %s)",
            self.name, self.serial, many, outcome.way, where,
        )  # fmt: skip
        if report.bad:
            _log.warning(
                "policy zone %s: %d records say nothing: %s",
                self.name, report.bad, "; ".join(report.shown),
            )  # fmt: skip
        if report.left_out:
            _log.warning(
                "policy zone %s: %d triggers are left out (max_entries)", self.name, report.left_out
            )
        self._tell("")

    def _tell(self, trouble: str) -> None:
        whose = f"policy zone {self.name}"
        self._trouble.note(trouble, whose, f"{whose}: is renewed again")

    def _say(self, sentence: str) -> None:
        if self._keeper.leads:
            _log.warning("policy zone %s: %s", self.name, sentence)


def _stamp_of(path: str) -> Stamp | str:
    """Which file it is, or why there is none."""
    try:
        found = Path(path).stat()
    except OSError as error:
        return error.strerror or str(error)
    return stamp_of(found)
