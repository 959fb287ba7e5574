"""3 may they: which root keys this resolver trusts, for those who ask by name (RFC 8509).

A query for `root-key-sentinel-is-ta-20326.example.` is answered as usual if key 20326 is trusted
for the root, and with SERVFAIL if not; `not-ta` the other way round. Only answers that were
validated as secure are changed, so that nobody but the zone's owner can run the test.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from resolver.model import Answer, Ede, Status
from resolver.policy.path import Step
from resolver.protocol import names
from resolver.protocol.codes import EdeCode, Rcode, RRType

if TYPE_CHECKING:
    from collections.abc import Callable
    from collections.abc import Set as AbstractSet

    from resolver.dnssec.anchors import Anchors
    from resolver.model import Query, Question

_EITHER: Final = b"root-key-sentinel-"
_IS_TA: Final = b"root-key-sentinel-is-ta-"
_NOT_TA: Final = b"root-key-sentinel-not-ta-"
_DIGITS: Final = 5


class Sentinel(Step):
    """*root_tags*: those of the keys that are trusted now."""

    name = "root key sentinel"

    def __init__(self, root_tags: Callable[[], frozenset[int]]) -> None:
        self._root_tags = root_tags

    def after(self, query: Query, answer: Answer) -> Answer:
        message = query.message
        if not message.qname.startswith(_EITHER, 1):
            return answer
        question, checking = message.question, not message.cd
        if not must_fail(question, answer.status, self._root_tags(), checking=checking):
            return answer
        return Answer(
            question,
            Rcode.SERVFAIL,
            ede=(Ede(EdeCode.DNSSEC_BOGUS, "root key sentinel (RFC 8509)"),),
            sources=answer.sources,
        )


def must_fail(
    question: Question, status: Status, root_key_tags: AbstractSet[int], *, checking: bool
) -> bool:
    """True if the answer must be turned into SERVFAIL; *checking* is false for CD=1 queries."""
    if not checking or status is not Status.SECURE or not root_key_tags:
        return False
    if question.qtype not in (RRType.A, RRType.AAAA) or question.qname == names.ROOT:
        return False
    label = question.qname[1 : 1 + question.qname[0]]
    for prefix, fails_if_trusted in ((_IS_TA, False), (_NOT_TA, True)):
        tag = label.removeprefix(prefix)
        if label.startswith(prefix) and len(tag) == _DIGITS and tag.isdigit():
            return (int(tag) in root_key_tags) is fails_if_trusted
    return False


def root_key_tags(anchors: Anchors) -> frozenset[int]:
    """Tags of the root keys in *anchors*; empty without a root anchor."""
    anchor = anchors.by_name.get(names.ROOT)
    return frozenset() if anchor is None else anchor.key_tags()
