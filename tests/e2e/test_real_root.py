"""Popular names through the real root on real servers: right, validated, and cached.

`python -m bench.realworld` does the same with all 10,000 names and prints its table.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bench.realworld import run, tree
from tests.e2e import daemon

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bench.realworld.root_world import RealWorld

pytestmark = [pytest.mark.netns, pytest.mark.timeout(240)]
NAMES = 500


@pytest.fixture(scope="module")
def world() -> Iterator[RealWorld]:
    with daemon.real_world(NAMES) as it:
        daemon.start(it)
        yield it


def test_the_whole_root_is_served(world: RealWorld) -> None:
    """All TLDs of the real root, on the addresses that its glue names."""
    root = world.world.zones[tree.ROOT_TIER]["."]
    delegated = root.cuts()
    assert len(delegated) == 1438
    assert all(world.world.zone(apex) is not None for apex in delegated)
    served = set().union(*(site.addresses for site in world.sites))
    glue = {
        rdata for (_, kind), all_ in root.rrsets.items() if kind in {"A", "AAAA"} for rdata in all_
    }
    assert glue <= served
    assert {site.software for site in world.sites} == {"knot", "powerdns", "nsd", "bind"}


@pytest.mark.rfc("RFC 1034 §5.3.3")
@pytest.mark.rfc("RFC 4035 §3.2.3")
@pytest.mark.rfc("RFC 4035 §5.2")
def test_popular_names_resolve_and_stay(world: RealWorld) -> None:
    """Every answer equals what the authorities hold; asked again, no packet goes upstream."""
    questions = [(name, "A") for name in world.world.names]
    first = run.one_pass(world, questions, validates=True)
    again = run.one_pass(world, questions, validates=True)
    assert first.wrong == []
    assert again.wrong == []
    assert again.sent == 0


@pytest.mark.rfc("RFC 4035 §5.2")
def test_every_tld_is_reached_and_judged(world: RealWorld) -> None:
    """1438 TLDs at their real addresses: 1349 signed ones secure, the others provably not."""
    tlds = sorted(world.world.zones[tree.ROOT_TIER]["."].cuts())
    outcome = run.one_pass(world, [(tld, "NS") for tld in tlds], validates=True)
    assert outcome.asked == 1438
    assert outcome.wrong == []


@pytest.mark.rfc("RFC 2308 §5")
@pytest.mark.rfc("RFC 1034 §3.6.2")
@pytest.mark.rfc("RFC 4035 §3.2.3")
@pytest.mark.rfc("RFC 5155 §9.2")
def test_other_types_aliases_and_absent_names(world: RealWorld) -> None:
    """Aliases into wildcards, AAAA that are there or not, names that do not exist."""
    some = world.world.names[:100]
    questions = [
        *(("www." + name, "A") for name in some),
        *((name, "AAAA") for name in some),
        *((name, "MX") for name in some),
        *(("absent." + name, "A") for name in some),
        *((f"absent-{index}.{tld}.", "A") for index, tld in enumerate(("com", "net", "de", "uk"))),
        *((f"absent-tld-{index}.", "A") for index in range(10)),
    ]
    first = run.one_pass(world, questions, validates=True)
    again = run.one_pass(world, questions, validates=True)
    assert first.wrong == []
    assert again.wrong == []
    assert again.sent == 0
