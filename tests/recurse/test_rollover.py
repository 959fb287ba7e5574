"""Validation anchors follow their zones, with state on disk (RFC 5011)."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, cast

import msgspec
import pytest
import trio

from resolver.config.schema import Config
from resolver.daemon import run
from resolver.dnssec.anchors import AnchorRecord, Anchors
from resolver.dnssec.rfc5011 import KeyState, ManagedAnchor
from resolver.lab.virtual_time import VirtualClock, seeded
from resolver.limits import ROLLOVER_RETRY_SECONDS
from resolver.model import Status
from resolver.protocol import names
from resolver.protocol.codes import RRType
from resolver.recurse.rollover import Rollover
from tests.making import question
from tests.recurse.household import WALL, budget, village
from tests.support import trio_test

if TYPE_CHECKING:
    from pathlib import Path

    from resolver.recurse.resolver import Resolver

WWW = question("www.example.net. A")


async def follow(directory: Path) -> Status:
    """Run a resolver with managed anchors until their first look; the status of a signed name."""
    world = village(is_signed=True)
    config = msgspec.structs.replace(
        Config(),
        working_directory=str(directory),
        root=msgspec.structs.replace(Config().root, prime=False),
        dnssec=msgspec.structs.replace(Config().dnssec, rfc5011=True),
    )
    async with run.running(
        world.configure(config, directory),
        network=world.network(seed="rollover"),
        clock=VirtualClock(wall=WALL),
        rng=seeded("rollover"),
        listens=False,
    ) as daemon:
        await trio.sleep(5)
        return (await daemon.resolver.resolve(WWW, budget())).status


@pytest.mark.rfc("RFC 5011 §4.1")
@trio_test
async def test_the_first_look_writes_the_state_down(tmp_path: Path) -> None:
    assert await follow(tmp_path) is Status.SECURE
    managed = ManagedAnchor.from_json((tmp_path / "anchor-root.json").read_bytes())
    assert managed.name == names.ROOT
    assert {key.state for key in managed.keys} == {KeyState.VALID}
    assert managed.next_check_s >= 3600


@trio_test
async def test_a_broken_state_file_is_told_and_survived(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "anchor-root.json").write_bytes(b"{ not json")
    assert await follow(tmp_path) is Status.SECURE
    assert "starting from the configured anchor" in caplog.text


class Nobody:
    """A resolver that finds nothing."""

    def __init__(self) -> None:
        self.asked: list[float] = []

    async def find(self, *_: object, **__: object) -> None:
        self.asked.append(trio.current_time())


@pytest.mark.rfc("RFC 5011 §2.3")
@pytest.mark.reaches("ROLLOVER_RETRY_SECONDS")
@trio_test
async def test_keys_that_could_not_be_had_are_asked_again(tmp_path: Path) -> None:
    nobody, digest = Nobody(), bytes.fromhex("4f66 08 02") + bytes(32)
    rollover = Rollover(
        cast("Resolver", nobody),
        Anchors.of([AnchorRecord(names.ROOT, RRType.DS, digest)]),
        directory=tmp_path,
        clock=VirtualClock(wall=WALL),
        budget=budget,
    )
    async with trio.open_nursery() as nursery:
        nursery.start_soon(rollover.run)
        await trio.sleep(2.5 * ROLLOVER_RETRY_SECONDS)
        nursery.cancel_scope.cancel()
    gaps = [later - sooner for sooner, later in pairwise(nobody.asked)]
    assert gaps == pytest.approx([ROLLOVER_RETRY_SECONDS] * 2)
