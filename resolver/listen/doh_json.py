"""The JSON form of DNS over HTTPS: its parameters → a query; a reply → its document. Pure.

Google's, which Cloudflare and others serve too: no RFC, but what `curl` users and scripts know.
Text of the commonest types is made here, of all others dnspython makes it (loaded at the first).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec

from resolver.errors import WireError
from resolver.limits import HTTPS_JSON_SLICE, UDP_PAYLOAD
from resolver.protocol import names
from resolver.protocol.codes import Flag, type_number
from resolver.protocol.edns import OPT_EDE, Edns, ede_of
from resolver.protocol.render import build
from resolver.protocol.wire import parse_untrusted
from resolver.telemetry.presentation import rdata_text

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping

    from resolver.protocol.message import Message, Record

TYPE: Final = b"application/dns-json"
_TRUTHS: Final = {b"1": True, b"true": True, b"0": False, b"false": False, b"": False}
_JSON_FORMS: Final = frozenset(
    {b"", b"application/dns-json", b"application/json", b"application/x-javascript"}
)
_MESSAGE: Final = b"application/dns-message"
_LONGEST_NAME: Final = 253
_LONGEST_TYPE: Final = 16  # characters of the longest mnemonic that anybody knows
_TYPES: Final = range(1, 0x10000)


class AskedInJson(NamedTuple):
    """A DNS query; *wants_message*: its reply as it is, not as JSON."""

    query: bytes
    wants_message: bool


# --- the query -----------------------------------------------------------------------------------


def read_untrusted(parameters: Mapping[bytes, bytes]) -> AskedInJson:
    """The query that the *parameters* ask for. Raises ValueError with a sentence, nothing else.

    What is not known is passed over, `edns_client_subnet` and `random_padding` among it.
    """
    qname = _name(parameters.get(b"name", b""))
    qtype = _type(parameters.get(b"type", b"1"))
    flags = Flag.RD | Flag.AD | (Flag.CD if _truth(parameters, b"cd") else 0)
    edns = Edns(UDP_PAYLOAD, do=_truth(parameters, b"do"))
    form = parameters.get(b"ct", b"").lower()
    if form != _MESSAGE and form not in _JSON_FORMS:
        raise ValueError("ct is application/dns-json or application/dns-message")
    query = build(id=0, flags=flags, question=(qname, qtype, 1), edns=edns)
    return AskedInJson(query, form == _MESSAGE)


def _name(octets: bytes) -> names.Name:
    try:
        text = octets.decode("ascii")
    except UnicodeDecodeError:
        raise ValueError("name is ASCII: of other letters the xn-- form") from None
    try:
        return names.from_text(text)
    except ValueError:
        expected = f"name is a domain name of 1 to {_LONGEST_NAME} characters: www.example.com"
        raise ValueError(expected) from None


def _type(octets: bytes) -> int:
    """A number, or a mnemonic in any case."""
    text = octets.decode("ascii", "replace")
    if len(text) <= _LONGEST_TYPE and text.isascii():
        if text.isdigit() and int(text) in _TYPES:
            return int(text)
        number = _mnemonic(text)
        if number in _TYPES:
            return number
    raise ValueError("type is a record type such as A, AAAA, 65 or TYPE65")


def _mnemonic(text: str) -> int:
    """0 where nobody knows it."""
    try:
        return type_number(text)
    except ValueError:
        pass
    if not text.replace("-", "").isalnum():
        return 0
    import dns.rdatatype  # noqa: PLC0415  # for types that the resolver itself knows nothing of

    try:
        return int(dns.rdatatype.from_text(text))
    except (dns.rdatatype.UnknownRdatatype, ValueError):
        return 0


def _truth(parameters: Mapping[bytes, bytes], name: bytes) -> bool:
    try:
        return _TRUTHS[parameters.get(name, b"0").lower()]
    except KeyError:
        raise ValueError(f"{name.decode()} is 0, 1, true or false") from None


# --- the reply -----------------------------------------------------------------------------------


def document(reply: bytes) -> Generator[None, None, bytes]:
    """The document that *reply*, one of ours, comes to; pauses every HTTPS_JSON_SLICE records."""
    try:
        message = parse_untrusted(reply)
    except WireError:
        return b"{}"
    found: dict[str, Any] = {
        "Status": message.rcode,
        "TC": bool(message.flags & Flag.TC),
        "RD": bool(message.flags & Flag.RD),
        "RA": bool(message.flags & Flag.RA),
        "AD": bool(message.flags & Flag.AD),
        "CD": bool(message.flags & Flag.CD),
        "Question": [],
    }
    if message.question_count:
        found["Question"] = [{"name": names.to_text(message.qname_raw), "type": message.qtype}]
    sections = (
        ("Answer", message.answer),
        ("Authority", message.authority),
        ("Additional", message.additional),
    )
    for title, records in sections:
        if records:
            found[title] = yield from _section(records)
    _tell_errors(message, found)
    return msgspec.json.encode(found)


def _section(records: list[Record]) -> Generator[None, None, list[dict[str, Any]]]:
    told = []
    for number, (owner, rtype, rclass, ttl, rdata) in enumerate(records, 1):
        data = rdata_text(rtype, rdata, rclass=rclass)
        told.append({"name": names.to_text(owner), "type": rtype, "TTL": ttl, "data": data})
        if not number % HTTPS_JSON_SLICE:
            yield
    return told


def _tell_errors(message: Message, found: dict[str, Any]) -> None:
    """Extended errors (RFC 8914), for programs and for people."""
    options = message.edns.options if message.edns is not None else ()
    errors = [ede for code, data in options if code == OPT_EDE and (ede := ede_of(data))]
    if errors:
        found["Comment"] = "; ".join(
            f"EDE {code}: {text}".removesuffix(": ") for code, text in errors
        )
        found["extended_dns_errors"] = [
            {"info_code": code, "extra_text": text} for code, text in errors
        ]
