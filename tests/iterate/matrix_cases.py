"""Every mix of rcode, AA, RA and sections that a zone's server may give for one question.

The question is always the address of `www` in a zone of the case's own; what the parts of a case
are called is what their records say of it.
"""

from __future__ import annotations

import enum
import itertools
from typing import TYPE_CHECKING, NamedTuple

from resolver.protocol.codes import Rcode

if TYPE_CHECKING:
    from collections.abc import Iterator

RCODES = (*range(int(Rcode.NOTZONE) + 1), int(Rcode.BADVERS), int(Rcode.BADCOOKIE))


class Said(enum.Enum):
    """The answer section, its records in order."""

    NOTHING = "nothing"
    DATA = "data"
    WILDCARD = "data from a wildcard"  # where signed; else the same as data
    ALIAS = "alias in zone"
    ALIAS_DATA = "alias in zone, target's data"
    ALIAS_OUT = "alias out of zone"
    ALIAS_OUT_DATA = "alias out of zone, target's data"
    DATA_ALIAS = "data, then alias in zone"
    DATA_AFTER_ALIAS = "alias in zone, then data"
    STRANGER = "another name of the zone"
    FOREIGN = "a name of another zone"


class Beside(enum.Enum):
    """The authority section."""

    NOTHING = "nothing"
    SOA = "SOA of the zone"
    BARE_SOA = "SOA of the zone, no proof"  # where signed
    SOA_PARENT = "SOA of the parent"
    SOA_OTHER = "SOA of another zone"
    NS = "NS of the zone"
    NS_CHILD = "NS of a child"
    NS_PARENT = "NS of the parent"
    NS_OTHER = "NS of another zone"
    NS_ROOT = "NS of the root"


class More(enum.Enum):
    """The additional section."""

    NOTHING = "nothing"
    GLUE = "addresses of nameservers"
    FORGED = "an address of the name"


class Proof(enum.Enum):
    """How the zone denies."""

    UNSIGNED = "unsigned"
    NSEC = "NSEC"
    NSEC3 = "NSEC3"
    OPT_OUT = "NSEC3, opt-out"


class Case(NamedTuple):
    rcode: int
    aa: bool
    ra: bool
    answer: Said
    authority: Beside
    additional: More
    proof: Proof = Proof.UNSIGNED

    def __str__(self) -> str:
        flags = f"{'AA' if self.aa else '--'} {'RA' if self.ra else '--'}"
        return (
            f"rcode {self.rcode} {flags} | {self.answer.value} | {self.authority.value}"
            f" | {self.additional.value} | {self.proof.value}"
        )


def unsigned() -> Iterator[Case]:
    """The whole product for a zone without signatures."""
    answers = [one for one in Said if one is not Said.WILDCARD]
    beside = [one for one in Beside if one is not Beside.BARE_SOA]
    switches = (False, True)
    for parts in itertools.product(RCODES, switches, switches, answers, beside, More):
        yield Case(*parts)


def signed() -> Iterator[Case]:
    """The product for signed zones; what decides without regard to signatures is left out."""
    answers = [one for one in Said if one not in {Said.DATA_ALIAS, Said.DATA_AFTER_ALIAS}]
    rcodes = (Rcode.NOERROR, Rcode.SERVFAIL, Rcode.NXDOMAIN, Rcode.YXDOMAIN)
    proofs = (Proof.NSEC, Proof.NSEC3, Proof.OPT_OUT)
    for rcode, aa, answer, authority, proof in itertools.product(
        rcodes, (False, True), answers, Beside, proofs
    ):
        more = More.NOTHING
        yield Case(
            int(rcode),
            aa,
            ra=False,
            answer=answer,
            authority=authority,
            additional=more,
            proof=proof,
        )
