"""Every bound of the program in one table: default, floor, ceiling, unit, source.

No bare number elsewhere decides how much, how long or how many. The README's table and
`resolver check` print from here; a test asserts that every entry has a scenario that reaches it.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limit:
    """One bound: *default* within [*floor*, *ceiling*], its *unit* and *source*."""

    default: float
    floor: float
    ceiling: float
    unit: str
    source: str

    def __post_init__(self) -> None:
        if not self.floor <= self.default <= self.ceiling:
            raise ValueError(f"default {self.default} is outside [{self.floor}, {self.ceiling}]")

    def __int__(self) -> int:
        return int(self.default)

    def __float__(self) -> float:
        return float(self.default)


# --- work per client query -----------------------------------------------------------------
UPSTREAM_QUERIES = Limit(
    100,
    20,
    400,
    "packets sent per client query, sub-queries included",
    "RFC 1034 §5.3.3 'bound the amount of work'; CVE-2020-12667 (NXNSAttack)",
)
NS_LOOKUPS = Limit(
    20, 4, 64, "nameserver names looked up per client query", "CVE-2020-12667 (NXNSAttack)"
)
NS_LOOKUPS_PER_CUT = Limit(
    6, 2, 16, "nameserver names looked up per zone cut", "NXNSAttack, NRDelegation (CVE-2022-3204)"
)
NS_PER_DELEGATION = Limit(26, 13, 64, "nameserver names kept per delegation", "CVE-2022-3204")
ADDRESSES_PER_NAMESERVER = Limit(8, 4, 32, "addresses kept per nameserver name", "CVE-2022-3204")
SUBQUERY_DEPTH = Limit(7, 4, 16, "sub-queries within sub-queries", "TsuNAME (2021); BIND's 7")
CHAIN_LENGTH = Limit(
    12,
    8,
    20,
    "CNAME and DNAME links per client query",
    "RFC 1034 §5.2.2; CAMP (2024); Unbound's 11",
)
REFERRALS = Limit(30, 16, 130, "zone cuts walked per question", "RFC 1034 §5.3.3")
QUERY_SECONDS = Limit(
    10.0, 1.0, 30.0, "seconds from a client query to its answer", "Knot's and BIND's 10 s"
)

# --- caches ----------------------------------------------------------------------------------
CACHE_SHARD_ENTRIES = Limit(
    32_768,
    1024,
    131_072,
    "entries per shard of a cache",
    "a dict of a million entries stalls 75-164 ms when it grows",
)
RRSET_CACHE_OCTETS = Limit(256 << 20, 1 << 20, 64 << 30, "octets of cached RRsets", "our choice")
DELEGATION_CACHE_OCTETS = Limit(32 << 20, 1 << 18, 8 << 30, "octets of zone cuts", "our choice")
FAILURE_CACHE_OCTETS = Limit(4 << 20, 1 << 16, 1 << 30, "octets of failures", "RFC 9520 §3.2")
MAX_TTL_SECONDS = Limit(
    86_400,
    60,
    604_800,
    "seconds an RRset is kept at most",
    "RFC 8767 §4 (7 days at most); Unbound's, Knot's and PowerDNS' 1 day",
)
MAX_NEGATIVE_TTL_SECONDS = Limit(
    3600, 60, 10_800, "seconds a negative answer is kept at most", "RFC 2308 §5 (1 to 3 hours)"
)
DENIAL_WITHOUT_SOA_SECONDS = Limit(
    5,
    0,
    30,
    "seconds a denial without SOA is kept, or cache.min_ttl if that is more",
    "Unbound's NORR_TTL; RFC 2308 §5 would keep none of it",
)
ZERO_TTL_DNAME_SECONDS = Limit(
    1,
    0,
    5,
    "seconds in which a secure DNAME of TTL 0 still redirects, told with TTL 0",
    "Unbound's grace (2026); Knot keeps all data for 5 s at least",
)
FLEETING_DNAMES = Limit(64, 1, 4096, "such DNAMEs kept", "our choice")
FAILURE_TTL_SECONDS = Limit(
    1.0, 1.0, 60.0, "seconds a first failure is remembered", "RFC 9520 §3.2"
)
FAILURE_TTL_MAX_SECONDS = Limit(
    300.0,
    5.0,
    300.0,
    "seconds a lasting failure is remembered",
    "RFC 9520 §3.2 (at most 5 minutes)",
)
BOGUS_TTL_SECONDS = Limit(
    60.0,
    1.0,
    300.0,
    "seconds bogus data is remembered as such",
    "RFC 4035 §4.7; RFC 9520 §3.2; Unbound's 60",
)

# --- validation ------------------------------------------------------------------------------
SIGNATURES_PER_RRSET = Limit(8, 2, 64, "signature checks per RRset", "CVE-2023-50387 (KeyTrap)")
RRSIGS_PER_RRSET = Limit(
    16,
    4,
    64,
    "signatures looked at per RRset; the rest is ignored",
    "CVE-2023-50387 (KeyTrap); Unbound keeps 8",
)
KEYS_PER_TAG = Limit(
    8,
    1,
    16,
    "keys of one tag and algorithm tried per signature",
    "CVE-2023-50387 (KeyTrap); tags are 16 bits, and Unbound and Knot find one key of six",
)
SIGNERS_PER_RRSET = Limit(2, 1, 4, "signer names followed per RRset", "CVE-2023-50387 (KeyTrap)")
DS_PER_ZONE = Limit(8, 2, 32, "DS records tried per zone", "CVE-2023-50387 (KeyTrap)")
DS_MATCHES_PER_ZONE = Limit(
    8, 2, 32, "keys hashed against DS records per zone", "CVE-2023-50387 (KeyTrap)"
)
NSEC3_ITERATIONS = Limit(
    150,
    0,
    150,
    "extra NSEC3 iterations still validated",
    "RFC 9276 §3.2; as Unbound 1.17, BIND 9.18, PowerDNS 4.8 (Knot 5.6 and later BIND: 50)",
)
DENIALS_PER_RESPONSE = Limit(
    12,
    4,
    32,
    "NSEC and NSEC3 RRsets checked per response",
    "CVE-2023-50868; a wildcard NODATA needs four",
)
CHAIN_LINKS = Limit(
    24, 8, 64, "zones from the trust anchor to a name", "our choice; ip6.arpa has 9"
)
CHAIN_RETRIES = Limit(4, 0, 5, "other servers asked for a DS or DNSKEY that failed", "Unbound's 5")
SIGNATURE_SKEW_SECONDS = Limit(
    3600,
    0,
    86_400,
    "seconds a signature may be early or late",
    "RFC 4035 §5.3.1 leaves it open; a clock one time zone off; Unbound's 1 hour",
)
CLOCK_FLOOR_SECONDS = Limit(
    86_400,
    3600,
    30 * 86_400,
    "seconds that the time signatures confirm moves on before it is written down again",
    "power may fail; a flash card wears",
)
RSA_MODULUS_BITS = Limit(
    4096,
    4096,
    16_384,
    "bits of an RSA modulus",
    "RFC 3110 §2; cost of a check grows with the square",
)
RSA_EXPONENT_BITS = Limit(35, 17, 64, "bits of an RSA exponent", "BIND's 35; CVE-2006-4339's kin")
CLOCK_STEP_SECONDS = Limit(
    60.0,
    1.0,
    3600.0,
    "seconds by which a clock that was set must differ for what was bogus to be checked again",
    "SIGNATURE_SKEW_SECONDS; NTP slews what is less",
)
ANCHOR_HOLD_DOWN_SECONDS = Limit(
    30 * 86_400,
    30 * 86_400,
    90 * 86_400,
    "seconds a new root key is watched before it is trusted, and a revoked one remembered",
    "RFC 5011 §2.4.1, §4.1",
)
PARSED_KEYS = Limit(4096, 64, 65_536, "public keys kept parsed", "our choice")
KNOWN_SIGNATURES = Limit(
    2048, 64, 65_536, "signatures known to be good, not checked again", "3 MB; SOA sets above all"
)
KNOWN_SIGNATURE_OCTETS = Limit(
    1024, 256, 4096, "octets of signed data that is remembered as such", "an SOA takes about 200"
)
TRUSTED_ZONES = Limit(16_384, 256, 262_144, "zones whose keys or insecurity are kept", "our choice")
TRUST_TTL_SECONDS = Limit(
    86_400, 60, 604_800, "seconds a zone's keys are kept at most", "as MAX_TTL_SECONDS"
)
AGGRESSIVE_NSEC3_ITERATIONS = Limit(
    10,
    0,
    50,
    "NSEC3 iterations of zones that denials are made for",
    "RFC 9276 §3.1 asks for 0; hashing happens in the recall path",
)
AGGRESSIVE_NSEC3_LABELS = Limit(
    8, 2, 32, "labels below the apex hashed to make up a denial", "CVE-2023-50868"
)
DENIAL_RANGE_OCTETS = Limit(
    16 << 20, 1 << 16, 4 << 30, "octets of aggressive NSEC ranges", "RFC 8198 §5"
)

# --- configuration --------------------------------------------------------------------------
UDP_PAYLOAD = Limit(
    1232,
    512,
    4096,
    "octets of a UDP message, offered or sent",
    "RFC 6891 §6.2.5; DNS flag day 2020's 1232; RFC 9715",
)
WORKERS = Limit(1, 1, 64, "processes on one port", "caches are per process: more of them hit less")

# --- walking -----------------------------------------------------------------------------------
MINIMISE_STEPS = Limit(
    10, 4, 20, "names asked per question while minimising", "RFC 9156 §2.3 MAX_MINIMISE_COUNT"
)
MINIMISE_ONE_LABEL = Limit(
    4, 1, 10, "first steps that add a single label", "RFC 9156 §2.3 MINIMISE_ONE_LAB"
)
BOGUS_RETRIES = Limit(
    4,
    0,
    5,
    "further servers asked before an answer is called bogus",
    "RFC 4035 §5; Unbound's val-max-restart 5",
)
SEARCH_JOIN_SECONDS = Limit(
    2.0,
    0.5,
    5.0,
    "seconds to wait for a nameserver's address that others look up",
    "two cuts whose names depend on each other must not wait for each other for long",
)
ADDRESS_RECHECK_SECONDS = Limit(
    30,
    5,
    300,
    "seconds before a nameserver name without an address is looked up again",
    "RFC 9520 §3.2",
)

# --- upstream: asking one zone cut ---------------------------------------------------------
# Times are seconds. RTTs on the Internet: 5-250 ms for nearly all servers, 60 ms in the middle.
ASK_SECONDS = Limit(
    6.0,
    1.0,
    10.0,
    "seconds for one question at one zone cut",
    "two cuts must fit into QUERY_SECONDS; every server of a set of 13 gets its turn",
)
ASK_SUSPECT_SECONDS = Limit(
    3.5,
    1.0,
    10.0,
    "the same where every server was silent before the question came",
    "a client waits 5 s; RFC 9520 §3.2 (do not linger over what keeps failing)",
)
NO_ROUTE_SECONDS = Limit(
    5.0, 1.0, 60.0, "seconds that 'no route' is believed of both families", "our choice"
)
ASK_SENDS = Limit(
    16,
    4,
    32,
    "packets for one question at one zone cut",
    "RFC 9520 §3.1 (retries must be limited); Unbound's 32",
)
SENDS_PER_ADDRESS = Limit(
    3,
    1,
    3,
    "packets of one question to one address and transport",
    "RFC 9520 §3.1 (no more than two retries)",
)
RACE_WIDTH = Limit(
    2,
    1,
    3,
    "servers asked at once while none of the set is known",
    "one dead server then costs nothing; the third gains 17 ms of 89 for 14 % more packets",
)
EARLY_COPIES = Limit(
    3,
    1,
    4,
    "copies of one question on their way before it is 250 ms old",
    "RFC 5452 §5: copies multiply a forger's chance",
)
EARLY_SECONDS = Limit(0.25, 0.1, 1.0, "seconds in which EARLY_COPIES holds", "RFC 8305 §5's 250 ms")
HEDGE_DEPTH = Limit(
    3,
    1,
    4,
    "depth of walks, the client's own being 1, to which races and hedges apply",
    "NXNSAttack: speculation must not multiply what an attacker makes us look up",
)
HEDGE_FLOOR_SECONDS = Limit(
    0.012,
    0.001,
    0.1,
    "seconds before a hedge, at least",
    "scheduling noise of a busy machine (measured: 99.8 % below 0.5 ms, worst 11 ms)",
)
HEDGE_STRANGER_SECONDS = Limit(
    0.02,
    0.005,
    0.12,
    "the least of these where a third stranger may be asked",
    "one in three answers",
)
ROOT_SOUNDINGS = Limit(
    8,
    0,
    26,
    "root addresses measured with the first priming query",
    "four of each family: a dead family is known before the first client asks",
)
HEDGE_UNKNOWN_SECONDS = Limit(
    0.12,
    0.05,
    0.4,
    "seconds before a hedge to an unmeasured server",
    "twice the median RTT; three of four servers have answered by then",
)
HEDGE_GROWTH = Limit(
    1.3, 1.0, 2.0, "factor from one hedge's wait to the next", "RFC 9520 §3.1 (back-off)"
)
HEDGE_CEILING_SECONDS = Limit(0.8, 0.2, 2.0, "seconds between hedges, at most", "BIND's 800 ms")
HEDGE_SHARE = Limit(
    0.1,
    0.0,
    0.5,
    "hedges per first packet, sustained",
    "Dean & Barroso 2013: hedging past the 95th percentile costs at most 5 %; twice that",
)
HEDGE_BURST = Limit(20, 1, 100, "hedges saved up", "one cold page load of 20 names")
PROBE_SHARE = Limit(
    1.0,
    0.0,
    1.0,
    "companion probes per first packet, sustained",
    "each address is probed about once: expected improvement bounds it, not the bucket",
)
PROBE_BURST = Limit(20, 1, 100, "companion probes saved up", "one cold page load of 20 names")
PROBE_GAIN_SECONDS = Limit(
    0.001,
    0.0001,
    0.05,
    "expected improvement that is worth a probe, seconds",
    "below it jitter hides the difference",
)
PROBE_GAIN_SHARE = Limit(
    0.08,
    0.01,
    0.5,
    "expected improvement worth a probe, share of the best RTT",
    "half of the 15 % that counts as 'as good as the best'",
)
REVIVE_SECONDS = Limit(
    15.0,
    5.0,
    60.0,
    "seconds before a silent server is probed again, doubling",
    "long enough to cost < 1 % of packets, short enough to undo a wrong mark",
)
REVIVE_CEILING_SECONDS = Limit(
    900.0, 60.0, 3600.0, "seconds between probes of a silent server", "Unbound's infra-host-ttl 900"
)
RESTAMP_SECONDS = Limit(
    300.0,
    60.0,
    3600.0,
    "seconds after which a runner-up is measured anew",
    "anycast routes move within minutes to hours",
)
SERIAL_UNKNOWN_SECONDS = Limit(
    0.4,
    0.1,
    1.0,
    "seconds to wait for an unmeasured server, without hedging",
    "Knot's 400 ms, Unbound's 376",
)
EXPIRY_FLOOR_SECONDS = Limit(
    0.25,
    0.05,
    1.0,
    "seconds before a packet counts as unanswered, at least",
    "RFC 6298 §2.4 asks for a floor; 250 ms spans a continent",
)
EXPIRY_UNKNOWN_SECONDS = Limit(
    1.0, 0.4, 3.0, "the same for an unmeasured server", "RFC 6298 §2.1 (1 s)"
)
OVERDUE_FLOOR_SECONDS = Limit(
    0.03,
    0.01,
    0.25,
    "age at which an unanswered packet casts doubt, at least",
    "twice the shortest useful hedge",
)
OVERDUE_UNKNOWN_SECONDS = Limit(
    0.25, 0.1, 1.0, "the same for an unmeasured server", "95 % of servers answer within 250 ms"
)
LATE_REPLY_SECONDS = Limit(
    2.0,
    0.0,
    5.0,
    "seconds that a port stays open for a late reply",
    "a late reply still teaches the RTT; beyond it nobody is waiting",
)
OVERLOAD_SHARE = Limit(
    0.7,
    0.3,
    0.95,
    "share of the in-flight limit above which nothing is speculative",
    "leaves room for the first packets of new questions",
)
IN_FLIGHT = Limit(
    8192,
    64,
    60_000,
    "upstream queries on their way in all",
    "RLIMIT_NOFILE less a reserve; 64512 ports per address are the ceiling",
)
DESCRIPTORS = Limit(
    16_384,
    256,
    262_144,
    "open files asked of the system at start",
    "one for each upstream query on its way, and as many for clients",
)
DESCRIPTORS_RESERVED = Limit(
    128,
    32,
    4096,
    "descriptors that upstream queries leave to others",
    "listeners, TCP clients, files",
)
DESCRIPTORS_LEAST = Limit(
    24,
    20,
    256,
    "open files without which it does not start; two more for each address listened on",
    "measured: 15 of its own, and some for questions",
)
SPOOF_MISMATCHES = Limit(
    10,
    1,
    100,
    "replies that do not match before a question goes to TCP",
    "RFC 5452 §9.1 (detect attempts); Knot's and PowerDNS' spoof near-miss limits",
)
LAST_RESORT_SECONDS = Limit(
    0.1,
    0.02,
    3.0,
    "seconds that TCP has, at least, before a doubtful question goes over UDP once more",
    "our choice; or three round trips, where these are longer",
)
LAST_RESORT_MISMATCHES = Limit(
    100,
    10,
    1000,
    "replies that do not match after which nobody is listened to over UDP either",
    "RFC 5452 §7: 100 guesses at an id win once in 655 times, where the port is known",
)
LAST_RESORTS_CONFIRMED = Limit(
    3,
    1,
    100,
    "answers to last resorts after which a server is taken for odd, and asked so at once",
    "a forger must have guessed id, port and question as often",
)
ADDRESS_STATES = Limit(
    50_000,
    1000,
    1_000_000,
    "server addresses whose state is kept",
    "the .com zone's servers fit; about 1 kB each",
)
ZONE_MARKS = Limit(
    32, 4, 256, "zones per address for which it is known to be of no use", "our choice"
)
OWNER_DOMAINS_PER_ADDRESS = Limit(
    8,
    2,
    32,
    "zones remembered as waiting for one address",
    "two are enough to tell a dead server from a silent zone (Disablance, CCS 2023)",
)
LAME_SECONDS = Limit(
    300.0,
    10.0,
    900.0,
    "seconds a server is passed over as lame for a zone",
    "RFC 9520 §3.2 (at most 5 minutes)",
)
REFUSED_SECONDS = Limit(
    60.0, 5.0, 300.0, "the same after REFUSED, FORMERR, NOTIMP or nonsense", "PowerDNS' 60 s"
)
SERVFAIL_SECONDS = Limit(5.0, 1.0, 60.0, "the same after SERVFAIL", "RFC 9520 §3.2 (1 s and more)")
EDNS_BROKEN_SECONDS = Limit(
    600.0,
    60.0,
    3600.0,
    "seconds a server is asked without EDNS, or without a cookie",
    "RFC 6891 §6.2.2 (remember, but try again)",
)
TCP_BROKEN_SECONDS = Limit(
    60.0,
    5.0,
    600.0,
    "seconds after a failed connection in which silence over UDP leads to no other",
    "our choice: a dead server costs one connection a minute",
)
TCP_LAST_TRIES = Limit(
    8,
    1,
    100,
    "questions at a time to one server over TCP because UDP brought nothing",
    "our choice: a page's questions fit, a flood to a dead server does not",
)
CASE_BROKEN_SECONDS = Limit(
    600.0,
    60.0,
    3600.0,
    "seconds a server is asked in lower case only",
    "draft-vixie-dnsext-dns0x20 §6",
)
FAMILY_PREFIXES = Limit(
    3,
    2,
    16,
    "prefixes silent before an address family counts as broken",
    "Knot's NO6 takes 6; while the other family answers, 3 are proof enough",
)
FAMILY_PROBE_SECONDS = Limit(
    30.0,
    5.0,
    300.0,
    "seconds between probes of a broken family",
    "a route that comes back is used within half a minute",
)
OUTAGE_SENDS = Limit(
    8,
    4,
    64,
    "overdue packets, and no answer from anybody, that mean an outage",
    "at 3 % loss 8 in a row come once in 10^12",
)
OUTAGE_PREFIXES = Limit(6, 3, 32, "prefixes that these packets went to", "one dead operator has 4")
OUTAGE_CANARY_SECONDS = Limit(
    0.5,
    0.1,
    5.0,
    "seconds between packets during an outage",
    "back at full speed within a second or two of the cut's healing",
)
ZONE_UNANSWERED = Limit(
    64,
    8,
    1000,
    "questions waiting for silent servers of one zone cut, beyond twice what it answered lately",
    "random-subdomain attacks; BIND's fetches-per-zone, Unbound's one probe to a dead server",
)
ZONE_SILENT_SECONDS = Limit(
    0.5,
    0.1,
    5.0,
    "seconds that the first of them has waited for overdue answers before there are too many",
    "a far server met for the first time by many questions at once answers within 1.5 s",
)
OUTAGE_VERDICT_SECONDS = Limit(
    0.45,
    0.25,
    2.0,
    "seconds that witnesses have, at most, before an outage is declared",
    "three times the RTT of a far continent; a question must fail within a second",
)
OUTAGE_ASK_SECONDS = Limit(
    0.75,
    0.5,
    6.0,
    "seconds for one question during an outage",
    "RFC 8767 §5: a client that waits longer than a second or two asks again",
)
WARNING_SECONDS = Limit(
    60.0, 1.0, 3600.0, "seconds between two warnings about one lasting trouble", "our choice"
)
BIND_RETRY_SECONDS = Limit(
    1.0,
    0.1,
    60.0,
    "seconds before a listening address that could not be had is tried again",
    "two system calls each",
)
BIND_PATIENCE_SECONDS = Limit(
    10.0,
    0.0,
    60.0,
    "seconds to wait for the first listening address at the start",
    "a predecessor that ends slowly; the service manager tries on",
)
TCP_BACKLOG = Limit(256, 5, 65_535, "TCP connections waiting to be accepted", "Unbound's 256")
UPSTREAM_TCP_CONNECTIONS = Limit(64, 4, 1024, "upstream TCP connections in all", "RFC 7766 §6.2.2")
UPSTREAM_TCP_PIPELINE = Limit(
    100, 1, 1000, "queries on their way on one connection", "RFC 7766 §6.2.1.1"
)
UPSTREAM_TCP_STRAYS = Limit(
    100,
    1,
    1000,
    "messages that answer nothing before a server's connection is closed",
    "as UPSTREAM_TCP_PIPELINE: late replies to all that was given up; more is no server's habit",
)
UPSTREAM_TCP_IDLE_SECONDS = Limit(
    10.0,
    0.0,
    120.0,
    "seconds an idle upstream connection is kept",
    "RFC 7766 §6.2.3 (in the order of seconds)",
)
TCP_SECONDS = Limit(
    3.0,
    0.5,
    10.0,
    "seconds for one query over TCP, connecting included",
    "Unbound's tcp-auth-query-timeout",
)

# --- listening ---------------------------------------------------------------------------------
UDP_BATCH = Limit(
    64, 1, 256, "datagrams read by one system call", "our measurement: 32 and more cost the same"
)
UDP_TURNS = Limit(
    8, 1, 64, "batches served before other tasks have their turn", "our choice: about 1 ms"
)
UDP_STARTS = Limit(
    4, 1, 1024, "misses begun before other tasks have their turn", "our choice: half a millisecond"
)
UDP_STARTS_CALM = Limit(
    48, 1, 1024, "the same while no hits are served", "an eighth less CPU a miss; 3 ms of work"
)
CALM_SECONDS = Limit(
    0.1, 0.0, 10.0, "seconds without a hit after which turns are long", "our choice"
)
UDP_QUERY_OCTETS = Limit(
    4096, 1232, 65_535, "octets of a query over UDP; a longer one is dropped", "RFC 6891 §6.2.5"
)
UDP_BUFFER_OCTETS = Limit(
    16 << 20,
    1 << 16,
    1 << 28,
    "octets of a listening socket's kernel buffer",
    "10,000 queries at once need 12 MiB; Unbound's recommendation of 4m lost 5 % of them",
)
PACKET_CACHE_OCTETS = Limit(64 << 20, 1 << 18, 32 << 30, "octets of rendered replies", "our choice")
PACKET_TTL_SECONDS = Limit(
    3600,
    1,
    86_400,
    "seconds a rendered reply is kept at most",
    "our choice: what is popular is rendered again",
)
HOT_ENTRIES = Limit(
    32_768,
    256,
    65_536,
    "replies kept ready octet for octet within one second",
    "our measurement: emptying it takes 2 ms",
)
FRONT_FORMS = Limit(
    4096, 256, 65_536, "shapes of query remembered as fit for the packet cache", "our choice"
)
FRONT_SOURCES = Limit(
    65_536, 1024, 1 << 20, "client addresses whose access is remembered", "our choice"
)
COOKIE_CLIENTS = Limit(16_384, 256, 1 << 20, "server cookies remembered by client", "our choice")
COOKIE_SECONDS = Limit(
    600,
    60,
    1800,
    "seconds a server cookie is handed out before its time stamp is renewed",
    "RFC 9018 §4.3 (renew after half an hour at the latest)",
)
TCP_CONNECTIONS = Limit(512, 16, 16_384, "TCP connections in all", "RFC 7766 §6.2.2; RFC 9210 §4.2")
TCP_CONNECTIONS_PER_CLIENT = Limit(
    32,
    1,
    1024,
    "TCP connections of one client address; this machine's: half of all",
    "RFC 7766 §6.2.2",
)
TCP_IDLE_SECONDS = Limit(
    10.0,
    1.0,
    120.0,
    "seconds a TCP connection may be idle",
    "RFC 7766 §6.2.3 (a few seconds); Knot's 10",
)
TCP_TOTAL_SECONDS = Limit(600.0, 10.0, 7200.0, "seconds a TCP connection may last", "RFC 9210 §4.2")
TCP_READ_SECONDS = Limit(
    5.0,
    1.0,
    30.0,
    "seconds from the first octet of a message to its last, or a write may take",
    "RFC 9210 §4.2; slow readers and writers hold memory",
)
TCP_CLIENT_QUERIES = Limit(
    200,
    10,
    10_000,
    "queries in flight of one client address over TCP; of this machine, ten times as many",
    "our choice: the rest waits in the stream and costs others nothing",
)
TCP_UNSENT_OCTETS = Limit(
    65_536,
    4096,
    1 << 20,
    "octets that one TCP client has not taken above which none of its queries is taken on",
    "one message of the largest size: a reply may be a thousand times its query",
)
TCP_UNSENT_TOTAL_OCTETS = Limit(
    16 << 20,
    1 << 18,
    1 << 30,
    "octets that TCP clients have not taken, in all; beyond it, who has most is let go",
    "Unbound's stream-wait-size (4 MB)",
)
TCP_ROUND_HITS = Limit(
    64,
    8,
    4096,
    "hits over TCP served before other tasks have their turn; a miss counts as 16",
    "our choice: as few misses as UDP_STARTS",
)
TCP_ROUND_HITS_CALM = Limit(
    512, 8, 4096, "the same while no hits are served over UDP", "our choice: 2 ms"
)
TCP_PIPELINE = Limit(
    100, 1, 1000, "queries in flight on one connection", "RFC 7766 §6.2.1.1; Knot's 100"
)
CLIENT_QUERIES = Limit(
    24_000,
    100,
    1_000_000,
    "client queries in flight in all; one network may hold what is still free",
    "our choice, so that one client can have 10,000; Unbound's 1024 to 4096 a thread, BIND's 1000",
)
RATE_NETWORKS = Limit(
    65_536, 1024, 1 << 20, "client networks whose rate is remembered", "our choice"
)
RATE_PROVEN_FACTOR = Limit(
    10.0,
    1.0,
    100.0,
    "times the rate that clients have over TCP or with a valid server cookie",
    "RFC 7873 §1 (a cookie tells a client from who forges its address)",
)
WORKER_BEAT_SECONDS = Limit(
    1.0, 0.1, 10.0, "seconds between two signs of life of a worker", "one octet in a pipe"
)
WORKER_SILENCE_SECONDS = Limit(
    3.0,
    2.0,
    60.0,
    "seconds without one after which a worker that does nothing is replaced",
    "each client network of its own waits that long; the loop is never blocked for 0.1 s",
)
WORKER_BUSY_SECONDS = Limit(
    30.0,
    10.0,
    600.0,
    "the same for one that computes, waits for the disk, or is still starting",
    "a machine that swaps is slow, and a new worker would make it slower",
)
WORKER_STOP_SECONDS = Limit(
    3.0,
    1.0,
    30.0,
    "seconds for workers to end when they are told to",
    "DRAIN_SECONDS and as much again; systemd's TimeoutStopSec=5 in the unit",
)
WORKER_RESTART_SECONDS = Limit(
    1.0, 0.1, 60.0, "seconds before a dead worker is started again", "our choice"
)

# --- validation, as its driver sees it ---------------------------------------------------------
SIGNATURES_PER_BREATH = Limit(
    8,
    1,
    32,
    "signature checks before the event loop runs again",
    "8 P-384 checks are 4 ms; the loop is never blocked for 20 ms",
)
HASHES_PER_BREATH = Limit(
    80,
    10,
    2000,
    "NSEC3 hashes before the event loop runs again",
    "the dearest allowed (150 iterations, 255 octets of salt) takes 80 µs: 7 ms in all",
)
SIGNATURE_CHECKS = Limit(
    120,
    16,
    1000,
    "signature checks per client query",
    "CVE-2023-50387 (KeyTrap); Unbound's 8 per step and 16 suspensions",
)
HASHES = Limit(
    600, 50, 5000, "NSEC3 and DS hashes per client query", "CVE-2023-50868; PowerDNS' 600"
)

# --- messages ------------------------------------------------------------------------------------
CLASSIC_UDP_OCTETS = Limit(512, 512, 512, "octets of a UDP reply without EDNS", "RFC 1035 §4.2.1")
CANONICAL_KEYS = Limit(
    1024, 64, 65_536, "names whose sort key is remembered", "a denial compares the same few"
)
COMPRESSION_HOPS = Limit(
    128,
    126,
    256,
    "compression pointers followed in one name",
    "RFC 9267 §2; 126 can be in a legal name, Unbound's bound is 256",
)
STREAM_OCTETS = Limit(65_535, 65_535, 65_535, "octets of a message over TCP", "RFC 1035 §4.2.2")

# --- policy ---------------------------------------------------------------------------------
ACL_MEMORY = Limit(
    4096,
    64,
    1_048_576,
    "clients whose admission is remembered",
    "our choice; spoofed sources must not fill memory",
)

# --- the process -------------------------------------------------------------------------------
ROLLOVER_RETRY_SECONDS = Limit(
    3600,
    60,
    86_400,
    "seconds before trust anchor keys that could not be had are asked again",
    "RFC 5011 §2.3 (at most an hour apart after a failure)",
)
IDLE_TASKS = Limit(
    256, 0, 10_000, "idle tasks kept for the next query", "a new one costs 2 µs more, and 3 KiB"
)
GARBAGE_SECONDS = Limit(
    0.5, 0.1, 10.0, "seconds between two looks at how much garbage there may be", "our choice"
)
GARBAGE_MISSES = Limit(
    32,
    0,
    1000,
    "cache misses between two such looks above which older objects wait for a pass",
    "our choice: a pass is made where few notice",
)
GARBAGE_YOUNG_OBJECTS = Limit(
    5000,
    100,
    20_000,
    "new objects, less those freed, after which the young are looked through",
    "CPython's 700 costs a miss 6 %, this 2 %; our measurement: a pass takes 1 to 2 ms",
)
GARBAGE_YOUNG_PASSES = Limit(
    1, 1, 20, "such passes after which their survivors are too", "our measurement: 1 to 2 ms"
)
GARBAGE_OLD_OBJECTS = Limit(
    12_000,
    1000,
    200_000,
    "older objects above which they are set aside; half of it after a pass over them",
    "our measurement: a pass over 6,000 takes 1 to 2 ms",
)
GARBAGE_ASIDE_OBJECTS = Limit(
    200_000,
    10_000,
    10_000_000,
    "objects set aside, or a quarter of all, after which an idle moment has a full pass",
    "our measurement: 60 ms; CPython's own rule is the quarter",
)
GARBAGE_ASIDE_FORCED = Limit(
    4.0, 1.0, 100.0, "times as many after which any moment has it", "about 100 MB"
)
MEMORY_BASE_OCTETS = Limit(
    96 << 20,
    1 << 20,
    1 << 30,
    "octets of memory that are not for caches",
    "our measurement: 44 MB at rest, half as much again under attack; the kernel's buffers",
)
MEMORY_PER_CACHED_OCTET = Limit(
    2.0,
    1.0,
    4.0,
    "octets of memory for each of cache.size_octets, at most",
    "replies, cuts, denials and failures have half as much again; the rest is fragmentation",
)
SHORTAGE_LOG_SECONDS = Limit(
    60.0, 1.0, 3600.0, "seconds between two warnings that memory has run out", "our choice"
)
DRAIN_SECONDS = Limit(
    0.8, 0.0, 10.0, "seconds for queries in flight at shutdown", "a restart must not be felt"
)
PRIMING_RETRY_SECONDS = Limit(
    60, 5, 3600, "seconds before a failed priming is tried again", "RFC 9609 §3.3"
)

# --- resolver bench: nobody is to be flooded -------------------------------------------------
BENCH_RATE = Limit(10, 1, 50, "queries per second to one server of a comparison", "courtesy")
BENCH_NAMES = Limit(
    100,
    1,
    1000,
    "names asked of one server in each pass of a comparison",
    "courtesy; a pass of 1000 at the default rate takes 100 s",
)
BENCH_SECONDS = Limit(
    5.0,
    0.5,
    15.0,
    "seconds a comparison waits for one answer",
    "resolv.conf(5): a stub's default timeout",
)
BENCH_IN_FLIGHT = Limit(8, 1, 32, "unanswered queries to one server of a comparison", "courtesy")

# --- metrics over HTTP -----------------------------------------------------------------------
BOARD_SECONDS = Limit(
    1.0,
    0.1,
    60.0,
    "seconds between two postings of a worker's numbers",
    "Prometheus asks every 15 s",
)
SCRAPES = Limit(4, 1, 64, "scrapers of metrics at a time", "Prometheus needs one")
SCRAPE_SECONDS = Limit(5.0, 1.0, 60.0, "seconds for one scrape", "Prometheus gives up after 10 s")
SCRAPE_OCTETS = Limit(8192, 1024, 65_536, "octets of an HTTP request head", "common servers' 8 KiB")
