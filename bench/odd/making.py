"""What odd servers are made of: a query at hand, the right reply, and ways to spoil it.

Pure: the same functions stand behind real sockets (`bench.odd.servers`) and in virtual time (the
tests). `honest` gives the right reply to any octets, so an oddity is what it does to the query, or
to the reply, or instead. RFC 1035 §4, RFC 6891 §6.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from resolver.protocol.edns import Edns, encode
from resolver.protocol.wire import parse_untrusted

if TYPE_CHECKING:
    from resolver.lab.virtual_parts import Delayed
    from resolver.protocol.message import Message

COOKIE, NSID, ECS = 10, 3, 8
HEADER = 12
QR, TC = 0x80, 0x02


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """A reply from a *port* or a *host* that was not asked."""

    data: bytes
    port: int = 53
    other_host: bool = False


Sent: TypeAlias = "bytes | Delayed | Elsewhere"
Honest: TypeAlias = Callable[[bytes], bytes]


@dataclass(frozen=True, slots=True)
class Asked:
    """One query at the odd server."""

    data: bytes
    query: Message
    transport: str
    honest: Honest
    unbounded: Honest

    @property
    def right(self) -> bytes:
        return self.honest(self.data)

    @property
    def whole(self) -> bytes:
        """The right reply, however long."""
        return self.unbounded(self.data)

    def has(self, code: int) -> bool:
        return self.query.edns is not None and self.query.edns.option(code) is not None


Says: TypeAlias = Callable[[Asked], "Sequence[Sent]"]


@dataclass(frozen=True, slots=True)
class Oddity:
    """*tcp* is how connections fare; *wants* the name of the record that is asked for."""

    name: str
    group: str
    says: Says
    tcp: str = "ok"
    wants: str = "www"


# --- making replies --------------------------------------------------------------------------


def question_end(data: bytes) -> int:
    """The offset behind the question section of a query."""
    at = HEADER
    while data[at]:
        at += data[at] + 1
    return at + 5


def without_edns(data: bytes) -> bytes:
    """The query without its additional section."""
    return data[:10] + b"\0\0" + data[HEADER : question_end(data)]


def with_edns(data: bytes, query: Message, *, options: tuple[tuple[int, bytes], ...]) -> bytes:
    """The query, its OPT's options replaced."""
    if query.edns is None:
        return data
    return data[: question_end(data)] + encode(query.edns._replace(options=options))


def error(asked: Asked, rcode: int, *, opt: bool = False) -> bytes:
    """Header and question with *rcode*, and an OPT if wanted or needed."""
    data = asked.data
    edns = opt or rcode > 0xF
    head = data[:2] + bytes([QR | data[2] & 0x79, rcode & 0xF]) + b"\0\1\0\0\0\0"
    tail = encode(Edns(1232, extended_rcode=rcode >> 4)) if edns else b""
    return head + (b"\0\1" if edns else b"\0\0") + data[HEADER : question_end(data)] + tail


def bare(asked: Asked, rcode: int) -> bytes:
    """A header and nothing else."""
    return asked.data[:2] + bytes([QR | asked.data[2] & 0x79, rcode]) + bytes(8)


def plain(asked: Asked) -> bytes:
    """The right reply to the query as if it had no OPT; over UDP in 512 octets."""
    return asked.honest(without_edns(asked.data))


def resealed(data: bytes, edns: Edns | bytes) -> bytes:
    """A reply whose OPT (always last here) is replaced; *edns* may be raw octets."""
    at = data.rindex(b"\0\0\x29", HEADER)
    return data[:at] + (edns if isinstance(edns, bytes) else encode(edns))


def edns_of(data: bytes) -> Edns:
    return parse_untrusted(data).edns or Edns()


def opts(asked: Asked, change: Callable[[Edns], Edns | bytes]) -> bytes:
    """The right reply with its OPT changed, if it has one."""
    right = asked.right
    if asked.query.edns is None:
        return right
    return resealed(right, change(edns_of(right)))


def adding(*options: tuple[int, bytes]) -> Says:
    """Options in the OPT of the reply that nobody asked for."""
    return lambda asked: [opts(asked, lambda edns: edns._replace(options=options))]


# --- odd about a part of the query -----------------------------------------------------------

Condition: TypeAlias = Callable[[Asked], bool]


def has_edns(asked: Asked) -> bool:
    return asked.query.edns is not None


def has_do(asked: Asked) -> bool:
    return asked.query.do


def has_cookie(asked: Asked) -> bool:
    return asked.has(COOKIE)


def has_options(asked: Asked) -> bool:
    return asked.query.edns is not None and bool(asked.query.edns.options)


def over_udp(asked: Asked) -> bool:
    return asked.transport == "udp"


def is_mixed(asked: Asked) -> bool:
    return asked.query.qname_raw != asked.query.qname


def always(asked: Asked) -> bool:
    del asked
    return True


def where(condition: Condition, says: Says) -> Says:
    """Odd where *condition* holds, else honest."""
    return lambda asked: says(asked) if condition(asked) else [asked.right]


def both(*conditions: Condition) -> Condition:
    return lambda asked: all(condition(asked) for condition in conditions)


def saying(rcode: int, *, opt: bool = False) -> Says:
    return lambda asked: [error(asked, rcode, opt=opt)]


def silence(asked: Asked) -> Sequence[Sent]:
    del asked
    return []


def header(rcode: int) -> Says:
    return lambda asked: [bare(asked, rcode)]
