"""Between machines: what one has learnt another knows, as far as it may believe it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from resolver.cache.basis import Basis
from resolver.cache.delegation import DelegationCache
from resolver.cache.negative import NegativeCache
from resolver.cache.rrset import RRsetCache
from resolver.cache.shared import Shared
from resolver.cache.shared_level import Learnt, Lookup, SharedLevel
from resolver.cache.store_forget import Meant
from resolver.limits import SHARED_CUTS, SHARED_LOOKUPS, SHARED_QUEUE, SHARED_VALUE_OCTETS
from resolver.model import Rank, Status
from resolver.protocol.codes import Rcode, RRType
from tests.cache.shelf import COM, NOW, WALL, WWW, FakeClock, delegation, denied, entry
from tests.making import name, question

if TYPE_CHECKING:
    from collections.abc import Callable

    from resolver.cache.rrset import Entry
    from resolver.model import Question

TRUST = Basis(b"p" * 8, b"t" * 8, {}, validates=True)
Redis = dict[bytes, tuple[bytes, float]]


class Machine:
    """One of several that share *redis*. *behind_s*: how far its wall clock is."""

    def __init__(self, redis: Redis, basis: Basis = TRUST, *, behind_s: float = 0.0) -> None:
        self.redis = redis
        self.clock = FakeClock()
        self.shared = Shared(b"s" * 32, self.clock, prefix="r:", stale_s=1000.0)
        self.shared.offset_s = WALL - NOW
        wall = self.clock.wall
        self.clock.wall = lambda: wall() - behind_s  # type: ignore[method-assign]
        self.rrsets, self.negatives = RRsetCache(1 << 22), NegativeCache(1 << 22)
        self.delegations = DelegationCache()
        self.wanted: list[Lookup] = []
        self.woken = 0
        self.is_open = self.believes = True
        self.learnt = Learnt(self.shared, self._wake)
        self.level = SharedLevel(
            self.shared, basis, rrsets=self.rrsets, negatives=self.negatives,
            delegations=self.delegations, learnt=self.learnt, begin=self.wanted.append,
            is_open=lambda: self.is_open, believes=lambda: self.believes,
        )  # fmt: skip

    def _wake(self) -> None:
        self.woken += 1

    def send(self, *what: object) -> int:
        """Have *what* learnt and sent; as Redis does it. How many requests."""
        for one in what:
            self.learnt.append(one)
        writes = self.level.writes(1 << 20, self.clock.now())
        for key, value, seconds, is_weak in writes:
            if value is None:
                self.redis.pop(key, None)
            elif not (is_weak and key in self.redis):
                self.redis[key] = value, seconds
        return len(writes)

    def bring(self, asked: Question, change: Callable[[bytes], bytes] = lambda _: _) -> Lookup:
        """Look it up, each value as *change* has it."""
        lookup = self.level.ask(asked)
        assert lookup is not None
        found = [self.redis.get(place.key) for place in lookup.places]
        values = [None if one is None else change(one[0]) for one in found]
        self.level.take(lookup, values, self.clock.now())
        self.level.end(lookup, width=1)
        return lookup

    def data(self, asked: Question) -> Entry | None:
        return self.rrsets.peek(asked.qname, asked.qtype)


def _two(basis: Basis = TRUST, *, behind_s: float = 0.0) -> tuple[Machine, Machine]:
    redis: Redis = {}
    return Machine(redis), Machine(redis, basis, behind_s=behind_s)


# --- what one learns the other knows ---------------------------------------------------------


@pytest.mark.parametrize("status", [Status.SECURE, Status.INSECURE, Status.UNCHECKED])
def test_data_keeps_its_status_and_what_is_left_of_its_time(status: Status) -> None:
    one, other = _two()
    one.send(entry(status=status))
    other.clock.passed_s = 100.0
    lookup = other.bring(WWW)
    found = other.data(WWW)
    assert found is not None
    assert (found.status, found.expires_at - other.clock.now()) == (status, 200.0)
    assert (lookup.is_something, other.shared.hits, other.shared.gets) == (True, 1, 1)


def test_denials_and_aliases_come_too() -> None:
    one, other = _two()
    one.send(denied("gone.example. A"), denied("www.example. AAAA", rcode=Rcode.NOERROR))
    one.send(entry("alias.example. 300 CNAME www.example."))
    for text in ("gone.example. TXT", "www.example. AAAA", "alias.example. MX"):
        assert other.bring(question(text)).is_something
    assert other.negatives.nxdomain(name("gone.example."), NOW) is not None
    assert other.negatives.get(WWW.qname, RRType.AAAA, NOW) is not None
    assert other.rrsets.peek(name("alias.example."), RRType.CNAME) is not None


def test_of_what_is_unknown_the_zones_above_are_told() -> None:
    one, other = _two()
    one.send(delegation("com."), delegation("example.com."))
    lookup = other.bring(question("new.example.com. A"))
    assert not lookup.is_something
    assert other.delegations.get(COM, NOW) is not None
    assert other.delegations.get(name("example.com."), NOW) is not None
    known = other.level.ask(question("another.example.com. A"))
    assert known is not None
    assert [place.name for place in known.places if place.key.endswith(b"DELEGATION")] == [
        name("another.example.com.")
    ]


@pytest.mark.reaches("SHARED_CUTS")
def test_of_a_long_name_the_nearest_zones_are_asked_for() -> None:
    _, other = _two()
    lookup = other.level.ask(question("a.b.c.d.e.f.g.h.example. A"))
    assert lookup is not None
    cuts = [place for place in lookup.places if place.key.endswith(b"DELEGATION")]
    assert len(cuts) == SHARED_CUTS
    assert cuts[0].name == lookup.question.qname


def test_bogus_data_and_proven_gaps_are_nobody_elses() -> None:
    one, _ = _two()
    assert one.send(entry(status=Status.BOGUS)) == 0


# --- what may be believed --------------------------------------------------------------------


def test_what_rests_on_other_trust_is_unchecked() -> None:
    one, other = _two(Basis(b"p" * 8, b"T" * 8, {}, validates=True))
    one.send(entry(status=Status.SECURE))
    other.bring(WWW)
    found = other.data(WWW)
    assert found is not None
    assert found.status is Status.UNCHECKED


def test_what_came_another_way_is_nothing() -> None:
    """That machine forwards example., this one asks its servers."""
    one, other = _two(Basis(b"p" * 8, b"t" * 8, {name("example."): b"f" * 8}, validates=True))
    one.send(entry())
    assert not other.bring(WWW).is_something
    assert other.data(WWW) is None
    assert other.shared.wrong == 0  # it is somebody's, and sealed


def test_a_changed_value_is_counted_and_nothing_else() -> None:
    one, other = _two()
    one.send(entry())
    assert not other.bring(WWW, lambda value: value[:-1] + b"x").is_something
    assert (other.data(WWW), other.shared.wrong, other.shared.hits) == (None, 1, 0)


def test_a_value_moved_to_another_name_is_not_believed() -> None:
    one, other = _two()
    one.send(entry("evil.example. 300 A 192.0.2.66"))
    (value,) = one.redis.values()
    one.redis[other.shared.name_of(WWW.qname, RRType.A)] = value
    assert not other.bring(WWW).is_something
    assert (other.data(WWW), other.shared.wrong) == (None, 1)


@pytest.mark.parametrize("behind_s", [-3600.0, 3600.0])
def test_a_wrong_clock_never_makes_a_ttl_longer(behind_s: float) -> None:
    """Of the writer's and of the reader's: what is left is never more than what was."""
    for one, other in (_two(behind_s=behind_s), _two(behind_s=behind_s)[::-1]):
        one.send(entry())
        for machine in (one, other):
            machine.clock.passed_s = 250.0
        other.bring(WWW)
        found = other.data(WWW)
        assert found is None or found.expires_at - other.clock.now() <= 50.0


def test_while_the_root_does_not_validate_only_configured_zones_are_told() -> None:
    way = {name("corp."): b"f" * 8}
    one, _ = _two()
    one = Machine(one.redis, Basis(b"p" * 8, b"t" * 8, way, validates=True))
    one.believes = False
    one.send(entry(), entry("www.corp. 300 A 192.0.2.1"))
    assert [*one.redis] == [b"r:{www.corp.}A"]


# --- how it lies there -----------------------------------------------------------------------


def test_it_stays_for_its_time_and_for_an_outage() -> None:
    one, _ = _two()
    one.send(entry(), denied("gone.example. A"), delegation("com."))
    one.send(entry("x.example. 300 A 192.0.2.1", status=Status.UNCHECKED))
    stays = {key: seconds for key, (_, seconds) in one.redis.items()}
    assert stays == {
        b"r:{www.example.}A": 1300.0, b"r:{gone.example.}NXDOMAIN": 1300.0,
        b"r:{com.}DELEGATION": 3000.0, b"r:{x.example.}A": 300.0,
    }  # fmt: skip


def test_what_nobody_checked_takes_nobodys_place() -> None:
    one, other = _two()
    one.send(entry(status=Status.SECURE))
    one.send(entry("www.example. 300 A 192.0.2.99", status=Status.UNCHECKED))
    weak = entry("www.example. 300 A 192.0.2.98", status=Status.SECURE)
    weak.rank = Rank.AUTHORITY
    one.send(weak)
    other.bring(WWW)
    found = other.data(WWW)
    assert found is not None
    assert found.rdatas == (bytes([192, 0, 2, 1]),)


def test_what_was_for_that_moment_only_ends_what_lies_there() -> None:
    one, _ = _two()
    one.send(entry())
    one.send(entry(until=NOW))
    assert one.redis == {}


def test_of_one_place_the_last_is_sent() -> None:
    one, other = _two()
    assert one.send(entry(), entry("www.example. 300 A 192.0.2.7")) == 1
    other.bring(WWW)
    found = other.data(WWW)
    assert found is not None
    assert found.rdatas == (bytes([192, 0, 2, 7]),)


@pytest.mark.reaches("SHARED_VALUE_OCTETS")
def test_what_is_too_large_is_left_out_and_counted() -> None:
    one, _ = _two()
    for count, sent in ((SHARED_VALUE_OCTETS // 300, 1), (SHARED_VALUE_OCTETS // 200, 0)):
        large = entry()
        large.rdatas = tuple(b"\xff" + bytes(255) for _ in range(count))
        large.rtype = RRType.TXT
        assert one.send(large) == sent
    assert one.shared.dropped == 1


@pytest.mark.reaches("SHARED_QUEUE")
def test_what_waits_has_a_bound_and_what_is_left_out_is_counted() -> None:
    one, _ = _two()
    made = entry()
    for _ in range(SHARED_QUEUE + 3):
        one.learnt.append(made)
    assert (len(one.learnt.waiting), one.shared.dropped) == (SHARED_QUEUE, 3)
    assert one.woken == 1
    one.send()
    one.learnt.append(made)
    assert one.woken == 2


def test_who_keeps_it_on_disk_is_told_everything() -> None:
    one, _ = _two()
    one.learnt.beside = beside = type(one.learnt.waiting)()
    one.learnt.append(made := entry())
    assert [*beside] == [*one.learnt.waiting] == [made]


def test_without_its_clock_nothing_is_sent_and_nothing_believed() -> None:
    one, other = _two()
    one.send(entry())
    other.shared.offset_s = None
    assert not other.bring(WWW).is_something
    assert other.send(entry("x.example. 300 A 192.0.2.1")) == 0
    assert other.shared.dropped == 1


def test_what_is_to_be_forgotten_is_not_sent() -> None:
    one, _ = _two()
    one.learnt.append(entry())
    one.learnt.append(entry("www.other. 300 A 192.0.2.1"))
    one.level.drop(Meant(name("example."), below=True))
    one.send()
    assert [*one.redis] == [b"r:{www.other.}A"]


# --- when it is asked ------------------------------------------------------------------------


def test_a_question_is_looked_up_once_a_second_and_shared_while_it_runs() -> None:
    _, other = _two()
    first = other.level.ask(WWW)
    assert first is not None
    assert other.level.ask(WWW) is first
    other.level.end(first, width=1)
    assert other.level.ask(WWW) is None
    other.clock.passed_s = 1.5
    assert other.level.ask(WWW) not in (None, first)


def test_while_the_breaker_is_open_nothing_is_looked_up() -> None:
    _, other = _two()
    other.is_open = False
    assert (other.level.ask(WWW), other.wanted) == (None, [])
    other.is_open = True
    assert other.level.ask(question("www.example. ANY")) is None


@pytest.mark.reaches("SHARED_LOOKUPS")
def test_so_many_are_looked_up_at_a_time_and_no_more() -> None:
    _, other = _two()
    for number in range(SHARED_LOOKUPS + 2):
        other.level.ask(question(f"n{number}.example. A"))
    assert (len(other.wanted), other.shared.skipped) == (SHARED_LOOKUPS, 2)


def test_who_races_is_called_for_what_counts_only() -> None:
    one, other = _two()
    one.send(entry(until=NOW + 10))
    called: list[str] = []
    for passed_s in (5.0, 20.0):
        other.clock.passed_s = passed_s
        lookup = other.level.ask(WWW)
        assert lookup is not None
        lookup.racing.append(lambda: called.append("found"))
        values = [one.redis.get(place.key, (None, 0))[0] for place in lookup.places]
        other.level.take(lookup, values, other.clock.now())
        other.level.end(lookup, width=1)
        other.rrsets.clear()
    assert called == ["found"]
