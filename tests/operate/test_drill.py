"""drill: what the daemon knows, worked out; and not one packet is sent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import pytest
import trio

from resolver.config.schema import Config, Stub
from resolver.geo.distance import PartialOutage
from resolver.limits import (
    CONTROL_REPLY_OCTETS,
    DRILL_FACTS,
    DRILL_MOMENTS,
    DRILL_NAMES,
    DRILL_PREFIXES,
    DRILL_ROWS,
    DRILL_SCANNED,
)
from resolver.operate import drill as drilling
from resolver.operate import drill_names, in_use
from resolver.operate.drill import DRILL
from resolver.operate.verb import Refused
from resolver.protocol import names
from tests.making import question
from tests.operate.operated import Desk, desk, distant
from tests.recurse.household import slow_village, village
from tests.support import trio_test

if TYPE_CHECKING:
    from resolver.operate.verb import Reply

ALL, NET, EXAMPLE = ["0.0.0.0/0", "::/0"], "192.0.2.10", "192.0.2.20/31"


async def drilled(it: Desk, **given: Any) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The report and the names that fail."""
    sent = it.home.sent
    items: list[Reply] = await it.items(DRILL, **given)
    assert it.home.sent == sent
    report = next(item["report"] for item in items if "report" in item)
    return report, [row for item in items for row in item.get("failing", ())]


def fates(report: dict[str, Any]) -> list[tuple[float, float, float]]:
    return [(one["fresh"], one["stale"], one["failed"]) for one in report["moments"]]


@trio_test
async def test_names_in_memory_are_drilled_without_a_packet() -> None:
    async with desk(distant(village(is_signed=True))) as it:
        await it.home.ask(question("www.example.net. A"))
        report, failing = await drilled(it, keep_only=(NET, EXAMPLE), after="0s,1m,2h,7d")
        assert report["names"] == 1
        assert fates(report) == [(1, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1)]
        assert [(row["name"], row["cut"]) for row in failing] == [("www.example.net.", ".")]
        assert failing[0]["why"] == (
            "the delegation of example.net. ends after 5 min; the delegation of net. ends after "
            "5 min; none of the 6 addresses of . answers (5 of them never measured)"
        )
        assert report["servers"] == "only 192.0.2.10/32, 192.0.2.20/31 would answer"
        report, failing = await drilled(it, keep_only=ALL)
        assert (fates(report), failing) == ([(1, 0, 0)] * 4, [])


@trio_test
async def test_what_is_asked_of_a_file_is_drilled_instead() -> None:
    async with desk(village()) as it:
        await it.home.ask(question("alias.example.net. A"))
        lines = (
            "# ours",
            "",
            "alias.example.net",
            "www.example.net AAAA  # never asked",
            "x.org MX",
        )
        report, failing = await drilled(it, names=lines, keep_only=("192.0.2.0/24",), after="2d")
        assert report["names"] == 3
        assert [(row["name"], row["type"], row["is_unknown"]) for row in failing] == [
            ("www.example.net.", "AAAA", False), ("x.org.", "MX", False),
        ]  # fmt: skip
        with pytest.raises(Refused, match=r"line 2: 'a\.\.b' is no domain name"):
            await drilled(it, names=("a.net", "a..b"))
        with pytest.raises(Refused, match="line 1: there is no record type 'BLA'"):
            await drilled(it, names=("a.net BLA",))
        with pytest.raises(Refused, match="line 1: a name, or a name and a type, not 3 words"):
            await drilled(it, names=("a.net A IN",))


@trio_test
async def test_cold_it_goes_by_servers_alone() -> None:
    async with desk(village(is_signed=True)) as it:
        await it.home.ask(question("www.example.net. A"))
        report, failing = await drilled(it, keep_only=(NET, EXAMPLE), cold=True)
        assert fates(report) == [(0, 0, 1)] * 4
        assert failing[0]["cut"] == "."
        report, _ = await drilled(it, keep_only=ALL, cold=True)
        assert fates(report) == [(1, 0, 0)] * 4


@trio_test
async def test_configured_zones_need_no_delegation() -> None:
    zone = Stub(zone="example.net.", addresses=("192.0.2.20",))
    async with desk(village(), Config(stub=(zone,))) as it:
        await it.home.ask(question("www.example.net. A"))
        report, _ = await drilled(it, keep_only=("192.0.2.20",))
        assert fates(report) == [(1, 0, 0)] * 4


@trio_test
async def test_far_is_what_takes_so_long() -> None:
    async with desk(distant(slow_village())) as it:
        await it.home.ask(question("www.example.net. A"))
        report, failing = await drilled(it, far_ms=900.0, after="8d")
        assert report["servers"] == "2 of 3 measured servers are nearer than 900 ms (given)"
        assert [row["cut"] for row in failing] == ["example.net."]
        assert failing[0]["why"].startswith("net. answers, but none of the 2 addresses of exam")
        report, failing = await drilled(it, far_ms=60_000.0, after="8d")
        assert (fates(report), failing) == ([(1, 0, 0)], [])


@trio_test
async def test_one_way_to_tell_who_is_kept_is_enough() -> None:
    async with desk(village()) as it:
        await it.home.ask(question("www.example.net. A"))
        with pytest.raises(Refused, match="one of far_ms, keep_only and as_outage"):
            await drilled(it, far_ms=5.0, keep_only=(NET,))
        with pytest.raises(Refused, match=r"'192\.0\.2\.1/33' is no prefix such as"):
            await drilled(it, keep_only=("192.0.2.1/33",))
        with pytest.raises(Refused, match="no partial outage is recorded"):
            await drilled(it, as_outage="2026-11-30")


@trio_test
async def test_an_outage_that_was_recorded_is_had_again() -> None:
    """Who was silent then is silent; of others the distance tells."""
    async with desk(distant(village())) as it:
        await it.home.ask(question("www.example.net. A"))
        wall = 1_785_000_000.0
        silent = frozenset({"192.0.2.20", "192.0.2.21"})
        outage = PartialOutage(wall, wall + 60, frozenset({"192.0.2.10"}), silent)
        it.home.parts.dispatcher.shared.experiments.kept.append(outage)
        report, failing = await drilled(it, as_outage="2026-07-25", after="8d")
        assert report["servers"] == "as on 2026-07-25 17:20Z: 2 servers are silent"
        assert [row["cut"] for row in failing] == ["example.net."]
        assert await drilled(it, as_outage="2026-07-25T17:20", after="8d") == (
            report | {"cpu_s": 0.0}, failing,
        )  # fmt: skip
        with pytest.raises(Refused, match="no partial outage began at '2026-07-26'; recorded: 20"):
            await drilled(it, as_outage="2026-07-26")


@trio_test
async def test_without_names_in_use_it_says_so() -> None:
    async with desk(village()) as it:
        with pytest.raises(Refused, match="no names in use are known yet"):
            await drilled(it)


@pytest.mark.reaches("DRILL_MOMENTS")
@trio_test
async def test_times_are_sorted_and_bounded() -> None:
    assert drilling.times_of("1d, 0s,1h,1h") == [0, 3600, 86_400]
    most = ",".join(f"{number}m" for number in range(1, DRILL_MOMENTS + 1))
    assert len(drilling.times_of(most)) == DRILL_MOMENTS
    for text in ("", "1x", "31d", f"{most},2h"):
        with pytest.raises(Refused, match=r"is no time from|from 1 to"):
            drilling.times_of(text)


# --- bounds --------------------------------------------------------------------------------------


@pytest.mark.reaches("DRILL_NAMES")
@trio_test
async def test_so_many_names_and_no_more() -> None:
    lines = tuple(f"n{number}.example.net" for number in range(DRILL_NAMES))
    async with desk(village()) as it:
        report, _ = await drilled(it, names=lines)
        assert report["names"] == DRILL_NAMES
        with pytest.raises(Refused, match=f"a drill takes {DRILL_NAMES} names"):
            await drilled(it, names=(*lines, "one.more"))


@pytest.mark.reaches("DRILL_PREFIXES")
def test_so_many_prefixes_and_no_more() -> None:
    given = [f"192.0.2.{number}" for number in range(DRILL_PREFIXES)]
    assert msgspec.convert({"keep_only": given}, DRILL.arguments).keep_only == tuple(given)  # type: ignore[attr-defined]
    with pytest.raises(msgspec.ValidationError, match="length <="):
        msgspec.convert({"keep_only": [*given, "::1"]}, DRILL.arguments)


@pytest.mark.reaches("DRILL_FACTS")
@trio_test
async def test_of_what_names_depend_on_no_more_is_looked_at() -> None:
    assert DRILL_FACTS >= 40 * DRILL_NAMES
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(in_use, "DRILL_FACTS", 2)
        async with desk(village()) as it:
            await it.home.ask(question("www.example.net. A"))
            await it.home.ask(question("www.glueless.net. A"))
            assert not (await drilled(it))[0]["is_whole"]
    async with desk(village()) as it:
        await it.home.ask(question("www.example.net. A"))
        assert (await drilled(it))[0]["is_whole"]


@pytest.mark.reaches("DRILL_SCANNED")
@trio_test
async def test_no_more_answers_in_memory_are_gone_through() -> None:
    assert DRILL_SCANNED >= 10_000
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(drill_names, "DRILL_SCANNED", 0)
        async with desk(village()) as it:
            await it.home.ask(question("www.example.net. A"))
            assert await drill_names.used_names(it.home.parts) == []


@pytest.mark.reaches("DRILL_ROWS")
@trio_test
async def test_a_piece_of_the_longest_names_fits_into_a_reply() -> None:
    """Every octet escaped: 1 KiB a name, told up to three times in a row."""
    label, rest = "\\001" * 63, "\\001" * 55
    longest = f"{label}.{label}.{label}.{rest}"
    lines = tuple(f"{chr(97 + number // 26)}{chr(97 + number % 26)}.{longest}"
                  for number in range(DRILL_ROWS + 1))  # fmt: skip
    async with desk(village()) as it:
        items = await it.items(DRILL, names=lines, keep_only=("203.0.113.1",))
        pieces = [item["failing"] for item in items if "failing" in item]
        assert [len(piece) for piece in pieces] == [DRILL_ROWS, 1]
        assert all(len(msgspec.json.encode(piece)) < CONTROL_REPLY_OCTETS for piece in pieces)


# --- names in use --------------------------------------------------------------------------------


@trio_test
async def test_what_is_used_most_comes_first_and_nameservers_do_not_come() -> None:
    async with desk(village()) as it:
        for text in ("alias.example.net. A", "www.glueless.net. A"):
            await it.home.ask(question(text))
        warm = it.home.parts.base.prefetch.warm
        now = it.home.parts.clock.now()
        for _ in range(2):
            warm.admit(question("www.glueless.net. A"), 3600, now + 3600, now)
        known = warm.entries[question("www.glueless.net. A")]
        known.note_use(now, 1e9, is_over=False)
        known.score = 3.0
        used = await drill_names.used_names(it.home.parts)
        assert [(names.to_text(one.name), one.weight) for one in used] == [
            ("www.glueless.net.", 3.0), ("alias.example.net.", 1.0),
        ]  # fmt: skip
        await trio.sleep(86_400)
        used = await drill_names.used_names(it.home.parts, days=0.5)
        assert used == []
