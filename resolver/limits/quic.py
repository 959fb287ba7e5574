"""Limits: clients over QUIC."""

from __future__ import annotations

from resolver.limits.table import Table

limit = Table("clients over QUIC")

QUIC_MEMORY_OCTETS = limit(
    8 << 20,
    "octets that all QUIC connections of clients hold, everything counted; beyond it, who has most "
    "is let go",
    why="CVE-2026-32665: what is not counted is not bounded; 136 quiet connections",
)
QUIC_CONNECTION_OCTETS = limit(
    60 << 10,
    "octets that a QUIC connection is counted with before anything is asked on it",
    why="our measurement: 57 kB of the process for keys, TLS and recovery",
)
QUIC_GREETING_OCTETS = limit(
    48 << 10, "octets that its handshake is counted with besides", why="three TLS buffers of 16 kB"
)
QUIC_STREAM_OCTETS = limit(
    1536, "octets that an open stream is counted with, empty", why="our measurement: 1,043"
)
QUIC_PIECE_OCTETS = limit(
    160,
    "octets that a gap between received octets is counted with",
    why="a range of two numbers, and its place in a list",
)
QUIC_PACKET_OCTETS = limit(
    768, "octets that a packet is counted with until it is acknowledged", why="our measurement"
)
QUIC_CONNECTIONS = limit(
    256, "QUIC connections of one listener; one more ends the one idle longest", why="Unbound's 100"
)
QUIC_CONNECTIONS_PER_CLIENT = limit(
    32, "QUIC connections of one client address; this machine's: half of all", why="as over TCP"
)
QUIC_UNPROVEN_PER_CLIENT = limit(
    8,
    "handshakes under way of one address; its next has to prove the address first",
    why="our choice: forged addresses come in any number",
)
QUIC_HALF_OPEN = limit(
    16,
    "handshakes under way above which each address is to be proven first (Retry)",
    why="RFC 9000 §8.1.2; a round trip more for each",
)
QUIC_CONNECTS_PER_SECOND = limit(
    40,
    "QUIC connections a second, and at once, in all; half of them for addresses not proven",
    why="1.5 ms of CPU each: six parts of a hundred",
)
QUIC_CLIENT_CONNECTS_PER_SECOND = limit(
    2,
    "QUIC connections a second, and at once, of one address; this machine ten times",
    why="one connection serves a client",
)
QUIC_TOKEN_SECONDS = limit(
    10.0,
    "seconds in which an address is proven with what we sent there",
    why="clients answer a Retry at once (RFC 9000 §8.1.4)",
)
QUIC_HANDSHAKE_SECONDS = limit(
    5.0, "seconds for a client's QUIC handshake", why="three round trips, one of them lost"
)
QUIC_HANDSHAKE_DATAGRAMS = limit(
    32,
    "datagrams of a client's QUIC handshake that are looked at",
    why="two or three are a hello, and each may be sent again five times; 50 µs each",
)
QUIC_IDLE_SECONDS = limit(
    30.0, "seconds that a QUIC connection may be silent", why="RFC 9250 §5.5.2; blocky's 30"
)
QUIC_STREAMS = limit(100, "queries that a client may have open on one connection", why="Knot's 100")
QUIC_ODD_STREAMS = limit(
    3,
    "streams of one direction that a client may open; with DNS the first ends the connection",
    why="RFC 9114 §6.2 needs three; RFC 9250 §5.3.1 has none",
)
QUIC_WINDOW_OCTETS = limit(
    65_537,
    "octets of queries that are not whole yet, on one connection",
    why="one message of the largest size, with its length",
)
QUIC_HELLO_OCTETS = limit(
    16_384,
    "octets of a client's handshake that wait for those before them",
    why="post-quantum hellos have two thousand",
)
QUIC_PIECES = limit(
    64, "gaps in what came on one stream", why="65,537 octets are 55 datagrams; each look costs"
)
QUIC_RESETS = limit(
    20,
    "streams that a client may give up in QUIC_RESETS_SECONDS, and a tenth of its queries besides",
    why="CVE-2023-44487 (rapid reset) in the form that it has here",
)
QUIC_RESETS_SECONDS = limit(30.0, "seconds over which they are counted", why="our choice")
QUIC_TURN = limit(
    4,
    "QUIC datagrams, or questions in them, taken in before other tasks have their turn; one that "
    "begins a connection counts as all",
    why="our choice: 1 ms",
)
QUIC_TOLD = limit(
    16,
    "strangers of one batch of datagrams that are told to begin otherwise (Retry, other versions)",
    why="25 µs each: half a millisecond before the next rest; 10,000 a second",
)
QUIC_TIMER_SECONDS = limit(
    0.001, "seconds between two looks at the timers of one connection", why="our choice: no spin"
)
QUIC_INITIAL_OCTETS = limit(
    1200, "octets that a client's first datagram must have", why="RFC 9000 §14.1"
)
QUIC_PAST = limit(
    256,
    "connections that are gone and whose first datagram may come again",
    why="our choice: ten seconds of them",
)
