"""Until when something can be answered once far servers are silent: the closed sets of a drill."""

from __future__ import annotations

import pytest

from resolver.drill.facts import ALWAYS, NEVER, Fact, Trust
from resolver.drill.outlook import Terms
from resolver.protocol.codes import RRType
from tests.drill.facts import (
    DAY,
    FAR,
    NEAR,
    NOTHING,
    STALE,
    answer,
    asked,
    cut,
    index,
    name,
    outlook,
    root,
    without_glue,
)

WWW = asked("www.x.aa.")
KEPT = frozenset({NEAR})


def test_what_is_near_all_the_way_is_fresh_for_good() -> None:
    known = index(root(NEAR), cut("aa.", NEAR), cut("x.aa.", NEAR, FAR), answer("www.x.aa."))
    assert outlook(known, WWW).link_until(WWW) == ALWAYS


def test_a_name_whose_own_servers_are_far_lasts_as_long_as_its_answer() -> None:
    known = index(root(NEAR), cut("aa.", NEAR), cut("x.aa.", FAR), answer("www.x.aa."))
    assert outlook(known, WWW).link_until(WWW) == 300.0


def test_a_far_tld_leaves_a_near_zone_until_its_delegation_ends() -> None:
    """Nairobi: the name of a local resource whose TLD is abroad."""
    known = index(root(NEAR), cut("aa.", FAR), cut("x.aa.", NEAR, left_s=7200), answer("www.x.aa."))
    assert outlook(known, WWW).link_until(WWW) == 7200


def test_without_a_root_a_near_tld_lasts_until_its_own_delegation_ends() -> None:
    """And gives its zones' anew until then: Colombo 2004. No delegation outlives its parent's."""
    found = (root(FAR), cut("aa.", NEAR, left_s=DAY), cut("x.aa.", NEAR, left_s=60.0))
    known = index(*found, answer("www.x.aa."))
    assert outlook(known, WWW).link_until(WWW) == DAY


def test_a_copy_of_the_root_zone_stands_in_for_its_servers() -> None:
    known = index(root(FAR), cut("aa.", NEAR), cut("x.aa.", NEAR), answer("www.x.aa."))
    with_copy = NOTHING._replace(local_root=True)
    assert outlook(known, WWW, features=with_copy).link_until(WWW) == ALWAYS


def test_it_is_of_no_use_where_the_tld_is_far() -> None:
    """Karachi: a local root without a TLD."""
    known = index(root(FAR), cut("aa.", FAR), cut("x.aa.", FAR), answer("www.x.aa."))
    with_copy = NOTHING._replace(local_root=True)
    assert outlook(known, WWW, features=with_copy).link_until(WWW) == 300.0


def test_a_cold_cache_has_nothing_to_go_by() -> None:
    known = index(root(NEAR), cut("aa.", FAR), cut("x.aa.", NEAR), answer("www.x.aa."))
    terms = Terms(KEPT, STALE, is_cold=True)
    cold = outlook(known, WWW, features=STALE, terms=terms)
    assert cold.link_until(WWW) == cold.stale_until(WWW) == NEVER


# --- nameservers without glue --------------------------------------------------------------------


def test_an_address_that_was_looked_up_lasts_as_long_as_it_is_held() -> None:
    """The zone of the nameserver is far: its address cannot be looked up again."""
    known = index(
        root(NEAR), cut("aa.", NEAR), without_glue("x.aa.", "ns.host.bb."), cut("bb.", FAR),
        answer("ns.host.bb.", left_s=900.0, hosts=(NEAR,)), answer("www.x.aa."),
    )  # fmt: skip
    assert outlook(known, WWW).link_until(WWW) == 900.0


def test_an_address_that_can_be_looked_up_again_lasts() -> None:
    known = index(
        root(NEAR), cut("aa.", NEAR), without_glue("x.aa.", "ns.host.aa."),
        answer("ns.host.aa.", left_s=900.0, hosts=(NEAR,)), answer("www.x.aa."),
    )  # fmt: skip
    assert outlook(known, WWW).link_until(WWW) == ALWAYS


def test_zones_that_serve_each_other_cannot_be_had() -> None:
    """Neither has glue, and nothing is held: the least values that agree are never."""
    known = index(
        root(NEAR), cut("aa.", NEAR),
        without_glue("x.aa.", "ns.y.aa."), without_glue("y.aa.", "ns.x.aa."),
        answer("ns.x.aa.", left_s=-1.0, hosts=(NEAR,)),
        answer("ns.y.aa.", left_s=-1.0, hosts=(NEAR,)),
    )  # fmt: skip
    made = outlook(known, WWW)
    assert made.asked_until(name("x.aa.")) == made.asked_until(name("y.aa.")) == -1.0


def test_a_way_out_of_the_circle_is_found_from_either_side() -> None:
    """The value of the one that was met first on its own way is worked out again."""
    circle = (
        without_glue("x.aa.", "ns.y.aa."),
        answer("ns.y.aa.", left_s=-1.0, hosts=(NEAR,)),
        cut("y.aa.", NEAR),
    )
    known = index(root(NEAR), cut("aa.", NEAR), *circle)
    for wanted in (("www.x.aa.", "www.y.aa."), ("www.y.aa.", "www.x.aa.")):
        made = outlook(known, *map(asked, wanted))
        assert made.asked_until(name("x.aa.")) == ALWAYS


# --- aliases, stale answers ----------------------------------------------------------------------


def test_each_link_of_an_alias_chain_is_judged_for_itself() -> None:
    known = index(
        root(NEAR), cut("aa.", NEAR), cut("x.aa.", NEAR), cut("cdn.bb.", FAR), cut("bb.", FAR),
        answer("www.x.aa.", target=name("e.cdn.bb.")), answer("e.cdn.bb.", left_s=60.0),
    )  # fmt: skip
    made = outlook(known, WWW)
    assert [made.link_until(link) for link, _ in made.chain(WWW)] == [ALWAYS, 60.0]


def test_stale_begins_where_fresh_ends() -> None:
    known = index(root(FAR), cut("aa.", FAR), cut("x.aa.", FAR), answer("www.x.aa."))
    made = outlook(known, WWW, features=STALE)
    assert made.stale_until(WWW) == 300 + 3 * DAY
    over = index(root(FAR), cut("aa.", FAR), cut("x.aa.", FAR), answer("www.x.aa.", left_s=-DAY))
    assert outlook(over, WWW, features=STALE).stale_until(WWW) == 2 * DAY


def test_nothing_is_told_stale_past_the_lease_of_its_delegation() -> None:
    """RFC 8767 and ghost domains: the delegation may be over for as long, and no longer."""
    known = index(
        root(FAR), cut("aa.", FAR, left_s=-2 * DAY), cut("x.aa.", FAR), answer("www.x.aa.")
    )
    assert outlook(known, WWW, features=STALE).stale_until(WWW) == DAY


def test_what_nobody_validated_and_what_must_not_be_is_never_told_stale() -> None:
    found = (root(FAR), cut("aa.", FAR), cut("x.aa.", FAR))
    unchecked = index(*found, answer("www.x.aa.", is_judged=False))
    assert outlook(unchecked, WWW, features=STALE).stale_until(WWW) == 300
    terms = Terms(KEPT, STALE, never_stale=frozenset({name("x.aa.")}))
    known = index(*found, answer("www.x.aa."))
    assert outlook(known, WWW, features=STALE, terms=terms).stale_until(WWW) == 300


def test_signatures_end_what_is_told_stale_where_they_must_last() -> None:
    """dnssec.serve_expired_signatures = false."""
    found = (root(FAR), cut("aa.", FAR), cut("x.aa.", FAR), answer("www.x.aa.", signed_s=DAY))
    terms = Terms(KEPT, STALE, past_signatures=False)
    assert outlook(index(*found), WWW, features=STALE, terms=terms).stale_until(WWW) == DAY
    assert outlook(index(*found), WWW, features=STALE).stale_until(WWW) == 300 + 3 * DAY


# --- trust ---------------------------------------------------------------------------------------

VALIDATED = Terms(KEPT, NOTHING, anchors=frozenset({name(".")}))


def _signed(*more: Trust | Fact) -> tuple[object, ...]:
    return (
        root(NEAR), cut("aa.", FAR, is_signed=True), cut("x.aa.", NEAR, is_signed=True),
        answer("www.x.aa."), Trust(name("."), DAY, is_secure=True),
        Trust(name("aa."), DAY, is_secure=True), *more,
    )  # fmt: skip


def test_servers_that_answer_are_believed_as_long_as_the_chain_holds() -> None:
    """Its DS is the far parent's to renew, though the delegation lasts longer."""
    known = index(*_signed(Trust(name("x.aa."), 1800.0, is_secure=True)))  # type: ignore[arg-type]
    assert outlook(known, WWW, terms=VALIDATED).link_until(WWW) == 1800.0
    assert outlook(known, WWW).link_until(WWW) == DAY


def test_trust_is_built_again_of_a_ds_that_is_held() -> None:
    ds = Fact(name("x.aa."), RRType.DS, 7200.0, 7200.0, name("aa."))
    known = index(*_signed(Trust(name("x.aa."), 60.0, is_secure=True), ds))  # type: ignore[arg-type]
    assert outlook(known, WWW, terms=VALIDATED).link_until(WWW) == 7200.0


def test_below_what_is_insecure_nothing_else_is_needed() -> None:
    found = (
        root(NEAR), cut("aa.", NEAR), cut("x.aa.", NEAR), answer("www.x.aa."),
        Trust(name("."), DAY, is_secure=True), Trust(name("aa."), DAY, is_secure=False),
    )  # fmt: skip
    assert outlook(index(*found), WWW, terms=VALIDATED).link_until(WWW) == ALWAYS


def test_a_negative_anchor_waives_it() -> None:
    known = index(*_signed(Trust(name("x.aa."), 60.0, is_secure=True)))  # type: ignore[arg-type]
    terms = VALIDATED._replace(waived=frozenset({name("x.aa.")}))
    assert outlook(known, WWW, terms=terms).link_until(WWW) == DAY


# --- renewal ahead of need -----------------------------------------------------------------------

WARM = NOTHING._replace(keeps_warm=True)


def test_without_renewal_an_answer_would_have_ended_on_its_own() -> None:
    known = index(root(FAR), cut("aa.", FAR), cut("x.aa.", FAR), answer("www.x.aa.", alone_s=20.0))
    as_it_is = Terms(KEPT, WARM)
    assert outlook(known, WWW, features=WARM, terms=as_it_is).link_until(WWW) == 300.0
    assert outlook(known, WWW, features=NOTHING, terms=as_it_is).link_until(WWW) == 20.0


def test_with_renewal_what_is_over_would_be_held() -> None:
    """On the whole half of its time would be left."""
    found = (root(FAR), cut("aa.", FAR), cut("x.aa.", FAR), answer("www.x.aa.", left_s=-5.0))
    terms = Terms(KEPT, NOTHING)
    assert outlook(index(*found), WWW, features=WARM, terms=terms).link_until(WWW) == 150.0


@pytest.mark.parametrize(("left_s", "alone_s"), [(2 * DAY, 2 * DAY), (0.4 * DAY, 0.0)])
def test_delegations_lose_the_fifth_in_which_they_are_renewed(
    left_s: float, alone_s: float
) -> None:
    """At any moment between a fifth of their time and all of it is left; else between none and
    all."""
    known = index(root(FAR), cut("aa.", NEAR, left_s=left_s), answer("www.x.aa."))
    without = outlook(known, WWW, features=NOTHING, terms=Terms(KEPT, WARM))
    assert without.cut_until(name("aa.")) == pytest.approx(alone_s, abs=1e-6)
    held = outlook(known, WWW, features=WARM, terms=Terms(KEPT, WARM))
    assert held.cut_until(name("aa.")) == left_s


# --- what nobody looked up -----------------------------------------------------------------------


def test_a_name_never_looked_up_is_sure_only_where_its_zone_answers_for_names() -> None:
    found = (root(NEAR), cut("aa.", NEAR), cut("x.aa.", NEAR), answer("www.x.aa."))
    made = outlook(index(*found), asked("new.x.aa."), asked("www.new.aa."))
    assert made.is_sure(asked("new.x.aa."))
    assert not made.is_sure(asked("www.new.aa."))


def test_a_chain_of_zones_without_end_is_no_harm() -> None:
    """Each served by a name in the next: nobody looks that far, a walk neither."""
    zones = [without_glue(f"z{number}.aa.", f"ns.z{number + 1}.aa.") for number in range(2000)]
    facts = [answer(f"ns.z{number}.aa.", left_s=-1.0, hosts=(NEAR,)) for number in range(2001)]
    known = index(root(NEAR), cut("aa.", NEAR), *zones, *facts, cut("z2000.aa.", NEAR))
    assert outlook(known, asked("www.z0.aa.")).asked_until(name("z0.aa.")) == -1.0
    assert outlook(known, asked("www.z1990.aa.")).asked_until(name("z1990.aa.")) == ALWAYS


def test_cuts_at_each_of_many_labels_are_followed() -> None:
    """As in ip6.arpa."""
    owners = [".".join("0" * count) + ".arpa." for count in range(1, 34)]
    known = index(root(NEAR), cut("arpa.", NEAR), *(cut(owner, NEAR) for owner in owners))
    terms = VALIDATED._replace(kept=KEPT)
    made = outlook(known, asked(f"x.{owners[-1]}"), terms=terms)
    assert made.asked_until(name(owners[-1])) == ALWAYS
