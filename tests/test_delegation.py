"""The address book of a zone cut: what is known stays known, and what runs is run once."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolver.delegation import AddressBook, Delegation, KnownAddresses, Server
from resolver.model import Question
from resolver.protocol.codes import RRType
from tests.making import name

FAMILIES = (RRType.A, RRType.AAAA)
NS1, NS2 = name("ns1.elsewhere.test."), name("ns2.elsewhere.test.")
GLUE = Server("192.0.2.1", 53, NS1)
FOUND = Server("192.0.2.2", 53, NS1)
SIXTH = Server("2001:db8::2", 53, NS1)
HALF_A_MINUTE = 30.0


def book(*, has_glue: bool = True) -> AddressBook:
    """ns1, with glue if it *has_glue*, and ns2 without."""
    return AddressBook((NS1, NS2), {NS1: (GLUE,)} if has_glue else {})


def asked(one: bytes, rtype: int = RRType.A) -> Question:
    return Question(one, rtype)


def look_up(made: AddressBook, one: bytes, *found: Server, rtype: int = RRType.A) -> None:
    """A whole look-up of one type, good for half a minute from 0."""
    made.begin(asked(one, rtype), good_until=HALF_A_MINUTE)
    made.settle(asked(one, rtype), found)


def test_glue_is_asked_and_names_without_it_are_looked_up() -> None:
    made = book()
    assert list(made.servers) == [GLUE]
    assert list(made.unresolved) == [NS2]


@pytest.mark.rfc("RFC 1034 §5.3.3")
def test_a_look_up_that_fails_or_finds_none_takes_no_glue_away() -> None:
    made = book()
    for end in (made.fail, made.abandon, lambda question: made.settle(question, ())):
        made.begin(asked(NS1), good_until=HALF_A_MINUTE)
        end(asked(NS1))
        assert list(made.servers) == [GLUE]
    made.expire(HALF_A_MINUTE)
    assert list(made.servers) == [GLUE]


def test_what_is_looked_up_comes_beside_the_glue() -> None:
    made = book()
    look_up(made, NS1, FOUND)
    assert list(made.servers) == [GLUE, FOUND]
    look_up(made, NS1, FOUND)
    assert list(made.servers) == [GLUE, FOUND]


def test_one_address_is_one_server_whatever_its_names() -> None:
    made = book()
    look_up(made, NS2, GLUE._replace(nameserver=NS2))
    assert list(made.servers) == [GLUE]
    assert made.of(NS2) == (GLUE._replace(nameserver=NS2),)


def test_a_name_that_is_looked_up_is_nobody_elses_to_look_up() -> None:
    made = book()
    made.begin(asked(NS2), good_until=HALF_A_MINUTE)
    assert list(made.unresolved) == []
    assert list(made.searching()) == [NS2]
    assert made.open_types(NS2, FAMILIES) == [RRType.AAAA]
    made.settle(asked(NS2), ())
    assert list(made.searching()) == []


@pytest.mark.rfc("RFC 9520 §3.2")
def test_none_holds_for_a_while_and_a_failure_is_anybodys_to_try_again() -> None:
    made = book()
    look_up(made, NS2)
    assert list(made.unresolved) == []
    made.expire(HALF_A_MINUTE - 1)
    assert list(made.unresolved) == []
    made.expire(HALF_A_MINUTE)
    assert list(made.unresolved) == [NS2]
    for end in (made.fail, made.abandon):
        made.begin(asked(NS2), good_until=HALF_A_MINUTE)
        end(asked(NS2))
        assert list(made.unresolved) == [NS2]


def test_no_address_of_one_type_is_not_none_while_the_other_failed() -> None:
    made = book()
    for rtype in FAMILIES:
        made.begin(asked(NS2, rtype), good_until=HALF_A_MINUTE)
    made.settle(asked(NS2), ())
    assert made.unresolved == ()  # the other still runs
    made.fail(asked(NS2, RRType.AAAA))
    assert list(made.unresolved) == [NS2]


def test_a_type_that_was_given_up_may_be_begun_again_and_one_that_failed_not_at_once() -> None:
    made = book()
    for rtype in FAMILIES:
        made.begin(asked(NS1, rtype), good_until=HALF_A_MINUTE)
    made.fail(asked(NS1))
    made.abandon(asked(NS1, RRType.AAAA))
    assert made.open_types(NS1, FAMILIES) == [RRType.AAAA]
    made.expire(HALF_A_MINUTE)
    assert made.open_types(NS1, FAMILIES) == list(FAMILIES)


def test_what_was_looked_up_ends_in_its_time_and_is_looked_up_again_where_it_was_news() -> None:
    """Where parent and child differ, the glue is asked meanwhile: it may be the one that works."""
    made = book()
    look_up(made, NS1, FOUND)
    assert list(made.unresolved) == [NS2]
    made.expire(HALF_A_MINUTE)
    assert list(made.servers) == [GLUE]
    assert list(made.unresolved) == [NS1, NS2]
    look_up(made, NS1, GLUE)  # they agree by now
    made.expire(HALF_A_MINUTE)
    assert list(made.unresolved) == [NS2]


def test_nothing_expires_while_it_is_looked_up() -> None:
    made = book()
    made.begin(asked(NS2), good_until=HALF_A_MINUTE)
    made.expire(HALF_A_MINUTE + 1)
    assert list(made.searching()) == [NS2]
    made.settle(asked(NS2), (FOUND,))
    assert list(made.servers) == [GLUE, FOUND]


def test_what_another_referral_gave_ends_with_that_referrals_delegation() -> None:
    made = book(has_glue=False)
    assert made.lend({NS1: KnownAddresses((GLUE,), 100.0)})
    assert not made.lend({NS1: KnownAddresses((GLUE,), 200.0)})
    assert list(made.servers) == [GLUE]
    assert made.due_at == 100.0
    made.expire(100.0)
    assert list(made.servers) == []
    assert list(made.unresolved) == [NS1, NS2]


def test_the_cache_counts_as_a_look_up() -> None:
    made = book()
    made.keep({NS2: KnownAddresses((FOUND,), 50.0)})
    assert list(made.servers) == [GLUE, FOUND]
    assert list(made.unresolved) == []
    made.expire(50.0)
    assert list(made.servers) == [GLUE]
    assert list(made.unresolved) == [NS2]


def test_what_is_known_by_glue_alone_is_unconfirmed() -> None:
    """Glue met by a look-up is still glue: the name's own servers were not asked."""
    made = book()
    assert made.unconfirmed(FAMILIES) == [NS1]
    made.begin(asked(NS2), good_until=HALF_A_MINUTE)
    made.settle(asked(NS2), (FOUND,), is_glue=True)
    assert made.unconfirmed(FAMILIES) == [NS1, NS2]
    for one in (NS1, NS2):
        for rtype in FAMILIES:
            look_up(made, one, rtype=rtype)
    assert made.unconfirmed(FAMILIES) == []
    assert list(made.servers) == [GLUE, FOUND]


def test_who_waits_is_told_once_however_a_look_up_ends() -> None:
    for end in ("settle", "fail", "abandon"):
        made = book()
        told: list[str] = []
        made.begin(asked(NS2), good_until=HALF_A_MINUTE)
        made.watch(lambda end=end, told=told: told.append(end))  # type: ignore[misc]
        getattr(made, end)(asked(NS2), *([()] if end == "settle" else []))
        made.abandon(asked(NS2))  # it is over: without effect
        assert told == [end]


def test_delegations_are_equal_by_what_their_parent_said() -> None:
    one, other = (Delegation(b"\0", (NS1,), {NS1: (GLUE,)}) for _ in range(2))
    look_up(one.book, NS1, FOUND)
    assert one == other


STEPS = st.lists(
    st.tuples(
        st.sampled_from(("begin", "settle", "glue", "fail", "abandon", "lend", "keep", "expire")),
        st.sampled_from((NS1, NS2)),
        st.sampled_from(FAMILIES),
        st.sampled_from(((), (GLUE,), (FOUND,), (FOUND, SIXTH))),
        st.floats(0, 60),
    ),
    max_size=40,
)


@given(STEPS)
def test_whatever_happens_the_rules_hold(
    steps: list[tuple[str, bytes, int, tuple[Server, ...], float]],
) -> None:
    """Glue stays, no address counts twice, and no name is both looked up and to be looked up."""
    made, now, running = book(), 0.0, set()
    for step, one, rtype, servers, later in steps:
        question = asked(one, rtype)
        if step == "begin" and question not in running:
            made.begin(question, good_until=now + HALF_A_MINUTE)
            running.add(question)
        elif step in ("settle", "glue") and question in running:
            made.settle(question, servers, is_glue=step == "glue")
            running.discard(question)
        elif step == "fail" and question in running:
            made.fail(question)
            running.discard(question)
        elif step == "abandon":
            made.abandon(question)
            running.discard(question)
        elif step == "lend" and servers:
            made.lend({one: KnownAddresses(servers, now + later)})
        elif step == "keep" and one in made.unresolved:
            made.keep({one: KnownAddresses(servers, now + later)})
        elif step == "expire":
            now += later
            made.expire(now)
            assert made.due_at > now
        assert GLUE in made.servers
        assert len({server[:2] for server in made.servers}) == len(made.servers)
        assert set(made.searching()) == {question.qname for question in running}
        assert not set(made.unresolved) & set(made.searching())
        assert set(made.servers) <= {*made.of(NS1), *made.of(NS2)}
    for question in list(running):
        made.abandon(question)
    made.expire(now + 100)
    assert list(made.servers) == [GLUE]
    assert NS2 in made.unresolved
