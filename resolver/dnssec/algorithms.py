"""6 is it true: which algorithms and digests count here, by RFC 9904's and 9905's table.

RSA with SHA-1 is insecure, unless the operator has it validated (`dnssec.sha1`); RSAMD5, DSA and
GOST are unknown here, so their zones are insecure. What can be said without a public key is said
without `cryptography`, which takes long to load: `resolver check` starts without it.
RFC 4509, 6605 (DS digests).
"""

from __future__ import annotations

import enum
import hashlib
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from resolver.model import Name


class Sha1Policy(enum.Enum):
    """What signatures and digests made with SHA-1 are worth."""

    VALIDATE = "validate"
    INSECURE = "insecure"

    @classmethod
    def of(cls, *, validates: bool) -> Sha1Policy:
        return cls.VALIDATE if validates else cls.INSECURE


_DIGESTS: Final = {1: hashlib.sha1, 2: hashlib.sha256, 4: hashlib.sha384}
_SHA1_DIGEST: Final = 1
_ALL_ALGORITHMS: Final = frozenset({5, 7, 8, 10, 13, 14, 15, 16})  # those of `keys.parsed`
_SHA1_ALGORITHMS: Final = frozenset({5, 7})


def supported_algorithms(sha1: Sha1Policy) -> frozenset[int]:
    return _ALL_ALGORITHMS if sha1 is Sha1Policy.VALIDATE else _ALL_ALGORITHMS - _SHA1_ALGORITHMS


def supported_digests(sha1: Sha1Policy) -> frozenset[int]:
    known = frozenset(_DIGESTS)
    return known if sha1 is Sha1Policy.VALIDATE else known - {_SHA1_DIGEST}


def ds_digest(owner: Name, dnskey_rdata: bytes, digest_type: int) -> bytes | None:
    """The digest a DS of *digest_type* holds for that key; None for an unknown type."""
    make = _DIGESTS.get(digest_type)
    return None if make is None else make(owner + dnskey_rdata).digest()
