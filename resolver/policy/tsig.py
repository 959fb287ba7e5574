"""Signed queries: no key is known here, and that is said instead of an unsigned answer (RFC 8945).

A client that signs would throw an unsigned answer away. NOTAUTH with BADKEY tells it so (§5.2.1);
the TSIG record of such a reply has no MAC (§5.3.2). BIND does so; Unbound says FORMERR; Knot and
PowerDNS answer unsigned. Pure.
"""

from __future__ import annotations

from struct import Struct
from typing import TYPE_CHECKING, Final

from resolver.errors import WireError

if TYPE_CHECKING:
    from resolver.protocol.message import Record

_HEAD: Final = Struct("!HHIH").pack  # type, class, TTL, octets of rdata
_TAIL: Final = Struct("!HHHH").pack  # octets of MAC, original id, error, octets of other data
_LENGTH: Final = 2
_TIME_AND_FUDGE: Final = 8
_BADKEY: Final = 17
_LONGEST_LABEL: Final = 63


def bad_key(signature: Record) -> bytes:
    """The TSIG record, in octets, that tells that the key of *signature* is not known.

    Raises WireError if *signature* cannot be read.
    """
    rdata = signature.rdata
    try:
        times = _end_of_name(rdata)
        at = times + _TIME_AND_FUDGE
        after_mac = at + _LENGTH + int.from_bytes(rdata[at : at + _LENGTH], "big")
        original_id = rdata[after_mac : after_mac + 2]
        rdata[after_mac + 5]  # the end of what has to be there
    except IndexError:
        raise WireError("a TSIG record that ends too soon") from None
    answer = rdata[:at] + _TAIL(0, int.from_bytes(original_id, "big"), _BADKEY, 0)
    return signature.owner + _HEAD(signature.rtype, signature.rclass, 0, len(answer)) + answer


def _end_of_name(rdata: bytes) -> int:
    at = 0
    while size := rdata[at]:
        if size > _LONGEST_LABEL:
            raise WireError("a TSIG record whose algorithm is no name")
        at += size + 1
    return at + 1
