"""NOTIFY (RFC 1996): from primaries of policy zones, and for those."""

from __future__ import annotations

import pytest

from resolver.model import Query
from resolver.policy.rpz_notify import Notified
from resolver.protocol.codes import Rcode
from resolver.protocol.message import Message
from resolver.protocol.names import from_text
from tests.making import question

NOTIFY = 4 << 11
ZONE, PRIMARY = from_text("rpz.test."), bytes((192, 0, 2, 1))


@pytest.mark.rfc("1996 3.10")
def test_a_primary_is_heard_and_answered() -> None:
    told: list[bytes] = []
    step = Notified({ZONE: frozenset({PRIMARY})}, told.append)
    answer = step.before(Query(Message.asking(question("rpz.test. SOA"), NOTIFY), source=PRIMARY))
    assert answer is not None
    assert (answer.rcode, answer.is_authoritative, told) == (Rcode.NOERROR, True, [ZONE])


@pytest.mark.parametrize(
    ("text", "flags", "source"),
    [
        ("rpz.test. SOA", NOTIFY, b"\xc0\0\2\2"),
        ("rpz.test. SOA", NOTIFY, b""),
        ("rpz.test. SOA", 0, PRIMARY),
        ("rpz.test. A", NOTIFY, PRIMARY),
        ("other.test. SOA", NOTIFY, PRIMARY),
    ],
)
def test_nothing_else_is_for_it(text: str, flags: int, source: bytes) -> None:
    told: list[bytes] = []
    step = Notified({ZONE: frozenset({PRIMARY})}, told.append)
    assert step.before(Query(Message.asking(question(text), flags), source=source)) is None
    assert told == []
