"""Limits: one question to the servers of one zone cut: races, hedges, patience."""

from __future__ import annotations

from resolver.limits.table import Table

limit = Table("one question to the servers of one zone cut: races, hedges, patience")

# Times are seconds. RTTs on the Internet: 5-250 ms for nearly all servers, 60 ms in the middle.
ASK_SECONDS = limit(
    6.0,
    "seconds for one question at one zone cut",
    why="two cuts must fit into QUERY_SECONDS; every server of a set of 13 gets its turn",
)
ASK_SUSPECT_SECONDS = limit(
    3.5,
    "the same where every server was silent before the question came",
    why="a client waits 5 s; RFC 9520 §3.2 (do not linger over what keeps failing)",
)
NO_ROUTE_SECONDS = limit(
    5.0, "seconds that 'no route' is believed of both families", why="our choice"
)
ASK_SENDS = limit(
    16,
    "packets for one question at one zone cut",
    why="RFC 9520 §3.1 (retries must be limited); Unbound's 32",
)
SENDS_PER_ADDRESS = limit(
    3,
    "packets of one question to one address and transport",
    why="RFC 9520 §3.1 (no more than two retries)",
)
RACE_WIDTH = limit(
    2,
    "servers asked at once while none of the set is known",
    why="one dead server then costs nothing; the third gains 17 ms of 89 for 14 % more packets",
)
DYING_SERVERS = limit(
    2,
    "known servers overdue from which on the next are asked two at a time",
    why="one is dead; where two are, most are, and the last one of eight was found after 0.8 s",
)
EARLY_COPIES = limit(
    3,
    "copies of one question on their way before it is 250 ms old",
    why="RFC 5452 §5: copies multiply a forger's chance",
)
EARLY_SECONDS = limit(0.25, "seconds in which EARLY_COPIES holds", why="RFC 8305 §5's 250 ms")
HEDGE_DEPTH = limit(
    3,
    "depth of walks, the client's own being 1, to which races and hedges apply",
    why="NXNSAttack: speculation must not multiply what an attacker makes us look up",
)
HEDGE_FLOOR_SECONDS = limit(
    0.012,
    "seconds before a hedge, at least",
    why="scheduling noise of a busy machine (measured: 99.8 % below 0.5 ms, worst 11 ms)",
)
HEDGE_STRANGER_SECONDS = limit(
    0.02, "the least of these where a third stranger may be asked", why="one in three answers"
)
ROOT_PROBES = limit(
    8,
    "root addresses measured with the first priming query",
    why="four of each family: a dead family is known before the first client asks",
)
HEDGE_UNKNOWN_SECONDS = limit(
    0.12,
    "seconds before a hedge to an unmeasured server",
    why="twice the median RTT; three of four servers have answered by then",
)
HEDGE_GROWTH = limit(
    1.3, "factor from one hedge's wait to the next", why="RFC 9520 §3.1 (back-off)"
)
HEDGE_CEILING_SECONDS = limit(0.8, "seconds between hedges, at most", why="BIND's 800 ms")
HEDGE_SHARE = limit(
    0.1,
    "hedges per first packet, sustained",
    why="Dean & Barroso 2013: hedging past the 95th percentile costs at most 5 %; twice that",
)
HEDGE_BURST = limit(20, "hedges saved up", why="one cold page load of 20 names")
PROBE_SHARE = limit(
    1.0,
    "companion probes per first packet, sustained",
    why="each address is probed about once: expected improvement bounds it, not the bucket",
)
PROBE_BURST = limit(20, "companion probes saved up", why="one cold page load of 20 names")
PROBE_GAIN_SECONDS = limit(
    0.001,
    "expected improvement that is worth a probe, seconds",
    why="below it jitter hides the difference",
)
PROBE_GAIN_SHARE = limit(
    0.08,
    "expected improvement worth a probe, share of the best RTT",
    why="half of the 15 % that counts as 'as good as the best'",
)
REVIVE_SECONDS = limit(
    15.0,
    "seconds before a silent server is probed again, doubling",
    why="long enough to cost < 1 % of packets, short enough to undo a wrong mark",
)
REVIVE_CEILING_SECONDS = limit(
    900.0, "seconds between probes of a silent server", why="Unbound's infra-host-ttl 900"
)
RESTAMP_SECONDS = limit(
    300.0,
    "seconds after which a runner-up is measured anew",
    why="anycast routes move within minutes to hours",
)
SERIAL_UNKNOWN_SECONDS = limit(
    0.4,
    "seconds to wait for an unmeasured server, without hedging",
    why="Knot's 400 ms, Unbound's 376",
)
EXPIRY_FLOOR_SECONDS = limit(
    0.25,
    "seconds before a packet counts as unanswered, at least",
    why="RFC 6298 §2.4 asks for a floor; 250 ms spans a continent",
)
EXPIRY_UNKNOWN_SECONDS = limit(1.0, "the same for an unmeasured server", why="RFC 6298 §2.1 (1 s)")
OVERDUE_FLOOR_SECONDS = limit(
    0.03,
    "age at which an unanswered packet casts doubt, at least",
    why="twice the shortest useful hedge",
)
OVERDUE_UNKNOWN_SECONDS = limit(
    0.25, "the same for an unmeasured server", why="95 % of servers answer within 250 ms"
)
LATE_REPLY_SECONDS = limit(
    2.0,
    "seconds that a port stays open for a late reply",
    why="a late reply still teaches the RTT; beyond it nobody is waiting",
)
OVERLOAD_SHARE = limit(
    0.7,
    "share of the in-flight limit above which nothing is speculative",
    why="leaves room for the first packets of new questions",
)
