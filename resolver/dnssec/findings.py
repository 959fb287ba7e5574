"""6 is it true: the values that the chain of trust hands on (one RRset's status, a denial, a link).

What is here decides nothing about signatures; it reads what was verified. RFC 4035 §5.2.
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, NamedTuple

from resolver import limits
from resolver.dnssec.flaws import Flaw, Reason, describe
from resolver.model import Status
from resolver.protocol import names, rdata_fields
from resolver.protocol.codes import RRType

if TYPE_CHECKING:
    from resolver.dnssec.denial_proof import Proofs
    from resolver.model import Name, RRset
    from resolver.protocol.rdata_fields import Rrsig


class Proven(NamedTuple):
    """A secure RRset as *received*, with its TTL capped, and the signature that held.

    *rrsig* is None if it held before.
    """

    received: RRset
    rrset: RRset
    rrsig: Rrsig | None


class Checked(NamedTuple):
    """One RRset's status; *closest_encloser* if it came from the wildcard below that name.

    *rrsig* is the signature that held, if it is secure and was not known to be.
    """

    status: Status
    rrset: RRset
    flaw: Flaw | None = None
    closest_encloser: Name | None = None
    rrsig: Rrsig | None = None


class Denied(NamedTuple):
    """What a response has to deny with: *proofs* are verified if *status* is secure."""

    status: Status
    proofs: Proofs | None = None
    rrsets: tuple[Proven, ...] = ()
    flaw: Flaw | None = None


class Kind(Enum):
    """What a name is, seen from the zone above."""

    SIGNED = "signed"
    UNSIGNED = "unsigned"
    NOT_A_CUT = "not a cut"
    ABSENT = "not there, nor anything below"
    BOGUS = "bogus"


class CutFinding(NamedTuple):
    """What the zone above says of one name as a zone cut, and the sets that *proof* it rests on.

    *is_unseen*: that it is one at all is not proven, only that opt-out may hide it.
    """

    kind: Kind
    ttl: int = 0
    ds: tuple[bytes, ...] = ()
    flaw: Flaw | None = None
    proof: tuple[Proven, ...] = ()
    is_unseen: bool = False


def scope_of(name: Name, rtype: int) -> Name:
    """Where the zone of an RRset is looked for: a DS lives above its name (RFC 4035 §5.2)."""
    return names.parent(name) if rtype == RRType.DS else name


def is_signed_by(rrset: RRset, signer: Name) -> bool:
    return signer in [rdata_fields.rrsig(rdata).signer for rdata in rrset.signatures]


def decides_cut(rrset: RRset, apex: Name) -> bool:
    """True for a DS of *apex*, or the alias that shows *apex* to be no zone cut.

    An alias that *apex* itself has signed shows nothing: only the zone above can say whether there
    is a cut (RFC 4035 §4.2, §5.2), and who signs is a zone of its own.
    """
    if rrset.owner == apex:
        if rrset.rtype == RRType.CNAME:
            return not is_signed_by(rrset, apex)
        return rrset.rtype == RRType.DS
    return rrset.rtype == RRType.DNAME and names.is_subdomain(apex, rrset.owner)


def link_by(checked: Checked) -> CutFinding:
    rrset = checked.rrset
    if checked.status is Status.BOGUS:
        return CutFinding(Kind.BOGUS, flaw=checked.flaw)
    if checked.status is not Status.SECURE:
        return CutFinding(Kind.UNSIGNED, rrset.ttl, flaw=checked.flaw)
    proof = (Proven(rrset, rrset, checked.rrsig),)
    if rrset.rtype != RRType.DS:
        return CutFinding(Kind.NOT_A_CUT, rrset.ttl, proof=proof)
    if checked.closest_encloser is not None:
        text = f"{describe(rrset)} came from a wildcard"
        return CutFinding(Kind.BOGUS, flaw=Flaw(Reason.MALFORMED, text))
    return CutFinding(Kind.SIGNED, rrset.ttl, rrset.rdatas, proof=proof)


def link_without(denied: Denied) -> CutFinding:
    if denied.status is Status.BOGUS:
        return CutFinding(Kind.BOGUS, flaw=denied.flaw)
    return CutFinding(Kind.UNSIGNED, limits.BOGUS_TTL_SECONDS, flaw=denied.flaw)
