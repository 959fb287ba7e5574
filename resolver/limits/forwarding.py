"""Limits: encrypted sessions with servers."""

from __future__ import annotations

from resolver.limits.table import Table

limit = Table("encrypted sessions with servers")

SESSIONS_PER_SERVER = limit(
    4, "sessions with one server", why="one is enough for all but a flood; a server counts them"
)
SESSION_FULL_QUERIES = limit(
    32,
    "queries on their way on the emptiest session above which another is opened",
    why="one lost segment holds up all of them; a page's questions fit",
)
SESSION_QUERIES = limit(
    1024, "queries on their way on one session", why="our choice: ids stay easy to find"
)
SESSION_CONNECT_SECONDS = limit(
    2.0, "seconds for connecting and the handshake", why="four round trips by satellite"
)
SESSION_IDLE_SECONDS = limit(
    60.0,
    "seconds that a session without queries is kept",
    why="Unbound went from 30 to 60 at its users' wish (unbound#283)",
)
SESSION_WARM_SECONDS = limit(
    600.0,
    "seconds after the last query for which one session is kept, and opened again",
    why="a new one costs two round trips more; people pause for minutes",
)
SESSION_SETTLED_SECONDS = limit(
    5.0,
    "seconds that a session must have lasted for another to be opened ahead of need",
    why="a server that closes at once would be connected to for ever",
)
SESSION_MUTE_SECONDS = limit(
    1.0,
    "seconds of silence to a query after which a session is given up for new ones",
    why="a box on the way may have forgotten it; the kernel finds out in minutes",
)
SESSION_RETRY_SECONDS = limit(
    1.0, "seconds after a failed connection before the next", why="RFC 7766 §6.2.4 (back off)"
)
SESSION_UNPROVEN_SECONDS = limit(
    10.0,
    "the same where the server's certificate was not believed",
    why="a handshake costs both ends a millisecond; nobody mends a certificate in less",
)
SESSION_PROOF_SECONDS = limit(
    3600.0,
    "seconds for which a server's certificate, once believed, lets sessions go on from each other",
    why="RFC 8446 §4.6.1: tickets follow from tickets, and a certificate that has expired or lost "
    "its issuer would be believed for ever; one round trip an hour",
)
SESSION_REPEATS = limit(
    3,
    "times that a query goes out again because a session ended that answered others",
    why="two show that the server closes after so many, the third is to it; an asker has waited "
    "for three handshakes then",
)
SESSION_SPAN_SECONDS = limit(
    600.0,
    "seconds for which a server that closes with queries on their way is asked few a session",
    why="a query a handshake; what was a restart is over by then",
)
SESSION_UNSENT_OCTETS = limit(
    262_144,
    "octets to a server that its connection does not take before it is given up",
    why="a thousand queries; who floods us with PING and reads no reply (CVE-2019-9512) gets none",
)
SESSION_STREAMS = limit(
    50_000,
    "queries on one session over HTTPS or QUIC before another takes its place",
    why="libraries remember each stream that was: 64 octets each",
)
SESSION_WINDOW_OCTETS = limit(
    65_536, "octets of one response on their way", why="the longest message in one go"
)
SESSION_HELD_OCTETS = limit(
    2_097_152,
    "octets of unfinished responses on one connection",
    why="32 of the longest; a server that finishes none must not fill the memory",
)
SESSION_KNOWN_BLOCKS = limit(
    64, "headers of responses of one connection whose meaning is remembered",
    why="a server has a handful; each takes what its octets do, and an attacker's 16 kB",
)  # fmt: skip
SESSION_HEADER_OCTETS = limit(
    16_384, "octets of the headers of one response", why="what browsers' servers allow a request"
)
SESSION_STREAM_OCTETS = limit(
    131_072, "octets of one stream on their way to us", why="the longest message, twice"
)
SESSION_PROBES = limit(
    2,
    "probes of QUIC's that remain unanswered before the connection is given up",
    why="three round trips and more; one may be lost, a new connection costs two. One is enough "
    "where nothing was heard for a while",
)
SESSION_PING_SECONDS = limit(
    15.0,
    "seconds of silence after which a QUIC connection that is kept says PING",
    why="RFC 9250 §5.5.1; boxes on the way forget UDP after 30 s (RFC 4787 §4.3 asks for 120)",
)
QUERY_PADDING_OCTETS = limit(
    128, "octets to a multiple of which encrypted queries are padded", why="RFC 8467 §4.1"
)
TOLD_NAMES = limit(
    3, "names of a certificate that an error tells", why="EXTRA-TEXT is to be short (RFC 8914 §2)"
)
DESIGNATED = limit(
    4, "encrypted resolvers that one forwarder's designation leads to", why="two addresses of two"
)
DESIGNATION_SHORTEST_SECONDS = limit(
    60.0, "seconds for which a designation counts at least", why="a TTL may be 0"
)
DESIGNATION_LONGEST_SECONDS = limit(
    86_400.0, "seconds for which it counts at most", why="a day, as for cached data elsewhere"
)
DESIGNATED_NOBODY_SECONDS = limit(
    600.0,
    "seconds until a forwarder that designates nobody is asked again",
    why="one small query; a home router is updated by night",
)
DESIGNATION_LOOK_SECONDS = limit(
    15.0,
    "seconds between looks whether a designated resolver answers; and before one that did not "
    "say what it designates is asked again",
    why="clear text is asked meanwhile, so soon, and never in a hurry",
)
OPPORTUNISTIC_USES = limit(
    3, "answers of one server in an hour before it is tried whether it speaks TLS",
    why="who is asked once a day would cost more than it hides",
)  # fmt: skip
OPPORTUNISTIC_USES_SECONDS = limit(3600.0, "seconds that this hour has", why="our choice")
OPPORTUNISTIC_SECONDS = limit(
    4.0, "seconds for trying it", why="RFC 9539 §4.3's timeout for a connection"
)
OPPORTUNISTIC_PROBES = limit(10, "servers that are tried at once", why="Knot Resolver's number")
OPPORTUNISTIC_DAMPING_SECONDS = limit(
    86_400.0, "seconds until one that failed is tried again", why="RFC 9539 §4.3"
)
OPPORTUNISTIC_PERSISTENCE_SECONDS = limit(
    259_200.0, "seconds for which one that worked is asked so without being tried anew",
    why="RFC 9539 §4.3",
)  # fmt: skip
OPPORTUNISTIC_SESSIONS = limit(
    500, "servers of zones that are asked over TLS", why="a descriptor each, while they are in use"
)
OPPORTUNISTIC_SERVERS = limit(
    10_000, "servers of which it is remembered that they failed, or how often they were asked",
    why="a hundred octets each",
)  # fmt: skip
