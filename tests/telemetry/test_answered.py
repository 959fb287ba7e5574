"""Every query's end is told, hits included, to those who want to hear of it, and to nobody else."""

from __future__ import annotations

import pytest

from resolver.errors import Ede
from resolver.lab.faults import Path
from resolver.model import Server, Source
from resolver.protocol.chaos_names import DAEMON
from resolver.protocol.codes import EdeCode, Flag, Rcode, RRClass, RRType
from resolver.protocol.edns import OPT_COOKIE, Edns, ede_option
from resolver.protocol.transport import Client, Transport
from resolver.protocol.wire import build, build_query, parse_untrusted
from resolver.telemetry import answered
from resolver.telemetry.events import Answered, Asked, Recalled
from tests.asking import CLIENT, SOURCE, octets, replied
from tests.daemon.reloading import ask, served
from tests.making import question
from tests.recurse.household import House, house, slow_village, village
from tests.support import trio_test, trio_test_real

WWW = question("www.example.net. A")
LOCALHOST = question("localhost. A")


class Ear:
    """Hears what is told of queries in *home*."""

    def __init__(self, home: House) -> None:
        self.events: list[Answered] = []
        home.parts.bus.subscribe(self, Answered, Recalled)

    def __call__(self, event: object) -> None:
        if isinstance(event, Recalled):
            event = answered.of_hit(event)
        assert isinstance(event, Answered)
        self.events.append(event)

    def take(self) -> Answered:
        (event,) = self.events
        self.events.clear()
        return event


@trio_test
async def test_a_query_is_told_with_all_that_became_of_it() -> None:
    async with house(slow_village()) as home:
        ear = Ear(home)
        reply = await replied(home, octets(WWW, edns=Edns()))
        event = ear.take()
        assert event.client == CLIENT
        assert event.transport is Transport.UDP
        assert (event.view, event.question) == ("default", WWW)
        assert (event.rcode, event.source) == (Rcode.NOERROR, Source.NETWORK)
        assert event.elapsed_s == pytest.approx(2.0)
        assert (event.ede, event.instance) == ((), None)
        assert event.servers[-1] in ("192.0.2.20", "192.0.2.21")
        assert len(event.servers) == 3  # the root's, net's, example.net's
        assert (event.query, event.reply) == (octets(WWW, edns=Edns()), reply)
        assert not event.is_hit


@trio_test
async def test_a_query_is_told_with_the_instance_that_answered() -> None:
    async with house(slow_village()) as home:
        ear = Ear(home)
        for host in ("192.0.2.20", "192.0.2.21"):
            home.parts.infra.state(Server(host)).watch.note(b"nnn1-\xff", 0.1, 0.0)
        await replied(home, octets(WWW))
        assert ear.take().instance == "0x6e6e6e312dff"
        await replied(home, octets(LOCALHOST))
        assert ear.take().instance is None


@pytest.mark.parametrize(
    ("asked", "client", "rcode", "source", "ede"),
    [
        (octets(LOCALHOST), CLIENT, Rcode.NOERROR, Source.LOCAL, ()),
        (
            octets(WWW),
            Client("203.0.113.1", 53, Transport.TCP),
            Rcode.REFUSED,
            Source.REFUSED,
            (Ede(EdeCode.PROHIBITED),),
        ),
        (octets(WWW)[:-1], CLIENT, Rcode.FORMERR, Source.LOCAL, ()),
        (octets(WWW, flags=Flag.QR), CLIENT, None, Source.LOCAL, ()),
    ],
    ids=["local", "refused", "malformed", "no query"],
)
@trio_test
async def test_what_is_not_resolved_is_told_too(
    asked: bytes, client: Client, rcode: int | None, source: Source, ede: tuple[Ede, ...]
) -> None:
    async with house(village()) as home:
        ear = Ear(home)
        home.pipeline.start(asked, client, lambda _: None)
        event = ear.take()
        assert (event.client, event.rcode, event.source, event.ede) == (client, rcode, source, ede)
        assert event.servers == ()
        assert (event.reply is None) == (rcode is None)


@trio_test
async def test_a_failure_is_told_with_its_reasons_and_whom_was_asked() -> None:
    world = village()
    for host in ("192.0.2.20", "192.0.2.21"):
        world.faults.set(host, Path(dead=True))
    async with house(world) as home:
        ear = Ear(home)
        await replied(home, octets(WWW))
        event = ear.take()
        assert event.rcode == Rcode.SERVFAIL
        assert EdeCode.NO_REACHABLE_AUTHORITY in {one.code for one in event.ede}
        assert {"192.0.2.20", "192.0.2.21"} <= set(event.servers)


@trio_test
async def test_hits_are_told_while_somebody_listens_and_only_counted_else() -> None:
    async with house(village()) as home:
        await replied(home, octets(WWW, edns=Edns()))
        fast_path = home.pipeline.fast_path(Transport.UDP, "127.0.0.1")
        plain = fast_path.begin()
        ear = Ear(home)
        recall = fast_path.begin()
        asked = octets(WWW, edns=Edns())
        assert recall(asked, SOURCE) == plain(asked, SOURCE)
        assert recall(octets(LOCALHOST), SOURCE) is None  # is told by the long way
        event = ear.take()
        assert event.client == Client("127.0.0.1", 0, Transport.UDP, "127.0.0.1")
        assert (event.question, event.rcode, event.source) == (WWW, Rcode.NOERROR, Source.CACHE)
        assert event.is_hit
        assert event.reply is not None
        assert parse_untrusted(event.reply).answer
        home.parts.bus.unsubscribe(ear)
        assert fast_path.begin() == plain
        fast_path.recall(asked, SOURCE)
        assert ear.events == []


@trio_test_real
async def test_who_answered_is_told_from_whose_keys_were_asked_for_to_validate_it() -> None:
    """The root's keys come last, of a server that knows nothing of the name."""
    async with served() as house:
        heard: list[Answered] = []
        house.daemon.parts.bus.subscribe(heard.append, Answered)  # type: ignore[arg-type]
        assert (await ask(house.port, "www.example.com.")).rcode == Rcode.NOERROR
        (event,) = heard
        assert event.answered_by in ("192.0.2.53", "198.51.100.53", "2001:db8::53")
        assert len(event.servers) > 4


@trio_test
async def test_where_nobody_listens_no_event_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    def made(*_: object, **__: object) -> None:
        raise AssertionError("an event that nobody wants")

    for maker in ("of_answer", "of_octets"):
        monkeypatch.setattr(f"resolver.telemetry.answered.{maker}", made)
    monkeypatch.setattr("resolver.policy.fast_paths._new", made)
    async with house(village()) as home:
        home.parts.bus.subscribe(print, Asked)
        await replied(home, octets(WWW))
        assert home.pipeline.fast_path(Transport.UDP).recall(octets(WWW), SOURCE) is not None
        home.pipeline.start(b"no query", CLIENT, lambda _: None)
        home.parts.bus.subscribe(print, Recalled)
        with pytest.raises(AssertionError, match="nobody wants"):
            home.pipeline.fast_path(Transport.UDP).recall(octets(WWW), SOURCE)


def test_a_hit_is_told_with_what_its_opt_says() -> None:
    said = Edns(options=(ede_option(29, "synthesized"), (OPT_COOKIE, bytes(24))))
    reply = build(id=7, flags=0x8183, question=WWW, edns=said)
    hit = Recalled(octets(WWW), reply, bytes(16), Transport.TCP, "::1", "guests")
    event = answered.of_hit(hit)
    assert event.ede == (Ede(29, "synthesized"),)
    assert (event.rcode, event.view) == (Rcode.NXDOMAIN, "guests")
    assert event.client == Client("::", 0, Transport.TCP, "::1")


@trio_test
async def test_what_is_asked_about_this_server_is_no_client_s_question() -> None:
    """As looks at its own listeners are: they would look like hits of a house that sleeps."""
    async with house(village()) as home:
        await replied(home, octets(LOCALHOST))
        await replied(home, build_query(id=7, qname=DAEMON, qtype=RRType.TXT, qclass=RRClass.CH))
        counters = home.pipeline.counters
        assert (counters.queries, counters.local, counters.chaos) == (2, 1, 1)
