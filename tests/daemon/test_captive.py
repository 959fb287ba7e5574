"""Behind a portal: the network's own name servers answer for a while, and nothing of it stays."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import trio
from msgspec.structs import replace

from resolver.config.schema import Config, Dnssec, Forward, Network, Root, Stub
from resolver.daemon.captive import Captive, NotCaptive, captive_config
from resolver.daemon.link_reading import LinkZone
from resolver.daemon.reload import reload
from resolver.errors import ConfigError
from resolver.limits import CAPTIVE_SECONDS, CAPTIVE_SECONDS_RANGE
from tests.daemon.reloading import ADDRESSES, Forwarder, addresses, ask, served
from tests.support import trio_test_real

if TYPE_CHECKING:
    from collections.abc import Sequence

PORTAL = bytes([10, 0, 0, 1])
CORP = bytes([203, 0, 113, 1])
PROJECT = Path(__file__).resolve().parents[2]
UPLINK = "192.0.2.250"
NAME = "www.example.com."


def offers(*hosts: str) -> Sequence[str]:
    return hosts


def test_only_what_is_public_goes_to_the_network() -> None:
    """A VPN's zones, and those of the house, stay where they were."""
    vpn = Forward(zone="corp.example", addresses=("10.9.0.1",))
    all_of_it = Forward(zone=".", addresses=("tls://9.9.9.9#dns.quad9.net",))
    stub = Stub(zone="lan", addresses=("192.168.1.1",))
    usual = Config(forward=(all_of_it, vpn), stub=(stub,), root=Root(local=True), dnssec=Dnssec())
    there = Forward(zone=".", addresses=("192.168.1.1",))
    found = captive_config(usual, there)
    assert found.forward == (there, vpn)
    assert found.stub == (stub,)
    assert (found.dnssec.validate, found.root.local) == (False, False)
    assert found.server == usual.server


@trio_test_real
async def test_the_networks_own_answers_and_nothing_of_it_outlives_it() -> None:
    async with served() as house:
        assert addresses(await ask(house.port, NAME)) == [ADDRESSES[NAME]]
        house.network.attach(UPLINK, Forwarder(PORTAL))
        captive = Captive(house.daemon, lambda: offers(UPLINK))
        assert await captive.begin(60) == (UPLINK,)
        was_on = captive.is_on
        assert was_on
        for name in (NAME, "login.portal.example."):
            assert addresses(await ask(house.port, name)) == [PORTAL]
        assert await captive.end()
        assert not captive.is_on
        assert house.daemon.config == house.config
        assert addresses(await ask(house.port, NAME)) == [ADDRESSES[NAME]]
        assert addresses(await ask(house.port, "login.portal.example.")) == []


@trio_test_real
async def test_it_ends_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("resolver.daemon.captive.CAPTIVE_SECONDS_RANGE", (0, 60))
    async with served() as house:
        house.network.attach(UPLINK, Forwarder(PORTAL))
        captive = Captive(house.daemon, lambda: offers(UPLINK))
        await captive.begin(0.2)
        assert addresses(await ask(house.port, NAME)) == [PORTAL]
        with trio.fail_after(10):
            while captive.is_on:  # noqa: ASYNC110  # it is told in the log only
                await trio.sleep(0.05)
        assert addresses(await ask(house.port, NAME)) == [ADDRESSES[NAME]]


@trio_test_real
async def test_another_network_ends_it() -> None:
    """A laptop that is carried home must not go on unvalidated, and at whose?"""
    async with served() as house:
        house.network.attach(UPLINK, Forwarder(PORTAL))
        here = [UPLINK]
        captive = Captive(house.daemon, lambda: offers(*here))
        await captive.begin(60)
        await trio.sleep(0.1)
        here[:] = ["192.168.1.1"]
        house.network.tell_change()
        with trio.fail_after(10):
            while captive.is_on:  # noqa: ASYNC110  # it is told in the log only
                await trio.sleep(0.05)
        assert house.daemon.config == house.config


@pytest.mark.parametrize("is_left", [False, True])
@trio_test_real
async def test_a_vpn_within_it_offers_servers_and_does_not_end_it(*, is_left: bool) -> None:
    """NetworkManager and systemd-resolved note them beside; the way out stays the same link, or
    the machine is somewhere else."""
    async with served() as house:
        house.network.attach(UPLINK, Forwarder(PORTAL))
        here, ways = [UPLINK], ["wlan0"]
        captive = Captive(house.daemon, lambda: offers(*here), lambda: frozenset(ways))
        await captive.begin(60)
        here.append("10.8.0.53")
        if is_left:
            ways[:] = ["eth0"]
        house.network.tell_change()
        await trio.sleep(0.5)
        assert captive.is_on is not is_left


@trio_test_real
async def test_asked_for_twice_it_lasts_as_the_second_says_and_ends_as_before() -> None:
    async with served() as house:
        house.network.attach(UPLINK, Forwarder(PORTAL))
        captive = Captive(house.daemon, lambda: offers(UPLINK))
        await captive.begin(30)
        await captive.begin(60)
        assert captive.until > trio.current_time() + 50
        assert await captive.end()
        assert house.daemon.config == house.config
        assert not await captive.end()


@trio_test_real
async def test_a_reload_meanwhile_ends_it() -> None:
    async with served() as house:
        house.network.attach(UPLINK, Forwarder(PORTAL))
        captive = Captive(house.daemon, lambda: offers(UPLINK))
        await captive.begin(60)
        other = house.allowing("127.0.0.0/8")
        await reload(house.daemon, other)
        assert not captive.is_on
        assert not await captive.end()
        assert house.daemon.config == other


@trio_test_real
async def test_what_is_reloaded_at_the_same_time_is_kept() -> None:
    """Both wait for the same lock: none undoes what the other has done meanwhile."""
    async with served() as house:
        house.network.attach(UPLINK, Forwarder(PORTAL))
        captive = Captive(house.daemon, lambda: offers(UPLINK))
        other = house.allowing("127.0.0.0/8")
        for first, then in (
            (partial(reload, house.daemon, other), partial(captive.begin, 60)),
            (partial(reload, house.daemon, house.config), captive.end),
        ):
            async with trio.open_nursery() as nursery, house.daemon.reloading:
                nursery.start_soon(first)
                await trio.sleep(0.1)
                nursery.start_soon(then)
                await trio.sleep(0.1)
            allowed = house.daemon.config.server.allow_from
            assert (allowed == other.server.allow_from) is captive.is_on
        assert house.daemon.config == house.config


@trio_test_real
async def test_a_vpn_behind_the_portal_comes_and_it_ends_in_time_all_the_same() -> None:
    async with served() as house:
        house.network.attach(UPLINK, Forwarder(PORTAL))
        house.network.attach("198.51.100.201", Forwarder(CORP))
        links = house.daemon.link_zones
        network = Network(forward_zones="resolved")
        links.begin(partial(reload, house.daemon))
        links._scope = trio.CancelScope()  # as if it ran
        usual = replace(house.config, network=network)
        await reload(house.daemon, usual)
        captive = Captive(house.daemon, lambda: offers(UPLINK))
        await captive.begin(60)
        links.reader = lambda _: (LinkZone("corp.", ("198.51.100.201:53",), "wg0"),)
        await links.look()
        was_on = captive.is_on
        assert was_on
        assert addresses(await ask(house.port, "host.corp.")) == [CORP]
        assert addresses(await ask(house.port, NAME)) == [PORTAL]
        assert await captive.end()
        assert addresses(await ask(house.port, NAME)) == [ADDRESSES[NAME]]
        assert addresses(await ask(house.port, "host.corp.")) == [CORP]
        links.reader = lambda _: ()
        await links.look()
        assert house.daemon.config == usual


@trio_test_real
async def test_a_file_that_is_gone_at_its_end_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Else everybody would go on unvalidated, for good."""
    monkeypatch.setattr("resolver.daemon.captive.CAPTIVE_SECONDS_RANGE", (0, 60))
    monkeypatch.setattr("resolver.daemon.captive.TICK_SECONDS", 0.05)
    hints = tmp_path / "hints"
    async with served() as house:
        house.network.attach(UPLINK, Forwarder(PORTAL))
        hints.write_text((PROJECT / "root.hints").read_text())
        root = replace(house.config.root, hints_file=str(hints))
        usual = replace(house.config, root=root)
        await reload(house.daemon, usual)
        captive = Captive(house.daemon, lambda: offers(UPLINK))
        await captive.begin(0.1)
        hints.unlink()
        with trio.fail_after(10):
            while "captive: not ended, tried again" not in caplog.text:  # noqa: ASYNC110
                await trio.sleep(0.05)
            with pytest.raises(ConfigError):
                await captive.end()
            hints.write_text((PROJECT / "root.hints").read_text())
            while captive.is_on:  # noqa: ASYNC110  # it is told in the log only
                await trio.sleep(0.05)
        assert house.daemon.config == usual


@pytest.mark.reaches("CAPTIVE_SECONDS")
@trio_test_real
async def test_what_cannot_be_is_a_sentence() -> None:
    assert CAPTIVE_SECONDS_RANGE == (10, 3600)
    assert CAPTIVE_SECONDS == 300
    async with served() as house:
        nobody = Captive(house.daemon, offers)
        with pytest.raises(NotCaptive, match="no name server of the network's"):
            await nobody.begin(60)
        for seconds in (9, 3601):
            with pytest.raises(NotCaptive, match="for 10 to 3600 seconds"):
                await nobody.begin(seconds)
        assert house.daemon.config == house.config
