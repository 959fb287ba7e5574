"""Validation anchors follow their zones, with state on disk (RFC 5011)."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
import trio
from msgspec.structs import replace

from resolver.config.schema import Config
from resolver.daemon import run
from resolver.dnssec.anchors import AnchorRecord, Anchors
from resolver.dnssec.rfc5011 import KeyState, ManagedAnchor
from resolver.lab.virtual_time import VirtualClock, seeded
from resolver.limits import ROLLOVER_FOLLOW_SECONDS, ROLLOVER_RETRY_SECONDS
from resolver.model import Status
from resolver.protocol import names
from resolver.protocol.codes import RRType
from resolver.recurse.rollover import Rollover
from resolver.telemetry.shared_counters import SharedCounters, Slot
from tests.making import question
from tests.recurse.household import WALL, budget, village
from tests.support import trio_test

if TYPE_CHECKING:
    from pathlib import Path

WWW = question("www.example.net. A")


async def follow(directory: Path) -> Status:
    """Run a resolver with managed anchors until their first look; the status of a signed name."""
    world = village(is_signed=True)
    config = replace(
        Config(),
        working_directory=str(directory),
        root=replace(Config().root, prime=False),
        dnssec=replace(Config().dnssec, rfc5011=True),
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


@pytest.mark.reaches("ROLLOVER_FOLLOW_SECONDS")
@trio_test
async def test_one_process_leads_and_the_others_follow_what_it_wrote(tmp_path: Path) -> None:
    """Workers share the directory: only the first one fetches keys for it, and writes."""
    await follow(tmp_path)
    state = Memo()
    state.files["anchor-root.json"] = (tmp_path / "anchor-root.json").read_bytes()
    nobody, digest = Nobody(), bytes.fromhex("4f66 08 02") + bytes(32)
    anchors = Anchors.of([AnchorRecord(names.ROOT, RRType.DS, digest)])
    rollover = Rollover(
        nobody, anchors, state, clock=VirtualClock(wall=WALL), budget=budget, leads=False
    )
    async with trio.open_nursery() as nursery:
        nursery.start_soon(rollover.run)
        await trio.sleep(1)
        first = anchors.by_name[names.ROOT].keys
        assert first
        managed = ManagedAnchor.from_json(state.files["anchor-root.json"])
        managed.keys[0].state = KeyState.REVOKED
        state.files["anchor-root.json"] = managed.to_json()
        await trio.sleep(ROLLOVER_FOLLOW_SECONDS)
        assert anchors.by_name[names.ROOT].keys != first
        nursery.cancel_scope.cancel()
    assert nobody.asked == []
    assert state.written == 0


@trio_test
async def test_only_the_first_worker_leads(tmp_path: Path) -> None:
    for worker in (1, 0):
        world = village(is_signed=True)
        config = replace(
            Config(working_directory=str(tmp_path)), dnssec=replace(Config().dnssec, rfc5011=True)
        )
        config = world.configure(config, tmp_path)
        async with run.running(
            config, network=world.network(seed="many"), clock=VirtualClock(wall=WALL),
            rng=seeded("many"), listens=False, slot=Slot(SharedCounters(2), worker),
        ):  # fmt: skip
            await trio.sleep(5)
        assert (tmp_path / "anchor-root.json").exists() is (worker == 0)


class Memo:
    """A state directory in memory."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.written = 0

    def read(self, name: str) -> bytes | None:
        return self.files.get(name)

    def write(self, name: str, octets: bytes) -> bool:
        self.files[name] = octets
        self.written += 1
        return True


class Nobody:
    """A resolver that finds nothing."""

    def __init__(self) -> None:
        self.asked: list[float] = []

    async def find(self, *_: object, **__: object) -> None:
        self.asked.append(trio.current_time())


@pytest.mark.rfc("RFC 5011 §2.3")
@pytest.mark.reaches("ROLLOVER_RETRY_SECONDS")
@trio_test
async def test_keys_that_could_not_be_had_are_asked_again() -> None:
    nobody, digest = Nobody(), bytes.fromhex("4f66 08 02") + bytes(32)
    rollover = Rollover(
        nobody,
        Anchors.of([AnchorRecord(names.ROOT, RRType.DS, digest)]),
        Memo(),
        clock=VirtualClock(wall=WALL),
        budget=budget,
    )
    async with trio.open_nursery() as nursery:
        nursery.start_soon(rollover.run)
        await trio.sleep(2.5 * ROLLOVER_RETRY_SECONDS)
        nursery.cancel_scope.cancel()
    gaps = [later - sooner for sooner, later in pairwise(nobody.asked)]
    assert gaps == pytest.approx([ROLLOVER_RETRY_SECONDS] * 2)
