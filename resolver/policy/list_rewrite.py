"""What `$dnsrewrite` and the records of an RPZ list have a name answered with. Pure.

NXDOMAIN   REFUSED   192.0.2.1   2001:db8::1   other.example   NOERROR;TXT;text   NOERROR;;
"""

from __future__ import annotations

from typing import Final

from resolver.policy.list_rules import Bad, Rewrite, key_of
from resolver.protocol.codes import Rcode, RRType, type_number
from resolver.protocol.ip_addresses import address_octets
from resolver.protocol.names import ROOT

_CODES: Final = {
    "NOERROR": Rcode.NOERROR, "NXDOMAIN": Rcode.NXDOMAIN, "REFUSED": Rcode.REFUSED,
    "SERVFAIL": Rcode.SERVFAIL,
}  # fmt: skip
_BY_OCTETS: Final = {4: RRType.A, 16: RRType.AAAA}
_KNOWN: Final = ("A", "AAAA", "CNAME", "HTTPS", "MX", "PTR", "SRV", "SVCB", "TXT")


def rewrite_of(value: str, *, allows: bool) -> Rewrite:
    """What *value* has a name answered with. Raises Bad."""
    value = value.strip()
    if allows:
        if not value:
            return Rewrite(is_off=True)
        told = rewrite_of(value, allows=False)
        return Rewrite(told.rcode, told.rtype, told.rdata, is_off=True)
    if ";" not in value:
        return _short(value)
    code, _, rest = value.partition(";")
    kind, _, text = rest.partition(";")
    rcode = _CODES.get(code.strip().upper())
    if rcode is None:
        raise Bad(f"no code of an answer: {code[:20]}")
    if rcode != Rcode.NOERROR or not kind.strip():
        return Rewrite(rcode)
    kind = kind.strip().upper()
    if kind not in _KNOWN:
        raise Bad(f"dnsrewrite makes no {kind[:20]}")
    return Rewrite(rcode, type_number(kind), rdata_of(kind, text.strip()))


def _short(value: str) -> Rewrite:
    if not value:
        raise Bad("dnsrewrite of nothing")
    if value in _CODES:
        return Rewrite(_CODES[value])
    octets = _address(value)
    if octets:
        return Rewrite(Rcode.NOERROR, _BY_OCTETS[len(octets)], octets)
    return Rewrite(Rcode.NOERROR, RRType.CNAME, key_of(value).key + ROOT)


def rdata_of(kind: str, text: str) -> bytes:
    """The octets of a record of type *kind*, which zone files write as *text*. Raises Bad."""
    if kind in ("A", "AAAA"):
        octets = _address(text)
        if _BY_OCTETS.get(len(octets)) != type_number(kind):
            raise Bad(f"no address of type {kind}")
        return octets
    if kind in ("CNAME", "PTR"):
        return key_of(text).key + ROOT
    if kind == "TXT" and not text.startswith('"'):
        octets = text.encode("utf-8", "replace")
        parts = [octets[at : at + 255] for at in range(0, len(octets), 255)] or [b""]
        return b"".join(bytes([len(part)]) + part for part in parts)
    return _by_dnspython(kind, text)


def _by_dnspython(kind: str, text: str) -> bytes:
    import dns.exception  # noqa: PLC0415 - in the child that compiles, and there for few lists
    import dns.rdata  # noqa: PLC0415

    try:
        octets = dns.rdata.from_text("IN", kind, text, relativize=False).to_wire()
    except (dns.exception.DNSException, ValueError, RecursionError, OverflowError) as error:
        raise Bad(f"no record of type {kind[:20]} ({str(error)[:80]})") from None
    assert octets is not None  # noqa: S101  # it was given no file to write to
    return octets


def _address(text: str) -> bytes:
    try:
        return address_octets(text.strip("[]"))
    except ValueError:
        return b""
