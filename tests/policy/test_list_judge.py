"""Which of several rules for a name counts."""

from __future__ import annotations

import pytest

from resolver.limits import LIST_CLIENT_SETS
from resolver.policy import list_judge
from resolver.policy.list_judge import Asker, ListUse, Rank, is_client, ruling
from resolver.policy.lists import Policy
from resolver.protocol import names
from resolver.protocol.codes import RRType
from tests.policy.list_making import blocks, lists_of, table_of


@pytest.mark.parametrize(
    ("text", "is_blocked"),
    [
        ("||a.example^", True),
        ("||a.example^\n@@||a.example^", False),
        ("@@||example^\n||www.a.example^", False),
        ("||a.example^$important\n@@||a.example^", True),
        ("||a.example^$important\n@@||a.example^$important", False),
        ("||example^$important\n@@||www.a.example^", True),
        ("@@||example^$important\n||www.a.example^$important", False),
        ("||a.example^$dnstype=AAAA", False),
        ("||a.example^$dnstype=~A", False),
        ("||a.example^$dnstype=~AAAA", True),
        ("||a.example^$denyallow=www.a.example", False),
        ("||a.example^$denyallow=w.a.example", True),
        ("*$denyallow=com|org", True),
        ("*$denyallow=example", False),
        ("||a.example^$client=192.0.2.9", True),
        ("||a.example^$client=192.0.2.0/24", True),
        ("||a.example^$client=~192.0.2.0/24", False),
        ("||a.example^$client=198.51.100.0/24", False),
        ("||a.example^$client=kids", False),
        ("||a.example^$client=default", True),
        ("/^www/\n@@||a.example^", False),
        ("/^www/$important\n@@||a.example^", True),
        ("@@/example$/\n||www.a.example^", False),
        ("||a.example^\n||a.example^$badfilter", True),  # what has not been told to be off
    ],
)
def test_precedence(text: str, is_blocked: bool) -> None:  # noqa: FBT001
    assert blocks(lists_of(f"{text}\n"), "www.a.example.") is is_blocked


def test_an_allow_list_is_over_block_lists_and_below_importance() -> None:
    allow = ("a.example\n",)
    assert not blocks(lists_of("||a.example^\n", allow=allow), "a.example.")
    assert not blocks(lists_of("||www.a.example^\n", allow=allow), "www.a.example.")
    assert blocks(lists_of("||a.example^$important\n", allow=allow), "a.example.")


def test_what_the_configuration_allows_is_over_everything() -> None:
    uses = (ListUse("block 0", "ads"),)
    policy = Policy(uses=uses, allowed=frozenset({names.from_text("a.example.")}))
    lists = lists_of("||a.example^$important\n||b.example^\n", policy=policy)
    assert not blocks(lists, "www.a.example.")
    assert blocks(lists, "b.example.")


def test_a_list_for_a_tag_is_for_nobody_else_and_comes_first() -> None:
    table = table_of("||a.example^\n", "||example^\n")
    found = table.find(names.from_text("a.example."))
    uses = {0: ListUse("0", "all"), 1: ListUse("1", "kids", tags=frozenset({"kids"}))}
    best = ruling(found, names.from_text("a.example."), Asker(RRType.A), uses)
    assert best is not None
    assert (best.rank, best.use.name) == (Rank.OF_TAG, "kids")
    only = ruling(found, names.from_text("a.example."), Asker(RRType.A), {0: uses[0]})
    assert only is not None
    assert (only.rank, only.use.name) == (Rank.BLOCKED, "all")
    assert ruling(found, names.from_text("a.example."), Asker(RRType.A), {}) is None


def test_at_equal_rank_the_most_specific_name_counts() -> None:
    lists = lists_of("||example^\n||a.example^\n")
    found = lists.step().ruling(names.from_text("www.a.example."), Asker(RRType.A))
    assert found is not None
    assert found.line == 2


def test_rewrites_of_one_name_are_told_together_another_name_first() -> None:
    def rewrites(text: str) -> list[tuple[int, int]]:
        step = lists_of(text).step()
        found = step.ruling(names.from_text("a.example."), Asker(RRType.A))
        assert found is not None
        return [(one.rcode, one.rtype) for one in found.rewrites]

    first, second = "||a.example^$dnsrewrite=192.0.2.1\n", "||a.example^$dnsrewrite=192.0.2.2\n"
    assert rewrites(first + second) == [(0, RRType.A)] * 2
    refused = "||a.example^$dnsrewrite=REFUSED\n"
    assert rewrites(first + refused) == [(5, 0)]
    assert rewrites(refused + "||a.example^$dnsrewrite=b.example\n") == [(0, RRType.CNAME)]


@pytest.mark.parametrize(
    ("off", "is_told"),
    [
        ("@@||a.example^$dnsrewrite", False),
        ("@@||a.example^$dnsrewrite=192.0.2.1", False),
        ("@@||a.example^$dnsrewrite=192.0.2.2", True),
    ],
)
def test_rewrites_are_switched_off(off: str, is_told: bool) -> None:  # noqa: FBT001
    lists = lists_of(f"||a.example^$dnsrewrite=192.0.2.1\n{off}\n")
    assert blocks(lists, "a.example.") is is_told


@pytest.mark.reaches("LIST_CLIENT_SETS")
def test_a_client_is_known_by_address_network_or_view() -> None:
    lists = lists_of("||a.example^$client=kids|a/b|2001:db8::/32|198.51.100.7\n")
    assert blocks(lists, "a.example.", view="kids")
    assert blocks(lists, "a.example.", source="2001:db8::9")
    assert blocks(lists, "a.example.", source="198.51.100.7")
    assert not blocks(lists, "a.example.", source="198.51.100.8")
    for number in range(LIST_CLIENT_SETS + 1):
        texts = (f"10.0.{number % 256}.{number // 256}/32",)
        assert not is_client(texts, Asker(RRType.A, bytes(4)))
    assert list_judge._networks.cache_info().currsize == LIST_CLIENT_SETS
