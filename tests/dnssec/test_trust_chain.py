"""How the chain finds its way: hidden cuts, aliases at cuts, forwarders, lying servers."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from resolver import limits
from resolver.model import Link, RRset, Server, Status, Verdict
from resolver.protocol import names
from resolver.protocol.codes import EdeCode, RRType
from resolver.protocol.rdata_fields import bitmap_of
from tests.dnssec.signed_worlds import World, unsigned, usual_world, usual_zone

if TYPE_CHECKING:
    from resolver.dnssec.steps import Need
    from tests.dnssec.signed_zones import Zone

TEST = names.from_text("test.")


def from_above(world: World, text: str, qtype: int = RRType.A) -> Link:
    """The answer as one server of test. and of all below it would give it: no cut is seen."""
    return replace(world.link(names.from_text(text), qtype), zone=TEST)


def nested(*, is_signed: bool) -> World:
    """test. delegates deep.hidden.test., two labels down; both live on one server."""
    child = usual_zone("deep.hidden.test.")
    test = usual_zone("test.").add("deep.hidden.test.", "NS", "ns.test.")
    if is_signed:
        test.add_ds(child.sign())
    test.sign()
    root = usual_zone(".").add("test.", "NS", "ns.test.").add_ds(test).sign()
    return World(root, test, child)


def test_an_unsigned_zone_hidden_behind_a_signed_one_is_found() -> None:
    """Label by label below the cut that is known; the empty non-terminal is no cut."""
    world = nested(is_signed=False)
    validated = world.validate_link(from_above(world, "www.deep.hidden.test."))
    assert validated.status is Status.INSECURE
    assert world.questions() == [
        (".", RRType.DNSKEY),
        ("test.", RRType.DS),
        ("test.", RRType.DNSKEY),
        ("hidden.test.", RRType.DS),
        ("deep.hidden.test.", RRType.DS),
    ]


def test_the_soa_of_a_denial_shows_where_the_cut_may_be() -> None:
    world = nested(is_signed=False)
    validated = world.validate_link(from_above(world, "www.deep.hidden.test.", RRType.MX))
    assert validated.status is Status.INSECURE
    assert ("hidden.test.", RRType.DS) not in world.questions()


def test_a_signed_zone_hidden_behind_another_needs_no_hint() -> None:
    world = nested(is_signed=True)
    validated = world.validate_link(from_above(world, "www.deep.hidden.test."))
    assert validated.status is Status.SECURE
    assert ("hidden.test.", RRType.DS) not in world.questions()


def test_a_forwarders_view_is_enough() -> None:
    """Nothing is known of cuts when somebody else resolves."""
    world = usual_world()
    for text, expected in (
        ("www.signed.test.", Status.SECURE),
        ("nothing.signed.test.", Status.SECURE),
        ("www.plain.test.", Status.INSECURE),
        ("nothing.plain.test.", Status.INSECURE),
    ):
        link = replace(world.link(names.from_text(text), RRType.A), zone=names.ROOT)
        assert world.validate_link(link).status is expected, text


def test_signatures_by_a_name_that_is_no_zone_are_bogus() -> None:
    """An attacker cannot pick a signer that makes data insecure."""
    world = usual_world()
    fake = usual_zone("www.signed.test.").sign()
    link = world.link(names.from_text("www.signed.test."), RRType.A)
    forged = fake.signed_rrset(link.question.qname, RRType.A, [b"\1\2\3\4"])
    link.answer = (forged,)
    validated = world.validate_link(link)
    assert validated.status is Status.BOGUS
    assert "is no zone" in validated.sentence


def test_a_second_signer_that_is_right_saves_the_answer() -> None:
    world = usual_world()
    link = world.link(names.from_text("www.signed.test."), RRType.A)
    fake = usual_zone("www.signed.test.").sign()
    (rrset,) = link.answer
    forged = fake.signed_rrset(rrset.owner, RRType.A, list(rrset.rdatas))
    link.answer = (rrset._replace(signatures=forged.signatures + rrset.signatures),)
    assert world.validate_link(link).status is Status.SECURE


def test_an_alias_at_the_name_of_a_ds_is_no_cut() -> None:
    """val_ds_cnamesub: sub.alias.test. is a zone though alias.test. is an alias."""
    child = usual_zone("sub.alias.test.")
    test = usual_zone("test.").add("sub.alias.test.", "NS", "ns.test.").sign()
    world = World(test, child)
    validated = world.validate_link(from_above(world, "www.sub.alias.test."))
    assert validated.status is Status.INSECURE
    assert ("alias.test.", RRType.DS) in world.questions()


def test_an_unsigned_alias_at_the_name_of_a_ds_ends_in_bogus() -> None:
    world = usual_world()
    good = world.find

    def find(need: Need) -> Link | None:
        link = good(need)
        return link and unsigned(link) if need.rtype == RRType.DS else link

    world.find = find  # type: ignore[method-assign]
    link = unsigned(world.link(names.from_text("alias.signed.test."), RRType.A))
    validated = world.validate_link(link)
    assert validated.status is Status.BOGUS
    assert validated.sentence


@pytest.mark.reaches("CHAIN_RETRIES")
def test_other_servers_are_asked_a_bounded_number_of_times() -> None:
    world = usual_world()
    good, asked = world.find, []

    def find(need: Need) -> Link | None:
        link = good(need._replace(tries=0, avoid=()))
        if need.rtype != RRType.DNSKEY or need.name != TEST or link is None:
            return link
        asked.append(need)
        bad = tuple(one._replace(rdatas=one.rdatas[:0]) for one in link.answer)
        return replace(link, answer=bad, server=Server(f"192.0.2.{len(asked)}"))

    world.find = find  # type: ignore[method-assign]
    assert world.validate("www.signed.test.").status is Status.BOGUS
    tries = 1 + limits.CHAIN_RETRIES
    assert [need.tries for need in asked] == list(range(tries))
    assert [server.host for server in asked[2].avoid] == ["192.0.2.1", "192.0.2.2"]
    # and then for a while it is known
    assert world.validate("www.signed.test.").status is Status.BOGUS
    assert len(asked) == tries


def test_compact_denial() -> None:
    """RFC 9824: an NSEC at the very name, its types RRSIG, NSEC and NXNAME."""
    zone: Zone = usual_zone("example.").sign()
    world = World(zone)
    qname = names.from_text("nothing.example.")
    types = {RRType.RRSIG, RRType.NSEC, RRType.NXNAME}
    after = names.prepend(b"\0", qname)
    proof = zone.signed_rrset(qname, RRType.NSEC, [after + bitmap_of(types)])
    denial = replace(zone.answer(names.from_text("ns.example."), RRType.MX))
    denial.question = denial.question._replace(qname=qname)
    denial.authority = (zone.soa(), proof)
    assert world.validate_link(denial).status is Status.SECURE
    assert world.validate_link(replace(denial, verdict=Verdict.NXDOMAIN)).status is Status.SECURE
    without = zone.signed_rrset(qname, RRType.NSEC, [after + bitmap_of(types - {RRType.NXNAME})])
    denial.authority = (zone.soa(), without)
    assert world.validate_link(denial).status is Status.SECURE
    validated = world.validate_link(replace(denial, verdict=Verdict.NXDOMAIN))
    assert (validated.status, validated.is_nodata) == (Status.SECURE, True)


@pytest.mark.parametrize("bits", [0x0001, 0x0181])
def test_a_key_that_must_not_sign_is_named(bits: int) -> None:
    """No ZONE flag (EDE 11); revoked (RFC 5011)."""
    zone = usual_zone("example.").prepare_keys(13)
    private, public = zone.keys[0]
    flawed = public.replace(flags=bits)
    zone.keys = [(private, public)]
    world = World(zone)
    octets = bytes(flawed.to_wire())
    zone.data[zone.apex, RRType.DNSKEY].append(octets)
    zone.sign()
    zone.keys = [(private, flawed)]
    rrset = zone.signed_rrset(names.from_text("www.example."), RRType.A, [b"\1\2\3\4"])
    link = replace(zone.answer(rrset.owner, RRType.A), answer=(rrset,))
    validated = world.validate_link(link)
    assert validated.status is Status.BOGUS
    expected = EdeCode.NO_ZONE_KEY_BIT if bits == 1 else EdeCode.DNSSEC_BOGUS
    assert validated.ede[0].code == expected


def test_anchors_that_change_empty_the_key_store() -> None:
    world = usual_world()
    world.validate("www.signed.test.")
    assert len(world.keystore) == 3
    world.anchors.add_negative(names.from_text("x."), 0.0)
    world.validate("www.signed.test.")
    assert (".", RRType.DNSKEY) in world.questions()


def test_unattached_signatures_prove_nothing() -> None:
    """The answer to an RRSIG query cannot be validated."""
    world = usual_world()
    rrset = world.link(names.from_text("www.signed.test."), RRType.A).answer[0]
    loose = RRset(rrset.owner, RRType.RRSIG, 60, rrset.signatures)
    link = world.link(rrset.owner, RRType.A)
    link.answer = (loose,)
    assert world.validate_link(link).status is Status.INDETERMINATE
