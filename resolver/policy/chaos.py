"""Class CHAOS: what this server says about itself, if its operator lets it (RFC 4892).

Silent by default, for a version is the first thing an attacker asks: REFUSED. Every other name of
the class is refused too; nothing here is ever resolved. One name is for `resolver query`, which has
to know our daemon from whatever else listens on a machine: it says what this program is, no more.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from resolver.model import Answer, RRset, Status
from resolver.policy.path import Step
from resolver.protocol.chaos_names import DAEMON, DAEMON_TEXT, IDENTITY, VERSION
from resolver.protocol.codes import Rcode, RRClass, RRType

if TYPE_CHECKING:
    from resolver.model import Query, Question


class Chaos(Step):
    """Tells *version* and *identity*, if there are any, to who asks in class CHAOS."""

    name = "class CHAOS"

    def __init__(self, *, version: str = "", identity: str = "") -> None:
        self._version = version
        self._identity = identity

    def before(self, query: Query) -> Answer | None:
        if query.message.qclass != RRClass.CH:
            return None
        return chaos_answer(query.question, version=self._version, identity=self._identity)


def chaos_answer(question: Question, *, version: str = "", identity: str = "") -> Answer | None:
    """The answer to a question of class CH; None for any other class. "" keeps a secret.

    The record's class is the question's (an RRset does not carry one), its TTL 0.
    """
    if question.qclass != RRClass.CH:
        return None
    text = ""
    if question.qname == DAEMON:
        text = DAEMON_TEXT[1:].decode()
    elif question.qname in VERSION:
        text = version
    elif question.qname in IDENTITY:
        text = identity
    if not text:
        return Answer(question, Rcode.REFUSED, status=Status.INSECURE)
    answer: tuple[RRset, ...] = ()
    if question.qtype in (RRType.TXT, RRType.ANY):
        octets = text.encode()
        answer = (RRset(question.qname, RRType.TXT, 0, (bytes([len(octets)]) + octets,)),)
    return Answer(
        question, Rcode.NOERROR, answer=answer, status=Status.INSECURE, is_authoritative=True
    )
