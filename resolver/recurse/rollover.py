"""Keeps trust anchors in step with their zones' keys (RFC 5011): fetch, observe, save, sleep.

What a key set means is `dnssec.rfc5011`'s to say; here are the fetch (never from memory), the state
file in working_directory and the timer. A state file that cannot be read is told, and the
configured anchors go on; they count beside the state, unless a key of theirs was revoked.

Of several processes exactly one leads: it fetches, judges and writes. The others follow what it has
written, so that hold-down times are counted once and nobody writes over a younger state.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Protocol

import trio

from resolver.dnssec import rfc5011
from resolver.dnssec.rfc5011 import ManagedAnchor
from resolver.errors import Withheld, WorkExceeded
from resolver.limits import ROLLOVER_FOLLOW_SECONDS, ROLLOVER_RETRY_SECONDS
from resolver.model import Question, Status, Verdict
from resolver.protocol import names
from resolver.protocol.codes import RRType
from resolver.recurse.timekeeper import Timekeeper

if TYPE_CHECKING:
    from collections.abc import Callable

    from resolver.budget import Share
    from resolver.dnssec.anchors import Anchor, Anchors
    from resolver.model import Link, Name, RRset
    from resolver.runtime.clock import Clock

_log = logging.getLogger(__name__)


class State(Protocol):
    """Where the state is kept (`daemon.state.StateDirectory`)."""

    def read(self, name: str) -> bytes | None:
        """None if there is nothing. Raises OSError."""

    def write(self, name: str, octets: bytes) -> bool:
        """Whole or not at all; what cannot be kept is told there."""


class Finder(Protocol):
    """Fetches one set of records (`recurse.resolver.Resolver.find`)."""

    async def find(
        self, question: Question, budget: Share, *, is_fresh: bool = False
    ) -> Link | None: ...


class Rollover:
    """RFC 5011 for all configured anchors. *leads* False: another process does it."""

    def __init__(
        self,
        resolver: Finder,
        anchors: Anchors,
        state: State,
        *,
        clock: Clock,
        budget: Callable[[], Share],
        leads: bool = True,
    ) -> None:
        self._resolver = resolver
        self._anchors = anchors
        self._state = state
        self._leads = leads
        self._timekeeper = Timekeeper(clock)
        self._budget = budget
        self._told: set[str] = set()  # zones whose keys did not verify when last seen
        self._unreadable: set[str] = set()  # files that could not be read when last looked at

    async def run(self) -> None:
        """Follow every anchor until cancelled."""
        async with trio.open_nursery() as nursery:
            for anchor in list(self._anchors.by_name.values()):
                nursery.start_soon(self._lead if self._leads else self._follow, anchor)

    async def _follow(self, anchor: Anchor) -> None:
        """Validation what the leader has written, from the start on and as it changes."""
        while True:
            self._load(anchor)
            await trio.sleep(ROLLOVER_FOLLOW_SECONDS)

    async def _lead(self, anchor: Anchor) -> None:
        managed = self._load(anchor)
        while True:
            rrset = await self._fetch(anchor.name)
            wait_s: float = ROLLOVER_RETRY_SECONDS
            if rrset is not None:
                managed = managed or ManagedAnchor(names.to_text(anchor.name))
                self._observe(managed, anchor, rrset)
                wait_s = managed.next_check_s
            await trio.sleep(wait_s)

    def _observe(self, managed: ManagedAnchor, configured: Anchor, rrset: RRset) -> None:
        """Move the state on; a handful of signatures, hours apart, need no budget."""
        before = managed.trusted()
        wall = self._timekeeper.wall()
        rfc5011.adopt(managed, configured, rrset, wall=wall)
        steps = rfc5011.observe(managed, rrset, wall=wall, watch=self._timekeeper)
        try:
            while True:
                next(steps)
        except StopIteration as stop:
            if not stop.value:
                if managed.zone not in self._told:
                    _log.warning("the keys of %s are not signed by a trusted key", managed.zone)
                self._told.add(managed.zone)
                return
        self._told.discard(managed.zone)
        if before and managed.trusted() != before:
            _log.warning("the trust anchors of %s changed", managed.zone)
        self._trust(managed, configured)
        self._state.write(_file_name(managed.name), managed.to_json())

    def _trust(self, managed: ManagedAnchor, configured: Anchor) -> None:
        anchor = managed.anchor(configured)
        self._anchors.replace(anchor)
        if not anchor.ds and not anchor.keys:
            _log.error("all trust anchors of %s are revoked: it counts as unsigned", managed.zone)

    async def _fetch(self, zone: Name) -> RRset | None:
        question = Question(zone, RRType.DNSKEY)
        try:
            link = await self._resolver.find(question, self._budget(), is_fresh=True)
        except (WorkExceeded, Withheld):
            return None
        if link is None or link.verdict is not Verdict.ANSWER:
            return None
        return link.answer[0] if link.status is not Status.BOGUS else None

    # --- on disk -----------------------------------------------------------------------------

    def _load(self, configured: Anchor) -> ManagedAnchor | None:
        name = _file_name(configured.name)
        try:
            octets = self._state.read(name)
            if octets is None:
                return None
            managed = ManagedAnchor.from_json(octets)
            if managed.name != configured.name:
                raise ValueError(f"it is about {managed.zone}")  # noqa: TRY301  # told as the rest
        except (OSError, ValueError) as error:
            if name not in self._unreadable:
                _log.warning("%s: %s; starting from the configured anchor", name, error)
            self._unreadable.add(name)
            return None
        self._unreadable.discard(name)
        self._trust(managed, configured)
        return managed


def _file_name(zone: Name) -> str:
    label = names.to_text(zone).rstrip(".").replace("/", "_") or "root"
    return f"anchor-{label}.json"
