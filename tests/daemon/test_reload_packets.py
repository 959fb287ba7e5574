"""Which ready replies a reload leaves: all that stay right, and whom they are for is looked at."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace

from resolver.config.schema import Block, Rewrite, View, Warm
from resolver.daemon import wiring
from resolver.daemon.reload import Source, reload, reread
from resolver.operate.reloaded import NotReloaded
from resolver.protocol.codes import Rcode
from tests.daemon.listing import home
from tests.daemon.reloading import ADDRESSES, HOST, Forwarder, addresses, ask, free_port, served
from tests.support import trio_test_real

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from resolver.config.schema import Config
    from resolver.errors import ConfigError
    from tests.daemon.listing import Home
    from tests.daemon.reloading import House

WWW, MAIL = "www.example.com.", "mail.example.com."
ONE, OTHER = bytes([203, 0, 113, 1]), bytes([203, 0, 113, 2])


async def is_ready(house: House, name: str) -> bool:
    """Was *name* answered without a look at the caches behind?"""
    counters = house.daemon.parts.pipeline.counters
    before = counters.queries
    assert (await ask(house.port, name)).rcode == Rcode.NOERROR
    return counters.queries == before


async def warm(house: House) -> None:
    for name in ADDRESSES:
        await ask(house.port, name)
        assert await is_ready(house, name)


def outgoing(house: House) -> Config:
    changed = replace(house.config.outgoing, ipv6=False, metered=True)
    return replace(house.config, outgoing=changed)


def resolution(house: House) -> Config:
    changed = replace(house.config.resolution, query_timeout=3.0, prefetch=False)
    return replace(house.config, resolution=changed, warm=(Warm(name=MAIL),))


def cache(house: House) -> Config:
    changed = replace(house.config.cache, max_ttl=80_000, disk_octets=1 << 28)
    return replace(house.config, cache=changed)


def clients(house: House) -> Config:
    return house.allowing("127.0.0.0/8", "192.0.2.0/24")


def listeners(house: House) -> Config:
    return house.listening(f"{HOST}:{house.port}", f"{HOST}:{free_port()}")


def identity(house: House) -> Config:
    return replace(house.config, server=replace(house.config.server, identity="me"))


@pytest.mark.parametrize("change", [outgoing, resolution, cache, clients, listeners, identity])
def test_what_makes_no_answer_another_leaves_them(change: Callable[[House], Config]) -> None:
    @trio_test_real
    async def body() -> None:
        async with served() as house:
            await warm(house)
            for config in (change(house), house.config):
                assert (await reload(house.daemon, config)).changes
                for name in ADDRESSES:
                    assert await is_ready(house, name), name

    body()


def local_zones(house: House) -> Config:
    return replace(house.config, resolution=replace(house.config.resolution, local_zones=False))


def payload(house: House) -> Config:
    return replace(house.config, server=replace(house.config.server, udp_payload_size=1400))


def trust(house: House) -> Config:
    return replace(house.config, dnssec=replace(house.config.dnssec, validate=False))


@pytest.mark.parametrize("change", [local_zones, payload, trust])
def test_what_may_make_answers_others_leaves_none(change: Callable[[House], Config]) -> None:
    @trio_test_real
    async def body() -> None:
        async with served() as house:
            await warm(house)
            await reload(house.daemon, change(house))
            assert not await is_ready(house, WWW)

    body()


@trio_test_real
async def test_a_zone_that_is_forwarded_takes_its_own_and_no_others() -> None:
    async with served() as house:
        house.network.attach("198.51.100.201", Forwarder(ONE))
        house.network.attach("198.51.100.202", Forwarder(OTHER))
        await warm(house)
        for host, address in (("198.51.100.201", ONE), ("198.51.100.202", OTHER)):
            await reload(house.daemon, house.forwarding("mail.example.com.", host))
            assert await is_ready(house, WWW)
            assert addresses(await ask(house.port, MAIL)) == [address]
            assert await is_ready(house, MAIL)
        await reload(house.daemon, house.config)
        assert await is_ready(house, WWW)
        assert addresses(await ask(house.port, MAIL)) == [ADDRESSES[MAIL]]


@trio_test_real
async def test_who_may_ask_no_more_gets_no_ready_reply() -> None:
    async with served() as house:
        await warm(house)
        await reload(house.daemon, house.allowing("192.0.2.0/24"))
        assert (await ask(house.port, WWW)).rcode == Rcode.REFUSED
        await reload(house.daemon, house.config)
        assert await is_ready(house, WWW)


@trio_test_real
async def test_nothing_is_wired_anew_where_nothing_has_changed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with served() as house:
        parts = house.daemon.parts
        monkeypatch.setattr(wiring, "_Assembly", None)
        await reload(house.daemon, house.config)
        log = replace(house.config.log, queries="off")
        await reload(house.daemon, replace(house.config, log=log))
        assert house.daemon.parts is parts


@trio_test_real
async def test_an_address_that_cannot_be_had_is_told_with_its_line() -> None:
    """As `serve` and `check` tell it: who reloads looks for the line, too."""
    async with served() as house, served() as neighbour:
        taken = house.listening(f"{HOST}:{house.port}", f"{HOST}:{neighbour.port}")

        def place(problem: ConfigError) -> ConfigError:
            return problem.at("resolver.toml line 7")

        with pytest.raises(NotReloaded) as refused:
            await reread(house.daemon, Source(lambda: (taken, []), place), tells=False)
        (problem,) = refused.value.problems
        assert str(problem).startswith("resolver.toml line 7: server.listen")
        assert "another program listens there" in str(problem)


GUEST = View(name="guest", clients=("192.0.2.0/24",), answer="refuse")


@trio_test_real
async def test_a_view_of_others_leaves_everybodys() -> None:
    async with served() as house:
        await warm(house)
        changed = replace(GUEST, answer="", clients=("192.0.2.0/24", "198.51.100.0/24"))
        for views in ((GUEST,), (changed,), ()):
            await reload(house.daemon, replace(house.config, view=views))
            for name in ADDRESSES:
                assert await is_ready(house, name), (name, views)


@trio_test_real
async def test_whom_another_view_is_for_now_gets_none_of_everybodys() -> None:
    async with served() as house:
        await warm(house)
        us = View(name="us", clients=("127.0.0.0/8",), answer="refuse")
        await reload(house.daemon, replace(house.config, view=(us,)))
        assert (await ask(house.port, WWW)).rcode == Rcode.REFUSED
        await reload(house.daemon, replace(house.config, view=(replace(us, answer="allow"),)))
        assert not await is_ready(house, WWW)
        await reload(house.daemon, house.config)
        assert await is_ready(house, WWW)


@trio_test_real
async def test_everybodys_own_view_takes_all() -> None:
    async with served() as house:
        await warm(house)
        everybody = View(name="all", serve_stale=False)
        await reload(house.daemon, replace(house.config, view=(everybody,)))
        for name in ADDRESSES:
            assert not await is_ready(house, name)


@trio_test_real
async def test_a_rewrite_takes_what_it_renames_and_no_more() -> None:
    async with served() as house:
        await warm(house)
        rule = Rewrite(from_="www.example.com", to="mail.example.com")
        for rules, expected in (((rule,), ADDRESSES[MAIL]), ((), ADDRESSES[WWW])):
            await reload(house.daemon, replace(house.config, rewrite=rules))
            assert addresses(await ask(house.port, WWW)) == [expected]
            assert await is_ready(house, MAIL)
            assert await is_ready(house, "example.com.")


async def has_ready(home: Home, name: str) -> bool:
    """As `is_ready`, whatever the answer."""
    counters = home.daemon.parts.pipeline.counters
    before = counters.queries
    await ask(home.port, name)
    return counters.queries == before


@trio_test_real
async def test_lists_that_come_change_and_go_leave_what_they_do_not_touch(tmp_path: Path) -> None:
    """And nothing else: not an alias of a listed name either, which does not look like one."""
    own, alias = tmp_path / "own.list", "alias.signed.org."
    own.write_text("||mail.example.com^\n")
    async with home(tmp_path) as it:
        real = await it.address(alias)
        listed = it.with_lists(Block(source=str(own)))
        for name in (WWW, MAIL):
            await ask(it.port, name)
        await reload(it.daemon, listed)
        assert await has_ready(it, WWW)
        assert await it.address(MAIL) == [bytes(4)]
        own.write_text("||www.example.com^\n")
        await it.daemon.lists.keeper.look()
        assert await it.address(MAIL) == [ADDRESSES[MAIL]]
        assert await it.address(WWW) == [bytes(4)]
        assert await it.address(alias) == [bytes(4)]
        assert await has_ready(it, alias)
        await reload(it.daemon, it.config)
        assert await has_ready(it, MAIL)
        assert await it.address(WWW) == [ADDRESSES[WWW]]
        assert await it.address(alias) == real


@trio_test_real
async def test_lists_of_addresses_take_all(tmp_path: Path) -> None:
    own = tmp_path / "own.list"
    own.write_text("||192.0.2.80^\n")
    async with home(tmp_path) as it:
        await ask(it.port, WWW)
        await reload(it.daemon, it.with_lists(Block(source=str(own))))
        assert await it.address(WWW) == [bytes(4)]
        await reload(it.daemon, it.config)
        assert await it.address(WWW) == [ADDRESSES[WWW]]
