"""The octets of one query to one server, and whether a datagram is the reply to exactly that.

Every copy has its own id, its own mix of cases (0x20) and its own cookie; with the port that is
what a forger must guess (RFC 5452 §4, §9; RFC 7873; draft-vixie-dnsext-dns0x20). No I/O.
"""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, NamedTuple

from resolver.protocol.codes import Flag, Rcode
from resolver.protocol.edns import OPT_COOKIE, Edns, cookie_option
from resolver.protocol.wire import build_query

if TYPE_CHECKING:
    from random import Random

    from resolver.model import Question
    from resolver.protocol.wire import Message

_HEADER_OCTETS = 12
_CLIENT_COOKIE_OCTETS = 8
# What servers send with a header alone: they did not read as far as the question (RFC 6891 §7).
_BARE_RCODES = frozenset({Rcode.FORMERR, Rcode.SERVFAIL, Rcode.NOTIMP, Rcode.REFUSED})
_CASE_BIT = bytes(
    0x20 if chr(octet).isascii() and chr(octet).islower() else 0 for octet in range(256)
)


class Match(enum.Enum):
    """What a datagram is to a query."""

    YES = "yes"
    CASE = "case"  # right but for the letters' case: a server that folds it, or a lucky forger
    NO = "no"


class Sent(NamedTuple):
    """A query as it went out."""

    data: bytes
    asked: bytes  # the question section, as spelt
    edns: Edns | None
    is_mixed: bool


def mix_case(name: bytes, rng: Random) -> bytes:
    """A random spelling of a lower-cased wire name. Length octets are below the letters'."""
    mask = int.from_bytes(name.translate(_CASE_BIT), "big")
    noise = rng.getrandbits(8 * len(name)) & mask
    return (int.from_bytes(name, "big") ^ noise).to_bytes(len(name), "big")


def compose(
    question: Question, *, rng: Random, flags: int, edns: Edns | None, mixes_case: bool
) -> Sent:
    """A query with a random id, and a random spelling if *mixes_case*."""
    name = mix_case(question.qname, rng) if mixes_case else question.qname
    data = build_query(
        id=rng.getrandbits(16),
        qname=name,
        qtype=question.qtype,
        qclass=question.qclass,
        flags=flags,
        edns=edns,
    )
    asked = data[_HEADER_OCTETS : _HEADER_OCTETS + len(name) + 4]
    return Sent(data, asked, edns, mixes_case)


def offer(*, payload: int, dnssec_ok: bool, cookie: bytes, server_cookie: bytes) -> Edns:
    """The OPT of a query; an empty *cookie* leaves the option out."""
    options = (cookie_option(cookie, server_cookie),) if cookie else ()
    return Edns(udp_payload=payload, do=dnssec_ok, options=options)


def match_untrusted(sent: Sent, data: bytes) -> Match:
    """Compare id, QR and question with what was sent, octet by octet. Never raises.

    A header without a question is taken for an error report only: it says nothing but its rcode.
    """
    if len(data) < _HEADER_OCTETS or data[:2] != sent.data[:2] or not data[2] & 0x80:
        return Match.NO
    if data[4:6] == b"\0\0":
        is_bare_error = data[3] & 0xF in _BARE_RCODES and data[6:_HEADER_OCTETS] == bytes(6)
        return Match.YES if is_bare_error else Match.NO
    asked = sent.asked
    said = data[_HEADER_OCTETS : _HEADER_OCTETS + len(asked)]
    if data[4:6] != b"\0\1":
        return Match.NO
    if said == asked:
        return Match.YES
    is_spelling = said[-4:] == asked[-4:] and said[:-4].lower() == asked[:-4].lower()
    return Match.CASE if is_spelling else Match.NO


def plain_spelling(sent: Sent, data: bytes) -> bytes:
    """A reply that matched, its question in lower case.

    Names elsewhere in the message point into the question: the random spelling would show in them.
    """
    end = _HEADER_OCTETS + len(sent.asked) - 4
    if data[5] == 0:
        return data
    return data[:_HEADER_OCTETS] + data[_HEADER_OCTETS:end].lower() + data[end:]


def is_truncated(data: bytes) -> bool:
    """The TC bit of a reply that matched."""
    return bool(data[2] & (Flag.TC >> 8))


def cookie_agrees(sent: Sent, message: Message) -> bool:
    """False if the reply carries a client cookie not ours: to be dropped (RFC 7873 §5.3)."""
    if sent.edns is None or message.edns is None:
        return True
    ours, theirs = sent.edns.option(OPT_COOKIE), message.edns.option(OPT_COOKIE)
    if ours is None or theirs is None:
        return True
    return theirs[:_CLIENT_COOKIE_OCTETS] == ours[:_CLIENT_COOKIE_OCTETS]


def lacks_cookie(sent: Sent, message: Message) -> bool:
    """True if the server's own cookie went out, and none came back (RFC 7873 §5.3)."""
    ours = sent.edns.option(OPT_COOKIE) if sent.edns is not None else None
    if ours is None or len(ours) <= _CLIENT_COOKIE_OCTETS:
        return False
    return message.edns is None or message.edns.option(OPT_COOKIE) is None


def server_cookie(message: Message) -> bytes:
    """The server's half of the COOKIE option, or nothing."""
    option = message.edns.option(OPT_COOKIE) if message.edns is not None else None
    return option[_CLIENT_COOKIE_OCTETS:] if option is not None else b""
