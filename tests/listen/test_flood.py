"""Who is over his rate and asks on: dropped by where it came from, and others do not feel it."""

from __future__ import annotations

import random
import socket

import pytest

from resolver.limits import (
    RATE_BAR_SECONDS,
    RATE_BURST_SECONDS,
    RATE_FAILING,
    RATE_SIFTED,
    UDP_BATCH,
    UDP_STARTS_BUSY,
    UDP_STARTS_IDLE,
    UDP_TURNS_SIFTED,
)
from resolver.listen import mmsg, rate_limit
from resolver.listen.admission import Admission, raw_address
from resolver.listen.rate_limit import Ledger, RateLimit
from resolver.listen.sockets import SystemListenNetwork
from resolver.listen.udp import UdpService
from resolver.listen.udp_socket import PlainUdpSocket
from resolver.policy.cookies import Proofs, ServerCookies
from tests.listen.echo import Handler, question
from tests.listen.test_rate_limit import cookied
from tests.support import trio_test_real

WALL = 1_700_000_000.0


def empty(ledger: Ledger, source: bytes) -> None:
    """Have raw *source* use all that it has."""
    while not ledger.is_over(source):
        ledger.charge(source)


def over(ledger: Ledger, *hosts: str) -> list[str]:
    """Which of *hosts* are known to be over."""
    return [hosts[at] for at in ledger.known_over([raw_address(host) for host in hosts])]


@pytest.mark.reaches("RATE_BAR_SECONDS")
def test_what_has_nothing_left_is_barred_for_a_moment_at_least() -> None:
    now = [0.0]
    ledger = Ledger(1000, lambda: now[0])
    assert not ledger.bars_anybody()
    empty(ledger, raw_address("192.0.2.1"))
    assert ledger.bars_anybody()
    assert over(ledger, "192.0.2.1", "192.0.2.2") == ["192.0.2.1"]
    now[0] = RATE_BAR_SECONDS - 0.001
    assert ledger.is_over(raw_address("192.0.2.1"))
    assert over(ledger, "192.0.2.1") == ["192.0.2.1"]
    now[0] = RATE_BAR_SECONDS
    assert over(ledger, "192.0.2.1") == []
    assert not ledger.bars_anybody()
    assert not ledger.is_over(raw_address("192.0.2.1"))


@pytest.mark.parametrize(
    ("flood", "same", "other"),
    [
        ("192.0.2.{}", "192.0.2.250", "192.0.3.1"),
        ("::ffff:192.0.2.{}", "::ffff:192.0.2.250", "::ffff:192.0.3.1"),
        ("2001:db8::{}", "2001:db8::ffff", "2001:db8:0:1::1"),
    ],
)
def test_a_network_is_barred_as_one(flood: str, same: str, other: str) -> None:
    """Addresses of it that nobody has met need not be asked about; one that has paid may go on."""
    ledger = Ledger(10, lambda: 0.0)
    paid = raw_address(flood.format(1))
    assert not ledger.is_over(paid)
    for last in range(2, 99):
        empty(ledger, raw_address(flood.format(last)))
    assert over(ledger, same, other, flood.format(1)) == [same]
    assert ledger.is_over(raw_address(same))
    assert not ledger.is_over(raw_address(other))
    assert not ledger.is_over(paid)


def test_a_wider_network_bars_what_has_asked_a_part_at_a_time() -> None:
    ledger = Ledger(1, lambda: 0.0)
    for third in range(16):
        for last in range(40):
            empty(ledger, bytes((192, 0, third, last)))
    assert over(ledger, "192.0.15.99", "192.0.16.1") == ["192.0.15.99"]


# --- over UDP ------------------------------------------------------------------------------------


class Home:
    """A service on a socket of loopback, whose clients have a hundred tokens a second."""

    def __init__(
        self, *, per_second: float = 100, proofs: Proofs | None = None, places: int = 1000
    ) -> None:
        sock = SystemListenNetwork().bind_udp("127.0.0.1", 0)
        assert isinstance(sock, PlainUdpSocket)
        self.sock = sock
        self.to = ("127.0.0.1", sock._socket.getsockname()[1])
        self.handler = Handler()
        self.now = 0.0
        self.rate = RateLimit(per_second, lambda: self.now, proofs)
        self.service = UdpService(sock, self.handler, Admission(total=places, rate=self.rate))

    def flood(self, source: str, count: int, *, queries: list[bytes] | None = None) -> None:
        """Send *count* different ones from *source*; nobody reads what comes back."""
        with client(source) as sender:
            for at in range(count):
                name = b"\x08%08d\0" % at
                sender.sendto(queries[at] if queries else question(name, id=at), self.to)

    def serve(self) -> None:
        while self.service.drain():
            pass


def client(source: str) -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind((source, 0))
    sock.settimeout(0.5)
    return sock


@pytest.fixture
def exposed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Loopback counts as any network, and there is recvmmsg."""
    assert mmsg.IS_AVAILABLE
    monkeypatch.setattr(rate_limit, "is_this_machine", lambda _: False)


@pytest.mark.reaches("RATE_SIFTED", "UDP_TURNS_SIFTED")
@pytest.mark.usefixtures("exposed")
@trio_test_real
async def test_of_a_flood_a_few_of_each_batch_are_looked_at() -> None:
    """All are counted; who is of another network is answered in the same batch."""
    home = Home()
    home.flood("127.0.0.1", int(100 * RATE_BURST_SECONDS))
    home.serve()
    assert home.rate.anybody.bars_anybody()
    known, limited = len(home.handler.started), home.service.limited
    renewed: list[bytes] = []
    slip = home.rate.slip
    home.rate.slip = lambda data, source: renewed.append(data) or slip(data, source)  # type: ignore[method-assign,func-returns-value]
    batches = UDP_TURNS_SIFTED + 1
    home.flood("127.0.0.1", UDP_BATCH * UDP_TURNS_SIFTED)
    home.flood("127.0.0.1", UDP_BATCH - 1)
    with client("127.9.9.9") as other:
        other.sendto(question(), home.to)
        assert home.service.take()
        assert home.service.has_waiting is False
        assert len(renewed) == RATE_SIFTED * UDP_TURNS_SIFTED
        home.serve()
        assert other.recv(512)[2] & 2 == 0
    assert len(renewed) == RATE_SIFTED * batches
    assert home.service.limited == home.rate.limited == limited + batches * UDP_BATCH - 1
    assert len(home.handler.started) == known + 1
    home.sock.close()


@pytest.mark.usefixtures("exposed")
@trio_test_real
async def test_a_cookie_that_counts_is_seen_in_a_flood_and_one_that_does_not_is_dropped() -> None:
    cookies = ServerCookies(random.Random(5))
    cookies.tick(WALL)
    home = Home(per_second=20, proofs=Proofs(lambda: cookies, lambda: WALL))
    home.flood("127.0.0.1", 100)
    home.serve()
    known = len(home.handler.started)
    source = raw_address("127.0.0.1")
    good = cookied(cookies.option(b"clientck", source)[4:])
    forged = cookied(b"clientck" + bytes(16))
    home.flood("127.0.0.1", UDP_BATCH, queries=[*[forged] * (UDP_BATCH - 1), good])
    home.serve()
    assert len(home.handler.started) == known + 1
    assert home.rate.cookies_proven == 1
    home.sock.close()


@pytest.mark.usefixtures("exposed")
@trio_test_real
async def test_while_somebody_is_over_his_rate_few_misses_are_begun_at_a_turn() -> None:
    """Whatever others ask is the sooner looked at."""
    home = Home(per_second=100)
    home.flood("127.0.0.1", int(100 * RATE_BURST_SECONDS))
    home.serve()
    assert home.rate.anybody.bars_anybody()
    known = len(home.handler.started)
    home.service._turns.note_hits()
    others = [question(b"\x08other%03d\0" % at, id=at) for at in range(10)]
    home.flood("127.9.9.9", 10, queries=others)
    home.service.drain()
    assert len(home.handler.started) == known + UDP_STARTS_BUSY
    home.sock.close()


@pytest.mark.usefixtures("exposed")
@trio_test_real
async def test_beside_a_flood_turns_are_short_though_nobody_has_a_hit() -> None:
    """A client whose one hit was lost is not to wait for fifty misses of the flood's, too."""
    home = Home(per_second=100)
    turns = home.service._turns
    home.flood("127.0.0.1", int(100 * RATE_BURST_SECONDS))
    home.serve()
    assert home.rate.anybody.bars_anybody()
    home.service.drain()
    assert turns.is_short
    home.sock.close()


@pytest.mark.usefixtures("exposed")
@trio_test_real
async def test_while_a_network_has_no_place_left_few_misses_are_begun_at_a_turn() -> None:
    home = Home(per_second=100_000, places=60)
    home.flood("127.0.0.1", 60)
    home.service._turns.note_hits()
    home.service.drain()
    assert home.service.unanswered > 0
    assert len(home.handler.started) == UDP_STARTS_BUSY
    home.serve()
    home.sock.close()


@pytest.mark.usefixtures("exposed")
@trio_test_real
async def test_misses_of_one_network_do_not_stand_before_anothers() -> None:
    home = Home(per_second=100_000)
    home.flood("127.0.0.1", 4 * UDP_STARTS_IDLE)
    home.flood("127.9.9.9", 1)
    home.service.drain()
    hosts = [client.host for _, client in home.handler.started]
    assert hosts[:3] == ["127.0.0.1", "127.9.9.9", "127.0.0.1"]
    home.serve()
    assert len(home.handler.started) == 4 * UDP_STARTS_IDLE + 1
    home.sock.close()


@pytest.mark.usefixtures("exposed")
@trio_test_real
async def test_who_finds_no_place_has_paid_for_what_came_to_nothing() -> None:
    """A flood that keeps its network's places full is dropped unread the sooner."""
    home = Home(places=0)
    home.flood("127.0.0.1", 100)
    home.serve()
    assert home.service.misses == pytest.approx(100 * RATE_BURST_SECONDS / RATE_FAILING, abs=5)
    assert home.rate.anybody.bars_anybody()
    home.sock.close()
