"""Limits: clients: sockets, batches, connections, rates."""

from __future__ import annotations

from typing import Final

from resolver.limits.table import Table

limit = Table("clients: sockets, batches, connections, rates")

UDP_PAYLOAD_RANGE: Final = (512, 4096)
UDP_PAYLOAD = limit(
    1232,
    "octets of a UDP message, offered or sent",
    why="RFC 6891 §6.2.5; DNS flag day 2020's 1232; RFC 9715",
    between=UDP_PAYLOAD_RANGE,
)
BIND_RETRY_SECONDS = limit(
    1.0,
    "seconds before a listening address that could not be had is tried again",
    why="two system calls each",
)
BIND_PATIENCE_SECONDS = limit(
    10.0,
    "seconds to wait for the first listening address at the start",
    why="a predecessor that ends slowly; the service manager tries on",
)
STEERED_OCTETS = limit(
    128,
    "octets of a name by which one of several workers is chosen",
    why="names that are alike so far are hardly asked for; 600 instructions of 4096 (BPF_MAXINSNS)",
)
STEERED_PLACES = limit(
    56,
    "addresses and ports that several workers share at which names are dealt out to them",
    why="a page of memory; at more of them clients are dealt out, as connections are",
)
STEERING_PATIENCE_SECONDS = limit(
    0.02,
    "seconds to wait until other workers have bound their sockets",
    why="each has bound in a tenth of a millisecond; an order that is wrong costs hits, no answer",
)
SELF_PROBE_SECONDS = limit(
    20.0,
    "seconds without anything from clients after which a listener is asked whether it lives",
    why="a minute until a dead one is opened anew; where clients come nothing is asked",
)
SELF_PROBE_PATIENCE_SECONDS = limit(
    3.0, "seconds for a listener of ours to answer us", why="the loop is never blocked for 0.1 s"
)
SELF_PROBE_FAILURES = limit(
    3, "times in a row that it must not have answered", why="one may be lost to a full queue"
)
SELF_PROBES_EACH = limit(
    4,
    "questions for each worker, of which one should come to the one that asks",
    why="one in fifty times none does, which is no failure",
)
LEAVING_LOOK_SECONDS = limit(
    0.02,
    "seconds between two looks whether the last client is served, at a listener's end",
    why="our choice: once in a listener's life",
)
HANDOVER_SECONDS = limit(
    0.8,
    "seconds for queries in flight at a listener whose port another one waits for",
    why="nobody is served there meanwhile",
)
TCP_BACKLOG = limit(256, "TCP connections waiting to be accepted", why="Unbound's 256")
UDP_BATCH = limit(
    64, "datagrams read by one system call", why="our measurement: 32 and more cost the same"
)
UDP_TURNS = limit(
    8, "batches served before other tasks have their turn", why="our choice: about 1 ms"
)
UDP_TURNS_SIFTED = limit(
    4,
    "the same while anybody is over his rate",
    why="our choice: half a millisecond, once a turn; who is none of a flood lies behind it",
)
UDP_REFUSALS = limit(
    16,
    "queries of a turn without a place that are told SERVFAIL; the rest is dropped",
    why="our choice: 0.1 ms; who hears nothing asks again, or elsewhere",
)
SENT_TOGETHER = limit(
    8,
    "replies, and queries to servers, of a turn that are sent one after the other",
    why="our measurement: nearly all that it saves; the first waits for half a millisecond",
)
UDP_STARTS = limit(
    4, "misses begun before other tasks have their turn", why="our choice: half a millisecond"
)
UDP_STARTS_BUSY = limit(
    2,
    "the same while more replies of servers have come than are taken at a turn, somebody is over "
    "his rate, or there is no place for his queries",
    why="our measurement: beside a flood others' misses take 2.5 ms at p99, with 4 they took 7",
)
FAIR_NEWCOMERS = limit(
    2,
    "misses in a row of client networks of which none waited, before one of who has more",
    why="our choice: who asks for one name does not wait for a hundred networks that flood",
)
UDP_STARTS_IDLE = limit(
    48, "the same while no hits are served", why="an eighth less CPU a miss; 3 ms of work"
)
TURNS_IDLE_SECONDS = limit(
    0.1, "seconds without a hit after which turns are long", why="our choice"
)
IDLE_LOOK_SECONDS = limit(
    0.002,
    "seconds of hits in the loop's sleep after which who else waits has a turn",
    why="our choice: clients that ask one by one may leave no moment without a hit",
)
IDLE_LOOK_ALONE_SECONDS = limit(
    0.05,
    "seconds of the same where each hit has to be waited for",
    why="our choice: what is waited for leaves the loop its turn; a look costs a system call",
)
UDP_QUERY_OCTETS = limit(
    4096, "octets of a query over UDP; a longer one is dropped", why="RFC 6891 §6.2.5"
)
UDP_BUFFER_OCTETS = limit(
    16 << 20,
    "octets of a listening socket's kernel buffer",
    why="10,000 queries at once need 12 MiB; Unbound's recommendation of 4m lost 5 % of them",
)
TCP_CONNECTIONS = limit(512, "TCP connections in all", why="RFC 7766 §6.2.2; RFC 9210 §4.2")
TCP_CONNECTIONS_PER_CLIENT = limit(
    32, "TCP connections of one client address; this machine's: half of all", why="RFC 7766 §6.2.2"
)
TCP_IDLE_SECONDS = limit(
    10.0, "seconds a TCP connection may be idle", why="RFC 7766 §6.2.3 (a few seconds); Knot's 10"
)
TCP_TOTAL_SECONDS = limit(600.0, "seconds a TCP connection may last", why="RFC 9210 §4.2")
TCP_READ_SECONDS = limit(
    5.0,
    "seconds from the first octet of a message to its last, or a write may take",
    why="RFC 9210 §4.2; slow readers and writers hold memory",
)
TCP_CLIENT_QUERIES = limit(
    200,
    "queries in flight of one client address over TCP; of this machine, ten times as many",
    why="our choice: the rest waits in the stream and costs others nothing",
)
TCP_UNSENT_OCTETS = limit(
    65_536,
    "octets that one TCP client has not taken above which none of its queries is taken on",
    why="one message of the largest size: a reply may be a thousand times its query",
)
TCP_UNSENT_TOTAL_OCTETS = limit(
    16 << 20,
    "octets that TCP clients have not taken, in all; beyond it, who has most is let go",
    why="Unbound's stream-wait-size (4 MB)",
)
TCP_ROUND_HITS = limit(
    64,
    "hits over TCP served before other tasks have their turn; a miss counts as 16",
    why="our choice: as few misses as UDP_STARTS",
)
TCP_ROUND_HITS_IDLE = limit(
    512, "the same while no hits are served over UDP", why="our choice: 2 ms"
)
TCP_PIPELINE = limit(
    100, "queries in flight on one connection", why="RFC 7766 §6.2.1.1; Knot's 100"
)
CLIENT_QUERIES = limit(
    24_000,
    "client queries in flight in all; one network may hold what is still free",
    why="our choice: one client can have 10,000; Unbound's 1024 to 4096 a thread, BIND's 1000",
)
ACCEPT_PAUSE_SECONDS = limit(
    0.1,
    "seconds to pause where no connection can be taken",
    why="descriptors may be free again then",
)
STREAMS_AT_ONCE = limit(
    16,
    "connections read before other tasks have their turn",
    why="our choice: a millisecond, where each has sent a chunk",
)
STREAM_CHUNK_OCTETS = limit(
    32_768,
    "octets read from a connection at once",
    why="a hundred padded questions over HTTPS are 18 kB",
)
STREAM_WRITE_OCTETS = limit(
    65_536, "octets of hits written to a connection at once", why="a full window"
)
THIS_MACHINE_CLIENTS = limit(
    10, "clients that this machine counts as", why="its programs share one address"
)
