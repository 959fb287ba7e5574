"""The daemon where the network is not whole: one address family, a cut link, an early end."""

from __future__ import annotations

import contextlib
import signal
import socket
import time
from pathlib import Path
from typing import TYPE_CHECKING

import dns.message
import dns.rcode
import pytest

from bench.realworld import ask, run, truth
from bench.realworld.root_world import CLIENT_LINK, CLIENT_NET, CLIENT_NET6
from tests.e2e import daemon

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from bench.realworld.root_world import RealWorld
    from tests.simulation.netns import Program

pytestmark = [pytest.mark.netns, pytest.mark.timeout(180)]
NAMES = 120
AT_ONCE = 40
RECOVERY_S = 20.0
PRIMED_S = 4.0
TABLE = 100


@pytest.fixture(scope="module")
def world() -> Iterator[RealWorld]:
    with daemon.real_world(NAMES) as it:
        yield it


@pytest.fixture
def started(world: RealWorld) -> Iterator[Callable[[], Program]]:
    """Start the daemon when the world is as the test wants it; end it and mend the world after."""
    programs: list[Program] = []

    def start() -> Program:
        programs.append(daemon.start(world))
        return programs[-1]

    yield start
    for program in programs:
        program.stop()
    _mend(world)


def _wrong(world: RealWorld, names: list[str]) -> list[str]:
    return run.one_pass(world, [(name, "A") for name in names], validates=True).wrong


@pytest.mark.rfc("RFC 3901 §4")
@pytest.mark.parametrize("lost", [f"default via {CLIENT_NET}1", f"default via {CLIENT_NET6}1"])
def test_one_address_family_is_enough(
    world: RealWorld, started: Callable[[], Program], lost: str
) -> None:
    """No route for IPv4, or none for IPv6; the configuration knows nothing of it."""
    world.client.ip(f"route del {lost}")
    started()
    assert _wrong(world, world.world.names[:AT_ONCE]) == []


@pytest.mark.rfc("RFC 8305 §3")
@pytest.mark.parametrize("net", [CLIENT_NET + "2/32", CLIENT_NET6 + "2/128"])
def test_a_family_whose_packets_vanish_is_left_alone(
    world: RealWorld, started: Callable[[], Program], net: str
) -> None:
    """A route that leads nowhere: no error comes back, only silence."""
    router = world.router
    router.ip(f"route add blackhole {net}")
    try:
        started()
        assert _wrong(world, world.world.names[:AT_ONCE]) == []
    finally:
        router.ip(f"route del blackhole {net}")


@pytest.mark.rfc("RFC 9609 §3")
def test_the_root_is_asked_for_its_nameservers_before_anybody_asks(
    world: RealWorld, started: Callable[[], Program]
) -> None:
    """Priming: packets go out and come back although there was no question."""
    sent, received = world.packets()
    started()
    give_up = time.monotonic() + PRIMED_S
    while world.packets()[1] == received and time.monotonic() < give_up:
        time.sleep(0.1)
    assert world.packets()[0] > sent
    assert world.packets()[1] > received


@pytest.mark.rfc("RFC 9609 §3")
def test_a_priming_that_fails_stops_nothing(
    world: RealWorld, started: Callable[[], Program]
) -> None:
    """The hints serve until the root can be asked."""
    world.client.ip(f"link set dev {CLIENT_LINK} down")
    started()
    time.sleep(PRIMED_S / 4)
    _mend(world)
    give_up = time.monotonic() + RECOVERY_S
    while (wrong := _wrong(world, world.world.names[:5])) and time.monotonic() < give_up:
        time.sleep(0.5)
    assert wrong == []


def _mend(world: RealWorld) -> None:
    """The link is up again; addresses and routes of IPv6 went with it."""
    world.client.ip(
        f"link set dev {CLIENT_LINK} up",
        f"addr replace {CLIENT_NET6}2/64 dev {CLIENT_LINK} nodad",
        f"route replace default via {CLIENT_NET}1",
        f"route replace default via {CLIENT_NET6}1",
    )


def test_what_is_cached_survives_a_cut_and_the_rest_comes_back(
    world: RealWorld, started: Callable[[], Program]
) -> None:
    """While the link is cut: cached names are answered, others get SERVFAIL in time, not silence.

    When it is back, what failed resolves again without a restart.
    """
    program = started()
    known, unknown = world.world.names[:AT_ONCE], world.world.names[AT_ONCE : 2 * AT_ONCE]
    assert _wrong(world, known) == []
    world.client.ip(f"link set dev {CLIENT_LINK} down")
    assert [o.name for o in _ask(world, known) if _rcode(o) != "NOERROR"] == []
    assert {_rcode(outcome) for outcome in _ask(world, unknown)} == {"SERVFAIL"}
    _mend(world)
    give_up = time.monotonic() + RECOVERY_S
    while (wrong := _wrong(world, unknown)) and time.monotonic() < give_up:
        time.sleep(0.5)
    assert wrong == []
    assert program.alive


def _other_address(world: RealWorld) -> None:
    """As in another network: what packets came from is gone, and so is all that led there."""
    world.client.ip(f"addr flush dev {CLIENT_LINK} scope global")


def _renumbered(world: RealWorld) -> None:
    """It has one address now, and IPv6 alone."""
    world.client.ip(
        f"addr add {CLIENT_NET6}3/64 dev {CLIENT_LINK} nodad",
        f"route replace default via {CLIENT_NET6}1",
    )


def _link_down(world: RealWorld) -> None:
    world.client.ip(f"link set dev {CLIENT_LINK} down")


def _no_route(world: RealWorld) -> None:
    for net in (CLIENT_NET, CLIENT_NET6):
        world.client.ip(f"route del default via {net}1")


def _by_rule(world: RealWorld) -> None:
    """Policy routing: the main table leads nowhere, another one does, as long as a rule says so."""
    _no_route(world)
    world.client.ip(
        f"route add default via {CLIENT_NET}1 table {TABLE}", f"rule add table {TABLE} priority 9"
    )


def _no_rule(world: RealWorld) -> None:
    world.client.ip(f"rule del table {TABLE}")


def _rule_back(world: RealWorld) -> None:
    world.client.ip(f"rule add table {TABLE} priority 9")


@pytest.mark.parametrize(
    ("before", "cut", "mend"),
    [
        (None, _link_down, _mend),
        (None, _no_route, _mend),
        (None, _other_address, _renumbered),
        (_by_rule, _no_rule, _rule_back),
    ],
    ids=["link", "route", "address", "rule"],
)
def test_a_link_is_listened_to_while_it_is_cut(
    world: RealWorld,
    started: Callable[[], Program],
    before: Callable[[RealWorld], None] | None,
    cut: Callable[[RealWorld], None],
    mend: Callable[[RealWorld], None],
) -> None:
    """The kernel tells the daemon, an ordinary user, what comes back; in health nobody listens."""
    known, unknown = world.world.names[:5], world.world.names[AT_ONCE : AT_ONCE + 5]
    try:
        if before is not None:
            before(world)
        started()
        assert _wrong(world, known) == []
        assert _listeners(world) == 0
        cut(world)
        assert {_rcode(outcome) for outcome in _ask(world, unknown)} == {"SERVFAIL"}
        assert _until(lambda: _ask(world, unknown[:1]) and _listeners(world) == 1)
        mend(world)
        assert _until(lambda: _wrong(world, unknown) == [])
        assert _listeners(world) == 0
    finally:
        with contextlib.suppress(RuntimeError):  # there is none
            _no_rule(world)
        world.client.ip(
            f"addr flush dev {CLIENT_LINK} scope global",
            f"addr add {CLIENT_NET}2/30 dev {CLIENT_LINK}",
        )


def _until(is_so: Callable[[], object]) -> bool:
    """Is it so within RECOVERY_S?"""
    give_up = time.monotonic() + RECOVERY_S
    while not (found := is_so()) and time.monotonic() < give_up:
        time.sleep(0.5)
    return bool(found)


def _listeners(world: RealWorld) -> int:
    """Sockets in the client's namespace that hear of routes: netlink(7), its groups not empty."""
    with world.client.entered():
        lines = Path("/proc/thread-self/net/netlink").read_text().splitlines()[1:]
    rows = [line.split() for line in lines]
    return sum(row[1] == "0" and int(row[3], 16) != 0 for row in rows)


def _ask(world: RealWorld, names: list[str]) -> list[ask.Link]:
    return ask.ask_all(world.client, run.SERVER, [(name, "A") for name in names])


def _rcode(outcome: ask.Link) -> str:
    if outcome.reply is None:
        return "silence"
    return dns.rcode.to_text(dns.message.from_wire(outcome.reply).rcode())


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_cleanly_with_questions_in_flight(
    world: RealWorld, started: Callable[[], Program], number: signal.Signals
) -> None:
    program = started()
    with world.client.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        for name in world.world.names:
            udp.sendto(ask.query(name, "AAAA").to_wire(), run.SERVER)
        program.process.send_signal(number)
        assert program.process.wait(10) == 0
    assert "Traceback" not in program.output()


def test_a_restart_takes_the_same_port_at_once(
    world: RealWorld, started: Callable[[], Program]
) -> None:
    """Connections in TIME_WAIT do not keep the port."""
    for _ in range(2):
        program = started()
        with world.client.socket(socket.AF_INET, socket.SOCK_STREAM) as tcp:
            tcp.connect(run.SERVER)
            assert program.stop() == 0
    started()
    name = world.world.names[0]
    outcome = _ask(world, [name])[0]
    assert (
        truth.difference(truth.lookup(world.world, name, "A"), outcome.reply, validates=True)
        is None
    )
