"""Trust anchors follow their zones, with state on disk (RFC 5011)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pytest
import trio

from resolver import app
from resolver.config.schema import Config
from resolver.dnssec.rfc5011 import KeyState, ManagedAnchor
from resolver.lab.virtual_time import VirtualClock, seeded
from resolver.model import Status
from resolver.protocol import names
from tests.making import question
from tests.recurse.household import WALL, budget, village
from tests.support import trio_test

if TYPE_CHECKING:
    from pathlib import Path

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
    async with app.running(
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
