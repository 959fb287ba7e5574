"""One question to one server, over a blocking socket: for a client that asks little and ends.

UDP first, TCP where the reply is cut short, or a stream from the start, encrypted or not; without
EDNS where a server knows none of it. A reply
counts if it comes from the address that was asked (the socket is connected), with the id and the
question that went out (RFC 5452 §3).
"""

from __future__ import annotations

import os
import socket
import time
from typing import TYPE_CHECKING, NamedTuple

from resolver.cli.present import BOGUS, SECURE, UNCHECKED, Shown
from resolver.config import endpoints
from resolver.errors import ResolverError, WireError
from resolver.limits import ASK_TRIES
from resolver.protocol import edns, wire
from resolver.protocol.codes import SAY_BOGUS, Flag, Rcode

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from resolver.config.endpoints import Endpoint
    from resolver.protocol.message import Message, Question

_MAX_OCTETS = 65_535
_KNOWS_NO_EDNS = frozenset({Rcode.FORMERR, Rcode.NOTIMP})


class NoReply(ResolverError):
    """Nothing that could be used came back; the text says what happened instead."""


def over_tcp(server: Endpoint, timeout_s: float) -> socket.socket:
    """A connection. Raises OSError."""
    family, address = numeric(server)
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.settimeout(timeout_s)
        sock.connect(address)
    except BaseException:
        sock.close()
        raise
    return sock


class Stream(NamedTuple):
    """How a query is put to a server, what that is called, and what is asked there.

    *exchange* gives the reply to a query in so many seconds. It raises TimeoutError, other OSError,
    WireError, NoReply.
    """

    exchange: Callable[[Endpoint, bytes, float], bytes]
    transport: str


class Trust(NamedTuple):
    """Who is believed: whom *authorities* (PEM) vouch for, or else the system's; or anybody."""

    is_proven: bool
    authorities: str | None


class Manner(NamedTuple):
    """How to ask. *timeout_s* is for each try; *stream*: over it from the start; *checking* False
    sets CD."""

    timeout_s: float
    stream: Stream | None = None
    wants_dnssec: bool = False
    checking: bool = True


class Reply(NamedTuple):
    """What came, from where, over what, and how long it took with all tries."""

    message: Message
    server: Endpoint
    transport: str
    elapsed_s: float


def ask(servers: Sequence[Endpoint], question: Question, manner: Manner) -> Reply:
    """The reply of the first of *servers* that gives one. Raises NoReply."""
    began = time.monotonic()
    failures = []
    for server in servers:
        try:
            message, transport = _ask(server, question, manner)
        except NoReply as error:
            failures.append(str(error))
        else:
            return Reply(message, server, transport, time.monotonic() - began)
    raise NoReply("; ".join(failures))


def shown(message: Message, question: Question) -> Shown:
    """A reply as it is shown. What is secure, the server says with AD."""
    options = message.edns.options if message.edns is not None else ()
    said = [edns.ede_of(data) for code, data in options if code == edns.OPT_EDE]
    ede = [one for one in said if one is not None]
    security = SECURE if message.flags & Flag.AD else UNCHECKED
    if message.rcode == Rcode.SERVFAIL and any(code in SAY_BOGUS for code, _ in ede):
        security = BOGUS
    return Shown(
        question,
        message.rcode,
        wire.group(message.answer),
        wire.group(message.authority),
        wire.group(message.additional),
        security,
        ede,
    )


def _ask(server: Endpoint, question: Question, manner: Manner) -> tuple[Message, str]:
    message, transport = _exchange(server, question, manner, has_edns=True)
    if message.rcode in _KNOWS_NO_EDNS and message.edns is None:
        return _exchange(server, question, manner, has_edns=False)
    return message, transport


def _exchange(
    server: Endpoint, question: Question, manner: Manner, *, has_edns: bool
) -> tuple[Message, str]:
    identifier = int.from_bytes(os.urandom(2), "big")
    query = wire.build_query(
        id=identifier,
        qname=question.qname,
        qtype=question.qtype,
        qclass=question.qclass,
        flags=Flag.RD | Flag.AD | (0 if manner.checking else Flag.CD),  # AD: RFC 6840 §5.7
        edns=edns.Edns(do=manner.wants_dnssec) if has_edns else None,
    )
    try:
        if manner.stream is None:
            message = _over_udp(server, query, manner.timeout_s)
            if not message.tc:
                return message, "udp"
        stream = manner.stream or TCP
        return _over_stream(server, query, manner.timeout_s, stream), stream.transport
    except TimeoutError:
        raise NoReply(f"{endpoints.show(server)} did not reply in {manner.timeout_s:g} s") from None
    except WireError as error:
        raise NoReply(f"{endpoints.show(server)} sent something else: {error}") from None
    except OSError as error:
        raise NoReply(f"{endpoints.show(server)}: {error.strerror or error}") from None


def _over_udp(server: Endpoint, query: bytes, timeout_s: float) -> Message:
    """Raises TimeoutError after the last try, other OSError at once, WireError never."""
    family, address = numeric(server)
    with socket.socket(family, socket.SOCK_DGRAM) as sock:
        sock.connect(address)
        for _ in range(ASK_TRIES):
            sock.send(query)
            deadline = time.monotonic() + timeout_s
            while (left_s := deadline - time.monotonic()) > 0:
                sock.settimeout(left_s)
                try:
                    message = _reply(sock.recv(_MAX_OCTETS), query)
                except TimeoutError:
                    break
                if message is not None:
                    return message
    raise TimeoutError


def _over_stream(server: Endpoint, query: bytes, timeout_s: float, stream: Stream) -> Message:
    """Raises TimeoutError, other OSError, WireError, NoReply."""
    message = _reply(stream.exchange(server, query, timeout_s), query)
    if message is None:
        raise WireError("it is no reply to what was asked")
    return message


def framed(sock: socket.socket, query: bytes, timeout_s: float) -> bytes:
    """The message that comes back for *query*, each behind its length (RFC 1035 §4.2.2)."""
    deadline = time.monotonic() + timeout_s
    sock.sendall(len(query).to_bytes(2, "big") + query)
    size_octets = int.from_bytes(_take(sock, 2, deadline), "big")
    return _take(sock, size_octets, deadline)


def _exchange_tcp(server: Endpoint, query: bytes, timeout_s: float) -> bytes:
    with over_tcp(server, timeout_s) as sock:
        return framed(sock, query, timeout_s)


TCP = Stream(_exchange_tcp, "tcp")


def _take(sock: socket.socket, octets: int, deadline: float) -> bytes:
    """Exactly so many. Raises TimeoutError, or ConnectionError where the stream ends before."""
    taken = b""
    while len(taken) < octets:
        left_s = deadline - time.monotonic()
        if left_s <= 0:
            raise TimeoutError
        sock.settimeout(left_s)
        more = sock.recv(octets - len(taken))
        if not more:
            raise ConnectionResetError(0, "the connection ended in the middle of a reply")
        taken += more
    return taken


def _reply(data: bytes, query: bytes) -> Message | None:
    """What *data* says in reply to *query*; None if it is something else."""
    try:
        message, asked = wire.parse_untrusted(data), wire.head_untrusted(query)
    except WireError:
        return None
    if not message.is_response or message.id != asked.id:
        return None
    is_bare = message.question_count == 0 and message.rcode in _KNOWS_NO_EDNS
    is_same = (message.qname, message.qtype, message.qclass) == asked[6:7] + asked[8:10]
    return message if is_same or is_bare else None


def numeric(server: Endpoint) -> tuple[int, tuple[object, ...]]:
    """Family and socket address, with the scope of a link-local one."""
    host, port = server
    text = host.encode()  # as str it would load a codec for international names
    found = socket.getaddrinfo(text, port, flags=socket.AI_NUMERICHOST, type=socket.SOCK_DGRAM)
    return found[0][0], found[0][4]
