"""6 is it true: before a reply is called bogus: does its name lie below a cut without DS?

Then nothing there need be signed (RFC 4035 §5.2), and whoever says it may: a forwarder tells of a
child's name with its parent's SOA. Looked at only where bogus would be said, nearest first: what is
established, what a forwarder denies with, what came beside an alias to the name (RFC 1034 §4.3.2
step 3b: the referral at its target), and only where a denial proves nothing at all, DS by DS.
Whatever is believed was signed by the zone above the cut; no cut counts above a zone that is known
as secure.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from resolver import limits
from resolver.dnssec.denial_proof import Cut
from resolver.dnssec.findings import CutFinding, Kind
from resolver.dnssec.flaws import Reason
from resolver.dnssec.keystore import ZoneTrust
from resolver.dnssec.validation_events import CutValidated
from resolver.model import Status
from resolver.protocol import names
from resolver.protocol.codes import RRType

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from resolver.dnssec.denial_proof import Proofs
    from resolver.dnssec.findings import Denied, Proven
    from resolver.dnssec.flaws import Flaw
    from resolver.dnssec.steps import Work
    from resolver.dnssec.trust_chain import Steps, TrustChain
    from resolver.model import Name, RRset


class Spared(NamedTuple):
    """A name that need not be signed: the *proof* at hand, if any, and why, if it tells more."""

    proof: tuple[Proven, ...] = ()
    flaw: Flaw | None = None


def spared(
    chain: TrustChain, scope: Name, denied: Denied | None, beside: Sequence[RRset]
) -> Steps[Spared | None]:
    """What shows that *scope*, a name in the zone in question, need not be signed; None if nothing.

    *denied*: what the reply denies with, None if that is not to be looked at. *beside*: NSEC and
    NSEC3 RRsets that came with the alias which led here, not verified yet.
    """
    known = _known(chain, scope)
    if known is not None and known.status is Status.INSECURE:
        return Spared(flaw=known.flaw)
    floor = names.ROOT if known is None else known.zone
    if denied is not None and denied.proofs is not None and len(floor) <= len(denied.proofs.zone):
        # what fails as a denial is not made good by what opt-out may hide
        cut = yield from _cut(denied.proofs, scope, (Cut.UNSIGNED,))
        if cut is not None:
            return _keep(chain, cut, denied)
    if beside:
        found = yield from chain.denied(scope, RRType.NS, beside)
        # a zone has nothing to say of what lies below a secure one that is below it
        if found.proofs is not None and len(floor) <= len(found.proofs.zone):
            cut = yield from _cut(found.proofs, scope, (Cut.UNSIGNED, Cut.UNSEEN))
            if cut is not None:
                return _keep(chain, cut, found)
    if denied is not None and _proves_nothing(denied):
        trust = yield from chain.enclosing(scope)
        link = chain.links.get(trust.zone)
        if trust.status is Status.INSECURE and link is not None and not link.is_unseen:
            return Spared(link.proof, trust.flaw)
    return None


def _known(chain: TrustChain, scope: Name) -> ZoneTrust | None:
    context = chain.context
    anchor = context.anchors.closest(scope)
    if anchor is None:
        return None
    return context.keystore.closest(scope, anchor.name, context.now)


def _proves_nothing(denied: Denied) -> bool:
    """A signed zone's SOA without a proof; what has one that does not hold is a broken zone's."""
    is_bare = denied.flaw is not None and denied.flaw.reason is Reason.NSEC_MISSING
    return denied.proofs is None and is_bare


def _cut(proofs: Proofs, scope: Name, told: tuple[Cut, ...]) -> Generator[Work, None, Name | None]:
    """The topmost cut at or above *scope* that *proofs* show as one of *told*."""
    for candidate in reversed(list(names.ancestors(scope))):
        if len(candidate) > len(proofs.zone):
            found = yield from proofs.cut(candidate)
            if found in told:
                return candidate
            if found is Cut.ABSENT:
                return None
    return None


def _keep(chain: TrustChain, cut: Name, denied: Denied) -> Spared:
    """The same as if *cut*'s DS had been asked for and denied so."""
    assert denied.proofs is not None  # noqa: S101  # it is what showed the cut
    context, ttl = chain.context, denied.proofs.ttl
    expires_at = context.now + min(ttl, limits.TRUST_TTL_SECONDS)
    context.keystore.put(ZoneTrust(cut, Status.INSECURE, (), expires_at))
    if context.tell is not None:
        context.tell(CutValidated(cut, CutFinding(Kind.UNSIGNED, ttl, proof=denied.rrsets)))
    return Spared(denied.rrsets)
