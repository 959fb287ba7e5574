"""What one worker has learnt, in the caches of another."""

from __future__ import annotations

import mmap
from collections import deque

import pytest

from resolver.cache.basis import Basis
from resolver.cache.common_level import Common, CommonLevel
from resolver.cache.common_memory import CommonMemory, octets_for
from resolver.cache.delegation import DelegationCache
from resolver.cache.negative import NegativeCache
from resolver.cache.rrset import RRsetCache
from resolver.limits import COMMON_ASKED
from resolver.model import Rank, Status
from resolver.protocol.codes import Rcode, RRType
from tests.cache.shelf import COM, KEY, NOW, WWW, FakeClock, delegation, denied, entry
from tests.making import name, question

BASIS = Basis(b"p" * 8, b"t" * 8, {}, validates=True)


class Workers:
    """Two of them, one clock."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.memory = mmap.mmap(-1, octets_for(2))
        self.believes = True
        self.one = self.level(0)
        self.other = self.level(1)

    def level(self, number: int, basis: Basis = BASIS, key: bytes = KEY) -> CommonLevel:
        common = Common(CommonMemory(self.memory, number), key, self.clock, stale_s=1000.0)
        return CommonLevel(
            common, basis, rrsets=RRsetCache(1 << 22), negatives=NegativeCache(1 << 22),
            delegations=DelegationCache(), beside=None, believes=lambda: self.believes,
        )  # fmt: skip


@pytest.fixture
def workers() -> Workers:
    return Workers()


def test_what_one_learns_the_other_knows_at_once(workers: Workers) -> None:
    known = entry()
    workers.one.append(known)
    assert workers.other.bring(WWW, NOW)
    assert workers.other._rrsets.get(WWW.qname, RRType.A, NOW) == known
    assert workers.other.common.found == workers.one.common.put == 1


def test_it_is_looked_at_again_only_where_there_is_something_new(workers: Workers) -> None:
    assert not workers.other.bring(WWW, NOW)
    workers.one.append(entry(until=NOW - 1))
    assert workers.other.bring(WWW, NOW)  # of use in an outage only: whoever asked asks servers
    assert not workers.other.bring(WWW, NOW)
    workers.one.append(entry())
    assert workers.other.bring(WWW, NOW)
    assert workers.other._rrsets.get(WWW.qname, RRType.A, NOW) is not None


def test_aliases_denials_and_cuts_come_too(workers: Workers) -> None:
    workers.one.append(entry("a.example. 300 CNAME b.example."))
    workers.one.append(denied("no.example. A"))
    workers.one.append(denied("yes.example. AAAA", rcode=Rcode.NOERROR))
    workers.one.append(delegation("com."))
    other = workers.other
    assert other.bring(question("a.example. AAAA"), NOW)
    assert other.bring(question("no.example. TXT"), NOW)
    assert other.bring(question("yes.example. AAAA"), NOW)
    assert not other.bring(question("yes.example. A"), NOW)
    assert not other.bring(question("www.shop.com. A"), NOW)
    assert other._delegations.get(COM, NOW) is not None


def test_ttls_go_on_and_end(workers: Workers) -> None:
    workers.one.append(entry(until=NOW + 300))
    workers.clock.passed_s = 100.0
    workers.other.bring(WWW, NOW + 100)
    found = workers.other._rrsets.get(WWW.qname, RRType.A, NOW + 100)
    assert found is not None
    assert found.expires_at == pytest.approx(NOW + 300)
    assert workers.other._rrsets.get(WWW.qname, RRType.A, NOW + 300) is None


def test_what_nobody_has_judged_or_would_tell_stays_where_it_is(workers: Workers) -> None:
    """It comes once it is judged; of what servers said beside, cuts have what is of use."""
    unjudged = entry(status=Status.UNCHECKED)
    glue = entry()
    glue.rank = Rank.GLUE
    for what in (unjudged, entry(status=Status.BOGUS), glue):
        workers.one.append(what)
    assert not workers.other.bring(WWW, NOW)
    plain = workers.level(0, BASIS._replace(validates=False))
    plain.append(unjudged)
    assert workers.level(1, BASIS._replace(validates=False)).bring(WWW, NOW)


def test_what_is_learnt_while_the_root_does_not_validate_is_nobodys(workers: Workers) -> None:
    """A portal. What a configured zone says is the operator's matter."""
    workers.believes = False
    workers.one.append(entry())
    assert not workers.other.bring(WWW, NOW)
    inside = BASIS._replace(ways={name("example."): b"w" * 8})
    workers.level(0, inside).append(entry())
    assert workers.level(1, inside).bring(WWW, NOW)


@pytest.mark.parametrize(
    ("basis", "status"),
    [
        (BASIS._replace(trust=b"o" * 8), Status.UNCHECKED),
        (BASIS._replace(public=b"o" * 8), None),
        (BASIS._replace(ways={name("example."): b"w" * 8}), None),
    ],
)
def test_one_that_has_reloaded_already_believes_what_still_holds(
    workers: Workers, basis: Basis, status: Status | None
) -> None:
    """Workers reload one after the other."""
    workers.one.append(entry(status=Status.INSECURE))
    reloaded = workers.level(1, basis)
    assert reloaded.bring(WWW, NOW) is (status is not None)
    found = reloaded._rrsets.get(WWW.qname, RRType.A, NOW)
    assert (None if found is None else found.status) == status


def test_what_does_not_bear_the_workers_key_is_not_believed(workers: Workers) -> None:
    workers.level(0, key=bytes(32)).append(entry())
    assert not workers.other.bring(WWW, NOW)
    assert workers.other.common.damaged == 1


def test_who_keeps_it_elsewhere_is_told_all_of_it(workers: Workers) -> None:
    told: deque[object] = deque()
    workers.one.beside = told
    unjudged = entry(status=Status.UNCHECKED)
    workers.one.append(unjudged)
    assert [*told] == [unjudged]


@pytest.mark.reaches("COMMON_ASKED")
def test_what_was_looked_at_is_remembered_of_so_many(workers: Workers) -> None:
    for at in range(COMMON_ASKED + 1):
        workers.one.append(entry(f"n{at}.example. 300 A 192.0.2.1"))
        workers.other.bring(question(f"n{at}.example. A"), NOW)
    assert len(workers.other._seen) == 1
