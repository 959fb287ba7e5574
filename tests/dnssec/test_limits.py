"""What a hostile zone can make us do, in checks and hashes (KeyTrap and its kin)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from resolver import limits
from resolver.dnssec.judge import judge
from resolver.dnssec.steps import Work
from resolver.model import RRset, Status, Verdict
from resolver.protocol import names
from resolver.protocol.codes import EdeCode, RRType
from resolver.protocol.rdata import key_tag
from tests.dnssec.world import Hashed, World, usual_world, usual_zone


def colliding_keys(key: bytes, count: int) -> list[bytes]:
    """Other keys of the same tag: octets that weigh the same in the sum are exchanged."""
    found = []
    for at in range(4, 4 + 2 * count, 2):
        changed = bytearray(key)
        changed[at], changed[at + 2] = changed[at + 2], changed[at]
        assert key_tag(bytes(changed)) == key_tag(key)
        found.append(bytes(changed))
    return found


@pytest.mark.reaches("SIGNATURES_PER_RRSET", "KEYS_PER_TAG")
@pytest.mark.rfc("CVE-2023-50387")
def test_keytrap_is_bounded() -> None:
    """CVE-2023-50387: many keys of one tag, many signatures that name it."""
    zone = usual_zone("example.").prepare_keys(13)
    zone.data[zone.apex, RRType.DNSKEY] += colliding_keys(
        zone.data[zone.apex, RRType.DNSKEY][0], 25
    )
    zone.sign()
    world = World(zone)
    outcome = world.outcome(names.from_text("www.example."), RRType.A)
    (rrset,) = outcome.answer
    bad = tuple(rrset.signatures[0][:-2] + number.to_bytes(2, "big") for number in range(2000))
    outcome.answer = (rrset._replace(signatures=bad),)
    judgement = world.judge_outcome(outcome)
    assert judgement.status is Status.BOGUS
    assert judgement.ede[0].code == EdeCode.DNSSEC_BOGUS
    assert world.signatures <= 2 * int(limits.SIGNATURES_PER_RRSET)


@pytest.mark.reaches("DS_PER_ZONE", "DS_MATCHES_PER_ZONE")
@pytest.mark.rfc("CVE-2023-50387")
def test_ds_digests_are_bounded() -> None:
    """Many DS records, all of the tag that many keys share."""
    child = usual_zone("child.test.").prepare_keys(13)
    key = child.data[child.apex, RRType.DNSKEY][0]
    child.data[child.apex, RRType.DNSKEY] += colliding_keys(key, 25)
    child.sign()
    fakes = [child.ds[0][:4] + bytes([n]) * 32 for n in range(40)]
    parent = usual_zone("test.").add("child.test.", "NS", "ns.test.")
    parent.data[child.apex, RRType.DS] = fakes
    world = World(parent.sign(), child)
    judgement = world.judge("www.child.test.")
    assert judgement.status is Status.BOGUS
    assert world.hashes <= 2 * int(limits.DS_MATCHES_PER_ZONE)


@pytest.mark.reaches("DENIALS_PER_RESPONSE")
@pytest.mark.rfc("CVE-2023-50868")
def test_a_response_full_of_nsec3_is_bounded() -> None:
    """CVE-2023-50868: many NSEC3 records, a name of many labels."""
    world = usual_world(hashed=Hashed(150, b"\xff" * 32))
    deep = "a." * 100 + "signed.test."
    outcome = world.outcome(names.from_text(deep), RRType.A)
    junk = next(one for one in outcome.authority if one.rtype == RRType.NSEC3)
    more = tuple(
        junk._replace(owner=names.prepend(b"%032d" % number, names.parent(junk.owner)))
        for number in range(500)
    )
    outcome.authority += more
    judgement = world.judge_outcome(outcome)
    assert judgement.status is Status.SECURE
    assert world.hashes <= 110
    assert world.signatures <= int(limits.DENIALS_PER_RESPONSE) + 10


def test_a_driver_may_stop_at_any_step() -> None:
    """Work is announced before it is done: who closes the generator pays for nothing more."""
    world = usual_world()
    outcome = world.outcome(names.from_text("www.signed.test."), RRType.A)
    steps = judge(outcome, world.context())
    step = next(steps)
    while not isinstance(step, Work):
        step = steps.send({need: world.find(need) for need in step})
    steps.close()
    assert len(world.keystore) == 0
    assert world.judge("www.signed.test.").status is Status.SECURE


def test_hundreds_of_answers_in_one_any() -> None:
    """Each RRset has its own bound; the driver's budget ends the sum."""
    world = usual_world()
    outcome = world.outcome(names.from_text("www.signed.test."), RRType.ANY)
    (first, *_) = outcome.answer
    bad = first._replace(signatures=(first.signatures[0][:-1] + b"?",) * 50)
    outcome = replace(
        outcome,
        verdict=Verdict.ANSWER,
        answer=tuple(
            RRset(bad.owner, 65_000 + n, 60, bad.rdatas, bad.signatures) for n in range(99)
        ),
    )
    assert world.judge_outcome(outcome).status is Status.BOGUS
    assert world.signatures < 20
