"""An ordered list of steps: the first that answers is the last; others change what is said."""

from __future__ import annotations

from dataclasses import replace

from resolver.model import Answer, Query, Question, RRset, View
from resolver.policy.path import EVERY_ANSWER, PolicyPath, Step
from resolver.protocol.codes import Flag, Rcode, RRType
from resolver.protocol.message import Message
from tests.making import question

WWW = question("www.example. A")
QUERY = Query(Message.asking(WWW, Flag.RD))


class Says(Step):
    """Answers one name with an rcode."""

    def __init__(self, asked: Question, rcode: int) -> None:
        self.name = f"says {rcode}"
        self._asked = asked
        self._rcode = rcode

    def before(self, query: Query) -> Answer | None:
        return Answer(query.question, self._rcode) if query.question == self._asked else None


class Adds(Step):
    """Adds to the rcode, so that the order shows."""

    def __init__(self, digit: int) -> None:
        self.name = f"adds {digit}"
        self._digit = digit

    def after(self, query: Query, answer: Answer) -> Answer:
        assert query is QUERY
        return replace(answer, rcode=answer.rcode * 10 + self._digit)


class Shuts(Step):
    def admits(self, source: bytes) -> bool:
        return source != b"\1\1\1\1"


def test_the_first_step_that_answers_is_the_last() -> None:
    path = PolicyPath(View(), [Says(question("other. A"), 1), Says(WWW, 2), Says(WWW, 3)])
    answer = path.before(QUERY)
    assert answer is not None
    assert answer.rcode == 2
    assert PolicyPath(View()).before(QUERY) is None


def test_answers_go_through_all_steps_in_order_and_stay_what_they_were() -> None:
    resolved = Answer(WWW, Rcode.NOERROR)
    path = PolicyPath(View(), [Adds(1), Says(WWW, 5), Adds(2)])
    assert path.after(QUERY, resolved).rcode == 12
    assert resolved.rcode == Rcode.NOERROR


class Wants(Step):
    """Needs another answer, and counts its rcode in."""

    name = "wants"

    def __init__(self, asked: Question | None) -> None:
        self._asked = asked

    def beside(self, query: Query, answer: Answer) -> Question | None:
        del query, answer
        return self._asked

    def joined(self, query: Query, answer: Answer, other: Answer) -> Answer:
        del query
        return replace(answer, rcode=answer.rcode + 100 + other.rcode)


def test_a_step_may_want_another_answer_beside() -> None:
    other = question("www.example. AAAA")
    resolved, found = Answer(WWW, Rcode.NOERROR), Answer(other, 5)
    path = PolicyPath(View(), [Wants(None), Wants(other), Wants(WWW)])
    assert path.changes_answers
    beside = path.beside(QUERY, resolved)
    assert beside is not None
    assert (beside.query.question, beside.query.message.flags) == (other, Flag.RD)
    assert path.joined(QUERY, resolved, beside, found).rcode == 105
    assert PolicyPath(View(), [Wants(None)]).beside(QUERY, resolved) is None
    assert not path.asks_beside(QUERY)


def test_what_policy_answers_or_changes_is_no_answer_beside() -> None:
    other = question("www.example. AAAA")
    resolved = Answer(WWW, Rcode.NOERROR)
    answered = PolicyPath(View(), [Says(other, 3), Wants(other)])
    assert answered.beside(QUERY, resolved) is None
    changes = PolicyPath(View(), [Wants(other), Drops()])
    beside = changes.beside(QUERY, resolved)
    assert beside is not None
    assert changes.joined(QUERY, resolved, beside, Answer(other, 0)) is resolved


class Drops(Step):
    """Leaves nothing of any answer."""

    def after(self, query: Query, answer: Answer) -> Answer:
        del query
        return replace(answer, rcode=Rcode.REFUSED)


def test_one_step_is_enough_to_keep_a_client_from_packets() -> None:
    path = PolicyPath(View(), [Adds(1), Shuts()])
    assert not path.admits(b"\1\1\1\1")
    assert path.admits(b"\2\2\2\2")


def test_the_path_is_printed_as_it_is_walked() -> None:
    path = PolicyPath(View(), [Says(WWW, 1), Adds(1), Says(WWW, 2), Shuts(), Wants(None)])
    assert str(path) == "says 1, says 2 | adds 1, wants"


def test_a_step_is_asked_only_of_answers_that_have_what_it_looks_for() -> None:
    """Whose set it is may change it: lists come and go while the path stays."""
    adds, wanted = Adds(1), {int(RRType.CNAME)}
    adds.looks_for = wanted
    path = PolicyPath(View(), [adds, Adds(2)])
    address = RRset(WWW.qname, RRType.A, 60, (bytes(4),))
    alias = RRset(WWW.qname, RRType.CNAME, 60, (WWW.qname,))

    def rcode(*rrsets: RRset) -> int:
        return path.after(QUERY, Answer(WWW, Rcode.NOERROR, answer=rrsets)).rcode

    assert [rcode(), rcode(address), rcode(address, alias)] == [2, 2, 12]
    wanted.add(RRType.A)
    assert [rcode(), rcode(address)] == [2, 12]
    wanted.add(EVERY_ANSWER)
    assert rcode() == 12
