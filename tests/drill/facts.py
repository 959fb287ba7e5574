"""Small Internets as the facts of a drill: what the tests of it share."""

from __future__ import annotations

from resolver.drill.facts import Asked, Cut, Fact, Facts, Index, Trust
from resolver.drill.outlook import Features, Outlook, Terms
from resolver.protocol import names
from resolver.protocol.codes import RRType

DAY = 86_400.0
NOTHING = Features(local_root=False, keeps_warm=False, stale_s=0.0)
STALE = NOTHING._replace(stale_s=3 * DAY)
NEAR, FAR = "192.0.2.1", "198.51.100.1"
name = names.from_text


def cut(zone: str, *hosts: str, left_s: float = DAY, ttl: float = 2 * DAY, **more: bool) -> Cut:
    """Its one nameserver is below it, with *hosts* for glue."""
    owner = name(zone)
    return Cut(owner, (names.prepend(b"ns", owner),), (hosts,), left_s=left_s, ttl=ttl, **more)


def without_glue(zone: str, nameserver: str, *, left_s: float = DAY) -> Cut:
    return Cut(name(zone), (name(nameserver),), ((),), left_s=left_s, ttl=2 * DAY)


def root(*hosts: str) -> Cut:
    return Cut(names.ROOT, (name("a.root-servers."),), (hosts,), is_fixed=True)


def answer(text: str, *, left_s: float = 300.0, zone: str = "", **more: object) -> Fact:
    owner = name(text)
    of = name(zone) if zone else names.parent(owner)
    return Fact(owner, RRType.A, left_s, 300.0, of, **more)  # type: ignore[arg-type]


def asked(text: str, rtype: int = RRType.A) -> Asked:
    return Asked(name(text), rtype)


def index(*found: Cut | Fact | Trust) -> Index:
    facts = Facts()
    for one in found:
        kept: list[object] = {Cut: facts.cuts, Fact: facts.facts, Trust: facts.trusts}[type(one)]  # type: ignore[assignment]
        kept.append(one)
    return Index([facts])


def outlook(
    known: Index, *wanted: Asked, features: Features = NOTHING, terms: Terms | None = None
) -> Outlook:
    """Only NEAR answers; settled for *wanted*."""
    made = Outlook(known, terms or Terms(frozenset({NEAR}), features), features)
    made.settle(wanted)
    return made
