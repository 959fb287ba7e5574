"""The one boundary: a bug of ours costs one SERVFAIL, never the daemon."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import dns.edns
import dns.message
import dns.name
import dns.tsig
import pytest
import trio

from resolver.config.schema import Config, Server
from resolver.lab.faults import Path
from resolver.limits import QUERY_SECONDS
from resolver.model import Ede, Status
from resolver.policy.path import Step
from resolver.policy.sentinel import Sentinel
from resolver.policy.views import Views
from resolver.protocol.codes import EdeCode, Flag, Rcode
from resolver.protocol.transport import Client, Transport
from resolver.protocol.wire import build_query, parse_untrusted
from tests.asking import CLIENT, octets, read, replied
from tests.making import question
from tests.recurse.household import house, village
from tests.support import trio_test

if TYPE_CHECKING:
    from resolver.model import Answer, Query

WWW = question("www.example.net. A")
COOKIE = dns.edns.GenericOption(dns.edns.OptionType.COOKIE, b"8 octets")


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
        with trio.fail_after(QUERY_SECONDS + 1):
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
    async with house(village(is_signed=True)) as home:
        resolver = home.resolver
        resolver.memory.bogus.note(WWW, (Ede(EdeCode.NSEC_MISSING),), resolver._clock.now())
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


@pytest.mark.rfc("RFC 2181 §9")
@trio_test
async def test_a_reply_cut_short_is_the_same_from_the_packet_cache() -> None:
    """With the part that fits for a client without EDNS (musl before 1.2.4 takes what is there)."""
    world = village()
    zone = world.zone("many.net.")
    world.serve(zone, "ns1.example.net.", "192.0.2.20")
    for last in range(60):
        zone.add_address("www", f"192.0.2.{100 + last}")
    world.delegate(zone)
    asked = build_query(id=7, qname=question("www.many.net. A").qname, qtype=1, flags=Flag.RD)
    async with house(world) as home:
        first = await replied(home, asked)
        fast_path = home.pipeline.fast_path(Transport.UDP)
        kept = fast_path.recall(asked, b"\x7f\0\0\1")
        again = await replied(home, asked)
    parsed = parse_untrusted(first)
    assert parsed.tc
    assert len(parsed.answer) > 20
    assert kept == again == first


@pytest.mark.rfc("RFC 8945 §5.2.1")
@trio_test
async def test_a_signed_query_is_refused_with_its_signature_last() -> None:
    """Behind OPT, whatever options that has."""
    asked = dns.message.make_query("www.example.net.", "A", use_edns=0, options=[COOKIE])
    asked.use_tsig({dns.name.from_text("key."): dns.tsig.Key("key.", "aGVsbG8=")}, "key.")
    async with house(village()) as home:
        await trio.sleep(1)  # the cookie's secret has its time by then
        reply = await replied(home, asked.to_wire())
        assert home.sent == 0
    parsed = parse_untrusted(reply)
    assert parsed.rcode == Rcode.NOTAUTH
    assert parsed.edns is not None
    assert parsed.edns.option(10) is not None
    assert [record.rtype for record in parsed.additional] == [250]
    assert reply.endswith(parsed.additional[0].rdata)


@pytest.mark.rfc("RFC 5001 §2")
@trio_test
async def test_nsid_goes_to_those_who_ask_for_it() -> None:
    base = Config(server=Server(nsid="box 7"))
    asked = dns.message.make_query("localhost.", "A")
    told: dict[str, set[int]] = {}
    async with house(village(), base) as home:
        asking: list[tuple[str, list[dns.edns.Option]]] = [
            ("nsid", [dns.edns.NSIDOption(b"")]),
            ("other", [dns.edns.GenericOption(dns.edns.OptionType.make(65001), b"what")]),
            ("nothing", []),
        ]
        for what, options in asking:
            asked.use_edns(0, options=options)
            replies: list[bytes | None] = []
            client = Client("127.0.0.1", 4000, Transport.UDP)
            home.pipeline.start(asked.to_wire(), client, replies.append)
            reply = dns.message.from_wire(replies[0] or b"")
            told[what] = {int(option.otype) for option in reply.options}
    assert told == {
        "nsid": {dns.edns.NSID},
        "other": set(),
        "nothing": set(),
    }


@pytest.mark.rfc("RFC 1034 §4.3.1")
@trio_test
async def test_a_query_without_rd_is_answered_from_caches_and_asks_nobody() -> None:
    async with house(village()) as home:
        assert (await read(home, octets(WWW, flags=0))).rcode == Rcode.REFUSED
        assert home.sent == 0
        await replied(home, octets(WWW))
        asked = home.sent
        known = await read(home, octets(WWW, flags=0))
        assert [record.rdata for record in known.answer] == [bytes([192, 0, 2, 80])]
        assert not known.rd
        other = await read(home, octets(question("other.example.net. A"), flags=0))
        assert [record.owner for record in other.authority] == 2 * [WWW.qname[4:]]
        assert home.sent == asked
        assert home.pipeline.counters.recalled == 1


@pytest.mark.rfc("RFC 8509 §3")
@trio_test
async def test_a_sentinel_fails_for_whom_it_should_and_is_kept_so() -> None:
    """On the whole path, with and without CD; what is kept says the same."""
    name = "root-key-sentinel-not-ta-%05d"
    world = village(is_signed=False)
    example = world.zones[WWW.qname[4:]]
    tags = {name % tag: tag for tag in (20326, 1)}
    for label in tags:
        example.add_address(label, "192.0.2.80")
    async with house(world) as home:
        step = Sentinel(lambda: frozenset({20326}))
        home.parts.fast_paths.go_by(Views((Secured(), step)))
        rcodes = {}
        for label, tag in tags.items():
            asked = question(f"{label}.example.net. A")
            rcodes[tag] = (await read(home, octets(asked))).rcode
            rcodes[-tag] = (await read(home, octets(asked, flags=Flag.RD | Flag.CD))).rcode
    assert rcodes == {20326: Rcode.SERVFAIL, -20326: Rcode.NOERROR, 1: 0, -1: 0}


class Secured(Step):
    """As if everything were signed."""

    name = "secured"

    def after(self, query: Query, answer: Answer) -> Answer:
        del query
        return replace(answer, status=Status.SECURE)


@trio_test
async def test_what_is_no_query_is_told_so_or_nothing() -> None:
    async with house(village()) as home:
        replies: list[bytes | None] = []
        home.pipeline.start(octets(WWW)[:-1], CLIENT, replies.append)
        home.pipeline.start(octets(WWW, flags=Flag.QR), CLIENT, replies.append)
        assert replies[0] is not None
        assert parse_untrusted(replies[0]).rcode == Rcode.FORMERR
        assert replies[1] is None
        assert (home.pipeline.counters.malformed, home.pipeline.counters.queries) == (1, 2)


@trio_test
async def test_a_step_that_breaks_costs_one_servfail() -> None:
    class Breaks(Step):
        name = "breaks"

        def after(self, query: Query, answer: Answer) -> Answer:
            raise ZeroDivisionError(query, answer)

    async with house(village()) as home:
        home.parts.fast_paths.go_by(Views((Breaks(),)))
        assert (await read(home, octets(WWW))).rcode == Rcode.SERVFAIL
        assert home.pipeline.counters.crashed == 1
