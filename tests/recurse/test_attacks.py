"""What hostile zones cost one client query, in checks, hashes and packets: never above the limits.

`python -m bench.signed.attack` measures the same in CPU time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import pytest
import trio

from resolver import limits
from resolver.dnssec.steps import Work
from resolver.errors import ResolutionFailed, WorkExceeded
from resolver.lab.signing import Nsec3
from resolver.model import Status
from resolver.protocol.codes import EdeCode, Rcode
from resolver.recurse import validation
from tests.making import question
from tests.recurse.household import WALL, budget, house
from tests.simulation import hostile
from tests.support import trio_test

if TYPE_CHECKING:
    from tests.recurse.household import House

HONEST = question("www.honest. A")
RETRIES = 1 + limits.BOGUS_RETRIES
CHAIN = 4  # checks that the root's keys and the DS of one zone below it take, and one to spare


class Bill(NamedTuple):
    """What one client query made us do; *rcode* None: it failed, *ede* says how."""

    rcode: int | None
    checks: int
    hashes: int
    packets: int
    ede: tuple[int, ...] = ()
    status: Status | None = None
    exceeded: bool = False


async def bill(home: House, text: str) -> Bill:
    allowance = budget()
    checks, hashes = allowance.whole.signature_checks, allowance.whole.hashes
    rcode, status, exceeded = None, None, False
    ede: tuple[int, ...] = ()
    try:
        answer = await home.resolver.resolve(question(text), allowance)
        rcode, status = answer.rcode, answer.status
        ede = tuple(one.code for one in answer.ede)
    except ResolutionFailed as error:
        ede = tuple(one.code for one in error.ede)
        exceeded = isinstance(error, WorkExceeded)
    whole = allowance.whole
    return Bill(
        rcode,
        checks - whole.signature_checks,
        hashes - whole.hashes,
        whole.sent,
        ede,
        status,
        exceeded,
    )


async def honest_still_works(home: House) -> None:
    answer = await home.ask(HONEST)
    assert (answer.rcode, answer.status) == (Rcode.NOERROR, Status.SECURE)


@pytest.mark.rfc("RFC 9364 §4")
@trio_test
async def test_keytrap() -> None:
    """CVE-2023-50387: 60 keys of one tag, 100 signatures; asked for three names."""
    async with house(hostile.keytrap(WALL)) as home:
        first = await bill(home, "www.evil. A")
        assert first.rcode is None
        assert EdeCode.DNSSEC_BOGUS in first.ede
        assert first.checks <= RETRIES * limits.SIGNATURES_PER_RRSET + CHAIN
        assert first.packets <= 12
        # another name costs as much again, the same one nothing
        second = await bill(home, "nothing.evil. A")
        assert second.rcode is None
        assert second.checks <= RETRIES * limits.SIGNATURES_PER_RRSET
        again = await bill(home, "www.evil. A")
        assert (again.rcode, again.checks, again.packets) == (None, 0, 0)
        await honest_still_works(home)


@trio_test
async def test_long_lists_of_signatures() -> None:
    """150 wrong signatures before the right one: as many as the limit says are tried."""
    async with house(hostile.signature_lists(WALL)) as home:
        found = await bill(home, "www.evil. A")
        assert found.rcode is None
        assert found.checks <= RETRIES * limits.SIGNATURES_PER_RRSET + CHAIN
        await honest_still_works(home)


@trio_test
async def test_many_digests_times_many_keys() -> None:
    """41 DS records and 61 keys that each may mean: some are hashed, not 2501."""
    async with house(hostile.digest_lists(WALL)) as home:
        found = await bill(home, "www.evil. A")
        assert found.rcode is None
        tries = 1 + limits.CHAIN_RETRIES
        assert found.hashes <= RETRIES * tries * limits.DS_MATCHES_PER_ZONE + CHAIN
        assert found.hashes <= limits.HASHES
        assert found.checks <= CHAIN
        await honest_still_works(home)


@pytest.mark.reaches("SIGNATURE_CHECKS")
@trio_test
async def test_each_signature_verifies_at_the_last_try() -> None:
    """No RRset breaks its limit, the whole query's does: aliases through ten such zones."""
    async with house(hostile.late_truth(WALL)) as home:
        found = await bill(home, "next.deep.evil0. A")
        assert found.exceeded
        assert found.checks == limits.SIGNATURE_CHECKS + 1
        # what was proven is kept: one more client gets further, and none pays more
        again = await bill(home, "next.deep.evil0. A")
        assert again.checks <= limits.SIGNATURE_CHECKS + 1
        await honest_still_works(home)


@pytest.mark.rfc("RFC 9276 §3.2")
@trio_test
async def test_the_closest_encloser_of_a_deep_name() -> None:
    """CVE-2023-50868: 110 labels, 150 iterations with 255 octets of salt."""
    async with house(hostile.closest_encloser(WALL)) as home:
        found = await bill(home, f"{hostile.DEEP}evil. A")
        assert (found.rcode, found.status) == (Rcode.NXDOMAIN, Status.SECURE)
        labels = hostile.DEEP.count(".") + 2
        assert found.hashes <= 2 * labels + limits.DS_MATCHES_PER_ZONE
        assert found.hashes <= limits.HASHES
        await honest_still_works(home)


@pytest.mark.rfc("RFC 9276 §3.2; RFC 8914 §4.28")
@trio_test
async def test_more_iterations_than_allowed_are_not_hashed() -> None:
    nsec3 = Nsec3(iterations=limits.NSEC3_ITERATIONS + 1, salt=b"\xff" * 255)
    async with house(hostile.closest_encloser(WALL, nsec3)) as home:
        found = await bill(home, f"{hostile.DEEP}evil. A")
        assert (found.rcode, found.status) == (Rcode.NXDOMAIN, Status.INSECURE)
        assert EdeCode.UNSUPPORTED_NSEC3_ITERATIONS in found.ede
        assert found.hashes <= CHAIN


@pytest.mark.rfc("CVE-2023-50868")
@pytest.mark.reaches("HASHES")
@trio_test
async def test_a_query_that_has_used_up_its_hashes_ends() -> None:
    """Many names of one zone would: here the whole is nearly empty to begin with."""
    async with house(hostile.closest_encloser(WALL)) as home:
        allowance = budget()
        assert allowance.whole.hashes == limits.HASHES
        allowance.whole.hashes = 50
        with pytest.raises(WorkExceeded, match="HASHES"):
            await home.resolver.resolve(question(f"{hostile.DEEP}evil. A"), allowance)
        assert allowance.whole.hashes == -1
        await honest_still_works(home)


@pytest.mark.reaches("BOGUS_RETRIES")
@trio_test
async def test_few_other_servers_are_asked_for_bogus_data(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if there were always another server that lies just so."""
    asked = []

    async def ask_others(evidence: object) -> bool:
        asked.append(evidence)
        return True

    async with house(hostile.signature_lists(WALL)) as home:
        with monkeypatch.context() as patch:
            patch.setattr(validation._Driver, "ask_others", ask_others)
            found = await bill(home, "www.evil. A")
        assert EdeCode.DNSSEC_BOGUS in found.ede
        assert len(asked) == limits.BOGUS_RETRIES
        await honest_still_works(home)


@pytest.mark.rfc("RFC 4035 §4.7", "RFC 4035 §5.5")
@trio_test
async def test_bogus_data_is_remembered_and_soon_looked_at_again() -> None:
    async with house(hostile.signature_lists(WALL)) as home:
        first = await bill(home, "www.evil. A")
        assert (first.rcode, first.checks > 0) == (None, True)
        again = await bill(home, "www.evil. A")
        assert (again.rcode, again.packets, again.checks) == (None, 0, 0)
        assert again.ede == first.ede
        await trio.sleep(limits.FAILURE_TTL_SECONDS + 1)
        later = await bill(home, "www.evil. A")
        assert later.checks > 0


@pytest.mark.reaches("SIGNATURES_PER_CHECKPOINT", "HASHES_PER_CHECKPOINT")
@trio_test
async def test_others_run_between_slices_of_the_work() -> None:
    for work, slice_size in (
        (Work(signatures=1), limits.SIGNATURES_PER_CHECKPOINT),
        (Work(hashes=1), limits.HASHES_PER_CHECKPOINT),
    ):
        checkpoint = validation._Checkpoint(budget())
        due = [checkpoint.is_due(work) for _ in range(2 * slice_size)]
        assert due == [*[False] * (slice_size - 1), True] * 2
