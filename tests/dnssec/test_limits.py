"""What a hostile zone can make us do, in checks and hashes (KeyTrap and its kin)."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest

from resolver import limits
from resolver.dnssec import signature, trust_chain
from resolver.dnssec.keystore import KeyStore, ZoneTrust
from resolver.dnssec.steps import Work
from resolver.dnssec.validator import validate
from resolver.model import Link, RRset, Status, Verdict
from resolver.protocol import names
from resolver.protocol.codes import EdeCode, RRType
from resolver.protocol.rdata_fields import key_tag
from tests.dnssec.signed_worlds import World, usual_world, usual_zone
from tests.dnssec.signed_zones import Hashed
from tests.support import set_limit


def colliding_keys(key: bytes, count: int) -> list[bytes]:
    """Other keys of the same tag: octets that weigh the same in the sum are exchanged."""
    found: list[bytes] = []
    for at, other in itertools.combinations(range(4, len(key)), 2):
        if at % 2 == other % 2 and key[at] != key[other]:
            changed = bytearray(key)
            changed[at], changed[other] = key[other], key[at]
            assert key_tag(bytes(changed)) == key_tag(key)
            if len(found) < count and bytes(changed) not in found:
                found.append(bytes(changed))
    return found


@pytest.mark.reaches("SIGNATURES_PER_RRSET")
@pytest.mark.rfc("CVE-2023-50387")
def test_keytrap_is_bounded() -> None:
    """CVE-2023-50387: many keys of one tag, many signatures that name it."""
    zone = usual_zone("example.").prepare_keys(13)
    zone.data[zone.apex, RRType.DNSKEY] += colliding_keys(
        zone.data[zone.apex, RRType.DNSKEY][0], 25
    )
    zone.sign()
    world = World(zone)
    link = world.link(names.from_text("www.example."), RRType.A)
    (rrset,) = link.answer
    bad = tuple(rrset.signatures[0][:-2] + number.to_bytes(2, "big") for number in range(2000))
    link.answer = (rrset._replace(signatures=bad),)
    validated = world.validate_link(link)
    assert validated.status is Status.BOGUS
    assert validated.ede[0].code == EdeCode.DNSSEC_BOGUS
    keys_of_its_own = 1
    assert world.signatures == keys_of_its_own + limits.SIGNATURES_PER_RRSET


@pytest.mark.reaches("KEYS_PER_TAG")
@pytest.mark.rfc("RFC 4034 App. B")
@pytest.mark.parametrize(
    ("before", "status"),
    [
        (limits.KEYS_PER_TAG - 1, Status.SECURE),
        (limits.KEYS_PER_TAG, Status.BOGUS),
    ],
)
def test_the_right_key_is_found_among_those_of_its_tag(
    before: int, status: Status, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A tag is a hint, not a name: each key that has it is tried, in the order they came."""
    set_limit(monkeypatch, signature, "SIGNATURES_PER_RRSET", 100)
    child = usual_zone("child.test.").prepare_keys(13)
    keys = child.data[child.apex, RRType.DNSKEY]
    keys[:0] = colliding_keys(keys[0], before)
    parent = usual_zone("test.").add("child.test.", "NS", "ns.test.")
    parent.data[child.apex, RRType.DS] = list(child.sign().ds)
    world = World(parent.sign(), child)
    assert world.validate("www.child.test.").status is status
    assert world.signatures <= 6 * limits.SIGNATURES_PER_RRSET


@pytest.mark.reaches("DS_PER_ZONE")
@pytest.mark.parametrize(
    ("before", "status"),
    [(limits.DS_PER_ZONE - 1, Status.SECURE), (limits.DS_PER_ZONE, Status.BOGUS)],
)
def test_few_ds_records_are_looked_at(before: int, status: Status) -> None:
    """The key may be that of the last one; those before it are of keys that are not there."""
    child = usual_zone("child.test.").prepare_keys(13).sign()
    (good,) = child.ds
    others = [bytes([good[0] ^ 1, n]) + good[2:] for n in range(before)]
    parent = usual_zone("test.").add("child.test.", "NS", "ns.test.")
    parent.data[child.apex, RRType.DS] = [*others, good]
    assert World(parent.sign(), child).validate("www.child.test.").status is status


@pytest.mark.reaches("DS_MATCHES_PER_ZONE")
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
    validated = world.validate("www.child.test.")
    assert validated.status is Status.BOGUS
    for_the_parent = 1
    assert world.hashes == for_the_parent + limits.DS_MATCHES_PER_ZONE


@pytest.mark.reaches("DENIALS_PER_RESPONSE")
@pytest.mark.rfc("CVE-2023-50868")
def test_a_response_full_of_nsec3_is_bounded() -> None:
    """CVE-2023-50868: many NSEC3 records, a name of many labels."""
    world = usual_world(hashed=Hashed(150, b"\xff" * 32))
    deep = "a." * 100 + "signed.test."
    link = world.link(names.from_text(deep), RRType.A)
    junk = next(one for one in link.authority if one.rtype == RRType.NSEC3)
    more = tuple(
        junk._replace(owner=names.prepend(b"%032d" % number, names.parent(junk.owner)))
        for number in range(500)
    )
    link.authority += more
    validated = world.validate_link(link)
    assert validated.status is Status.SECURE
    assert world.hashes <= 110
    for_the_chain = 5  # keys and DS of the zones above, and its own keys
    assert world.signatures == for_the_chain + limits.DENIALS_PER_RESPONSE


def test_a_driver_may_stop_at_any_step() -> None:
    """Work is announced before it is done: who closes the generator pays for nothing more."""
    world = usual_world()
    link = world.link(names.from_text("www.signed.test."), RRType.A)
    steps = validate(link, world.context())
    step = next(steps)
    while not isinstance(step, Work):
        step = steps.send({need: world.find(need) for need in step})
    steps.close()
    assert len(world.keystore) == 0
    assert world.validate("www.signed.test.").status is Status.SECURE


def test_hundreds_of_answers_in_one_any() -> None:
    """Each RRset has its own bound; the driver's budget ends the sum."""
    world = usual_world()
    link = world.link(names.from_text("www.signed.test."), RRType.ANY)
    (first, *_) = link.answer
    bad = first._replace(signatures=(first.signatures[0][:-1] + b"?",) * 50)
    link = replace(
        link,
        verdict=Verdict.ANSWER,
        answer=tuple(
            RRset(bad.owner, 65_000 + n, 60, bad.rdatas, bad.signatures) for n in range(99)
        ),
    )
    assert world.validate_link(link).status is Status.BOGUS
    assert world.signatures < 20


@pytest.mark.reaches("RRSIGS_PER_RRSET")
def test_signatures_that_no_key_made_are_not_looked_at_for_ever() -> None:
    """They cost no check, but reading them is work too."""
    for count, status in (
        (limits.RRSIGS_PER_RRSET - 1, Status.SECURE),
        (limits.RRSIGS_PER_RRSET, Status.BOGUS),
    ):
        world = usual_world()
        link = world.link(names.from_text("www.signed.test."), RRType.A)
        (rrset,) = link.answer
        (good,) = rrset.signatures
        tag = int.from_bytes(good[16:18], "big")
        others = tuple(
            good[:16] + (tag + 1 + n & 0xFFFF).to_bytes(2, "big") + good[18:] for n in range(count)
        )
        link.answer = (rrset._replace(signatures=(*others, good)),)
        assert world.validate_link(link).status is status


@pytest.mark.reaches("SIGNERS_PER_RRSET")
def test_few_names_are_followed_that_claim_to_have_signed() -> None:
    """Each would cost a chain of its own."""
    world = usual_world()
    link = world.link(names.from_text("deep.ent.signed.test."), RRType.TXT)
    (rrset,) = link.answer
    forged = tuple(
        signature
        for apex in ("deep.ent.signed.test.", "ent.signed.test.")
        for signature in usual_zone(apex)
        .sign()
        .signed_rrset(rrset.owner, RRType.TXT, list(rrset.rdatas))
        .signatures
    )
    fewer = forged[: limits.SIGNERS_PER_RRSET - 1]
    for claimed, status in ((fewer, Status.SECURE), (forged, Status.BOGUS)):
        link.answer = (rrset._replace(signatures=claimed + rrset.signatures),)
        assert world.validate_link(link).status is status


@pytest.mark.reaches("CHAIN_LINKS")
def test_a_chain_of_too_many_zones_is_bogus(monkeypatch: pytest.MonkeyPatch) -> None:
    set_limit(monkeypatch, trust_chain, "CHAIN_LINKS", 2)
    world = usual_world()
    link = world.link(names.from_text("www.plain.test."), RRType.A)
    validated = world.validate_link(link)
    assert validated.status is Status.BOGUS
    assert "too long" in validated.sentence


@pytest.mark.reaches("TRUST_TTL_SECONDS")
def test_keys_are_fetched_again_however_long_their_ttl(monkeypatch: pytest.MonkeyPatch) -> None:
    set_limit(monkeypatch, trust_chain, "TRUST_TTL_SECONDS", 60)
    world = usual_world()
    assert world.validate("www.signed.test.").status is Status.SECURE
    world.now = 59.0
    world.validate("www.signed.test.")
    assert not world.asked
    world.now = 60.0
    world.validate("www.signed.test.")
    assert world.asked


@pytest.mark.reaches("BOGUS_TTL_SECONDS")
def test_a_bogus_zone_is_tried_again_after_a_while() -> None:
    def spoil(link: Link) -> Link:
        if link.question[:2] != (names.from_text("signed.test."), RRType.DNSKEY):
            return link
        bad = tuple(one._replace(rdatas=(b"\1\1\3\r" + bytes(64),)) for one in link.answer)
        return replace(link, answer=bad)

    world = usual_world(spoil=spoil)
    assert world.validate("www.signed.test.").status is Status.BOGUS
    world.spoil = None
    world.now = limits.BOGUS_TTL_SECONDS - 1
    assert world.validate("www.signed.test.").status is Status.BOGUS
    world.now += 1
    assert world.validate("www.signed.test.").status is Status.SECURE


@pytest.mark.reaches("TRUSTED_ZONES")
def test_the_key_store_is_bounded() -> None:
    store = KeyStore()
    for at in range(limits.TRUSTED_ZONES + 10):
        store.put(ZoneTrust(b"\4%04x\0" % at, Status.INSECURE, expires_at=60.0))
    assert len(store) == limits.TRUSTED_ZONES
    assert store.get(b"\0040000\0", 1.0) is None
