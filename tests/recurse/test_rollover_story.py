"""A root that rolls its key under a running resolver, as months pass in virtual time (RFC 5011)."""

from __future__ import annotations

from contextlib import asynccontextmanager
from copy import copy
from typing import TYPE_CHECKING

import msgspec
import pytest
import trio

from resolver.config.schema import Config
from resolver.daemon import run
from resolver.dnssec.rfc5011 import KeyState, ManagedAnchor
from resolver.errors import ResolutionFailed
from resolver.lab.signing import Signer
from resolver.lab.virtual_time import VirtualClock, seeded
from resolver.model import Status
from resolver.protocol.codes import RRType
from resolver.protocol.message import RRset
from resolver.protocol.names import ROOT
from resolver.protocol.rdata_fields import key_tag
from tests.making import question
from tests.recurse.household import WALL, budget, village
from tests.support import trio_test

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from resolver.daemon.run import Daemon

DAY = 86_400
REVOKED = 0x80


class RollingRoot:
    """A world whose root shows and is signed with the keys of the moment."""

    def __init__(self) -> None:
        self.world = village()
        self.root = self.world.zones[ROOT]
        self.began = trio.current_time()

    @property
    def wall(self) -> float:
        return WALL + trio.current_time() - self.began

    def key(self, seed: str) -> Signer:
        return Signer(self.root, wall=self.wall, seed=seed)

    def shows(self, *seeds: str, revoked: str = "") -> None:
        """The keys of *seeds*, the first of which signs all; one that is *revoked* signs that."""
        first, *others = [self.key(seed) for seed in seeds]
        keys = [first, *others]
        signers = [first]
        if revoked:
            leaving = copy(self.key(revoked))
            (rdata,) = leaving.dnskeys.rdatas
            rdata = rdata[:1] + bytes((rdata[1] | REVOKED,)) + rdata[2:]
            leaving.dnskeys = leaving.dnskeys._replace(rdatas=(rdata,))
            leaving.tag = key_tag(rdata)
            keys.append(leaving)
            signers.append(leaving)
        rdatas = tuple(rdata for key in keys for rdata in key.dnskeys.rdatas)
        shown = RRset(ROOT, RRType.DNSKEY, self.root.ttl, rdatas)
        signatures = tuple(signer._signature(shown) for signer in signers)
        first.dnskeys = shown
        first._signed[ROOT, RRType.DNSKEY] = signatures
        self.root.signer = first

    async def days(self, count: int, *seeds: str, revoked: str = "") -> None:
        """Let *count* days pass, while the root signs anew each day."""
        for _ in range(count):
            self.shows(*seeds, revoked=revoked)
            await trio.sleep(DAY)

    @asynccontextmanager
    async def watched(self, directory: Path, *configured: str) -> AsyncIterator[Daemon]:
        """A resolver that manages its anchor, configured with the keys of these seeds."""
        self.world.anchors = [self.key(seed).anchor() for seed in configured]
        config = msgspec.structs.replace(
            Config(),
            working_directory=str(directory),
            root=msgspec.structs.replace(Config().root, prime=False),
            dnssec=msgspec.structs.replace(Config().dnssec, rfc5011=True),
            resolution=msgspec.structs.replace(Config().resolution, serve_stale=False),
        )
        async with run.running(
            self.world.configure(config, directory),
            network=self.world.network(seed="rolling"),
            clock=VirtualClock(wall=self.wall),
            rng=seeded("rolling"),
            listens=False,
        ) as daemon:
            yield daemon


async def status(daemon: Daemon) -> Status:
    """Of a denial that the root has signed."""
    try:
        answer = await daemon.resolver.resolve(question("nothing. A"), budget())
    except ResolutionFailed:
        return Status.BOGUS
    return answer.status


def states(directory: Path) -> list[KeyState]:
    managed = ManagedAnchor.from_json((directory / "anchor-root.json").read_bytes())
    return [key.state for key in managed.keys]


@pytest.mark.rfc("RFC 5011 §2.4.1")
@pytest.mark.rfc("RFC 5011 §2.1")
@trio_test
async def test_a_roll_under_way_is_followed_and_a_revoked_key_is_dead(tmp_path: Path) -> None:
    root = RollingRoot()
    root.shows("old")
    async with root.watched(tmp_path, "old") as daemon:
        await root.days(2, "old")
        assert await status(daemon) is Status.SECURE
        await root.days(20, "old", "new")
        assert states(tmp_path) == [KeyState.VALID, KeyState.ADD_PENDING]
        root.shows("new", "old")  # too soon: ten days more
        await trio.sleep(DAY / 2)
        assert await status(daemon) is Status.BOGUS
        await root.days(15, "old", "new")
        assert states(tmp_path) == [KeyState.VALID, KeyState.VALID]
        await root.days(5, "new", "old")
        assert await status(daemon) is Status.SECURE
        await root.days(5, "new", revoked="old")
        assert states(tmp_path) == [KeyState.REVOKED, KeyState.VALID]
        assert await status(daemon) is Status.SECURE
        await root.days(3, "old")  # whoever has the old key may show anything
        assert await status(daemon) is Status.BOGUS
    root.shows("new")
    async with root.watched(tmp_path, "old") as daemon:  # the configuration has not heard of it
        assert await status(daemon) is Status.SECURE
        root.shows("old")
        await trio.sleep(2 * DAY)
        assert await status(daemon) is Status.BOGUS


@trio_test
async def test_rolls_that_were_missed_need_the_operators_word(tmp_path: Path) -> None:
    root = RollingRoot()
    async with root.watched(tmp_path, "old") as daemon:
        await root.days(2, "old")
        assert await status(daemon) is Status.SECURE
    await trio.sleep(400 * DAY)  # switched off
    root.shows("newest")
    async with root.watched(tmp_path, "old") as daemon:
        await root.days(1, "newest")
        assert await status(daemon) is Status.BOGUS
    root.shows("newest")
    async with root.watched(tmp_path, "old", "newest") as daemon:
        assert await status(daemon) is Status.SECURE
        await root.days(1, "newest")
        assert await status(daemon) is Status.SECURE
        assert states(tmp_path) == [KeyState.MISSING, KeyState.VALID]


@trio_test
async def test_a_first_look_at_forged_keys_is_not_the_last(tmp_path: Path) -> None:
    """Behind a portal that shows keys of its own, then not any more."""
    root = RollingRoot()
    root.shows("forged")
    async with root.watched(tmp_path, "true") as daemon:
        await trio.sleep(2 * 3600)
        assert await status(daemon) is Status.BOGUS
        await root.days(2, "true")
        assert await status(daemon) is Status.SECURE
        assert states(tmp_path) == [KeyState.VALID]


@pytest.mark.rfc("RFC 5011 §5")
@trio_test
async def test_a_root_that_revokes_its_only_key_counts_as_unsigned(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    root = RollingRoot()
    async with root.watched(tmp_path, "only") as daemon:
        await root.days(2, "only")
        await root.days(2, "unknown", revoked="only")
        assert "all trust anchors of . are revoked" in caplog.text
        assert await status(daemon) is Status.INDETERMINATE


@trio_test
async def test_a_state_about_another_zone_is_not_taken_for_the_roots(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "anchor-root.json").write_bytes(ManagedAnchor("example.").to_json())
    root = RollingRoot()
    async with root.watched(tmp_path, "true") as daemon:
        await root.days(1, "true")
        assert await status(daemon) is Status.SECURE
    assert "it is about example." in caplog.text
