"""Links become the answer: one alone, or a chain of aliases to its end (RFC 1034 §3.6.2, RFC 6604).

Pure bookkeeping: a chain is as long as CHAIN_LENGTH allows, never goes in a circle, and is as
secure as its weakest link.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from resolver.errors import ResolutionFailed, WorkExceeded
from resolver.limits import CHAIN_LENGTH
from resolver.model import Answer, Ede, Link, Question, RRset, Source, Status, Verdict
from resolver.protocol import names
from resolver.protocol.codes import EdeCode, Rcode, RRType
from resolver.recurse.known import alias_target

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_ALIASES = (Verdict.CNAME, Verdict.DNAME)
_NOT_FOLLOWED = (RRType.CNAME, RRType.ANY)


def leads_on(outcome: Link) -> bool:
    """True if *outcome* is an alias whose target the client wants."""
    return outcome.verdict in _ALIASES and outcome.question.qtype not in _NOT_FOLLOWED


def answer_of(outcome: Link) -> Answer:
    """The answer that one link is."""
    return Answer(
        outcome.question,
        outcome.rcode,
        outcome.answer,
        _each_once(outcome.authority) if outcome.authority else (),
        status=outcome.status,
        ede=outcome.ede,
        sources=(outcome.source,),
    )


def _each_once(rrsets: Sequence[RRset]) -> tuple[RRset, ...]:
    if len(rrsets) < 2:  # noqa: PLR2004
        return tuple(rrsets)
    return tuple({(rrset.owner, rrset.rtype): rrset for rrset in rrsets}.values())


class AliasChain:
    """The answer as it grows, link by link."""

    def __init__(self, question: Question) -> None:
        self.question = question
        self._seen = {question.qname}
        self._rrsets: list[RRset] = []
        self._proofs: list[RRset] = []
        self._ede: list[Ede] = []
        self._rcode: int = Rcode.NOERROR
        self._statuses: set[Status] = set()
        self._sources: list[Source] = []

    def add(self, outcome: Link) -> bytes | None:
        """Append one link; the name to go on with, None at the end.

        Raises ResolutionFailed on a loop, WorkExceeded on too many links.
        """
        self._rrsets += outcome.answer
        self._proofs += outcome.authority
        self._ede += outcome.ede
        self._statuses.add(outcome.status)
        self._sources.append(outcome.source)
        self._rcode = outcome.rcode
        if not leads_on(outcome):
            return None
        target = alias_target(outcome)
        if target in self._seen:
            raise ResolutionFailed("aliases in a circle", ede=(Ede(EdeCode.OTHER, "alias loop"),))
        self._seen.add(target)
        if len(self._seen) > CHAIN_LENGTH:
            too_long = Ede(EdeCode.OTHER, "alias chain is too long")
            raise WorkExceeded("CHAIN_LENGTH", ede=(too_long,))
        return target

    @property
    def rrsets(self) -> tuple[RRset, ...]:
        """What its links say so far."""
        return tuple(self._rrsets)

    def answer(self) -> Answer:
        return Answer(
            self.question,
            self._rcode,
            tuple(self._rrsets),
            _each_once(self._proofs),
            status=weakest(self._statuses),
            ede=tuple(self._ede),
            sources=tuple(self._sources),
        )


def weakest(statuses: set[Status]) -> Status:
    """A chain is as good as its worst link (RFC 4035 §3.2.3)."""
    for status in (Status.BOGUS, Status.UNCHECKED, Status.INDETERMINATE, Status.INSECURE):
        if status in statuses:
            return status
    return Status.SECURE


def drop_unproven(scratch: dict[Question, Link], link: Link) -> None:
    """Of what came along behind *link*: behind a secure one what is signed stays, to be validated.

    Else signatures prove nothing, for nobody checks them; what stands above it is its own zone's.
    """
    is_secure = link.status is Status.SECURE
    for question, outcome in list(scratch.items()):
        records = outcome.answer or outcome.authority
        is_signed = any(rrset.signatures for rrset in records)
        is_above = names.is_subdomain(link.question.qname, question.qname)
        if not (is_signed if is_secure else is_above):
            del scratch[question]


def chained(question: Question, look: Callable[[Question], Link | None]) -> Answer | None:
    """The answer that *look* has all links of; None if it lacks one."""
    chain = AliasChain(question)
    asked: Question | None = question
    try:
        while asked is not None:
            link = look(asked)
            if link is None:
                return None
            target = chain.add(link)
            asked = None if target is None else question._replace(qname=target)
    except ResolutionFailed:
        return None
    return chain.answer()
