"""Tokens by client network: what each kind of query costs, who has how many, who is exempt."""

from __future__ import annotations

import random
import socket
from typing import TYPE_CHECKING

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st

from resolver.lab.virtual_network import VirtualNetwork
from resolver.limits import (
    RATE_BURST_SECONDS,
    RATE_FAILING,
    RATE_HIT,
    RATE_LEASE_PART,
    RATE_MISS,
    RATE_PROVEN_FACTOR,
    RATE_SAMPLE,
    RATE_SAMPLE_PART,
    RATE_SLIP,
)
from resolver.listen import mmsg, rate_limit, token_levels
from resolver.listen.admission import Admission, raw_address
from resolver.listen.rate_limit import RATE_PREFIXES, Ledger, RateLimit
from resolver.listen.sockets import SystemListenNetwork
from resolver.listen.udp import UdpService
from resolver.listen.udp_socket import PlainUdpSocket
from resolver.policy.cookies import Proofs, ServerCookies
from resolver.protocol.wire import parse_untrusted
from tests.listen.echo import Handler, answered, question
from tests.support import set_limit, trio_test, trio_test_real

if TYPE_CHECKING:
    from collections.abc import Iterator

MINE, NEIGHBOUR, OTHER = map(raw_address, ("192.0.2.1", "192.0.2.9", "198.51.100.1"))
WALL = 1_700_000_000.0


def allowed(ledger: Ledger, source: bytes, most: int = 10_000) -> int:
    """How many hits raw *source* has before it is over."""
    for count in range(most):
        if ledger.is_over(source):
            return count
        ledger.charge(source)
    return most


@pytest.mark.reaches("RATE_HIT", "RATE_BURST_SECONDS", "RATE_LEASE_PART")
@pytest.mark.parametrize("rate", [1, 2, 3, 7, 100])
def test_an_address_has_a_burst_and_refills(rate: int) -> None:
    """To the token, however many are leased at a time."""
    assert (RATE_HIT, RATE_LEASE_PART) == (1, 1 / 8)
    now = [0.0]
    ledger, burst = Ledger(rate, lambda: now[0]), int(rate * RATE_BURST_SECONDS)
    assert allowed(ledger, MINE) == burst
    assert allowed(ledger, OTHER) == burst
    now[0] = 1.0
    assert allowed(ledger, MINE) == rate
    now[0] = 100.0
    assert allowed(ledger, MINE) == burst


@pytest.mark.parametrize(("text", "length"), [("192.0.2.0", 24), ("2001:db8::", 64)])
def test_a_network_has_a_multiple_of_what_an_address_has(text: str, length: int) -> None:
    """So many addresses as its multiple says: the next one's lease is never charged to it."""
    ledger, base = Ledger(8, lambda: 0.0), raw_address(text)
    times = RATE_PREFIXES[len(base)][length]
    got = [allowed(ledger, base[:-1] + bytes([at])) for at in range(1, times + 20)]
    burst = 8 * RATE_BURST_SECONDS
    assert got[: times - 1] == [burst] * (times - 1)
    assert times * burst <= sum(got) <= times * burst + len(got) * burst * RATE_LEASE_PART
    assert got[-1] == 0
    assert allowed(ledger, OTHER) == burst


def test_this_machine_is_exempt() -> None:
    ledger = Ledger(1, lambda: 0.0)
    for text in ("127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"):
        assert allowed(ledger, raw_address(text), 500) == 500


def test_ipv4_in_disguise_is_ipv4() -> None:
    ledger = Ledger(1, lambda: 0.0)
    assert allowed(ledger, raw_address("::ffff:192.0.2.1")) == 2
    assert ledger.is_over(MINE)
    assert not ledger.is_over(raw_address("::ffff:198.51.100.1"))


@pytest.mark.reaches("RATE_MISS", "RATE_FAILING")
def test_what_is_dear_costs_more_and_is_owed() -> None:
    """The difference is charged when it is known, and owed for a second's worth at most."""
    now = [0.0]
    rate = RateLimit(10, lambda: now[0])
    for _ in range(2):
        assert not rate.anybody.is_over(MINE)
        rate.anybody.charge(MINE)
        rate.missed(MINE, is_proven=False)
    rate.ended(MINE, answered(question()), is_proven=False)
    assert allowed(rate.anybody, MINE) == 20 - 2 * RATE_MISS
    now[0] = 10.0
    assert not rate.anybody.is_over(MINE)
    rate.anybody.charge(MINE)
    rate.missed(MINE, is_proven=False)
    failed = bytearray(answered(question()))
    failed[3] |= 3
    rate.ended(MINE, bytes(failed), is_proven=False)
    assert allowed(rate.anybody, MINE) == 20 - RATE_FAILING
    for _ in range(20):
        rate.ended(MINE, bytes(failed), is_proven=False)
    now[0] = 10.9
    assert rate.anybody.is_over(MINE)
    now[0] = 11.2
    assert not rate.anybody.is_over(MINE)


@pytest.mark.reaches("RATE_NETWORKS")
def test_forged_sources_do_not_fill_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor have they who floods forgotten: what was not met for longest goes first."""
    set_limit(monkeypatch, rate_limit, "RATE_NETWORKS", 10)
    set_limit(monkeypatch, token_levels, "RATE_NETWORKS", 10)
    ledger = Ledger(1, lambda: 0.0)
    got = 0
    for at in range(200):
        got += not ledger.is_over(MINE)
        ledger.charge(MINE)
        forged = bytes([10, at, 0, 1])
        allowed(ledger, forged)
    assert len(ledger) <= 10 * 4
    assert len(ledger._leases) <= 10 >= len(ledger._barred)
    assert got == 2


# --- cookies -------------------------------------------------------------------------------------


def cookied(value: bytes) -> bytes:
    """A query with a COOKIE option of *value*."""
    opt = b"\0\0\x29\4\xd0\0\0\0\0" + (4 + len(value)).to_bytes(2, "big") + b"\0\x0a"
    asked = question()
    return asked[:11] + b"\1" + asked[12:] + opt + len(value).to_bytes(2, "big") + value


def proofs() -> tuple[Proofs, ServerCookies]:
    cookies = ServerCookies(random.Random(5))
    cookies.tick(WALL)
    return Proofs(lambda: cookies, lambda: WALL), cookies


@pytest.mark.reaches("RATE_PROVEN_FACTOR")
@pytest.mark.rfc("RFC 7873 §5.2.5")
def test_forged_queries_do_not_silence_who_has_proven_its_address() -> None:
    """A /24 whose addresses are forged still has TCP and its cookies, ten times as much."""
    found, cookies = proofs()
    rate = RateLimit(2, lambda: 0.0, found)
    for last in range(1, 200):
        allowed(rate.anybody, bytes([192, 0, 2, last]))
    good = cookied(cookies.option(b"clientck", MINE)[4:])
    assert rate.anybody.is_over(MINE)
    assert not rate.admits_proven(question(), MINE)
    assert not rate.admits_proven(cookied(b"clientck" + bytes(16)), MINE)
    assert not rate.admits_proven(good, NEIGHBOUR), "another's cookie"
    most = int(2 * RATE_PROVEN_FACTOR * RATE_BURST_SECONDS)
    assert [rate.admits_proven(good, MINE) for _ in range(most // 2)] == [True] * (most // 2)
    assert [rate.allows_stream(MINE) for _ in range(most)].count(True) == most // 2
    assert not rate.admits_proven(good, MINE)
    assert rate.cookies_proven == most // 2


@pytest.mark.reaches("RATE_SLIP")
def test_now_and_then_a_limited_query_has_a_truncated_reply() -> None:
    """A client whose address others forge comes back over TCP."""
    rate = RateLimit(1, lambda: 0.0)
    slipped = []
    for _ in range(4 * RATE_SLIP):
        assert not rate.admits_proven(question(), MINE)
        slipped.append(rate.slip(question(), MINE))
    assert [one is not None for one in slipped] == [*[False] * (RATE_SLIP - 1), True] * 4
    reply = parse_untrusted(slipped[-1] or b"")
    assert reply.tc
    assert reply.answer == []


@pytest.mark.rfc("RFC 7873 §5.2.3")
@pytest.mark.rfc("RFC 7873 §5.2.4")
@pytest.mark.parametrize("value", [b"clientck", b"clientck" + bytes(16)])
def test_who_speaks_cookies_is_told_badcookie_and_which_will_do(value: bytes) -> None:
    found, _ = proofs()
    rate = RateLimit(1, lambda: 0.0, found)
    rate.limited = RATE_SLIP
    told = rate.slip(cookied(value), MINE)
    assert told is not None
    reply = parse_untrusted(told)
    assert (reply.rcode, reply.tc, reply.id) == (23, False, 7)
    assert reply.edns is not None
    fresh = reply.edns.option(10)
    assert fresh is not None
    assert found.holds(cookied(fresh), MINE)
    assert len(told) <= len(cookied(value)) + 16
    assert rate.cookies_demanded == 1


def test_no_cookie_is_offered_where_they_are_off_or_malformed() -> None:
    found, _ = proofs()
    assert found.renewed(cookied(b"short"), MINE) == b""
    off = Proofs(lambda: None, lambda: WALL)
    assert off.renewed(cookied(b"clientck"), MINE) == b""
    assert not off.holds(cookied(b"clientck"), MINE)


@given(data=st.binary(max_size=60))
def test_slip_untrusted(data: bytes) -> None:
    """Whatever was asked: nothing, or a message that is no larger than its cookie makes it."""
    found, _ = proofs()
    rate = RateLimit(1, lambda: 0.0, found)
    rate.limited = RATE_SLIP
    for asked in (data, question() + data, cookied(b"clientck")[:-8] + data):
        told = rate.slip(asked, MINE)
        if told is not None:
            assert parse_untrusted(told).is_response
            assert len(told) <= max(len(asked), 12) + 39


# --- over UDP ------------------------------------------------------------------------------------


@trio_test
async def test_hits_are_counted_and_slip() -> None:
    """Over the rate every other query gets TC, so that who is being forged can use TCP."""
    network = VirtualNetwork(rng=random.Random(1))
    service = UdpService(
        network.bind_udp("192.0.2.53", 53),
        Handler(),
        Admission(rate=RateLimit(4, lambda: 0.0)),
    )
    async with trio.open_nursery() as nursery:
        nursery.start_soon(service.run)
        client = network.client("198.51.100.7")
        replies = []
        for id in range(10):
            reply = await client.ask_udp(("192.0.2.53", 53), question(id=id), timeout_s=0.2)
            replies.append(reply)
        other = network.client("203.0.113.7")
        assert await other.ask_udp(("192.0.2.53", 53), question(), timeout_s=0.2) is not None
        nursery.cancel_scope.cancel()
    kinds = ["dropped" if one is None else "TC" if one[2] & 2 else "answer" for one in replies]
    # A miss, which pays for five, and three hits; of those over the rate every second has TC.
    assert kinds == ["answer"] * 4 + ["dropped", "TC"] * 3
    assert service.limited == 6


@pytest.fixture
def exposed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Loopback counts as any network."""
    monkeypatch.setattr(rate_limit, "is_this_machine", lambda _: False)


def served(service: UdpService, port: int, count: int) -> Iterator[int]:
    """How many of *count* queries at once are answered."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(0.2)
        for id in range(count):
            client.sendto(question(id=id), ("127.0.0.1", port))
        while service.drain():
            pass
        try:
            while True:
                yield client.recv(512)[2] & 2 == 0
        except TimeoutError:
            return


@pytest.mark.usefixtures("exposed")
@pytest.mark.parametrize("kind", ["mmsg", "plain"])
@trio_test_real
async def test_a_flood_of_hits_is_charged_behind_its_batch(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A batch that has come is served, and then charged for; by a sample where it is large."""
    if kind == "mmsg" and not mmsg.IS_AVAILABLE:
        pytest.skip("this platform has no recvmmsg")
    monkeypatch.setattr(mmsg, "IS_AVAILABLE", kind == "mmsg")
    sock = SystemListenNetwork().bind_udp("127.0.0.1", 0)
    assert isinstance(sock, PlainUdpSocket)
    port = sock._socket.getsockname()[1]
    now = [0.0]
    service = UdpService(sock, Handler(), Admission(rate=RateLimit(100, lambda: now[0])))
    assert sum(served(service, port, 1)) == 1  # a miss: five
    burst = int(100 * RATE_BURST_SECONDS) - RATE_MISS
    got = sum(served(service, port, 400))
    assert abs(got - burst) <= 64 + RATE_SAMPLE
    assert sum(served(service, port, 20)) == 0
    now[0] = 0.1
    assert 5 <= sum(served(service, port, 12)) <= 12
    sock.close()


@pytest.mark.reaches("RATE_SAMPLE", "RATE_SAMPLE_PART")
@pytest.mark.parametrize(("rate", "sample"), [(1, 1), (63, 1), (64, 2), (10_000, 64)])
def test_a_sample_is_charged_for_all_where_that_is_fair(rate: int, sample: int) -> None:
    """By chance, and as much as all of them on an average."""
    assert (RATE_SAMPLE, RATE_SAMPLE_PART) == (64, 1 / 64)
    limit = RateLimit(rate, lambda: 0.0, rng=random.Random(3))
    assert limit.sample == sample
    gaps = [limit.gap() for _ in range(20_000)]
    assert min(gaps) == 1
    assert max(gaps) == 2 * sample - 1
    assert abs(sum(gaps) / len(gaps) - sample) < sample / 20


@pytest.mark.usefixtures("exposed")
@trio_test_real
async def test_a_valid_cookie_brings_hits_and_misses_over_the_rate() -> None:
    found, cookies = proofs()
    sock = SystemListenNetwork().bind_udp("127.0.0.1", 0)
    assert isinstance(sock, PlainUdpSocket)
    to = ("127.0.0.1", sock._socket.getsockname()[1])
    rate = RateLimit(5, lambda: 0.0, found)
    handler = Handler()
    service = UdpService(sock, handler, Admission(rate=rate))
    good = cookied(cookies.option(b"clientck", raw_address("127.0.0.1"))[4:])
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(0.5)
        while not rate.anybody.is_over(raw_address("127.0.0.1")):
            client.sendto(question(), to)
            service.drain()
            client.recv(512)
        before = len(handler.started)
        for id in range(3):
            client.sendto(id.to_bytes(2, "big") + good[2:], to)
            service.drain()
            assert client.recv(512)[:2] == id.to_bytes(2, "big")
    assert len(handler.started) == before + 3  # the echo keeps no reply to a query with options
    assert service.limited == 0
    assert rate.cookies_proven == 3
    sock.close()
