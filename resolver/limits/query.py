"""Limits: what one query of a client may cost."""

from __future__ import annotations

from typing import Final

from resolver.limits.table import Table

limit = Table("what one query of a client may cost")

UPSTREAM_QUERIES = limit(
    100,
    "packets sent per client query, sub-queries included",
    why="RFC 1034 §5.3.3 'bound the amount of work'; CVE-2020-12667 (NXNSAttack)",
)
NS_LOOKUPS = limit(
    20, "nameserver names looked up per client query", why="CVE-2020-12667 (NXNSAttack)"
)
NS_LOOKUPS_PER_CUT = limit(
    6, "nameserver names looked up per zone cut", why="NXNSAttack, NRDelegation (CVE-2022-3204)"
)
NS_PER_DELEGATION = limit(26, "nameserver names kept per delegation", why="CVE-2022-3204")
ADDRESSES_PER_NAMESERVER = limit(8, "addresses kept per nameserver name", why="CVE-2022-3204")
SUBQUERY_DEPTH = limit(7, "sub-queries within sub-queries", why="TsuNAME (2021); BIND's 7")
CHAIN_LENGTH = limit(
    12, "names in a chain of aliases, the one asked included", why="RFC 1034 §5.2.2; CAMP (2024)"
)
REFERRALS = limit(30, "zone cuts walked per question", why="RFC 1034 §5.3.3")
QUERY_SECONDS_RANGE: Final = (1.0, 30.0)
QUERY_SECONDS = limit(
    10.0,
    "seconds from a client query to its answer",
    why="Knot's and BIND's 10 s",
    between=QUERY_SECONDS_RANGE,
)
UNATTENDED_RESOLUTIONS = limit(
    200,
    "resolutions at a time that go on, or begin, though no client waits for them",
    why="a tenth of the clients' own; nobody must be able to have work done that nobody waits for",
)
SIGNATURE_CHECKS = limit(
    120,
    "signature checks per client query",
    why="CVE-2023-50387 (KeyTrap); Unbound's 8 per step and 16 suspensions",
)
HASHES = limit(600, "NSEC3 and DS hashes per client query", why="CVE-2023-50868; PowerDNS' 600")
