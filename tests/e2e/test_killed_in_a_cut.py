"""Killed, started again behind a link that is gone: what was known is told, fresh or as expired.

Real sockets and a real kernel, in namespaces of our own; killed with SIGKILL four seconds after the
last answer.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import dns.rcode
import pytest

from resolver.protocol import names
from resolver.protocol.codes import RRType
from tests.e2e import daemon
from tests.e2e.far_world import CUTS, FarWorld, Told
from tests.recurse.household import village

if TYPE_CHECKING:
    from pathlib import Path

    from resolver.lab.world import World
    from resolver.lab.zones import Zone

pytestmark = [pytest.mark.netns, pytest.mark.timeout(400)]
SHORT_TTL = 2
OLD_S = 4.0
LASTING = [f"lasts{number}.example.net." for number in range(8)]
FLEETING = [f"fleets{number}.example.net." for number in range(8)]
BESIDE = ["alias.example.net.", "gone.example.net.", "www.glueless.net."]
NEW = ["never-asked.example.net.", "www.nowhere.net."]


@pytest.fixture(scope="module", autouse=True)
def _needs() -> None:
    daemon.require()


def far_world(*, is_signed: bool) -> World:
    """The village, with names that last and names that have expired before the daemon is back."""
    world = village()
    example = zone_of(world, "example.net.")
    for number, name in enumerate(LASTING):
        example.add_address(name.split(".")[0], f"192.0.2.{100 + number}", ttl=600)
    for number, name in enumerate(FLEETING):
        example.add_address(name.split(".")[0], f"192.0.2.{200 + number}", ttl=SHORT_TTL)
    if is_signed:
        for apex in ("example.net.", "net.", "."):
            world.sign(zone_of(world, apex), wall=time.time())
    return world


def zone_of(world: World, apex: str) -> Zone:
    return world.zones[names.from_text(apex)]


@pytest.mark.parametrize("how", CUTS)
@pytest.mark.parametrize("is_signed", [False, True])
def test_every_name_is_told_and_no_other(tmp_path: Path, how: str, *, is_signed: bool) -> None:
    """What lasts with the TTL that is left; what has expired as such, 30 s at most (RFC 8767)."""
    with FarWorld(far_world(is_signed=is_signed), tmp_path) as it:
        with it.daemon():
            before = {name: it.ask(name) for name in (*LASTING, *FLEETING, *BESIDE)}
            assert all(it.rcode in (0, 3) for it in before.values())
            time.sleep(OLD_S)
        it.cut(how)
        with it.daemon():
            for name, told in before.items():
                check(name, it.ask(name), told)
            for name in NEW:
                assert it.ask(name).rcode == dns.rcode.SERVFAIL
            it.mend()
            for name in (*FLEETING, *NEW):
                told = it.ask_until(name, lambda told: not told.is_stale and told.rcode in (0, 3))
                assert not told.is_stale
                assert told.rcode == (0 if name in before else dns.rcode.NXDOMAIN)


def check(name: str, now: Told, before: Told) -> None:
    assert (name, now.rcode, now.addresses) == (name, before.rcode, before.addresses)
    assert now.is_stale == (name in FLEETING)
    assert now.ttl <= (30 if now.is_stale else before.ttl - OLD_S)


@pytest.mark.parametrize("is_signed", [False, True])
def test_in_health_what_has_expired_is_never_told_once_the_zone_has_changed(
    tmp_path: Path, *, is_signed: bool
) -> None:
    """Nor before: servers answer, and the client is given time to wait for them."""
    with FarWorld(far_world(is_signed=is_signed), tmp_path) as it:
        with it.daemon():
            for name in (*FLEETING, "gone.example.net."):
                it.ask(name)
            time.sleep(OLD_S)
        zone = zone_of(it.world, "example.net.")
        for number, name in enumerate(FLEETING):
            rrsets = zone.data[zone.name(name.split(".")[0])]
            rrsets[RRType.A] = rrsets[RRType.A]._replace(rdatas=(bytes([198, 51, 100, number]),))
        if zone.signer is not None:
            zone.signer = zone.signer.renewed()
        with it.daemon(stale_after=10.0):  # the machine may be slow
            for number, name in enumerate(FLEETING):
                told = it.ask(name)
                assert told.addresses == {f"198.51.100.{number}"}
                assert not told.is_stale
