"""6 is it true: the octets a signature covers (canonical form of an RRset).

Owners reach us lower-cased; what is left is to lower-case the names inside rdata of the old types,
to sort, and to put the wildcard back that the owner was expanded from. Names in NSEC rdata keep
their case (RFC 6840 §5.1). RFC 4034 §§6.2-6.3, RFC 4035 §5.3.2.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Final

from resolver.limits import CANONICAL_KEYS
from resolver.protocol import names
from resolver.protocol.codes import RRType
from resolver.protocol.rdata_fields import name_end

if TYPE_CHECKING:
    from collections.abc import Sequence

    from resolver.model import Name, RRset
    from resolver.protocol.rdata_fields import Rrsig

# Type -> octets before its first name, and how many names follow (RFC 4034 §6.2's list; HINFO is
# on it but has no names; A6 was never used).
_NAMES_IN_RDATA: Final = {
    RRType.NS: (0, 1),
    3: (0, 1),  # MD
    4: (0, 1),  # MF
    RRType.CNAME: (0, 1),
    RRType.SOA: (0, 2),
    7: (0, 1),  # MB
    8: (0, 1),  # MG
    9: (0, 1),  # MR
    RRType.PTR: (0, 1),
    14: (0, 2),  # MINFO
    RRType.MX: (2, 1),
    17: (0, 2),  # RP
    18: (2, 1),  # AFSDB
    21: (2, 1),  # RT
    RRType.SIG: (18, 1),
    26: (2, 2),  # PX
    30: (0, 1),  # NXT
    RRType.SRV: (6, 1),
    36: (2, 1),  # KX
    RRType.DNAME: (0, 1),
    RRType.RRSIG: (18, 1),
}
_NAPTR_STRINGS: Final = 3


def canonical_rdata(rtype: int, rdata: bytes) -> bytes:
    """*rdata* with the names inside lower-cased, if the type is one of those listed."""
    if rtype == RRType.NAPTR:
        start, count = _naptr_name(rdata), 1
    elif rtype in _NAMES_IN_RDATA:
        start, count = _NAMES_IN_RDATA[rtype]
    else:
        return rdata
    end = start
    for _ in range(count):
        end = name_end(rdata, end)
    # a length octet is below 64 and so no upper-case letter: the names can be lowered as they are
    return rdata[:start] + rdata[start:end].lower() + rdata[end:]


def _naptr_name(rdata: bytes) -> int:
    at = 4
    for _ in range(_NAPTR_STRINGS):
        at += rdata[at] + 1
    return at


def canonical_rdatas(rtype: int, rdatas: Sequence[bytes]) -> Sequence[bytes]:
    """In canonical order, without duplicates (RFC 4034 §6.3)."""
    if rtype == RRType.NAPTR or rtype in _NAMES_IN_RDATA:
        rdatas = [canonical_rdata(rtype, rdata) for rdata in rdatas]
    return sorted(set(rdatas)) if len(rdatas) > 1 else rdatas


def signed_owner(owner: Name, labels: int) -> Name:
    """The name that was signed: *owner*, or the wildcard that it was expanded from."""
    surplus = label_count(owner) - labels
    if surplus <= 0:
        return owner
    return b"\x01*" + names.suffix(owner, labels)


@lru_cache(maxsize=CANONICAL_KEYS)
def label_count(owner: Name) -> int:
    """Labels as an RRSIG counts them: neither the root nor a leading asterisk (RFC 4034 §3.1.3)."""
    return names.count(owner) - names.is_wildcard(owner)


def signed_data(rrset: RRset, rdatas: Sequence[bytes], rrsig: Rrsig, rrsig_rdata: bytes) -> bytes:
    """What the signature *rrsig*, whose octets are *rrsig_rdata*, was made over.

    *rdatas* are those of *rrset* in canonical form and order: several signatures share them.
    """
    head = (
        signed_owner(rrset.owner, rrsig.labels)
        + rrset.rtype.to_bytes(2, "big")
        + b"\0\1"
        + rrsig.original_ttl.to_bytes(4, "big")
    )
    parts = [rrsig_rdata[:18], rrsig.signer]
    for rdata in rdatas:
        parts += (head, len(rdata).to_bytes(2, "big"), rdata)
    return b"".join(parts)
