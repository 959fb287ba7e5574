"""6 is it true: the verdict on one link, answer and denial together.

Every RRset of the answer must be secure or provably insecure; of the authority section only what a
proof needs is looked at, so records that prove nothing cannot make an answer bogus. The worst part
decides. RFC 4035 §5, RFC 6840 §§4-5, RFC 6672 §5.3.1 (DNAME), RFC 5155 §8.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from resolver.dnssec.denial_proof import Cut, Denial, Strength
from resolver.dnssec.findings import Proven, scope_of
from resolver.dnssec.flaws import Flaw, Reason
from resolver.dnssec.steps import Validated
from resolver.dnssec.trust_chain import TrustChain
from resolver.dnssec.unsigned_cut import spared
from resolver.dnssec.validation_events import LinkValidated
from resolver.model import Status, Verdict
from resolver.protocol import names
from resolver.protocol.codes import RRType

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from resolver.dnssec.context import Context
    from resolver.dnssec.findings import Checked, Denied
    from resolver.dnssec.steps import Validating
    from resolver.dnssec.trust_chain import Steps
    from resolver.model import Link, Name, Question, RRset

_BADNESS = {
    Status.SECURE: 0,
    Status.INSECURE: 1,
    Status.INDETERMINATE: 2,
    Status.UNCHECKED: 2,
    Status.BOGUS: 3,
}
_NEGATIVE = frozenset({Verdict.NODATA, Verdict.NXDOMAIN})


def _by_nobody(question: Question) -> bool:
    del question
    return False


def validate(
    link: Link,
    context: Context,
    beside: Sequence[RRset] = (),
    is_forwarded: Callable[[Question], bool] = _by_nobody,
) -> Validating:
    """The status of *link*, and what of it is proven.

    *beside*: NSEC and NSEC3 RRsets that came with the alias to its name; looked at only if it would
    be bogus without. *is_forwarded*: does a forwarder answer that question? It is asked then, too.
    """
    context.cuts = (*context.cuts, link.zone)
    chain = TrustChain(context)
    chain.seed(link)
    case = _Case(link, chain, beside)
    case.is_forwarded = is_forwarded
    yield from case.validate_answer()
    if link.verdict in _NEGATIVE and not case.is_lost:
        yield from case.validate_denial()
    elif link.verdict is Verdict.REFERRAL:
        yield from case.validate_referral()
    validated = case.validated()
    if context.tell is not None:
        context.tell(LinkValidated(link, validated, tuple(case.proven)))
    return validated


class _Case:
    """The parts of one verdict as they come in."""

    def __init__(self, link: Link, chain: TrustChain, beside: Sequence[RRset]) -> None:
        self.link = link
        self.beside = beside
        self.is_forwarded: Callable[[Question], bool] = _by_nobody
        self.cut_proof: list[RRset] = []
        self.chain = chain
        self.status: Status | None = None
        self.flaw: Flaw | None = None
        self.proven: list[Proven] = []
        self.ttl_cap: int | None = None
        self.is_wildcard = False
        self.is_nodata = False
        self._denied: dict[Name, Denied] = {}

    @property
    def is_lost(self) -> bool:
        return self.status is Status.BOGUS

    def note(self, status: Status, flaw: Flaw | None = None) -> None:
        if self.status is None or _BADNESS[status] > _BADNESS[self.status]:
            self.status, self.flaw = status, flaw or self.flaw

    def prove(self, proven: Proven) -> None:
        self.proven.append(proven)
        cap = proven.rrset.ttl
        if cap < proven.received.ttl:
            self.ttl_cap = cap if self.ttl_cap is None else min(cap, self.ttl_cap)

    # --- answer -------------------------------------------------------------------------------

    def validate_answer(self) -> Steps[None]:
        redirect: tuple[RRset, Status] | None = None
        for rrset in self.link.answer:
            if self.is_lost:
                return
            if rrset.rtype == RRType.RRSIG:
                continue  # nobody signs signatures
            if redirect is not None and not rrset.signatures and _follows(rrset, redirect[0]):
                self.note(redirect[1])
                continue
            scope = self._scope(rrset)
            checked = yield from self.chain.check(rrset, scope=scope)
            if checked.status is Status.BOGUS and not rrset.signatures:
                if not (yield from self._is_spared(scope)):
                    self.note(checked.status, checked.flaw)
                continue
            self.note(checked.status, checked.flaw)
            if checked.status is Status.SECURE:
                yield from self._accept(rrset, checked)
            if rrset.rtype == RRType.DNAME:
                redirect = (rrset, checked.status)

    def _scope(self, rrset: RRset) -> Name:
        """What answers a question for DS, be it an alias, is said by the zone above."""
        question = self.link.question
        if question.qtype == RRType.DS and rrset.owner == question.qname:
            return names.parent(rrset.owner)
        return scope_of(rrset.owner, rrset.rtype)

    def _accept(self, received: RRset, checked: Checked) -> Steps[None]:
        encloser = checked.closest_encloser
        if encloser is not None:
            self.is_wildcard = True
            signer = None if checked.rrsig is None else checked.rrsig.signer
            denied = yield from self._denials(received.owner, received.rtype, zone=signer)
            if denied.proofs is None:
                self._note_without_proof(denied)
                return
            denial = yield from denied.proofs.no_closer(received.owner, encloser)
            self._note_denial(denial, denied)
        if not self.is_lost:
            self.prove(Proven(received, checked.rrset, checked.rrsig))

    # --- denial -------------------------------------------------------------------------------

    def validate_denial(self) -> Steps[None]:
        name, qtype = self._last_name(), self.link.question.qtype
        denied = yield from self._denials(name, qtype)
        if denied.proofs is None:
            is_bogus = denied.status is Status.BOGUS
            if is_bogus and (yield from self._is_spared(scope_of(name, qtype), denied)):
                return
            self._note_without_proof(denied)
            return
        if self.link.verdict is Verdict.NXDOMAIN:
            denial = yield from denied.proofs.no_name(name)
            if denial.strength is Strength.UNPROVEN and denied.proofs.has_nodata(name, qtype):
                # some servers say NXDOMAIN of names that exist: the proof decides, as in Unbound
                self.is_nodata = True
                denial = Denial(Strength.PROVEN)
        else:
            denial = yield from denied.proofs.nodata(name, qtype)
        is_bogus = denial.strength is Strength.UNPROVEN
        if is_bogus and (yield from self._is_spared(scope_of(name, qtype), denied)):
            return
        self._note_denial(denial, denied)

    def _is_spared(self, scope: Name, denied: Denied | None = None) -> Steps[bool]:
        """It would be bogus: need it be signed? If not that is noted, with the proof."""
        if (
            denied is not None
            and denied.proofs is not None
            and not self.is_forwarded(self.link.question)
        ):
            denied = None  # below its own cut a zone's server contradicts itself: others are asked
        found = yield from spared(self.chain, scope, denied, self.beside)
        if found is None:
            return False
        self.note(Status.INSECURE, found.flaw)
        for proven in found.proof:
            self.prove(proven)
        self.cut_proof += [proven.rrset for proven in found.proof]
        return True

    def validate_referral(self) -> Steps[None]:
        """DS, or the proof that there is none, at the cut that the referral leads to."""
        authority = self.link.authority
        cut = next((rrset.owner for rrset in authority if rrset.rtype == RRType.NS), None)
        if cut is None:
            self.note(Status.INDETERMINATE)
            return
        ds = next((rrset for rrset in authority if rrset[:2] == (cut, RRType.DS)), None)
        if ds is not None:
            checked = yield from self.chain.check(ds)
            self.note(checked.status, checked.flaw)
            if checked.status is Status.SECURE:
                self.prove(Proven(ds, checked.rrset, checked.rrsig))
            return
        denied = yield from self._denials(cut, RRType.DS)
        if denied.proofs is None:
            self._note_without_proof(denied)
            return
        found = yield from denied.proofs.cut(cut)
        if found in (Cut.UNSIGNED, Cut.UNSEEN):
            strength = Strength.PROVEN if found is Cut.UNSIGNED else Strength.INSECURE
            self._note_denial(Denial(strength), denied)
        else:
            text = f"no proof that {names.to_text(cut)} has no DS"
            self.note(Status.BOGUS, denied.flaw or Flaw(Reason.NSEC_MISSING, text))

    def _denials(self, name: Name, qtype: int, *, zone: Name | None = None) -> Steps[Denied]:
        """What the authority section has against *name*; two aliases may need two zones' proofs."""
        if name not in self._denied:
            self._denied[name] = yield from self.chain.denied(
                name,
                qtype,
                self.link.authority,
                is_nxdomain=self.link.verdict is Verdict.NXDOMAIN,
                zone=zone,
            )
        return self._denied[name]

    def _note_without_proof(self, denied: Denied) -> None:
        self.note(denied.status, denied.flaw)

    def _note_denial(self, denial: Denial, denied: Denied) -> None:
        match denial.strength:
            case Strength.UNPROVEN:
                # a proof that is there but does not verify tells more than that it is missing
                self.note(Status.BOGUS, denied.flaw or denial.flaw)
                return
            case Strength.INSECURE:
                self.note(Status.INSECURE, denial.flaw)
            case Strength.PROVEN:
                self.note(Status.SECURE)
        for proven in denied.rrsets:
            if proven not in self.proven:
                self.prove(proven)

    def _last_name(self) -> Name:
        """The name that is denied: the end of the aliases in the answer (RFC 2308 §2.1)."""
        name = self.link.question.qname
        for rrset in self.link.answer:
            if rrset.rtype == RRType.CNAME and rrset.owner == name:
                name = rrset.rdatas[0].lower()
        return name

    # --- the sum --------------------------------------------------------------------------------

    def validated(self) -> Validated:
        status = self.status or Status.INDETERMINATE
        flaw = self.flaw
        if status is Status.BOGUS:
            self.proven = []
            flaw = flaw and flaw.heard_from(self.link.server)
        return Validated(
            status=status,
            ttl_cap=self.ttl_cap,
            ede=() if flaw is None else flaw.told(status),
            secure=tuple([one.rrset for one in self.proven]),
            sentence="" if flaw is None else flaw.sentence,
            is_wildcard=self.is_wildcard,
            is_nodata=self.is_nodata,
            denials=tuple(self.chain.denials),
            cut_proof=tuple(self.cut_proof),
        )


def _follows(rrset: RRset, dname: RRset) -> bool:
    """True if *rrset* is exactly the CNAME that *dname* makes (RFC 6672 §5.3.1)."""
    if rrset.rtype != RRType.CNAME or rrset.owner == dname.owner:
        return False
    if not names.is_subdomain(rrset.owner, dname.owner):
        return False
    prefix = rrset.owner[: -len(dname.owner)]
    return [target.lower() for target in rrset.rdatas] == [prefix + dname.rdatas[0].lower()]
