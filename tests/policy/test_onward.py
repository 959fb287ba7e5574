"""Aliases that policy tells: what they lead to meets the same policy, and is joined to them."""

from __future__ import annotations

import pytest

from resolver.limits import CHAIN_LENGTH
from resolver.model import DROPPED, Answer, Ede, Query, Question, RRset, Source, Status, View
from resolver.policy.onward import alone, ask_policy, joined
from resolver.policy.path import PolicyPath, Step
from resolver.protocol.codes import Flag, Rcode, RRType
from resolver.protocol.message import Message
from tests.making import name, question, rrset

WWW = question("www.example. A")
QUERY = Query(Message.asking(WWW, Flag.RD | Flag.CD), b"octets")


class Leads(Step):
    """Tells aliases; *ends* is the last word on a name."""

    def __init__(self, aliases: dict[str, str], ends: dict[str, Answer]) -> None:
        self._aliases = {name(one): name(other) for one, other in aliases.items()}
        self._ends = {name(one): answer for one, answer in ends.items()}

    def before(self, query: Query) -> Answer | None:
        owner = query.question.qname
        target = self._aliases.get(owner)
        if target is None:
            return self._ends.get(owner)
        alias = RRset(owner, RRType.CNAME, 60, (target,))
        onward = Question(target, query.question.qtype)
        return Answer(query.question, 0, (alias,), is_authoritative=True, onward=onward)


def policy(aliases: dict[str, str], **ends: Answer) -> PolicyPath:
    return PolicyPath(View(), [Leads(aliases, {f"{one}.": end for one, end in ends.items()})])


def test_what_policy_does_not_answer_is_asked_as_it_came() -> None:
    told = ask_policy(policy({}), QUERY)
    assert told == ((), QUERY, None)


def test_the_end_of_the_chain_is_asked_by_the_same_client() -> None:
    path = policy({"www.example.": "a.example.", "a.example.": "b.example."})
    told = ask_policy(path, QUERY)
    assert len(told.aliases) == 2
    assert told.answer is None
    assert told.asked.question == question("b.example. A")
    assert told.asked.message.flags == Flag.RD | Flag.CD
    assert (told.asked.client, told.asked.octets) == (QUERY.client, b"")


@pytest.mark.parametrize("end", [DROPPED, Answer(question("a. A"), Rcode.REFUSED)])
def test_policy_has_the_word_on_the_target_too(end: Answer) -> None:
    told = ask_policy(policy({"www.example.": "a."}, a=end), QUERY)
    assert told.answer is end


@pytest.mark.reaches("CHAIN_LENGTH")
def test_a_circle_ends_and_so_does_what_leads_too_far() -> None:
    told = ask_policy(policy({"www.example.": "a.", "a.": "www.example."}), QUERY)
    assert told.answer is not None
    assert (told.answer.rcode, told.answer.question) == (Rcode.SERVFAIL, WWW)
    far = {f"n{number}.": f"n{number + 1}." for number in range(CHAIN_LENGTH)}
    asked = Query(Message.asking(question("n0. A"), 0))
    assert len(ask_policy(policy(far), asked).aliases) == CHAIN_LENGTH
    far[f"n{CHAIN_LENGTH}."] = "end."
    assert ask_policy(policy(far), asked).answer is not None


def test_alias_and_target_are_one_answer_that_nobody_signed() -> None:
    aliases = ask_policy(policy({"www.example.": "a."}), QUERY).aliases
    address = rrset("a. 300 A 192.0.2.1")
    last = Answer(
        question("a. A"), Rcode.NXDOMAIN, (address,), status=Status.SECURE, lifetime_s=9.0,
        ede=(Ede(3, ""),), sources=(Source.NETWORK,), renew_after_s=7.0,
    )  # fmt: skip
    whole = joined(aliases, last)
    assert whole.question == WWW
    assert whole.answer == (rrset("www.example. 60 CNAME a."), address)
    assert (whole.rcode, whole.status) == (Rcode.NXDOMAIN, Status.INSECURE)
    assert (whole.lifetime_s, whole.renew_after_s, whole.ede) == (9.0, 7.0, last.ede)
    assert (whole.source, whole.is_authoritative) == (Source.NETWORK, True)
    assert last.answer == (address,)
    assert joined((), last) is last
    failed = joined(aliases, Answer(question("a. A"), Rcode.SERVFAIL))
    assert (failed.rcode, failed.question, failed.answer) == (Rcode.SERVFAIL, WWW, ())
    assert alone(aliases).answer == (rrset("www.example. 60 CNAME a."),)
