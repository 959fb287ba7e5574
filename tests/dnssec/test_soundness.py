"""Replay is all an attacker has: whatever genuine records come together, nothing false is secure.

Answers are made up at random from records that the zones really signed (their data, their NSEC and
NSEC3 records, wildcards under other names). Whatever the validator calls secure must be what the
zones would have said themselves; INSECURE is allowed only below the unsigned delegation or where
opt-out or a waiver leaves room for one.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest

from resolver.model import Link, Question, RRset, Status, Verdict
from resolver.protocol import names
from resolver.protocol.codes import Rcode, RRType
from tests.dnssec.signed_worlds import World, usual_world
from tests.dnssec.signed_zones import Hashed
from tests.support import examples

if TYPE_CHECKING:
    from resolver.model import Name

ROUNDS = examples(1000)
pytestmark = pytest.mark.heavy
HEADS = ["www", "alias", "ent", "deep.ent", "x.deep.ent", "tree", "x.tree", "wild", "a.wild"]
HEADS += ["b.a.wild", "*.wild", "cwild", "a.cwild", "ns", "no", "x.no", "zz", "x.www", "*", "aa.ns"]
ZONES = ["signed.test.", "test.", "plain.test.", "plain2.test.", "hidden.plain2.test."]
QTYPES = [RRType.A, RRType.MX, RRType.TXT, RRType.DS, RRType.NS, RRType.CNAME, RRType.SOA]
DENIALS = (RRType.NSEC, RRType.NSEC3)


class Replayer:
    """Makes up links from what *world* signed."""

    def __init__(self, world: World, seed: int) -> None:
        self.world = world
        self.rng = random.Random(seed)
        self.signed = [one for zone in world.zones.values() for one in zone.signed.values()]
        self.denials = [one for one in self.signed if one.rtype in DENIALS]
        self.soas = [one for one in self.signed if one.rtype == RRType.SOA]
        self.names = [*ZONES, *(f"{head}.{zone}" for head in HEADS for zone in ZONES)]

    def question(self) -> Question:
        return Question(names.from_text(self.rng.choice(self.names)), self.rng.choice(QTYPES))

    def denial(self) -> Link:
        question = self.question()
        real = self.world.link(*question[:2]).authority
        count = self.rng.randint(0, 4)
        authority = [*self.rng.sample(self.denials, count), *self._some(real)]
        other = self.world.link(*self.question()[:2]).authority
        authority += [one for one in self._some(other) if one.rtype in DENIALS]
        if self.rng.random() < 0.3:
            authority.append(self.rng.choice(self.soas))
        verdict = self.rng.choice((Verdict.NODATA, Verdict.NXDOMAIN))
        rcode = Rcode.NXDOMAIN if verdict is Verdict.NXDOMAIN else Rcode.NOERROR
        zone = self._zone(question.qname)
        return Link(question, zone, verdict, rcode, (), _unique(authority))

    def answer(self) -> Link:
        """Real data, often at a name or of a wildcard that is not its own."""
        question = self.question()
        data = [one for one in self.signed if one.rtype in (question.qtype, RRType.CNAME)]
        rrset = self.rng.choice(data)._replace(owner=question.qname)
        authority = self._some(self.world.link(*question[:2]).authority)
        authority += self.rng.sample(self.denials, self.rng.randint(0, 4))
        verdict = Verdict.ANSWER if rrset.rtype == question.qtype else Verdict.CNAME
        zone = self._zone(question.qname)
        return Link(question, zone, verdict, 0, (rrset,), _unique(authority))

    def _some(self, rrsets: tuple[RRset, ...]) -> list[RRset]:
        return [one for one in rrsets if self.rng.random() < 0.7]

    def _zone(self, qname: Name) -> Name:
        apexes = [up for up in names.ancestors(qname) if up in self.world.zones]
        return self.rng.choice(apexes)


def _unique(rrsets: list[RRset]) -> tuple[RRset, ...]:
    return tuple({(one.owner, one.rtype): one for one in rrsets}.values())


def may_be_insecure(question: Question) -> bool:
    """True if the question lies below an unsigned delegation."""
    scope = names.parent(question.qname) if question.qtype == RRType.DS else question.qname
    unsigned = ("plain.test.", "hidden.plain2.test.")
    return any(names.is_subdomain(scope, names.from_text(zone)) for zone in unsigned)


@pytest.mark.parametrize(
    "hashed",
    [
        pytest.param(None, id="nsec"),
        pytest.param(Hashed(0, b""), id="nsec3"),
        pytest.param(Hashed(1, b"\x01", opt_out=True), id="optout"),
    ],
)
def test_replayed_records_prove_nothing_false(hashed: Hashed | None) -> None:
    world = usual_world(hashed=hashed)
    replayer = Replayer(world, seed=4035)
    secure = 0
    for number in range(ROUNDS):
        link = replayer.answer() if number % 3 == 0 else replayer.denial()
        validated = world.validate_link(link)
        real = world.link(*link.question[:2])
        told = (names.to_text(link.question.qname), link.question.qtype, link.verdict)
        if validated.status is Status.SECURE:
            secure += 1
            verdict = Verdict.NODATA if validated.is_nodata else link.verdict
            assert verdict is real.verdict, (told, real.verdict)
            assert [one.rdatas for one in link.answer] == [one.rdatas for one in real.answer]
        elif validated.status is Status.INSECURE and not (hashed and hashed.opt_out):
            assert may_be_insecure(link.question), told
        else:
            assert validated.status in (Status.BOGUS, Status.INSECURE), told
    assert secure > ROUNDS / 50  # enough to tell
