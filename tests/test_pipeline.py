"""The one boundary: a bug of ours costs one SERVFAIL, never the daemon."""

from __future__ import annotations

import pytest
import trio

from resolver.lab.faults import Path
from resolver.limits import QUERY_SECONDS
from resolver.model import Ede, Status
from resolver.protocol.codes import EdeCode, Rcode
from tests.making import question
from tests.recurse.household import house, village
from tests.support import trio_test

WWW = question("www.example.net. A")


@trio_test
async def test_a_bug_in_background_work_is_logged_and_contained(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A nameserver's look-up that breaks must not take the process down with it."""
    world = village()
    org = world.zone("org.")
    world.serve(org, "ns.org.", "192.0.2.11")
    far = world.zone("far.org.")
    world.serve(far, "ns1.example.net.", "192.0.2.20")
    for zone in (far, org):
        world.delegate(zone)
    async with house(world, speculation=True) as home:

        async def broken(*_: object) -> bool:
            raise ZeroDivisionError("planted")

        monkeypatch.setattr("resolver.iterate.addresses.AddressFinder._add", broken)
        with trio.fail_after(float(QUERY_SECONDS) + 1):
            answer = await home.pipeline.answer(question("www.far.org. A"))
        assert answer.rcode == Rcode.SERVFAIL
        assert "planted" in caplog.text
        monkeypatch.undo()
        assert (await home.pipeline.answer(WWW)).rcode == Rcode.NOERROR


@pytest.mark.rfc("RFC 8914 §4")
@trio_test
async def test_a_failure_says_why() -> None:
    world = village()
    for host in ("192.0.2.20", "192.0.2.21"):
        world.faults.set(host, Path(dead=True))
    async with house(world) as home:
        answer = await home.pipeline.answer(WWW)
    assert answer.status is Status.INDETERMINATE
    assert EdeCode.NO_REACHABLE_AUTHORITY in {ede.code for ede in answer.ede}


@pytest.mark.rfc("RFC 8914 §4")
@trio_test
async def test_without_recursion_what_is_known_to_be_bogus_is_told() -> None:
    async with house(village()) as home:
        resolver = home.resolver
        resolver.memory.bogus.note(WWW, (Ede(EdeCode.NSEC_MISSING),), 1e9)
        assert resolver.refer(WWW).ede == (Ede(EdeCode.NSEC_MISSING),)
        assert resolver.refer(WWW).rcode == Rcode.SERVFAIL
        assert resolver.refer(WWW, checking=False).rcode == Rcode.REFUSED


@pytest.mark.rfc("RFC 1034 §4.3.1")
@trio_test
async def test_without_recursion_a_resolver_that_knows_nothing_is_not_the_one_to_ask() -> None:
    async with house(village()) as home:
        ignorant = home.resolver.refer(WWW)
        assert (ignorant.rcode, [ede.code for ede in ignorant.ede]) == (
            Rcode.REFUSED,
            [EdeCode.NOT_AUTHORITATIVE],
        )
        await home.pipeline.answer(WWW)
        informed = home.resolver.refer(question("other.example.net. A"))
        assert informed.rcode == Rcode.NOERROR
        assert informed.authority[0].owner == WWW.qname[4:]
