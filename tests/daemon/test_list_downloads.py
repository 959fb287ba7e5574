"""Downloads of lists: what is asked for, what is believed, and what stays when it fails."""

from __future__ import annotations

import hashlib
import os
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
import trio

from resolver.config.schema import Block
from resolver.daemon import list_downloads, list_keeper
from resolver.daemon.list_job import Fetched, FetchJob
from resolver.daemon.list_terms import list_specs
from resolver.limits import (
    LIST_DOWNLOADS,
    LIST_FIRST_SECONDS,
    LIST_INTERVAL_SECONDS,
    LIST_JITTER_SHARE,
    LIST_REDIRECTS,
    LIST_RETRY_SECONDS,
    LIST_TRIES,
)
from tests.daemon.listing import ADS, NOBODY, REAL, WWW, Home, home
from tests.support import set_limit, trio_test_real

if TYPE_CHECKING:
    from pathlib import Path


URL = "https://www.example.com/list.txt"
GOOD = f"0.0.0.0 {ADS}\n"
OTHER = "||www.example.com^\n"


class Web:
    """In the place of the process that fetches: *pages* by URL, a text, or what came of it."""

    def __init__(self, **pages: str | Fetched) -> None:
        self.pages: dict[str, str | Fetched] = {URL: GOOD, **pages}
        self.jobs: list[FetchJob] = []
        self.gates: dict[str, trio.Event] = {}  # what comes when they open
        self.open = trio.Event()
        self.open.set()
        self.at_once = self.most_at_once = 0

    async def __call__(self, job: FetchJob) -> Fetched:
        self.jobs.append(job)
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        await self.gates.get(job.url, self.open).wait()
        self.at_once -= 1
        page = self.pages[job.url]
        if isinstance(page, Fetched):
            return page
        octets = page.encode()
        os.pwrite(job.out, octets, 0)
        digest = hashlib.blake2b(octets, digest_size=16).hexdigest()
        if job.etag == f'"{digest}"':
            return Fetched(is_same=True)
        return Fetched(len(octets), digest, f'"{digest}"', "yesterday")


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(list_downloads, "_BETWEEN_TRIES_S", 0.0)


def entry(url: str = URL) -> Block:
    return Block(name="far", source=url)


async def again(it: Home) -> None:
    """A day later."""
    for known in it.daemon.lists.keeper.known.values():
        known.looked_at = 0.0
    await it.downloaded()


@trio_test_real
async def test_a_list_is_downloaded_by_our_own_look_up_and_used(tmp_path: Path) -> None:
    web = Web()
    async with home(tmp_path, entry(), fetch=web) as it:
        await it.downloaded()
        assert await it.address(ADS) == [NOBODY]
        assert web.jobs[0].addresses[-1] == "192.0.2.80"
        assert it.daemon.registry.values()["resolver_lists_downloads_total"] == 1
        assert it.daemon.registry.values()["resolver_lists_downloaded_octets_total"] == len(GOOD)
    async with home(tmp_path, entry(), fetch=web) as it:
        assert await it.address(ADS) == [NOBODY]
        assert len(web.jobs) == 1  # it was downloaded today
        assert it.daemon.lists.keeper.compiled == 0


@trio_test_real
async def test_it_is_asked_for_only_if_it_is_another(tmp_path: Path) -> None:
    web = Web()
    async with home(tmp_path, entry(), fetch=web) as it:
        await it.downloaded()
        await again(it)
        assert web.jobs[1].etag == web.jobs[1].etag != ""
        assert web.jobs[1].modified == "yesterday"
        assert it.daemon.lists.keeper.compiled == 1
        assert it.daemon.registry.values()["resolver_lists_downloads_unchanged_total"] == 1
        web.pages[URL] = OTHER
        await again(it)
        assert await it.address(WWW) == [NOBODY]


@pytest.mark.parametrize(
    "page",
    [
        "<html>404</html>", "", "no thing\n" * 3, Fetched(trouble="status 500"),
        Fetched(trouble="it took longer than 60 s"), Fetched(redirect="http://www.example.com/x"),
        Fetched(redirect="https://nowhere.invalid/"),
    ],
    ids=["a page", "empty", "nonsense", "an error", "ten minutes", "to http", "to nowhere"],
)  # fmt: skip
@trio_test_real
async def test_what_a_list_turns_into_leaves_the_protection_as_it_was(
    page: str | Fetched, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    web = Web()
    async with home(tmp_path, entry(), fetch=web) as it:
        await it.downloaded()
        web.pages[URL] = page
        for _ in range(3):
            await again(it)
        assert await it.address(ADS) == [NOBODY]
        told = [one.getMessage() for one in caplog.records if "list far" in one.getMessage()]
        assert len(told) == 1, told
        web.pages[URL] = OTHER
        await again(it)
        assert await it.address(WWW) == [NOBODY]
        assert caplog.records[-1].getMessage() == "list far is renewed again"


@trio_test_real
async def test_who_drips_holds_up_no_other_list(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_limit(monkeypatch, list_keeper, "LIST_LOOK_SECONDS", 0.02)
    web = Web()
    slow = "https://mail.example.com/slow.txt"
    web.pages[slow], web.gates[slow] = OTHER, trio.Event()
    lists = Block(name="slow", source=slow), entry()
    async with home(tmp_path, *lists, fetch=web) as it:
        await it.until_told(ADS, NOBODY)
        assert await it.address(WWW) != [NOBODY]
        assert [job.url for job in web.jobs].count(slow) == 1  # it is not begun again meanwhile
        web.gates[slow].set()
        await it.until_told(WWW, NOBODY)


@pytest.mark.reaches("LIST_DOWNLOADS")
@trio_test_real
async def test_so_many_downloads_are_made_at_once(tmp_path: Path) -> None:
    web = Web()
    places = [f"https://www.example.com/{number}" for number in range(2 * LIST_DOWNLOADS)]
    gate = trio.Event()
    for place in places:
        web.pages[place], web.gates[place] = GOOD, gate
    lists = [Block(name=f"n{number}", source=place) for number, place in enumerate(places)]
    async with home(tmp_path, *lists, fetch=web) as it, trio.open_nursery() as nursery:
        nursery.start_soon(it.downloaded)
        with trio.fail_after(20):
            while len(web.jobs) < LIST_DOWNLOADS:  # noqa: ASYNC110  # names are looked up first
                await trio.sleep(0.01)
        await trio.sleep(0.2)  # in which more would begin
        gate.set()
    assert len(web.jobs) == len(places)
    assert web.most_at_once == LIST_DOWNLOADS


@trio_test_real
async def test_what_was_no_list_is_asked_for_again_as_soon_as_what_failed(tmp_path: Path) -> None:
    """A page in its place is gone in an hour; and who has no version yet waits no day for it."""
    web = Web()
    web.pages[URL] = "<html>maintenance</html>"
    async with home(tmp_path, entry(), fetch=web) as it:
        await it.downloaded()
        (known,) = it.daemon.lists.keeper.known.values()
        downloads = it.daemon.lists.keeper.downloads
        assert downloads is not None
        assert downloads._pause(known) < 2 * LIST_FIRST_SECONDS
        await again(it)
        assert downloads._pause(known) > 1.5 * LIST_FIRST_SECONDS  # it is the same page
        web.pages[URL] = GOOD
        await again(it)
        assert downloads._pause(known) > LIST_INTERVAL_SECONDS / 2
        web.pages[URL] = "<html>maintenance, again</html>"
        await again(it)
        assert downloads._pause(known) < 2 * LIST_RETRY_SECONDS
        assert await it.address(ADS) == [NOBODY]


@trio_test_real
async def test_one_that_was_never_had_blocks_nobody_and_is_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    web = Web()
    web.pages[URL] = Fetched(trouble="connection refused")
    async with home(tmp_path, entry(), fetch=web) as it:
        await again(it)
        assert await it.address(ADS) == [REAL]
    assert "cannot be downloaded: connection refused" in caplog.text


@pytest.mark.reaches("LIST_REDIRECTS")
@trio_test_real
async def test_redirects_are_followed_but_not_for_ever(tmp_path: Path) -> None:
    web = Web()
    places = [URL, *(f"https://mail.example.com/{number}" for number in range(LIST_REDIRECTS + 1))]
    for place, target in pairwise(places):
        web.pages[place] = Fetched(redirect=target)
    web.pages[places[LIST_REDIRECTS]] = GOOD
    async with home(tmp_path, entry(), fetch=web) as it:
        await it.downloaded()
        assert await it.address(ADS) == [NOBODY]
        assert web.jobs[-1].addresses[-1] == "192.0.2.25"
        web.pages[places[LIST_REDIRECTS]] = Fetched(redirect=places[-1])
        web.pages[places[-1]] = OTHER
        await again(it)
        assert "more than 5 times" in next(iter(it.daemon.lists.keeper.troubles.values()))


@pytest.mark.reaches("LIST_TRIES")
@trio_test_real
async def test_a_download_is_tried_three_times(tmp_path: Path) -> None:
    web = Web()
    web.pages[URL] = Fetched(trouble="reset")
    async with home(tmp_path, entry(), fetch=web) as it:
        await it.downloaded()
        assert len(web.jobs) == LIST_TRIES


@pytest.mark.reaches("LIST_INTERVAL_SECONDS", "LIST_RETRY_SECONDS", "LIST_JITTER_SHARE")
@trio_test_real
async def test_the_next_one_is_a_day_away_or_an_hour_after_a_failure(tmp_path: Path) -> None:
    web = Web()
    async with home(tmp_path, entry(), fetch=web) as it:
        await it.downloaded()
        (known,) = it.daemon.lists.keeper.known.values()
        specs = list_specs(it.daemon.config)

        async def asked_after(seconds: float) -> bool:
            known.looked_at = it.daemon.parts.clock.wall() - seconds
            before = len(web.jobs)
            async with trio.open_nursery() as nursery:
                it.daemon.lists.keeper._download(nursery, specs)
            return len(web.jobs) > before

        for usual, failures in ((LIST_INTERVAL_SECONDS, 0), (LIST_RETRY_SECONDS, 1)):
            known.failures = failures
            assert not await asked_after(usual * (1 - LIST_JITTER_SHARE) - 5)
            assert await asked_after(usual * (1 + LIST_JITTER_SHARE) + 5)


@pytest.mark.reaches("LIST_FIRST_SECONDS")
@trio_test_real
async def test_one_that_was_never_had_is_tried_again_soon(tmp_path: Path) -> None:
    """The line may come up after the machine has; the list blocks nothing until then."""
    web = Web()
    web.pages[URL] = Fetched(trouble="network is unreachable")
    async with home(tmp_path, entry(), fetch=web) as it:
        await it.downloaded()
        (known,) = it.daemon.lists.keeper.known.values()
        downloads = it.daemon.lists.keeper.downloads
        assert downloads is not None
        pauses = []
        for known.failures in (1, 2, 3, 99):
            pauses.append(downloads._pause(known))
        usual = [LIST_FIRST_SECONDS, 2 * LIST_FIRST_SECONDS, 4 * LIST_FIRST_SECONDS, 3600]
        assert pauses == pytest.approx(usual, rel=LIST_JITTER_SHARE)
        known.digest = "there was one"
        assert downloads._pause(known) == pytest.approx(LIST_RETRY_SECONDS, rel=LIST_JITTER_SHARE)


@trio_test_real
async def test_a_list_that_blocks_its_own_host_is_renewed(tmp_path: Path) -> None:
    web = Web()
    web.pages[URL] = GOOD + OTHER
    async with home(tmp_path, entry(), fetch=web) as it:
        await it.downloaded()
        assert await it.address(WWW) == [NOBODY]
        web.pages[URL] = GOOD
        await again(it)
        assert web.jobs[-1].addresses[-1] == "192.0.2.80"
        assert await it.address(WWW) != [NOBODY]
