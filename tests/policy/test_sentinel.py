"""RFC 8509: a resolver tells which root keys it trusts by failing, or not."""

from __future__ import annotations

import pytest

from resolver.dnssec.anchors import builtin_root
from resolver.model import Question, Status
from resolver.policy.sentinel import must_fail, root_key_tags
from resolver.protocol import names
from resolver.protocol.codes import RRType

TAGS = root_key_tags(builtin_root())


@pytest.mark.rfc("RFC 8509 §3")
@pytest.mark.parametrize(
    ("label", "expected"),
    [
        ("root-key-sentinel-is-ta-20326", False),
        ("root-key-sentinel-is-ta-00001", True),
        ("root-key-sentinel-not-ta-20326", True),
        ("root-key-sentinel-not-ta-00001", False),
        ("Root-Key-Sentinel-Not-TA-20326", True),
        ("root-key-sentinel-is-ta-1", False),
        ("root-key-sentinel-is-ta-abcde", False),
        ("www", False),
    ],
)
def test_the_table_of_section_3(label: str, *, expected: bool) -> None:
    question = Question(names.from_text(f"{label}.example."), RRType.A)
    assert must_fail(question, Status.SECURE, TAGS, checking=True) is expected


@pytest.mark.rfc("RFC 8509 §3")
def test_only_secure_addresses_that_were_checked_are_changed() -> None:
    qname = names.from_text("root-key-sentinel-not-ta-20326.example.")
    address = Question(qname, RRType.AAAA)
    assert must_fail(address, Status.SECURE, TAGS, checking=True)
    assert not must_fail(address, Status.INSECURE, TAGS, checking=True)
    assert not must_fail(address, Status.SECURE, TAGS, checking=False)
    assert not must_fail(Question(qname, RRType.TXT), Status.SECURE, TAGS, checking=True)
    assert not must_fail(address, Status.SECURE, frozenset(), checking=True)
