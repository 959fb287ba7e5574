"""Zones that links bring are forwarded while the link is up, and nothing of them stays behind."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, cast

import pytest
import trio
from msgspec.structs import replace

from resolver.config.schema import Forward, Network
from resolver.daemon import link_zones
from resolver.daemon.link_reading import LinkZone, Unreadable
from resolver.daemon.reload import reload
from resolver.operate.status import STATUS
from resolver.operate.verb import Nothing
from resolver.operate.why import WHY, WhyArguments
from resolver.protocol.codes import Rcode
from tests.daemon.reloading import Forwarder, addresses, ask, served
from tests.support import set_limit, trio_test_real

if TYPE_CHECKING:
    from collections.abc import Sequence

    from resolver.operate.verb import Arguments, Reply, Verb
    from tests.daemon.reloading import House

ONE, OTHER = bytes([203, 0, 113, 1]), bytes([203, 0, 113, 2])
CORP = LinkZone("corp.", ("198.51.100.201:53",), "wg0")
ELSEWHERE = LinkZone("corp.", ("198.51.100.202:53",), "wg1")


class Links:
    """What is noted of links; text: why it cannot be read."""

    def __init__(self) -> None:
        self.zones: Sequence[LinkZone] | str = ()
        self.looks = 0

    def read(self, whose: str) -> Sequence[LinkZone]:
        assert whose == "resolved"
        self.looks += 1
        if isinstance(self.zones, str):
            raise Unreadable(self.zones)
        return self.zones


async def following(house: House, *, runs: bool = False) -> Links:
    """Its daemon, told to take resolved's word. *runs*: it looks by itself, too."""
    links = Links()
    house.network.attach("198.51.100.201", Forwarder(ONE))
    house.network.attach("198.51.100.202", Forwarder(OTHER))
    house.daemon.link_zones.reader = links.read
    house.daemon.link_zones.begin(partial(reload, house.daemon))
    if not runs:
        house.daemon.link_zones._scope = trio.CancelScope()  # as if it ran
    await reload(house.daemon, replace(house.config, network=Network(forward_zones="resolved")))
    return links


@trio_test_real
async def test_a_zone_comes_changes_and_goes_with_its_link() -> None:
    async with served() as house:
        links = await following(house)
        assert (await ask(house.port, "host.corp.")).rcode == Rcode.NXDOMAIN
        for zones, expected in (((CORP,), [ONE]), ((ELSEWHERE,), [OTHER]), ((), [])):
            links.zones = zones
            await house.daemon.link_zones.look()
            assert addresses(await ask(house.port, "host.corp.")) == expected
            assert bool(house.daemon.config.forward) == bool(zones)
            assert bool(house.daemon.config.dnssec.negative_trust_anchors) == bool(zones)


@trio_test_real
async def test_it_outlives_a_reload_and_goes_when_it_is_wanted_no_more() -> None:
    async with served() as house:
        links = await following(house)
        links.zones = (CORP,)
        await house.daemon.link_zones.look()
        wanted = replace(house.config, network=Network(forward_zones="resolved"))
        identity = replace(wanted, server=replace(wanted.server, identity="me"))
        assert str(await reload(house.daemon, identity)) == "reloaded: server.identity"
        assert addresses(await ask(house.port, "host.corp.")) == [ONE]
        await reload(house.daemon, house.config)
        assert (await ask(house.port, "host.corp.")).rcode == Rcode.NXDOMAIN
        assert house.daemon.config == house.config
        looks = links.looks
        await house.daemon.link_zones.look()
        assert links.looks == looks


@trio_test_real
async def test_what_the_operator_has_written_counts_and_stays() -> None:
    async with served() as house:
        links = await following(house)
        links.zones = (CORP,)
        own = Forward(zone="corp.", addresses=ELSEWHERE.hosts)
        dnssec = replace(house.config.dnssec, negative_trust_anchors=("corp.",))
        network = Network(forward_zones="resolved")
        written = replace(house.config, forward=(own,), dnssec=dnssec, network=network)
        await reload(house.daemon, written)
        await house.daemon.link_zones.look()
        assert addresses(await ask(house.port, "host.corp.")) == [OTHER]
        links.zones = ()
        await house.daemon.link_zones.look()
        assert house.daemon.config == written


@trio_test_real
async def test_the_same_words_of_an_operator_stay_when_the_link_goes() -> None:
    async with served() as house:
        links = await following(house)
        links.zones = (CORP,)
        await house.daemon.link_zones.look()
        own = Forward(zone="corp.", addresses=CORP.hosts)
        network = Network(forward_zones="resolved")
        await reload(house.daemon, replace(house.config, forward=(own,), network=network))
        links.zones = ()
        await house.daemon.link_zones.look()
        assert house.daemon.config.forward == (own,)


@trio_test_real
async def test_who_cannot_be_asked_is_told_once_and_its_zones_are_over(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("INFO", "resolver.daemon.link_zones")  # whatever others left
    async with served() as house:
        links = await following(house)
        links.zones = (CORP,)
        await house.daemon.link_zones.look()
        links.zones = "systemd-resolved is not there"
        for _ in range(3):
            await house.daemon.link_zones.look()
        assert house.daemon.config.forward == ()
        told = [record.getMessage() for record in caplog.records if "network." in record.msg]
        assert told == [
            "network.forward_zones: corp. to 198.51.100.201:53 (wg0)",
            "network.forward_zones: systemd-resolved is not there",
            "network.forward_zones: no link brings a zone",
        ]


@pytest.mark.reaches("LINK_ZONES_LOOK_SECONDS")
def test_it_is_looked_again_and_again(monkeypatch: pytest.MonkeyPatch) -> None:
    set_limit(monkeypatch, link_zones, "LINK_ZONES_LOOK_SECONDS", 0.01)

    @trio_test_real
    async def body() -> None:
        async with served() as house:
            links = await following(house, runs=True)
            with trio.fail_after(20):
                while links.looks < 4:  # noqa: ASYNC110  # time is what it waits for
                    await trio.sleep(0.01)
            await reload(house.daemon, house.config)
            await trio.sleep(0.1)
            looks = links.looks
            await trio.sleep(0.1)
            assert links.looks == looks

    body()


@trio_test_real
async def test_a_link_that_goes_is_heard_at_once() -> None:
    """Its servers are nobody's now, or somebody else's: nothing is sent there for half a minute."""
    async with served() as house:
        links = await following(house, runs=True)
        links.zones = (CORP,)
        house.network.tell_change()
        with trio.fail_after(10):
            while not house.daemon.config.forward:  # noqa: ASYNC110  # what it waits for
                await trio.sleep(0.01)
            links.zones = ()
            house.network.tell_change(is_loss=True)
            while house.daemon.config.forward:  # noqa: ASYNC110  # what it waits for
                await trio.sleep(0.01)
        assert (await ask(house.port, "host.corp.")).rcode == Rcode.NXDOMAIN


@trio_test_real
async def test_status_and_why_say_whose_word_it_is() -> None:
    async with served() as house:
        links = await following(house)
        links.zones = (CORP,)
        await house.daemon.link_zones.look()
        operated = house.daemon.control._operated
        told = await perform(STATUS, operated)
        assert told["link_zones"] == [
            {"zone": "corp.", "servers": ["198.51.100.201:53"], "link": "wg0"}
        ]
        told = await perform(WHY, operated, WhyArguments(name="host.corp."))
        assert told["link_zone"] == {"zone": "corp.", "link": "wg0"}
        told = await perform(WHY, operated, WhyArguments(name="www.example.com."))
        assert "link_zone" not in told


async def perform(verb: Verb, daemon: Any, given: Arguments | None = None) -> Reply:
    """What *verb* says."""
    reply: Reply = await cast("Any", verb.run)(daemon, given or Nothing())
    return reply
