"""Limits: how much clients may have answered, and how fast it leaves."""

from __future__ import annotations

from resolver.limits.table import Table

limit = Table("rates: of clients, of zones, and of replies that have waited")

RATE_HIT = limit(1, "tokens of `server.rate_limit` for a hit", why="what all else is priced by")
RATE_MISS = limit(5, "tokens for a query that the packet cache cannot answer", why="our choice")
RATE_FAILING = limit(
    10,
    "tokens for one that ends in SERVFAIL or NXDOMAIN",
    why="random names pay (Knot Resolver's defer has the idea)",
)
RATE_BURST_SECONDS = limit(
    2.0, "seconds' worth of tokens that may be saved up", why="our choice: a page asks all at once"
)
RATE_LEASE_PART = limit(
    1 / 8,
    "of those, what an address is given at a time",
    why="our choice: asking each of its networks costs as much as a hit",
)
RATE_BAR_SECONDS = limit(
    0.02,
    "seconds at least that what has no tokens left gets nothing",
    why="our choice: to look whether there are any again costs as much as five hits",
)
RATE_SIFTED = limit(
    4,
    "datagrams of a batch, over the rate, that are looked at for a short reply",
    why="our choice: to drop one unread costs a microsecond, to look at it ten",
)
RATE_NETWORKS = limit(
    65_536, "client networks of one length whose rate is remembered", why="our choice"
)
RATE_COMMON_PLACES = limit(
    1 << 17,
    "places for the tokens of networks, of all lengths, where several workers keep them together",
    why="RATE_NETWORKS, twice; 3 MiB, of which what nobody asks from is none",
)
RATE_PROVEN_FACTOR = limit(
    10,
    "times the rate that clients have over TCP or with a valid server cookie",
    why="RFC 7873 §1 (a cookie tells a client from who forges its address)",
)
RATE_SLIP = limit(
    2,
    "queries over the rate for one short reply",
    why="BIND's slip of 2: a client whose address was forged can come over TCP",
)
RATE_SAMPLE = limit(
    64,
    "hits for one that is charged for all of them, on an average",
    why="our measurement: charging each is a twelfth of a hit",
)
RATE_SAMPLE_PART = limit(
    1 / 64,
    "of what may be saved up, that one hit is charged for at most",
    why="our choice: chance must not be felt; with few tokens each hit is charged",
)
WAITING_QUERIES = limit(
    1000,
    "queries in flight of one client network where `server.rate_limit` is on",
    why="Unbound's wait-limit of 1000",
)
PULSE_WAITING = limit(
    10,
    "queries of one UDP client without a cookie in progress from which its late replies are paced",
    why="CVE-2024-33655 (DNSBomb): replies are saved up to leave at once",
)
PULSE_REPLIES = limit(
    10, "late replies to such a client in any PULSE_SECONDS; the rest is dropped", why="the same"
)
PULSE_SECONDS = limit(0.1, "seconds in which replies count as one pulse", why="the same")
PULSE_LATE_SECONDS = limit(
    0.5,
    "seconds in progress from which a reply is late",
    why="our choice: what takes less has nothing to save up, and a busy forwarder is not slowed",
)
PULSE_CLIENTS = limit(
    4096, "clients whose late replies are remembered", why="our choice: those of the last moments"
)
ZONE_RATE = limit(
    1000,
    "questions a second to the servers of one zone below a TLD, where `server.rate_limit` is on",
    why="Unbound's ratelimit of 1000",
)
ZONE_RATE_CLIENTS = limit(
    10,
    "times `server.rate_limit` that it is at least",
    why="a /24 has 32 times as many tokens, of which a miss takes 5: its flood leaves others some",
)
ZONE_RATE_LET = limit(
    10, "questions over that for one that is let through", why="Unbound's ratelimit-factor of 10"
)
ZONE_RATE_ZONES = limit(4096, "zones whose rate is remembered", why="our choice")
