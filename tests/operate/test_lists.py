"""lists, allow, block, pause: what an operator asks of lists, and wants of them for a while."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from msgspec.structs import replace

from resolver.cli import control_lists
from resolver.config.schema import Rpz
from resolver.daemon.operated import Operated
from resolver.daemon.reload import reload
from resolver.operate import lists
from resolver.operate.verb import Refused
from resolver.operate.verbs import BY_NAME
from tests.daemon.listing import ADS, NOBODY, REAL, WWW, Home, home
from tests.daemon.test_list_keeper import GOOD, entry, put, take_away
from tests.support import set_limit, trio_test_real

if TYPE_CHECKING:
    from pathlib import Path

ALIAS = "alias.example.com."


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """A list of ours."""
    path = tmp_path / "own.txt"
    path.write_text(f"# ours\n{GOOD}||www.example.com^$client=192.0.2.7\n")
    return path


async def do(it: Home, verb: str, **given: Any) -> dict[str, Any]:
    """What a verb replies."""
    one = BY_NAME[verb]
    reply: dict[str, Any] = await one.run(Operated(it.daemon), one.arguments(**given))  # type: ignore[misc]
    return reply


@trio_test_real
async def test_a_name_is_let_through_for_a_while(own: Path, tmp_path: Path) -> None:
    async with home(tmp_path, entry(own)) as it:
        assert await it.address(ADS) == [NOBODY]
        told = await do(it, "allow", name="example.com", for_="90s")
        assert told == {"name": "example.com.", "left_s": 90}
        assert await it.address(ADS) == [REAL]
        listed = (await do(it, "allow"))["names"]
        assert [one["name"] for one in listed] == ["example.com."]
        assert 85 <= listed[0]["left_s"] <= 90
        await do(it, "allow", name="example.com", off=True)
        assert await it.address(ADS) == [NOBODY]
        with pytest.raises(Refused, match="was not set"):
            await do(it, "allow", name="example.com", off=True)


@trio_test_real
async def test_what_is_set_ends_by_itself(own: Path, tmp_path: Path) -> None:
    async with home(tmp_path, entry(own)) as it:
        await do(it, "block", name=WWW, for_="1s")
        await do(it, "allow", name=ADS, for_="1s")  # the later one: it is waited for
        assert await it.address(ADS) == [REAL]
        assert await it.address(WWW) == [NOBODY]
        await it.until_told(ADS, NOBODY)
        assert await it.address(WWW) != [NOBODY]
        assert not it.daemon.parts.base.overrides.allowed


@trio_test_real
async def test_a_name_is_blocked_where_there_is_no_list_at_all(tmp_path: Path) -> None:
    """And where there is none, nothing is looked up."""
    async with home(tmp_path) as it:
        assert "lists" not in str(it.daemon.parts.views.default)
        await do(it, "block", name="example.com", for_="1h")
        assert await it.address(ADS) == [NOBODY]
        await do(it, "block", name="example.com", off=True)
        assert await it.address(ADS) == [REAL]
        assert "lists" not in str(it.daemon.parts.views.default)


@trio_test_real
async def test_a_pause_and_its_end(own: Path, tmp_path: Path) -> None:
    async with home(tmp_path, entry(own)) as it:
        assert await do(it, "pause") == {"is_paused": False, "paused_left_s": 0}
        assert (await do(it, "pause", time="10m"))["paused_left_s"] == 600
        assert await it.address(ADS) == [REAL]
        assert (await do(it, "pause"))["is_paused"]
        await do(it, "pause", time="off")
        assert await it.address(ADS) == [NOBODY]
        await do(it, "pause", time="1s")
        await it.until_told(ADS, NOBODY)


@trio_test_real
async def test_it_is_there_after_a_restart(own: Path, tmp_path: Path) -> None:
    async with home(tmp_path, entry(own)) as it:
        await do(it, "allow", name=ADS, for_="1h")
        await do(it, "block", name=WWW, for_="1h")
    async with home(tmp_path, entry(own)) as it:
        assert await it.address(ADS) == [REAL]
        assert await it.address(WWW) == [NOBODY]
        await do(it, "pause", time="1h")
    async with home(tmp_path, entry(own)) as it:
        assert await it.address(WWW) != [NOBODY]


@pytest.mark.reaches("LIST_OVERRIDE_SECONDS", "LIST_PAUSE_SECONDS")
@trio_test_real
async def test_times_have_bounds_and_a_usual_length(tmp_path: Path) -> None:
    async with home(tmp_path) as it:
        assert (await do(it, "allow", name=ADS))["left_s"] == 3600
        assert (await do(it, "pause", time="on"))["paused_left_s"] == 600
        for verb, given in (
            ("allow", {"name": ADS, "for_": "8d"}), ("block", {"name": ADS, "for_": "0s"}),
            ("pause", {"time": "2d"}), ("pause", {"time": "soon"}),
        ):  # fmt: skip
            with pytest.raises(Refused, match="is no time"):
                await do(it, verb, **given)
        with pytest.raises(Refused, match="is no domain name"):
            await do(it, "allow", name="a..b")


@pytest.mark.reaches("LIST_ALLOWED")
@trio_test_real
async def test_there_are_no_more_than_there_may_be(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_limit(monkeypatch, lists, "LIST_ALLOWED", 2)
    async with home(tmp_path) as it:
        for number in range(2):
            await do(it, "allow", name=f"n{number}.example")
        await do(it, "allow", name="n1.example", for_="2h")
        with pytest.raises(Refused, match="there are 2 already"):
            await do(it, "allow", name="n2.example")


@trio_test_real
async def test_a_name_is_tested_for_a_client(own: Path, tmp_path: Path) -> None:
    async with home(tmp_path, entry(own)) as it:
        told = await do(it, "lists test", name=ADS)
        assert told == {
            "name": ADS, "view": "default", "blocked": True, "why": "a rule", "list": "own",
            "line": 2, "rule": f"0.0.0.0 {ADS}",
        }  # fmt: skip
        assert not (await do(it, "lists test", name=WWW))["blocked"]
        told = await do(it, "lists test", name=WWW, client="192.0.2.7")
        assert (told["blocked"], told["line"]) == (True, 3)
        await do(it, "allow", name=ADS)
        told = await do(it, "lists test", name=ADS)
        assert (told["blocked"], told["why"]) == (False, "allowed here")
        with pytest.raises(Refused, match="is no address"):
            await do(it, "lists test", name=WWW, client="me")
        await do(it, "pause", time="1h")
        assert "paused" in (await do(it, "lists test", name=WWW, client="192.0.2.7"))["why"]


@trio_test_real
async def test_a_name_is_tested_for_what_it_leads_to(own: Path, tmp_path: Path) -> None:
    """Clients are told that it is blocked, so why has to be found."""
    put(own, f"{WWW}\n192.0.2.25\n")
    async with home(tmp_path, entry(own)) as it:
        assert await it.address(ALIAS) == [NOBODY]
        told = await do(it, "lists test", name=ALIAS)
        assert (told["blocked"], told["rule"]) == (True, WWW)
        assert told["why"] == "a rule, for what the name leads to"
        told = await do(it, "lists test", name=ADS)
        assert (told["blocked"], told["rule"]) == (True, "192.0.2.25")
        for name in ("ns1.example.com.", "nowhere.example.com.", "localhost."):
            told = await do(it, "lists test", name=name)
            assert (told["blocked"], told["why"]) == (False, "no list has it")
        await do(it, "allow", name=ALIAS)
        assert not (await do(it, "lists test", name=ALIAS))["blocked"]


@trio_test_real
async def test_without_lists_that_is_what_is_told(tmp_path: Path) -> None:
    async with home(tmp_path) as it:
        assert (await do(it, "lists test", name=WWW))["why"] == "there are no lists"
        assert (await do(it, "lists show"))["lists"] == []
        assert (await do(it, "status"))["lists"] is None


@trio_test_real
async def test_who_asks_why_a_name_is_blocked_hears_of_policy_zones_too(
    own: Path, tmp_path: Path
) -> None:
    (tmp_path / "zone").write_text(
        f"$TTL 60\n@ SOA ns. h. 1 60 60 60 60\n{WWW[:-1]} CNAME .\n"
        f"x.{WWW[:-1]} CNAME rpz-passthru.\n32.9.2.0.192.rpz-client-ip CNAME rpz-drop.\n"
    )
    rpz = Rpz(zone="own.rpz", file=str(tmp_path / "zone"))
    async with home(tmp_path, entry(own)) as it:
        await reload(it.daemon, replace(it.config, rpz=(rpz,)))
        await it.daemon.upkeep.rpz_keeper.read_files()
        told = await do(it, "lists test", name=WWW)
        assert (told["blocked"], told["zone"], told["action"]) == (True, "own.rpz", "nxdomain")
        assert list(control_lists.tested(told)) == [
            f"{WWW} is blocked: a rule of a policy zone", "policy zone own.rpz: nxdomain"
        ]  # fmt: skip
        told = await do(it, "lists test", name=f"x.{WWW}")
        assert (told["blocked"], told["action"]) == (False, "passthru")
        told = await do(it, "lists test", name="a.example", client="192.0.2.9")
        assert (told["blocked"], told["action"]) == (True, "drop")
        assert "zone" not in await do(it, "lists test", name=ADS)  # a list came first
        assert "zone" not in await do(it, "lists test", name="a.example")


@trio_test_real
async def test_lists_are_shown_with_what_is_wrong_with_them(own: Path, tmp_path: Path) -> None:
    put(own, "no thing\n" + "".join(f"n{number}.example\n" for number in range(9)))
    async with home(tmp_path, entry(own)) as it:
        (row,) = (await do(it, "lists show"))["lists"]
        assert (row["name"], row["kind"], row["rules"], row["bad"]) == ("own", "block", 9, 1)
        assert row["shown"] == ["own:1: no domain name: no thing"]
        assert 0 <= row["age_s"] < 5
        take_away(own)
        await it.daemon.lists.keeper.look()
        (row,) = (await do(it, "lists show"))["lists"]
        assert row["trouble"] == f"{own}: No such file or directory"
        told = (await do(it, "status"))["lists"]
        assert (told["lists"], told["names"]) == (1, 9)
        assert told["troubles"] == [f"own: {own}: No such file or directory"]
        ages = [key for key in it.daemon.registry.values() if "list_age" in key]
        assert ages == ['resolver_list_age_seconds{list="own"}']
