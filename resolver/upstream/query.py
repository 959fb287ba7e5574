"""The octets of one query to one server, and whether a datagram is the reply to exactly that.

Every copy has its own id, its own mix of cases (0x20) and its own cookie; with the port that is
what a forger must guess (RFC 5452 §4, §9; RFC 7873; draft-vixie-dnsext-dns0x20). No I/O.
"""

from __future__ import annotations

import enum
from functools import lru_cache
from struct import Struct
from typing import TYPE_CHECKING, NamedTuple

from resolver.limits import OPT_RECORDS
from resolver.protocol.codes import Flag, Rcode
from resolver.protocol.edns import OPT_COOKIE, OPT_NSID, Edns, cookie_option, encode
from resolver.protocol.wire import parse_untrusted

if TYPE_CHECKING:
    from random import Random

    from resolver.model import Question
    from resolver.protocol.edns import Option
    from resolver.protocol.wire import Message

_HEADER = Struct("!HHHHHH").pack
_QUESTION = Struct("!HH").pack
_HEADER_OCTETS = 12
_CLIENT_COOKIE_OCTETS = 8
_ID_BITS = 16
_TC = Flag.TC >> 8
_new = tuple.__new__  # for what is made for each query: half the constructor's cost
# What servers send with a header alone: they did not read as far as the question (RFC 6891 §7).
_BARE_RCODES = frozenset({Rcode.FORMERR, Rcode.SERVFAIL, Rcode.NOTIMP, Rcode.REFUSED})
_CASE_BIT = bytes(
    0x20 if chr(octet).isascii() and chr(octet).islower() else 0 for octet in range(256)
)


class Match(enum.Enum):
    """What a datagram is to a query."""

    YES = "yes"
    DOUBTFUL = "doubtful"  # a server that folds case or forgets cookies, or a lucky forger
    NEAR = "near"  # the right id, another question or no response
    NO = "no"


class Sent(NamedTuple):
    """A query as it went out."""

    data: bytes
    asked: bytes  # the question section, as spelt
    edns: Edns | None
    is_mixed: bool
    cookie: bytes = b""  # the option's data: ours, and the server's if it is known
    asks_instance: bool = False


class Offer(NamedTuple):
    """The OPT of a query, its octets, and what it holds of the cookie option."""

    edns: Edns
    octets: bytes
    cookie: bytes
    asks_instance: bool


def mix_case(name: bytes, noise: int) -> bytes:
    """A spelling of a lower-cased wire name by *noise*. Length octets are below the letters'."""
    mask = int.from_bytes(name.translate(_CASE_BIT), "big")
    return (int.from_bytes(name, "big") ^ noise & mask).to_bytes(len(name), "big")


def compose(
    question: Question, *, rng: Random, flags: int, offer: Offer | None, mixes_case: bool
) -> Sent:
    """A query with a random id, and a random spelling if *mixes_case*."""
    name, qtype, qclass = question
    noise = rng.getrandbits(8 * len(name) + _ID_BITS)
    if mixes_case:
        name = mix_case(name, noise >> _ID_BITS)
    asked = name + _QUESTION(qtype, qclass)
    if offer is None:
        data = _HEADER(noise & 0xFFFF, flags, 1, 0, 0, 0) + asked
        return Sent(data, asked, None, mixes_case)
    edns, octets, cookie, asks_instance = offer
    data = _HEADER(noise & 0xFFFF, flags, 1, 0, 0, 1) + asked + octets
    return _new(Sent, (data, asked, edns, mixes_case, cookie, asks_instance))


@lru_cache(maxsize=OPT_RECORDS)
def offer(
    payload: int,
    cookie: bytes = b"",
    server_cookie: bytes = b"",
    others: tuple[Option, ...] = (),
) -> Offer:
    """The OPT of a query; an empty *cookie* leaves that option out. One object for each server."""
    options = (cookie_option(cookie, server_cookie), *others) if cookie else others
    edns = Edns(udp_payload=payload, do=True, options=options)
    asks_instance = edns.option(OPT_NSID) is not None
    return Offer(edns, encode(edns), edns.option(OPT_COOKIE) or b"", asks_instance)


def match_untrusted(sent: Sent, data: bytes) -> Match:
    """Compare id, QR and question with what was sent, octet by octet. Never raises.

    A header without a question is taken for an error report only: it says nothing but its rcode.
    """
    if len(data) < _HEADER_OCTETS or data[:2] != sent.data[:2]:
        return Match.NO
    if not data[2] & 0x80:
        return Match.NEAR
    asked = sent.asked
    said = data[_HEADER_OCTETS : _HEADER_OCTETS + len(asked)]
    if data[4:6] != b"\0\1":
        is_bare_error = data[3] & 0xF in _BARE_RCODES and data[4:_HEADER_OCTETS] == bytes(8)
        return Match.YES if is_bare_error else Match.NEAR
    if said == asked:
        return Match.YES
    if said[-4:] != asked[-4:] or said[:-4].lower() != asked[:-4].lower():
        return Match.NEAR
    return Match.DOUBTFUL if sent.is_mixed else Match.YES  # one spelling is as good as another


def read_untrusted(data: bytes, sent: Sent, question: Question) -> Message:
    """A reply that matched. Raises WireError only.

    Its question is known, so it is not read again; and it is put in lower case, because names
    elsewhere in the message point into it: our random spelling would show in them.
    """
    if data[5] == 0:
        return parse_untrusted(data)
    if sent.is_mixed or not data.startswith(question.qname, _HEADER_OCTETS):
        end = _HEADER_OCTETS + len(question.qname)
        data = data[:_HEADER_OCTETS] + question.qname + data[end:]
    return parse_untrusted(data, question)


def is_truncated(data: bytes) -> bool:
    """The TC bit of a reply that matched."""
    return bool(data[2] & _TC)


def match_cookie(sent: Sent, message: Message) -> Match:
    """Is a reply, as far as cookies tell, from the server that was asked? RFC 7873 §5.3.

    NO: it carries a client cookie not ours. DOUBTFUL: the server's own cookie went out, and none
    came back; an odd server, or a lucky forger.
    """
    ours = sent.cookie
    if not ours:
        return Match.YES
    edns = message.edns
    theirs = edns.option(OPT_COOKIE) if edns is not None and edns.options else None
    if theirs is None:
        return Match.DOUBTFUL if len(ours) > _CLIENT_COOKIE_OCTETS else Match.YES
    agrees = theirs[:_CLIENT_COOKIE_OCTETS] == ours[:_CLIENT_COOKIE_OCTETS]
    return Match.YES if agrees else Match.NO


def server_cookie(message: Message) -> bytes:
    """The server's half of the COOKIE option, or nothing."""
    edns = message.edns
    option = edns.option(OPT_COOKIE) if edns is not None and edns.options else None
    return option[_CLIENT_COOKIE_OCTETS:] if option is not None else b""
