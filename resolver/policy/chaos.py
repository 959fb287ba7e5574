"""Class CHAOS: what this server says about itself, if its operator lets it (RFC 4892).

Silent by default, for a version is the first thing an attacker asks: REFUSED. Every other name of
the class is refused too; nothing here is ever resolved. One name is for `resolver query`, which has
to know our daemon from whatever else listens on a machine: it says what this program is, no more,
and says so to that machine alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from resolver.model import Answer, RRset, Status
from resolver.policy.path import Step
from resolver.protocol.chaos_names import DAEMON, DAEMON_TEXT, IDENTITY, VERSION
from resolver.protocol.codes import Rcode, RRClass, RRType
from resolver.protocol.ip_addresses import is_loopback

if TYPE_CHECKING:
    from resolver.model import Query, Question


class Chaos(Step):
    """Tells *version* and *identity*, if there are any, to who asks in class CHAOS."""

    name = "class CHAOS"

    def __init__(self, *, version: str = "", identity: str = "") -> None:
        self._told = dict.fromkeys(VERSION, version) | dict.fromkeys(IDENTITY, identity)

    def before(self, query: Query) -> Answer | None:
        if query.message.qclass != RRClass.CH:
            return None
        question = query.question
        text = self._told.get(question.qname, "").encode()
        if question.qname == DAEMON and (not query.source or is_loopback(query.client.host)):
            text = DAEMON_TEXT[1:]
        return _told(question, text) if text else _refused(question)


def _refused(question: Question) -> Answer:
    return Answer(question, Rcode.REFUSED, status=Status.INSECURE)


def _told(question: Question, text: bytes) -> Answer:
    """*text* as a TXT record of TTL 0, whose class is the question's: an RRset carries none."""
    answer: tuple[RRset, ...] = ()
    if question.qtype in (RRType.TXT, RRType.ANY):
        rdata = bytes([len(text)]) + text
        answer = (RRset(question.qname, RRType.TXT, 0, (rdata,)),)
    return Answer(
        question, Rcode.NOERROR, answer=answer, status=Status.INSECURE, is_authoritative=True
    )
