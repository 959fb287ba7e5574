"""Rdata of scenarios: presentation text, and what testbound takes that a zone file would not."""

from __future__ import annotations

import binascii

import dns.exception
import dns.name
import dns.rdata
import dns.rdataclass
import dns.rdatatype
from dns.rdtypes.ANY.RRSIG import RRSIG

GENERIC = "\\#"
SIGNATURE_FIELD = 9


def rdata_of(
    rdclass: dns.rdataclass.RdataClass,
    rdtype: dns.rdatatype.RdataType,
    text: str,
    origin: dns.name.Name,
) -> dns.rdata.Rdata:
    """Rdata of its text. Raises DNSException or ValueError.

    `\\#` gives octets whatever the type wants (RFC 3597 §5); padding that base64 does not need and
    quotes behind it are forgiven; an RRSIG may have no signature at all.
    """
    if text.split(None, 1)[:1] == [GENERIC]:
        return dns.rdata.GenericRdata(rdclass, rdtype, _octets(text))
    if rdtype == dns.rdatatype.RRSIG and len(text.split()) < SIGNATURE_FIELD:
        signed = dns.rdata.from_text(
            rdclass, rdtype, f"{text} AA==", origin=origin, relativize=False
        )
        assert isinstance(signed, RRSIG)
        return signed.replace(signature=b"")
    failure: Exception | None = None
    for plain in (text, text.rstrip("'\""), text.rstrip("'\"=")):
        try:
            return dns.rdata.from_text(rdclass, rdtype, plain, origin=origin, relativize=False)
        except (dns.exception.DNSException, ValueError) as error:
            failure = failure or error
    assert failure is not None
    raise failure


def _octets(text: str) -> bytes:
    _, size, *data = text.split()
    try:
        octets = binascii.unhexlify("".join(data))
    except binascii.Error as error:
        raise ValueError("not hexadecimal") from error
    if len(octets) != int(size):
        raise ValueError(f"{len(octets)} octets, not {size}")
    return octets
