"""A copy of the root zone in the place of its servers: what it saves, and when it must not."""

from __future__ import annotations

import tempfile
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

import pytest
import trio

from resolver import limits
from resolver.config.schema import Config, Dnssec, Forward, Root
from resolver.errors import ResolutionFailed, WireError
from resolver.iterate.root_form import RootForm
from resolver.lab.faults import Path
from resolver.lab.world import ROOT_SERVERS
from resolver.model import Question, RRset, Source, Status
from resolver.protocol import names
from resolver.protocol.codes import EdeCode, Rcode, RRType
from tests.iterate.lab_root import packed_root
from tests.recurse.household import WALL, House, house, name, village
from tests.support import trio_test

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from resolver.lab.world import World

DAY = 86_400
ROOTS = [host for hosts in ROOT_SERVERS.values() for host in hosts]


def signed_village() -> tuple[World, RootForm]:
    world = village(is_signed=True)
    return world, RootForm.read_untrusted(packed_root(world, wall=WALL))


@asynccontextmanager
async def copied(world: World, **switches: object) -> AsyncIterator[House]:
    """A house that may have a copy of the root zone."""
    with tempfile.TemporaryDirectory() as directory:
        config = Config(**({"working_directory": directory} | switches))  # type: ignore[arg-type]
        async with house(world, config) as home:
            yield home


def cut_off(world: World) -> None:
    """No server of the root answers any more."""
    for host in ROOTS:
        world.faults.set(host, Path(delay_s=0.01, loss=1.0))


def address(text: str) -> Question:
    return Question(name(text), RRType.A)


@pytest.mark.rfc("RFC 8806")
@trio_test
async def test_a_junk_tld_is_denied_without_a_packet() -> None:
    world, form = signed_village()
    async with copied(world) as home:
        home.parts.base.root_copy.use(form)
        for text in ("www.junk.", "junk.", "a.b.corp.", "nets.", "0.", "zzz."):
            answer = await home.ask(address(text))
            assert (answer.rcode, answer.status) == (Rcode.NXDOMAIN, Status.SECURE), text
            assert not answer.is_authoritative
        assert home.sent == 0
        assert home.parts.base.root_copy.passed_over == 0


@pytest.mark.rfc("RFC 8806")
@trio_test
async def test_a_cold_tld_is_found_without_a_packet_to_the_root() -> None:
    """Only net. and example.net. are asked, and all is as secure as by the servers' word."""
    world, form = signed_village()
    asked: set[str] = set()
    async with copied(world) as home:
        home.network.observers.append(lambda packet: asked.add(packet.destination[0]))
        home.parts.base.root_copy.use(form)
        answer = await home.ask(address("www.example.net."))
        assert (answer.rcode, answer.status) == (Rcode.NOERROR, Status.SECURE)
        answer = await home.ask(Question(name("net."), RRType.DS))
        assert (answer.answer[0].rtype, answer.status) == (RRType.DS, Status.SECURE)
    assert asked.isdisjoint(ROOTS)


@pytest.mark.parametrize("rtype", [RRType.SOA, RRType.NS, RRType.DNSKEY, RRType.TXT])
@trio_test
async def test_the_roots_own_records_come_from_the_copy(rtype: int) -> None:
    world, form = signed_village()
    async with copied(world) as home:
        home.parts.base.root_copy.use(form)
        answer = await home.ask(Question(names.ROOT, rtype))
        assert (answer.rcode, answer.status) == (Rcode.NOERROR, Status.SECURE)
        assert home.sent == 0


@pytest.mark.parametrize(
    "switches",
    [
        {"working_directory": ""},
        {"root": Root(local=False)},
        {"forward": (Forward(zone=".", addresses=("192.0.2.20",)),)},
    ],
    ids=["no directory", "off", "forwarded"],
)
@trio_test
async def test_where_it_is_not_wanted_the_copy_is_not_asked(switches: dict[str, object]) -> None:
    world, form = signed_village()
    async with copied(world, **switches) as home:
        home.parts.base.root_copy.use(form)
        with suppress(ResolutionFailed):  # what is forwarded to has no recursion
            await home.ask(address("junk."))
        assert home.sent > 0
        assert home.parts.base.root_copy.answers == 0


@trio_test
async def test_another_copy_takes_its_place_between_two_questions() -> None:
    world, form = signed_village()
    async with copied(world, dnssec=Dnssec(aggressive_nsec=False)) as home:
        copy = home.parts.base.root_copy
        copy.use(form)
        results: list[int] = []

        async def client(number: int) -> None:
            for turn in range(20):
                answer = await home.ask(address(f"n{number}-{turn}."))
                await trio.sleep(0.01)
                results.append(answer.rcode)

        async def swapper() -> None:
            for _ in range(40):
                copy.use(RootForm.read_untrusted(packed_root(world, wall=WALL)))
                await trio.sleep(0.005)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(swapper)
            for number in range(5):
                nursery.start_soon(client, number)
        assert results == [Rcode.NXDOMAIN] * 100
        assert (copy.answers >= 100, home.sent) == (True, 0)


@trio_test
async def test_after_the_time_of_its_soa_the_servers_are_asked() -> None:
    """RFC 1035 §3.3.13: a zone that was not confirmed for so long counts no more."""
    world, form = signed_village()
    async with copied(world) as home:
        copy = home.parts.base.root_copy
        copy.use(form, age_s=1_209_600 - 10)
        assert copy.is_live
        await trio.sleep(11)
        assert copy.form is form
        await home.ask(address("junk."))
        assert (home.sent > 0, copy.answers) == (True, 0)
        copy.confirm(form)
        assert copy.is_live


@trio_test
async def test_after_the_first_of_its_signatures_the_servers_are_asked() -> None:
    world, form = signed_village()
    async with copied(world) as home:
        copy = home.parts.base.root_copy
        await trio.sleep(form.valid_until - WALL - 10)
        copy.use(form)
        assert copy.is_live
        await trio.sleep(10)
        assert not copy.is_live


@pytest.mark.reaches("ROOT_COPY_STALE_SECONDS")
@trio_test
async def test_an_old_copy_serves_while_no_server_of_the_root_answers() -> None:
    """The servers are asked first; what it says is told as stale and kept for half a minute."""
    world, form = signed_village()
    cut_off(world)
    async with copied(world) as home:
        copy = home.parts.base.root_copy
        copy.use(form, age_s=1_300_000)
        answer = await home.ask(address("junk."))
        assert (answer.rcode, answer.status) == (Rcode.NXDOMAIN, Status.SECURE)
        assert answer.source is Source.STALE
        assert EdeCode.STALE_NXDOMAIN in [one.code for one in answer.ede]
        assert {rrset.ttl for rrset in answer.authority} == {limits.ROOT_COPY_STALE_SECONDS}
        assert (copy.answers, copy.stale_answers > 0) == (0, True)
        answer = await home.ask(address("www.example.net."))
        assert (answer.rcode, answer.status) == (Rcode.NOERROR, Status.SECURE)
        left = home.parts.delegations.get(name("net."), home.parts.clock.now())
        assert left is not None
        assert left.expires_at - home.parts.clock.now() <= limits.ROOT_COPY_STALE_SECONDS


@pytest.mark.reaches("ROOT_COPY_STALE_SECONDS")
@trio_test
async def test_servers_that_were_silent_are_not_waited_for_by_each_question() -> None:
    """RFC 8767 §5: tried again after half a minute; one junk name a second meanwhile."""
    world, form = signed_village()
    cut_off(world)
    async with copied(world, dnssec=Dnssec(aggressive_nsec=False)) as home:
        copy = home.parts.base.root_copy
        copy.use(form, age_s=1_300_000)
        await home.ask(address("junk0."))
        assert copy.failures == 1
        began = trio.current_time()
        for number in range(1, limits.ROOT_COPY_STALE_SECONDS - 2):
            await home.ask(address(f"junk{number}."))
            await trio.sleep(1)
        assert trio.current_time() - began < limits.ROOT_COPY_STALE_SECONDS - 1
        assert copy.failures == 1
        await trio.sleep(3)
        await home.ask(address("other."))
        assert copy.failures == 2


@trio_test
async def test_without_a_copy_an_outage_of_the_root_is_one() -> None:
    world, _ = signed_village()
    cut_off(world)
    async with copied(world) as home:
        with pytest.raises(ResolutionFailed):
            await home.ask(address("junk."))
        assert home.parts.base.root_copy.failures > 0


@trio_test
async def test_a_copy_that_says_something_bogus_is_passed_over() -> None:
    """As a server would be: the next is asked, and its word counts (RFC 4035 §5)."""
    world, form = signed_village()
    form.apex[RRType.NSEC] = _spoilt(form.apex[RRType.NSEC])
    async with copied(world) as home:
        home.parts.base.root_copy.use(form)
        answer = await home.ask(address("0.junk."))
        assert (answer.rcode, answer.status) == (Rcode.NXDOMAIN, Status.SECURE)
        assert home.sent > 0
        assert home.parts.base.root_copy.answers > 0


def _spoilt(rrset: RRset) -> RRset:
    return rrset._replace(signatures=tuple(one[:-1] + b"\0" for one in rrset.signatures))


@trio_test
async def test_a_copy_that_cannot_be_read_is_let_go_of() -> None:
    world, form = signed_village()
    async with copied(world) as home:
        copy = home.parts.base.root_copy
        del form.apex[RRType.NSEC]
        form.span = _unreadable  # type: ignore[method-assign]
        copy.use(form)
        answer = await home.ask(address("junk."))
        assert answer.rcode == Rcode.NXDOMAIN
        assert (copy.form, copy.trouble) == (None, "not as it was")


def _unreadable(qname: bytes) -> RRset:
    del qname
    raise WireError("not as it was")


@trio_test
async def test_what_only_servers_tell_is_asked_of_them() -> None:
    world, form = signed_village()
    async with copied(world) as home:
        home.parts.base.root_copy.use(form)
        answer = await home.ask(Question(names.ROOT, RRType.ANY))
        assert answer.rcode == Rcode.NOERROR
        assert home.parts.base.root_copy.passed_over > 0
