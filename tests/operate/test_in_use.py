"""What several workers know of the names in use: together, each once; and who is silent is told."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from resolver.drill.facts import Facts, Used
from resolver.geo.distance import Measured
from resolver.limits import CONTROL_REPLY_OCTETS, DRILL_FACTS, DRILL_NAMES
from resolver.operate import in_use
from resolver.operate.drill import DRILL
from resolver.operate.geo_survey import SURVEY
from resolver.operate.geo_zones import ZONES
from resolver.operate.in_use import IN_USE, InUse, of_others
from resolver.operate.verbs import AMONG_WORKERS, BY_NAME
from resolver.protocol import names
from tests.making import question
from tests.operate.operated import Desk, desk, distant
from tests.recurse.household import village
from tests.support import trio_test

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import pytest

    from resolver.operate.verb import Reply

SILENT: Reply = {"failed": [{"worker": 2, "error": "worker 2 does not answer"}]}


def beside(first: Desk, other: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """*first* asks *other*, by octets as workers do, and one more, who does not answer."""

    async def others(verb: str, given: dict[str, Any]) -> AsyncIterator[Reply]:
        one = AMONG_WORKERS[verb]
        given = msgspec.json.decode(msgspec.json.encode(given))
        async for item in one.run(other.running, msgspec.convert(given, one.arguments)):  # type: ignore[union-attr]
            octets = msgspec.json.encode(item)
            assert len(octets) <= CONTROL_REPLY_OCTETS
            yield {"worker": 1, **msgspec.json.decode(octets)}
        yield SILENT

    monkeypatch.setattr(first.running, "others", others)


@trio_test
async def test_what_one_worker_has_in_use_another_one_drills(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with desk(distant(village())) as first, desk(distant(village())) as other:
        await other.home.ask(question("www.example.net. A"))
        beside(first, other, monkeypatch)
        items = await first.items(DRILL, keep_only=("192.0.2.10",), after="0s")
        report = next(item["report"] for item in items if "report" in item)
        assert report["names"] == 1
        assert report["moments"][0]["fresh"] == 1.0
        assert SILENT in items
        items = await first.items(DRILL, names=("www.example.net",), far_ms=900.0, after="0s")
        report = next(item["report"] for item in items if "report" in item)
        assert report["moments"][0]["fresh"] == 1.0
        assert report["servers"] == "3 of 3 measured servers are nearer than 900 ms (given)"


@trio_test
async def test_zones_in_use_are_those_of_all(monkeypatch: pytest.MonkeyPatch) -> None:
    async with desk(distant(village())) as first, desk(distant(village())) as other:
        await other.home.ask(question("www.example.net. A"))
        beside(first, other, monkeypatch)
        items = await first.items(ZONES)
        assert SILENT in items
        rows = {row["zone"]: row for item in items for row in item.get("zones", ())}
        assert set(rows) == {".", "net.", "example.net."}
        assert rows["example.net."]["measured"] == 1
        items = await first.items(SURVEY)
        assert SILENT in items
        rows = {row["zone"]: row for item in items for row in item.get("zones", ())}
        assert [(zone, row["uses"]) for zone, row in rows.items()] == [("net.", 1.0)]


@trio_test
async def test_it_is_bounded_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    async with desk(distant(village())) as first, desk(distant(village())) as other:
        await other.home.ask(question("www.example.net. A"))
        beside(first, other, monkeypatch)
        await other.home.ask(question("alias.example.net. A"))
        monkeypatch.setattr(in_use, "DRILL_FACTS", 2)
        found = await of_others(first.running)
        assert not found.is_whole
        items = await first.items(DRILL)
        assert not next(item["report"] for item in items if "report" in item)["is_whole"]


@trio_test
async def test_one_process_alone_asks_nobody() -> None:
    async with desk(village()) as it:
        assert await of_others(it.running) == InUse()


def test_the_use_of_a_name_is_added_up() -> None:
    name = names.from_text("a.example.")
    both = InUse(used=[Used(name, 1, 2.0), Used(name, 28, 0.5)]).with_ours([Used(name, 1, 1.0)])
    assert both == [Used(name, 1, 3.0), Used(name, 28, 0.5)]
    many = [Used(names.from_text(f"n{number}.example."), 1) for number in range(DRILL_NAMES)]
    assert len(InUse(used=many).with_ours([Used(name, 1)])) == DRILL_NAMES


def test_what_others_say_leaves_room() -> None:
    assert InUse().room == DRILL_FACTS
    assert InUse(facts=[Facts()]).room == DRILL_FACTS


def test_clients_cannot_ask_for_it() -> None:
    assert IN_USE.name not in BY_NAME


def test_what_travels_is_cut_into_pieces() -> None:
    many = [Measured(f"2001:db8::{number:x}", 1.25, 7.0, 0.5) for number in range(5000)]
    pieces = list(in_use._pieces(many))
    assert [one for piece in pieces for one in piece] == many
    assert len(pieces) > 1
    assert all(len(msgspec.json.encode(piece)) < CONTROL_REPLY_OCTETS for piece in pieces)
