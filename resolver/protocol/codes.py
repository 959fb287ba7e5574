"""Numbers of the IANA DNS registries, as plain ints: the path compares millions of them.

Namespaces rather than enums, because a comparison with an IntEnum member costs three times as much.
Text for presentation comes from `type_text` and its siblings (RFC 3597 for what has no name).
"""

from __future__ import annotations

from typing import Final


class RRType:
    A: Final = 1
    NS: Final = 2
    CNAME: Final = 5
    SOA: Final = 6
    PTR: Final = 12
    HINFO: Final = 13
    MX: Final = 15
    TXT: Final = 16
    SIG: Final = 24
    KEY: Final = 25
    AAAA: Final = 28
    SRV: Final = 33
    NAPTR: Final = 35
    DNAME: Final = 39
    OPT: Final = 41
    DS: Final = 43
    RRSIG: Final = 46
    NSEC: Final = 47
    DNSKEY: Final = 48
    NSEC3: Final = 50
    NSEC3PARAM: Final = 51
    CDS: Final = 59
    CDNSKEY: Final = 60
    ZONEMD: Final = 63
    SVCB: Final = 64
    HTTPS: Final = 65
    NXNAME: Final = 128
    TKEY: Final = 249
    TSIG: Final = 250
    IXFR: Final = 251
    AXFR: Final = 252
    MAILB: Final = 253
    MAILA: Final = 254
    ANY: Final = 255
    RESINFO: Final = 261


class RRClass:
    IN: Final = 1
    CH: Final = 3
    HS: Final = 4
    NONE: Final = 254
    ANY: Final = 255


class Rcode:
    NOERROR: Final = 0
    FORMERR: Final = 1
    SERVFAIL: Final = 2
    NXDOMAIN: Final = 3
    NOTIMP: Final = 4
    REFUSED: Final = 5
    YXDOMAIN: Final = 6
    YXRRSET: Final = 7
    NXRRSET: Final = 8
    NOTAUTH: Final = 9
    NOTZONE: Final = 10
    BADVERS: Final = 16
    BADCOOKIE: Final = 23


class Flag:
    """Bits of the 16-bit flags word of the header (RFC 1035 §4.1.1, RFC 4035 §3.2)."""

    QR: Final = 0x8000
    AA: Final = 0x0400
    TC: Final = 0x0200
    RD: Final = 0x0100
    RA: Final = 0x0080
    Z: Final = 0x0040
    AD: Final = 0x0020
    CD: Final = 0x0010
    DO: Final = 0x8000  # in the EDNS flags word, not the header


class EdeCode:
    """Extended DNS errors (RFC 8914 and its registry)."""

    OTHER: Final = 0
    UNSUPPORTED_DNSKEY_ALGORITHM: Final = 1
    UNSUPPORTED_DS_DIGEST: Final = 2
    STALE_ANSWER: Final = 3
    FORGED_ANSWER: Final = 4
    DNSSEC_INDETERMINATE: Final = 5
    DNSSEC_BOGUS: Final = 6
    SIGNATURE_EXPIRED: Final = 7
    SIGNATURE_NOT_YET_VALID: Final = 8
    DNSKEY_MISSING: Final = 9
    RRSIGS_MISSING: Final = 10
    NO_ZONE_KEY_BIT: Final = 11
    NSEC_MISSING: Final = 12
    CACHED_ERROR: Final = 13
    NOT_READY: Final = 14
    BLOCKED: Final = 15
    CENSORED: Final = 16
    FILTERED: Final = 17
    PROHIBITED: Final = 18
    STALE_NXDOMAIN: Final = 19
    NOT_AUTHORITATIVE: Final = 20
    NOT_SUPPORTED: Final = 21
    NO_REACHABLE_AUTHORITY: Final = 22
    NETWORK_ERROR: Final = 23
    INVALID_DATA: Final = 24
    SIGNATURE_EXPIRED_BEFORE_VALID: Final = 25
    TOO_EARLY: Final = 26
    UNSUPPORTED_NSEC3_ITERATIONS: Final = 27
    UNABLE_TO_CONFORM_TO_POLICY: Final = 28
    SYNTHESIZED: Final = 29
    INVALID_QUERY_TYPE: Final = 30
    NEGATIVE_TRUST_ANCHOR: Final = 33


# What an extended error says of a SERVFAIL whose data failed validation.
SAY_BOGUS: Final = frozenset(range(EdeCode.DNSSEC_BOGUS, EdeCode.NSEC_MISSING + 1)) | {
    EdeCode.SIGNATURE_EXPIRED_BEFORE_VALID
}

# Types that a question can have, or a message, and no record of a zone (RFC 6895 §3.1).
META_TYPES: Final = frozenset(range(128, 256)) | {RRType.OPT}


def _texts(namespace: type) -> dict[int, str]:
    return {value: name for name, value in vars(namespace).items() if not name.startswith("_")}


_TYPES = _texts(RRType)
_RCODES = _texts(Rcode)
_TYPE_NUMBERS = {name: value for value, name in _TYPES.items()}


def type_text(rtype: int) -> str:
    """Mnemonic of *rtype*, or TYPEnnn (RFC 3597 §5)."""
    return _TYPES.get(rtype) or f"TYPE{rtype}"


def type_number(text: str) -> int:
    """Number of a mnemonic or TYPEnnn. Raises ValueError on anything else."""
    upper = text.upper()
    if upper in _TYPE_NUMBERS:
        return _TYPE_NUMBERS[upper]
    if upper.startswith("TYPE") and upper[4:].isdigit() and int(upper[4:]) <= 0xFFFF:
        return int(upper[4:])
    raise ValueError(f"unknown record type {text!r}")


def rcode_text(rcode: int) -> str:
    """Mnemonic of *rcode*, or RCODEnnn."""
    return _RCODES.get(rcode) or f"RCODE{rcode}"
