"""What the server says about itself (RFC 4892)."""

from __future__ import annotations

import pytest

from resolver.model import Question
from resolver.policy.chaos import chaos_answer
from resolver.protocol import names
from resolver.protocol.chaos_names import DAEMON, DAEMON_TEXT
from resolver.protocol.codes import Rcode, RRClass, RRType


def question(name: str, qtype: int = RRType.TXT, qclass: int = RRClass.CH) -> Question:
    return Question(names.from_text(name), qtype, qclass)


@pytest.mark.rfc("RFC 4892 §2")
@pytest.mark.parametrize("name", ["version.bind.", "id.server.", "other.name."])
def test_nothing_is_told_by_default(name: str) -> None:
    answer = chaos_answer(question(name))
    assert answer is not None
    assert answer.rcode == Rcode.REFUSED


@pytest.mark.rfc("4892")
def test_what_is_configured_is_told() -> None:
    answer = chaos_answer(question("id.server."), version="7", identity="here")
    assert answer is not None
    assert answer.answer[0].rdatas == (b"\x04here",)
    answer = chaos_answer(question("version.server."), version="7", identity="here")
    assert answer is not None
    assert answer.answer[0].rdatas == (b"\x017",)


def test_another_type_has_no_data() -> None:
    answer = chaos_answer(question("id.server.", RRType.A), identity="here")
    assert answer is not None
    assert (answer.rcode, answer.answer) == (Rcode.NOERROR, ())


def test_the_internet_class_is_not_our_business() -> None:
    assert chaos_answer(question("version.bind.", qclass=RRClass.IN)) is None


def test_the_daemon_is_known_by_a_name_of_its_own() -> None:
    """`resolver query` must not take another resolver on this machine for ours."""
    answer = chaos_answer(Question(DAEMON, RRType.TXT, RRClass.CH))
    assert answer is not None
    assert answer.answer[0].rdatas == (DAEMON_TEXT,)
