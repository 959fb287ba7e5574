"""Limits: what is remembered of servers, outages, sockets and streams to them."""

from __future__ import annotations

from typing import Final

from resolver.limits.table import Table

limit = Table("what is remembered of servers, outages, sockets and streams to them")

IN_FLIGHT_RANGE: Final = (64, 60_000)
IN_FLIGHT = limit(
    8192,
    "upstream queries on their way in all",
    why="RLIMIT_NOFILE less a reserve; 64512 ports per address are the ceiling",
    between=IN_FLIGHT_RANGE,
)
DESCRIPTORS = limit(
    16_384,
    "open files asked of the system at start",
    why="one for each upstream query on its way, and as many for clients",
)
DESCRIPTORS_RESERVED = limit(
    128, "descriptors that upstream queries leave to others", why="listeners, TCP clients, files"
)
DESCRIPTORS_RESERVED_PART = limit(
    4,
    "part of all descriptors that is left to them at most: a quarter",
    why="a reserve of more than there is would be found out by questions that fail",
)
DESCRIPTORS_LEAST = limit(
    24,
    "open files without which it does not start; two more for each address listened on",
    why="measured: 15 of its own, and some for questions",
)
PORT_NUMBERS = limit(
    64, "port numbers drawn at once", why="our measurement: a system call for each costs 0.7 µs"
)
PORT_TRIES = limit(
    16,
    "port numbers tried before the kernel chooses",
    why="with 8192 ports in use one try fails with 13 %, sixteen with 10^-15",
)
REPLY_BATCH = limit(
    4,
    "replies of servers taken before other tasks have their turn",
    why="our measurement: each costs 80 µs with all that it wakes",
)
REPLY_BATCH_IDLE = limit(64, "the same while no hits are served", why="our choice: 5 ms of work")
REPLIES_LOOKED_AT = limit(
    256,
    "replies of servers that are found at a turn, to take those first for whom fewest are there",
    why="our measurement: to put one in its line costs 1 µs; 1,500 a second come of a DNSBomb",
)
TIMER_TURN = limit(
    8,
    "appointments kept before other tasks have their turn",
    why="our measurement: a query that is sent again costs 0.1 ms",
)
TIMER_SWEEP = limit(
    64,
    "cancelled appointments above which they are looked for among the rest",
    why="our choice: fewer are not worth a pass over the heap",
)
SPOOF_MISMATCHES = limit(
    10,
    "replies that do not match before a question goes to TCP",
    why="RFC 5452 §9.1 (detect attempts); Knot's and PowerDNS' spoof near-miss limits",
)
LAST_RESORT_SECONDS = limit(
    0.1,
    "seconds that TCP has, at least, before a doubtful question goes over UDP once more",
    why="our choice; LAST_RESORT_ROUNDS, where these are longer",
)
LAST_RESORT_ROUNDS = limit(
    3, "round trips that it has, where these take longer", why="connecting and asking take two"
)
LAST_RESORT_MISMATCHES = limit(
    100,
    "replies that do not match after which nobody is listened to over UDP either",
    why="RFC 5452 §7: 100 guesses at an id win once in 655 times, where the port is known",
)
LAST_RESORTS_CONFIRMED = limit(
    3,
    "answers to last resorts after which a server is taken for odd, and asked so at once",
    why="a forger must have guessed id, port and question as often",
)
ADDRESS_STATES = limit(
    50_000,
    "server addresses whose state is kept",
    why="the .com zone's servers fit; about 1 kB each",
)
ADDRESS_CHANCES = limit(
    32,
    "addresses used lately that are passed over to find one to forget",
    why="our choice: only an address that is new to a full table costs it",
)
FILTERED_ADDRESSES = limit(
    65_536,
    "addresses of which it is remembered whether they are public",
    why="our choice: more than ADDRESS_STATES",
)
OWNER_DOMAINS = limit(4096, "zones whose last two labels are remembered", why="our choice")
ZONE_MARKS = limit(32, "zones per address for which it is known to be of no use", why="our choice")
OWNER_DOMAINS_PER_ADDRESS = limit(
    8,
    "zones remembered as waiting for one address",
    why="two are enough to tell a dead server from a silent zone (Disablance, CCS 2023)",
)
LAME_SECONDS = limit(
    300.0,
    "seconds a server is passed over as lame for a zone",
    why="RFC 9520 §3.2 (at most 5 minutes)",
)
REFUSED_SECONDS = limit(
    60.0, "the same after REFUSED, FORMERR, NOTIMP or nonsense", why="PowerDNS' 60 s"
)
SERVFAIL_SECONDS = limit(5.0, "the same after SERVFAIL", why="RFC 9520 §3.2 (1 s and more)")
EDNS_BROKEN_SECONDS = limit(
    600.0,
    "seconds a server is asked without EDNS, or without a cookie",
    why="RFC 6891 §6.2.2 (remember, but try again)",
)
SERVER_HABITS_SECONDS = limit(
    86_400.0,
    "seconds that it counts over a restart that a server bore EDNS, cookies or mixed case",
    why="our choice: nobody shall take them away by a restart; servers are replaced",
)
EDNS_SILENCES = limit(
    2,
    "answers to less, after silence to EDNS or to a cookie, before that is remembered",
    why="one may be loss: RFC 6891 §6.2.2 wants some certainty before EDNS is given up",
)
TCP_BROKEN_SECONDS = limit(
    60.0,
    "seconds after a failed connection in which silence over UDP leads to no other",
    why="our choice: a dead server costs one connection a minute",
)
TCP_LAST_TRIES = limit(
    8,
    "questions at a time to one server over TCP because UDP brought nothing",
    why="our choice: a page's questions fit, a flood to a dead server does not",
)
CASE_BROKEN_SECONDS = limit(
    600.0, "seconds a server is asked in lower case only", why="draft-vixie-dnsext-dns0x20 §6"
)
FAMILY_PREFIXES = limit(
    3,
    "prefixes silent before an address family counts as broken",
    why="Knot's NO6 takes 6; while the other family answers, 3 are proof enough",
)
FAMILY_PROBE_SECONDS = limit(
    30.0,
    "seconds between probes of a broken family",
    why="a route that comes back is used within half a minute",
)
OUTAGE_SENDS = limit(
    8,
    "overdue packets, and no answer from anybody, that have witnesses asked",
    why="at 3 % loss 8 in a row come once in 10^12",
)
OUTAGE_PREFIXES = limit(
    6, "prefixes that these packets went to, and witnesses", why="one dead operator has 4"
)
OUTAGE_TRICKLE_SECONDS = limit(
    0.5,
    "seconds between packets during an outage",
    why="back at full speed within a second or two of the cut's healing",
)
ZONE_UNANSWERED = limit(
    64,
    "questions waiting for silent servers of one zone cut, beyond what ZONE_CREDIT grants",
    why="random-subdomain attacks; BIND's fetches-per-zone, Unbound's one probe to a dead server",
)
ZONE_CREDIT = limit(
    2,
    "questions more, for each that it answered lately",
    why="our choice: a cut that answers one in three is not bounded",
)
ZONE_SPECULATION = limit(
    16,
    "questions waiting so from which nothing speculative is sent to that cut",
    why="a quarter of ZONE_UNANSWERED: being quick is for cuts that answer",
)
ZONE_SILENT_SECONDS = limit(
    0.5,
    "seconds that the first of them has waited for overdue answers before there are too many",
    why="a far server met for the first time by many questions at once answers within 1.5 s",
)
OUTAGE_WITNESS_SECONDS = limit(
    1.01,
    "seconds between packets to witnesses that find out whether an outage is over",
    why="less than one a second, those of the outage's beginning included",
)
OUTAGE_SPARE = limit(
    6,
    "packets of an outage that may go sooner, after changes of links or routes",
    why="our choice: a link that comes up takes two or three",
)
OUTAGE_SPARE_SECONDS = limit(
    200.0,
    "seconds until there is one more of them",
    why="a link that flaps for hours still costs less than a packet a second",
)
OUTAGE_ROUTELESS_SECONDS = limit(
    0.25,
    "seconds between looks for a route, where nobody tells of changes",
    why="our choice: without a route no packet goes out; each costs 0.1 ms",
)
LINK_LOOK_SECONDS = limit(
    0.05,
    "seconds between a change of links and the second look; the next take twice as long",
    why="our measurement: addresses and routes follow within a few ms",
)
LINK_MESSAGES = limit(
    64,
    "messages of the kernel about links taken at once",
    why="our choice: a router's table may change a thousand times a second",
)
OUTAGE_MISSED = limit(
    16,
    "of an outage's first ones that go to servers which a question was for that failed at once",
    why="home servers of which no witness knows answer them; else the root's servers tell the end",
)
OUTAGE_FORGED_SECONDS = limit(
    30.0,
    "seconds that a forged reply of the root's servers makes neighbours' replies doubtful",
    why="a portal wants a page to be clicked on; a cut that heals is told by the root's servers",
)
OUTAGE_VERDICT_SECONDS = limit(
    0.45,
    "seconds that witnesses have, at most, before an outage is declared",
    why="three times the RTT of a far continent; a question must fail within a second",
)
OUTAGE_VERDICT_RTTS = limit(
    1.5,
    "times its round trip that the nearest of them has, where that is longer",
    why="by satellite nobody answers within half a second, and all are alive",
)
OUTAGE_WITNESSES = limit(
    3, "witnesses below which each is asked twice", why="one packet may be lost"
)
OUTAGE_STRANGERS = limit(
    32,
    "prefixes of witnesses where nobody ever answered, or the first of them are silent",
    why="13 root servers of two families: in an isolated country one of them may be at home",
)
OUTAGE_NEIGHBOURS = limit(
    3,
    "witnesses, of OUTAGE_PREFIXES, that are the nearest servers that answer",
    why="what still answers in an isolated country is near; the others are the root's",
)
OUTAGE_ASK_SECONDS = limit(
    0.75,
    "seconds for one question during an outage",
    why="RFC 8767 §5: a client that waits longer than a second or two asks again",
)
TOLD_SERVERS = limit(
    4, "servers that an error tells one by one", why="EXTRA-TEXT is to be short (RFC 8914 §2)"
)
WARNING_SECONDS = limit(
    60.0, "seconds between two warnings about one lasting trouble", why="our choice"
)
UPSTREAM_TCP_CONNECTIONS = limit(64, "upstream TCP connections in all", why="RFC 7766 §6.2.2")
UPSTREAM_TCP_PIPELINE = limit(
    100, "queries on their way on one connection", why="RFC 7766 §6.2.1.1"
)
UPSTREAM_TCP_STRAYS = limit(
    100,
    "messages that answer nothing before a server's connection is closed",
    why="as UPSTREAM_TCP_PIPELINE: late replies to all that was given up; more is nobody's habit",
)
UPSTREAM_TCP_IDLE_SECONDS = limit(
    10.0,
    "seconds an idle upstream connection is kept",
    why="RFC 7766 §6.2.3 (in the order of seconds)",
)
GEO_IDLE_SECONDS = limit(
    600.0,
    "seconds that idle connections are kept where the link looks like a GEO satellite, encrypted "
    "ones as well",
    why="a new one costs a second and more; servers that think otherwise close it",
)
LEO_SLOT_KEPT = limit(
    256, "answers of one slot of a LEO satellite that are remembered", why="our choice: 2 kB"
)
TCP_SECONDS = limit(
    3.0,
    "seconds for one query over TCP, connecting included",
    why="Unbound's tcp-auth-query-timeout",
)
