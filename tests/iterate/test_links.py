"""What an answer section says of a name: its data, or the alias that leads on."""

from __future__ import annotations

import pytest

from resolver.iterate.links import follow
from resolver.iterate.scrub import scrub
from resolver.model import Server, Verdict
from tests.making import name, question, reply

ZONE = name("example.")
SERVER = Server("192.0.2.1")
ADDRESS = "www.example. 60 A 192.0.2.9"
ALIAS = "www.example. 60 CNAME x.example."
SUBTREE = "example. 60 DNAME y.example."


def verdict(asked: str, *answer: str, rcode: int = 0) -> Verdict | None:
    """Of the first link, None if the section says nothing of the name."""
    message = reply(asked, answer=answer)
    links, _ = follow(question(asked), scrub(message, ZONE), ZONE, SERVER, rcode=rcode)
    return links[0].verdict if links else None


@pytest.mark.rfc("RFC 2181 §10.1")
@pytest.mark.parametrize(
    ("answer", "found"),
    [
        ([ADDRESS], Verdict.ANSWER),
        ([ALIAS], Verdict.CNAME),
        ([ADDRESS, ALIAS], Verdict.ANSWER),
        ([ALIAS, ADDRESS], Verdict.CNAME),
        ([SUBTREE, ALIAS, ADDRESS], Verdict.DNAME),
        ([ADDRESS, SUBTREE, ALIAS], Verdict.ANSWER),
    ],
)
def test_of_data_and_alias_at_one_name_the_first_holds(answer: list[str], found: Verdict) -> None:
    assert verdict("www.example. A", *answer) is found


def test_an_alias_that_was_asked_for_is_data() -> None:
    assert verdict("www.example. CNAME", ALIAS, ADDRESS) is Verdict.ANSWER


@pytest.mark.rfc("RFC 6604 §3")
def test_a_name_whose_rcode_is_an_error_has_no_data() -> None:
    assert verdict("www.example. A", ADDRESS, rcode=3) is None
    assert verdict("www.example. ANY", ADDRESS, rcode=3) is None
    assert verdict("www.example. A", ALIAS, rcode=3) is Verdict.CNAME
    assert verdict("www.example. CNAME", ALIAS, rcode=3) is Verdict.CNAME
