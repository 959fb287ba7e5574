"""Names that stand for others: `*.eth` for `*.eth.limo`. The client sees an alias, which leads on.

What is asked is resolved as its other name, of any type: a TXT record at `_dnslink.name.eth` is the
one at `_dnslink.name.eth.limo`. The longest *from* that fits counts. Pure.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from resolver.limits import LOCAL_TTL_SECONDS
from resolver.model import Answer, Question, Status
from resolver.policy.path import Step
from resolver.protocol import names
from resolver.protocol.codes import Rcode, RRClass, RRType
from resolver.protocol.message import RRset

if TYPE_CHECKING:
    from collections.abc import Iterable

    from resolver.model import Name, Query


class Rewriting(Step):
    """*rules* are pairs of names. A wildcard ("*.eth") stands for all names below, and its other
    side ("*.eth.limo") for the same names elsewhere, or, without one, for a single name."""

    name = "rewriting"

    def __init__(self, rules: Iterable[tuple[Name, Name]]) -> None:
        self._exact: dict[Name, Name] = {}
        self._below: dict[Name, Name] = {}
        for old, new in rules:
            if names.is_wildcard(old):
                self._below[names.parent(old)] = new
            else:
                self._exact[old] = new

    def before(self, query: Query) -> Answer | None:
        question = query.question
        if question.qclass != RRClass.IN:
            return None
        try:
            target = self._target(question.qname)
        except ValueError:  # over 255 octets
            return Answer(question, Rcode.YXDOMAIN, status=Status.INSECURE)
        if target is None or target == question.qname:
            return None
        alias = RRset(question.qname, RRType.CNAME, LOCAL_TTL_SECONDS, (target,))
        onward = Question(target, question.qtype, question.qclass)
        return Answer(
            question, Rcode.NOERROR, answer=(alias,), status=Status.INSECURE, onward=onward
        )

    def _target(self, qname: Name) -> Name | None:
        exact = self._exact.get(qname)
        if exact is not None:
            return exact
        above = qname
        while above != names.ROOT:
            above = names.parent(above)
            new = self._below.get(above)
            if new is not None:
                is_moved = names.is_wildcard(new)
                return names.replace_suffix(qname, above, names.parent(new)) if is_moved else new
        return None
