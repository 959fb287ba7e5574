"""Owners of zones are told what fails there, if they want to be and we are to tell (RFC 9567)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st

from resolver.config.schema import Config
from resolver.errors import Ede, WireError
from resolver.lab.faults import Path
from resolver.limits import REPORT_AGENT_SECONDS, REPORT_AGENTS, REPORTS_AT_ONCE
from resolver.protocol.codes import EdeCode, Flag, RRType
from resolver.protocol.edns import OPT_REPORT_CHANNEL, agent_untrusted
from resolver.protocol.names import from_text, to_text
from resolver.protocol.render import add_options
from resolver.protocol.wire import parse_untrusted
from resolver.recurse.error_reports import REPORTED, ErrorReports, report_name
from tests.asking import octets, read
from tests.making import question
from tests.recurse.household import House, house, village
from tests.support import trio_test

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from resolver.lab.world import World

AGENT = from_text("agent.net.")
HOSTS = ("192.0.2.20", "192.0.2.21")
SILENT = (Ede(EdeCode.NO_REACHABLE_AUTHORITY),)


def reporting(*, is_on: bool = True) -> Config:
    config = Config()
    outgoing = msgspec.structs.replace(config.outgoing, error_reporting=is_on)
    return msgspec.structs.replace(config, outgoing=outgoing)


def district() -> World:
    """The village, and agent.net, which has a TXT record for any name."""
    world = village()
    agent = world.zone("agent.net.")
    world.serve(agent, "ns.net.", "192.0.2.10")
    agent.add("*", RRType.TXT, b"\2ok")
    world.delegate(agent)
    return world


class Naming:
    """A server that names an agent in whatever it replies."""

    def __init__(self, server: Any, agent: bytes) -> None:
        self._server = server
        self._option = OPT_REPORT_CHANNEL.to_bytes(2, "big") + len(agent).to_bytes(2, "big") + agent

    def answer(self, data: bytes, transport: str, source: str) -> Any:
        replies = self._server.answer(data, transport, source)
        return [add_options(reply, self._option) for reply in replies]


class Ear:
    """Lets the servers of example.net name an *agent*, and hears what is asked for below it."""

    def __init__(self, home: House, agent: bytes = AGENT) -> None:
        self.reports: list[str] = []
        for host in HOSTS:
            home.network.attach(host, Naming(home.network._hosted[host, 53], agent))
        home.network.observers.append(self._see)

    def _see(self, packet: Any) -> None:
        message = parse_untrusted(packet.data)
        name = message.question.qname
        is_query = not message.flags & Flag.QR
        if is_query and message.question.qtype == RRType.TXT and name.startswith(b"\3_er"):
            self.reports.append(to_text(name))


async def fails(home: House, world: World, text: str) -> None:
    """An answer comes, and then the servers are gone."""
    await read(home, octets(question("www.example.net. A")))
    for host in HOSTS:
        world.faults.set(host, Path(dead=True))
    await read(home, octets(question(text)))
    await trio.sleep(5)


@pytest.mark.rfc("RFC 9567 §6.1")
@trio_test
async def test_what_fails_is_told_to_the_agent_that_the_zone_has_named() -> None:
    world = district()
    async with house(world, reporting()) as home:
        ear = Ear(home)
        await fails(home, world, "gone.example.net. AAAA")
        assert ear.reports == ["_er.28.gone.example.net.22._er.agent.net."]
        told = question("_er.28.gone.example.net.22._er.agent.net. TXT")
        assert home.resolver.recall(told) is not None  # for so long it is not told again
        reports = home.pipeline.reports
        assert reports is not None
        assert reports._on_their_way == 0


@trio_test
async def test_nothing_is_told_unless_it_is_to_be() -> None:
    world = district()
    async with house(world, reporting(is_on=False)) as home:
        ear = Ear(home)
        await fails(home, world, "gone.example.net. AAAA")
        assert ear.reports == []
        assert home.pipeline.reports is None


@pytest.mark.parametrize(
    "agent",
    [b"", b"\0", AGENT + b"\xff", AGENT[:-1], b"\xc0\x0c", b"\x40" + bytes(64) + b"\0",
     b"\x3f" + b"a" * 63 + (b"\x3f" + b"a" * 63) * 3 + b"\0"],
    ids=["none", "root", "garbage behind", "cut short", "compressed", "long label", "long name"],
)  # fmt: skip
@trio_test
async def test_an_agent_whose_name_is_none_is_not_told(agent: bytes) -> None:
    world = district()
    async with house(world, reporting()) as home:
        ear = Ear(home, agent)
        await fails(home, world, "gone.example.net. AAAA")
        assert ear.reports == []


@given(st.binary(max_size=300))
def test_agent_untrusted_returns_a_name_or_raises_wire_error(data: bytes) -> None:
    try:
        assert from_text(to_text(agent_untrusted(data))) == data.lower()
    except WireError:
        return


@pytest.mark.rfc("RFC 9567 §6.1.1")
def test_the_name_says_type_name_and_error() -> None:
    name = report_name(question("broken.test. A"), 7, from_text("a01.agent-domain.example."))
    assert name == from_text("_er.1.broken.test.7._er.a01.agent-domain.example.")
    assert report_name(question(". DNSKEY"), 9, AGENT) == from_text("_er.48.9._er.agent.net.")
    longest = question("a." * 110 + " A")
    assert report_name(longest, 7, AGENT) is not None
    assert report_name(question("a." * 120 + " A"), 7, AGENT) is None


class Stub:
    """Reports as they would be told, and never end."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self.told: list[str] = []
        self.reports = ErrorReports(
            None,  # type: ignore[arg-type]  # nothing is told
            self,  # type: ignore[arg-type]
            self._spawn,
            query_seconds=1.0,
        )

    def now(self) -> float:
        return self.now_s

    def _spawn(self, _: Callable[..., Awaitable[None]], asked: Any) -> None:
        self.told.append(to_text(asked.qname))


def test_the_closest_zone_says_who_is_told() -> None:
    stub = Stub()
    stub.reports._note(b"\0", from_text("root-agent.net."))
    stub.reports._note(from_text("example.net."), AGENT)
    for text in ("www.example.net. A", "www.example.org. A"):
        stub.reports.failed(question(text), SILENT)
    assert stub.told == [
        "_er.1.www.example.net.22._er.agent.net.", "_er.1.www.example.org.22._er.root-agent.net.",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "ede"),
    [
        ("www.example.net. A", ()),
        ("www.example.net. A", (Ede(EdeCode.NETWORK_ERROR),)),
        ("www.example.net. A", (Ede(EdeCode.CACHED_ERROR),)),
        ("_er.1.www.example.net.22._er.other.net. TXT", SILENT),
        ("www.agent.net. A", SILENT),
    ],
    ids=["no reason", "our link", "said before", "a report", "the agent's own"],
)
def test_what_is_not_the_zones_fault_or_is_a_report_is_not_told(
    text: str, ede: tuple[Ede, ...]
) -> None:
    stub = Stub()
    stub.reports._note(b"\3net\0", AGENT)
    stub.reports.failed(question(text), ede)
    assert (stub.told, stub.reports.withheld) == ([], 0)


def test_errors_of_ours_are_not_among_those_told() -> None:
    assert EdeCode.DNSSEC_BOGUS in REPORTED
    assert REPORTED.isdisjoint(
        {EdeCode.OTHER, EdeCode.NETWORK_ERROR, EdeCode.CACHED_ERROR, EdeCode.BLOCKED}
    )


@pytest.mark.reaches("REPORT_AGENT_SECONDS")
def test_an_agent_is_believed_for_a_while() -> None:
    stub = Stub()
    stub.reports._note(from_text("example.net."), AGENT)
    stub.now_s = 0.9 * REPORT_AGENT_SECONDS
    stub.reports.failed(question("www.example.net. A"), SILENT)
    stub.now_s = 1.1 * REPORT_AGENT_SECONDS
    stub.reports.failed(question("www.example.net. A"), SILENT)
    assert len(stub.told) == 1


@pytest.mark.reaches("REPORTS_AT_ONCE")
def test_so_many_reports_at_a_time() -> None:
    stub = Stub()
    stub.reports._note(from_text("example.net."), AGENT)
    for number in range(REPORTS_AT_ONCE + 3):
        stub.reports.failed(question(f"n{number}.example.net. A"), SILENT)
    assert len(stub.told) == stub.reports.sent == REPORTS_AT_ONCE
    assert stub.reports.withheld == 3


@pytest.mark.reaches("REPORT_AGENTS")
def test_so_many_agents_are_known_and_the_oldest_is_forgotten() -> None:
    stub = Stub()
    for number in range(REPORT_AGENTS + 1):
        stub.reports._note(from_text(f"n{number}.net."), AGENT)
    assert len(stub.reports._agents) == REPORT_AGENTS
    stub.reports.failed(question("www.n0.net. A"), SILENT)
    assert stub.told == []
    stub.reports.failed(question("www.n1.net. A"), SILENT)
    assert len(stub.told) == 1
