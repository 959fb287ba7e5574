"""Keeps trust anchors in step with their zones' keys (RFC 5011): fetch, observe, save, sleep.

What a key set means is `dnssec.rfc5011`'s to say; here are the fetch (never from memory), the state
file in working_directory and the timer. A state file that cannot be read is told, and the
configured anchors go on; they count beside the state, unless a key of theirs was revoked.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import trio

from resolver.dnssec import rfc5011
from resolver.dnssec.rfc5011 import ManagedAnchor
from resolver.errors import Withheld, WorkExceeded
from resolver.limits import ROLLOVER_RETRY_SECONDS
from resolver.model import Question, Status, Verdict
from resolver.protocol import names
from resolver.protocol.codes import RRType
from resolver.recurse.timekeeper import Timekeeper

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from resolver.budget import Share
    from resolver.dnssec.anchors import Anchor, Anchors
    from resolver.model import Name, RRset
    from resolver.recurse.resolver import Resolver
    from resolver.runtime.clock import Clock

_log = logging.getLogger(__name__)


class Rollover:
    """RFC 5011 for all configured anchors."""

    def __init__(
        self,
        resolver: Resolver,
        anchors: Anchors,
        directory: Path,
        *,
        clock: Clock,
        budget: Callable[[], Share],
    ) -> None:
        self._resolver = resolver
        self._anchors = anchors
        self._directory = directory
        self._timekeeper = Timekeeper(clock)
        self._budget = budget
        self._told: set[str] = set()  # zones whose keys did not verify when last seen

    async def run(self) -> None:
        """Follow every anchor until cancelled."""
        async with trio.open_nursery() as nursery:
            for anchor in list(self._anchors.by_name.values()):
                nursery.start_soon(self._follow, anchor)

    async def _follow(self, anchor: Anchor) -> None:
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
        self._save(managed)

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

    def _path(self, zone: Name) -> Path:
        label = names.to_text(zone).rstrip(".").replace("/", "_") or "root"
        return self._directory / f"anchor-{label}.json"

    def _load(self, configured: Anchor) -> ManagedAnchor | None:
        path = self._path(configured.name)
        try:
            managed = ManagedAnchor.from_json(path.read_bytes())
            if managed.name != configured.name:
                raise ValueError(f"it is about {managed.zone}")  # noqa: TRY301  # told as the rest
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            _log.warning("%s: %s; starting from the configured anchor", path, error)
            return None
        self._trust(managed, configured)
        return managed

    def _save(self, managed: ManagedAnchor) -> None:
        """Write beside, then rename: a crash leaves the old state or the new one."""
        path = self._path(managed.name)
        beside = path.with_suffix(".new")
        try:
            beside.write_bytes(managed.to_json())
            beside.replace(path)
        except OSError as error:
            _log.warning("%s: %s; the state of the anchor is not kept", path, error)
