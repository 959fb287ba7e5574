"""6 is it true: from a trust anchor down to the zone that signed, or that need not sign.

Signed data is followed upwards: its signer's DS is signed by the zone above, whose name that
signature gives, up to an anchor or a zone already known; so one DS and one DNSKEY are asked per
zone. Unsigned data is followed downwards: DS by DS from the deepest zone known to be signed, until
an unsigned delegation is proven; first at the zone cuts the resolver met, then label by label.
RFC 4035 §§4-5, RFC 6840 §§4-5, RFC 4509 §3, RFC 7646. Nothing here waits: see `steps`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from resolver.dnssec.anchors import Anchor
from resolver.dnssec.denial_proof import Cut, Proofs
from resolver.dnssec.entry import usable, verified_keys
from resolver.dnssec.findings import (
    Checked,
    CutFinding,
    Denied,
    Kind,
    Proven,
    decides_cut,
    is_signed_by,
    link_by,
    link_without,
    scope_of,
)
from resolver.dnssec.flaws import NOBODY, Flaw, Reason, describe, worst
from resolver.dnssec.keystore import ZoneTrust
from resolver.dnssec.signature import verify_rrset
from resolver.dnssec.steps import Findings, Need, Step
from resolver.dnssec.validation_events import CutValidated, ZoneJudged
from resolver.limits import (
    BOGUS_TTL_SECONDS,
    CHAIN_LINKS,
    CHAIN_RETRIES,
    DENIALS_PER_RESPONSE,
    SIGNERS_PER_RRSET,
    TRUST_TTL_SECONDS,
)
from resolver.model import Status, Verdict
from resolver.protocol import names, rdata_fields
from resolver.protocol.codes import RRType

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Sequence
    from typing import TypeAlias, TypeVar

    from resolver.dnssec.context import Context
    from resolver.dnssec.entry import Vouched, ZoneKeys
    from resolver.dnssec.keys import ZoneKey
    from resolver.model import Link, Name, RRset
    from resolver.protocol.rdata_fields import Rrsig

    T = TypeVar("T")
    Steps: TypeAlias = Generator[Step, Findings | None, T]

_DENIALS = frozenset({RRType.NSEC, RRType.NSEC3})
_KINDS = {Cut.NOT_A_CUT: Kind.NOT_A_CUT, Cut.ABSENT: Kind.ABSENT}


class TrustChain:
    """The links of one validation: what was found is asked once, what was proven is kept."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self._found: dict[Need, Link | None] = {}
        self.links: dict[Name, CutFinding] = {}
        self._zones: dict[Name, ZoneTrust] = {}
        self.denials: list[RRset] = []  # proven on the way: names that have no DS
        context.keystore.at_generation(context.anchors.generation)

    def seed(self, outcome: Link) -> None:
        """Use the outcome at hand, rather than ask, where it is itself a DS or DNSKEY."""
        qname, qtype, _ = outcome.question
        if qtype in (RRType.DS, RRType.DNSKEY):
            self._found[Need(qname, qtype)] = outcome

    # --- what is true of an RRset, or of a denial -------------------------------------------

    def check(
        self, rrset: RRset, *, proven: bool = False, scope: Name | None = None
    ) -> Steps[Checked]:
        """Status of *rrset*; *proven*: the driver knows from before that it is secure.

        *scope*: a name in the zone it belongs to, if that is not its owner's.
        """
        scope = scope_of(rrset.owner, rrset.rtype) if scope is None else scope
        anchor = self._anchor(scope)
        if isinstance(anchor, ZoneTrust):
            return Checked(anchor.status, rrset, anchor.flaw)
        if proven:
            return Checked(Status.SECURE, rrset)
        flaws: list[Flaw] = []
        signers = _signers([rrset], scope, anchor.name)
        for signer in signers:
            trust = yield from self.zone(signer)
            if trust.status is Status.SECURE:
                verified = yield from verify_rrset(
                    rrset, signer, trust.keys, wall=self.context.wall
                )
                if verified.flaw is None:
                    _, _, encloser, rrsig = verified
                    return Checked(Status.SECURE, verified.rrset, None, encloser, rrsig)
                flaws.append(verified.flaw)
            elif trust.status is Status.BOGUS:
                flaws += [trust.flaw] if trust.flaw else []
            else:
                return Checked(trust.status, rrset, trust.flaw)
        if not signers:
            trust = yield from self.enclosing(scope)
            if trust.status is not Status.SECURE:
                return Checked(trust.status, rrset, trust.flaw)
        text = f"{describe(rrset)} has no signature, but its zone is signed"
        return Checked(Status.BOGUS, rrset, worst(flaws, Flaw(Reason.RRSIGS_MISSING, text)))

    def denied(
        self,
        name: Name,
        qtype: int,
        authority: Sequence[RRset],
        *,
        proven: bool = False,
        is_nxdomain: bool = False,
        zone: Name | None = None,
    ) -> Steps[Denied]:
        """Verify what *authority* has to deny *qtype* at *name* with, or *name* altogether.

        *zone*: the zone that must have signed it, if that is known (it signed the wildcard).
        """
        scope = scope_of(name, qtype)
        anchor = self._anchor(scope)
        if isinstance(anchor, ZoneTrust):
            return Denied(anchor.status, flaw=anchor.flaw)
        rrsets = [rrset for rrset in authority if rrset.rtype in _DENIALS]
        soas = [rrset for rrset in authority if rrset.rtype == RRType.SOA]
        signers = [zone] if zone is not None else _signers(rrsets, scope, anchor.name)
        signers = signers or _signers(soas, scope, anchor.name)
        if not signers and is_nxdomain:
            # the zone above an anchor may deny the anchor's very name: then its own status counts
            signers = _signers(rrsets, names.parent(anchor.name), names.ROOT)
        if not signers:
            trust = yield from self.enclosing(scope, [soa.owner for soa in soas])
            reason = Reason.RRSIGS_MISSING
        else:
            trust = yield from self.zone(signers[0])
            reason = Reason.NSEC_MISSING
            rrsets = [rrset for rrset in rrsets if is_signed_by(rrset, signers[0])]
        if trust.status is not Status.SECURE:
            return Denied(trust.status, flaw=trust.flaw)
        if not rrsets or not signers:
            text = f"{names.to_text(trust.zone)} is signed, but denies without proof"
            return Denied(Status.BOGUS, flaw=Flaw(reason, text))
        return (yield from self._verified_denials(trust, [*soas, *rrsets], proven=proven))

    def _verified_denials(
        self, trust: ZoneTrust, rrsets: list[RRset], *, proven: bool
    ) -> Steps[Denied]:
        """Those of *rrsets* that *trust* signed; a SOA must be, an NSEC that is not is ignored."""
        kept: list[Proven] = []
        flaws: list[Flaw] = []
        for rrset in rrsets[:DENIALS_PER_RESPONSE]:
            if proven:
                kept.append(Proven(rrset, rrset, None))
                continue
            verified = yield from verify_rrset(
                rrset, trust.zone, trust.keys, wall=self.context.wall
            )
            if verified.flaw is not None:
                flaws.append(verified.flaw)
                if rrset.rtype == RRType.SOA:
                    return Denied(Status.BOGUS, flaw=verified.flaw)
            elif verified.closest_encloser is None:
                # an NSEC expanded from a wildcard has an owner of the asker's choosing
                kept.append(Proven(rrset, verified.rrset, verified.rrsig))
        flaw = max(flaws, key=lambda found: found.rank, default=None)
        denials = [one.rrset for one in kept if one.rrset.rtype in _DENIALS]
        proofs = Proofs(trust.zone, denials)
        return Denied(Status.SECURE, proofs, tuple(kept), flaw)

    def _anchor(self, scope: Name) -> Anchor | ZoneTrust:
        """The anchor that *scope* is under, or the status that anchors alone decide.

        That is, with a negative one below all others, or none at all.
        """
        anchors = self.context.anchors
        waived = anchors.waived(scope, self.context.wall)
        if waived is not None:
            text = f"a negative trust anchor at {names.to_text(waived)} turns validation off"
            return ZoneTrust(waived, Status.INSECURE, flaw=Flaw(Reason.NEGATIVE_ANCHOR, text))
        anchor = anchors.closest(scope)
        if anchor is None:
            flaw = Flaw(Reason.INDETERMINATE, f"no trust anchor is above {names.to_text(scope)}")
            return ZoneTrust(scope, Status.INDETERMINATE, flaw=flaw)
        return anchor

    # --- what is true of a zone -------------------------------------------------------------

    def zone(self, apex: Name) -> Steps[ZoneTrust]:
        """Status of the zone that is said to have its apex at *apex*."""
        anchor = self._anchor(apex)
        if isinstance(anchor, ZoneTrust):
            return anchor
        known = self._known(apex, anchor)
        if known is not None:
            return known
        if len(self._zones) >= CHAIN_LINKS:
            text = f"the chain of trust to {names.to_text(apex)} is too long"
            return ZoneTrust(apex, Status.BOGUS, flaw=Flaw(Reason.TOO_MUCH_WORK, text, NOBODY))
        if anchor.name == apex:
            trust = yield from self._keys(apex, anchor, ttl=TRUST_TTL_SECONDS)
        else:
            trust = yield from self._delegated(apex)
        self._zones[apex] = trust
        return trust

    def _known(self, apex: Name, anchor: Anchor) -> ZoneTrust | None:
        """What was established before: of *apex* itself, or that a zone above it is insecure."""
        if apex in self._zones:
            return self._zones[apex]
        known = self.context.keystore.closest(apex, anchor.name, self.context.now)
        # what is not secure is so for all below it, down to the next anchor
        if known is not None and (known.zone == apex or known.status is not Status.SECURE):
            return known
        return None

    def _delegated(self, apex: Name) -> Steps[ZoneTrust]:
        link = yield from self._link(apex)
        match link.kind:
            case Kind.SIGNED:
                return (yield from self._keys(apex, Anchor(apex, link.ds), ttl=link.ttl))
            case Kind.UNSIGNED:
                return self._keep(apex, Status.INSECURE, ttl=link.ttl, flaw=link.flaw)
            case Kind.NOT_A_CUT | Kind.ABSENT:
                text = f"{names.to_text(apex)} is said to have signed, but is no zone"
                return ZoneTrust(apex, Status.BOGUS, flaw=Flaw(Reason.BROKEN_CHAIN, text))
            case Kind.BOGUS:
                # a finding that merely did not come says nothing about the zone
                if link.flaw is not None and link.flaw.reason is Reason.BROKEN_CHAIN:
                    return ZoneTrust(apex, Status.BOGUS, flaw=link.flaw)
                ttl = BOGUS_TTL_SECONDS
                return self._keep(apex, Status.BOGUS, ttl=ttl, flaw=link.flaw)

    def enclosing(self, name: Name, hints: Iterable[Name] = ()) -> Steps[ZoneTrust]:
        """Status of the zone that *name* lies in, for data that is not signed."""
        anchor = self._anchor(name)
        if isinstance(anchor, ZoneTrust):
            return anchor
        trust = self.context.keystore.closest(name, anchor.name, self.context.now)
        if trust is None:
            trust = yield from self.zone(anchor.name)
        path = [up for up in names.ancestors(name) if names.is_subdomain(up, anchor.name)][::-1]
        hinted = {*hints, *self.context.cuts}
        # first where cuts are known to be, then everywhere below the deepest that is secure
        for candidate in [up for up in path if up in hinted] + path:
            if trust.status is not Status.SECURE:
                break
            if len(candidate) > len(trust.zone):
                link = yield from self._link(candidate)
                if link.kind is Kind.ABSENT:
                    break  # no cut can be there or below
                if link.kind is not Kind.NOT_A_CUT:
                    trust = yield from self.zone(candidate)
        return trust

    # --- links: DS ----------------------------------------------------------------------------

    def _link(self, apex: Name) -> Steps[CutFinding]:
        """What the zone above says of *apex*; other servers are asked if it does not verify."""
        if apex in self.links:
            return self.links[apex]
        text = f"the DS of {names.to_text(apex)} would vouch for itself"
        self.links[apex] = CutFinding(Kind.BOGUS, flaw=Flaw(Reason.BROKEN_CHAIN, text))
        need = Need(apex, RRType.DS)
        finding = yield from self._fetch(need)
        link = yield from self._read_link(apex, finding)
        while link.kind is Kind.BOGUS and finding is not None and self._may_retry(need):
            need = need.again(finding)
            finding = yield from self._fetch(need)
            if finding is not None:
                link = yield from self._read_link(apex, finding)
        if link.kind is Kind.BOGUS and link.flaw is not None and finding is not None:
            link = link._replace(flaw=link.flaw.heard_from(finding.server))
        self.links[apex] = link
        for proven in link.proof:
            self.context.witness(proven.rrsig)
        if self.context.tell is not None:
            self.context.tell(CutValidated(apex, link))
        return link

    def _read_link(self, apex: Name, finding: Link | None) -> Steps[CutFinding]:
        if finding is None:
            text = f"no answer could be had for {names.to_text(apex)} DS"
            return CutFinding(Kind.BOGUS, flaw=Flaw(Reason.BROKEN_CHAIN, text, NOBODY))
        proven = finding.status is Status.SECURE
        section = finding.answer
        if finding.verdict is Verdict.REFERRAL:
            section = (*section, *finding.authority)
        for rrset in section:
            if decides_cut(rrset, apex):
                # an alias at *apex* can only be the zone's above, whatever it claims
                above = names.parent(apex) if rrset.owner == apex else rrset.owner
                checked = yield from self.check(rrset, proven=proven, scope=above)
                return link_by(checked)
        denied = yield from self.denied(apex, RRType.DS, finding.authority, proven=proven)
        if denied.proofs is None:
            return link_without(denied)
        cut = yield from denied.proofs.cut(apex)
        if cut is Cut.UNPROVEN:
            text = f"no proof that {names.to_text(apex)} has no DS"
            flaw = denied.flaw or Flaw(Reason.NSEC_MISSING, text)
            return CutFinding(Kind.BOGUS, flaw=flaw)
        kind = _KINDS.get(cut, Kind.UNSIGNED)
        self.denials += [proven.rrset for proven in denied.rrsets]
        return CutFinding(kind, denied.proofs.ttl, proof=denied.rrsets, is_unseen=cut is Cut.UNSEEN)

    # --- links: DNSKEY --------------------------------------------------------------------------

    def _keys(self, apex: Name, anchor: Anchor, *, ttl: int) -> Steps[ZoneTrust]:
        """Keys of *apex*, of which *anchor* (a real one, or the parent's DS) vouches for one."""
        trust, rrsig = yield from self._validated_keys(apex, anchor, ttl)
        self.context.witness(rrsig)
        if self.context.tell is not None:
            is_anchor = self.context.anchors.by_name.get(apex) is anchor
            self.context.tell(ZoneJudged(trust, anchor, is_anchor, rrsig))
        return trust

    def _validated_keys(
        self, apex: Name, anchor: Anchor, ttl: int
    ) -> Steps[tuple[ZoneTrust, Rrsig | None]]:
        vouched = usable(apex, anchor, self.context.sha1)
        if isinstance(vouched, Flaw):
            return self._keep(apex, Status.INSECURE, ttl=ttl, flaw=vouched), None
        need = Need(apex, RRType.DNSKEY)
        finding = yield from self._fetch(need)
        if finding is None:
            text = f"no answer could be had for {names.to_text(apex)} DNSKEY"
            flaw = Flaw(Reason.KEY_MISSING, text, NOBODY)
            return ZoneTrust(apex, Status.BOGUS, flaw=flaw), None
        found = yield from self._verified_keys(apex, finding, vouched)
        while isinstance(found, Flaw) and finding is not None and self._may_retry(need):
            need = need.again(finding)
            finding = yield from self._fetch(need)
            if finding is not None:
                found = yield from self._verified_keys(apex, finding, vouched)
        if isinstance(found, Flaw):
            self.context.suspect(apex, found)
            ttl = BOGUS_TTL_SECONDS
            return self._keep(apex, Status.BOGUS, ttl=ttl, flaw=found), None
        left = min(ttl, found.ttl)
        return self._keep(apex, Status.SECURE, ttl=left, keys=found.keys), found.rrsig

    def _verified_keys(self, apex: Name, finding: Link, vouched: Vouched) -> Steps[ZoneKeys | Flaw]:
        found = yield from verified_keys(apex, finding, vouched, wall=self.context.wall)
        return found.heard_from(finding.server) if isinstance(found, Flaw) else found

    # --- asking and keeping ---------------------------------------------------------------------

    @staticmethod
    def _may_retry(need: Need) -> bool:
        return need.tries < CHAIN_RETRIES

    def _fetch(self, need: Need) -> Steps[Link | None]:
        if need not in self._found:
            self._found.update((yield (need,)) or {})
        return self._found.setdefault(need, None)

    def _keep(
        self,
        apex: Name,
        status: Status,
        *,
        ttl: int,
        keys: tuple[ZoneKey, ...] = (),
        flaw: Flaw | None = None,
    ) -> ZoneTrust:
        life = min(ttl, TRUST_TTL_SECONDS)
        trust = ZoneTrust(apex, status, keys, self.context.now + life, flaw)
        self.context.keystore.put(trust)
        return trust


def _signers(rrsets: Iterable[RRset], scope: Name, anchor: Name) -> list[Name]:
    """Zones that claim to have signed *rrsets* and may have; deepest first, at most a few.

    Those lie between *scope*, a name in the zone, and the name of its *anchor*.
    """
    found = {rdata_fields.rrsig(rdata).signer for rrset in rrsets for rdata in rrset.signatures}
    possible = [
        signer
        for signer in found
        if names.is_subdomain(scope, signer) and names.is_subdomain(signer, anchor)
    ]
    if len(possible) > 1:
        possible.sort(key=len, reverse=True)
    return possible[:SIGNERS_PER_RRSET]
