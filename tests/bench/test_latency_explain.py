"""Where the time goes: questions sorted by what had to be found out for them."""

from bench.latency import explain, latency_world
from bench.latency.latency_world import Kind, Lookup


def test_first_questions_are_told_from_later_ones() -> None:
    """The first of a TLD or an operator pays for those after it."""
    standard = latency_world.standard_world(5)
    hosted = [leaf for leaf in standard.leaves if standard.set_of(leaf).kind is Kind.OPERATOR]
    first = hosted[0]
    servers, tld = standard.zones[first].servers, standard.parent_of(first)
    later = next(
        leaf
        for leaf in hosted[1:]
        if standard.zones[leaf].servers == servers and standard.parent_of(leaf) != tld
    )
    lookups = [Lookup(f"h0.{zone}", "192.0.2.1", zone) for zone in (first, later, first)]
    assert list(explain.kinds(standard, lookups, cold=True)) == [
        "operator's first, TLD's first",
        "operator, TLD's first",
        "operator",
    ]


def test_excess_is_shared_out_over_all_questions() -> None:
    """Shares of the kinds add up to the mean excess."""
    rows = [explain.Row(30.0, 40.0, 10.0, "a", "x"), explain.Row(10.0, 20.0, 10.0, "b", "y")]
    first, second, worst, *_ = explain.explain(rows)
    assert "15.0 ms of the mean" in first
    assert "5.0 ms of the mean" in second
    assert "40 ms, optimum   10: x (a)" in worst
