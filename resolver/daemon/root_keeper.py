"""Keeps a copy of the root zone: takes the file into use, has it renewed when its SOA says so.

Each worker reads the file in `working_directory`, at the start and whenever it is another: 1.4 MB
each, for a mapped file that somebody cuts short is the end of all who have mapped it. The first
worker alone renews it, and tells the others: a question for the root's SOA, validated, and if that
is newer, or the copy's time is over, or there is none and one pays, a transfer in a process of its
own. A swap is one assignment. What fails leaves everything as it was, and is tried again; the copy
goes on until its time is over, and as a last resort after it (`iterate.root_copy`).
"""

from __future__ import annotations

import logging
from functools import partial
from typing import TYPE_CHECKING, ClassVar, Final, NamedTuple

import trio

from resolver.budget import Share
from resolver.daemon import memory_limit
from resolver.daemon.root_sources import job_for, pays
from resolver.daemon.state import ROOT_ZONE
from resolver.dnssec.whole_zone import is_older
from resolver.errors import ResolutionFailed, WireError, drop_frames
from resolver.iterate.root_copy import HERE, soa_of
from resolver.iterate.root_form import RootForm, anchors_digest
from resolver.limits import (
    ROOT_COPY_OCTETS,
    ROOT_JITTER_SHARE,
    ROOT_LOOK_SECONDS,
    ROOT_REFRESH_SECONDS,
    ROOT_RETRY_SECONDS,
)
from resolver.model import Question
from resolver.protocol import names, rdata_fields
from resolver.protocol.codes import RRType
from resolver.recurse.timekeeper import Timekeeper

if TYPE_CHECKING:
    from collections.abc import Callable

    from resolver.daemon.root_job import Outcome
    from resolver.daemon.root_sources import Fetch
    from resolver.daemon.state import Stamp, StateDirectory
    from resolver.daemon.wiring import Parts
    from resolver.iterate.root_copy import RootCopy
    from resolver.telemetry.shared_counters import Slot

_log = logging.getLogger(__name__)
_AT_ONCE: Final = float("-inf")


class Serving(NamedTuple):
    """The process, as far as the keeper needs it. *leads*: of several workers it is the first."""

    state: StateDirectory
    leads: bool
    fetch: Fetch
    slot: Slot | None = None


class RootKeeper:
    """One for the life of a process; *parts* tells those of the configuration in use."""

    COUNTS: ClassVar = {
        "fetches": "Times that a transfer of the root zone was wanted.",
        "fetches_failed": "Those of them that brought no zone that could be used.",
        "looks": "Questions for the root's SOA, to see whether there is a newer zone.",
        "fetched_octets": "Octets of transfers, those of no use included.",
        "fetch_cpu_seconds": "CPU seconds of the processes that transferred and verified.",
    }

    def __init__(self, serving: Serving, parts: Callable[[], Parts]) -> None:
        self._serving = serving
        self._parts = parts
        self._seen: Stamp | None = None
        self._due_at = _AT_ONCE
        self._trouble = ""  # what was told last
        self.fetches = self.fetches_failed = self.looks = self.fetched_octets = 0
        self.fetch_cpu_seconds = 0.0

    async def keep(self) -> None:
        """Until cancelled. Begins with what is in the directory."""
        parts = self._parts()
        parts.base.root_copy.form = None  # it may be of other anchors
        self._seen, self._due_at = None, _AT_ONCE
        began_at, memory_octets = parts.clock.now(), memory_limit.available_octets()
        while True:
            parts = self._parts()
            copy, now = parts.base.root_copy, parts.clock.now()
            await self._take(parts, copy)
            if self._serving.leads and now >= self._due_at:
                uptime_s = now - began_at
                if copy.form is not None or pays(
                    parts.config, copy, uptime_s=uptime_s, memory_octets=memory_octets
                ):
                    await self._renew(parts, copy)
            await self._pause()

    async def _pause(self) -> None:
        """Until the next look: at once when the first worker has a newer copy."""
        slot = None if self._serving.leads else self._serving.slot
        with trio.move_on_after(ROOT_LOOK_SECONDS):
            if slot is None:
                await trio.sleep_forever()
            else:
                await slot.is_rung()

    def _wait(self, parts: Parts, seconds: float) -> None:
        """Do nothing for *seconds*, about."""
        share = 1 + ROOT_JITTER_SHARE * (2 * parts.base.rng.random() - 1)
        self._due_at = parts.clock.now() + seconds * share

    # --- the file ------------------------------------------------------------------------------

    async def _take(self, parts: Parts, copy: RootCopy) -> None:
        """Have what is in the directory, if it is another than before."""
        state = self._serving.state
        if copy.trouble:
            self._set_aside(copy.trouble)
            copy.trouble = ""
        stamp = state.look(ROOT_ZONE)
        if stamp is None or stamp == self._seen:
            return
        is_same = self._seen is not None and stamp.inode == self._seen.inode
        self._seen = stamp
        if is_same and copy.form is not None:
            copy.confirm(copy.form, age_s=_age(parts, stamp.wall, copy.form))
            return
        try:
            form = await trio.to_thread.run_sync(partial(self._opened, stamp))
        except OSError as error:
            self._tell(f"its file cannot be read: {error.strerror or error}")
            return
        except WireError as error:
            self._set_aside(str(error))
            return
        self._use(form, stamp, parts, copy)

    def _opened(self, stamp: Stamp) -> RootForm:
        """In a thread. Raises OSError, WireError."""
        if stamp.size > ROOT_COPY_OCTETS:
            raise WireError(f"{stamp.size} octets")
        octets = self._serving.state.read(ROOT_ZONE, ROOT_COPY_OCTETS)
        if octets is None:
            raise OSError("it has gone")
        return RootForm.read_untrusted(octets)

    def _use(self, form: RootForm, stamp: Stamp, parts: Parts, copy: RootCopy) -> None:
        anchors = parts.anchors
        anchor = anchors.by_name.get(names.ROOT) if anchors is not None else None
        if form.anchors != anchors_digest(anchor):
            _log.info("the copy of the root zone is of other trust anchors, and is not used")
            return
        if copy.form is not None and is_older(form.serial, copy.form.serial):
            _log.warning(
                "a copy of the root zone in working_directory is not used: its serial %d is older "
                "than %d", form.serial, copy.form.serial,
            )  # fmt: skip
            return
        age_s = _age(parts, stamp.wall, form)
        copy.use(form, age_s=age_s)
        self._wait(parts, max(0.0, _refresh(form) - age_s))
        self._tell("")
        _log.info("the root zone's copy %d is in use", form.serial)
        if self._serving.leads and self._serving.slot is not None:
            self._serving.slot.ring()

    def _set_aside(self, why: str) -> None:
        aside = self._serving.state.set_aside(ROOT_ZONE)
        self._seen = None
        _log.warning(
            "the copy of the root zone in working_directory is damaged (%s): it is %s now, and not "
            "used", why, aside,
        )  # fmt: skip

    # --- renewal -------------------------------------------------------------------------------

    async def _renew(self, parts: Parts, copy: RootCopy) -> None:
        """See whether there is a newer zone, and have it."""
        form = copy.form
        if form is not None and copy.is_live:
            serial = await self._serial(parts)
            if serial is None:
                self._wait(parts, _retry(form))
                return
            if not is_older(form.serial, serial):
                self._confirm(parts, copy, form)
                return
        wall = Timekeeper(parts.clock).wall()
        held = None if form is None else form.serial
        descriptor = self._serving.state.descriptor
        self._wait(parts, ROOT_RETRY_SECONDS if form is None else _retry(form))
        outcome = await self._serving.fetch(job_for(parts, wall, held=held, directory=descriptor))
        self._count(outcome)
        if outcome.serial is None:
            self._tell("; ".join(outcome.troubles) or "no source to fetch it from")
        elif form is not None and outcome.serial == form.serial:
            self._confirm(parts, copy, form)
        else:
            await self._take(parts, copy)

    async def _serial(self, parts: Parts) -> int | None:
        """The serial that the root's servers tell, validated; None if that cannot be had."""
        self.looks += 1
        resolver, question = parts.resolver, Question(names.ROOT, RRType.SOA)
        budget = Share.for_client(trio.current_time() + parts.config.resolution.query_timeout)
        try:
            links = await resolver.fetch(
                question, budget, excluded=frozenset({HERE.host}), is_fresh=True
            )
            link = links[0]
            if resolver.trust is not None:
                link = await resolver.trust.validate(link, budget, renews=True)
        except ResolutionFailed as error:
            drop_frames(error)
            return None
        soas = [rrset for rrset in link.answer if rrset.rtype == RRType.SOA]
        return rdata_fields.soa(soas[0].rdatas[0]).serial if soas else None

    def _confirm(self, parts: Parts, copy: RootCopy, form: RootForm) -> None:
        copy.confirm(form)
        self._serving.state.date(ROOT_ZONE, parts.clock.wall())
        self._seen = self._serving.state.look(ROOT_ZONE)
        self._wait(parts, _refresh(form))
        self._tell("")

    def _count(self, outcome: Outcome) -> None:
        self.fetches += 1
        self.fetches_failed += outcome.serial is None
        self.fetched_octets += outcome.octets
        self.fetch_cpu_seconds += outcome.cpu_s

    def _tell(self, trouble: str) -> None:
        """One line when there is trouble, and one when there is no more."""
        if trouble and not self._trouble:
            _log.warning("no newer copy of the root zone: %s", trouble)
        elif self._trouble and not trouble:
            _log.warning("the copy of the root zone is renewed again")
        self._trouble = trouble


def _refresh(form: RootForm) -> float:
    return max(ROOT_REFRESH_SECONDS, soa_of(form).refresh)


def _retry(form: RootForm) -> float:
    return max(ROOT_RETRY_SECONDS, soa_of(form).retry)


def _age(parts: Parts, wall: float, form: RootForm) -> float:
    """Seconds since the file's time; where that is yet to come, as many as end the copy's own."""
    age_s = parts.clock.wall() - wall
    return age_s if age_s >= -ROOT_LOOK_SECONDS else float(soa_of(form).expire)
