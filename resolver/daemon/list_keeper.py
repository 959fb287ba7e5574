"""Keeps lists in force: takes what is compiled into use, and has it compiled when a text changes.

At the start the compiled file of the last time is mapped, whatever has become of the texts since.
Only what was never compiled is waited for, LIST_START_SECONDS at most: by a start and by a reload,
while queries are answered. From then on files are
looked at each LIST_LOOK_SECONDS, downloads as they are due; what fails leaves everything as it was,
and is told once. The first worker does it, the others map what it made. A swap is one assignment.
"""

from __future__ import annotations

import logging
import os
from functools import partial
from typing import TYPE_CHECKING, ClassVar, Final, NamedTuple

import trio

from resolver.daemon.child import ChildFailed, ask_child
from resolver.daemon.handover import purge_packets
from resolver.daemon.list_downloads import Downloads, in_process
from resolver.daemon.list_job import Compiled, CompileJob, ListPart
from resolver.daemon.list_mapping import mapped_untrusted
from resolver.daemon.list_shelf import COMPILED, Shelf, text_name
from resolver.daemon.list_terms import list_specs
from resolver.daemon.list_texts import (
    Fresh,
    Known,
    fresh_text,
    has_text,
    read_known,
    write_known,
)
from resolver.daemon.troubles import Trouble
from resolver.errors import WireError
from resolver.limits import (
    LIST_COMPILE_SECONDS,
    LIST_LOOK_SECONDS,
    LIST_START_SECONDS,
)
from resolver.policy.lists import LEADING
from resolver.runtime.clock import SystemClock
from resolver.runtime.hop import hop
from resolver.telemetry.metrics import label

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from resolver.daemon.list_shelf import Draft
    from resolver.daemon.list_terms import ListSpec
    from resolver.daemon.state import StateDirectory
    from resolver.daemon.wiring import Parts
    from resolver.policy.list_file import Table
    from resolver.policy.lists import Lists, Pattern
    from resolver.telemetry.shared_counters import Slot

_log = logging.getLogger(__name__)
_MODULE: Final = "resolver.daemon.list_compiling"
_AT_START: Final = 5  # of nice(2), while nobody is served yet
_BESIDE: Final = 19


class Serving(NamedTuple):
    """The process, as far as lists need it. *leads*: of several workers it is the first."""

    state: StateDirectory
    leads: bool = True
    slot: Slot | None = None
    downloads: bool = False  # in a lab nobody does


class ListKeeper:
    """One for the life of a process; *parts* tells those of the configuration in use."""

    COUNTS: ClassVar = {
        "compiled": "Times that lists were compiled.",
        "compile_failed": "Times that they could not be.",
        "refused": "Texts of lists that were none: the one before stayed.",
        "compile_cpu_seconds": "CPU seconds of the processes that compiled.",
    }

    def __init__(self, serving: Serving, lists: Lists, parts: Callable[[], Parts]) -> None:
        self._serving = serving
        self.lists = lists
        self._parts = parts
        self.shelf = Shelf(serving.state, leads=serving.leads)
        self.known: dict[str, Known] = {}
        self._troubles: dict[str, Trouble] = {}  # by list
        self._compiling = Trouble(_log, tells=True)
        self._seen = (0, 0, 0)
        self._work = trio.Lock()
        self._wake, self._asked, self._settled = trio.Event(), trio.Event(), trio.Event()
        self._has_begun = False
        self.downloads: Downloads | None = None
        if serving.downloads:
            self.downloads = Downloads(in_process, parts)
        self.compiled = self.compile_failed = self.refused = 0
        self.compile_cpu_seconds = 0.0

    def __repr__(self) -> str:
        return f"<ListKeeper {self.lists!r}>"

    @property
    def troubles(self) -> dict[str, str]:
        """By list: what is wrong with it, as it was told."""
        why = self._compiling.why
        specs = list_specs(self._parts().config) if why else ()
        found = {one.ident: f"not compiled: {why}" for one in specs}
        return found | {ident: one.why for ident, one in self._troubles.items() if one.why}

    # --- the start, and a reload -----------------------------------------------------------------

    async def begin(self) -> None:
        """Have in force what there is; `settle` waits for what was never compiled before."""
        if list_specs(self._parts().config):
            await self._open()
            async with self._work:
                await self._take()

    async def keep(self) -> None:
        """Until cancelled; the first look is the one that `settle` waits for."""
        try:
            async with trio.open_nursery() as nursery:
                first = self._settled
                nursery.start_soon(self._look_when_asked)
                await first.wait()
                while True:
                    self._wake = trio.Event()
                    specs = list_specs(self._parts().config)
                    if specs:
                        await self._open()
                        self._download(nursery, specs)
                        await self.look(self._downloaded())
                    await self._pause()
        finally:
            self.shelf.close()

    async def _look_when_asked(self) -> None:
        """Somebody waits for what the configuration of now has: before all downloads."""
        while True:
            await self._asked.wait()
            self._asked, settled, self._settled = trio.Event(), self._settled, trio.Event()
            if list_specs(self._parts().config):
                await self._open()
                await self.look(weight=_AT_START)
            settled.set()
            self._look_soon()  # what is to be downloaded

    def _download(self, nursery: trio.Nursery, specs: tuple[ListSpec, ...]) -> None:
        """Begin with what is due. When the last has come it is looked at once, and meanwhile with
        the files: who drips holds up no other list for longer than that."""
        if self.downloads is not None and (self._serving.leads or not self.shelf.is_shared):
            known, shelf = self.known, self.shelf
            self.downloads.begin(nursery, specs, known, shelf, self._tell, self._look_soon)

    def _look_soon(self) -> None:
        self._wake.set()

    def _downloaded(self) -> dict[str, Fresh]:
        """What is new since the last look."""
        return self.downloads.take() if self.downloads is not None else {}

    async def settle(self) -> None:
        """Another configuration, or the first: returns when its lists are in force or cannot be
        had, after LIST_START_SECONDS at the latest; what takes longer goes on."""
        if not list_specs(self._parts().config):
            if self.lists.table is not None:
                await self._put_in_force(None)
            self._seen = (0, 0, 0)
            return
        settled = self._settled
        self._asked.set()
        with trio.move_on_after(LIST_START_SECONDS):
            await settled.wait()

    async def look(
        self, downloaded: dict[str, Fresh] | None = None, *, weight: int = _BESIDE
    ) -> None:
        """Is anything new? Then have it in force. *downloaded*: what has come, by source."""
        async with self._work:
            if self._serving.leads or not self.shelf.is_shared:
                await self._renew(downloaded or {}, weight)
            await self._take()

    async def _open(self) -> None:
        if not self._has_begun:
            self._has_begun = True
            self.shelf.open()
            self.known = await hop(self._parts().clock, read_known, self.shelf)

    async def _pause(self) -> None:
        """Until the next look: at once when the first worker has other lists."""
        slot = None if self._serving.leads else self._serving.slot
        with trio.move_on_after(LIST_LOOK_SECONDS):
            if slot is None:
                await self._wake.wait()
            else:
                await slot.is_rung()

    # --- what is in force ------------------------------------------------------------------------

    async def _take(self) -> None:
        """Have the compiled file in force, if it is another than before."""
        stamp = self.shelf.look(COMPILED)
        if stamp in (self._seen, (0, 0, 0)):
            return
        descriptor = self.shelf.find(COMPILED)
        is_shared = self.shelf.is_shared and self._serving.slot is not None
        try:
            found = await hop(
                self._parts().clock, partial(mapped_untrusted, descriptor, is_shared=is_shared)
            )
        except (WireError, OSError) as error:
            if self._serving.leads:
                aside = self.shelf.set_aside(COMPILED)
                _log.warning("compiled lists are damaged (%s): now %s, made anew", error, aside)
            return
        finally:
            os.close(descriptor)
        self._seen = stamp
        await self._put_in_force(found.table, found.patterns)
        if self._serving.leads and self._serving.slot is not None:
            self._serving.slot.ring()

    async def _put_in_force(self, table: Table | None, patterns: Sequence[Pattern] = ()) -> None:
        """Without the ready replies that lists have a word on, before or now."""
        packets, is_touched = self._parts().packets, self.lists.touched_by(table, patterns)
        stays = is_touched is not None and await purge_packets(packets, is_touched, LEADING)
        self.lists.use(table, patterns)
        if not stays:
            self.lists.changed()

    # --- making it -------------------------------------------------------------------------------

    async def _renew(self, downloaded: dict[str, Fresh], weight: int) -> None:
        """Compile, if a text or the configuration is another than what was compiled."""
        specs = list_specs(self._parts().config)
        fresh = {**downloaded, **await self._fresh_texts(specs)}
        try:
            if fresh or (self._has_texts(specs) and not self._is_compiled(specs)):
                await self._compile(specs, fresh, weight)
        finally:
            for one in fresh.values():
                self.shelf.drop(one.draft)

    def _has_texts(self, specs: Iterable[ListSpec]) -> bool:
        """Is there anything to compile?"""
        return any(has_text(self.shelf, spec.source) for spec in specs)

    def _is_compiled(self, specs: Iterable[ListSpec]) -> bool:
        """Is the compiled file made of just these texts?"""
        table = self.lists.table
        if table is None:
            return False
        there = [(one.ident, one.digest) for one in table.info.lists]
        return there == [(one.ident, self._known(one.source).digest) for one in specs]

    def _known(self, source: str) -> Known:
        return self.known.setdefault(source, Known())

    async def _fresh_texts(self, specs: Iterable[ListSpec]) -> dict[str, Fresh]:
        """Texts that are others than before, by source."""
        found: dict[str, Fresh] = {}
        for spec in specs:
            if spec.path is None or spec.source in found:
                continue
            known = self._known(spec.source)
            if known.digest and not has_text(self.shelf, spec.source):
                known = self.known[spec.source] = Known()
            known.looked_at = self._parts().clock.wall()
            try:
                text = await hop(self._parts().clock, fresh_text, spec.path, known, self.shelf)
            except (OSError, WireError) as error:
                why = error.strerror if isinstance(error, OSError) else str(error)
                self._tell(spec, f"{spec.path}: {why}")
                continue
            if text is not None:
                found[spec.source] = text
            elif known.digest and not known.refused:
                known.good_at = known.looked_at
                self._tell(spec, "")
        return found

    async def _compile(
        self, specs: tuple[ListSpec, ...], fresh: dict[str, Fresh], weight: int
    ) -> None:
        try:
            out = self.shelf.draft()
        except OSError as error:
            self._tell_compiling(error.strerror or str(error))
            return
        kept = {spec.source: self.shelf.find(text_name(spec.source)) for spec in specs}
        try:
            job = self._job(specs, fresh, kept, out, weight)
            outcome = await self._run(job)
            await hop(self._parts().clock, self._adopt, specs, fresh, outcome, out)
        except (ChildFailed, OSError) as error:
            self.compile_failed += 1
            self._tell_compiling(str(error))
            self.shelf.drop(out)
        else:
            self._tell_compiling("")
        finally:
            for descriptor in kept.values():
                if descriptor >= 0:
                    os.close(descriptor)

    def _job(
        self, specs: tuple[ListSpec, ...], fresh: dict[str, Fresh], kept: dict[str, int],
        out: Draft, weight: int,
    ) -> CompileJob:  # fmt: skip
        parts = []
        for spec in specs:
            newest = fresh.get(spec.source)
            parts.append(
                ListPart(
                    spec.ident, spec.name, spec.is_allow, spec.form, spec.as_listed,
                    newest.draft.descriptor if newest is not None else -1, kept[spec.source],
                    (newest.digest if newest is not None else "", self._known(spec.source).digest),
                    must_list=bool(spec.url),
                )
            )  # fmt: skip
        return CompileJob(parts, out.descriptor, os.getpid(), weight)

    async def _run(self, job: CompileJob) -> Compiled:
        """Compile in a process of its own; here where time is virtual, and only then is that loaded
        here. Raises ChildFailed."""
        if not isinstance(self._parts().clock, SystemClock):
            from resolver.daemon import list_compiling  # noqa: PLC0415 - see above

            return list_compiling.compiled(job)
        descriptors = {job.out, *(one.fresh for one in job.lists), *(one.kept for one in job.lists)}
        outcome = await ask_child(
            _MODULE, job, Compiled, seconds=LIST_COMPILE_SECONDS, descriptors=descriptors - {-1}
        )
        self.compile_cpu_seconds += outcome.cpu_s
        if outcome.trouble:
            raise ChildFailed(outcome.trouble)
        return outcome

    def _adopt(
        self, specs: tuple[ListSpec, ...], fresh: dict[str, Fresh], outcome: Compiled, out: Draft
    ) -> None:
        """Keep what was compiled, and the texts that it was made of. A thread's work."""
        self.compiled += 1
        for spec in specs:
            newest = fresh.get(spec.source)
            if newest is None:
                continue
            known, why = self._known(spec.source), outcome.refused.get(spec.ident, "")
            known.stamp = newest.stamp
            if why:
                self.refused += 1
                known.refused = newest.digest
                known.failures += 1
                self._tell(spec, f"its newest text is not used: {why}")
                continue
            del fresh[spec.source]
            self.shelf.keep(newest.draft, text_name(spec.source))
            known.digest, known.refused, known.failures = newest.digest, "", 0
            known.etag, known.modified = newest.etag, newest.modified
            known.good_at = known.looked_at
            self._tell(spec, "")
        self.shelf.keep(out, COMPILED)
        self._tell_bad(specs, outcome)
        self.shelf.forget_all_but(frozenset(text_name(spec.source) for spec in specs))
        write_known(self.shelf, self.known)

    def ages(self) -> dict[str, float]:
        """Seconds since the text of each list was last found to be good, by a label of metrics."""
        parts = self._parts()
        wall, found = parts.clock.wall(), dict[str, float]()
        for spec in list_specs(parts.config):
            good_at = self._known(spec.source).good_at
            if good_at:
                found[label("list", spec.name)] = round(wall - good_at, 3)
        return found

    # --- for people ------------------------------------------------------------------------------

    def _tell_bad(self, specs: tuple[ListSpec, ...], outcome: Compiled) -> None:
        for spec in specs:
            bad = outcome.bad.get(spec.ident)
            if bad:
                count, *shown = bad
                _log.info("list %s: %s lines say nothing: %s", spec.name, count, "; ".join(shown))
        if outcome.left_out:
            _log.warning("lists: %d names are left out: there are too many", outcome.left_out)

    def _tell_compiling(self, trouble: str) -> None:
        fails = "lists are not compiled, those before stay"
        self._compiling.note(trouble, fails, "lists are compiled again")

    def _tell(self, spec: ListSpec, trouble: str) -> None:
        known = self._troubles.setdefault(spec.ident, Trouble(_log, tells=True))
        known.note(trouble, f"list {spec.name}", f"list {spec.name} is renewed again")
