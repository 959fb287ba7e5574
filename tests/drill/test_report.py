"""A drill: shares of use, what features are worth, and whose fault a failing name is."""

from __future__ import annotations

from resolver.drill.facts import Index, Trust, Used
from resolver.drill.outlook import Features, Terms
from resolver.drill.report import Outcome, drill, verdicts
from resolver.protocol.codes import RRType
from tests.drill.facts import (
    DAY,
    FAR,
    NEAR,
    NOTHING,
    STALE,
    answer,
    cut,
    index,
    name,
    root,
    without_glue,
)

TIMES = (0.0, 3600.0, DAY, 7 * DAY)
KEPT = frozenset({NEAR})


def used(text: str, weight: float = 1.0) -> Used:
    return Used(name(text), RRType.A, weight)


def drilled(known: Index, *names_used: Used, features: Features = STALE) -> Outcome:
    terms = Terms(KEPT, features)
    return drill(known, names_used, terms, TIMES, frozenset({NEAR, FAR}))


def place() -> Index:
    """The root and aa. near; near.aa. near, far.aa. not; bb. with what is below it far."""
    return index(
        root(NEAR), cut("aa.", NEAR), cut("near.aa.", NEAR), cut("far.aa.", FAR), cut("bb.", FAR),
        cut("near.bb.", NEAR), answer("www.near.aa."), answer("www.far.aa."),
        answer("www.near.bb."), answer("alias.near.aa.", target=name("www.far.aa.")),
    )  # fmt: skip


def test_shares_are_of_use() -> None:
    outcome = drilled(place(), used("www.near.aa.", 3.0), used("www.far.aa."))
    moments = [(one.fresh, one.stale, one.failed, one.names) for one in outcome.moments]
    assert moments == [
        (1.0, 0.0, 0.0, 2), (0.75, 0.25, 0.0, 2), (0.75, 0.25, 0.0, 2), (0.75, 0.0, 0.25, 1),
    ]  # fmt: skip
    assert (outcome.names, outcome.weight) == (2, 4.0)


def test_the_curve_goes_from_the_cut_to_a_week_at_least() -> None:
    outcome = drilled(place(), used("www.far.aa."))
    assert (outcome.curve[0], outcome.curve[-1]) == ((0, 1.0, 0.0), (604_800, 0.0, 0.0))
    seconds = [point[0] for point in outcome.curve]
    assert seconds == sorted(set(seconds))


def test_a_feature_is_worth_what_is_lost_without_it() -> None:
    outcome = drilled(place(), used("www.near.aa."), used("www.far.aa."))
    worth = {one.feature: (one.is_on, one.points) for one in outcome.worth}
    assert worth == {
        "local root": (False, [0.0, 0.0, 0.0, 0.0]),
        "keep-warm": (False, [0.0, 0.0, 0.0, 0.0]),
        "stale answers": (True, [0.0, 50.0, 50.0, 0.0]),
        "stale answers for 7 d": (False, [0.0, 0.0, 0.0, 50.0]),
    }


def test_the_verdict_says_it_in_one_sentence() -> None:
    found = (root(FAR), cut("aa.", NEAR, left_s=60.0), cut("x.aa.", NEAR, left_s=60.0))
    outcome = drilled(index(*found, answer("www.x.aa.")), used("www.x.aa."), features=NOTHING)
    assert outcome.verdict == (
        "Of the one name, weighed by use, 100 % resolve at once, 0 % survive 1 h, "
        "0 % survive 1 d, 0 % survive 7 d; with local root up to 100 points more, with keep-warm "
        "100, with stale answers 100."
    )


def test_without_names_there_is_nothing_to_say() -> None:
    outcome = drilled(place())
    assert outcome.verdict == "no names in use are known yet"
    assert [one.survives for one in outcome.moments] == [0.0] * 4


def test_verdicts_go_by_name_and_time() -> None:
    wanted = [used("www.near.aa."), used("www.far.aa."), used("www.new.aa."), used("www.new.bb.")]
    assert verdicts(place(), wanted, Terms(KEPT, STALE), TIMES) == [
        ["fresh"] * 4,
        ["fresh", "stale", "stale", "failed"],
        ["unknown"] * 4,
        ["failed"] * 4,  # only bb. could say who serves it
    ]


# --- whose fault it is ---------------------------------------------------------------------------


def why(known: Index, text: str, features: Features = NOTHING) -> tuple[str, str, float]:
    (failing,) = drilled(known, used(text), features=features).failing
    return failing.cut, failing.why, failing.after_s


def test_a_zone_whose_servers_are_silent_below_one_that_answers() -> None:
    assert why(place(), "www.far.aa.") == (
        "far.aa.", "aa. answers, but the one address of far.aa. does not answer", 3600.0,
    )  # fmt: skip


def test_an_alias_is_told_with_where_it_leads() -> None:
    zone, told, _ = why(place(), "alias.near.aa.")
    assert (zone, told.partition(":")[0]) == ("far.aa.", "alias into www.far.aa.")


def test_a_delegation_that_ends_leads_to_the_parent_that_is_silent() -> None:
    zone, told, after_s = why(place(), "www.near.bb.")
    assert (zone, after_s) == ("bb.", DAY)
    assert told == (
        "the delegation of near.bb. ends after 1 d; . answers, but the one address of bb. does "
        "not answer"
    )


def test_addresses_that_were_never_measured_are_told() -> None:
    known = index(root(NEAR), cut("aa.", "203.0.113.1", "203.0.113.2"), answer("www.aa."))
    assert why(known, "www.aa.")[1] == (
        ". answers, but none of the 2 addresses of aa. answers (2 of them never measured)"
    )


def test_an_address_that_is_lost_leads_to_the_zone_that_had_it() -> None:
    known = index(
        root(NEAR), cut("aa.", NEAR), without_glue("x.aa.", "ns.bb."), cut("bb.", FAR),
        answer("ns.bb.", left_s=900.0, hosts=(NEAR,)), answer("www.x.aa."),
    )  # fmt: skip
    zone, told, _ = why(known, "www.x.aa.")
    assert zone == "bb."
    assert told.startswith("the address of ns.bb., a server of x.aa., is lost; . answers, but")


def test_a_chain_of_trust_that_ends_is_told() -> None:
    known = index(
        root(NEAR), cut("aa.", FAR), cut("x.aa.", NEAR, is_signed=True), answer("www.x.aa."),
        Trust(name("."), DAY, is_secure=True), Trust(name("aa."), DAY, is_secure=True),
        Trust(name("x.aa."), 1800.0, is_secure=True),
    )  # fmt: skip
    terms = Terms(KEPT, NOTHING, anchors=frozenset({name(".")}))
    (failing,) = drill(known, [used("www.x.aa.")], terms, TIMES, KEPT).failing
    assert failing.cut == "aa."
    assert failing.why.startswith("the DS of x.aa. ends after 30 min; . answers, but ")


def test_a_name_that_nobody_looked_up_is_not_known() -> None:
    (failing,) = drilled(place(), used("www.new.aa.")).failing
    assert failing.is_unknown
    assert failing.why == "it was not looked up before: who serves it below aa. is not known"


def test_the_root_itself_may_be_what_fails() -> None:
    known = index(root(FAR), cut("aa.", NEAR, left_s=-1.0), answer("www.aa.", left_s=-1.0))
    assert why(known, "www.aa.")[:2] == (
        ".", "the delegation of aa. is not held; the one address of . does not answer",
    )  # fmt: skip
