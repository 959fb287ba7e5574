"""Limits: what is remembered, how much of it and for how long."""

from __future__ import annotations

from typing import Final

from resolver.limits.table import Table

limit = Table("what is remembered, how much of it and for how long")

CACHE_SHARD_ENTRIES = limit(
    32_768,
    "entries per shard of a cache",
    why="a dict of a million entries stalls 75-164 ms when it grows",
)
CACHE_PURGE_ENTRIES = limit(
    1024,
    "entries of a cache looked at or forgotten before other tasks have their turn",
    why="our measurement: about a millisecond",
)
RRSET_CACHE_OCTETS_RANGE: Final = (1 << 20, 64 << 30)
DELEGATION_CACHE_OCTETS = limit(32 << 20, "octets of zone cuts", why="our choice")
PACKET_CACHE_PART = limit(
    4, "part of cache.size_octets for rendered replies, beside it: a quarter", why="our choice"
)
DELEGATION_CACHE_PART = limit(
    8, "part of cache.size_octets for zone cuts, beside it: an eighth", why="our choice"
)
NEGATIVE_CACHE_PART = limit(
    8, "part of cache.size_octets for denials, beside it: an eighth", why="our choice"
)
GAPS_CACHE_PART = limit(
    16,
    "part of cache.size_octets for proven gaps, beside it: a sixteenth; or DENIAL_RANGE_OCTETS",
    why="our choice",
)
FAILURE_CACHE_PART = limit(
    64,
    "part of it for failures, and for bogus data, beside it; or FAILURE_CACHE_OCTETS",
    why="our choice",
)
FAILURE_CACHE_OCTETS = limit(4 << 20, "octets of failures", why="RFC 9520 §3.2")
MAX_TTL_SECONDS_RANGE: Final = (60, 604_800)
MAX_TTL_SECONDS = limit(
    86_400,
    "seconds an RRset is kept at most",
    why="RFC 8767 §4 (7 days at most); Unbound's, Knot's and PowerDNS' 1 day. TLDs' delegations "
    "last two: asked for once more, renewed ahead, or taken from the root's copy",
    between=MAX_TTL_SECONDS_RANGE,
)
MAX_NEGATIVE_TTL_SECONDS = limit(
    3600, "seconds a negative answer is kept at most", why="RFC 2308 §5 (1 to 3 hours)"
)
TOLD_GAPS = limit(
    2000, "denials made of proven gaps that are kept for an outage", why="our choice: 2 MB"
)
DENIAL_WITHOUT_SOA_SECONDS = limit(
    5,
    "seconds a denial without SOA is kept, or cache.min_ttl if that is more",
    why="Unbound's NORR_TTL; RFC 2308 §5 would keep none of it",
)
ZERO_TTL_DNAME_SECONDS = limit(
    1,
    "seconds in which a secure DNAME of TTL 0 still redirects, told with TTL 0",
    why="Unbound's grace (2026); Knot keeps all data for 5 s at least",
)
FLEETING_DNAMES = limit(64, "such DNAMEs kept", why="our choice")
STALE_AFTER_SECONDS_RANGE: Final = (0.1, 10.0)
STALE_AFTER_SECONDS = limit(
    1.8,
    "seconds that a client waits before it is told what is over",
    why="RFC 8767 §5 (1.8 s, the client response timer)",
    between=STALE_AFTER_SECONDS_RANGE,
)
STALE_TTL_SECONDS_RANGE: Final = (1, 300)
STALE_TTL_SECONDS = limit(
    30,
    "seconds of TTL at most in what is told though it is over",
    why="RFC 8767 §4 (30 s); BIND's and Unbound's 30",
    between=STALE_TTL_SECONDS_RANGE,
)
STALE_MAX_SECONDS_RANGE: Final = (0, 604_800)
STALE_MAX_SECONDS = limit(
    259_200,
    "seconds that what is over may be told still, as far as memory keeps it",
    why="RFC 8767 §5 (1 to 3 days, 7 at most)",
    between=STALE_MAX_SECONDS_RANGE,
)
STALE_RECHECK_SECONDS = limit(
    30.0,
    "seconds that the first failure of what is told though it is over is remembered",
    why="RFC 8767 §5 (no more often than every 30 s); BIND's stale-refresh-time 30",
)
STALE_RENEWALS = limit(
    1000,
    "questions told in an outage that are renewed first when it ends",
    why="a household asks 300 names an hour; older ones are asked for when they are wanted",
)
STALE_RENEWALS_AT_ONCE = limit(
    20, "of them, on their way at a time", why="one page load: the link has just come back"
)
SILENT_CUTS = limit(
    256, "zone cuts remembered as silent while what is over is told", why="our choice"
)
FAILURE_TTL_SECONDS = limit(1.0, "seconds a first failure is remembered", why="RFC 9520 §3.2")
FAILURE_TTL_MAX_SECONDS = limit(
    300.0, "seconds a lasting failure is remembered", why="RFC 9520 §3.2 (at most 5 minutes)"
)
BOGUS_TTL_SECONDS = limit(
    60,
    "seconds bogus data is remembered as such",
    why="RFC 4035 §4.7; RFC 9520 §3.2; Unbound's 60",
)
STORE_OCTETS_RANGE: Final = (1 << 20, 1 << 40)
STORE_OCTETS = limit(
    512 << 20,
    "octets on disk of what outlives a restart",
    why="two million records; our choice",
    between=STORE_OCTETS_RANGE,
)
STORE_EXPIRED_SECONDS = limit(
    259_200, "seconds that an expired record is kept on disk", why="RFC 8767 §5 (1 to 3 days)"
)
STORE_QUEUE = limit(
    32_768, "records that wait to be written; the oldest are lost first", why="a disk that stalls"
)
STORE_BATCH = limit(
    100, "records written at a time", why="the loop is late by 1 ms then; by 5 ms with 1,000"
)
STORE_COMMIT_SECONDS = limit(
    1.0, "seconds from learning to writing", why="what a kill loses; one write for what changed"
)
STORE_WRITE_OCTETS = limit(
    1 << 20, "octets written to disk a second, over a while", why="flash wears out"
)
STORE_BURST_SECONDS = limit(30, "seconds of it that may be saved up", why="our choice")
STORE_RECORD_OCTETS = limit(
    2048, "octets that a record is taken for in it", why="a page, for it shares them with others"
)
STORE_BUSY = limit(0.5, "part of a CPU from which a worker counts as busy", why="our choice")
STORE_BUSY_LEARNT = limit(
    1000,
    "names and types learnt a second, beyond which a busy one leaves most out",
    why="a household learns tens",
)
STORE_BUSY_RECORDS = limit(
    64, "records a second of what was asked once that it writes then", why="0.1 % of a CPU"
)
STORE_LEFT_OUT = limit(
    32_768, "records left out that are known again when they come again", why="3 MB"
)
STORE_LOOKUP_SECONDS = limit(
    0.002,
    "seconds of a look-up after which it is seen whether the disk was read",
    why="memory: 0.1 ms",
)
STORE_COLD_LOOKUPS = limit(
    64,
    "look-ups running for which no disk was read, before they are done without a thread",
    why="a thread costs 0.1 ms, a disk up to 30",
)
STORE_COLD_SECONDS = limit(
    0.5, "seconds that a client waits for the disk before the network is asked", why="our choice"
)
STORE_ASKED = limit(4096, "questions of this second that are not looked up again", why="our choice")
STORE_USED_SECONDS = limit(
    86_400, "seconds after which it is noted again that a record was used", why="each is a write"
)
STORE_SWEEP = limit(
    64, "records looked through at each write, for old ones", why="a million in 4 hours"
)
STORE_BUSY_MS = limit(50, "milliseconds to wait for another writer", why="our choice")
STORE_PAGE_OCTETS = limit(
    2048,
    "octets of a page of the file",
    why="our measurement: 19 µs and 6 kB a record; 22 and 5 with 1,024, 18 and 9 with 4,096",
)
STORE_CHECKPOINT_PAGES = limit(
    2000, "pages of the journal that go to the file at once", why="a page written often goes once"
)
STORE_READ_IN_OCTETS = limit(
    64 << 20, "octets of the file read into memory at the start", why="a household's is smaller"
)
STORE_FILTER_OCTETS = limit(
    (1 << 16) + (2 << 24),
    "octets of the filter of names on disk: twice 16 million slots, half of which are in use",
    why="two million records; our choice",
)
STORE_SLOT_OCTETS = limit(
    32, "octets of the file for which it has a slot", why="eight slots a record of 256"
)
STORE_FILTER_FILL = limit(
    0.5, "part of its slots that may be full before it is made anew", why="a quarter let through"
)
STORE_FILTER_KEYS = limit(
    500, "records read at a time for it", why="our measurement: the loop is late by 0.3 ms"
)
STORE_FILTER_PAUSE_SECONDS = limit(
    0.002, "seconds between two such reads", why="a million records in ten seconds"
)
STORE_FILTER_SECONDS = limit(
    60.0, "seconds between two looks whether it is too full", why="our choice"
)
STORE_FILTER_TWICE_SECONDS = limit(
    3600.0, "seconds before it is made anew at the same size", why="a second of CPU for a million"
)
STORE_JOURNAL_OCTETS = limit(
    8 << 20, "octets that the journal beside the file shrinks to", why="our choice"
)
STORE_NOTE_SECONDS = limit(
    600,
    "seconds between two notes of what servers are like, and of what is kept warm",
    why="what a kill loses of them",
)
STORE_NOTE_RATE = limit(
    100, "octets of such a note a second, over a while", why="10 MB a day: flash wears out"
)
STORE_RETRY_SECONDS = limit(
    60.0, "seconds from a failure of the disk to the next try", why="our choice"
)
COMMON_RING_OCTETS = limit(
    4 << 20,
    "octets in which a worker keeps what it learnt last, for the others",
    why="twelve thousand records; the disk has all of them a second later",
)
COMMON_INDEX_SLOTS = limit(
    1 << 17, "places of names in the index to them, of all workers", why="our choice: 1 MiB"
)
COMMON_RECORD_OCTETS = limit(65_536, "octets of one of them", why="one message of the largest size")
COMMON_CHAIN = limit(
    16, "records that are looked at for a name", why="a name has a handful of types that are asked"
)
COMMON_ASKED = limit(
    4096, "questions of which it is known that nothing is new there", why="our choice"
)
STORE_SERVERS = limit(2000, "servers in such a note, those that answered last", why="our choice")
