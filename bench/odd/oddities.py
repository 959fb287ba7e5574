"""The catalogue of odd servers.

Each was met on the Internet or is a neighbour of one that was. RFC 7873 §5.3, RFC 3597 §3, RFC
4343, RFC 8906.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.odd.making import (
    COOKIE,
    ECS,
    HEADER,
    NSID,
    QR,
    TC,
    Asked,
    Elsewhere,
    Oddity,
    Says,
    Sent,
    adding,
    always,
    both,
    error,
    has_cookie,
    has_do,
    has_edns,
    has_options,
    header,
    is_mixed,
    opts,
    over_udp,
    plain,
    question_end,
    resealed,
    saying,
    silence,
    where,
)
from resolver.lab.virtual_parts import Delayed
from resolver.protocol.codes import Rcode
from resolver.protocol.edns import Edns, encode

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


# --- single oddities -------------------------------------------------------------------------


def _denial(asked: Asked) -> Sequence[Sent]:
    """The name is not there: what another one gets, under the question that was asked."""
    head, end, size = HEADER, question_end(asked.data), asked.data[HEADER]
    other = asked.data[: head + 1] + b"z" * size + asked.data[head + 1 + size :]
    denied = asked.honest(other)
    return [denied[:head] + asked.data[head:end] + denied[end:]]


def _opt_twice(asked: Asked) -> bytes:
    right = asked.right
    count = int.from_bytes(right[10:HEADER], "big") + 1
    return right[:10] + count.to_bytes(2, "big") + right[HEADER:] + encode(Edns())


def _junk(edns: Edns) -> bytes:
    del edns
    return b"\0\0\x29\x04\xd0\0\0\x80\0\0\3\xff\xfe\xfd"


def _cookie(back: Callable[[bytes], bytes]) -> Says:
    """What comes back for a client cookie."""

    def says(asked: Asked) -> Sequence[Sent]:
        edns = asked.query.edns
        ours = edns.option(COOKIE) if edns is not None else None
        if ours is None:
            return [asked.right]
        options = ((COOKIE, back(ours)),)
        return [opts(asked, lambda made: made._replace(options=options))]

    return says


def _bad_cookie(asked: Asked) -> Sequence[Sent]:
    edns = asked.query.edns
    ours = edns.option(COOKIE) if edns is not None else None
    if ours is None:
        return [asked.right]
    made = resealed(error(asked, 23, opt=True), Edns(1232, extended_rcode=1,
        options=((COOKIE, ours[:8] + b"newsecret"[:8]),)))  # fmt: skip
    return [made]


def _forgets(asked: Asked) -> Sequence[Sent]:
    """Gives a server cookie to who has none, and no cookie at all to who shows one."""
    edns = asked.query.edns
    ours = edns.option(COOKIE) if edns is not None else None
    if ours is None or len(ours) > 8:
        return [asked.right]
    return [opts(asked, lambda made: made._replace(options=((COOKIE, ours + b"serverhf"),)))]


def _dropping(octets: int) -> Says:
    return lambda asked: [] if over_udp(asked) and len(asked.right) > octets else [asked.right]


def _cut(asked: Asked) -> Sequence[Sent]:
    """TC and empty sections over UDP."""
    if not over_udp(asked):
        return [asked.right]
    made = bytearray(error(asked, Rcode.NOERROR, opt=has_edns(asked)))
    made[2] |= TC | 4
    return [bytes(made)]


def _cut_with_data(asked: Asked) -> Sequence[Sent]:
    """TC, and everything is there all the same."""
    right = asked.right
    return [right[:2] + bytes([right[2] | TC]) + right[3:]] if over_udp(asked) else [right]


def _spelt(change: Callable[[bytes], bytes]) -> Says:
    def says(asked: Asked) -> Sequence[Sent]:
        end = question_end(asked.data) - 4
        name = change(asked.data[HEADER:end])
        return [asked.honest(asked.data[:HEADER] + name + asked.data[end:])]

    return says


def _after(*before: Callable[[Asked], bytes], count: int = 1) -> Says:
    """Some replies that are not right, and then the right one."""
    return lambda asked: (
        [make(asked) for make in before for _ in range(count)] + [asked.right]
        if over_udp(asked)
        else [asked.right]
    )


def _wrong_id(asked: Asked) -> bytes:
    right = asked.right
    return bytes([right[0] ^ 0x55]) + right[1:]


def _other_question(asked: Asked) -> bytes:
    other = b"\5other" + asked.data[HEADER + asked.data[HEADER] + 1 :]
    return asked.honest(asked.data[:HEADER] + other)


def _no_question(asked: Asked) -> bytes:
    """Answer records that stand without a question; their owners are spelt out."""
    right, end = asked.right, question_end(asked.data)
    name = asked.data[HEADER : end - 4]
    body = right[end:]
    if body[:2] == b"\xc0\x0c":
        body = name + body[2:]
    return right[:4] + b"\0\0" + right[6:HEADER] + body


def _flags(clear: int = 0, set_: int = 0) -> Says:
    def says(asked: Asked) -> Sequence[Sent]:
        right = asked.right
        return [right[:2] + bytes([right[2] & ~clear | set_]) + right[3:]]

    return says


def _pointing(asked: Asked) -> Sequence[Sent]:
    """An additional record of an unknown type whose rdata looks like a compressed name."""
    right = asked.right
    count = int.from_bytes(right[10:HEADER], "big") + 1
    extra = b"\xc0\x0c\xff\x78\0\1\0\0\0\x3c\0\x04\xc0\x0c\xc0\xff"
    end = right.rindex(b"\0\0\x29", HEADER) if has_edns(asked) else len(right)
    return [right[:10] + count.to_bytes(2, "big") + right[HEADER:end] + extra + right[end:]]


def _delayed(seconds: float) -> Says:
    return lambda asked: [Delayed(asked.right, seconds)]


def _half(asked: Asked) -> Sequence[Sent]:
    right = asked.right
    return [right[: len(right) * 2 // 3]] if over_udp(asked) else [right]


def _elsewhere(*, port: int = 53, other_host: bool = False) -> Says:
    return lambda asked: (
        [Elsewhere(asked.right, port, other_host=other_host)] if over_udp(asked) else [asked.right]
    )


def _twice(asked: Asked) -> Sequence[Sent]:
    return [asked.right, asked.right] if over_udp(asked) else [asked.right]


def _first_only(asked: Asked) -> Sequence[Sent]:
    """TC over UDP only: TCP says SERVFAIL."""
    return _cut(asked) if over_udp(asked) else [error(asked, Rcode.SERVFAIL)]


_UDP_EDNS = both(over_udp, has_edns)

EDNS = [
    Oddity("edns-formerr", "EDNS", where(has_edns, saying(Rcode.FORMERR))),
    Oddity("edns-formerr-opt", "EDNS", where(has_edns, saying(Rcode.FORMERR, opt=True))),
    Oddity("edns-formerr-header", "EDNS", where(has_edns, header(Rcode.FORMERR))),
    Oddity("edns-notimp", "EDNS", where(has_edns, saying(Rcode.NOTIMP))),
    Oddity("edns-notimp-opt", "EDNS", where(has_edns, saying(Rcode.NOTIMP, opt=True))),
    Oddity("edns-servfail", "EDNS", where(has_edns, saying(Rcode.SERVFAIL))),
    Oddity("edns-refused", "EDNS", where(has_edns, saying(Rcode.REFUSED))),
    Oddity("edns-badvers", "EDNS", where(has_edns, saying(16, opt=True))),
    Oddity("edns-silence", "EDNS", where(has_edns, silence)),
    Oddity("edns-udp-silence", "EDNS", where(_UDP_EDNS, silence)),
    Oddity("edns-udp-formerr", "EDNS", where(_UDP_EDNS, saying(Rcode.FORMERR))),
    Oddity("edns-ignored", "EDNS", where(has_edns, lambda asked: [plain(asked)])),
    Oddity("edns-udp-ignored", "EDNS", where(_UDP_EDNS, lambda asked: [plain(asked)])),
    Oddity("opt-twice", "EDNS", where(has_edns, lambda asked: [_opt_twice(asked)])),
    Oddity("opt-junk", "EDNS", lambda asked: [opts(asked, _junk)]),
    Oddity("opt-version-1", "EDNS", lambda asked: [opts(asked, lambda e: e._replace(version=1))]),
    Oddity("opt-z-bits", "EDNS", lambda asked: [opts(asked, lambda e: e._replace(z=0x7FFF))]),
    Oddity("opt-size-0", "EDNS", lambda asked: [opts(asked, lambda e: e._replace(udp_payload=0))]),
    Oddity("do-formerr", "EDNS", where(has_do, saying(Rcode.FORMERR))),
    Oddity("do-silence", "EDNS", where(has_do, silence)),
]
OPTIONS = [
    Oddity("options-echoed", "option",
           lambda asked: [opts(asked, lambda e: e._replace(
               options=asked.query.edns.options if asked.query.edns else ()))]),
    Oddity("options-formerr", "option", where(has_options, saying(Rcode.FORMERR, opt=True))),
    Oddity("options-silence", "option", where(has_options, silence)),
    Oddity("options-no-opt", "option", where(has_options, lambda asked: [plain(asked)])),
    Oddity("cookie-formerr", "option", where(has_cookie, saying(Rcode.FORMERR))),
    Oddity("cookie-formerr-header", "option", where(has_cookie, header(Rcode.FORMERR))),
    Oddity("cookie-refused", "option", where(has_cookie, saying(Rcode.REFUSED))),
    Oddity("cookie-refused-opt", "option", where(has_cookie, saying(Rcode.REFUSED, opt=True))),
    Oddity("cookie-servfail", "option", where(has_cookie, saying(Rcode.SERVFAIL, opt=True))),
    Oddity("cookie-notimp", "option", where(has_cookie, saying(Rcode.NOTIMP, opt=True))),
    Oddity("cookie-badvers", "option", where(has_cookie, saying(16, opt=True))),
    Oddity("cookie-silence", "option", where(has_cookie, silence)),
    Oddity("cookie-badcookie", "option", _bad_cookie),
    Oddity("cookie-short", "option", _cookie(lambda ours: ours[:4])),
    Oddity("cookie-long", "option", _cookie(lambda ours: ours[:8] + bytes(50))),
    Oddity("cookie-server-short", "option", _cookie(lambda ours: ours[:8] + b"abc")),
    Oddity("cookie-changed", "option", _cookie(lambda ours: b"notyours" + ours[8:])),
    Oddity("cookie-empty", "option", _cookie(lambda ours: ours[:0])),
    Oddity("cookie-forgotten", "option", _forgets),
    Oddity("cookie-forgotten-no-tcp", "option", _forgets, tcp="refused"),
    Oddity("nsid-unasked", "option", adding((NSID, b"ns1.odd"))),
    Oddity("ecs-unasked", "option", adding((ECS, b"\0\1\x18\x18\xc0\0\2"))),
    Oddity("ecs-malformed", "option", adding((ECS, b"\0\1\x18"))),
    Oddity("unknown-unasked", "option", adding((65001, b"?"), (COOKIE, b"serverhalf"))),
]  # fmt: skip
SIZE = [
    Oddity("drops-over-512", "size", _dropping(512), wants="mid"),
    Oddity("drops-over-1232", "size", _dropping(1232), wants="big"),
    Oddity("ignores-our-size", "size", lambda asked: [asked.whole], wants="big"),
    Oddity("tc-always", "size", _cut),
    Oddity("tc-big", "size", where(always, lambda asked: [asked.right]), wants="big"),
    Oddity("tc-with-data", "size", _cut_with_data),
    Oddity("tc-with-data-no-tcp", "size", _cut_with_data, tcp="refused"),
    Oddity("half", "size", _half),
    Oddity("trailing", "size", lambda asked: [asked.right + bytes(7)]),
]
SPELLING = [
    Oddity("folds-case", "spelling", _spelt(bytes.lower)),
    Oddity("folds-case-no-tcp", "spelling", _spelt(bytes.lower), tcp="refused"),
    Oddity("folds-case-mute-tcp", "spelling", _spelt(bytes.lower), tcp="mute"),
    Oddity("folds-case-dead-tcp", "spelling", _spelt(bytes.lower), tcp="dead"),
    Oddity("mixed-case-refused", "spelling", where(is_mixed, saying(Rcode.REFUSED, opt=True))),
    Oddity("mixed-case-servfail", "spelling", where(is_mixed, saying(Rcode.SERVFAIL, opt=True))),
    Oddity("mixed-case-formerr", "spelling", where(is_mixed, saying(Rcode.FORMERR))),
    Oddity("mixed-case-silence", "spelling", where(is_mixed, silence)),
    Oddity("mixed-case-denied", "spelling", where(is_mixed, _denial)),
    Oddity("upper-case-no-tcp", "spelling", _spelt(bytes.upper), tcp="refused"),
]
TCP = [
    Oddity("tc-tcp-refused", "TCP", _cut, tcp="refused"),
    Oddity("tc-tcp-mute", "TCP", _cut, tcp="mute"),
    Oddity("tc-tcp-drip", "TCP", _cut, tcp="drip"),
    Oddity("tc-tcp-closes", "TCP", _cut, tcp="closes"),
    Oddity("tc-tcp-closes-after-length", "TCP", _cut, tcp="closes after length"),
    Oddity("tc-tcp-wrong-length", "TCP", _cut, tcp="wrong length"),
    Oddity("tc-tcp-one-query", "TCP", _cut, tcp="one query"),
    Oddity("tc-tcp-servfail", "TCP", _first_only),
    Oddity("tcp-refused", "TCP", lambda asked: [asked.right], tcp="refused"),
    Oddity("udp-silence", "TCP", where(over_udp, silence)),
    Oddity("udp-refused", "TCP", where(over_udp, saying(Rcode.REFUSED, opt=True))),
]
REPLIES = [
    Oddity("other-port", "reply", _elsewhere(port=5353)),
    Oddity("other-address", "reply", _elsewhere(other_host=True)),
    Oddity("question-missing", "reply", where(over_udp, lambda asked: [_no_question(asked)])),
    Oddity("question-other", "reply", where(over_udp, lambda asked: [_other_question(asked)])),
    Oddity("question-other-first", "reply", _after(_other_question)),
    Oddity("qr-missing", "reply", where(over_udp, _flags(clear=QR))),
    Oddity("opcode-wrong", "reply", where(over_udp, _flags(set_=0x28))),
    Oddity("aa-missing", "reply", _flags(clear=0x04)),
    Oddity("wrong-id", "reply", where(over_udp, lambda asked: [_wrong_id(asked)])),
    Oddity("wrong-id-first", "reply", _after(_wrong_id)),
    Oddity("wrong-id-first-no-tcp", "reply", _after(_wrong_id), tcp="refused"),
    Oddity("wrong-ids-first", "reply", _after(_wrong_id, count=20)),
    Oddity("wrong-ids-first-no-tcp", "reply", _after(_wrong_id, count=20), tcp="refused"),
    Oddity("wrong-ids-first-mute-tcp", "reply", _after(_wrong_id, count=20), tcp="mute"),
    Oddity("pointers-in-unknown-type", "reply", _pointing),
    Oddity("twice", "reply", _twice),
    Oddity("formerr-header", "reply", where(over_udp, header(Rcode.FORMERR))),
    Oddity("slow-0.6", "reply", _delayed(0.6)),
    Oddity("slow-1.5", "reply", _delayed(1.5)),
]
ODDITIES = [
    Oddity("honest", "none", lambda asked: [asked.right]),
    *EDNS, *OPTIONS, *SIZE, *SPELLING, *TCP, *REPLIES,
]  # fmt: skip
