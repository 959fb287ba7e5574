"""Names that stand for others: an alias that leads on, of any type, as far as names may be long."""

from __future__ import annotations

import pytest

from resolver.limits import LOCAL_TTL_SECONDS
from resolver.model import Query
from resolver.policy.rewrite import Rewriting
from resolver.protocol.codes import Rcode, RRClass
from resolver.protocol.message import Message
from tests.making import name, question, rrset

RULES = [
    ("*.eth", "*.eth.limo"),
    ("*.sub.eth", "sub.example"),
    ("old.example", "new.example"),
    ("*.all.example", "one.example"),
]
STEP = Rewriting((name(old), name(new)) for old, new in RULES)


@pytest.mark.parametrize(
    ("asked", "leads_to"),
    [
        ("vitalik.eth. A", "vitalik.eth.limo. A"),
        ("_dnslink.vitalik.eth. TXT", "_dnslink.vitalik.eth.limo. TXT"),
        ("eth. A", None),
        ("eth.limo. A", None),
        ("a.b.sub.eth. A", "sub.example. A"),
        ("sub.eth. A", "sub.eth.limo. A"),
        ("old.example. MX", "new.example. MX"),
        ("x.old.example. A", None),
        ("x.all.example. AAAA", "one.example. AAAA"),
        ("notheth. A", None),
    ],
)
def test_the_closest_rule_counts(asked: str, leads_to: str | None) -> None:
    answer = STEP.before(Query(Message.asking(question(asked), 0)))
    if leads_to is None:
        assert answer is None
        return
    assert answer is not None
    assert answer.onward == question(leads_to)
    owner, target = asked.split(maxsplit=1)[0], leads_to.split()[0]
    assert answer.answer == (rrset(f"{owner} {LOCAL_TTL_SECONDS} CNAME {target}"),)


def test_a_name_that_would_be_too_long_is_told_to_be() -> None:
    long = question(".".join(["x" * 62] * 3 + ["y" * 58]) + ".eth. A")
    answer = STEP.before(Query(Message.asking(long, 0)))
    assert answer is not None
    assert answer.rcode == Rcode.YXDOMAIN


def test_another_class_has_no_such_names() -> None:
    asked = question("vitalik.eth. A")._replace(qclass=RRClass.CH)
    assert STEP.before(Query(Message.asking(asked, 0))) is None
