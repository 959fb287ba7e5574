"""Lists as a step of policy: names before they are resolved, and what they lead to after."""

from __future__ import annotations

import pytest

from resolver.limits import LIST_LEADING
from resolver.model import Answer, RRset, Source, Status
from resolver.policy.list_judge import ListUse
from resolver.policy.lists import FIREFOX, ICLOUD, Lists, Policy
from resolver.protocol import names
from resolver.protocol.codes import Rcode, RRClass, RRType
from tests.policy.list_making import asked, blocks, lists_of, table_of, told

WWW = "www.shop.example."


def name(text: str) -> bytes:
    return names.from_text(text)


def resolved(*rrsets: RRset, qtype: int = RRType.A, rcode: int = 0) -> Answer:
    return Answer(
        asked(WWW, qtype).question, rcode, answer=rrsets, status=Status.SECURE,
        sources=(Source.NETWORK,),
    )  # fmt: skip


def chain(*targets: str, address: bytes = b"\xc0\0\2\1") -> Answer:
    """WWW is another name of each target in turn."""
    owners = [WWW, *targets]
    links = [
        RRset(name(owner), RRType.CNAME, 60, (name(target),))
        for owner, target in zip(owners, targets, strict=False)
    ]
    return resolved(*links, RRset(name(owners[-1]), RRType.A, 60, (address,)))


def after(lists: Lists, answer: Answer, **how: object) -> Answer:
    return lists.step().after(asked(WWW, answer.question.qtype, **how), answer)  # type: ignore[arg-type]


def test_a_listed_name_is_answered_before_anybody_is_asked() -> None:
    lists = lists_of("||ads.example^\n")
    answer = told(lists, "x.ads.example.")
    assert answer is not None
    assert answer.source is Source.BLOCKED
    assert told(lists, WWW) is None
    assert lists.blocked == 1


def test_only_class_in_is_looked_at() -> None:
    lists = lists_of("||example^\n")
    query = asked("a.example.")
    odd = query._replace(message=query.message)
    odd.message.qclass = RRClass.CH
    assert lists.step().before(odd) is None


@pytest.mark.parametrize("depth", [0, 1, 2])
def test_a_target_that_is_listed_blocks_the_whole_answer(depth: int) -> None:
    targets = ["a.example.", "b.example.", "c.example."]
    targets[depth] = "x.tracker.example."
    lists = lists_of("||tracker.example^\n")
    answer = after(lists, chain(*targets))
    assert answer.source is Source.BLOCKED
    assert answer.status is Status.INSECURE
    assert [one.owner for one in answer.answer] == [name(WWW)]
    assert answer.ede[0].text == "list block 0"


def test_what_leads_nowhere_listed_is_left_as_it_is() -> None:
    lists, answer = lists_of("||tracker.example^\n192.0.2.66\n"), chain("a.example.", "b.example.")
    assert after(lists, answer) is answer


@pytest.mark.parametrize("own", ["@@||shop.example^", "@@||www.shop.example^$important"])
def test_an_exception_for_the_name_asked_wins_over_a_block_of_its_target(own: str) -> None:
    answer = chain("tracker.example.")
    assert after(lists_of(f"||tracker.example^\n{own}\n"), answer) is answer


def test_so_does_what_the_configuration_allows() -> None:
    policy = Policy(uses=(ListUse("block 0", "ads"),), allowed=frozenset({name("shop.example.")}))
    answer = chain("tracker.example.")
    assert after(lists_of("||tracker.example^$important\n", policy=policy), answer) is answer


def test_a_target_that_is_let_through_is_not_blocked_for_its_own_name() -> None:
    answer = chain("tracker.example.")
    lists = lists_of("||tracker.example^\n@@||tracker.example^\n")
    assert after(lists, answer) is answer


def test_a_dname_leads_on_as_a_cname_does() -> None:
    dname = RRset(name("shop.example."), RRType.DNAME, 60, (name("tracker.example."),))
    answer = after(lists_of("||tracker.example^\n"), resolved(dname))
    assert answer.source is Source.BLOCKED


@pytest.mark.parametrize("rtype", [RRType.HTTPS, RRType.SVCB])
@pytest.mark.parametrize(
    ("rdata", "is_blocked"),
    [
        (b"\0\0" + names.from_text("x.Tracker.example."), True),
        (b"\0\1" + names.from_text("tracker.example.") + b"\0\1\0\3\2h2", True),
        (b"\0\1\0\0\1\0\3\2h2", False),
        (b"\0\1\0" + b"\0\4\0\4\xc0\0\2\x42", True),
        (b"\0\1\0" + b"\0\4\0\x08\xc0\0\2\1\xc0\0\2\x42", True),
        (b"\0\1\0" + b"\0\6\0\x10" + bytes.fromhex("20010db8" + "0" * 22 + "42"), True),
        (b"\0\1\0" + b"\0\4\0\4\xc0\0\2\1", False),
    ],
)
def test_service_records_lead_to_targets_and_hints(
    rtype: int,
    rdata: bytes,
    is_blocked: bool,  # noqa: FBT001
) -> None:
    lists = lists_of("||tracker.example^\n192.0.2.66\n2001:db8::42\n")
    answer = resolved(RRset(name(WWW), rtype, 60, (rdata,)), qtype=rtype)
    assert (after(lists, answer).source is Source.BLOCKED) is is_blocked


def test_addresses_count_where_lists_hold_some() -> None:
    lists = lists_of("192.0.2.66\n")
    assert after(lists, chain("a.example.", address=b"\xc0\0\2\x42")).source is Source.BLOCKED
    answer = chain("a.example.", address=b"\xc0\0\2\x43")
    assert after(lists, answer) is answer


def test_a_rule_for_cname_only_looks_at_targets_and_one_that_is_not_does_not() -> None:
    """As AdGuard has it: a target is looked at as a CNAME."""
    answer = chain("tracker.example.")
    only = lists_of("||tracker.example^$dnstype=CNAME\n")
    assert after(only, answer).source is Source.BLOCKED
    assert not blocks(only, "tracker.example.")
    never = lists_of("||tracker.example^$dnstype=~CNAME\n")
    assert after(never, answer) is answer
    assert blocks(never, "tracker.example.")


def test_failures_are_left_as_they_are() -> None:
    answer = resolved(rcode=Rcode.SERVFAIL)
    assert after(lists_of("||shop.example^\n"), answer) is answer


def test_what_depends_on_the_client_is_no_packet_for_others() -> None:
    """A packet is for all clients of a view, and of views that are treated alike."""
    lists = lists_of("||a.example^$client=192.0.2.9\n||b.example^\n||c.example^$client=kids\n")
    one, other = told(lists, "a.example."), told(lists, "b.example.")
    assert one is not None
    assert other is not None
    assert (one.lifetime_s, other.lifetime_s) == (0.0, float("inf"))
    assert told(lists, "a.example.", source="192.0.2.8") is None
    assert after(lists, chain("a.example."), source="192.0.2.8").lifetime_s == 0.0
    assert after(lists, chain("x.c.example.")).lifetime_s == 0.0
    answer = chain("d.example.")
    assert after(lists, answer) is answer


def test_a_rewriting_to_another_name_leads_on() -> None:
    lists = lists_of("||a.example^$dnsrewrite=b.example\n")
    answer = told(lists, "a.example.", RRType.AAAA)
    assert answer is not None
    assert answer.onward == asked("b.example.", RRType.AAAA).question
    alias = told(lists, "a.example.", RRType.CNAME)
    assert alias is not None
    assert alias.onward is None


def test_a_list_for_a_tag_is_for_those_who_have_it() -> None:
    uses = (
        ListUse("block 0", "ads"), ListUse("block 1", "games", tags=frozenset({"kids", "teens"})),
    )  # fmt: skip
    lists = lists_of("||ads.example^\n", "||games.example^\n", policy=Policy(uses=uses))
    query = asked("games.example.")
    assert lists.step().before(query) is None
    assert lists.step(frozenset({"kids"})).before(query) is not None
    assert lists.step(frozenset({"guests"})).before(query) is None
    assert lists.step(frozenset({"kids"})) is lists.step(frozenset({"kids"}))


def test_a_swap_takes_effect_at_once_and_packets_are_forgotten() -> None:
    """All by what an operator wants for a while; else who swaps forgets what is touched."""
    lists, flushed = lists_of("||a.example^\n"), list[str]()
    lists.on_change = lambda: flushed.append("all")
    lists.on_use = lambda: flushed.append("touched")
    step = lists.step()
    lists.use(table_of("||b.example^\n"))
    assert step.before(asked("a.example.")) is None
    assert step.before(asked("b.example.")) is not None
    lists.go_by(Policy())  # the list is not in the configuration any more
    assert step.before(asked("b.example.")) is None
    lists.use(None)
    lists.override((), (), paused=True)
    assert flushed == ["touched", "touched", "all"]


def test_what_lists_have_a_word_on_is_told_from_the_rest() -> None:
    lists = lists_of("||a.example^\n/^ads/\n")
    touched = lists.touched_by(table_of("||b.example^\n"))
    assert touched is not None
    names_of = map(names.from_text, ("a.example.", "x.b.example.", "ads.net.", "c.example.", "."))
    assert [touched(name) for name in names_of] == [True, True, True, False, False]
    assert lists.touched_by(table_of("||192.0.2.1^\n")) is None


@pytest.mark.reaches("LIST_LEADING")
def test_names_that_lead_to_a_listed_one_are_known_as_far_as_there_is_room() -> None:
    lists = lists_of("||a.example^\n")
    for number in range(LIST_LEADING):
        touched = lists.touched_by(None)
        assert touched is not None
        name = names.from_text(f"n{number}.example.")
        assert not touched(name)
        lists.note_leading(name)
        assert touched(name)
    assert lists.touched_by(None) is None
    lists.use(None)
    assert lists.touched_by(None) is not None


def test_a_pause_blocks_nobody() -> None:
    lists = lists_of("||a.example^\n/^ads/\n")
    lists.override((), (), paused=True)
    assert not blocks(lists, "a.example.")
    answer = chain("a.example.")
    assert after(lists, answer) is answer
    lists.override((), (), paused=False)
    assert blocks(lists, "a.example.")


def test_an_operator_lets_through_and_blocks() -> None:
    lists = lists_of("||a.example^$important\n@@||b.example^\n")
    lists.override([name("a.example.")], [name("b.example."), name("c.example.")], paused=False)
    assert not blocks(lists, "www.a.example.")
    assert blocks(lists, "www.b.example.")
    assert blocks(lists, "c.example.")
    assert not blocks(lists, "example.")


def test_without_any_list_an_operator_blocks_all_the_same() -> None:
    lists = Lists()
    assert not blocks(lists, "c.example.")
    lists.override([], [name("c.example.")], paused=False)
    assert blocks(lists, "c.example.")
    assert after(lists, chain("c.example.")).source is Source.BLOCKED


def test_names_by_which_devices_go_elsewhere_do_not_exist_if_wanted() -> None:
    lists = Lists()
    lists.go_by(Policy(canaries=frozenset((*FIREFOX, *ICLOUD))))
    for text in ("use-application-dns.net.", "mask.icloud.com.", "mask-h2.icloud.com."):
        answer = told(lists, text)
        assert answer is not None
        assert answer.rcode == Rcode.NXDOMAIN
        assert [one.rtype for one in answer.authority] == [RRType.SOA]
    assert told(lists, "www.icloud.com.") is None
