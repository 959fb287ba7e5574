"""The nearest servers outlive the process: witnesses of a start into a cut."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import msgspec
import trio
from hypothesis import example, given
from hypothesis import strategies as st

from resolver.daemon.keepsakes import Near
from resolver.errors import WireError
from resolver.upstream.ways import Ways
from tests.daemon.persisting import kill, life
from tests.recurse.household import WALL, slow_village
from tests.support import trio_test
from tests.upstream.virtual_servers import World

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


@trio_test
async def test_the_nearest_servers_are_known_as_witnesses_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who answers at home in a cut, and what it answered last."""
    world, told = slow_village(), []
    monkeypatch.setattr(Ways, "remember", lambda _, kept: told.append(kept))
    async with life(world, tmp_path) as home:
        await home.ask("www.example.net. A")
        await trio.sleep(5)
        near = home.daemon.parts.dispatcher.ways.public.neighbours.snapshot()
    async with life(world, tmp_path, wall=WALL + 700):
        await trio.sleep(0.1)
    assert told == [near]
    assert "www.example.net." in {one.qname for one in near}


@trio_test
async def test_a_note_that_is_none_is_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with life(slow_village(), tmp_path) as home:
        writer = home.daemon.persistence._writer
        assert writer is not None
        writer.keep_note("neighbours", b"\xff", home.daemon.parts.clock.now())
        kill(home)
    with caplog.at_level(logging.WARNING):
        async with life(slow_village(), tmp_path, wall=WALL + 20):
            await trio.sleep(0.1)
    (line,) = [record.getMessage() for record in caplog.records]
    assert line.startswith("what was kept of neighbours cannot be read: a note is none")


_numbers = st.integers(-(1 << 70), 1 << 70)
_near = st.lists(
    st.tuples(
        st.sampled_from(["192.0.2.1", "2001:db8::1", "1.2.3", "x"]), _numbers,
        st.sampled_from(["udp", "x"]), st.just(""), st.text(max_size=9), st.text(max_size=9),
        _numbers, st.sampled_from(["example.com.", "a..b", "x" * 64]),
    ),
    max_size=3,
)  # fmt: skip


@given(st.binary(max_size=60) | st.builds(msgspec.json.encode, _near))
@example(b"[" * 10_000)
@example(b'[["192.0.2.1",53,"udp","","ns.","www.example.",1,"example."]]')
@example(b'[["192.0.2.1",99999999,"udp","","ns.","www.example.",1,"example."]]')
def test_near_untrusted(octets: bytes) -> None:
    """Whatever the octets: taken, and what comes of it may be kept again; or WireError."""
    near = Near(World().dispatcher.ways, "neighbours")
    try:
        near.take_back_untrusted(octets, None)
    except WireError:
        return
    again, _ = near.octets()
    near.take_back_untrusted(again, None)
