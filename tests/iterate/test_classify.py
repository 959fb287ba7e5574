"""What a reply is, seen from the cut that was asked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from resolver.iterate.classify import classify
from resolver.model import Link, Server, Verdict
from resolver.protocol.codes import Flag, Rcode, RRType
from tests.making import name, question, reply

if TYPE_CHECKING:
    from resolver.upstream.request import Classified

SERVER = Server("192.0.2.1")
SIGNATURE = "13 2 60 20300101000000 20260101000000 1 example. AAAA"
SOA = "example. 300 SOA ns.example. root.example. 1 2 3 4 60"


def classified(
    asked: str, zone: str = "example.", *, is_forward: bool = False, **sections: object
) -> Classified:
    message = reply(asked, **sections)  # type: ignore[arg-type]
    return classify(message, question(asked), name(zone), server=SERVER, is_forward=is_forward)


def links(found: Classified) -> tuple[Link, ...]:
    assert found.referral is None
    return found.links


def test_an_answer_is_one_link() -> None:
    found = classified("www.example. A", answer=["www.example. 60 A 192.0.2.9"], flags=Flag.AA)
    assert found.verdict is Verdict.ANSWER
    (outcome,) = links(found)
    assert outcome.answer[0].rdatas == (bytes([192, 0, 2, 9]),)


@pytest.mark.rfc("RFC 2181 §5.4.1 behind an alias")
@pytest.mark.parametrize("rcode", [Rcode.NOERROR, Rcode.NXDOMAIN])
def test_behind_an_alias_nothing_unsigned_is_believed(rcode: int) -> None:
    """What follows may lie below a cut: neither data nor denial of it is the server's to give."""
    data = [] if rcode else ["b.example. 60 A 192.0.2.9"]
    found = classified(
        "a.example. A",
        answer=["a.example. 60 CNAME b.example.", *data],
        authority=[SOA],
        rcode=rcode,
        flags=Flag.AA,
    )
    assert [one.verdict for one in links(found)] == [Verdict.CNAME]
    assert links(found)[0].rcode == Rcode.NOERROR


@pytest.mark.parametrize("target", ["example.", "b.example."])
def test_no_cut_fits_between_an_alias_and_the_name_above_it(target: str) -> None:
    """`www` to the apex, most common of all: the data is the zone's where the alias is."""
    found = classified(
        "a.b.example. A",
        answer=[f"a.b.example. 60 CNAME {target}", f"{target} 60 A 192.0.2.9"],
        flags=Flag.AA,
    )
    assert [one.verdict for one in links(found)] == [Verdict.CNAME, Verdict.ANSWER]


def test_a_denial_of_the_apex_behind_an_alias_is_not_believed() -> None:
    """As all peers do, the target is asked: some servers put the zone's SOA behind any alias."""
    found = classified(
        "www.example. AAAA",
        answer=["www.example. 60 CNAME example."],
        authority=[SOA],
        flags=Flag.AA,
    )
    assert [one.verdict for one in links(found)] == [Verdict.CNAME]


def test_behind_an_alias_what_is_signed_is_left_to_the_validator() -> None:
    found = classified(
        "a.example. A",
        answer=[
            "a.example. 60 CNAME b.example.",
            "b.example. 60 A 192.0.2.9",
            f"b.example. 60 RRSIG A {SIGNATURE}",
        ],
    )
    assert [one.verdict for one in links(found)] == [Verdict.CNAME, Verdict.ANSWER]


@pytest.mark.rfc("RFC 1034 §4.3.2")
def test_each_link_that_a_forwarder_followed_is_a_link() -> None:
    found = classified(
        "a.example. A",
        answer=["a.example. 60 CNAME b.example.", "b.example. 60 A 192.0.2.9"],
        is_forward=True,
    )
    assert [one.verdict for one in links(found)] == [Verdict.CNAME, Verdict.ANSWER]
    assert links(found)[1].question == question("b.example. A")


@pytest.mark.rfc("RFC 5452 §6")
def test_a_chain_that_leaves_the_zone_ends_there() -> None:
    """What the server says of another zone's name is not believed."""
    found = classified(
        "a.example. A",
        answer=["a.example. 60 CNAME www.victim.", "www.victim. 60 A 192.0.2.66"],
    )
    assert [one.verdict for one in links(found)] == [Verdict.CNAME]


@pytest.mark.rfc("RFC 4035 §5.2")
@pytest.mark.parametrize("is_forward", [True, False])
def test_the_proof_of_a_cut_beside_an_alias_goes_with_its_target(*, is_forward: bool) -> None:
    """It is no denial, and answers nothing: the target is asked all the same."""
    found = classified(
        "a.example. A",
        answer=["a.example. 60 CNAME www.child.example."],
        authority=[
            "child.example. 60 NS ns.child.example.",
            "child.example. 60 NSEC d.example. NS RRSIG NSEC",
            f"child.example. 60 RRSIG NSEC {SIGNATURE}",
        ],
        flags=Flag.AA,
        is_forward=is_forward,
    )
    alias, beside = links(found)
    assert (alias.verdict, beside.verdict) == (Verdict.CNAME, Verdict.REFERRAL)
    assert beside.question == question("www.child.example. A")
    assert [rrset.rtype for rrset in beside.authority] == [RRType.NSEC]


@pytest.mark.rfc("RFC 6604 §3")
def test_nxdomain_behind_an_alias_is_the_last_names() -> None:
    found = classified(
        "a.example. A",
        answer=["a.example. 60 CNAME b.example."],
        authority=[SOA],
        rcode=Rcode.NXDOMAIN,
        is_forward=True,
    )
    first, last = links(found)
    assert (first.rcode, last.rcode) == (Rcode.NOERROR, Rcode.NXDOMAIN)
    assert last.question == question("b.example. A")


@pytest.mark.rfc("RFC 6672 §2.2")
def test_dname_makes_its_cname_itself() -> None:
    """The CNAME that the server sends along is not looked at; ours has the DNAME's TTL."""
    found = classified(
        "www.old.example. A",
        answer=[
            "old.example. 77 DNAME new.example.",
            "www.old.example. 5 CNAME evil.example.",
        ],
    )
    outcome = links(found)[0]
    assert outcome.verdict is Verdict.DNAME
    assert outcome.answer[1].rdatas == (name("www.new.example."),)
    assert outcome.answer[1].ttl == 77


@pytest.mark.rfc("RFC 6672 §3.2; RFC 1034 §4.3.2")
def test_a_cname_asked_for_below_a_dname_is_the_dnames() -> None:
    """The CNAME alone, without signature and TTL of its own, would be kept as data of the zone."""
    found = classified(
        "www.old.example. CNAME",
        answer=[
            "old.example. 77 DNAME new.example.",
            "www.old.example. 77 CNAME www.new.example.",
        ],
        authority=[SOA],
        rcode=Rcode.NXDOMAIN,
    )
    (outcome,) = links(found)
    assert outcome.verdict is Verdict.DNAME
    assert [rrset.rtype for rrset in outcome.answer] == [RRType.DNAME, RRType.CNAME]


@pytest.mark.rfc("RFC 6672 §2.2")
def test_dname_that_makes_too_long_a_name_is_yxdomain() -> None:
    label = "x" * 60
    found = classified(
        f"{label}.{label}.{label}.old.example. A",
        answer=[f"old.example. 77 DNAME {label}.{label}.example."],
        rcode=Rcode.YXDOMAIN,
    )
    assert links(found)[0].rcode == Rcode.YXDOMAIN


@pytest.mark.rfc("RFC 1034 §5.3.3 step 4b")
@pytest.mark.rfc("RFC 1034 §4.3.1")
def test_a_referral_descends() -> None:
    found = classified(
        "www.sub.example. A",
        authority=["sub.example. 60 NS ns.sub.example.", "sub.example. 60 NS ns.other."],
        additional=["ns.sub.example. 60 A 192.0.2.5", "ns.other. 60 A 192.0.2.66"],
    )
    referral = found.referral
    assert referral is not None
    assert referral.zone == name("sub.example.")
    assert referral.glue == {
        name("ns.sub.example."): (Server("192.0.2.5", 53, name("ns.sub.example.")),)
    }


@pytest.mark.rfc("RFC 1034 §5.3.3 step 4b")
@pytest.mark.rfc("RFC 1034 §5.3.3")
@pytest.mark.parametrize("owner", [".", "example.", "other.example.", "victim."])
def test_a_referral_up_sideways_or_to_itself_is_lame(owner: str) -> None:
    found = classified("www.sub.example. A", authority=[f"{owner} 60 NS ns.example."])
    assert found.verdict is Verdict.LAME


@pytest.mark.rfc("RFC 2308 §2.2")
@pytest.mark.rfc("RFC 2308 §2.1")
def test_nxdomain_and_nodata_are_told_apart() -> None:
    no_name = classified("www.example. A", authority=[SOA], rcode=Rcode.NXDOMAIN, flags=Flag.AA)
    no_data = classified("www.example. A", authority=[SOA], flags=Flag.AA)
    assert (no_name.verdict, no_data.verdict) == (Verdict.NXDOMAIN, Verdict.NODATA)


def test_what_the_scrubber_emptied_is_no_denial() -> None:
    """An answer about somebody else's name means a useless server, never NODATA."""
    found = classified("www.example. A", answer=["www.victim. 60 A 192.0.2.66"], flags=Flag.AA)
    assert found.verdict is Verdict.USELESS


@pytest.mark.rfc("RFC 2308 §2.2")
def test_nodata_with_a_soa_of_another_zone_is_useless() -> None:
    """Unless the server says that it is the zone's: then the stranger beside it is passed over."""
    stranger = SOA.replace("example. 300", "other. 300")
    found = classified("www.example. A", authority=[stranger])
    assert found.verdict is Verdict.USELESS
    found = classified("www.example. A", authority=[stranger], flags=Flag.AA)
    assert found.verdict is Verdict.NODATA


@pytest.mark.rfc("RFC 2308 §2.1")
@pytest.mark.rfc("RFC 2308 §2.2")
@pytest.mark.parametrize("rcode", [Rcode.NOERROR, Rcode.NXDOMAIN])
@pytest.mark.parametrize("ns", [[], ["example. 60 NS ns.example."]])
def test_a_denial_with_the_soa_of_the_zone_above_holds_without_it(
    rcode: int, ns: list[str]
) -> None:
    found = classified(
        "www.sub.example. A", "sub.example.", authority=[SOA, *ns], rcode=rcode, flags=Flag.AA
    )
    (outcome,) = links(found)
    assert outcome.verdict is (Verdict.NXDOMAIN if rcode else Verdict.NODATA)
    assert outcome.authority == ()


@pytest.mark.parametrize(
    "beside",
    [
        {"authority": ["victim. 60 NS ns.victim."]},
        {"authority": ["sub.example. 60 NS ns.sub.example."]},
        {"answer": ["www.victim. 60 A 192.0.2.66"]},
        {"answer": ["www.sub.example. 60 A 192.0.2.66"]},
        {"additional": ["www.sub.example. 60 A 192.0.2.66"]},
    ],
)
@pytest.mark.rfc("RFC 2308 §2.1")
def test_nxdomain_is_the_names_whatever_stands_beside_it(beside: dict[str, Any]) -> None:
    found = classified("www.sub.example. A", rcode=Rcode.NXDOMAIN, flags=Flag.AA, **beside)
    (outcome,) = links(found)
    assert (outcome.verdict, outcome.rcode) == (Verdict.NXDOMAIN, Rcode.NXDOMAIN)
    assert outcome.answer == outcome.authority == ()


def test_another_type_of_the_very_name_is_nodata() -> None:
    """Some give A to those who ask for AAAA: the name is, the type is not."""
    found = classified("www.example. AAAA", answer=["www.example. 60 A 192.0.2.66"], flags=Flag.AA)
    assert found.verdict is Verdict.NODATA


def test_a_denial_beside_data_of_the_name_proves_nothing() -> None:
    """NXDOMAIN it is, but never AD: its NSEC are not taken, its SOA is."""
    found = classified(
        "www.example. A",
        answer=["www.example. 60 A 192.0.2.66"],
        authority=[SOA, "example. 60 NSEC zzz.example. SOA NSEC"],
        rcode=Rcode.NXDOMAIN,
    )
    (outcome,) = links(found)
    assert [rrset.rtype for rrset in outcome.authority] == [RRType.SOA]


@pytest.mark.rfc("RFC 6672 §2.2")
@pytest.mark.parametrize(
    "answer",
    [
        [],
        ["www.example. 60 A 192.0.2.66"],
        ["www.example. 60 CNAME x.example."],
        ["example. 60 DNAME x.example."],
    ],
)
def test_yxdomain_without_the_dname_that_makes_it_is_useless(answer: list[str]) -> None:
    found = classified("www.example. A", answer=answer, authority=[SOA], rcode=Rcode.YXDOMAIN)
    assert found.verdict is Verdict.USELESS


@pytest.mark.rfc("RFC 6604 §3")
def test_yxdomain_behind_an_alias_is_its_targets() -> None:
    """Where the alias leads out of the zone the name that grew too long cannot be seen."""
    found = classified(
        "www.example. A", answer=["www.example. 60 CNAME x.other."], rcode=Rcode.YXDOMAIN
    )
    assert [one.verdict for one in links(found)] == [Verdict.CNAME]


@pytest.mark.parametrize(
    ("rcode", "verdict"),
    [
        (Rcode.FORMERR, Verdict.FORMERR),
        (Rcode.SERVFAIL, Verdict.SERVFAIL),
        (Rcode.NOTIMP, Verdict.NOTIMP),
        (Rcode.REFUSED, Verdict.REFUSED),
        (Rcode.NOTAUTH, Verdict.USELESS),
    ],
)
def test_error_codes_send_us_on(rcode: int, verdict: Verdict) -> None:
    assert classified("www.example. A", rcode=rcode).verdict is verdict


@pytest.mark.rfc("RFC 2181 §9")
def test_a_truncated_reply_is_no_answer() -> None:
    found = classified("www.example. A", answer=["www.example. 60 A 192.0.2.9"], flags=Flag.TC)
    assert found.verdict is Verdict.TRUNCATED


@pytest.mark.rfc("RFC 4035 §3.1.4.1")
def test_a_referral_instead_of_ds_means_no_ds() -> None:
    found = classified("sub.example. DS", authority=["sub.example. 60 NS ns.sub.example."])
    assert found.verdict is Verdict.NODATA


@pytest.mark.rfc("RFC 8482 §4")
def test_any_takes_all_sets_of_the_name() -> None:
    found = classified(
        "www.example. ANY",
        answer=[
            "www.example. 60 A 192.0.2.9",
            "www.example. 60 TXT hi",
            "x.example. 60 A 192.0.2.8",
        ],
    )
    assert {rrset.rtype for rrset in links(found)[0].answer} == {RRType.A, RRType.TXT}
