"""Downloads of lists: which are due, whom to ask, and what is believed of what comes.

Names of hosts are resolved by this resolver itself, past every list: a list that blocks where it
comes from would never be renewed. Redirects stay HTTPS. Each request is a process of its own
(`list_fetch`), and LIST_DOWNLOADS may run at once, so that a server that drips holds up no other
list. A failure leaves what there is, is told once, and is tried again.
"""

from __future__ import annotations

import ipaddress
import os
from typing import TYPE_CHECKING, ClassVar, Final, TypeAlias
from urllib.parse import urlsplit

import trio

from resolver.budget import Share
from resolver.daemon.child import ChildFailed, ask_child
from resolver.daemon.list_job import Fetched, FetchJob
from resolver.daemon.list_texts import Fresh, Known, has_text
from resolver.errors import ResolutionFailed, WireError, drop_frames
from resolver.limits import (
    LIST_DOWNLOAD_SECONDS,
    LIST_DOWNLOADS,
    LIST_FIRST_SECONDS,
    LIST_INTERVAL_SECONDS,
    LIST_JITTER_SHARE,
    LIST_REDIRECTS,
    LIST_RETRY_SECONDS,
    LIST_TRIES,
)
from resolver.model import Question
from resolver.protocol import names
from resolver.protocol.codes import RRType
from resolver.protocol.ip_addresses import octets_text

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

    from resolver.daemon.list_shelf import Draft, Shelf
    from resolver.daemon.list_terms import ListSpec
    from resolver.daemon.wiring import Parts

    Tell: TypeAlias = Callable[[ListSpec, str], None]

Fetch: TypeAlias = "Callable[[FetchJob], Awaitable[Fetched]]"
_MODULE: Final = "resolver.daemon.list_fetch"
_SPARE_S: Final = 10.0
_BETWEEN_TRIES_S: Final = 2.0
_DOUBLINGS: Final = 10


class Downloads:
    """*fetch* makes one request; *parts* are those in use."""

    COUNTS: ClassVar = {
        "downloads": "Times that a list was to be downloaded.",
        "downloads_unchanged": "Those of them that found it as it was.",
        "downloads_failed": "Those that brought nothing.",
        "downloaded_octets": "Octets of what came.",
    }

    def __init__(self, fetch: Fetch, parts: Callable[[], Parts]) -> None:
        self._fetch = fetch
        self._parts = parts
        self._places = trio.CapacityLimiter(LIST_DOWNLOADS)
        self._under_way: set[str] = set()  # sources
        self._come: dict[str, Fresh] = {}
        self.downloads = self.downloads_unchanged = self.downloads_failed = 0
        self.downloaded_octets = 0

    def __repr__(self) -> str:
        return f"<Downloads {self.downloads}, {self.downloads_failed} failed>"

    def begin(
        self,
        nursery: trio.Nursery,
        specs: Iterable[ListSpec],
        known: dict[str, Known],
        shelf: Shelf,
        tell: Tell,
        on_end: Callable[[], None] = lambda: None,
    ) -> None:
        """Have downloaded what is due, and is not under way yet; *on_end* is called when none is
        any more."""
        for spec in specs:
            if not spec.url or spec.source in self._under_way:
                continue
            one = known.setdefault(spec.source, Known())
            if one.digest and not has_text(shelf, spec.source):
                one = known[spec.source] = Known()
            wall = self._parts().clock.wall()
            if not 0 <= wall - one.looked_at < self._pause(one):
                self._under_way.add(spec.source)
                nursery.start_soon(self._one, spec, one, shelf, tell, on_end)

    async def _one(
        self, spec: ListSpec, known: Known, shelf: Shelf, tell: Tell, on_end: Callable[[], None]
    ) -> None:
        try:
            async with self._places:
                fresh = await self._download(spec, known, shelf, tell)
        finally:
            self._under_way.discard(spec.source)
        if fresh is not None:
            before = self._come.pop(spec.source, None)
            if before is not None:
                shelf.drop(before.draft)
            self._come[spec.source] = fresh
        if not self.are_under_way:
            on_end()

    @property
    def are_under_way(self) -> bool:
        """Is there any that has not ended?"""
        return bool(self._under_way)

    def take(self) -> dict[str, Fresh]:
        """What has come since this was called last, by source."""
        come, self._come = self._come, {}
        return come

    def _pause(self, known: Known) -> float:
        usual = LIST_RETRY_SECONDS if known.failures else LIST_INTERVAL_SECONDS
        if known.failures and not known.digest:  # it blocks nothing yet: a router that has started
            usual = min(usual, LIST_FIRST_SECONDS * 2 ** min(known.failures - 1, _DOUBLINGS))
        share = hash(known.looked_at) % 1000 / 1000  # the same at each look
        return usual * (1 + LIST_JITTER_SHARE * (2 * share - 1))

    async def _download(
        self, spec: ListSpec, known: Known, shelf: Shelf, tell: Tell
    ) -> Fresh | None:
        self.downloads += 1
        known.looked_at = self._parts().clock.wall()
        trouble = ""
        for number in range(LIST_TRIES):
            if number:
                await trio.sleep(_BETWEEN_TRIES_S * number)
            draft = shelf.draft()
            try:
                told = await self._follow(spec.url, known, draft)
            except (WireError, ChildFailed) as error:
                trouble = str(error)
                shelf.drop(draft)
                continue
            if told.is_same or told.digest in (known.digest, known.refused):
                shelf.drop(draft)
                self._unchanged(spec, known, told, tell)
                return None
            self.downloaded_octets += told.octets
            return Fresh(draft=draft, digest=told.digest, etag=told.etag, modified=told.modified)
        self.downloads_failed += 1
        known.failures += 1
        tell(spec, f"it cannot be downloaded: {trouble}")
        return None

    def _unchanged(self, spec: ListSpec, known: Known, told: Fetched, tell: Tell) -> None:
        self.downloads_unchanged += 1
        if not told.is_same and told.digest != known.digest:
            known.failures += 1  # it is what was refused before
            return
        known.failures = 0
        known.good_at = known.looked_at
        known.refused = ""
        tell(spec, "")

    async def _follow(self, url: str, known: Known, draft: Draft) -> Fetched:
        """What *url* comes to in the end. Raises WireError, ChildFailed."""
        for _ in range(LIST_REDIRECTS + 1):
            parts = urlsplit(url)
            if parts.scheme != "https" or not parts.hostname:
                raise WireError(f"it is redirected to {url[:200]}, which is not https://")
            job = FetchJob(
                url, await self._addresses(parts.hostname), draft.descriptor, os.getpid(),
                known.etag, known.modified,
            )  # fmt: skip
            told = await self._fetch(job)
            if told.trouble:
                raise WireError(told.trouble)
            if not told.redirect:
                return told
            url = told.redirect
        raise WireError(f"it is redirected more than {LIST_REDIRECTS} times")

    async def _addresses(self, host: str) -> list[str]:
        """What *host* has, found out past all policy. Raises WireError."""
        try:
            return [str(ipaddress.ip_address(host))]
        except ValueError:
            pass
        try:
            name = names.from_text(host).lower()
        except ValueError as error:
            raise WireError(str(error)) from None
        config, found = self._parts().config.outgoing, list[str]()
        for rtype, is_used in ((RRType.AAAA, config.ipv6), (RRType.A, config.ipv4)):
            if is_used:
                found += await self._of_type(Question(name, rtype))
        if not found:
            raise WireError(f"{host} has no address")
        return found

    async def _of_type(self, question: Question) -> list[str]:
        parts = self._parts()
        budget = Share.for_client(trio.current_time() + parts.config.resolution.query_timeout)
        try:
            answer = await parts.resolver.resolve(question, budget, checking=True)
        except ResolutionFailed as error:
            drop_frames(error)
            return []
        texts = [
            octets_text(rdata)
            for rrset in answer.answer
            if rrset.rtype == question.qtype
            for rdata in rrset.rdatas
        ]
        return [text for text in texts if text is not None]


async def in_process(job: FetchJob) -> Fetched:
    """One request in a process of its own. Raises ChildFailed."""
    return await ask_child(
        _MODULE, job, Fetched, seconds=LIST_DOWNLOAD_SECONDS + _SPARE_S, descriptors=(job.out,),
        words=("download", "downloads"), comes_last=True,
    )  # fmt: skip
